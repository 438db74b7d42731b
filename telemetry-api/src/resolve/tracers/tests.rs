//! What each kind of provider comes to, and what the hash takes of it.

use std::time::Duration;

use super::*;
use crate::document::{Source, read};
use crate::resolve::{ListenerClass, PolicySet, Tracing};
use crate::test;

const SERVICE: &str = "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: c, namespace: obs}\n\
                       spec:\n  hosts: [c.obs.svc]\n  ports: [{number: 4317, name: grpc, protocol: GRPC}]\n";

/// The policies of a mesh with a service, under a control plane with one variable.
fn policies(mesh: &str, token: &str) -> PolicySet {
    let documents = read(&[Source::new("m.yaml", format!("{mesh}\n{SERVICE}"))]);
    let refused: Vec<_> =
        documents.problems.iter().filter(|problem| problem.severity == crate::Severity::Error).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let environment = BTreeMap::from([("TOKEN".to_owned(), token.to_owned())]);
    PolicySet::of(documents.resources, ControlPlane::new(environment).0)
}

/// A mesh whose default tracer has this body, beside `service` and `port`.
fn provider(kind: &str, body: &str) -> String {
    format!(
        "extensionProviders:\n- name: spans\n  {kind}: {{service: c.obs.svc, port: 4317{body}}}\n\
         defaultProviders: {{tracing: [spans]}}\n"
    )
}

fn pod() -> Workload {
    Workload::new(WorkloadKind::Sidecar, "a", "x-v1", BTreeMap::from([("app".to_owned(), "x".to_owned())]))
}

fn traced(mesh: &str) -> Tracing {
    policies(mesh, "s3cret").resolve(&pod()).class(ListenerClass::Outbound).tracing.clone()
}

fn tracer(kind: &str, body: &str) -> Tracer {
    match traced(&provider(kind, body)) {
        Tracing::Provider { tracer, .. } => tracer,
        other => panic!("no tracer: {other:?}"),
    }
}

fn collector(protocol: Protocol) -> Collector {
    let wanted = CollectorRef { service: "c.obs.svc".to_owned(), port: 4317 };
    let documents = read(&[Source::new("m.yaml", SERVICE)]);
    let services = Services::new(&documents.resources);
    services.find(&wanted, protocol).expect("a service")
}

fn call(path: &str, timeout: u64, headers: Vec<Header>) -> HttpCall {
    let (path, timeout) = (path.to_owned(), Duration::from_secs(timeout));
    HttpCall { collector: collector(Protocol::Http1), path, timeout, headers }
}

fn written(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: HeaderValue::Written(value.to_owned()) }
}

fn from_environment(name: &str, variable: &str, value: &str) -> Header {
    let (variable, value) = (variable.to_owned(), Secret(value.to_owned()));
    Header { name: name.to_owned(), value: HeaderValue::Environment { variable, value } }
}

#[test]
fn zipkin_is_called_over_http_with_every_default_filled_in() {
    let zipkin =
        |call, short_trace_ids, trace_context| Tracer::Zipkin { call, short_trace_ids, trace_context };
    for (body, expected) in [
        // E17.
        ("", zipkin(call("/api/v2/spans", 5, vec![]), false, TraceContext::B3)),
        (", path: /z, timeout: 7s", zipkin(call("/z", 7, vec![]), false, TraceContext::B3)),
        (", path: z", zipkin(call("/z", 5, vec![]), false, TraceContext::B3)),
        (", path: '/z?a=b'", zipkin(call("/z?a=b", 5, vec![]), false, TraceContext::B3)),
        (", enable64bitTraceId: true", zipkin(call("/api/v2/spans", 5, vec![]), true, TraceContext::B3)),
        (
            ", traceContextOption: USE_B3_WITH_W3C_PROPAGATION",
            zipkin(call("/api/v2/spans", 5, vec![]), false, TraceContext::B3AndW3c),
        ),
        (
            ", headers: [{name: a, value: b}, {name: c, envName: TOKEN}, {name: d, envName: OTHER}]",
            zipkin(
                call(
                    "/api/v2/spans",
                    5,
                    vec![
                        written("a", "b"),
                        from_environment("c", "TOKEN", "s3cret"),
                        from_environment("d", "OTHER", ""),
                    ],
                ),
                false,
                TraceContext::B3,
            ),
        ),
    ] {
        assert_eq!(tracer("zipkin", body), expected, "{body}");
    }
}

