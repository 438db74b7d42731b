//! The kinds as CustomResourceDefinitions: what an API server checks before anybody else sees a document.
//!
//! An object that Istio's own definition and Istio's validation accept is accepted here. Names, scopes, versions, fields
//! and types are the same as there; every field says what it means, and these differ:
//!
//! - refused here and there only by Istio's validation, which a cluster without Istio does not have: a target that is not
//!   of one of the four kinds, a tag to set without a value where no operation is written, and a filter of access logs
//!   without an expression;
//! - accepted here and refused by Istio's definition, although Istio means nothing by it: an empty list of targets beside
//!   a selector;
//! - printed by `kubectl get` besides the age: whom a document is for, and where a plugin comes from and goes.
//!
//! What a rule cannot say is said by [`crate::check`] alone: whether an expression is CEL and names attributes that there
//! are, whether a format of log lines has operators that there are, whether a provider is there and can do what it is
//! named for, whether the host, port and escapes of a URL are right, whether a tag's name can be a label, tags of traces
//! without a name (a rule that looks at every name of a map costs more than an API server allows in lists without a
//! bound) or without a source (which Istio takes), how many bytes a script has
//! (a bound counts characters), what is written in YAML and not meant, and everything between
//! documents. An API server in turn refuses two things that `check` takes as absent: `null` where a value cannot be null,
//! and an empty `value` beside `operation: REMOVE`.
//!
//! Annotations need nothing here: they are part of every object.

mod node;
mod shared;
mod telemetry;
mod traffic_extension;
mod wasm_plugin;

use serde_json::{Value, json};

use node::Node;

/// A kind as Kubernetes is told of it.
struct Definition {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short_names: &'static [&'static str],
    /// Names that `kubectl get` takes for several kinds.
    categories: [&'static str; 2],
    /// Every version that is served, and whether it is the one that is stored.
    versions: &'static [(&'static str, bool)],
    columns: Vec<Value>,
    schema: Node,
}

/// The definitions, ready to be applied: Telemetry, WasmPlugin, TrafficExtension.
pub fn definitions() -> Vec<Value> {
    let all = [telemetry::definition(), wasm_plugin::definition(), traffic_extension::definition()];
    all.into_iter().map(Definition::into_value).collect()
}

impl Definition {
    fn into_value(self) -> Value {
        let schema = self.schema.into_value();
        let version = |(name, is_stored): &(&str, bool)| {
            json!({
                "name": name,
                "served": true,
                "storage": is_stored,
                "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}},
                "additionalPrinterColumns": self.columns,
            })
        };
        let mut names = json!({
            "kind": self.kind,
            "listKind": format!("{}List", self.kind),
            "plural": self.plural,
            "singular": self.singular,
            "categories": self.categories,
        });
        if !self.short_names.is_empty() {
            names["shortNames"] = json!(self.short_names);
        }
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.{}", self.plural, self.group)},
            "spec": {
                "group": self.group,
                "names": names,
                "scope": "Namespaced",
                "versions": self.versions.iter().map(version).collect::<Vec<_>>(),
            },
        })
    }
}

/// A column of `kubectl get`.
fn column(name: &str, path: &str, description: &str) -> Value {
    json!({"name": name, "type": "string", "jsonPath": path, "description": description})
}

/// A column that only `kubectl get -o wide` has.
fn wide_column(name: &str, path: &str, description: &str) -> Value {
    json!({"name": name, "type": "string", "jsonPath": path, "description": description, "priority": 1})
}

/// The last column of every kind.
fn age() -> Value {
    let description = "How long ago the document was created.";
    json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": description})
}

#[cfg(test)]
mod tests;
