//! Every kind of tracer: a real Envoy takes what is written for it, and what documents leave to the control plane's
//! environment is taken from the command's.

use std::fs;
use std::path::Path;

use burgee_overlay::Value;

use crate::rendering::{bases, bootstrap_of, name, plain, put, read, render, validate};
use crate::support::program::Program;
use crate::support::{module, tempdir};

/// Providers of every kind, bare and with everything that they can be told.
const PROVIDERS: [&str; 8] = [
    "zipkin: {service: spans.obs.internal, port: 9411}",
    "zipkin: {service: spans.obs.internal, port: 9411, path: '/z?a=b', timeout: 2s, enable64bitTraceId: true, \
     maxTagLength: 64, traceContextOption: USE_B3_WITH_W3C_PROPAGATION, headers: HEADERS}",
    "datadog: {service: spans.obs.internal, port: 8126, maxTagLength: 64}",
    "skywalking: {service: spans.obs.internal, port: 11800}",
    "opentelemetry: {service: spans.obs.internal, port: 4317}",
    "opentelemetry: {service: spans.obs.internal, port: 4317, grpc: {timeout: 1.5s, initialMetadata: HEADERS}, \
     resourceDetectors: {environment: {}, dynatrace: {}}, serviceAttributeEnrichment: OTEL_SEMANTIC_CONVENTIONS, \
     dynatraceSampler: {tenant: t, clusterId: -7, rootSpansPerMinute: 5, \
     httpService: {service: spans.obs.internal, port: 80, http: {path: /ask, headers: HEADERS}}}}",
    "opentelemetry: {service: spans.obs.internal, port: 4318, http: {path: /v1/traces}}",
    "opentelemetry: {service: spans.obs.internal, port: 4318, \
     http: {path: /v1/traces, timeout: 0s, headers: HEADERS}, dynatraceSampler: {tenant: t, clusterId: 7}}",
];

/// Headers with percent signs that Envoy would take for operators, or that are operators.
const HEADERS: &str = "[{name: x-text, value: 'a%20b'}, {name: x-format, value: '%ENVIRONMENT(HOME)%'}, {name: x-token, envName: TOKEN}]";

/// A mesh that sends its spans with a provider, and where its collector is.
fn mesh(provider: &str) -> String {
    let ports = [80, 4317, 4318, 8126, 9411, 11800];
    let ports = ports.map(|port| format!("{{number: {port}, name: tcp-{port}, protocol: TCP}}")).join(", ");
    format!(
        "extensionProviders: [{{name: spans, {}}}]\ndefaultProviders: {{tracing: [spans]}}\n---\n\
         apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: spans, namespace: obs}}\n\
         spec: {{hosts: [spans.obs.internal], resolution: STATIC, ports: [{ports}], endpoints: [{{address: 10.0.0.9}}]}}\n",
        provider.replace("HEADERS", HEADERS)
    )
}

/// The clusters that documents need, as a file of clusters gets them.
fn clusters(folder: &tempfile::TempDir, documents: &str) -> Vec<Value> {
    let file = folder.path().join("clusters.yaml");
    let text = "type_url: type.googleapis.com/envoy.config.cluster.v3.Cluster\nresources: []\n";
    fs::write(&file, text).expect("a file can be written");
    let value = read(&file, &render(&file, &["-f", documents]));
    value.field("resources").map_or(&[][..], Value::items).iter().map(plain).collect()
}

/// Has Envoy validate a file of listeners together with the clusters that it needs.
fn validate_listeners(listeners: &Value, clusters: Vec<Value>) {
    let listeners = listeners.field("resources").map_or(&[][..], Value::items).iter().map(plain).collect();
    let mut bootstrap = bootstrap_of(Value::List(listeners));
    let list = bootstrap.field_mut("static_resources").and_then(|it| it.field_mut("clusters"));
    let Some(Value::List(list)) = list else { panic!("no clusters: {bootstrap:?}") };
    list.extend(clusters);
    validate(Path::new("bootstrap.yaml"), &bootstrap.to_yaml());
}

