//! What a base shows of what labels could say: what nobody can say there need not be asked of each request.

use burgee_filter_config::names::{CLUSTERS_WITHOUT_SERVICE, ROUTES_WITHOUT_SERVICE};

use crate::value::Value;
use crate::view::{self, Shape};

/// The fields of clusters by which they say neither which service they stand for, nor which workloads their endpoints are,
/// nor have servers with certificates. An endpoint's metadata is looked for in what is below them.
const SILENT_FIELDS: [&str; 19] = [
    "name",
    "alt_stat_name",
    "type",
    "connect_timeout",
    "per_connection_buffer_limit_bytes",
    "lb_policy",
    "load_balancing_policy",
    "load_assignment",
    "health_checks",
    "circuit_breakers",
    "outlier_detection",
    "common_http_protocol_options",
    "http_protocol_options",
    "http2_protocol_options",
    "typed_extension_protocol_options",
    "dns_lookup_family",
    "dns_refresh_rate",
    "respect_dns_ttl",
    "typed_dns_resolver_config",
];

/// What can have a value at a manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whether the filter `peer-metadata` publishes who is at the other end.
    pub has_peers: bool,
    /// Whether a cluster may say something: its service, its endpoints' workloads, its servers' certificates.
    pub have_clusters_a_say: bool,
    /// Whether callers may have certificates.
    pub may_callers_have_certificates: bool,
}

impl Facts {
    /// Of a base in which nothing says anything.
    pub const SILENCE: Facts =
        Facts { has_peers: false, have_clusters_a_say: false, may_callers_have_certificates: false };

    /// What holds where either does.
    pub fn or(self, other: Facts) -> Facts {
        Facts {
            has_peers: self.has_peers || other.has_peers,
            have_clusters_a_say: self.have_clusters_a_say || other.have_clusters_a_say,
            may_callers_have_certificates: self.may_callers_have_certificates
                || other.may_callers_have_certificates,
        }
    }
}

/// Whether a cluster of a base may say something of requests: unless all of them are there and none does.
pub(crate) fn have_clusters_a_say(base: &Value, shape: Shape) -> bool {
    let is_silent = |cluster: &Value| match cluster {
        Value::Map(fields) => fields.iter().all(|(name, value)| {
            SILENT_FIELDS.contains(&name.as_str()) && !is_discovered(name, value) && !has_metadata(value)
        }),
        _ => false,
    };
    shape != Shape::Bootstrap
        || ["cds_config", "cds_resources_locator", "ads_config"]
            .into_iter()
            .any(|name| base.at(&["dynamic_resources", name]).is_some())
        || base.field("static_resources").is_some_and(may_name_others)
        || !view::clusters(base, shape).iter().all(|cluster| is_silent(cluster.config))
}

/// Whether a field says that endpoints come from elsewhere.
fn is_discovered(name: &str, value: &Value) -> bool {
    name == "type" && (value.as_str() == Some("EDS") || *value == Value::Int(3))
}

/// Whether there is metadata anywhere in a value.
fn has_metadata(value: &Value) -> bool {
    match value {
        Value::Map(fields) => {
            fields.iter().any(|(name, value)| name.ends_with("metadata") || has_metadata(value))
        }
        value => value.items().iter().any(has_metadata),
    }
}

/// Whether routes or clusters may have names by which they stand for no service, whether more of either may come from
/// elsewhere, or whether some of it is not seen.
fn may_name_others(value: &Value) -> bool {
    let is_from_elsewhere = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with('#')
            || ["rds", "scoped_routes", "scopedroutes", "vhds", "odcds"].contains(&name.as_str())
            || is_on_demand(&name)
    };
    match value {
        Value::Map(fields) => {
            fields.iter().any(|(name, value)| is_from_elsewhere(name) || may_name_others(value))
        }
        Value::String(text) => {
            is_on_demand(text)
                || CLUSTERS_WITHOUT_SERVICE.contains(&text.as_str())
                || ROUTES_WITHOUT_SERVICE.iter().any(|(route, _)| route == text)
        }
        value => value.items().iter().any(may_name_others),
    }
}

/// Whether a text names the filter that fetches clusters when requests need them.
fn is_on_demand(text: &str) -> bool {
    text.contains("on_demand") || text.contains("OnDemand")
}
