//! Texts that mean something where they stand, and objects whose fields depend on each other.

use serde_json::{Value, json};

use super::Chance;

/// Providers, by the signal that they are for.
const PROVIDERS: [(&str, &[&str]); 3] = [
    ("tracing", &["otel", "otel-http", "zipkin", "datadog", "skywalking"]),
    ("metrics", &["prometheus", "prom"]),
    ("accessLogging", &["envoy", "text", "json", "olog", "als", "tcpals"]),
];

/// Names that are no provider for the signal, or none at all.
const NO_PROVIDERS: &[&str] =
    &["ghost", "", "stackdriver", "lightstep", "ext-authz", "Envoy", "OTEL", "prometheus"];

/// Filters of access logs.
const FILTERS: &[&str] = &[
    "response.code >= 400",
    "request.method == 'GET' || request.path.startsWith('/api')",
    "'x-debug' in request.headers && request.headers['x-debug'] == '1'",
    "connection.mtls",
    "response.flags != 0 && !(response.code in [404, 429])",
    "request.duration > duration('1s')",
    "request.host.matches('^a') && size(request.path) > 1 && request.time.getHours('UTC') >= 0",
    "re.extract(request.path, '/(a)/', '\\\\1') == 'a'",
    "(response.code / 100) == 5 ? true : request.size > 1024",
    "source.address.matches('^10\\\\.')",
    "true",
    "has(request.headers.host)",
    "metadata.filter_metadata['a']['b'] == 'c'",
];

/// Scripts.
const SCRIPTS: &[&str] = &[
    "function envoy_on_request(handle) end",
    "function envoy_on_request(handle)\n  handle:headers():add(\"x-a\", \"b\")\nend\n",
    "-- Nothing calls this.\nlocal a = 1",
];

/// What is no filter, or a poor one.
const NO_FILTERS: &[&str] = &[
    "",
    ")++++",
    "response.code",
    "no_such == 1",
    "1 +",
    "'a' == \"b",
    "a.b.c(",
    "\u{0}",
    "x ? y : ",
    "string(response.code) == '200'",
    "request.host.lowerAscii() == 'a'",
    "[1].exists(x, x == response.code)",
    "'a' + request.host == 'ab'",
];

/// Values of labels.
const VALUES: &[&str] = &[
    "request.host",
    "'text'",
    "string(response.code)",
    "request.headers['x-tenant']",
    "'x' + request.method",
    "filter_state.upstream_peer.labels['custom']",
    "has(request.referer) ? 'yes' : 'no'",
    "source.principal",
    "node.id",
];
const NO_VALUES: &[&str] = &["", "request.", "production", "a b", "'", "1 / 0", "[1, 2]"];

const DURATIONS: &[&str] = &["5s", "1ms", "1m30s", "0.5s", "1h", "1500ms", "2h45m0.5s"];
const NO_DURATIONS: &[&str] = &["5", "0s", "-1s", "500us", "5 s", "1d", "", "99999999999h", ".s", "1e3s"];

const HEADERS: &[&str] = &["x-tenant", "user-agent", "authorization", "x_under", ":path"];
const NO_HEADERS: &[&str] = &["", "x y", "x\ny", "x:y", "ä", "%REQ(a)%"];

const FORMATS: &[&str] = &[
    "%PROTOCOL%",
    "%REQ(X-A?:PATH):20% and %RESP(B)%",
    "%START_TIME(%s.%3f)%",
    "%DURATION% 100%% %RESPONSE_CODE%",
    "%DYNAMIC_METADATA(a:b:c):5%",
    "plain",
    "%FILTER_STATE(x:PLAIN)%",
    "%DOWNSTREAM_PEER_URI_SAN%",
];

/// Formats that only access logs can have.
const LOG_FORMATS: &[&str] = &[
    "%REQ_WITHOUT_QUERY(:PATH)%",
    "{\"code\": \"%RESPONSE_CODE%\", \"at\": {\"path\": \"%REQ_WITHOUT_QUERY(:PATH)%\"}}",
];
const NO_FORMATS: &[&str] = &[
    "",
    "%",
    "%NOPE%",
    "%REQ(%",
    "%REQ()%",
    "%START_TIME(%",
    "50% off",
    "%RESPONSE_CODE(1)%",
    "%DURATION:x%",
];

const URLS: &[&str] = &[
    "file:///etc/burgee/guard.wasm",
    "oci://ghcr.io/bookinfo/guard:1",
    "ghcr.io/bookinfo/guard@sha256:0123",
    "https://modules.example/guard.wasm",
    "http://modules.example:8080/guard.wasm?a=b",
];
const NO_URLS: &[&str] = &["", "ftp://a/b", "localhost:5000/a", "oci://", "file:", "https://a b/", "://"];

const NAMES: &[&str] = &["reviews", "a", "x1", "long-name-of-something"];
const NO_NAMES: &[&str] = &["", "a b", "\n", "ü", "a*"];