#[test]
fn a_real_envoy_takes_every_kind_of_tracer() {
    let folder = tempdir();
    for (number, provider) in PROVIDERS.iter().enumerate() {
        let documents = folder.path().join(format!("mesh-{number}.yaml"));
        fs::write(&documents, mesh(provider)).expect("a file can be written");
        let documents = documents.to_string_lossy();
        for base in bases() {
            let once = render(&base, &["-f", &documents]);
            let has_listeners = name(&base) != "dynamic.yaml";
            assert_eq!(once.contains("burgee.tracing.spans"), has_listeners, "{provider}: {once}");
            match name(&base) {
                "listeners-file.yaml" => {
                    validate_listeners(&read(&base, &once), clusters(&folder, &documents));
                }
                other if other.contains("unknown") => {}
                _ => validate(&base, &once),
            }
            let overlaid = put(&folder, &base, &once);
            let before = read(&base, &fs::read_to_string(&base).expect("a base"));
            assert_eq!(read(&base, &render(&overlaid, &[])), before, "{provider}: {}", name(&base));
        }
    }
}

#[test]
fn a_real_envoy_takes_the_meshs_own_tracer() {
    let folder = tempdir();
    let front = bases().into_iter().find(|base| name(base) == "front-proxy.yaml").expect("a front proxy");
    for (kind, address) in [("zipkin", "zipkin.example:9411"), ("datadog", "[fd00::9]:8126")] {
        let documents = folder.path().join("mesh.yaml");
        let text = format!("defaultConfig: {{tracing: {{{kind}: {{address: '{address}'}}}}}}\n");
        fs::write(&documents, text).expect("a file can be written");
        let rendered = render(&front, &["-f", &documents.to_string_lossy()]);
        assert!(rendered.contains("burgee.tracing.mesh"), "{rendered}");
        validate(&front, &rendered);
    }
}

#[test]
fn what_documents_leave_to_the_control_plane_is_taken_from_the_environment_and_not_told() {
    let folder = tempdir();
    let front = bases().into_iter().find(|base| name(base) == "front-proxy.yaml").expect("a front proxy");
    let documents = folder.path().join("mesh.yaml");
    fs::write(&documents, mesh(PROVIDERS[1])).expect("a file can be written");
    let run = |command: &[&str], variables: &[(&str, &str)]| {
        let program = Program::new(command).without_env("TOKEN").without_env("PILOT_TRACE_SAMPLING");
        let program = program.args(["-f".as_ref(), documents.as_os_str()]);
        let set = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
        set.run().expect_code(0)
    };
    let front = front.to_string_lossy();
    let module = module().to_string_lossy();
    let render: &[&str] =
        &["render", "--base", &front, "--workload", "quickstart/hello-v1", "--module", &module];

    let ended = run(render, &[("TOKEN", "s3c%ret\n"), ("PILOT_TRACE_SAMPLING", "7")]);
    // Envoy reads two percent signs as one, and a header has no end of a line.
    assert!(ended.stdout.contains("value: s3c%%ret\n"), "{ended}");
    let words: String = ended.stdout.split_whitespace().collect();
    assert!(words.contains("random_sampling:value:7overall_sampling"), "{ended}");
    assert!(ended.stderr.contains("BG0322") && !ended.stderr.contains("s3c"), "{ended}");

    let ended = run(render, &[("PILOT_TRACE_SAMPLING", "many")]);
    ended.expect_said(&["BG0321", "`TOKEN` is not set", "carry an empty `x-token`", "BG0320"]);

    for output in ["text", "json"] {
        let ended = run(
            &["explain", "quickstart/hello-v1", "-o", output],
            &[("TOKEN", "s3cret"), ("HOME", "/home/me")],
        );
        assert!(ended.stdout.contains("spans"), "{ended}");
        assert!(!ended.stdout.contains("s3cret") && !ended.stderr.contains("s3cret"), "{ended}");
    }
}
