//! `Telemetry` (telemetry.istio.io) as Kubernetes is told of it.

use burgee_filter_config::StandardMetric;

use super::node::Node;
use super::shared::{attached_once, selector, status, target_ref, target_refs};
use super::{Definition, age, column};
use crate::document::telemetry::{MODES, OPERATIONS};

/// The kind.
pub(super) fn definition() -> Definition {
    let spec = Node::object(
        "What to measure, trace and log, and for whom. Absent or empty: nothing, in place of any other document that is \
         for the whole namespace.",
        [
            ("selector", selector()),
            ("targetRef", target_ref()),
            ("targetRefs", target_refs()),
            (
                "tracing",
                Node::list("Tracing. Several entries are merged, later ones over earlier ones.", tracing()),
            ),
            ("metrics", Node::list("Metrics, in order: later entries go over earlier ones.", metrics())),
            ("accessLogging", Node::list("Access logs, in order.", access_logging())),
        ],
    );
    Definition {
        group: "telemetry.istio.io",
        kind: "Telemetry",
        plural: "telemetries",
        singular: "telemetry",
        short_names: &["telemetry"],
        categories: ["istio-io", "telemetry-istio-io"],
        versions: &[("v1", false), ("v1alpha1", true)],
        columns: vec![
            column("Selector", ".spec.selector.matchLabels", "The labels of the workloads that it is for."),
            column("Target", ".spec.targetRefs[0].name", "The first of those that it is for by name."),
            age(),
        ],
        schema: Node::object(
            "What the proxies of a namespace, or of the mesh, measure, trace and log.",
            [("spec", attached_once(spec)), ("status", status())],
        ),
    }
}

/// On which side of a request an entry applies.
fn mode() -> Node {
    Node::choice(
        "On which side of a request it applies: where the workload calls others (CLIENT; at a gateway, always), where \
         it is called (SERVER), or both (CLIENT_AND_SERVER). Absent: both.",
        MODES,
    )
}

fn mode_match() -> Node {
    Node::object("Where the entry applies. Absent: everywhere.", [("mode", mode())])
}

fn providers(absent: &str) -> Node {
    let name = Node::text("The provider's name in MeshConfig's extensionProviders.").not_empty();
    let provider = Node::object("A provider, by its name.", [("name", name)]).required(&["name"]);
    Node::list(&format!("Who is to do it. {absent}"), provider)
}

fn tracing() -> Node {
    let percentage = Node::number(
        "The percentage of new traces that is kept, if nobody before this proxy has decided. Unit: percent, 0 to 100. \
         Absent: as an earlier entry or the mesh says, else 1.",
        0,
        100,
    );
    Node::object(
        "What to trace.",
        [
            ("match", mode_match()),
            ("providers", providers("Only the first is used. Absent: as before it, else the mesh's default.")),
            ("randomSamplingPercentage", percentage.nullable()),
            (
                "disableSpanReporting",
                Node::flag("Whether spans are kept back. Absent: as before it, else they are sent.").nullable(),
            ),
            (
                "customTags",
                Node::map("Tags of each span, by name. Absent or empty: as before it; else in place of those.", tag()),
            ),
            (
                "useRequestIdForTraceSampling",
                Node::flag("Whether a request's id decides what is kept. Absent: as before it, else it does.")
                    .nullable(),
            ),
            (
                "enableIstioTags",
                Node::flag("Whether spans carry Istio's own tags. Absent: as before it, else they do.").nullable(),
            ),
            (
                "disableContextPropagation",
                Node::flag("Whether headers of traces are kept from upstreams. Absent: as before it, else they go on.")
                    .nullable(),
            ),
        ],
    )
}

/// A tag of a span. The bound says what a rule would say, and costs nothing.
fn tag() -> Node {
    let value = |description: &str| Node::text(description).not_empty();
    let fixed = |description: &str, what: &str| {
        Node::object(description, [("value", value(what))]).required(&["value"])
    };
    let found = |description: &str, what: &str| {
        let default = Node::text("The tag's value where there is none. Absent or empty: no tag then.");
        Node::object(description, [("name", value(what)), ("defaultValue", default)]).required(&["name"])
    };
    Node::object(
        "What a tag is made of: one of these.",
        [
            ("literal", fixed("The same value for every span.", "The tag's value.")),
            ("environment", found("A variable of the proxy's environment.", "The variable's name.")),
            ("header", found("A header of the request.", "The header's name.")),
            ("formatter", fixed("A format, as in access logs.", "The format, such as `%REQ(:AUTHORITY)%`.")),
        ],
    )
    .most_fields(1)
}

fn metrics() -> Node {
    let interval = Node::text(
        "How often long-lived streams report. A duration of 1ms or longer, such as `500ms`, `15s` or `1m30s`. Absent: as \
         before it, else 5s.",
    )
    .rule(
        "duration(self) >= duration('1ms')",
        "write a duration of 1ms or longer: a number and a unit, such as 500ms, 15s or 1m30s",
    );
    Node::object(
        "What to measure.",
        [
            ("providers", providers("Absent: those of the entry before it, else the mesh's defaults.")),
            ("overrides", Node::list("What to change, in order: later ones go over earlier ones.", change())),
            ("reportingInterval", interval),
        ],
    )
}

fn change() -> Node {
    let names =
        std::iter::once("ALL_METRICS").chain(StandardMetric::ALL.iter().map(|metric| metric.api_name()));
    let matched = Node::object(
        "Which metrics it changes, and where. Absent: all of them, everywhere.",
        [
            ("metric", Node::one_of("One of Istio's metrics, or all of them. Absent: all of them.", names)),
            (
                "customMetric",
                Node::text("Another metric, by its name without the prefix `istio_`.").not_empty(),
            ),
            ("mode", mode()),
        ],
    )
    .rule("!(has(self.metric) && has(self.customMetric))", "write one of metric and customMetric");
    Node::object(
        "A change of metrics.",
        [
            ("match", matched),
            (
                "disabled",
                Node::flag("Whether the metrics are switched off. Absent: as before it, else they are on.")
                    .nullable(),
            ),
            ("tagOverrides", Node::map("What to do with tags, by their names.", tag_override())),
        ],
    )
}

fn tag_override() -> Node {
    Node::object(
        "What to do with a tag.",
        [
            (
                "operation",
                Node::choice("To set the tag (UPSERT) or to leave it out (REMOVE). Absent: to set it.", OPERATIONS),
            ),
            (
                "value",
                Node::text("The tag's value, as an expression in CEL such as `request.host`; a text stands in quotes.")
                    .not_empty(),
            ),
        ],
    )
    .rule(
        "has(self.value) || has(self.operation) && self.operation == 'REMOVE'",
        "a tag to set needs a value: an expression in CEL such as request.host; or write REMOVE",
    )
    .rule(
        "!(has(self.value) && has(self.operation) && self.operation == 'REMOVE')",
        "a tag to remove has no value: take the value out, or REMOVE",
    )
}

fn access_logging() -> Node {
    let expression = Node::text(
        "An expression in CEL, such as `response.code >= 400`. Only what it is true for is logged.",
    );
    let filter =
        Node::object("What is logged. Absent: everything.", [("expression", expression.not_empty())]);
    Node::object(
        "What to log.",
        [
            ("match", mode_match()),
            ("providers", providers("Absent: those of the entry before it, else the mesh's defaults.")),
            ("disabled", Node::flag("Whether nothing is logged. Absent: it is.").nullable()),
            ("filter", filter.required(&["expression"])),
        ],
    )
}
