//! The variants: what stands in the way of a request, and what shows that it did its work. Another one is another row.

use burgee_filter_config::{StandardLabel, StandardMetric};
use serde_json::{Value, json};

/// One way to configure a listener.
#[derive(Debug)]
pub(crate) struct Variant {
    /// What it is called.
    pub name: &'static str,
    /// What it is, in a line.
    pub what: &'static str,
    /// The folder of the crate that its module is built from, in the checkout.
    pub module: Option<&'static str>,
    /// What its listener has beside that of `bare`.
    pub adds: Adds,
    /// What is there after each request that went through it. Without these a filter that does nothing would be fast.
    pub signs: &'static [Sign],
}

/// What a listener has beside that of `bare`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Adds {
    /// Nothing.
    Nothing,
    /// An HTTP filter of Envoy's own.
    Filter(fn() -> Value),
    /// An access logger of Envoy's own.
    AccessLog(fn() -> Value),
    /// The module, as an HTTP filter that is written by hand, with this configuration.
    Module(&'static str),
    /// What these documents make of it, with the module as that of our telemetry.
    Documents(&'static str),
}

/// What shows that a variant did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The answer has this header.
    Header(&'static str, &'static str),
    /// A counter of this name, as Prometheus shows it, has grown by one for each request, all series together.
    Counter(&'static str),
    /// A distribution of this name has one value for each request, all series together.
    Distribution(&'static str),
}

/// The header that variants add that do nothing else.
const HELLO: Sign = Sign::Header("x-hello", "world");

/// Every variant, in the order in which they take turns.
pub(crate) const ALL: &[Variant] = &[
    Variant {
        name: "bare",
        what: "the router and nothing else",
        module: None,
        adds: Adds::Nothing,
        signs: &[],
    },
    Variant {
        name: "sdk-header",
        what: "one header for the answer: plain SDK, with the profile of the SDK's examples",
        module: Some("filters/testing/strangers/hello"),
        adds: Adds::Module(""),
        signs: &[HELLO],
    },
    Variant {
        name: "kit-header",
        what: "one header for the answer: our kit",
        module: Some("tests/bench/filters/header"),
        adds: Adds::Module(""),
        signs: &[HELLO],
    },
    Variant {
        name: "lua-header",
        what: "one header for the answer: Envoy's Lua filter",
        module: None,
        adds: Adds::Filter(lua_header),
        signs: &[HELLO],
    },
    Variant {
        name: "kit-count",
        what: "a counter without labels at the end of a request: our kit, the smallest filter",
        module: Some("tests/bench/filters/count"),
        adds: Adds::Module(""),
        signs: &[Sign::Counter("bench_requests_total")],
    },
    Variant {
        name: "headers",
        what: "filters/headers: one header set and one removed, of the request and of the answer",
        module: Some("filters/headers"),
        adds: Adds::Module(
            r#"{"request": {"set": {"x-through": "gateway"}, "remove": ["x-internal"]},
                "response": {"set": {"x-served-by": "burgee"}, "remove": ["x-envoy-upstream-service-time"]}}"#,
        ),
        signs: &[Sign::Header("x-served-by", "burgee")],
    },
    Variant {
        name: "sdk-stats",
        what: "the four metrics with the plain SDK, written as one would: 10 labels, read anew for each request",
        module: Some("filters/testing/strangers/request-metrics"),
        adds: Adds::Module(""),
        signs: SDK_METRICS_MADE,
    },
    Variant {
        name: "stats",
        what: "filters/stats alone: Istio's four metrics of HTTP with 25 labels",
        module: Some("filters/stats"),
        adds: Adds::Documents(METRICS_WASM_ALONE),
        signs: METRICS_MADE,
    },
    Variant {
        name: "stats-http",
        what: "filters/stats where documents switch the messages of gRPC off",
        module: Some("filters/stats"),
        adds: Adds::Documents(METRICS_WASM_HTTP),
        signs: METRICS_MADE,
    },
    Variant {
        name: "telemetry",
        what: "filters/telemetry: the same and the exchange of peers",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS_WASM),
        signs: METRICS_MADE,
    },
    Variant {
        name: "wasm-tag",
        what: "telemetry and one more label of each metric, by an expression",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS_WASM_TAG),
        signs: METRICS_MADE,
    },
    Variant {
        name: "auto",
        what: "the same metrics without the exchange of peers, by the engine that is chosen by itself: the filter, \
               since messages of gRPC take it anyhow",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS_ALONE),
        signs: METRICS_MADE,
    },
    Variant {
        name: "auto-http",
        what: "auto where documents switch the messages of gRPC off: the logger alone, and no filter is met",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS_HTTP),
        signs: METRICS_MADE,
    },
    Variant {
        name: "auto-peers",
        what: "the same with the exchange of peers, as documents are that say nothing more: filters/telemetry",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS),
        signs: METRICS_MADE,
    },
    Variant {
        name: "native",
        what: "the same by the engine `native`: Envoy's stats access logger and, for peers, filters/telemetry",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS_NATIVE),
        signs: METRICS_MADE,
    },
    Variant {
        name: "native-alone",
        what: "the same without the exchange of peers",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS_NATIVE_ALONE),
        signs: METRICS_MADE,
    },
    Variant {
        name: "native-tag",
        what: "native-alone and one more label of each metric, by an expression",
        module: Some("filters/telemetry"),
        adds: Adds::Documents(METRICS_NATIVE_TAG),
        signs: METRICS_MADE,
    },
    Variant {
        name: "native-stats",
        what: "Envoy's stats access logger by hand: the same metrics and labels without peers, sizes of bodies alone",
        module: None,
        adds: Adds::AccessLog(native_stats),
        signs: BY_HAND,
    },
    Variant {
        name: "native-sizes",
        what: "native-stats with sizes as Istio has them, headers included, which takes an expression for each",
        module: None,
        adds: Adds::AccessLog(native_sizes),
        signs: BY_HAND,
    },
    Variant {
        name: "file-log",
        what: "a line for each request in a file, by Istio's format",
        module: None,
        adds: Adds::AccessLog(file_log),
        signs: &[Sign::Counter("envoy_filesystem_write_buffered")],
    },
];

