//! Every field of a provider, and the very field that says it.

use super::*;
use crate::test;

/// A mesh whose spans and log lines go by one provider.
const MESH: &str = "rootNamespace: root\ndefaultConfig: {serviceCluster: all}\n\
    defaultProviders: {tracing: [it], accessLogging: [it]}\nextensionProviders:\n";

/// Where something is said: the field of the provider, the document and its field, or `-` for a rule.
fn said_at(origin: &Origin) -> String {
    match origin {
        Origin::Document { document, path, .. } => match path.strip_prefix("extensionProviders[0]") {
            Some(field) => field.trim_start_matches('.').to_owned(),
            None => format!("{}: {path}", document.name),
        },
        Origin::Rule(_) => "-".to_owned(),
    }
}

/// The fields of a provider as `FIELD=VALUE@WHERE`.
fn fields_of(signal: Signal, provider: &str) -> Vec<String> {
    let text = format!("{MESH}- {{name: it, {provider}}}\n{COLLECTOR}");
    let checked = checked(&text);
    assert!(checked.is_valid(), "{provider}: {:?}", checked.problems);
    let explanation = Explainer::new(&checked).explain(&workload());
    let section = section_of(&explanation, ListenerClass::Inbound, signal);
    let others = ["provider", "disabled", "filter", "disableEnvoyListenerLog"];
    let facts = section.facts.iter().filter(|fact| !others.contains(&&*fact.field));
    let facts = facts.take_while(|fact| fact.field != "disableSpanReporting");
    facts.map(|fact| format!("{}={}@{}", fact.field, fact.value.text, said_at(&fact.origin))).collect()
}

#[test]
fn every_field_of_a_tracer_comes_from_its_own_place() {
    let at = "service: collector.obs, port: 4317";
    for (kind, provider, expected) in [
        (
            "zipkin",
            format!("{{{at}, enable64bitTraceId: true, path: /spans, headers: [{{name: a, value: b}}]}}"),
            &[
                "path=/spans@zipkin.path",
                "timeout=5s@-",
                "headers={\"a\": \"b\"}@zipkin.headers",
                "enable64bitTraceId=true@zipkin.enable64bitTraceId",
                "traceContextOption=USE_B3@-",
            ][..],
        ),
        ("datadog", format!("{{{at}}}"), &["serviceName=all@mesh: defaultConfig.serviceCluster"]),
        ("skywalking", format!("{{{at}}}"), &["serviceName=all@mesh: defaultConfig.serviceCluster"]),
        (
            "opentelemetry",
            format!(
                "{{{at}, http: {{path: /v1/traces, headers: [{{name: a, value: b}}, {{name: c, envName: D}}]}}, \
                 resourceDetectors: {{environment: {{}}}}}}"
            ),
            &[
                "http.path=/v1/traces@opentelemetry.http.path",
                "http.timeout=3s@-",
                "http.headers={\"a\": \"b\", \"c\": \"the control plane's variable D\"}@opentelemetry.http.headers",
                "serviceName=all@mesh: defaultConfig.serviceCluster",
                "resourceDetectors=environment@opentelemetry.resourceDetectors",
            ],
        ),
        (
            "opentelemetry",
            format!(
                "{{{at}, grpc: {{timeout: 2s}}, resourceDetectors: {{dynatrace: {{}}}}, serviceAttributeEnrichment: \
                 OTEL_SEMANTIC_CONVENTIONS}}"
            ),
            &[
                "grpc.timeout=2s@opentelemetry.grpc.timeout",
                "grpc.initialMetadata=none@-",
                "serviceName=x-v1@opentelemetry.serviceAttributeEnrichment",
                "resourceDetectors=dynatrace, environment@opentelemetry.serviceAttributeEnrichment",
            ],
        ),
        (
            "opentelemetry",
            format!(
                "{{{at}, http: {{path: /t}}, dynatraceSampler: {{tenant: t, clusterId: 7, rootSpansPerMinute: 9}}}}"
            ),
            &[
                "http.path=/t@opentelemetry.http.path",
                "http.timeout=3s@-",
                "http.headers=none@-",
                "serviceName=all@mesh: defaultConfig.serviceCluster",
                "resourceDetectors=none@-",
                "dynatraceSampler.tenant=t@opentelemetry.dynatraceSampler.tenant",
                "dynatraceSampler.clusterId=7@opentelemetry.dynatraceSampler.clusterId",
                "dynatraceSampler.rootSpansPerMinute=9@opentelemetry.dynatraceSampler.rootSpansPerMinute",
                "dynatraceSampler.httpService=where spans go, at /api/v2/samplingConfiguration@-",
            ],
        ),
    ] {
        let found = fields_of(Signal::Tracing, &format!("{kind}: {provider}"));
        let of_collector = [
            format!("service=collector.obs@{kind}.service"),
            format!("port=4317@{kind}.port"),
            "endpoints=collector.obs:4317@collector: spec.ports".to_owned(),
            "connectTimeout=10s@-".to_owned(),
        ];
        assert_eq!(found[..4], of_collector, "{provider}");
        assert_eq!(found[4..], *expected, "{provider}");
    }
}

