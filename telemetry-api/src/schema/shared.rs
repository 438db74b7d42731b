//! What several kinds have in common: whom a document is for, and what was made of it.

use super::node::Node;
use crate::document::selection::{MAX_LABEL_VALUE, MAX_LABELS, MAX_TARGET_NAME, MAX_TARGETS, TARGET_KINDS};

/// A spec that is for somebody.
pub(super) fn attached_once(spec: Node) -> Node {
    spec.rule(
        "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) \
         + (has(self.targetRefs) && self.targetRefs.size() > 0 ? 1 : 0) <= 1",
        "write one of selector, targetRef and targetRefs: workloads by label, or gateways and services by name",
    )
}

/// The same for a kind without `targetRef`.
pub(super) fn attached_by_list(spec: Node) -> Node {
    spec.rule(
        "!has(self.selector) || !has(self.targetRefs) || self.targetRefs.size() == 0",
        "write one of selector and targetRefs: workloads by label, or gateways and services by name",
    )
}

/// `selector`.
pub(super) fn selector() -> Node {
    let value = Node::text("The label's value, exactly.")
        .longest(MAX_LABEL_VALUE)
        .rule("!self.contains('*')", "labels are matched exactly: no wildcards in a label's value");
    let labels = Node::map("Labels that a workload must have, all of them, with these values.", value)
        .most_fields(MAX_LABELS)
        .rule(
            "self.all(name, !name.contains('*'))",
            "labels are matched exactly: no wildcards in a label's name",
        )
        .rule("self.all(name, name.size() > 0)", "a label has a name");
    Node::object(
        "The workloads that the document is for, by their labels. Absent or without labels: every workload of the \
         namespace, and in the root namespace every workload of the mesh.",
        [("matchLabels", labels)],
    )
}

/// `targetRefs`.
pub(super) fn target_refs() -> Node {
    Node::list(
        "What the document is for, by name, instead of workloads by their labels. All of them are in the document's \
         own namespace.",
        target("One of those that the document is for."),
    )
    .most_items(MAX_TARGETS)
}

/// `targetRef`.
pub(super) fn target_ref() -> Node {
    target("The one that the document is for: the older way to write `targetRefs` with one entry.")
}

fn target(description: &str) -> Node {
    let namespace = Node::text("Always absent or empty: a target is in the document's own namespace.").rule(
        "self.size() == 0",
        "a target cannot be in another namespace: put the document into the target's namespace",
    );
    let fields = [
        (
            "group",
            Node::text("The API group of the target's kind. Absent: `core`, which is that of Service."),
        ),
        ("kind", Node::one_of("The target's kind.", TARGET_KINDS.iter().map(|(_, kind)| *kind))),
        ("name", Node::text("The target's name.").not_empty().longest(MAX_TARGET_NAME)),
        ("namespace", namespace),
    ];
    Node::object(description, fields).required(&["kind", "name"]).rule(
        "self.kind == 'Service' ? !has(self.group) || self.group in ['', 'core'] \
         : has(self.group) && self.group == (self.kind == 'ServiceEntry' ? 'networking.istio.io' \
         : 'gateway.networking.k8s.io')",
        "allowed: Service (group \"\"), ServiceEntry (networking.istio.io), Gateway and GatewayClass \
         (gateway.networking.k8s.io)",
    )
}

/// `status`.
pub(super) fn status() -> Node {
    let level = ["UNKNOWN", "ERROR", "WARNING", "INFO"];
    let message_type = Node::object(
        "Which kind of message it is.",
        [
            ("name", Node::text("The kind's name, for people.")),
            ("code", Node::text("The kind's code, which stays the same.")),
        ],
    );
    let message = Node::object(
        "A message about the document.",
        [
            ("type", message_type),
            ("level", Node::one_of("How bad it is.", level)),
            ("documentationUrl", Node::text("Where more is written about it.")),
        ],
    );
    Node::object(
        "What was made of the document. Written by controllers, never by people.",
        [
            (
                "conditions",
                Node::list("The state of the document, one entry for each aspect of it.", condition()),
            ),
            ("validationMessages", Node::list("What was found to be wrong with the document.", message)),
            ("observedGeneration", Node::generation("The generation of the document that this was said of.")),
        ],
    )
    .open()
}

fn condition() -> Node {
    let time = |description: &str| Node::text(description).format("date-time");
    Node::object(
        "The state of one aspect.",
        [
            ("type", Node::text("Which aspect.")),
            ("status", Node::text("`True`, `False` or `Unknown`.")),
            ("reason", Node::text("Why, as one word for programs.")),
            ("message", Node::text("Why, for people.")),
            ("lastTransitionTime", time("When `status` changed last.")),
            ("lastProbeTime", time("When it was looked at last.")),
            ("observedGeneration", Node::generation("The generation of the document that this was said of.")),
        ],
    )
}
