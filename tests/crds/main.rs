//! The CustomResourceDefinitions as an API server would take them, without one: every rule and bound is evaluated, is
//! needed, and says the same as `check`; where they differ is written down in [`rows`].

mod agreement;
mod cost;
mod derived;
mod istio;
mod rows;
mod server;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::{Problem, Severity};
use serde_json::{Value, json};

/// A kind that has a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Telemetry,
    WasmPlugin,
    TrafficExtension,
}

const KINDS: [Kind; 3] = [Kind::Telemetry, Kind::WasmPlugin, Kind::TrafficExtension];

impl Kind {
    /// The kind's definition.
    fn definition(self) -> Value {
        let wanted = format!("{self:?}");
        let is_it = |definition: &Value| definition["spec"]["names"]["kind"] == *wanted;
        burgee_api::schema::definitions().into_iter().find(is_it).expect("every kind has a definition")
    }

    /// The schema of the version that is stored; the others have the same.
    fn schema(self) -> Value {
        schema(&self.definition(), "v1alpha1")
    }

    /// A document with a spec, if there is one.
    fn document(self, spec: Option<Value>) -> Value {
        let group = match self {
            Kind::Telemetry => "telemetry.istio.io",
            Kind::WasmPlugin | Kind::TrafficExtension => "extensions.istio.io",
        };
        let mut document = json!({
            "apiVersion": format!("{group}/v1alpha1"),
            "kind": format!("{self:?}"),
            "metadata": {"name": "one", "namespace": "shop"},
        });
        if let Some(spec) = spec {
            document["spec"] = spec;
        }
        document
    }
}

/// The schema of one version of a definition.
fn schema(definition: &Value, version: &str) -> Value {
    let versions = definition["spec"]["versions"].as_array().expect("versions");
    let found = versions.iter().find(|found| found["name"] == *version).expect("the version is there");
    found["schema"]["openAPIV3Schema"].clone()
}

/// What `check` says of a document. JSON is YAML.
fn problems(document: &Value) -> Vec<Problem> {
    check(&[Source::new("one.yaml", document.to_string())]).problems
}

/// The errors among them.
fn errors(document: &Value) -> Vec<Problem> {
    problems(document).into_iter().filter(|problem| problem.severity == Severity::Error).collect()
}
