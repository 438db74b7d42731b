//! How a line of an access log looks: Istio's usual text and JSON, and what documents say instead.

use serde_json::{Map, Value};

use crate::resources::MeshConfig;
use crate::resources::mesh_config::{Encoding, LogFormat};

/// Istio's usual line. It ends with a line feed.
pub const DEFAULT_TEXT: &str = concat!(
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% ",
    "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% ",
    "\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" ",
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% ",
    "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% ",
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n",
);

/// Istio's usual JSON, by key.
pub const DEFAULT_JSON: &[(&str, &str)] = &[
    ("start_time", "%START_TIME%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"),
    ("upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("duration", "%DURATION%"),
    ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("authority", "%REQ(:AUTHORITY)%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
    ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
    ("route_name", "%ROUTE_NAME%"),
];

/// The format of a provider of log files, the usual one filled in.
pub(super) fn of_provider(format: Option<&LogFormat>) -> LogFormat {
    match format {
        None => LogFormat::Text(DEFAULT_TEXT.to_owned()),
        Some(LogFormat::Text(text)) => text_line(text),
        Some(LogFormat::Labels(labels)) if labels.is_empty() => usual_json(),
        Some(LogFormat::Labels(labels)) => LogFormat::Labels(labels.clone()),
    }
}

/// The format of the mesh's own file, the usual one filled in.
pub(super) fn of_mesh(mesh: &MeshConfig) -> LogFormat {
    let format = &mesh.access_log_format.value;
    match mesh.access_log_encoding.value {
        Encoding::Text => text_line(format),
        Encoding::Json => match json_object(format) {
            Some(labels) if !labels.is_empty() => LogFormat::Labels(labels),
            _ => usual_json(),
        },
    }
}

/// A text as a JSON object, if it is one. Any other text is written as the usual JSON, as in Istio.
pub(crate) fn json_object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

fn text_line(text: &str) -> LogFormat {
    LogFormat::Text(match text {
        "" => DEFAULT_TEXT.to_owned(),
        text if text.ends_with('\n') => text.to_owned(),
        text => format!("{text}\n"),
    })
}

fn usual_json() -> LogFormat {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), Value::String((*value).to_owned()));
    LogFormat::Labels(DEFAULT_JSON.iter().map(pair).collect())
}
