//! What proxies are given, held against Envoy's own reading of it: every proxy of the quickstart, at two sites.
//!
//! Finds Envoy as the crate does, so the first run may fetch it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::PolicySet;
use burgee_api::resources::Resources;
use burgee_localnet::mesh::{self, Mesh};
use burgee_localnet::site::{Address, EXTENSIONS_DIRECTORY, LOGS_DIRECTORY, ListenerSite, ProxySite, Site};
use burgee_localnet::{
    Configuration, Inputs, Modules, Silent, configuration_of, envoy, labels, listeners_of,
};
use burgee_overlay::{LogFiles, Module};
use serde_json::{Value, json};

fn mk_resources() -> Resources {
    let sources = [
        ("services.yaml", include_str!("../../../examples/quickstart/services.yaml")),
        ("mesh.yaml", include_str!("../../../examples/quickstart/mesh.yaml")),
        ("telemetry.yaml", include_str!("../../../examples/quickstart/telemetry.yaml")),
    ];
    let sources = sources.map(|(name, text)| Source { name: name.into(), text: text.into() });
    let checked = check(&sources);
    assert!(checked.is_valid(), "{:?}", checked.problems);
    checked.resources
}

/// A site on loopback, with files below a directory.
fn mk_loopback(mesh: &Mesh, directory: &Path) -> Site {
    let mut site = Site::loopback(Some(([127, 0, 0, 1], 34317).into()));
    let mut port = 30000;
    for (number, (workload, _)) in mesh.workloads().enumerate() {
        let name = workload.to_string();
        let app = Some(([127, 0, 0, 1], 38080).into());
        site.add_loopback_proxy(&name, &directory.join(number.to_string()), app);
        for listener in listeners_of(mesh, workload) {
            port += 1;
            site.add_loopback_listener((name.clone(), listener.name), port);
        }
    }
    site
}

/// A site of containers: everybody has a name, and the documents' ports.
fn mk_containers(mesh: &Mesh, directory: &Path) -> Site {
    let mut site = mk_loopback(mesh, directory);
    for ((workload, _), at) in &mut site.listeners {
        let host = workload.rsplit('/').next().unwrap();
        *at = ListenerSite {
            bind: Address::new("0.0.0.0", at.bind.port),
            reach: Address::new(host, at.bind.port),
        };
    }
    for proxy in site.proxies.values_mut() {
        *proxy = ProxySite {
            admin: Address::new("0.0.0.0", 9901),
            log_files: LogFiles::AsWritten,
            reporter: None,
            ..proxy.clone()
        };
    }
    site.collector = Some(Address::new("collector", 4317));
    site
}

/// Everything of a proxy as one bootstrap, since Envoy looks at no other file when it is only to judge.
fn mk_whole(configuration: &Configuration) -> Value {
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let mut whole = read(&configuration.bootstrap);
    whole["static_resources"] = json!({
        "clusters": read(&configuration.files.clusters)["resources"],
        "listeners": read(&configuration.files.listeners)["resources"],
    });
    for kind in ["clusters", "listeners"] {
        for resource in whole["static_resources"][kind].as_array_mut().unwrap() {
            resource.as_object_mut().unwrap().remove("@type");
        }
    }
    whole.as_object_mut().unwrap().remove("dynamic_resources");
    whole
}

async fn validate(site: impl Fn(&Mesh, &Path) -> Site) {
    let envoy = envoy::find(&Silent).await.unwrap_or_else(|error| panic!("{error}"));
    let (resources, directory) = (mk_resources(), tempfile::tempdir().unwrap());
    let policies = PolicySet::new(resources.clone());
    let (mesh, _) = mesh::plan(&resources);
    let site = site(&mesh, directory.path());
    let telemetry = Module { path: "/nowhere.wasm".to_owned(), sha256: "0".repeat(64), metrics: Vec::new() };
    let modules = Modules { telemetry, plugins: BTreeMap::new() };
    let effective: Vec<_> = mesh.workloads().map(|(workload, _)| policies.resolve(workload)).collect();
    let labels = labels(&effective, &modules);
    for policy in &effective {
        let name = policy.workload.to_string();
        let inputs = Inputs { mesh: &mesh, policy: &policies, site: &site, modules: &modules };
        let configuration = configuration_of(inputs, policy, &labels);
        assert_eq!(configuration.problems, [], "{name}");
        let own = Path::new(&site.proxies[&name].directory);
        for part in [EXTENSIONS_DIRECTORY, LOGS_DIRECTORY] {
            fs::create_dir_all(own.join(part)).unwrap();
        }
        for (path, text) in configuration.files.by_path() {
            fs::write(own.join(path), text).unwrap();
        }
        let file = own.join("whole.json");
        fs::write(&file, mk_whole(&configuration).to_string()).unwrap();
        let judged = Command::new(&envoy.path)
            .args(["--mode", "validate", "--log-level", "warning", "--config-path"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(judged.status.success(), "{name}: {}", String::from_utf8_lossy(&judged.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_takes_every_proxy_of_the_quickstart_on_loopback() {
    validate(mk_loopback).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_takes_every_proxy_of_the_quickstart_in_containers() {
    validate(mk_containers).await;
}