#[test]
fn datadog_and_skywalking_are_told_the_proxys_name() {
    let service_name = || "x.a".to_owned();
    let datadog = Tracer::Datadog { collector: collector(Protocol::Http1), service_name: service_name() };
    assert_eq!(tracer("datadog", ""), datadog);
    let collector = collector(Protocol::Http2);
    let skywalking = Tracer::Skywalking { collector, service_name: service_name() };
    assert_eq!(tracer("skywalking", ", accessToken: t"), skywalking);
}

/// An OpenTelemetry tracer without detectors and sampler.
fn over(exporter: Exporter) -> Tracer {
    Tracer::Opentelemetry { exporter, service_name: "x.a".to_owned(), detectors: Vec::new(), sampler: None }
}

#[test]
fn opentelemetry_goes_over_grpc_unless_http_is_there() {
    let grpc =
        |timeout, metadata| Exporter::Grpc { collector: collector(Protocol::Http2), timeout, metadata };
    for (body, exporter) in [
        // E23.
        ("", grpc(None, vec![])),
        (", grpc: {timeout: 0s}", grpc(None, vec![])),
        (
            ", grpc: {timeout: 1.5s, initialMetadata: [{name: k, envName: TOKEN}]}",
            grpc(Some(Duration::from_millis(1500)), vec![from_environment("k", "TOKEN", "s3cret")]),
        ),
        // E22.
        (", http: {path: /v1/traces}", Exporter::Http(call("/v1/traces", 3, vec![]))),
        (", http: {}, grpc: {timeout: 9s}", Exporter::Http(call("/", 3, vec![]))),
        (", http: {path: 'v1/a?b#c', timeout: 0s}", Exporter::Http(call("/v1/a%3Fb%23c", 0, vec![]))),
        (
            ", http: {path: /v1/traces, timeout: 2s, headers: [{name: k, value: v}]}",
            Exporter::Http(call("/v1/traces", 2, vec![written("k", "v")])),
        ),
    ] {
        assert_eq!(tracer("opentelemetry", body), over(exporter), "{body}");
    }
}

#[test]
fn detectors_come_in_istios_order_and_with_opentelemetrys_names() {
    use ResourceDetector::{Dynatrace, Environment};
    for (body, expected, name) in [
        ("", vec![], "x.a"),
        (", resourceDetectors: {dynatrace: {}, environment: {}}", vec![Environment, Dynatrace], "x.a"),
        (", resourceDetectors: {environment: {}, dynatrace: ~}", vec![Environment], "x.a"),
        (", serviceAttributeEnrichment: ISTIO_CANONICAL", vec![], "x.a"),
        (", serviceAttributeEnrichment: OTEL_SEMANTIC_CONVENTIONS", vec![Environment], "x-v1"),
        (
            ", serviceAttributeEnrichment: OTEL_SEMANTIC_CONVENTIONS, resourceDetectors: {dynatrace: {}}",
            vec![Dynatrace, Environment],
            "x-v1",
        ),
        (
            ", serviceAttributeEnrichment: OTEL_SEMANTIC_CONVENTIONS, resourceDetectors: {environment: {}}",
            vec![Environment],
            "x-v1",
        ),
    ] {
        let Tracer::Opentelemetry { detectors, service_name, .. } = tracer("opentelemetry", body) else {
            panic!("{body}")
        };
        assert_eq!((detectors, service_name.as_str()), (expected, name), "{body}");
    }
}

#[test]
fn a_sampler_asks_at_its_own_place_or_where_spans_go() {
    let sampler =
        |rate, call| Sampler { tenant: "t".to_owned(), cluster_id: -5, root_spans_per_minute: rate, call };
    let http = "http: {path: /v1/traces, timeout: 2s, headers: [{name: k, value: v}]}";
    let at_exporter = || call("/api/v2/samplingConfiguration", 2, vec![written("k", "v")]);
    for (body, expected) in [
        (format!(", {http}, dynatraceSampler: {{tenant: t, clusterId: -5}}"), sampler(0, at_exporter())),
        (
            format!(", {http}, dynatraceSampler: {{tenant: t, clusterId: -5, rootSpansPerMinute: 60}}"),
            sampler(60, at_exporter()),
        ),
        (
            ", dynatraceSampler: {tenant: t, clusterId: -5, httpService: {service: obs/c.obs.svc, port: 4317, \
             http: {path: /ask}}}"
                .to_owned(),
            sampler(0, call("/ask", 3, vec![])),
        ),
    ] {
        let Tracer::Opentelemetry { sampler, .. } = tracer("opentelemetry", &body) else { panic!("{body}") };
        assert_eq!(sampler.as_deref(), Some(&expected), "{body}");
    }
    let unasked = provider("opentelemetry", ", dynatraceSampler: {tenant: t, clusterId: 1}");
    assert!(matches!(traced(&unasked), Tracing::LeftOut(_)), "E24");
    let lost =
        ", dynatraceSampler: {tenant: t, clusterId: 1, httpService: {service: d, port: 1, http: {path: /}}}";
    assert!(matches!(traced(&provider("opentelemetry", lost)), Tracing::LeftOut(_)));
}