#[test]
fn a_sampler_with_a_service_of_its_own_says_each_field_of_it() {
    let provider = "opentelemetry: {service: collector.obs, port: 4317, dynatraceSampler: {tenant: t, clusterId: 7, \
                    httpService: {service: collector.obs, port: 4318, http: {path: /s, timeout: 4s}}}}";
    let found = fields_of(Signal::Tracing, provider);
    let within = "dynatraceSampler.httpService.";
    let of_service: Vec<&str> = found.iter().filter_map(|field| field.strip_prefix(within)).collect();
    assert_eq!(
        of_service,
        [
            "service=collector.obs@opentelemetry.dynatraceSampler.httpService.service",
            "port=4318@opentelemetry.dynatraceSampler.httpService.port",
            "endpoints=collector.obs:4318@collector: spec.ports",
            "connectTimeout=10s@-",
            "http.path=/s@opentelemetry.dynatraceSampler.httpService.http.path",
            "http.timeout=4s@opentelemetry.dynatraceSampler.httpService.http.timeout",
            "http.headers=none@-",
        ]
    );
}

#[test]
fn every_field_of_a_logger_comes_from_its_own_place() {
    let at = "service: collector.obs, port: 4317";
    for (provider, expected) in [
        (
            "envoyFileAccessLog: {path: /f, logFormat: {labels: {c: '%RESPONSE_CODE%'}}, omitEmptyValues: false}"
                .to_owned(),
            &[
                "path=/f@envoyFileAccessLog.path",
                "logFormat={\"c\": \"%RESPONSE_CODE%\"}@envoyFileAccessLog.logFormat.labels",
                "omitEmptyValues=false@envoyFileAccessLog.omitEmptyValues",
            ][..],
        ),
        (
            "envoy_file_access_log: {log_format: {text: 'a'}}".to_owned(),
            &[
                "path=/dev/stdout@-",
                "logFormat=a@envoy_file_access_log.log_format.text",
                "omitEmptyValues=false@-",
            ],
        ),
        (
            format!("envoyOtelAls: {{{at}, logFormat: {{text: 'b', labels: {{c: d}}}}}}"),
            &[
                "service=collector.obs@envoyOtelAls.service",
                "port=4317@envoyOtelAls.port",
                "endpoints=collector.obs:4317@collector: spec.ports",
                "connectTimeout=10s@-",
                "logName=otel_envoy_accesslog@-",
                "logFormat.text=b@envoyOtelAls.logFormat.text",
                "logFormat.labels={\"c\": \"d\"}@envoyOtelAls.logFormat.labels",
            ],
        ),
        (
            format!("envoyHttpAls: {{{at}, logName: l, additionalRequestHeadersToLog: [x-a]}}"),
            &[
                "service=collector.obs@envoyHttpAls.service",
                "port=4317@envoyHttpAls.port",
                "endpoints=collector.obs:4317@collector: spec.ports",
                "connectTimeout=10s@-",
                "logName=l@envoyHttpAls.logName",
                "filterStateObjectsToLog=upstream_peer, downstream_peer@-",
                "additionalRequestHeadersToLog=x-a@envoyHttpAls.additionalRequestHeadersToLog",
                "additionalResponseHeadersToLog=none@-",
                "additionalResponseTrailersToLog=none@-",
            ],
        ),
    ] {
        assert_eq!(fields_of(Signal::AccessLogging, &provider), expected, "{provider}");
    }
}
