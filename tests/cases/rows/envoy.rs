//! What stands in Envoy's configuration, in the notation of the rows about it.

use burgee_overlay::Value;

/// The operators of the usual line of an access log, in their order; `"` and `[` stand around some.
const USUAL_LINE: &[&str] = &[
    "[%START_TIME%]",
    "\"%REQ(:METHOD)%",
    "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "%PROTOCOL%\"",
    "%RESPONSE_CODE%",
    "%RESPONSE_FLAGS%",
    "%RESPONSE_CODE_DETAILS%",
    "%CONNECTION_TERMINATION_DETAILS%",
    "\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\"",
    "%BYTES_RECEIVED%",
    "%BYTES_SENT%",
    "%DURATION%",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "\"%REQ(X-FORWARDED-FOR)%\"",
    "\"%REQ(USER-AGENT)%\"",
    "\"%REQ(X-REQUEST-ID)%\"",
    "\"%REQ(:AUTHORITY)%\"",
    "\"%UPSTREAM_HOST%\"",
    "%UPSTREAM_CLUSTER_RAW%",
    "%UPSTREAM_LOCAL_ADDRESS%",
    "%DOWNSTREAM_LOCAL_ADDRESS%",
    "%DOWNSTREAM_REMOTE_ADDRESS%",
    "%REQUESTED_SERVER_NAME%",
    "%ROUTE_NAME%\n",
];

/// The keys of the usual JSON, each with the number of its operator in the usual line.
const USUAL_KEYS: &[&str] = &[
    "start_time",
    "method",
    "path",
    "protocol",
    "response_code",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "bytes_received",
    "bytes_sent",
    "duration",
    "upstream_service_time",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    "authority",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
];

/// Access logs: what they are, where they go, how they look and which records they keep.
pub fn access_logs(part: &Value) -> Vec<String> {
    part.field("access_log").map_or(&[][..], Value::items).iter().map(access_log).collect()
}

fn access_log(log: &Value) -> String {
    let config = log.field("typed_config").expect("an access log has a configuration");
    let mut words = match config.any_type().map(last) {
        Some("FileAccessLog") => {
            let format = config.field("log_format").expect("a file has a format");
            let mut words = vec![format!("file {}", string(config, &["path"])), looks(format)];
            words.extend(formatters(format));
            words
        }
        Some("OpenTelemetryAccessLogConfig") => {
            let mut words = vec![
                format!("open_telemetry {}", grpc(config)),
                looks_like(string(config, &["body", "string_value"])),
            ];
            words.extend(attributes(config));
            words.extend(formatters(config));
            words
        }
        Some("HttpGrpcAccessLogConfig") => vec![format!("http_grpc {}", of_service(config))],
        Some("TcpGrpcAccessLogConfig") => vec![format!("tcp_grpc {}", of_service(config))],
        other => panic!("an access log of type {other:?}"),
    };
    words.extend(log.field("filter").map(filter));
    words.join(", ")
}

fn of_service(config: &Value) -> String {
    let common = config.field("common_config").expect("a service has its common part");
    format!("{}, log {}", grpc(common), string(common, &["log_name"]))
}

/// A call over gRPC: the cluster, and the authority where it is said.
fn grpc(config: &Value) -> String {
    let call = config.at(&["grpc_service", "envoy_grpc"]).expect("a call over gRPC");
    let authority = call.field("authority").and_then(Value::as_str);
    let authority = authority.map(|authority| format!(", authority {authority}")).unwrap_or_default();
    format!("{}{authority}", string(call, &["cluster_name"]))
}

fn looks(format: &Value) -> String {
    match format.field("json_format") {
        Some(json) if is_usual(json) => "default JSON".to_owned(),
        Some(json) => json.to_json().split_whitespace().collect::<Vec<_>>().join(" "),
        None => looks_like(string(format, &["text_format_source", "inline_string"])),
    }
}

fn looks_like(text: &str) -> String {
    let usual = USUAL_LINE.join(" ");
    if text == usual { "default text".to_owned() } else { format!("text {text:?}") }
}

fn is_usual(json: &Value) -> bool {
    let Value::Map(entries) = json else { return false };
    let usual = USUAL_KEYS.iter().zip(USUAL_LINE);
    entries.len() == USUAL_KEYS.len()
        && usual.into_iter().all(|(key, operator)| {
            let operator = operator.trim_matches(['"', '[', ']', '\n']);
            json.field(key).and_then(Value::as_str) == Some(operator)
        })
}

fn attributes(config: &Value) -> Option<String> {
    let values = config.at(&["attributes", "values"])?.items().iter();
    let each = values
        .map(|value| format!("{}={}", string(value, &["key"]), string(value, &["value", "string_value"])));
    Some(format!("attributes {{{}}}", each.collect::<Vec<_>>().join(",")))
}

fn formatters(format: &Value) -> Option<String> {
    let names = format.field("formatters")?.items().iter().map(|formatter| {
        last(formatter.field("typed_config").and_then(Value::any_type).unwrap_or_default()).to_owned()
    });
    Some(format!("formatters {}", names.collect::<Vec<_>>().join("+")))
}

fn filter(filter: &Value) -> String {
    let cel = |filter: &Value| {
        let expression = filter.at(&["extension_filter", "typed_config", "expression"])?;
        Some(format!("if {}", expression.as_str()?))
    };
    let flags = |filter: &Value| {
        let flags = filter.at(&["response_flag_filter", "flags"])?.items().iter();
        Some(format!("if flag {}", flags.filter_map(Value::as_str).collect::<Vec<_>>().join("+")))
    };
    let one = |filter: &Value| cel(filter).or_else(|| flags(filter)).expect("a filter that rows know");
    match filter.at(&["and_filter", "filters"]) {
        Some(filters) => filters.items().iter().map(one).collect::<Vec<_>>().join(" and "),
        None => one(filter),
    }
}

/// Tracing of a connection manager: the tracer and where it sends, the share of new traces, and what else is said.
pub fn tracing(manager: &Value) -> String {
    let Some(tracing) = manager.field("tracing") else { return "none".to_owned() };
    let mut words = vec![tracing.at(&["provider", "typed_config"]).map_or("no provider".to_owned(), tracer)];
    let sampling = tracing.at(&["random_sampling", "value"]).expect("a share of new traces");
    words.push(format!("sampling {}", sampling.to_json().trim().trim_matches('"')));
    if tracing.field("spawn_upstream_span") == Some(&Value::Bool(true)) {
        words.push("spans to upstreams".to_owned());
    }
    words.join(", ")
}

fn tracer(config: &Value) -> String {
    let kind = config.any_type().map(last).unwrap_or_default();
    let kind = kind.strip_suffix("Config").unwrap_or(kind).to_lowercase();
    let over_http = ["collector_service", "http_service"].iter().find_map(|name| config.field(name));
    match over_http.and_then(|service| service.field("http_uri")) {
        Some(http) => format!("{kind} {} over {}", string(http, &["uri"]), string(http, &["cluster"])),
        None => format!("{kind} {}", grpc(config)),
    }
}

fn string<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    value.at(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path:?} in {value:#?}"))
}

/// The last name of a type.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
