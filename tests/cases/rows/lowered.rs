//! What policies become in Envoy's configuration, in the notation of the specification.

use std::collections::BTreeMap;

use burgee_api::document::Source;
use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, ProviderMetrics, Workload};
use burgee_overlay::{Delivery, Identity, Module, Options, Value, extension_configs, is_measure, overlay};

use super::envoy;

fn options(delivery: Delivery) -> Options {
    Options::new(
        Module { path: "/etc/burgee/telemetry.wasm".to_owned(), sha256: "0".repeat(64), metrics: Vec::new() },
        delivery,
        Identity::Node,
    )
}

/// What stands at a place of the base, such as `inbound HCM`, `gateway listener` or `inbound TCP`.
pub fn at_place(base: &Source, effective: &Effective, place: &str) -> BTreeMap<String, String> {
    let base = Value::from_yaml(base).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let classes = BTreeMap::from([("gateway".to_owned(), ListenerClass::Gateway)]);
    let overlaid = overlay(&base, effective, &Options { classes, ..options(Delivery::Inline) });
    let (listener, part) = place.split_once(' ').expect("a listener and a part of it");
    let listeners = overlaid.value.at(&["static_resources", "listeners"]).map_or(&[][..], Value::items);
    let listener = listeners.iter().find(|it| it.field("name").and_then(Value::as_str) == Some(listener));
    let listener = listener.unwrap_or_else(|| panic!("the base has no listener for {place}"));
    let part = match part {
        "listener" => listener,
        "HCM" => typed(listener, "HttpConnectionManager").expect("a connection manager"),
        "TCP" => typed(listener, "TcpProxy").expect("a TCP proxy"),
        other => panic!("{other} is no part of a listener"),
    };
    let logs = envoy::access_logs(part);
    let logs = if logs.is_empty() { "none".to_owned() } else { logs.join("; ") };
    let mut results =
        BTreeMap::from([("logs".to_owned(), logs), ("tracing".to_owned(), envoy::tracing(part))]);
    results.insert("metrics".to_owned(), if measures(part) { "stats filter" } else { "none" }.to_owned());
    results
}

/// The first configuration of a type within a value.
fn typed<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        found if found.any_type().is_some_and(|of| of.ends_with(name)) => Some(found),
        Value::List(items) => items.iter().find_map(|item| typed(item, name)),
        Value::Map(fields) => fields.iter().find_map(|(_, field)| typed(field, name)),
        _ => None,
    }
}

/// Whether a connection manager has a filter of ours that writes metrics.
fn measures(part: &Value) -> bool {
    let filters = part.field("http_filters").map_or(&[][..], Value::items);
    filters.iter().any(|filter| is_measure(filter.field("name").and_then(Value::as_str).unwrap_or_default()))
}

/// Whether the stats filter of a class and provider never takes a service's name from the Host header
/// (`disable_host_header_fallback`).
pub fn keeps_to_itself(workload: &Workload, class: ListenerClass, provider: &ProviderMetrics) -> bool {
    let alone = ClassPolicy { metrics: vec![provider.clone()], ..ClassPolicy::default() };
    let effective = Effective { workload: workload.clone(), classes: BTreeMap::from([(class, alone)]) };
    let options = options(Delivery::Discovery { directory: "/etc/burgee".to_owned() });
    let configs = extension_configs(&effective, &options);
    // The filter of connections has no Host header to take anything from.
    let is_of_requests =
        |name: &str| ["burgee.stats.", "burgee.telemetry."].iter().any(|prefix| name.starts_with(prefix));
    let of_stats: Vec<_> = configs.iter().filter(|config| is_of_requests(&config.name)).collect();
    assert_eq!(of_stats.len(), 1, "one provider makes one filter");
    contains(&of_stats[0].value, "\"disable_host_header_fallback\":true")
}

/// Whether some text of a value contains another.
fn contains(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text.contains(wanted),
        Value::List(items) => items.iter().any(|item| contains(item, wanted)),
        Value::Map(fields) => fields.iter().any(|(_, field)| contains(field, wanted)),
        _ => false,
    }
}
