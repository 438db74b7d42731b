//! What fuzzers try: any bytes where the language reads text. None may make it panic, hang or point outside of the text.
//!
//! The targets in `tests/fuzz/targets` call these functions, and so does a test, with what the fuzzers have found.

use burgee_api::check::{Checked, check};
use burgee_api::document::Source;
use burgee_api::resolve::PolicySet;
use serde_json::{Value, json};

use crate::generate::{Chance, documents, workloads};

/// A target: its name, which is that of its corpus too, and what is done with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("documents", whole_documents),
    ("expressions", expressions),
    ("log_formats", log_formats),
    ("fields", fields),
    ("sets", sets),
];

/// The bytes are the text of documents.
pub fn whole_documents(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    try_all(&[Source::new("any.yaml", text.as_ref())]);
}

/// The bytes are an expression, where it is a filter, a label of metrics and a part of a format.
pub fn expressions(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    try_all(&[
        mesh(json!({"labels": {"a": format!("%CEL({text})%")}})),
        telemetry(json!({
            "metrics": [{"providers": [{"name": "prometheus"}], "overrides": [{"tagOverrides": {"a": {"value": text}}}]}],
            "accessLogging": [{"providers": [{"name": "log"}], "filter": {"expression": text}}],
        })),
    ]);
}

/// The bytes are a format of log lines, wherever one can stand.
pub fn log_formats(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let tag = json!({"formatter": {"value": text}});
    let spec = json!({"tracing": [{"providers": [{"name": "zipkin"}], "customTags": {"a": tag}}]});
    try_all(&[mesh(json!({"text": text})), telemetry(spec.clone())]);
    try_all(&[mesh(json!({"labels": {"a": text, "b": {"c": [text, 1]}}})), telemetry(spec)]);
    let of_mesh =
        json!({"accessLogFile": "/dev/stdout", "accessLogEncoding": "JSON", "accessLogFormat": text});
    try_all(&[Source::new("mesh.yaml", of_mesh.to_string())]);
}

/// The lines are the values of fields that have rules of their own: durations, labels, URLs, names, times and others.
pub fn fields(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (interval, key, value, url) = (line(), line(), line(), line());
    let (digest, name, namespace, created) = (line(), line(), line(), line());
    let (service, path, address, annotation) = (line(), line(), line(), line());
    let document = |api_version: &str, kind: &str, spec: Value| {
        json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "creationTimestamp": created,
                "labels": {key: value, "istio.io/rev": value},
                "annotations": {"burgee.dev/module": annotation, key: annotation},
            },
            "spec": spec,
        })
    };
    let selector = json!({"matchLabels": {key: value}});
    let variable = json!([{"name": key, "value": value}]);
    let service_entry = json!({
        "hosts": [service],
        "ports": [{"number": 1, "name": key, "protocol": value}],
        "endpoints": [{"address": address, "ports": {key: 1}}],
    });
    let of_mesh = json!({
        "rootNamespace": namespace,
        "defaultConfig": {"tracing": {"zipkin": {"address": address}, "customTags": {key: {"header": {"name": value}}}}},
        "extensionProviders": [
            {"name": name, "zipkin": {"service": service, "port": 1, "path": path, "timeout": interval}},
            {"name": key, "opentelemetry": {"service": service, "port": 1, "http": {"path": path, "timeout": interval}}},
            {"name": value, "envoyFileAccessLog": {"path": path}},
        ],
    });
    let policies = [
        document(
            "telemetry.istio.io/v1",
            "Telemetry",
            json!({"selector": selector, "metrics": [{"reportingInterval": interval}]}),
        ),
        document(
            "extensions.istio.io/v1alpha1",
            "WasmPlugin",
            json!({"url": url, "sha256": digest, "pluginName": name, "selector": selector, "vmConfig": {"env": variable}}),
        ),
        document("networking.istio.io/v1", "ServiceEntry", service_entry),
    ];
    let policies = policies.map(|policy| policy.to_string()).join("\n---\n");
    try_all(&[Source::new("mesh.yaml", of_mesh.to_string()), Source::new("policies.yaml", policies)]);
}

/// The bytes choose documents of every kind, with every field.
pub fn sets(bytes: &[u8]) {
    try_all(&documents(&mut Chance::of_bytes(bytes)));
}

/// A mesh with a provider of logs of this format.
fn mesh(format: Value) -> Source {
    let mesh = json!({
        "extensionProviders": [
            {"name": "log", "envoyFileAccessLog": {"logFormat": format}},
            {"name": "olog", "envoyOtelAls": {"service": "a.example", "port": 1, "logFormat": format}},
        ],
    });
    Source::new("mesh.yaml", mesh.to_string())
}

fn telemetry(spec: Value) -> Source {
    let document = json!({
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": "any", "namespace": "any"},
        "spec": spec,
    });
    Source::new("telemetry.yaml", document.to_string())
}

/// Reads, judges and resolves, and looks at what is said of it.
fn try_all(sources: &[Source]) {
    let Checked { resources, problems, .. } = check(sources);
    for problem in &problems {
        assert!(!problem.to_string().is_empty(), "a problem says something");
        let Some(place) = &problem.place else { continue };
        let source = sources.iter().find(|source| source.name == place.file).expect("a place is in a text");
        // A carriage return ends a line as well, and what ends too early ends behind the last line.
        let lines = source.text.split(['\n', '\r']).count();
        assert!(
            (1..=lines + 1).contains(&place.line) && place.column > 0,
            "{problem}: outside of {lines} lines"
        );
    }
    let set = PolicySet::new(resources);
    assert_eq!(set.hash().len(), 64, "a hash is a SHA-256");
    for workload in workloads() {
        let effective = set.resolve(&workload);
        assert_eq!(effective.workload, workload, "a policy is of its workload");
    }
}
