//! Policies for tests, in the notation of the worked examples.

use std::collections::BTreeMap;

use super::{PolicySet, Workload, WorkloadKind};
use crate::document::{Source, read};

/// Entries at levels: `R` for the mesh, `N` for the namespace, `W`, `W1` and `W2` for the workload, `Y` for a second,
/// younger document of the namespace.
pub(super) type Levels<'a> = &'a [(&'a str, &'a [&'a str])];

/// The policies of a mesh. `signal` is the field that the entries stand in.
pub(super) fn policies(mesh: &str, signal: &str, levels: Levels<'_>) -> PolicySet {
    let mut text = format!("rootNamespace: root\n{mesh}");
    for (level, entries) in levels {
        let namespace = if *level == "R" { "root" } else { "a" };
        let selector = if level.starts_with('W') { "  selector: {matchLabels: {app: x}}\n" } else { "" };
        let entries: Vec<String> = entries.iter().map(|notation| entry(signal, notation)).collect();
        text += &format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: level-{}, namespace: {namespace}}}\n\
             spec:\n{selector}  {signal}: [{}]\n",
            level.to_lowercase(),
            entries.join(", ")
        );
    }
    let documents = read(&[Source::new("t.yaml", text)]);
    let refused: Vec<_> =
        documents.problems.iter().filter(|problem| problem.severity == crate::Severity::Error).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    PolicySet::new(documents.resources)
}

/// An entry as YAML. Words: `p=a,b` providers, `m=C` or `m=S` the side, `off` and `on` whether it is disabled, `f=A` a
/// filter, `sampling=5`, `tags=a,b`, `id=false`, `istio=false`, `propagation=false`.
fn entry(signal: &str, notation: &str) -> String {
    let disabled = if signal == "tracing" { "disableSpanReporting" } else { "disabled" };
    let each = |names: &str, show: fn(&str) -> String| {
        names.split(',').filter(|name| !name.is_empty()).map(show).collect::<Vec<_>>().join(", ")
    };
    let fields: Vec<String> = notation
        .split_whitespace()
        .map(|word| match word.split_once('=').unwrap_or((word, "")) {
            ("p", names) => format!("providers: [{}]", each(names, |name| format!("{{name: {name}}}"))),
            ("m", "C") => "match: {mode: CLIENT}".to_owned(),
            ("m", "S") => "match: {mode: SERVER}".to_owned(),
            ("m", "CS") => "match: {mode: CLIENT_AND_SERVER}".to_owned(),
            ("off", _) => format!("{disabled}: true"),
            ("on", _) => format!("{disabled}: false"),
            ("f", expression) => format!("filter: {{expression: {expression}}}"),
            ("sampling", percent) => format!("randomSamplingPercentage: {percent}"),
            ("tags", names) => {
                format!(
                    "customTags: {{{}}}",
                    each(names, |name| format!("{name}: {{literal: {{value: v}}}}"))
                )
            }
            ("id", value) => format!("useRequestIdForTraceSampling: {value}"),
            ("istio", value) => format!("enableIstioTags: {value}"),
            ("propagation", "false") => "disableContextPropagation: true".to_owned(),
            ("propagation", _) => "disableContextPropagation: false".to_owned(),
            _ => panic!("`{word}` means nothing"),
        })
        .collect();
    format!("{{{}}}", fields.join(", "))
}

/// A service that can be a collector.
pub(super) fn service(name: &str, namespace: &str, host: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec:\n  hosts: [{host}]\n  ports: [{{number: 4317, name: grpc, protocol: GRPC}}]\n  resolution: STATIC\n  \
         workloadSelector: {{labels: {{app: collector}}}}\n"
    )
}

/// A workload that every level applies to.
pub(super) fn workload(kind: WorkloadKind) -> Workload {
    Workload::new(kind, "a", "x-v1", BTreeMap::from([("app".to_owned(), "x".to_owned())]))
}
