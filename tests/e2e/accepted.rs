//! What `check` accepts, a real Envoy accepts: documents by chance, many of them in one configuration.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::{Effective, ListenerClass, PolicySet, WorkloadKind};
use burgee_overlay::{Delivery, Identity, LogFiles, Module, Options, PluginModule, Value, overlay};
use burgee_tests::generate::{Chance, documents, workloads};

use crate::support::{envoy, module, tempdir};

/// How many sets of documents are in the configuration.
const SETS: usize = 60;

/// A module that takes any configuration.
const ANYTHING: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) i32.const 1024)
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
)"#;

/// Listeners, clusters and tags of statistics of many proxies, as if they were one.
#[derive(Default)]
struct Together {
    listeners: Vec<Value>,
    clusters: BTreeMap<String, Value>,
    stats_tags: BTreeMap<String, Value>,
}

fn yaml(text: &str) -> Value {
    Value::from_yaml(&Source::new("base.yaml", text)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A proxy with one listener of HTTP and TCP, at a port of its own.
fn base(name: &str, port: usize, class: ListenerClass) -> Value {
    let direction = if class == ListenerClass::Inbound { "INBOUND" } else { "OUTBOUND" };
    yaml(&format!(
        r#"
node: {{id: {name}, cluster: any}}
static_resources:
  listeners:
  - name: {name}
    traffic_direction: {direction}
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filter_chain_match: {{destination_port: 80}}
      filters:
      - name: manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {name}
          route_config: {{virtual_hosts: [{{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, direct_response: {{status: 204}}}}]}}]}}
          http_filters:
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
    default_filter_chain:
      filters:
      - name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: {name}
          cluster: app
  clusters:
  - {{name: app, type: STATIC}}
  - {{name: envoy_accesslog_service, type: STATIC}}
"#
    ))
}

impl Together {
    fn add(&mut self, name: &str, effective: &Effective, class: ListenerClass, options: &Options) {
        let classes = BTreeMap::from([(name.to_owned(), class)]);
        let base = base(name, 10_000 + self.listeners.len(), class);
        let overlaid = overlay(&base, effective, &Options { classes, ..options.clone() }).value;
        let items = |path: &[&str]| overlaid.at(path).map_or(&[][..], Value::items).iter().cloned();
        self.listeners.extend(items(&["static_resources", "listeners"]));
        let text = |value: &Value, name: &str| {
            value.field(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        self.clusters.extend(items(&["static_resources", "clusters"]).map(|it| (text(&it, "name"), it)));
        self.stats_tags.extend(items(&["stats_config", "stats_tags"]).map(|it| (text(&it, "tag_name"), it)));
    }

    fn into_bootstrap(self) -> Value {
        let list = |values: BTreeMap<String, Value>| Value::List(values.into_values().collect());
        Value::map([
            ("stats_config", Value::map([("stats_tags", list(self.stats_tags))])),
            (
                "static_resources",
                Value::map([
                    ("listeners", Value::List(self.listeners.into())),
                    ("clusters", list(self.clusters)),
                ]),
            ),
        ])
    }
}

fn options(logs: &Path, plugin: &Path, effective: &Effective) -> Options {
    let of = |path: &Path| Module {
        path: path.to_string_lossy().into_owned(),
        sha256: burgee_modules::digest_of_module(path).expect("a file").expect("a module"),
        metrics: Vec::new(),
    };
    let plugins = effective.classes.values().flat_map(|class| &class.plugins);
    Options {
        plugins: plugins.map(|it| (it.id(), PluginModule::Ready(of(plugin)))).collect(),
        log_files: LogFiles::Below { directory: logs.to_string_lossy().into_owned() },
        ..Options::new(of(module()), Delivery::Inline, Identity::Written)
    }
}

#[test]
fn a_real_envoy_takes_what_check_accepts() {
    let folder = tempdir();
    let plugin = folder.path().join("anything.wasm");
    fs::write(&plugin, wat::parse_str(ANYTHING).expect("a module")).expect("a file");
    let mut together = Together::default();
    let accepted = (0..).map(|number| (number, check(&documents(&mut Chance::of_number(number)))));
    for (number, checked) in accepted.filter(|(_, checked)| checked.is_valid()).take(SETS) {
        let set = PolicySet::new(checked.resources);
        for workload in workloads() {
            let effective = set.resolve(&workload);
            let options = options(folder.path(), &plugin, &effective);
            let classes: &[_] = match workload.kind {
                WorkloadKind::Sidecar => &[ListenerClass::Inbound, ListenerClass::Outbound],
                WorkloadKind::Gateway => &[ListenerClass::Gateway],
            };
            for class in classes {
                let name = format!("{number}-{}-{}", workload.name, class.name());
                together.add(&name, &effective, *class, &options);
            }
        }
    }
    let listeners = together.listeners.len();
    assert!(listeners > 3 * SETS, "{listeners} listeners");
    let file = folder.path().join("bootstrap.yaml");
    let text = together.into_bootstrap().to_yaml();
    for expected in [
        "burgee.access_log.",
        "burgee.tracing.",
        "burgee.telemetry.",
        "extensions.istio.io/trafficextension/",
    ] {
        assert!(text.matches(expected).count() > SETS / 2, "{expected} is too seldom there");
    }
    fs::write(&file, text).expect("a file can be written");
    let mut command = Command::new(&envoy().path);
    command
        .args(["--mode", "validate", "--log-level", "warning", "--concurrency", "1", "--config-path"])
        .arg(&file);
    let output = command.output().expect("Envoy can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    // The listener's name begins with the number of its documents.
    assert!(output.status.success(), "Envoy refuses: {said}");
}
