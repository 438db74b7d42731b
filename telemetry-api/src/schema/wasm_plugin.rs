//! `WasmPlugin` (extensions.istio.io) as Kubernetes is told of it.

use super::node::Node;
use super::shared::{attached_once, selector, status, target_ref, target_refs};
use super::{Definition, age, column, wide_column};
use crate::document::extension::{
    FAIL_STRATEGIES, MAX_PLUGIN_NAME, MAX_SECRET_NAME, MAX_VARIABLE_NAME, MAX_VARIABLE_VALUE, MAX_VARIABLES,
    MODES, PHASES, PULL_POLICIES, TYPES, VALUE_SOURCES,
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
        columns: vec![
            column("URL", ".spec.url", "Where the module is."),
            column("Phase", ".spec.phase", "Where in the chain of filters it runs."),
            wide_column(
                "Selector",
                ".spec.selector.matchLabels",
                "The labels of the workloads that it is for.",
            ),
            wide_column("Target", ".spec.targetRefs[0].name", "The first of those that it is for by name."),
            age(),
        ],
        schema: Node::object(
            "A module that proxies run as one of their filters.",
            [("spec", attached_once(spec())), ("status", status())],
        )
        .required(&["spec"]),
    }
}

fn spec() -> Node {
    let secret = "The secret with the credentials for the registry; it is in the document's own namespace. Absent: none.";
    let priority = "Which of the plugins of one phase is first: the one with the highest. Absent: after every one that \
                    has a priority.";
    Node::object(
        "The module, whom it is for, and how it runs.",
        [
            ("selector", selector()),
            ("targetRef", target_ref()),
            ("targetRefs", target_refs()),
            ("url", url()),
            (
                "sha256",
                Node::text("The module's SHA-256, as 64 hex digits in lower case. Absent or empty: not compared.")
                    .pattern("^([0-9a-f]{64})?$"),
            ),
            (
                "imagePullPolicy",
                Node::choice("When the module is fetched again: never while it is there (IfNotPresent), or whenever the document \
                     changes (Always). Absent: Always for the tag `latest`, else IfNotPresent.", PULL_POLICIES),
            ),
            ("imagePullSecret", Node::text(secret).not_empty().longest(MAX_SECRET_NAME)),
            ("verificationKey", Node::text("A key for the module's signature. Istio does not look at it.")),
            (
                "pluginConfig",
                Node::any_object("What the module is given as its configuration. Absent: nothing."),
            ),
            (
                "pluginName",
                Node::text("The plugin's name within its module, for modules that hold several.")
                    .not_empty()
                    .longest(MAX_PLUGIN_NAME),
            ),
            (
                "phase",
                Node::choice(
                    "Where in the chain of filters it runs: before authentication (AUTHN), before authorization (AUTHZ), \
                     after authorization (STATS). Absent: after all of these, before the router.",
                    PHASES,
                ),
            ),
            ("priority", Node::integer(priority, i64::from(i32::MIN), i64::from(i32::MAX)).nullable()),
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
            ("match", Node::list("Which traffic it sees: what fits one of the entries. Absent: all.", traffic())),
            ("type", Node::choice("Whether it filters HTTP or connections (NETWORK). Absent: HTTP.", TYPES)),
        ],
    )
    .required(&["url"])
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

fn traffic() -> Node {
    let port = Node::object(
        "A port.",
        [("number", Node::integer("Its number, 1 to 65535.", 1, i64::from(u16::MAX)))],
    )
    .required(&["number"]);
    Node::object(
        "Traffic by its side and port.",
        [
            (
                "mode",
                Node::choice(
                    "On which side: where the workload calls others (CLIENT; at a gateway, always), where it is called \
                     (SERVER), or both (CLIENT_AND_SERVER, UNDEFINED). Absent: both.",
                    MODES,
                ),
            ),
            (
                "ports",
                Node::list("The ports that the traffic goes to. Absent or empty: all.", port)
                    .keyed_by("number"),
            ),
        ],
    )
}
