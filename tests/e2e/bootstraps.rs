//! `burgee bootstrap`: a real Envoy takes what is printed, and a server learns from such a proxy that a plugin trapped.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use burgee_localnet::{Envoy, Silent};
use burgee_server::Discovery;
use burgee_server::base::Classes;
use burgee_server::fleet::{Fleet, Limits};
use burgee_server::holds::Holds;
use burgee_server::in_force::InForce;
use burgee_server::plugin_state::PluginState;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, SanType};
use serde_json::Value;

use crate::support::program::Program;
use crate::support::proxy::Proxy;
use crate::support::{envoy, eventually, http, tempdir};

const SERVER: &str = "127.0.0.1:15010";
const SERVER_IDENTITY: &str = "spiffe://cluster.local/ns/infra/sa/burgee";

fn bootstrap(arguments: &[&str]) -> String {
    let run = Program::new(["bootstrap", "shop/web-v1"]).args(arguments).run().expect_code(0);
    run.stdout
}

/// Whether an Envoy takes a bootstrap.
fn assert_taken(envoy: &Envoy, folder: &Path, text: &str, what: &str) {
    let file = folder.join("bootstrap.yaml");
    fs::write(&file, text).expect("a file can be written");
    let mut command = Command::new(&envoy.path);
    command
        .args(["--mode", "validate", "--log-level", "error", "--concurrency", "1", "--config-path"])
        .arg(&file);
    let output = command.output().expect("Envoy can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Envoy {} refuses {what}: {said}\n{text}", envoy.version);
}

/// Files of an authority and of a certificate that it signed for a workload.
fn certificates(folder: &Path) -> [String; 3] {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let own_key = KeyPair::generate().expect("a key");
    let mut own = CertificateParams::new(Vec::new()).expect("parameters");
    let identity = "spiffe://cluster.local/ns/shop/sa/web".try_into().expect("a URI");
    own.subject_alt_names = vec![SanType::URI(identity)];
    let own = own.signed_by(&own_key, &authority).expect("a certificate");
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file can be written");
        path.to_string_lossy().into_owned()
    };
    [write("ca.pem", authority.pem()), write("own.pem", own.pem()), write("own.key", own_key.serialize_pem())]
}

#[test]
fn real_envoys_take_what_is_printed() {
    let folder = tempdir();
    let [ca, certificate, key] = certificates(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let envoys = runtime.block_on(burgee_localnet::envoy::pinned(&Silent)).expect("both Envoys");
    let believes = ["--tls-ca", &ca, "--server-identity", SERVER_IDENTITY];
    let own = ["--tls-cert", &certificate, "--tls-key", &key];
    let both = [&believes[..], &own].concat();
    for envoy in &envoys {
        for kind in ["sidecar", "gateway"] {
            for flavour in ["delta", "state-of-the-world"] {
                for tls in [&[][..], &believes, &both] {
                    let version = envoy.version.rsplit_once('.').map_or("", |(version, _)| version);
                    let arguments =
                        ["--server", SERVER, "--kind", kind, "--flavour", flavour, "--envoy", version];
                    let text = bootstrap(&[&arguments, tls].concat());
                    assert_taken(envoy, folder.path(), &text, &format!("{kind} {flavour} {tls:?}"));
                }
            }
        }
    }
}

#[test]
fn what_documents_know_of_the_workload_and_of_labels_is_in_it() {
    let folder = tempdir();
    let documents = folder.path().join("documents.yaml");
    let text = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
                metadata: {name: web-v1, namespace: shop}\nspec: {address: 10.0.0.1, labels: {app: web, team: a}}\n---\n\
                apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: shop}\n\
                spec: {metrics: [{providers: [{name: prometheus}], overrides: [{tagOverrides: {tenant: {value: \"request.host\"}}}]}]}\n";
    fs::write(&documents, text).expect("a file can be written");
    let documents = documents.to_string_lossy();
    let arguments =
        ["--server", SERVER, "-f", &documents, "--labels", "team=b", "--pod", "web-7", "-o", "json"];
    let printed: Value = serde_json::from_str(&bootstrap(&arguments)).expect("JSON");
    let node = &printed["node"];
    assert_eq!(node["id"], "sidecar~127.0.0.1~web-7.shop~shop.svc.cluster.local");
    assert_eq!(
        (&node["metadata"]["LABELS"]["app"], &node["metadata"]["LABELS"]["team"]),
        (&"web".into(), &"b".into())
    );
    assert!(printed["stats_config"].to_string().contains("\"tenant\""), "{printed}");
    let wrong = folder.path().join("wrong.yaml");
    fs::write(&wrong, text.replace("tagOverrides", "tagOverides")).expect("a file can be written");
    let wrong = wrong.to_string_lossy();
    let refused = Program::new(["bootstrap", "shop/web-v1", "--server", SERVER, "-f", &wrong]).run();
    let refused = refused.expect_code(1).expect_said(&["tagOverides", "no bootstrap is printed"]);
    assert_eq!(refused.stdout, "");
}

/// A plugin that traps at each request.
const TRAPS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) i32.const 1024)
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)
)"#;
const GUARD: &str = "extensions.istio.io/trafficextension/shop.guard";

/// The base of a proxy whose one listener has the plugin in it.
fn write_base(folder: &Path, module: &Path) {
    let http = "type.googleapis.com/envoy.extensions.filters";
    let listeners = format!(
        "resources:
- '@type': type.googleapis.com/envoy.config.listener.v3.Listener
  name: web
  address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
  filter_chains:
  - filters:
    - name: manager
      typed_config:
        '@type': {http}.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: web
        route_config: {{virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, direct_response: {{status: 200}}}}]}}]}}
        http_filters:
        - name: {GUARD}
          typed_config:
            '@type': {http}.http.wasm.v3.Wasm
            config:
              name: shop.guard
              failure_policy: FAIL_RELOAD
              vm_config: {{vm_id: traps, runtime: envoy.wasm.runtime.v8, code: {{local: {{filename: {module}}}}}}}
        - name: router
          typed_config: {{'@type': {http}.http.router.v3.Router}}
