//! What policies become in Envoy's configuration, in the notation of the specification.

use std::collections::BTreeMap;

use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, ProviderMetrics, Workload};
use burgee_overlay::{Delivery, Identity, LogFiles, Module, Options, Value, extension_configs};

fn options(delivery: Delivery) -> Options {
    Options {
        module: Module { path: "/etc/burgee/telemetry.wasm".to_owned(), sha256: "0".repeat(64) },
        delivery,
        identity: Identity::Node,
        classes: BTreeMap::new(),
        ports: BTreeMap::new(),
        plugins: BTreeMap::new(),
        log_files: LogFiles::AsWritten,
        reporter: None,
    }
}

/// Whether the stats filter of a class and provider never takes a service's name from the Host header
/// (`disable_host_header_fallback`).
pub fn keeps_to_itself(workload: &Workload, class: ListenerClass, provider: &ProviderMetrics) -> bool {
    let alone = ClassPolicy { metrics: vec![provider.clone()], ..ClassPolicy::default() };
    let effective = Effective { workload: workload.clone(), classes: BTreeMap::from([(class, alone)]) };
    let options = options(Delivery::Discovery { directory: "/etc/burgee".to_owned() });
    let configs = extension_configs(&effective, &options);
    assert_eq!(configs.len(), 1, "one provider makes one filter");
    contains(&configs[0].value, "\"disable_host_header_fallback\":true")
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