/// The names of all variants.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|variant| variant.name)
}

/// The variant of a name.
pub(crate) fn named(name: &str) -> Option<&'static Variant> {
    ALL.iter().find(|variant| variant.name == name)
}

fn lua_header() -> Value {
    let code = "function envoy_on_response(answer) answer:headers():add('x-hello', 'world') end";
    json!({"name": "envoy.filters.http.lua", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": code},
    }})
}

/// What shows that Istio's metrics of HTTP are made by a filter.
const METRICS_MADE: &[Sign] = &[
    Sign::Counter("istio_requests_total"),
    Sign::Distribution("istio_request_duration_milliseconds"),
    Sign::Distribution("istio_request_bytes"),
    Sign::Distribution("istio_response_bytes"),
];

/// The same of the filter with the plain SDK.
const SDK_METRICS_MADE: &[Sign] = &[
    Sign::Counter("sdk_requests_total"),
    Sign::Distribution("sdk_request_duration_milliseconds"),
    Sign::Distribution("sdk_request_bytes"),
    Sign::Distribution("sdk_response_bytes"),
];

/// The same of the loggers that are written by hand.
const BY_HAND: &[Sign] = &[
    Sign::Counter("envoy_native_istio_requests_total"),
    Sign::Distribution("envoy_native_istio_request_duration_milliseconds"),
    Sign::Distribution("envoy_native_istio_request_bytes"),
    Sign::Distribution("envoy_native_istio_response_bytes"),
];

