//! The configuration of the Envoy: a listener for each variant, alike but for what the variant adds.

use std::collections::BTreeMap;

use burgee_api::Severity;
use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::{DEFAULT_REVISION, PolicySet, Workload, WorkloadKind};
use burgee_filter_config::{StandardLabel, stat_name};
use burgee_modules::BuiltModule;
use burgee_overlay::{Delivery, Identity, Module, Options, overlay};
use serde_json::{Value, json};

use super::variants::{Adds, Variant};

/// A variant with the module that it needs.
#[derive(Debug)]
pub(crate) struct Ready {
    pub variant: &'static Variant,
    pub module: Option<BuiltModule>,
}

/// The HTTP filters of the only listener.
const FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// The whole configuration. Requests are answered by Envoy itself or, if there is one, by an upstream at a port.
pub(crate) fn bootstrap(variants: &[Ready], upstream: Option<u16>) -> Value {
    let mut listeners = Vec::new();
    let clusters: Vec<Value> = upstream.map(cluster).into_iter().collect();
    // Filters of anybody write the standard labels as ours do.
    let standard = StandardLabel::ALL
        .iter()
        .map(|label| json!({"tag_name": label.name(), "regex": stat_name::tag_regex(label.name())}));
    let mut tags: Vec<Value> = standard.collect();
    for ready in variants {
        let plain = listener(ready, upstream);
        let Adds::Documents(documents) = ready.variant.adds else {
            listeners.push(plain);
            continue;
        };
        let laid = lay(plain, &clusters, documents, ready.module.as_ref());
        listeners.push(laid["static_resources"]["listeners"][0].clone());
        for tag in laid["stats_config"]["stats_tags"].as_array().into_iter().flatten() {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
    }
    json!({
        "node": node(),
        "admin": {"address": address(0)},
        "stats_config": {"stats_tags": tags},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// Who the proxy is, in Istio's layout: the filter of metrics reads its labels here.
fn node() -> Value {
    json!({"id": "sidecar~10.0.0.1~web-v1.shop~shop.svc.cluster.local", "cluster": "web.shop", "metadata": {
        "WORKLOAD_NAME": "web-v1", "NAMESPACE": "shop", "CLUSTER_ID": "Kubernetes", "MESH_ID": "cluster.local",
        "LABELS": {
            "app": "web", "version": "v1",
            "service.istio.io/canonical-name": "web", "service.istio.io/canonical-revision": "v1",
        },
    }})
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

fn cluster(port: u16) -> Value {
    json!({"name": "upstream", "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
        "cluster_name": "upstream", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}],
    }})
}

fn listener(ready: &Ready, upstream: Option<u16>) -> Value {
    let variant = ready.variant;
    let (mut filters, mut logs) = (Vec::new(), Vec::new());
    match variant.adds {
        Adds::Nothing | Adds::Documents(_) => {}
        Adds::Filter(filter) => filters.push(filter()),
        Adds::AccessLog(log) => logs.push(log()),
        Adds::Module(configuration) => {
            filters.extend(ready.module.as_ref().map(|module| wasm(variant.name, module, configuration)));
        }
    }
    filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }}));
    let mut route = json!({"match": {"prefix": "/"}});
    match upstream {
        Some(_) => route["route"] = json!({"cluster": "upstream"}),
        None => route["direct_response"] = json!({"status": 200, "body": {"inline_string": "hello\n"}}),
    }
    json!({
        "name": variant.name,
        "address": address(0),
        "traffic_direction": "INBOUND",
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": variant.name,
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
                "http_filters": filters,
                "access_log": logs,
            },
        }]}],
    })
}

/// Puts a module in front of all filters of the only listener.
pub(crate) fn with_module(configuration: &mut Value, name: &str, module: &BuiltModule, told: &str) {
    if let Some(filters) = configuration.pointer_mut(FILTERS).and_then(Value::as_array_mut) {
        filters.insert(0, wasm(name, module, told));
    }
}

fn wasm(name: &str, module: &BuiltModule, configuration: &str) -> Value {
    json!({"name": name, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": name,
            "vm_config": {
                "vm_id": format!("{name}.{}", module.sha256),
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module.path}},
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration,
            },
        },
    }})
}

