//! Builders shared by the overlay's tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use burgee_api::document::tree::Source;
use burgee_api::resolve::{
    ClassPolicy, Effective, ListenerClass, MetricName, MetricOverride, ProviderMetrics, TagOperation,
    Workload, WorkloadKind,
};
use burgee_api::{Origin, Traced};
use burgee_filter_config::StandardMetric;

use crate::{Delivery, Identity, Module, Options, Value};

pub(crate) fn options() -> Options {
    Options::new(
        Module {
            path: "/etc/burgee/telemetry.wasm".to_owned(),
            sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".to_owned(),
            metrics: Vec::new(),
        },
        Delivery::Inline,
        Identity::Node,
    )
}

pub(crate) fn by_discovery() -> Options {
    Options { delivery: Delivery::Discovery { directory: "/run/burgee/".to_owned() }, ..options() }
}

pub(crate) fn over_ads() -> Options {
    Options { delivery: Delivery::Aggregated, ..options() }
}

pub(crate) fn workload() -> Workload {
    let labels = [("app", "web"), ("version", "v1")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Workload::new(WorkloadKind::Sidecar, "shop", "web-v1", BTreeMap::from(labels))
}

pub(crate) fn nothing() -> Effective {
    Effective::nothing(workload())
}

pub(crate) fn traced<T>(value: T) -> Traced<T> {
    Traced { value, origin: Origin::Rule("a test says so") }
}

pub(crate) fn provider(name: &str) -> ProviderMetrics {
    ProviderMetrics {
        provider: traced(name.to_owned()),
        engine: None,
        peers: None,
        peer_labels: None,
        reporting_interval: None,
        overrides: Vec::new(),
    }
}

/// The same metrics for every class.
pub(crate) fn everywhere(metrics: Vec<ProviderMetrics>) -> Effective {
    let classes = ListenerClass::ALL
        .map(|class| (class, ClassPolicy { metrics: metrics.clone(), ..ClassPolicy::default() }));
    Effective { workload: workload(), classes: BTreeMap::from(classes) }
}

/// One provider with a bit of everything.
pub(crate) fn busy() -> Effective {
    let tag = |name: &str, operation| (name.to_owned(), traced(operation));
    everywhere(vec![ProviderMetrics {
        provider: Traced {
            value: "prometheus".to_owned(),
            origin: Origin::Rule("the mesh's default provider"),
        },
        engine: None,
        peers: None,
        peer_labels: None,
        reporting_interval: Some(Traced {
            value: Duration::from_millis(1500),
            origin: Origin::Rule("a document's interval"),
        }),
        overrides: vec![
            MetricOverride {
                metric: MetricName::Standard(StandardMetric::RequestCount),
                disabled: Some(traced(false)),
                tags: BTreeMap::from([
                    tag("source_principal", TagOperation::Remove),
                    tag("destination_app", TagOperation::Remove),
                    tag("request_host", TagOperation::Upsert("request.host".to_owned())),
                    tag("reporter", TagOperation::Upsert("'me'".to_owned())),
                ]),
            },
            MetricOverride {
                metric: MetricName::Standard(StandardMetric::RequestSize),
                disabled: Some(Traced { value: true, origin: Origin::Rule("a document's switch") }),
                tags: BTreeMap::new(),
            },
        ],
    }])
}

/// The hand-written bases of the workspace, by file name.
pub(crate) fn bases() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/bases");
    let mut bases: Vec<(String, Value)> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.to_owned();
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            let source = Source { name: name.as_str().into(), text: text.into() };
            let value = match path.extension()?.to_str()? {
                "yaml" => Value::from_yaml(&source),
                "json" => Value::from_json(&source),
                _ => return None,
            };
            Some((name, value.unwrap_or_else(|problems| panic!("{problems:#?}"))))
        })
        .collect();
    bases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(bases.len() >= 8, "the bases are not where they should be");
    bases
}

pub(crate) fn base(name: &str) -> Value {
    bases().into_iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("no base {name}")).1
}

/// Reads YAML that a test writes.
pub(crate) fn yaml(text: &str) -> Value {
    Value::from_yaml(&Source { name: "base.yaml".into(), text: text.into() })
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The same, of a bootstrap whose listeners come from a control plane.
pub(crate) fn subscribed(text: &str) -> Value {
    yaml(&format!("{text}\ndynamic_resources: {{lds_config: {{ads: {{}}}}}}"))
}

/// An HTTP listener with these HTTP filters before the router.
pub(crate) fn listener_with(filters: Vec<Value>) -> Value {
    let manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    let router = Value::map([
        ("name", Value::string("router")),
        ("typed_config", Value::map([("@type", Value::string(router))])),
    ]);
    let filters = filters.into_iter().chain([router]).collect();
    let manager = Value::map([
        ("@type", Value::string(format!("type.googleapis.com/{manager}"))),
        ("http_filters", Value::List(filters)),
    ]);
    let filter = Value::map([("name", Value::string("manager")), ("typed_config", manager)]);
    let chain = Value::map([("filters", Value::List(vec![filter].into()))]);
    Value::map([("name", Value::string("web")), ("filter_chains", Value::List(vec![chain].into()))])
}

/// The value at a path such as `static_resources.listeners.0.name`.
pub(crate) fn dig<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, step| {
        let next = match step.parse::<usize>() {
            Ok(index) => value.items().get(index),
            Err(_) => value.field(step),
        };
        next.unwrap_or_else(|| panic!("no {step} of {path}"))
    })
}
