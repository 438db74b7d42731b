//! `TrafficExtension` (extensions.istio.io) as Kubernetes is told of it.

use super::node::Node;
use super::shared::{attached_by_list, selector, status, target_refs};
use super::wasm_plugin::{columns, module};
use super::{Definition, column};
use crate::document::extension::{MAX_CODE, MODES, NEW_PHASES};
use crate::resources::extension::PluginPhase;

/// The kind.
pub(super) fn definition() -> Definition {
    Definition {
        group: "extensions.istio.io",
        kind: "TrafficExtension",
        plural: "trafficextensions",
        singular: "trafficextension",
        short_names: &[],
        categories: ["istio-io", "extensions-istio-io"],
        versions: &[("v1alpha1", true)],
        columns: columns(column("URL", ".spec.wasm.url", "Where the module is, if it runs one.")),
        schema: Node::object(
            "A module or a script that proxies run as one of their filters.",
            [("spec", attached_by_list(spec())), ("status", status())],
        )
        .required(&["spec"]),
    }
}

fn spec() -> Node {
    let lua = Node::object(
        "A script in Lua. It filters HTTP.",
        [("inlineCode", Node::text("The script's text, at most 65536 bytes.").not_empty().longest(MAX_CODE))],
    )
    .required(&["inlineCode"]);
    let wasm = Node::object("A Wasm module.", module()).required(&["url"]);
    Node::object(
        "What runs, whom it is for, and where.",
        [
            ("selector", selector()),
            ("targetRefs", target_refs()),
            ("phase", phase(NEW_PHASES)),
            ("priority", priority()),
            ("match", traffic()),
            ("wasm", wasm),
            ("lua", lua),
        ],
    )
    .rule("has(self.wasm) != has(self.lua)", "write one of wasm and lua: an extension runs one thing")
}

/// `phase`, by the names that a kind has for it.
pub(super) fn phase(names: &[(&'static str, PluginPhase)]) -> Node {
    Node::choice(
        "Where in the chain of filters it runs: before authentication (AUTHN), before authorization (AUTHZ), \
         after authorization (STATS). Absent: after all of these, before the router.",
        names,
    )
}

/// `priority`.
pub(super) fn priority() -> Node {
    let priority = "Which of the plugins of one phase is first: the one with the highest. Absent: after every one that \
                    has a priority.";
    Node::integer(priority, i64::from(i32::MIN), i64::from(i32::MAX)).nullable()
}

/// `match`.
pub(super) fn traffic() -> Node {
    Node::list("Which traffic it sees: what fits one of the entries. Absent: all.", entry())
}

fn entry() -> Node {
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
