//! The sink that sends a proxy's server the counters of plugins' VMs and of their configurations: Envoy tells of neither a
//! trap nor a fresh start in any other way. All other counters are dropped in the proxy.

use burgee_overlay::Value;

use super::CLUSTER;
use crate::vm;

const SINK: &str = "envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig";
const FULL_NAME: &str = "envoy.extensions.matching.common_inputs.stats.v3.StatFullNameMatchInput";
/// How long the server may take to say that it has them. There are new ones soon.
const TIMEOUT: &str = "5s";

fn typed(name: &str, url: &str) -> Value {
    let config = Value::map([("@type", Value::string(format!("type.googleapis.com/{url}")))]);
    Value::map([("name", Value::string(name)), ("typed_config", config)])
}

/// The sink of the proxy with this node id.
pub(super) fn sink(node_id: &str) -> Value {
    let begins_with = |prefix: &str| {
        let input = typed("full_name", FULL_NAME);
        let prefix = Value::map([("prefix", Value::string(prefix))]);
        Value::map([("single_predicate", Value::map([("input", input), ("value_match", prefix)]))])
    };
    let of_use = vm::PREFIXES.map(begins_with).to_vec();
    let any = Value::map([("or_matcher", Value::map([("predicate", Value::List(of_use.into()))]))]);
    let action = typed("drop", &format!("{SINK}.DropAction"));
    let drop_others = Value::map([
        ("predicate", Value::map([("not_matcher", any)])),
        ("on_match", Value::map([("action", action)])),
    ]);
    let matchers = Value::map([("matchers", Value::List(vec![drop_others].into()))]);
    let says_who = Value::map([("key", Value::string(vm::NODE_HEADER)), ("value", Value::string(node_id))]);
    let service = Value::map([
        ("envoy_grpc", Value::map([("cluster_name", Value::string(CLUSTER))])),
        ("timeout", Value::string(TIMEOUT)),
        ("initial_metadata", Value::List(vec![says_who].into())),
    ]);
    let config = Value::map([
        ("@type", Value::string(format!("type.googleapis.com/{SINK}"))),
        ("grpc_service", service),
        // Names as they are, which say all there is to say.
        ("emit_tags_as_attributes", Value::Bool(false)),
        ("use_tag_extracted_name", Value::Bool(false)),
        ("custom_metric_conversions", Value::map([("matcher_list", matchers)])),
    ]);
    Value::map([("name", Value::string("envoy.stat_sinks.open_telemetry")), ("typed_config", config)])
}