/// A document that asks for metrics, with these annotations and these overrides.
macro_rules! metrics {
    ($annotations:literal, $overrides:literal) => {
        concat!(
            "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh, namespace: istio-system, annotations: {",
            $annotations,
            "}}
spec:
  metrics:
    - providers: [{name: prometheus}]
      overrides: [",
            $overrides,
            "]
"
        )
    };
}

/// Metrics where the mesh's configuration and no document says more.
pub(crate) const METRICS: &str = metrics!("", "");
const METRICS_ALONE: &str = metrics!("burgee.dev/peer-metadata: 'off'", "");
const METRICS_WASM_HTTP: &str = metrics!(
    "burgee.dev/metrics-engine: wasm, burgee.dev/peer-metadata: 'off'",
    "{match: {metric: GRPC_REQUEST_MESSAGES}, disabled: true}, {match: {metric: GRPC_RESPONSE_MESSAGES}, disabled: true}"
);
const METRICS_HTTP: &str = metrics!(
    "burgee.dev/peer-metadata: 'off'",
    "{match: {metric: GRPC_REQUEST_MESSAGES}, disabled: true}, {match: {metric: GRPC_RESPONSE_MESSAGES}, disabled: true}"
);
const METRICS_WASM: &str = metrics!("burgee.dev/metrics-engine: wasm", "");
const METRICS_WASM_ALONE: &str =
    metrics!("burgee.dev/metrics-engine: wasm, burgee.dev/peer-metadata: 'off'", "");
const METRICS_WASM_TAG: &str =
    metrics!("burgee.dev/metrics-engine: wasm", "{tagOverrides: {method: {value: request.method}}}");
const METRICS_NATIVE: &str = metrics!("burgee.dev/metrics-engine: native", "");
const METRICS_NATIVE_ALONE: &str =
    metrics!("burgee.dev/metrics-engine: native, burgee.dev/peer-metadata: 'off'", "");
const METRICS_NATIVE_TAG: &str = metrics!(
    "burgee.dev/metrics-engine: native, burgee.dev/peer-metadata: 'off'",
    "{tagOverrides: {method: {value: request.method}}}"
);

fn native_stats() -> Value {
    by_hand(["%BYTES_RECEIVED%", "%BYTES_SENT%"])
}

fn native_sizes() -> Value {
    by_hand(["%CEL(request.total_size)%", "%CEL(response.total_size)%"])
}

/// Four metrics by Envoy's logger, with these sizes of requests and responses.
fn by_hand(sizes: [&str; 2]) -> Value {
    let tags: Vec<Value> = StandardLabel::ALL
        .iter()
        .map(|label| json!({"name": label.name(), "value_format": format_of(*label)}))
        .collect();
    let stat =
        |metric: StandardMetric| json!({"name": format!("istio_{}", metric.stat_name()), "tags": &tags});
    let [request, response] = sizes;
    json!({"name": "envoy.access_loggers.stats", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
        "stats_scope": {"prefix": "native"},
        "counters": [{"stat": stat(StandardMetric::RequestCount), "value_fixed": 1}],
        "histograms": [
            {"stat": stat(StandardMetric::RequestDuration), "unit": "Milliseconds", "value_format": "%DURATION%"},
            {"stat": stat(StandardMetric::RequestSize), "unit": "Bytes", "value_format": request},
            {"stat": stat(StandardMetric::ResponseSize), "unit": "Bytes", "value_format": response},
        ],
    }})
}

/// A label's value as an access log's format: what the proxy is itself is written in it, and so is what nobody can say in
/// this listener, where callers have no certificates and clusters no service. What differs between requests is read.
fn format_of(label: StandardLabel) -> &'static str {
    match label {
        StandardLabel::Reporter => "destination",
        StandardLabel::SourceCanonicalRevision => "latest",
        StandardLabel::SourceWorkload
        | StandardLabel::SourceCanonicalService
        | StandardLabel::SourceWorkloadNamespace
        | StandardLabel::SourcePrincipal
        | StandardLabel::SourceApp
        | StandardLabel::SourceVersion
        | StandardLabel::SourceCluster
        | StandardLabel::DestinationPrincipal => "unknown",
        StandardLabel::DestinationWorkload => "web-v1",
        StandardLabel::DestinationWorkloadNamespace | StandardLabel::DestinationServiceNamespace => "shop",
        StandardLabel::DestinationApp
        | StandardLabel::DestinationService
        | StandardLabel::DestinationCanonicalService
        | StandardLabel::DestinationServiceName => "web",
        StandardLabel::DestinationVersion | StandardLabel::DestinationCanonicalRevision => "v1",
        StandardLabel::DestinationCluster => "Kubernetes",
        StandardLabel::RequestProtocol => "%PROTOCOL%",
        StandardLabel::ResponseCode => "%RESPONSE_CODE%",
        StandardLabel::GrpcResponseStatus => "%GRPC_STATUS_NUMBER%",
        StandardLabel::ResponseFlags => "%RESPONSE_FLAGS%",
        StandardLabel::ConnectionSecurityPolicy => "none",
    }
}

/// A line as Istio's proxies write it by default.
fn file_log() -> Value {
    let format = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% \
                  %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \
                  \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \
                  %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \
                  \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% \
                  %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% \
                  %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";
    json!({"name": "envoy.access_loggers.file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": "/dev/null",
        "log_format": {"text_format_source": {"inline_string": format}},
    }})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn variants_have_names_of_their_own_and_signs_of_what_they_do() {
        assert_eq!(names().collect::<BTreeSet<_>>().len(), ALL.len());
        for variant in ALL {
            let does_nothing = matches!(variant.adds, Adds::Nothing);
            assert_eq!(variant.signs.is_empty(), does_nothing, "{}", variant.name);
            let needs_module = matches!(variant.adds, Adds::Module(_) | Adds::Documents(_));
            assert_eq!(variant.module.is_some(), needs_module, "{}", variant.name);
        }
    }

    #[test]
    fn modules_are_built_from_folders_that_are_there() {
        let root = burgee_modules::checkout().unwrap();
        for folder in ALL.iter().filter_map(|variant| variant.module) {
            assert!(root.join(folder).join("Cargo.toml").is_file(), "{folder}");
        }
    }
}
