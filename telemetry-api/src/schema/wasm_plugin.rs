//! `WasmPlugin` (extensions.istio.io) as Kubernetes is told of it, and a module as both kinds say it.

use serde_json::Value;

use super::node::Node;
use super::shared::{attached_once, selector, status, target_ref, target_refs};
use super::traffic_extension::{phase, priority, traffic};
use super::{Definition, age, column, wide_column};
use crate::document::extension::{
    FAIL_STRATEGIES, MAX_PLUGIN_NAME, MAX_SECRET_NAME, MAX_VARIABLE_NAME, MAX_VARIABLE_VALUE, MAX_VARIABLES,
    PHASES, PULL_POLICIES, TYPES, VALUE_SOURCES,
};

/// The kind.
pub(super) fn definition() -> Definition {
    Definition {
        group: "extensions.istio.io",
        kind: "WasmPlugin",
        plural: "wasmplugins",
        singular: "wasmplugin",
        short_names: &[],
        categories: ["istio-io", "extensions-istio-io"],
        versions: &[("v1alpha1", true)],
        columns: columns(column("URL", ".spec.url", "Where the module is.")),
        schema: Node::object(
            "A module that proxies run as one of their filters.",
            [("spec", attached_once(spec())), ("status", status())],
        )
        .required(&["spec"]),
    }
}

/// What `kubectl get` shows of both kinds, beside where the module is.
pub(super) fn columns(url: Value) -> Vec<Value> {
    vec![
        url,
        column("Phase", ".spec.phase", "Where in the chain of filters it runs."),
        wide_column("Selector", ".spec.selector.matchLabels", "The labels of the workloads that it is for."),
        wide_column("Target", ".spec.targetRefs[0].name", "The first of those that it is for by name."),
        age(),
    ]
}

fn spec() -> Node {
    let whom = [("selector", selector()), ("targetRef", target_ref()), ("targetRefs", target_refs())];
    let place = [("phase", phase(PHASES)), ("priority", priority()), ("match", traffic())];
    let fields = whom.into_iter().chain(module()).chain(place);
    Node::object("The module, whom it is for, and how it runs.", fields).required(&["url"])
}

/// The fields of a module; of them `url` must be there.
pub(super) fn module() -> [(&'static str, Node); 10] {
    let secret = "The secret with the credentials for the registry; it is in the document's own namespace. Absent: none.";
    [
        ("url", url()),
        (
            "sha256",
            Node::text(
                "The module's SHA-256, as 64 hex digits in lower case. Absent or empty: not compared.",
            )
            .pattern("^([0-9a-f]{64})?$"),
        ),
        (
            "imagePullPolicy",
            Node::choice(
                "When the module is fetched again: never while it is there (IfNotPresent), or whenever the document \
                     changes (Always). Absent: Always for the tag `latest`, else IfNotPresent.",
                PULL_POLICIES,
            ),
        ),
        ("imagePullSecret", Node::text(secret).not_empty().longest(MAX_SECRET_NAME)),
        ("verificationKey", Node::text("A key for the module's signature. Istio does not look at it.")),
        ("pluginConfig", Node::any_object("What the module is given as its configuration. Absent: nothing.")),
        (
            "pluginName",
            Node::text("The plugin's name within its module, for modules that hold several.")
                .not_empty()
                .longest(MAX_PLUGIN_NAME),
        ),
        (
            "failStrategy",
            Node::choice(
                "What happens to requests when the module cannot be had or fails: they are refused (FAIL_CLOSE), \
                     go past it (FAIL_OPEN), or are refused until it was started again (FAIL_RELOAD). Absent: \
                     FAIL_CLOSE.",
                FAIL_STRATEGIES,
            ),
        ),
        ("vmConfig", vm_config()),
        ("type", Node::choice("Whether it filters HTTP or connections (NETWORK). Absent: HTTP.", TYPES)),
    ]
}

fn url() -> Node {
    Node::text(
        "Where the module is: `oci://REGISTRY/IMAGE:TAG`, `https://HOST/FILE`, `http://HOST/FILE` or `file:///FILE`. \
         Without a scheme: an image. A registry with a port needs the scheme.",
    )
    .not_empty()
    .rule(
        "isURL(self) ? url(self).getScheme() in ['', 'oci', 'https', 'http', 'file'] : isURL('http://' + self)",
        "write oci://REGISTRY/IMAGE:TAG, https://HOST/FILE, http://HOST/FILE or file:///FILE; a registry with a port \
         needs oci:// before it",
    )
}

fn vm_config() -> Node {
    let variable = Node::object(
        "A variable.",
        [
            (
                "name",
                Node::text("The name that the module reads it by.").not_empty().longest(MAX_VARIABLE_NAME),
            ),
            (
                "valueFrom",
                Node::choice(
                    "Where its value is: written here (INLINE) or in the proxy's environment (HOST). Absent: INLINE.",
                    VALUE_SOURCES,
                ),
            ),
            ("value", Node::text("Its value. Absent: empty.").longest(MAX_VARIABLE_VALUE)),
        ],
    )
    .required(&["name"])
    .rule(
        "!(has(self.value) && has(self.valueFrom) && self.valueFrom == 'HOST')",
        "a variable of the proxy's environment has no value here: take the value out, or HOST",
    );
    let variables =
        Node::list("The module's environment.", variable).most_items(MAX_VARIABLES).keyed_by("name");
    Node::object("How the module runs.", [("env", variables)])
}
