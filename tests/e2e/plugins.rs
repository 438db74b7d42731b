//! Plugins of connections, scripts, and what stands for those that cannot be had, in a real Envoy: by name, as proxies with a
//! control plane have them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::{Effective, PolicySet, Workload, WorkloadKind};
use burgee_overlay::{Delivery, Identity, Module, Options, Value};

use crate::support::http::{self, Server};
use crate::support::mesh::page;
use crate::support::proxy::Proxy;
use crate::support::{eventually, tempdir, wasm};

const FILTERS: &str = "type.googleapis.com/envoy.extensions.filters";

/// The functions that every one of the modules below has.
const START: &str = r#"
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) i32.const 4096)
    (func (export "proxy_on_context_create") (param i32 i32))"#;

/// Refuses whatever it is told.
const REFUSES: &str = r#"
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 0)"#;

/// Traps when it is started.
const TRAPS: &str = r#"
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) unreachable)"#;

/// Plugins, each for ports of its own; the files of the modules are in the folder.
const DOCUMENTS: &str = r#"
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: count, namespace: shop}, spec: {url: file://HERE/count.wasm, type: NETWORK, match: [{ports: [{number: 80}, {number: 5432}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: TrafficExtension, metadata: {name: first, namespace: shop}, spec: {phase: AUTHN, match: [{ports: [{number: 80}]}], lua: {inlineCode: "function envoy_on_request(h) h:headers():add('x-order', 'authn') end"}}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: TrafficExtension, metadata: {name: last, namespace: shop}, spec: {phase: STATS, match: [{ports: [{number: 80}]}], lua: {inlineCode: "function envoy_on_request(h) h:respond({[':status'] = '200'}, h:headers():get('x-order') .. ' stats') end"}}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: gone, namespace: shop}, spec: {url: 'oci://registry.internal/secret/path:1', match: [{ports: [{number: 81}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: tcp-gone, namespace: shop}, spec: {url: 'oci://registry.internal/x:1', type: NETWORK, match: [{ports: [{number: 5433}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: gone-open, namespace: shop}, spec: {url: 'oci://registry.internal/x:1', failStrategy: FAIL_OPEN, match: [{ports: [{number: 82}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: refuses-open, namespace: shop}, spec: {url: file://HERE/refuses.wasm, failStrategy: FAIL_OPEN, match: [{ports: [{number: 83}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: refuses, namespace: shop}, spec: {url: file://HERE/refuses.wasm, match: [{ports: [{number: 84}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: traps-open, namespace: shop}, spec: {url: file://HERE/traps.wasm, failStrategy: FAIL_OPEN, match: [{ports: [{number: 85}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: traps, namespace: shop}, spec: {url: file://HERE/traps.wasm, failStrategy: FAIL_RELOAD, match: [{ports: [{number: 86}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: tcp-traps-open, namespace: shop}, spec: {url: file://HERE/traps.wasm, type: NETWORK, failStrategy: FAIL_OPEN, match: [{ports: [{number: 5434}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: tcp-refuses, namespace: shop}, spec: {url: file://HERE/refuses.wasm, type: NETWORK, match: [{ports: [{number: 5435}]}]}}
---
{apiVersion: extensions.istio.io/v1alpha1, kind: TrafficExtension, metadata: {name: no-lua, namespace: shop}, spec: {match: [{ports: [{number: 87}]}], lua: {inlineCode: "this is no Lua"}}}
"#;

/// The ports of the documents that are of HTTP; those of TCP are greater than 1024.
const PORTS: [u16; 13] = [80, 81, 82, 83, 84, 85, 86, 87, 88, 5432, 5433, 5434, 5435];

/// A sidecar with an inbound listener for each port, all of which lead to one server.
fn base(server: u16, log: &Path) -> String {
    let mut text = "node: {id: a, cluster: a}\nadmin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n\
                    static_resources:\n  listeners:\n"
        .to_owned();
    let log = format!(
        "access_log: [{{name: log, typed_config: {{'@type': type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, \
         path: {}, log_format: {{text_format_source: {{inline_string: \"%DYNAMIC_METADATA(burgee.plugin:unusable)% \
         %CONNECTION_TERMINATION_DETAILS%\\n\"}}}}}}}}]",
        log.display()
    );
    for port in PORTS {
        let end = if port > 1024 {
            format!(
                "{{name: tcp, typed_config: {{'@type': {FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: app, {log}}}}}"
            )
        } else {
            format!(
                "{{name: http, typed_config: {{'@type': {FILTERS}.network.http_connection_manager.v3.HttpConnectionManager, \
                 stat_prefix: h, {log}, route_config: {{virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, \
                 route: {{cluster: app}}}}]}}]}}, http_filters: [{{name: router, typed_config: {{'@type': \
                 {FILTERS}.http.router.v3.Router}}}}]}}}}"
            )
        };
        let _ = writeln!(
            text,
            "  - {{name: port-{port}, traffic_direction: INBOUND, address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}, \
             filter_chains: [{{filters: [{end}]}}]}}"
        );
    }
    let _ = writeln!(
        text,
        "  clusters:\n  - {{name: app, type: STATIC, load_assignment: {{cluster_name: app, endpoints: [{{lb_endpoints: [{{endpoint: \
         {{address: {{socket_address: {{address: 127.0.0.1, port_value: {server}}}}}}}}}]}}]}}}}"
    );
    text
}

fn policy(folder: &Path) -> Effective {
    let text = DOCUMENTS.replace("HERE", &folder.to_string_lossy());
    let documents = check(&[Source::new("documents.yaml", text)]);
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    let workload = Workload::new(WorkloadKind::Sidecar, "shop", "web-v1", labels);
    PolicySet::new(documents.resources).resolve(&workload)
}

/// What comes of a connection of TCP: the first line of an answer to a request, or nothing when it is closed.
fn over_tcp(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // It may be closed by now.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line) {
        Ok(_) => line.trim_end().to_owned(),
        // What was sent to a connection that was closed makes it a reset.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => String::new(),
        Err(error) => panic!("{address}: {error}"),
    }
}

