//! Tracers: what each kind becomes in Envoy, that each can be taken back, and the worked examples by their rows' names.

use std::fmt::Write as _;

use burgee_api::Severity;
use burgee_api::document::{Source, read};
use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, PolicySet, Tracing, WorkloadKind};

use super::policies::{all_options, full, of_every_class};
use super::support::{bases, dig, listener_with, nothing, options, workload};
use super::tracers::{every_tracing, tracers, tracing_with};
use crate::{Value, overlay};

const TRACING: &str = "filter_chains.0.filters.0.typed_config.tracing";

fn of_tracing(tracing: Tracing) -> Effective {
    of_every_class(&ClassPolicy { tracing, ..ClassPolicy::default() })
}

#[test]
fn each_kind_of_tracer_is_written() {
    let mut out = String::new();
    for (name, tracer) in tracers() {
        for (who, options) in [("", options()), (" that says who reports", full(options()))] {
            let policy = of_tracing(tracing_with(name, tracer.clone(), true));
            let result = overlay(&listener_with(Vec::new()), &policy, &options);
            let config = dig(&result.value, &format!("{TRACING}.provider.typed_config"));
            let _ = write!(out, "--- {name}{who}\n{}", config.to_yaml());
            let tags = dig(&result.value, &format!("{TRACING}.custom_tags")).items();
            let is_reporter =
                |tag: &&Value| tag.field("tag").and_then(Value::as_str) == Some("x-burgee-reporter");
            if let Some(tag) = tags.iter().find(is_reporter) {
                let _ = write!(out, "# and a tag:\n{}", tag.to_yaml());
            }
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn each_kind_of_tracer_can_be_taken_back_from_every_base() {
    for (name, base) in bases() {
        for tracing in every_tracing() {
            let policy = of_tracing(tracing);
            for options in all_options() {
                let once = overlay(&base, &policy, &options);
                assert_eq!(overlay(&once.value, &policy, &options), once, "{name}: twice is once");
                assert_eq!(overlay(&once.value, &nothing(), &options).value, base, "{name}: back again");
            }
        }
    }
}

#[test]
fn one_kind_of_tracer_takes_the_place_of_another() {
    let base = listener_with(Vec::new());
    let laid = every_tracing().into_iter().map(|tracing| {
        let policy = of_tracing(tracing);
        let value = overlay(&base, &policy, &options()).value;
        (policy, value)
    });
    let laid: Vec<_> = laid.collect();
    for (policy, expected) in &laid {
        for (_, before) in &laid {
            assert_eq!(overlay(before, policy, &options()).value, *expected);
        }
    }
}

/// What the documents of a row come to in the manager of a proxy's outbound or gateway listener.
fn tracing_of(mesh: &str, telemetry: &str, kind: WorkloadKind) -> Option<Value> {
    let mut text = format!(
        "rootNamespace: root\n{mesh}\n---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
         metadata: {{name: c, namespace: obs}}\n\
         spec: {{hosts: [c.obs.svc], ports: [{{number: 80, name: http, protocol: HTTP}}]}}\n"
    );
    if !telemetry.is_empty() {
        text += &format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: root}}\n\
             spec: {{tracing: [{telemetry}]}}\n"
        );
    }
    let documents = read(&[Source::new("t.yaml", text)]);
    let refused: Vec<_> =
        documents.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let mut workload = workload();
    workload.kind = kind;
    let mut options = options();
    if kind == WorkloadKind::Sidecar {
        options.classes.insert("web".to_owned(), ListenerClass::Outbound);
    }
    let policy = PolicySet::new(documents.resources).resolve(&workload);
    let result = overlay(&listener_with(Vec::new()), &policy, &options);
    let manager = dig(&result.value, "filter_chains.0.filters.0.typed_config");
    assert!(manager.field("request_id_extension").is_none(), "a request's id decides");
    manager.field("tracing").cloned()
}

fn provider(kind: &str, body: &str) -> String {
    format!("extensionProviders: [{{name: p, {kind}: {{service: c.obs.svc, port: 80{body}}}}}]")
}

/// Whether a value has everything that another has.
fn has(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Map(_), Value::Map(wanted)) => {
            wanted.iter().all(|(key, wanted)| value.field(key).is_some_and(|value| has(value, wanted)))
        }
        (value, wanted) => value == wanted,
    }
}

