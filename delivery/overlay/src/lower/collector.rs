//! A service that proxies report to, as Envoy calls it.

use burgee_api::resolve::{Collector, ListenerClass};

use super::safe_name;
use crate::value::Value;
use crate::{MESH_SERVICE_CLUSTER, Options, REPORTER_METADATA};

/// The `grpc_service` that leads to a collector. Under [`Options::reporter`] each call says whose it is.
pub(crate) fn grpc_service(
    collector: &Collector,
    class: ListenerClass,
    provider: &str,
    options: &Options,
) -> Value {
    let cluster = Value::map([
        ("cluster_name", Value::string(collector.cluster())),
        ("authority", Value::string(collector.host.clone())),
    ]);
    reporting(cluster, class, provider, options)
}

/// The one that leads to the mesh's own access log service.
pub(crate) fn mesh_service(class: ListenerClass, provider: &str, options: &Options) -> Value {
    let cluster = Value::map([("cluster_name", Value::string(MESH_SERVICE_CLUSTER))]);
    reporting(cluster, class, provider, options)
}

fn reporting(cluster: Value, class: ListenerClass, provider: &str, options: &Options) -> Value {
    let mut fields = vec![("envoy_grpc".to_owned(), cluster)];
    if let Some(reporter) = &options.reporter {
        // Envoy takes a percent sign for the beginning of an operator, and two for one.
        let value = format!("{reporter};{};{}", class.name(), safe_name(provider)).replace('%', "%%");
        let header = Value::map([("key", Value::string(REPORTER_METADATA)), ("value", Value::string(value))]);
        fields.push(("initial_metadata".to_owned(), Value::List(vec![header])));
    }
    Value::Map(fields)
}
