//! A mesh's configuration, with providers of every kind, and the services that they report to.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::{Chance, shape};

/// What of MeshConfig telemetry needs, as a JSON Schema.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    object(json!({
        "enableTracing": flag(),
        "accessLogFile": {"enum": ["", "/dev/stdout", "/dev/stderr"]},
        "accessLogFormat": text(),
        "accessLogEncoding": {"enum": ["TEXT", "JSON"]},
        "enableEnvoyAccessLogService": flag(),
        "disableEnvoyListenerLog": flag(),
        "defaultConfig": object(json!({
            "serviceCluster": text(),
            "tracingServiceName": {"enum": ["APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE"]},
            "tracing": object(json!({
                "sampling": {"type": "number", "minimum": 0, "maximum": 100},
                "maxPathTagLength": {"type": "integer", "minimum": 0, "maximum": 1024},
                "enableIstioTags": flag(),
                "zipkin": object(json!({"address": {"enum": ["zipkin.observability:9411"]}})),
                "customTags": {"type": "object", "additionalProperties": object(json!({
                    "literal": required("value", text()),
                    "environment": required("name", text()),
                    "header": required("name", text()),
                }))},
            })),
        })),
    }))
});

/// Every provider that documents name, with the fields of its kind.
static PROVIDERS: LazyLock<Vec<(&str, &str, Value)>> = LazyLock::new(|| {
    let headers = json!({"type": "array", "items": named_value()});
    let http = object(json!({"path": text(), "timeout": text(), "headers": headers}));
    let labels = json!({"type": "object", "additionalProperties": text()});
    let strings = json!({"type": "array", "items": text()});
    let format = object(json!({"text": text(), "labels": labels}));
    let one_format = json!({"enum": [{"text": "%PROTOCOL%"}, {"text": ""}, {"labels": {}}, {"labels": {"a": {"b": ["%DURATION%", 1]}}}]});
    let length = json!({"type": "integer", "minimum": 0, "maximum": 1024});
    vec![
        (
            "otel",
            "opentelemetry",
            collector(json!({
                "maxTagLength": length,
                "grpc": object(json!({"timeout": text(), "initialMetadata": headers})),
                "resourceDetectors": object(json!({"environment": object(json!({})), "dynatrace": object(json!({}))})),
                "serviceAttributeEnrichment": {"enum": ["ISTIO_CANONICAL", "OTEL_SEMANTIC_CONVENTIONS"]},
            })),
        ),
        (
            "otel-http",
            "opentelemetry",
            collector(json!({
                "http": http,
                "dynatraceSampler": needing(&["tenant", "clusterId"], object(json!({
                    "tenant": text(),
                    "clusterId": length,
                    "rootSpansPerMinute": length,
                    "httpService": needing(&["service", "port", "http"], collector(json!({"http": http}))),
                }))),
            })),
        ),
        (
            "zipkin",
            "zipkin",
            collector(json!({
                "maxTagLength": length,
                "enable64bitTraceId": flag(),
                "path": text(),
                "traceContextOption": {"enum": ["USE_B3", "USE_B3_WITH_W3C_PROPAGATION"]},
                "timeout": text(),
                "headers": headers,
            })),
        ),
        ("datadog", "datadog", collector(json!({"maxTagLength": length}))),
        ("skywalking", "skywalking", collector(json!({"accessToken": text()}))),
        ("lightstep", "lightstep", collector(json!({"accessToken": text(), "maxTagLength": length}))),
        ("prom", "prometheus", object(json!({}))),
        ("text", "envoyFileAccessLog", object(json!({"path": text(), "omitEmptyValues": flag()}))),
        ("json", "envoyFileAccessLog", object(json!({"path": text(), "logFormat": one_format}))),
        (
            "als",
            "envoyHttpAls",
            collector(json!({
                "logName": text(),
                "filterStateObjectsToLog": strings,
                "additionalRequestHeadersToLog": strings,
                "additionalResponseHeadersToLog": strings,
                "additionalResponseTrailersToLog": strings,
            })),
        ),
        ("tcpals", "envoyTcpAls", collector(json!({"logName": text(), "filterStateObjectsToLog": strings}))),
        ("olog", "envoyOtelAls", collector(json!({"logName": text(), "logFormat": format}))),
        ("ext-authz", "envoyExtAuthzGrpc", collector(json!({}))),
    ]
});

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

fn required(name: &str, schema: Value) -> Value {
    json!({"type": "object", "properties": {name: schema}, "required": [name]})
}

/// An object whose fields of these names must be there.
fn needing(names: &[&str], mut object: Value) -> Value {
    object["required"] = json!(names);
    object
}

fn named_value() -> Value {
    json!({"type": "object", "properties": {"name": text(), "value": text(), "envName": text()}, "required": ["name"]})
}

/// What reports to a service.
fn collector(mut properties: Value) -> Value {
    properties["service"] = text();
    properties["port"] = json!({"type": "integer", "minimum": 4317, "maximum": 4318});
    json!({"type": "object", "properties": properties, "required": ["service", "port"]})
}

/// The configuration.
pub fn mesh_config(chance: &mut Chance<'_>) -> Value {
    let mut mesh = match shape::value(&SCHEMA, "", chance) {
        Value::Object(mesh) => mesh,
        other => Map::from_iter([("defaultConfig".to_owned(), other)]),
    };
    mesh.insert("rootNamespace".to_owned(), json!("istio-system"));
    let providers = PROVIDERS.iter().map(|(name, kind, schema)| {
        let mut provider = Map::from_iter([("name".to_owned(), json!(name))]);
        provider.insert((*kind).to_owned(), shape::value(schema, kind, chance));
        Value::Object(provider)
    });
    let providers: Vec<Value> = providers.collect();
    mesh.insert("extensionProviders".to_owned(), Value::Array(providers));
    mesh.insert("defaultProviders".to_owned(), defaults(chance));
    Value::Object(mesh)
}

fn defaults(chance: &mut Chance<'_>) -> Value {
    let mut defaults = Map::new();
    for (signal, names) in [
        ("tracing", ["otel", "zipkin", "datadog"]),
        ("metrics", ["prometheus", "prom", "ghost"]),
        ("accessLogging", ["envoy", "json", "olog"]),
    ] {
        if chance.happens(500) {
            defaults.insert(signal.to_owned(), json!([chance.pick(&names.each_ref().map(|name| *name))]));
        }
    }
    Value::Object(defaults)
}

/// The service that every provider can report to, and one that two namespaces have.
pub fn services() -> Vec<Value> {
    let service = |name: &str, namespace: &str, host: &str| {
        json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "ServiceEntry",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "hosts": [host],
                "ports": [
                    {"number": 4317, "name": "grpc", "protocol": "GRPC"},
                    {"number": 4318, "name": "http", "protocol": "HTTP"},
                ],
                "resolution": "STATIC",
                "endpoints": [{"address": "127.0.0.1"}],
            },
        })
    };
    vec![
        service("collector", "observability", "collector.observability.svc.cluster.local"),
        service("two", "observability", "two.example"),
        service("two", "shop", "two.example"),
    ]
}