#[test]
fn tracing_is_written_as_in_the_worked_examples() {
    const ZIPKIN: &str = "provider: {typed_config: {'@type': type.googleapis.com/envoy.config.trace.v3.ZipkinConfig, \
                          collector_service: {http_uri: {uri: 'http://c.obs.svc/api/v2/spans', \
                          cluster: 'outbound|80||c.obs.svc', timeout: 5s}}, trace_id_128bit: true, \
                          shared_span_context: false, collector_endpoint_version: HTTP_JSON}}, \
                          random_sampling: {value: 1}";
    const HTTP: &str = "provider: {typed_config: {http_service: {http_uri: {uri: 'http://c.obs.svc/v1/traces', \
                        timeout: 3s, cluster: 'outbound|80||c.obs.svc'}}, service_name: web.shop}}";
    const GRPC: &str = "provider: {typed_config: {grpc_service: {envoy_grpc: {cluster_name: 'outbound|80||c.obs.svc', \
                        authority: c.obs.svc}}}}";
    let by_default = |kind: &str| format!("{}\ndefaultProviders: {{tracing: [p]}}", provider(kind, ""));
    let (sidecar, gateway) = (WorkloadKind::Sidecar, WorkloadKind::Gateway);
    let of_proxy = "enableTracing: true\ndefaultConfig: {tracing: {sampling: 20}}";
    let unasked = ", dynatraceSampler: {tenant: t, clusterId: 1}";
    for (row, mesh, telemetry, kind, expected) in [
        ("E17", by_default("zipkin"), "", sidecar, Some(ZIPKIN.to_owned())),
        ("E18", by_default("zipkin"), "", gateway, Some(format!("{ZIPKIN}, spawn_upstream_span: true"))),
        ("E19", "enableTracing: false".to_owned(), "", sidecar, None),
        ("E20", of_proxy.to_owned(), "", sidecar, Some("random_sampling: {value: 20}".to_owned())),
        ("E21", of_proxy.to_owned(), "{randomSamplingPercentage: 30}", sidecar, None),
        (
            "E22",
            provider("opentelemetry", ", http: {path: /v1/traces}"),
            "{providers: [{name: p}]}",
            sidecar,
            Some(HTTP.to_owned()),
        ),
        ("E23", provider("opentelemetry", ""), "{providers: [{name: p}]}", sidecar, Some(GRPC.to_owned())),
        ("E24", provider("opentelemetry", unasked), "{providers: [{name: p}]}", sidecar, None),
    ] {
        let found = tracing_of(&mesh, telemetry, kind);
        let Some(expected) = expected else {
            assert_eq!(found, None, "{row}");
            continue;
        };
        let found = found.unwrap_or_else(|| panic!("{row}: no tracing"));
        let wanted = super::support::yaml(&format!("{{{expected}}}"));
        assert!(has(&found, &wanted), "{row}: {}", found.to_yaml());
        assert_eq!(found.field("provider").is_some(), expected.contains("provider"), "{row}");
        assert_eq!(found.field("spawn_upstream_span").is_some(), kind == gateway, "{row}");
        if row == "E23" {
            let grpc = dig(&found, "provider.typed_config.grpc_service");
            assert!(grpc.field("timeout").is_none() && grpc.field("initial_metadata").is_none(), "{row}");
        }
    }
}

#[test]
fn the_meshs_own_tracer_is_a_provider_of_the_manager() {
    let mesh = "defaultConfig: {tracing: {zipkin: {address: '[::1]:9411'}, sampling: 20}}";
    let found = tracing_of(mesh, "", WorkloadKind::Sidecar).expect("tracing");
    let uri = dig(&found, "provider.typed_config.collector_service.http_uri");
    assert_eq!(dig(uri, "uri").as_str(), Some("http://[::1]/api/v2/spans"));
    assert_eq!(dig(uri, "cluster").as_str(), Some("outbound|9411||::1"));
    assert_eq!(dig(&found, "provider.name").as_str(), Some("burgee.tracing.mesh"));
    assert!(has(&found, &super::support::yaml("{random_sampling: {value: 20}}")));
}

#[test]
fn a_tracer_that_needs_its_cluster_is_left_out_where_that_comes_later() {
    let later = |clusters: &str| {
        let text = listener_with(Vec::new()).to_json();
        super::support::yaml(&format!(
            "{{dynamic_resources: {{cds_config: {{ads: {{}}}}}}, \
             static_resources: {{listeners: [{text}], clusters: [{clusters}]}}}}"
        ))
    };
    for (name, tracer) in tracers() {
        let cluster = format!("{{name: '{}'}}", tracer.collector().cluster());
        let needs = matches!(name, "zipkin" | "zipkin-full" | "datadog");
        let policy = of_tracing(tracing_with(name, tracer, true));
        for (clusters, is_written) in [(cluster.as_str(), true), ("", !needs)] {
            let base = later(clusters);
            let result = overlay(&base, &policy, &options());
            let codes: Vec<_> = result.problems.iter().map(|problem| problem.code.0).collect();
            let expected: &[&str] = if is_written { &[] } else { &["BG0640"] };
            assert_eq!(codes, expected, "{name}: {clusters}");
            assert_eq!(result.value != base, is_written, "{name}: {clusters}");
            assert_eq!(overlay(&result.value, &nothing(), &options()).value, base, "{name}");
        }
        // A part of a configuration does not say what else there is.
        let part = overlay(&listener_with(Vec::new()), &policy, &options());
        assert!(part.problems.is_empty() && !part.awaited_clusters.is_empty(), "{name}");
    }
}