#[test]
fn every_service_that_is_called_is_a_collector_once() {
    let collectors = |body: &str| -> Vec<String> {
        tracer("opentelemetry", body)
            .collectors()
            .map(|it| format!("{:?} {}", it.protocol, it.port))
            .collect()
    };
    let sampler = |port: u16| {
        format!(
            ", dynatraceSampler: {{tenant: t, clusterId: 1, \
             httpService: {{service: c.obs.svc, port: {port}, http: {{path: /}}}}}}"
        )
    };
    assert_eq!(collectors(""), ["Http2 4317"]);
    assert_eq!(collectors(&sampler(80)), ["Http2 4317", "Http1 80"]);
    assert_eq!(collectors(&format!(", http: {{path: /}}{}", sampler(4317))), ["Http1 4317"]);
}

#[test]
fn the_meshs_own_tracer_is_a_provider_where_its_place_is_known() {
    let legacy = |settings: &str| traced(&format!("defaultConfig: {{tracing: {{{settings}}}}}"));
    let named = |tracing: Tracing| match tracing {
        Tracing::Provider { provider, tracer, settings } => {
            assert_eq!(provider.value, Tracing::MESH_TRACER);
            assert!(!settings.spawn_upstream_span && settings.use_request_id.value);
            let place = provider.origin.to_string();
            assert!(place.starts_with("MeshConfig mesh defaultConfig.tracing."), "{place}");
            (tracer, settings.sampling.value)
        }
        other => panic!("{other:?}"),
    };
    let outside = |host: &str, port| Collector::new("", host, port, Protocol::Http1);
    let zipkin = |collector| Tracer::Zipkin {
        call: HttpCall { collector, ..call("/api/v2/spans", 5, vec![]) },
        short_trace_ids: false,
        trace_context: TraceContext::B3,
    };
    for (settings, expected, share) in [
        ("zipkin: {address: 'z.example:9411'}", zipkin(outside("z.example", 9411)), 1.0),
        ("zipkin: {address: '[::1]:9411'}, sampling: 20", zipkin(outside("::1", 9411)), 20.0),
        // A service of the mesh is that service.
        ("zipkin: {address: 'c.obs.svc:4317'}", zipkin(collector(Protocol::Http1)), 1.0),
        (
            "datadog: {address: 'd.example:8126'}, tlsSettings: {mode: DISABLE}",
            Tracer::Datadog { collector: outside("d.example", 8126), service_name: "x.a".to_owned() },
            1.0,
        ),
    ] {
        let (tracer, sampling) = named(legacy(settings));
        assert_eq!(tracer, expected, "{settings}");
        assert!((sampling - share).abs() < f64::EPSILON, "{settings}: {sampling}");
    }
    for settings in [
        "zipkin: {address: '$(HOST_IP):9411'}",
        "zipkin: {address: 'z.example:9411'}, tlsSettings: {mode: SIMPLE}",
    ] {
        assert!(matches!(legacy(settings), Tracing::LeftOut(_)), "{settings}");
    }
    // E20: without a tracer that Envoy has, what the bootstrap has is left to do it.
    for settings in ["sampling: 20", "lightstep: {address: 'l:1', accessToken: t}", "stackdriver: {}"] {
        assert!(matches!(legacy(settings), Tracing::Bootstrap(_)), "{settings}");
    }
}