#[test]
fn each_plugin_has_its_own_traffic_and_what_is_unusable_touches_no_other() {
    let folder = tempdir();
    let module = |code: &str| wat::parse_str(format!("(module {START} {code})")).expect("a module");
    for (name, bytes) in [("count", wasm::counting()), ("refuses", module(REFUSES)), ("traps", module(TRAPS))]
    {
        fs::write(folder.path().join(format!("{name}.wasm")), bytes).expect("a module");
    }
    let policy = policy(folder.path());
    // Nothing is measured here.
    let telemetry = Module { path: String::new(), sha256: String::new(), metrics: Vec::new() };
    let delivery = Delivery::Discovery { directory: folder.path().to_string_lossy().into_owned() };
    let options = Options {
        ports: PORTS.map(|port| (format!("port-{port}"), port)).into(),
        ..Options::new(telemetry, delivery, Identity::Written)
    };
    for config in burgee_overlay::extension_configs(&policy, &options) {
        fs::write(folder.path().join(&config.file_name), config.value.to_json()).expect("a file");
    }
    let server = Server::start();
    let log = folder.path().join("access.log");
    let base = Value::from_yaml(&Source::new("base.yaml", base(server.port(), &log)));
    let base = base.unwrap_or_else(|problems| panic!("{problems:?}"));
    let laid = burgee_overlay::overlay(&base, &policy, &options);
    let path = folder.path().join("envoy.yaml");
    fs::write(&path, laid.value.to_yaml()).expect("a file");
    let proxy = Proxy::start(folder.path(), &path);
    let at = |port: u16| proxy.listener(&format!("port-{port}"));
    let get = |port: u16| {
        let answer = http::get(&at(port), "shop.example", "/").expect("an answer");
        (answer.status, answer.body)
    };

    assert_eq!(get(80), (200, "authn stats".to_owned()), "scripts stand by phase");
    assert_eq!(get(81), (503, "the module of WasmPlugin shop/gone cannot be had\n".to_owned()));
    // Left out, kept from starting, trapped: requests go past it where its strategy is open. 88 has no plugin.
    let statuses = [82, 83, 85, 88, 84, 86, 87].map(|port| get(port).0);
    assert_eq!(statuses, [200, 200, 200, 200, 500, 500, 500]);
    let connections = [5432, 5433, 5434, 5435].map(|port| over_tcp(&at(port)));
    assert_eq!(connections, ["HTTP/1.1 200 OK", "", "HTTP/1.1 200 OK", ""]);

    let counted = "wasmcustom.seen_connections: 2";
    eventually("connections of HTTP and of TCP are counted by the plugin", || {
        let stats = page(&proxy.admin, "/stats?filter=seen_connections");
        if stats.contains(counted) { Ok(()) } else { Err(stats) }
    });
    let details = "rbac_access_denied_matched_policy[the_module_of_WasmPlugin_shop/tcp-gone_cannot_be_had]";
    eventually("whose traffic was refused is in the logs", || {
        let log = fs::read_to_string(&log).map_err(|error| error.to_string())?;
        let has = |what: &str| log.lines().any(|line| line.contains(what));
        if has("shop/gone ") && has(details) { Ok(()) } else { Err(log) }
    });
}
