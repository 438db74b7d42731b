//! Access logs to a service over gRPC, by Envoy's own protocol.

use burgee_api::resolve::{ListenerClass, LogEntries};

use super::{FILTER_STATE, Place, strings};
use crate::Options;
use crate::lower::collector;
use crate::value::Value;

pub(super) const HTTP_TYPE: &str = "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig";
pub(super) const TCP_TYPE: &str = "envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig";

/// A logger of a provider.
pub(super) fn access_log_service(
    entries: &LogEntries,
    service: Value,
    log_name: &str,
    filter_state: &[String],
) -> Value {
    let common = common(service, log_name, filter_state);
    match entries {
        LogEntries::Tcp => config(TCP_TYPE, common, []),
        LogEntries::Http { request_headers, response_headers, response_trailers } => config(
            HTTP_TYPE,
            common,
            [
                ("additional_request_headers_to_log", request_headers.as_slice()),
                ("additional_response_headers_to_log", response_headers),
                ("additional_response_trailers_to_log", response_trailers),
            ],
        ),
    }
}

/// A logger of the mesh's own service: what it is of, and what it is called there, is said by its place.
pub(super) fn of_mesh(place: Place, class: ListenerClass, provider: &str, options: &Options) -> Value {
    let (kind, log_name) = match place {
        Place::Manager => (HTTP_TYPE, "http_envoy_accesslog"),
        Place::TcpProxy => (TCP_TYPE, "tcp_envoy_accesslog"),
        Place::Listener => (TCP_TYPE, "listener_envoy_accesslog"),
    };
    let service = collector::mesh_service(class, provider, options);
    config(kind, common(service, log_name, &FILTER_STATE), [])
}

/// `common_config` is where these loggers have their service, unlike those of OpenTelemetry.
fn common<T: AsRef<str>>(service: Value, log_name: &str, filter_state: &[T]) -> Value {
    Value::map([
        ("log_name", Value::string(log_name)),
        ("grpc_service", service),
        ("transport_api_version", Value::string("V3")),
        ("filter_state_objects_to_log", strings(filter_state)),
    ])
}

fn config<const N: usize>(kind: &str, common: Value, lists: [(&str, &[String]); N]) -> Value {
    let mut fields = vec![
        ("@type".to_owned(), Value::string(format!("type.googleapis.com/{kind}"))),
        ("common_config".to_owned(), common),
    ];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    fields.extend(lists.map(|(key, names)| (key.to_owned(), strings(names))));
    Value::Map(fields.into())
}
