//! What Istio's validation and analyzers find, and what neither finds: a case for each row of the specification's tables
//! 1.1.5, 1.2, 1.4, 1.5, 6.1 and 6.2, as far as documents alone can show it.

use std::collections::BTreeSet;

use crate::Severity;
use crate::check::check;
use crate::document::Source;
use crate::test;

/// A row: what it is about, documents, and what is told of them at least, as severities and codes. Nothing that is worse
/// than a note is told beside it.
type Row<'r> = (&'r str, String, &'r [&'r str]);

fn told(documents: &str) -> BTreeSet<String> {
    let problems = check(&[Source::new("row.yaml", documents)]).problems;
    problems.iter().map(|problem| format!("{} {}", problem.severity.name(), problem.code)).collect()
}

fn assert_rows(rows: &[Row<'_>]) {
    let mut faults = Vec::new();
    for (name, documents, expected) in rows {
        let told = told(documents);
        let expected: BTreeSet<String> = expected.iter().map(|one| (*one).to_owned()).collect();
        let unexpected = told.iter().filter(|one| !expected.contains(*one));
        let unexpected = unexpected.filter(|one| !one.starts_with(Severity::Note.name())).count();
        if unexpected > 0 || !expected.is_subset(&told) {
            faults.push(format!("{name}: expected {expected:?}, told {told:?}\n{documents}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A Telemetry of namespace `a`.
fn telemetry(spec: &str) -> String {
    format!(
        "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: a}}\nspec: {spec}\n"
    )
}

/// A Telemetry with an override of metrics.
fn with_override(change: &str) -> String {
    telemetry(&format!("{{metrics: [{{providers: [{{name: prometheus}}], overrides: [{change}]}}]}}"))
}

/// A Telemetry with a custom tag of spans.
fn with_tag(tag: &str) -> String {
    telemetry(&format!("{{tracing: [{{customTags: {{{tag}}}}}]}}"))
}

/// A WasmPlugin whose module is a file.
fn plugin(more: &str) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p, namespace: a}}\n\
         spec: {{url: file:///opt/p.wasm{more}}}\n"
    )
}

/// A bare MeshConfig.
fn mesh(fields: &str) -> String {
    format!("---\n{fields}\n")
}

/// A workload of namespace `a` with the label `app: x`.
const WORKLOAD: &str = "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
                        metadata: {name: x-v1, namespace: a}\nspec: {address: 10.0.0.1, labels: {app: x}}\n";

/// A collector that is a service.
const COLLECTOR: &str = "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
                         metadata: {name: otel, namespace: obs}\nspec: {hosts: [otel.obs], location: MESH_INTERNAL, \
                         resolution: STATIC, ports: [{number: 4317, name: grpc, protocol: GRPC}], endpoints: \
                         [{address: 10.0.0.2}]}\n";

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

#[test]
fn validation_of_telemetry() {
    let gateway = "{group: gateway.networking.k8s.io, kind: Gateway, name: g}";
    let targets = |count| {
        repeated(count, |i| format!("{{group: gateway.networking.k8s.io, kind: Gateway, name: g{i}}}"))
    };
    let labels = |count| repeated(count, |i| format!("l{i}: v"));
    assert_rows(&[
        (
            "more than one of selector, targetRef, targetRefs",
            telemetry(&format!("{{selector: {{matchLabels: {{app: x}}}}, targetRef: {gateway}}}")),
            &["error BG0201"],
        ),
        (
            "more than one of them, both targets",
            telemetry(&format!("{{targetRef: {gateway}, targetRefs: [{gateway}]}}")),
            &["error BG0201"],
        ),
        (
            "an empty list of targets does not count",
            telemetry("{selector: {matchLabels: {app: x}}, targetRefs: []}"),
            &[],
        ),
        ("16 targets", telemetry(&format!("{{targetRefs: [{}]}}", targets(16))), &[]),
        ("more than 16 targets", telemetry(&format!("{{targetRefs: [{}]}}", targets(17))), &["error BG0203"]),
        ("selector without labels", telemetry("{selector: {}}"), &["warning BG0217"]),
        ("selector with empty labels", telemetry("{selector: {matchLabels: {}}}"), &["warning BG0217"]),
        ("selector key empty", telemetry("{selector: {matchLabels: {\"\": x}}}"), &["error BG0202"]),
        ("* in a selector key", telemetry("{selector: {matchLabels: {a*: x}}}"), &["error BG0202"]),
        ("* in a selector value", telemetry("{selector: {matchLabels: {a: '*'}}}"), &["error BG0202"]),
        (
            "selector value longer than 63",
            telemetry(&format!("{{selector: {{matchLabels: {{a: {}}}}}}}", "x".repeat(64))),
            &["error BG0202"],
        ),
        (
            "more than 4096 labels",
            telemetry(&format!("{{selector: {{matchLabels: {{{}}}}}}}", labels(4097))),
            &["error BG0202"],
        ),
        ("4096 labels", telemetry(&format!("{{selector: {{matchLabels: {{{}}}}}}}", labels(4096))), &[]),
        (
            "targetRef name empty",
            telemetry("{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: \"\"}]}"),
            &["error BG0203"],
        ),
        (
            "targetRef namespace non-empty",
            telemetry(
                "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g, namespace: b}]}",
            ),
            &["error BG0203"],
        ),
        (
            "targetRef of another kind",
            telemetry("{targetRefs: [{group: apps, kind: Deployment, name: d}]}"),
            &["error BG0203"],
        ),
        (
            "targetRef of another group",
            telemetry("{targetRefs: [{group: networking.istio.io, kind: Gateway, name: g}]}"),
            &["error BG0203"],
        ),
        ("provider entry null", telemetry("{metrics: [{providers: [null]}]}"), &["error BG0107"]),
        ("provider name empty", telemetry("{metrics: [{providers: [{name: \"\"}]}]}"), &["error BG0204"]),
        ("more than one entry in tracing", telemetry("{tracing: [{}, {}]}"), &["warning BG0212"]),
        (
            "more than one provider inside one tracing entry",
            telemetry("{tracing: [{providers: [{name: a}, {name: b}]}]}"),
            &["warning BG0212"],
        ),
        ("sampling below 0", telemetry("{tracing: [{randomSamplingPercentage: -0.1}]}"), &["error BG0111"]),
        (
            "sampling above 100",
            telemetry("{tracing: [{randomSamplingPercentage: 100.1}]}"),
            &["error BG0111"],
        ),
        ("custom tag with empty key", with_tag("\"\": {literal: {value: x}}"), &["error BG0218"]),
        ("custom tag null", with_tag("t: null"), &["error BG0107"]),
        ("custom tag literal value empty", with_tag("t: {literal: {value: \"\"}}"), &["error BG0218"]),
        ("custom tag header name empty", with_tag("t: {header: {name: \"\"}}"), &["error BG0218"]),
        ("custom tag environment name empty", with_tag("t: {environment: {name: \"\"}}"), &["error BG0218"]),
        ("custom tag formatter value empty", with_tag("t: {formatter: {value: \"\"}}"), &["error BG0218"]),
        (
            "custom tag with two variants",
            with_tag("t: {literal: {value: x}, environment: {name: Y}}"),
            &["error BG0218"],
        ),
        ("override null", with_override("null"), &["error BG0107"]),
        ("tag override null", with_override("{tagOverrides: {t: null}}"), &["error BG0107"]),
        (
            "operation explicitly UPSERT, value missing",
            with_override("{tagOverrides: {t: {operation: UPSERT}}}"),
            &["error BG0207"],
        ),
        (
            "operation explicitly UPSERT, value empty",
            with_override("{tagOverrides: {t: {operation: UPSERT, value: \"\"}}}"),
            &["error BG0207"],
        ),
        (
            "operation omitted, value empty",
            with_override("{tagOverrides: {t: {value: \"\"}}}"),
            &["error BG0207"],
        ),
        ("operation omitted, value missing", with_override("{tagOverrides: {t: {}}}"), &["error BG0207"]),
        (
            "operation REMOVE, value present",
            with_override("{tagOverrides: {reporter: {operation: REMOVE, value: x}}}"),
            &["error BG0208"],
        ),
        (
            "match.metric and match.customMetric both set",
            with_override("{match: {metric: REQUEST_COUNT, customMetric: m}}"),
            &["error BG0211"],
        ),
        ("customMetric empty", with_override("{match: {customMetric: \"\"}}"), &["error BG0108"]),
        (
            "reportingInterval not a duration",
            telemetry("{metrics: [{reportingInterval: soon}]}"),
            &["error BG0112"],
        ),
        (
            "reportingInterval under 1 ms",
            telemetry("{metrics: [{reportingInterval: 999us}]}"),
            &["error BG0111"],
        ),
        ("reportingInterval of 1 ms", telemetry("{metrics: [{reportingInterval: 1ms}]}"), &[]),
        (
            "access log filter not parseable as CEL",
            telemetry("{accessLogging: [{providers: [{name: envoy}], filter: {expression: )++++}}]}"),
            &["error BG0209"],
        ),
        (
            "access log filter without an expression",
            telemetry("{accessLogging: [{providers: [{name: envoy}], filter: {}}]}"),
            &["error BG0110"],
        ),
        (
            "access log filter that is empty",
            telemetry("{accessLogging: [{providers: [{name: envoy}], filter: {expression: \"\"}}]}"),
            &["error BG0209"],
        ),
        ("null entry in tracing", telemetry("{tracing: [null]}"), &["error BG0107"]),
        ("null entry in metrics", telemetry("{metrics: [null]}"), &["error BG0107"]),
        ("null entry in accessLogging", telemetry("{accessLogging: [null]}"), &["error BG0107"]),
        (
            "a filter that parses and is no boolean",
            telemetry("{accessLogging: [{providers: [{name: envoy}], filter: {expression: response.code}}]}"),
            &["warning BG0221"],
        ),
        (
            "a filter of an unknown attribute",
            telemetry(
                "{accessLogging: [{providers: [{name: envoy}], filter: {expression: no_such_attribute == 1}}]}",
            ),
            &["warning BG0210"],
        ),
    ]);
}

#[test]
fn validation_of_wasm_plugins() {
    let url = |url: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
             metadata: {{name: p, namespace: a}}\nspec: {{url: '{url}'}}\n"
        )
    };
    let env = |env: &str| plugin(&format!(", vmConfig: {{env: [{env}]}}"));
    let variables = |count| repeated(count, |i| format!("{{name: V{i}}}"));
    assert_rows(&[
        ("url empty", url(""), &["error BG0242"]),
        ("url that can not be parsed", url("https://a b/c"), &["error BG0242"]),
        ("url scheme not in the allowed set", url("ftp://a/b"), &["error BG0242"]),
        ("host:5000/x parses as scheme", url("localhost:5000/x"), &["error BG0242"]),
        ("sha256 of another length", plugin(&format!(", sha256: '{}'", "0".repeat(63))), &["error BG0243"]),
        ("sha256 upper-case", plugin(&format!(", sha256: '{}'", "A".repeat(64))), &["error BG0243"]),
        ("sha256 non-hex", plugin(&format!(", sha256: '{}'", "g".repeat(64))), &["error BG0243"]),
        (
            "imagePullSecret longer than 253",
            plugin(&format!(", imagePullSecret: {}", "s".repeat(254))),
            &["error BG0108"],
        ),
        ("imagePullSecret empty", plugin(", imagePullSecret: \"\""), &["error BG0108"]),
        (
            "pluginName longer than 256",
            plugin(&format!(", pluginName: {}", "n".repeat(257))),
            &["error BG0108"],
        ),
        ("pluginName empty", plugin(", pluginName: \"\""), &["error BG0108"]),
        ("env name empty", env("{name: \"\"}"), &["error BG0108"]),
        ("env name longer than 256", env(&format!("{{name: {}}}", "N".repeat(257))), &["error BG0108"]),
        ("env null", env("null"), &["error BG0107"]),
        ("duplicate env name", env("{name: A}, {name: A}"), &["error BG0244"]),
        ("env value present with HOST", env("{name: A, valueFrom: HOST, value: x}"), &["error BG0244"]),
        (
            "env value longer than 2048",
            env(&format!("{{name: A, value: {}}}", "x".repeat(2049))),
            &["error BG0108"],
        ),
        ("more than 256 variables", env(&variables(257)), &["error BG0244"]),
        ("match entry null", plugin(", match: [null]"), &["error BG0107"]),
        ("port entry null", plugin(", match: [{ports: [null]}]"), &["error BG0107"]),
        ("port 0", plugin(", match: [{ports: [{number: 0}]}]"), &["error BG0111"]),
        ("port above 65535", plugin(", match: [{ports: [{number: 65536}]}]"), &["error BG0111"]),
        ("port without a number", plugin(", match: [{ports: [{}]}]"), &["error BG0110"]),
        ("two ports alike", plugin(", match: [{ports: [{number: 1}, {number: 1}]}]"), &["error BG0108"]),
        (
            "selector and targetRefs",
            plugin(
                ", selector: {matchLabels: {a: b}}, targetRefs: [{kind: Gateway, group: \
                 gateway.networking.k8s.io, name: g}]",
            ),
            &["error BG0201"],
        ),
        ("spec null", plugin("").replace("{url: file:///opt/p.wasm}", "null"), &["error BG0110"]),
        ("url null", url("").replace("''", "null"), &["error BG0110"]),
    ]);
}

#[test]
fn validation_of_traffic_extensions() {
    let extension = |spec: &str| {
        format!(
            "---\napiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\n\
             metadata: {{name: p, namespace: a}}\nspec: {spec}\n"
        )
    };
    let module = |more: &str| extension(&format!("{{wasm: {{url: file:///opt/p.wasm{more}}}}}"));
    let script = |code: &str| extension(&format!("{{lua: {{inlineCode: '{code}'}}}}"));
    assert_rows(&[
        ("neither wasm nor lua", extension("{phase: AUTHN}"), &["error BG0254"]),
        ("both", extension("{wasm: {url: file:///a}, lua: {inlineCode: a}}"), &["error BG0254"]),
        ("url empty", extension("{wasm: {url: \"\"}}"), &["error BG0242"]),
        ("url scheme not in the allowed set", extension("{wasm: {url: ftp://a/b}}"), &["error BG0242"]),
        ("lua empty", script(""), &["error BG0108"]),
        ("lua oversized", script(&"x".repeat(65_537)), &["error BG0108"]),
        ("lua oversized in bytes", script(&"é".repeat(40_000)), &["error BG0108"]),
        ("lua that nothing calls", script("x = 1"), &["warning BG0257"]),
        (
            "no singular targetRef",
            extension("{wasm: {url: file:///a}, targetRef: {kind: Service, name: s}}"),
            &["error BG0106", "warning BG0122"],
        ),
        ("sha256 of another length", module(&format!(", sha256: '{}'", "0".repeat(63))), &["error BG0243"]),
        (
            "imagePullSecret longer than 253",
            module(&format!(", imagePullSecret: {}", "s".repeat(254))),
            &["error BG0108"],
        ),
        (
            "pluginName longer than 256",
            module(&format!(", pluginName: {}", "n".repeat(257))),
            &["error BG0108"],
        ),
        ("duplicate env name", module(", vmConfig: {env: [{name: A}, {name: A}]}"), &["error BG0244"]),
        (
            "env value present with HOST",
            module(", vmConfig: {env: [{name: A, valueFrom: HOST, value: x}]}"),
            &["error BG0244"],
        ),
        (
            "a variable of Istio's own",
            module(", vmConfig: {env: [{name: ISTIO_META_X, value: x}]}"),
            &["warning BG0246"],
        ),
        ("a key that is none", module(", verificationKey: x"), &["warning BG0255"]),
        ("port 0", extension("{wasm: {url: file:///a}, match: [{ports: [{number: 0}]}]}"), &["error BG0111"]),
        (
            "selector and targetRefs",
            extension(
                "{wasm: {url: file:///a}, selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: s}]}",
            ),
            &["error BG0201", "warning BG0122"],
        ),
        ("spec null", extension("null"), &["error BG0110"]),
    ]);
}

#[test]
fn validation_of_the_mesh() {
    let provider = |body: &str| mesh(&format!("extensionProviders: [{body}]"));
    let otel = |body: &str| provider(&format!("{{name: otel, opentelemetry: {{{body}}}}}"));
    assert_rows(&[
        ("empty name", provider("{name: \"\", prometheus: {}}"), &["error BG0301"]),
        (
            "duplicate name",
            provider("{name: a, prometheus: {}}, {name: a, prometheus: {}}"),
            &["warning BG0302"],
        ),
        ("service empty", otel("service: \"\", port: 4317"), &["error BG0108"]),
        ("service not a host", otel("service: a/b/c, port: 4317"), &["error BG0108"]),
        ("port 0", otel("service: otel.obs, port: 0"), &["error BG0111"]),
        ("port above 65535", otel("service: otel.obs, port: 65536"), &["error BG0111"]),
        ("no kind", provider("{name: a}"), &["error BG0301"]),
        ("unsupported kind", provider("{name: a, unheardOf: {}}"), &["error BG0301"]),
        (
            "a format with a length that its operator does not take",
            provider("{name: f, envoyFileAccessLog: {logFormat: {text: '%PROTOCOL:3%'}}}"),
            &["error BG0306"],
        ),
        ("unknown JSON field", mesh("accessLogFil: /dev/stdout\nrootNamespace: r"), &["warning BG0106"]),
        (
            "more than one default provider of traces",
            [
                mesh(
                    "extensionProviders: [{name: o, opentelemetry: {service: otel.obs, port: 4317}}]\n\
                     defaultProviders: {tracing: [o, o]}",
                ),
                COLLECTOR.to_owned(),
            ]
            .concat(),
            &["warning BG0212"],
        ),
        ("sampling above 100", mesh("defaultConfig: {tracing: {sampling: 101}}"), &["warning BG0111"]),
        ("custom tag null", mesh("defaultConfig: {tracing: {customTags: {t: null}}}"), &["error BG0107"]),
    ]);
}

/// The documents of a workload that Istio's analyzers know.
fn with_workload(documents: &str) -> String {
    [WORKLOAD, documents].concat()
}

#[test]
fn analyzers() {
    let named = |name: &str, spec: &str| telemetry(spec).replace("name: t,", &format!("name: {name},"));
    let selecting = |name: &str, labels: &str| {
        named(
            name,
            &format!(
                "{{selector: {{matchLabels: {{{labels}}}}}, metrics: [{{providers: [{{name: prometheus}}]}}]}}"
            ),
        )
    };
    let logs = |entries: &str| telemetry(&format!("{{accessLogging: [{entries}]}}"));
    let no_defaults = mesh("rootNamespace: istio-system");
    assert_rows(&[
        (
            "IST0002 a provider of kind lightstep",
            [
                mesh("extensionProviders: [{name: l, lightstep: {service: l.obs, port: 443, accessToken: x}}]"),
                telemetry("{tracing: [{providers: [{name: l}]}]}"),
            ]
            .concat(),
            &["warning BG0261"],
        ),
        ("IST0101 a selector matches no workload", with_workload(&selecting("t", "app: z")), &["warning BG0508"]),
        (
            "IST0101 of a workload of another namespace",
            with_workload(&selecting("t", "app: x").replace("namespace: a", "namespace: b")),
            &["warning BG0508"],
        ),
        ("IST0101 a selector matches", with_workload(&selecting("t", "app: x")), &[]),
        ("IST0101 false: nothing is known of workloads", selecting("t", "app: z"), &[]),
        (
            "IST0157 an entry without providers, and none by default",
            [&no_defaults, &logs("{}")].map(String::as_str).concat(),
            &["warning BG0504"],
        ),
        (
            "IST0157 not of an entry that is disabled",
            [&no_defaults, &logs("{disabled: true}")].map(String::as_str).concat(),
            &[],
        ),
        (
            "IST0157 false: the entry inherits from a parent",
            [
                &no_defaults,
                &logs("{providers: [{name: envoy}]}").replace("namespace: a", "namespace: istio-system"),
                &logs("{}"),
            ]
            .map(String::as_str)
            .concat(),
            &[],
        ),
        (
            "IST0159 two selectors of one workload",
            with_workload(&[selecting("t", "app: x"), selecting("u", "app: x")].concat()),
            &["warning BG0505"],
        ),
        (
            "IST0159 not of two workloads",
            with_workload(
                &[WORKLOAD.replace("x-v1", "y-v1").replace("app: x", "app: z"), selecting("t", "app: x"), selecting("u", "app: z")]
                    .concat(),
            ),
            &[],
        ),
        (
            "IST0160 two documents without a selector",
            [named("t", "{metrics: [{}]}"), named("u", "{metrics: [{}]}")].concat(),
            &["warning BG0501"],
        ),
        (
            "IST0160 missed: a selector without labels",
            [named("t", "{metrics: [{}]}"), named("u", "{selector: {}, metrics: [{}]}")].concat(),
            &["warning BG0217", "warning BG0501"],
        ),
        (
            "IST0160 false: targets",
            [
                named("t", "{metrics: [{}]}"),
                named(
                    "u",
                    "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}], metrics: [{}]}",
                ),
            ]
            .concat(),
            &[],
        ),
    ]);
}

#[test]
fn what_nothing_else_detects() {
    let in_root = |document: String| document.replace("namespace: a", "namespace: istio-system");
    let tracing = |entry: &str| telemetry(&format!("{{tracing: [{entry}]}}"));
    let logging = |entries: &str| telemetry(&format!("{{accessLogging: [{entries}]}}"));
    let otel = mesh("extensionProviders: [{name: otel, opentelemetry: {service: otel.obs, port: 4317}}]");
    let json = "extensionProviders: [{name: json, envoyFileAccessLog: {path: /dev/stderr}}]";
    let provider = |name: &str| format!("{{providers: [{{name: {name}}}]}}");
    let of_image = |more: &str| plugin(more).replace("file:///opt/p.wasm", "oci://registry.example/p:1");
    assert_rows(&[
        (
            "provider name not defined",
            [otel.clone(), tracing(&provider("ghost"))].concat(),
            &["error BG0205"],
        ),
        (
            "provider of the wrong kind for the signal",
            [otel.clone(), tracing(&provider("prometheus"))].concat(),
            &["warning BG0206"],
        ),
        (
            "provider's collector service not resolvable",
            [otel.clone(), tracing(&provider("otel"))].concat(),
            &["warning BG0307"],
        ),
        (
            "provider's collector service there",
            [otel.as_str(), COLLECTOR, &tracing(&provider("otel"))].concat(),
            &[],
        ),
        (
            "tracing configured without any provider and no default",
            [mesh("enableTracing: true"), tracing("{randomSamplingPercentage: 50}")].concat(),
            &["warning BG0510"],
        ),
        (
            "filter on an entry without providers",
            logging("{providers: [{name: envoy}]}, {filter: {expression: response.code >= 400}}"),
            &["warning BG0220"],
        ),
        (
            "disabled on an entry when nothing is in scope",
            [mesh("accessLogFile: /dev/stdout"), logging("{disabled: true}")].concat(),
            &["warning BG0511"],
        ),
        (
            "result empty for one mode, L5",
            [
                mesh("accessLogFile: /dev/stdout"),
                logging("{match: {mode: CLIENT}, providers: [{name: envoy}]}"),
            ]
            .concat(),
            &["note BG0530"],
        ),
        (
            "result empty for one mode, L5 without a file of the mesh",
            [mesh("accessLogFile: \"\""), logging("{match: {mode: CLIENT}, providers: [{name: envoy}]}")]
                .concat(),
            &[],
        ),
        (
            "result empty for one mode, L41",
            [
                mesh(&format!("{json}\ndefaultProviders: {{accessLogging: [envoy]}}")),
                logging("{match: {mode: CLIENT}, providers: [{name: json}]}"),
            ]
            .concat(),
            &["warning BG0513"],
        ),
        (
            "result empty for one mode, L42",
            [
                mesh("defaultProviders: {accessLogging: [envoy]}"),
                logging("{match: {mode: CLIENT}, disabled: true}"),
            ]
            .concat(),
            &["warning BG0513"],
        ),
        (
            "younger namespace-wide Telemetry ignored",
            [telemetry("{metrics: [{}]}"), telemetry("{metrics: [{}]}").replace("name: t,", "name: u,")]
                .concat(),
            &["warning BG0501"],
        ),
        (
            "root-namespace selector Telemetry",
            in_root(telemetry("{selector: {matchLabels: {app: x}}, metrics: [{}]}")),
            &["warning BG0502"],
        ),
        (
            "full metric disable undone by a later partial override, M22",
            with_override(
                "{disabled: true}, {match: {metric: REQUEST_COUNT}, tagOverrides: {m: {value: request.method}}}",
            ),
            &["warning BG0506"],
        ),
        (
            "full metric disable undone by a later partial override, M23, across documents",
            [
                in_root(with_override("{disabled: true}")),
                with_override("{match: {metric: REQUEST_COUNT}, disabled: true}"),
            ]
            .concat(),
            &["warning BG0506"],
        ),
        ("customMetric without definition", with_override("{match: {customMetric: m}}"), &["warning BG0214"]),
        (
            "tag value that is not a quoted CEL literal nor a known attribute",
            with_override("{tagOverrides: {environment: {value: production}}}"),
            &["warning BG0210"],
        ),
        (
            "priority unset mixed with explicit ones",
            with_workload(&[plugin(", priority: -1"), plugin("").replace("name: p,", "name: q,")].concat()),
            &["warning BG0522"],
        ),
        (
            "plugin matches no workload",
            with_workload(&plugin("").replace("namespace: a", "namespace: b")),
            &["warning BG0520"],
        ),
        (
            "plugin matches no workload by its labels",
            with_workload(&plugin(", selector: {matchLabels: {app: z}}")),
            &["warning BG0508"],
        ),
        ("url with a tag and policy unspecified", of_image(""), &["note BG0226"]),
        (
            "url with a tag and policy IfNotPresent",
            of_image(", imagePullPolicy: IfNotPresent"),
            &["note BG0226"],
        ),
        ("url with a tag and policy Always", of_image(", imagePullPolicy: Always"), &[]),
        (
            "two prometheus-kind providers in scope",
            [
                mesh("extensionProviders: [{name: other, prometheus: {}}]"),
                telemetry("{metrics: [{providers: [{name: prometheus}, {name: other}]}]}"),
            ]
            .concat(),
            &["warning BG0503"],
        ),
        (
            "a provider that an entry of the same document takes out of force, M38",
            [
                mesh("extensionProviders: [{name: other, prometheus: {}}]"),
                telemetry(
                    "{metrics: [{providers: [{name: prometheus}], overrides: [{disabled: true}]}, \
                     {providers: [{name: other}]}]}",
                ),
            ]
            .concat(),
            &["warning BG0532"],
        ),
        (
            "an empty map of tags keeps the inherited ones, T14",
            tracing("{customTags: {}}"),
            &["warning BG0227"],
        ),
        (
            "a gateway is a client, M50",
            telemetry(
                "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}], metrics: [{providers: \
                 [{name: prometheus}], overrides: [{match: {mode: SERVER}, disabled: true}]}]}",
            ),
            &["warning BG0533"],
        ),
        (
            "an unknown default provider of traces, T10",
            mesh("defaultProviders: {tracing: [ghost]}"),
            &["warning BG0303"],
        ),
        (
            "a provider that is named where spans are kept back, T20",
            [
                otel.as_str(),
                COLLECTOR,
                &in_root(tracing("{disableSpanReporting: true}")),
                &tracing(&provider("otel")),
            ]
            .concat(),
            &["warning BG0514"],
        ),
        (
            "a switch-off of one provider drops its siblings, L22",
            [
                mesh(json),
                in_root(logging("{providers: [{name: envoy}, {name: json}]}")),
                logging("{providers: [{name: json}], disabled: true}"),
            ]
            .concat(),
            &["warning BG0512"],
        ),
        (
            "a spelling of its own, M42",
            [
                mesh("defaultProviders: {metrics: [prometheus]}"),
                telemetry("{metrics: [{providers: [{name: Prometheus}]}]}"),
            ]
            .concat(),
            &["warning BG0507"],
        ),
        ("a document that asks for nothing", telemetry("{}"), &["note BG0531"]),
    ]);
}
