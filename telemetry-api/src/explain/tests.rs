//! Rule by rule: what is in force, what it overrode, what came to nothing, and why.

mod access_logging;
mod metrics;
mod plugins;
mod properties;
mod provider_fields;
mod revisions;
mod tracing;
mod why_not;

use std::collections::BTreeMap;

use super::*;
use crate::check::check;
use crate::document::Source;
use crate::origin::Origin;
use crate::resolve::WorkloadKind;

/// Providers of every use, the usable ones and some that are not.
const PROVIDERS: &str = "rootNamespace: root\nextensionProviders:\n\
    - {name: zip, opentelemetry: {service: collector.obs, port: 4317}}\n\
    - {name: otel, opentelemetry: {service: collector.obs, port: 4317, maxTagLength: 99}}\n\
    - {name: lost, opentelemetry: {service: nowhere.obs, port: 4317}}\n\
    - {name: prom, prometheus: {}}\n- {name: prom2, prometheus: {}}\n- {name: sd, stackdriver: {}}\n\
    - {name: file, envoyFileAccessLog: {path: /f}}\n\
    - {name: json, envoyFileAccessLog: {logFormat: {labels: {c: '%RESPONSE_CODE%'}}}}\n\
    - {name: olog, envoyOtelAls: {service: collector.obs, port: 4317}}\n";

/// The service that they report to.
const COLLECTOR: &str = "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
    metadata: {name: collector, namespace: obs}\nspec: {hosts: [collector.obs], resolution: DNS, \
    ports: [{number: 4317, name: grpc, protocol: GRPC}]}\n";

/// Documents at levels: `R` for the mesh, `N` for the namespace `a`, `W…` for its workloads with the label `app=x`.
type Levels<'a> = &'a [(&'a str, &'a str)];

/// The documents of a mesh. Each level is a Telemetry of its own name, with this spec.
fn documents(mesh: &str, levels: Levels<'_>) -> String {
    let mut text = format!("{PROVIDERS}{mesh}\n{COLLECTOR}");
    for (level, spec) in levels {
        let namespace = if *level == "R" { "root" } else { "a" };
        let selector = if level.starts_with('W') { "  selector: {matchLabels: {app: x}}\n" } else { "" };
        let name = level.to_lowercase();
        text += &format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: '{name}', namespace: {namespace}}}\n\
             spec:\n{selector}  {spec}\n"
        );
    }
    text
}

fn checked(text: &str) -> Checked {
    check(&[Source::new("t.yaml", text)])
}

fn workload() -> Workload {
    Workload::new(WorkloadKind::Sidecar, "a", "x-v1", BTreeMap::from([("app".to_owned(), "x".to_owned())]))
}

/// The document that something comes from, or `-` for a rule.
fn level(origin: &Origin) -> &str {
    match origin {
        Origin::Document { document, .. } => &document.name,
        Origin::Rule(_) => "-",
    }
}

/// Facts of a field, each as `OF METRIC VALUE@LEVEL < OVERRIDDEN@LEVEL …`, the last said first.
fn facts(section: &Section, field: &str) -> Vec<String> {
    let of_field = section.facts.iter().filter(|fact| fact.field == field);
    let shown = of_field.map(|fact| {
        let of = fact.of.as_ref().map_or(String::new(), |of| format!("{of} "));
        let metric = fact.metric.as_ref().map_or(String::new(), |metric| format!("{} ", metric.stat_name()));
        let over = fact
            .overrode
            .iter()
            .rev()
            .map(|overridden| format!(" < {}@{}", overridden.value.text, level(&overridden.origin)));
        format!("{of}{metric}{}@{}{}", fact.value.text, level(&fact.origin), over.collect::<String>())
    });
    shown.collect()
}

/// What comes to nothing, as `CAUSE VALUE@LEVEL`.
fn lost(section: &Section) -> Vec<String> {
    let shown = section
        .lost
        .iter()
        .map(|lost| format!("{} {}@{}", lost.cause.name(), lost.value.text, level(&lost.origin)));
    shown.collect()
}

fn section_of(explanation: &Explanation, class: ListenerClass, signal: Signal) -> &Section {
    let class = explanation.classes.iter().find(|found| found.class == class).expect("the class");
    class.sections.iter().find(|section| section.signal == signal).expect("the section")
}

/// A row: its name, the mesh's settings, the levels, a field with its facts at outbound and inbound listeners, and what
/// comes to nothing there.
struct Row<'a> {
    name: &'a str,
    mesh: &'a str,
    levels: Levels<'a>,
    field: &'a str,
    outbound: &'a [&'a str],
    inbound: &'a [&'a str],
    lost: [&'a [&'a str]; 2],
    codes: &'a [&'a str],
}

const NOTHING: Row<'static> = Row {
    name: "",
    mesh: "",
    levels: &[],
    field: "",
    outbound: &[],
    inbound: &[],
    lost: [&[], &[]],
    codes: &[],
};

fn verify(signal: Signal, rows: &[Row<'_>]) {
    for row in rows {
        let checked = checked(&documents(row.mesh, row.levels));
        assert!(
            checked.is_valid() || row.levels.iter().any(|(_, spec)| spec.contains("ghost")),
            "{}",
            row.name
        );
        let explanation = Explainer::new(&checked).explain(&workload());
        let (outbound, inbound) = (
            section_of(&explanation, ListenerClass::Outbound, signal),
            section_of(&explanation, ListenerClass::Inbound, signal),
        );
        assert_eq!(facts(outbound, row.field), row.outbound, "{}: {} outbound", row.name, row.field);
        assert_eq!(facts(inbound, row.field), row.inbound, "{}: {} inbound", row.name, row.field);
        assert_eq!(lost(outbound), row.lost[0], "{}: lost outbound", row.name);
        assert_eq!(lost(inbound), row.lost[1], "{}: lost inbound", row.name);
        let codes: Vec<&str> =
            outbound.remarks.iter().filter_map(|remark| remark.code).map(|code| code.0).collect();
        assert_eq!(codes, row.codes, "{}: remarks outbound", row.name);
    }
}