#[test]
fn a_headers_value_is_a_format_where_it_can_be_one() {
    for (text, expected) in [
        ("abc", "abc"),
        ("a%20b", "a%%20b"),
        ("a%%20b", "a%%20b"),
        ("%ENVIRONMENT(HOME)%", "%ENVIRONMENT(HOME)%"),
        ("100% of %PROTOCOL%", "100%% of %%PROTOCOL%%"),
        ("%REQ_WITHOUT_QUERY(a)%", "%%REQ_WITHOUT_QUERY(a)%%"),
        ("", ""),
    ] {
        let value = HeaderValue::Written(text.to_owned());
        assert_eq!((value.text(), value.format().as_str()), (text, expected));
        let secret = from_environment("k", "TOKEN", text).value;
        assert_eq!((secret.text(), secret.format().as_str()), (text, expected));
        assert_eq!(
            (value.to_string().as_str(), secret.to_string().as_str()),
            (text, "the control plane's variable TOKEN")
        );
    }
}

#[test]
fn no_value_of_a_variable_is_shown() {
    let mesh = provider("zipkin", ", headers: [{name: authorization, envName: TOKEN}]");
    let set = policies(&mesh, "s3cret");
    let shown = format!("{set:?} {:?}", set.resolve(&pod()));
    assert!(shown.contains("TOKEN") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn the_hash_covers_every_field_of_every_kind() {
    let hash = |mesh: &str, token: &str| policies(mesh, token).hash().to_owned();
    let header = "[{name: a, value: b}]";
    let bodies: &[(&str, &[&str])] = &[
        (
            "zipkin",
            &[
                "",
                ", maxTagLength: 1",
                ", enable64bitTraceId: true",
                ", path: /z",
                ", traceContextOption: USE_B3_WITH_W3C_PROPAGATION",
                ", timeout: 7s",
                ", headers: HEADER",
                ", headers: [{name: b, value: b}]",
                ", headers: [{name: a, value: c}]",
                ", headers: [{name: a, envName: b}]",
            ],
        ),
        ("datadog", &["", ", maxTagLength: 1"]),
        ("skywalking", &[""]),
        (
            "opentelemetry",
            &[
                "",
                ", maxTagLength: 1",
                ", http: {}",
                ", http: {path: /a}",
                ", http: {timeout: 1s}",
                ", http: {headers: HEADER}",
                ", grpc: {}",
                ", grpc: {timeout: 1s}",
                ", grpc: {initialMetadata: HEADER}",
                ", resourceDetectors: {environment: {}}",
                ", resourceDetectors: {dynatrace: {}}",
                ", serviceAttributeEnrichment: OTEL_SEMANTIC_CONVENTIONS",
                ", dynatraceSampler: {tenant: t, clusterId: 1}",
                ", dynatraceSampler: {tenant: u, clusterId: 1}",
                ", dynatraceSampler: {tenant: t, clusterId: 2}",
                ", dynatraceSampler: {tenant: t, clusterId: 1, rootSpansPerMinute: 2}",
                ", dynatraceSampler: {tenant: t, clusterId: 1, httpService: {service: d, port: 1, http: {path: /}}}",
                ", dynatraceSampler: {tenant: t, clusterId: 1, httpService: {service: d, port: 2, http: {path: /}}}",
                ", dynatraceSampler: {tenant: t, clusterId: 1, httpService: {service: d, port: 1, http: {path: /a}}}",
            ],
        ),
    ];
    let mut hashes = Vec::new();
    for (kind, bodies) in bodies {
        hashes.extend(bodies.iter().map(|body| hash(&provider(kind, &body.replace("HEADER", header)), "s")));
    }
    for legacy in [
        "zipkin: {address: 'z:1'}",
        "zipkin: {address: 'y:1'}",
        "zipkin: {address: 'z:2'}",
        "zipkin: {address: 'z:1'}, tlsSettings: {mode: MUTUAL}",
        "datadog: {address: 'z:1'}",
        "",
    ] {
        hashes.push(hash(&format!("defaultConfig: {{tracing: {{{legacy}}}}}"), "s"));
    }
    // What a variable holds is a part of what is asked for, where one is named.
    let from_variable = provider("zipkin", ", headers: [{name: a, envName: TOKEN}]");
    hashes.extend(["one", "two"].map(|token| hash(&from_variable, token)));
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
    assert_eq!(hash(&provider("zipkin", ""), "one"), hash(&provider("zipkin", ""), "two"));
    // Where a header stands makes no difference.
    let moved = format!("# a line\n{from_variable}");
    assert_eq!(hash(&from_variable, "one"), hash(&moved, "one"));
}