/// A bootstrap with this one listener, and what the documents make of it.
pub(crate) fn lay(
    listener: Value,
    clusters: &[Value],
    documents: &str,
    module: Option<&BuiltModule>,
) -> Value {
    let resources = json!({"listeners": [listener], "clusters": clusters});
    let base = json!({"node": node(), "static_resources": resources}).to_string();
    let base = burgee_overlay::Value::from_json(&Source::new("base.json", base))
        .unwrap_or_else(|problems| panic!("the base cannot be read: {problems:#?}"));
    let checked = check(&[Source::new("documents.yaml", documents)]);
    let refused = checked.problems.iter().find(|problem| problem.severity == Severity::Error);
    assert!(refused.is_none(), "a document of ours is refused: {refused:#?}");
    let labels = [("app", "web"), ("version", "v1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut workload = Workload::new(WorkloadKind::Sidecar, "shop", "web-v1", BTreeMap::from(labels));
    workload.revision = DEFAULT_REVISION.to_owned();
    let policy = PolicySet::new(checked.resources).resolve(&workload);
    let options = Options {
        envoy: Some(burgee_overlay::LEAST_ENVOY),
        is_whole: true,
        ..Options::new(
            Module {
                path: module.map(|module| module.path.display().to_string()).unwrap_or_default(),
                sha256: module.map(|module| module.sha256.clone()).unwrap_or_default(),
                metrics: Vec::new(),
            },
            Delivery::Inline,
            Identity::Written,
        )
    };
    let laid = overlay(&base, &policy, &options);
    serde_json::from_str(&laid.value.to_json())
        .unwrap_or_else(|error| panic!("the overlay wrote no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::variants;

    fn ready() -> Vec<Ready> {
        let module = |variant: &Variant| {
            let path = format!("/modules/{}.wasm", variant.name).into();
            variant.module.map(|_| BuiltModule { path, sha256: "0".repeat(64), bytes: Vec::new() })
        };
        variants::ALL.iter().map(|variant| Ready { variant, module: module(variant) }).collect()
    }

    #[test]
    fn each_listener_has_what_its_variant_adds_and_nothing_else() {
        let made = bootstrap(&ready(), None);
        let listeners = made["static_resources"]["listeners"].as_array().unwrap();
        let manager = |listener: &Value| listener["filter_chains"][0]["filters"][0]["typed_config"].clone();
        let added: Vec<(&str, usize, usize)> = listeners
            .iter()
            .map(|listener| {
                let manager = manager(listener);
                let count = |field: &str| manager[field].as_array().map_or(0, Vec::len);
                // The router is there anyhow, and what counts messages wherever there are metrics.
                let names = manager["http_filters"].as_array().into_iter().flatten();
                let ours = names.filter(|filter| {
                    !["burgee.grpc_stats", "envoy.filters.http.router"]
                        .contains(&filter["name"].as_str().unwrap())
                });
                (listener["name"].as_str().unwrap(), ours.count(), count("access_log"))
            })
            .collect();
        for (name, filters, logs) in &added {
            let expected = match variants::named(name).unwrap().adds {
                Adds::Nothing => (0, 0),
                Adds::AccessLog(_) => (0, 1),
                Adds::Filter(_) | Adds::Module(_) => (1, 0),
                // One for metrics and peers: messages of gRPC are its own where Envoy makes the rest.
                Adds::Documents(_) => (1, usize::from(*name == "auto-http" || name.starts_with("native"))),
            };
            assert_eq!((*filters, *logs), expected, "{name}");
        }
        assert_eq!(added.len(), variants::ALL.len());
        // What documents ask for is written by the overlay, with what takes labels out of names.
        let stats = listeners.iter().find(|listener| listener["name"] == "stats").unwrap();
        let filters = manager(stats)["http_filters"].as_array().unwrap().clone();
        let filter = filters.iter().find(|filter| filter["name"] == "burgee.stats.prometheus").unwrap();
        let filter = &filter["typed_config"]["config"];
        assert_eq!(filter["vm_config"]["code"]["local"]["filename"], "/modules/stats.wasm");
        assert!(made["stats_config"]["stats_tags"].as_array().unwrap().len() >= 25);
    }

    #[test]
    fn an_upstream_answers_where_there_is_one() {
        let route = |made: &Value, listener: usize| {
            made["static_resources"]["listeners"][listener]["filter_chains"][0]["filters"][0]["typed_config"]
                ["route_config"]["virtual_hosts"][0]["routes"][0]
                .clone()
        };
        let (direct, led_on) = (bootstrap(&ready(), None), bootstrap(&ready(), Some(7)));
        for listener in 0..variants::ALL.len() {
            assert_eq!(route(&direct, listener)["direct_response"]["status"], 200);
            assert_eq!(route(&led_on, listener)["route"]["cluster"], "upstream");
        }
        assert_eq!(direct["static_resources"]["clusters"], json!([]));
        assert_eq!(led_on["static_resources"]["clusters"][0]["name"], "upstream");
    }
}
