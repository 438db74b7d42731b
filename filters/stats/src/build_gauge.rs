//! What this proxy runs, as a metric that is always 1.

use burgee_filter_config::stat_name::{clean_value, push_label};
use burgee_filter_config::stats::{BUILD_LABELS, BUILD_METRIC, UNKNOWN_VALUE};
use burgee_kit::attributes::node_metadata;
use burgee_kit::{Host, MetricKind};

/// Sets it. Every virtual machine does, and each sets the same.
pub fn set<H: Host>(host: &H) {
    let version = node_metadata(host, &["ISTIO_VERSION"]).filter(|version| !version.is_empty());
    let version = version.map_or_else(|| UNKNOWN_VALUE.to_owned(), |version| clean_value(&version));
    let mut name = String::new();
    for (label, value) in BUILD_LABELS.into_iter().zip(["proxy", &version]) {
        push_label(&mut name, label, value);
    }
    name.push_str("istio_");
    name.push_str(BUILD_METRIC);
    if let Ok(id) = host.define_metric(MetricKind::Gauge, &name) {
        let _ = host.record(id, 1);
    }
}