",
        module = module.display()
    );
    fs::create_dir(folder).expect("a folder");
    fs::write(folder.join("listeners.yaml"), listeners).expect("a file can be written");
}

#[test]
fn a_server_learns_that_a_plugin_trapped_and_was_started_anew() {
    let folder = tempdir();
    let module = folder.path().join("traps.wasm");
    fs::write(&module, wat::parse_str(TRAPS).expect("a module")).expect("a file can be written");
    let base = folder.path().join("base");
    write_base(&base, &module);
    let (classes, problems) = Classes::load(&base);
    assert_eq!(problems, []);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let fleet = Arc::new(Fleet::new(Limits::default(), Holds::default()));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let server = listener.local_addr().expect("an address").to_string();
    runtime.block_on(async {
        fleet.rebase(Arc::new(classes)).await;
        fleet.publish(InForce::nothing()).await;
    });
    runtime.spawn(burgee_server::listen::serve(
        listener,
        Discovery::new(fleet.clone(), None, "a test"),
        None,
    ));

    // With a port that the system picks, and counters at once.
    let text = bootstrap(&["--server", &server])
        .replace("port_value: 15000", "port_value: 0")
        .replace("stats_flush_interval: 5s", "stats_flush_interval: 1s");
    let configuration = folder.path().join("bootstrap.yaml");
    fs::write(&configuration, text).expect("a file can be written");
    assert!(!envoy().version.is_empty());
    let proxy = Proxy::start(folder.path(), &configuration);
    let address = proxy.listener("web");
    let state = eventually("a trap and a fresh start", || {
        // Each request meets a VM that the one before it may have taken down.
        http::get(&address, &address, "/")?;
        let proxies = fleet.proxies();
        let states = proxies.first().ok_or("nobody is there")?.status().plugins;
        match states.get(GUARD) {
            Some(state) if state.reloads > 0 => Ok(state.clone()),
            other => Err(format!("{other:?}")),
        }
    });
    assert!(state.traps >= state.reloads, "{state:?}");
    assert_eq!(state.name, GUARD);
    let all: Vec<PluginState> = fleet.proxies()[0].status().plugins.into_values().collect();
    assert_eq!(all.len(), 1, "no other plugin has any counters: {all:?}");
}
