//! The loopback mesh with real Envoys and without a policy: what runs, what changes while it runs, what is left.
//!
//! Finds Envoy as the crate does, so the first run may fetch it.

use std::fs;
use std::path::Path;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::PolicySet;
use burgee_api::resources::Resources;
use burgee_localnet::{Localnet, LocalnetError, Options, Silent, envoy};
use burgee_overlay::Module;

const SERVICES: &str = include_str!("../../../examples/quickstart/services.yaml");

fn mk_resources(text: &str) -> Resources {
    let checked = check(&[Source { name: "services.yaml".into(), text: text.into() }]);
    assert!(checked.is_valid(), "{:?}", checked.problems);
    checked.resources
}

/// A module that begins as one does; without metrics no Envoy loads it.
fn mk_module() -> (tempfile::NamedTempFile, Module) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), b"\0asm\x01\0\0\0").unwrap();
    let module = Module { path: file.path().to_str().unwrap().to_owned(), sha256: String::new() };
    (file, module)
}

async fn mk_options(parent: &Path) -> Options {
    let envoy = envoy::find(&Silent).await.unwrap_or_else(|error| panic!("{error}"));
    Options { parent_directory: parent.to_owned(), ..Options::new(envoy) }
}

async fn start(resources: &Resources, options: &Options) -> Result<Localnet, LocalnetError> {
    let policy = PolicySet::new(resources.clone());
    let (_file, module) = mk_module();
    Localnet::start(resources, &policy, &module, options, &Silent).await
}

fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/exe")).exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_through_both_proxies_and_nothing_is_left_afterwards() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    let mut localnet = start(&resources, &mk_options(parent.path()).await).await.unwrap();
    localnet.drive(50).await.unwrap();
    localnet.observe().await.unwrap();
    let summary = localnet.summary();
    assert_eq!((summary.requests.sent, summary.requests.ok), (50, 50));
    assert!(localnet.is_as_asked(), "{:?}", summary.problems);
    let names: Vec<_> = summary.proxies.iter().map(|proxy| proxy.workload.as_str()).collect();
    assert_eq!(names, ["istio-system/istio-ingressgateway", "quickstart/hello-v1"]);
    let pids: Vec<_> = summary.proxies.iter().map(|proxy| proxy.pid).collect();
    localnet.stop().await;
    assert!(!pids.into_iter().any(is_running));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_takes_effect_without_a_restart() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    let mut localnet = start(&resources, &mk_options(parent.path()).await).await.unwrap();
    let pids =
        |localnet: &Localnet| -> Vec<u32> { localnet.summary().proxies.iter().map(|p| p.pid).collect() };
    let before = pids(&localnet);
    localnet.drive(20).await.unwrap();
    localnet.observe().await.unwrap();
    let changed = mk_resources(&SERVICES.replace("hello.quickstart.internal", "other.quickstart.internal"));
    let problems = localnet.apply(&changed, &PolicySet::new(changed.clone())).await.unwrap();
    assert_eq!(problems, []);
    assert_eq!(localnet.targets()[0].host, "other.quickstart.internal");
    localnet.drive(20).await.unwrap();
    localnet.observe().await.unwrap();
    assert_eq!((localnet.summary().requests.ok, pids(&localnet)), (40, before));
    localnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_a_gateway_can_be_added_and_a_workload_cannot() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    let mut localnet = start(&resources, &mk_options(parent.path()).await).await.unwrap();
    let server = "    - port:\n        number: 8000\n        name: http-alt\n        protocol: HTTP\n      hosts:\n        - \"*\"\n";
    let workload = "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: hello-v2\n  \
        namespace: quickstart\nspec:\n  address: 10.0.0.12\n  labels:\n    app: hello\n    version: v2\n";
    let changed = mk_resources(&format!("{SERVICES}{server}{workload}"));
    let problems = localnet.apply(&changed, &PolicySet::new(changed.clone())).await.unwrap();
    let codes: Vec<_> = problems.iter().map(|problem| problem.code.0).collect();
    assert_eq!(codes, ["BG0420"], "{problems:?}");
    assert_eq!(localnet.targets().len(), 2);
    localnet.drive(20).await.unwrap();
    assert_eq!(localnet.summary().requests.ok, 20);
    localnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_that_ends_is_told_with_its_words_and_nothing_is_left() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let mut options = mk_options(parent.path()).await;
    let broken = tempfile::tempdir().unwrap();
    let program = broken.path().join("envoy");
    fs::write(&program, "#!/bin/sh\necho 'critical: no such thing' >&2\nexit 3\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    options.envoy.path = program;
    let error = start(&mk_resources(SERVICES), &options).await.unwrap_err().to_string();
    assert!(error.contains("exit code 3") && error.contains("critical: no such thing"), "{error}");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_none_is_told_even_when_no_document_needs_it_yet() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    let (policy, options) = (PolicySet::new(resources.clone()), mk_options(parent.path()).await);
    let module = Module { path: "/nowhere.wasm".to_owned(), sha256: String::new() };
    let started = Localnet::start(&resources, &policy, &module, &options, &Silent).await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("/nowhere.wasm cannot be read"), "{error}");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_start_that_is_given_up_leaves_no_process_and_no_file() {
    let parent = tempfile::tempdir().unwrap();
    let (resources, options) = (mk_resources(SERVICES), mk_options(parent.path()).await);
    let named = parent.path().to_str().unwrap();
    let running = || {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(named)).count()
    };
    for round in 0..8 {
        let limit = std::time::Duration::from_millis(round * 15);
        let _ = tokio::time::timeout(limit, start(&resources, &options)).await.map(drop);
        assert_eq!(running(), 0, "round {round}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_port_that_is_taken_is_told_and_nothing_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let mut options = mk_options(parent.path()).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    options.gateway_port = Some(port);
    let error = start(&mk_resources(SERVICES), &options).await.unwrap_err().to_string();
    assert!(error.contains(&format!("port {port} is taken")), "{error}");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_describe_no_mesh_change_nothing_and_are_told_until_they_do() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    let policy = PolicySet::new(resources.clone());
    let mut localnet = start(&resources, &mk_options(parent.path()).await).await.unwrap();
    let empty = Resources::default();
    let problems = localnet.apply(&empty, &PolicySet::new(empty.clone())).await.unwrap();
    assert_eq!(problems[0].code.0, "BG0401");
    localnet.drive(10).await.unwrap();
    assert_eq!(localnet.summary().requests.ok, 10);
    assert!(!localnet.is_as_asked());
    localnet.apply(&resources, &policy).await.unwrap();
    assert!(localnet.is_as_asked(), "{:?}", localnet.problems());
    localnet.stop().await;
}