/// The value at a path whose words are known; none for any other.
pub fn of(path: &str, schema: &Value, chance: &mut Chance<'_>) -> Option<Value> {
    if let Some(values) = schema["enum"].as_array() {
        let of_enum: Vec<&Value> = values.iter().collect();
        return Some(
            word(chance, &[], &["", "client", "SOMETHING"]).unwrap_or_else(|| chance.pick(&of_enum).clone()),
        );
    }
    let last = path.rsplit(['.', '[', '{']).find(|part| !matches!(*part, "]" | "}")).unwrap_or_default();
    if let Some(object) = dependent(path, last, chance) {
        return Some(object);
    }
    let (good, bad) = match last {
        "name" if path.contains("providers[]") => {
            let signal = PROVIDERS.iter().find(|(signal, _)| path.contains(signal));
            (signal.map_or(NAMES, |(_, names)| *names), NO_PROVIDERS)
        }
        "expression" => (FILTERS, NO_FILTERS),
        "reportingInterval" | "timeout" => (DURATIONS, NO_DURATIONS),
        "name" if path.contains(".header.") || path.contains("headers[]") || path.contains("Metadata[]") => {
            (HEADERS, NO_HEADERS)
        }
        "value" if path.contains("headers[]") || path.contains("Metadata[]") => {
            (&["x", "Bearer abc", "100%", "%%", "a%20b"][..], &["a\nb", ""][..])
        }
        "value" if path.contains(".formatter.") => (FORMATS, NO_FORMATS),
        _ if matches!(last, "text" | "accessLogFormat") || path.ends_with(".labels{}") => {
            (if chance.happens(250) { LOG_FORMATS } else { FORMATS }, NO_FORMATS)
        }
        // Whether it is Lua is Envoy's to judge.
        "inlineCode" => (SCRIPTS, &["", "function envoy_on_response(handle) end"][..]),
        "url" => (URLS, NO_URLS),
        "sha256" => {
            (&["", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"][..], &["00", "G"][..])
        }
        "service" => (SERVICES, NO_SERVICES),
        "path" if path.contains("envoyFileAccessLog") => {
            (&["/dev/stdout", "/dev/null", ""][..], &["a b", "\n"][..])
        }
        "path" => (&["/v1/traces", "/api/v2/spans", "", "traces?a=b"][..], &["a b", "\n", "%zz"][..]),
        "creationTimestamp" => (&["2024-05-01T09:00:00Z", "2023-05-01T09:00:00Z"][..], &["yesterday"][..]),
        _ if schema["type"] == "string" => (NAMES, NO_NAMES),
        _ => return None,
    };
    word(chance, good, bad)
}

const SERVICES: &[&str] =
    &["collector.observability.svc.cluster.local", "observability/collector.observability.svc.cluster.local"];
const NO_SERVICES: &[&str] = &["", "lost.example", "a/b/c", "two.example", "collector", "10.0.0.1", "a b"];

fn word(chance: &mut Chance<'_>, good: &[&str], bad: &[&str]) -> Option<Value> {
    if chance.is_fault() {
        return Some(json!(chance.pick(bad)));
    }
    (!good.is_empty()).then(|| json!(chance.pick(good)))
}

/// Objects whose fields are not independent.
fn dependent(path: &str, last: &str, chance: &mut Chance<'_>) -> Option<Value> {
    if chance.is_fault() {
        return None;
    }
    if path.ends_with("tagOverrides{}") {
        let values = if chance.is_fault() { NO_VALUES } else { VALUES };
        let value = chance.pick(values);
        return Some(match chance.below(3) {
            0 => json!({"operation": "REMOVE"}),
            1 => json!({"value": value}),
            _ => json!({"operation": "UPSERT", "value": value}),
        });
    }
    match last {
        "targetRef" => Some(target(chance)),
        "targetRefs" if path.ends_with("[]") => Some(target(chance)),
        "env" if path.ends_with("[]") => {
            let name = *chance.pick(&[&"MODE", &"POD_NAME", &"A_1", &"LEVEL", &"HOME", &"b", &"C", &"d"]);
            Some(match chance.below(2) {
                0 => json!({"name": name, "value": "x"}),
                _ => json!({"name": name, "valueFrom": "HOST"}),
            })
        }
        _ => None,
    }
}

fn target(chance: &mut Chance<'_>) -> Value {
    let (group, kind, name) = *chance.pick(&[
        &("gateway.networking.k8s.io", "Gateway", "bookinfo-gateway"),
        &("gateway.networking.k8s.io", "Gateway", "other"),
        &("gateway.networking.k8s.io", "GatewayClass", "istio-waypoint"),
        &("networking.istio.io", "ServiceEntry", "collector"),
        &("", "Service", "reviews"),
    ]);
    match chance.below(4) {
        // Nothing else may stand there.
        0 => json!({"group": group, "kind": kind, "name": name, "namespace": ""}),
        _ => json!({"group": group, "kind": kind, "name": name}),
    }
}

/// The fields of an object of which only one may be there; `None`: none of them need be.
pub fn exclusive(path: &str) -> Option<&'static [Option<&'static str>]> {
    if path == "spec" {
        return Some(&[None, None, Some("selector"), Some("targetRef"), Some("targetRefs")]);
    }
    if path.ends_with("customTags{}") {
        return Some(&[Some("literal"), Some("environment"), Some("header"), Some("formatter")]);
    }
    if path.ends_with("headers[]") || path.ends_with("initialMetadata[]") {
        return Some(&[Some("value"), Some("value"), Some("envName")]);
    }
    path.ends_with("overrides[].match").then_some(&[
        None,
        Some("metric"),
        Some("metric"),
        Some("customMetric"),
    ])
}

/// A key of a map.
pub fn key(path: &str, chance: &mut Chance<'_>) -> String {
    let (good, bad): (&[&str], &[&str]) = match path.rsplit('.').next() {
        Some("matchLabels") => {
            (&["app", "version", "gateway.networking.k8s.io/gateway-name"], &["", "a*", "a b"])
        }
        Some("tagOverrides") => (
            &["request_host", "source_principal", "response_code", "_x9", "destination_app"],
            &["", "a-b", "9a", "ä"],
        ),
        Some("customTags") => (&["tenant", "http.route", "istio.mesh_id", "a b"], &["", "\n"]),
        _ => (&["a", "b", "c.d"], &["", "ä"]),
    };
    let keys = if chance.is_fault() { bad } else { good };
    chance.pick(keys).to_owned()
}
