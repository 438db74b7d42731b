//! The loopback mesh as a library, with real Envoys and without a policy: what runs, what changes while it runs, what
//! ends, what is left.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burgee_api::Problem;
use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::PolicySet;
use burgee_api::resources::Resources;
use burgee_localnet::live::{Part, PartKind, PartState};
use burgee_localnet::{Asking, Localnet, LocalnetError, Modules, Options, Silent};
use burgee_overlay::{Module, PluginModule};
use nix::sys::signal::Signal;

use crate::support::processes::{end, send};
use crate::support::{PATIENCE, envoy};

const SERVICES: &str = include_str!("meshes/one-service/services.yaml");
const GATEWAY: &str = "istio-system/istio-ingressgateway";
const WORKLOAD: &str = "quickstart/hello-v1";

fn mk_resources(text: &str) -> Resources {
    let checked = check(&[Source { name: "services.yaml".into(), text: text.into() }]);
    assert!(checked.is_valid(), "{:?}", checked.problems);
    checked.resources
}

/// A module that begins as one does; without metrics no Envoy loads it.
fn mk_modules() -> (tempfile::NamedTempFile, Modules) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), b"\0asm\x01\0\0\0").unwrap();
    let telemetry =
        Module { path: file.path().to_str().unwrap().to_owned(), sha256: String::new(), metrics: Vec::new() };
    (file, Modules { telemetry, plugins: BTreeMap::new() })
}

fn mk_options(parent: &Path) -> Options {
    // It is found by a runtime of its own, which cannot run within that of a test.
    let envoy = std::thread::spawn(envoy).join().expect("an Envoy").clone();
    let stub = vec![env!("CARGO_BIN_EXE_burgee").into(), "stub".into()];
    Options { parent_directory: parent.to_owned(), stub, ..Options::new(envoy) }
}

async fn start(resources: &Resources, options: &Options) -> Result<Localnet, LocalnetError> {
    let policy = PolicySet::new(resources.clone());
    let (_file, modules) = mk_modules();
    Localnet::start(resources, &policy, &modules, options, &Silent).await
}

async fn apply(localnet: &mut Localnet, resources: &Resources) -> Vec<Problem> {
    let (_file, modules) = mk_modules();
    localnet.apply(resources, &PolicySet::new(resources.clone()), &modules).await.unwrap()
}

fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/exe")).exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_through_both_proxies_and_nothing_is_left_afterwards() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    let mut localnet = start(&resources, &mk_options(parent.path())).await.unwrap();
    localnet.drive(50, &Asking::default()).await.unwrap();
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
    let mut localnet = start(&resources, &mk_options(parent.path())).await.unwrap();
    let pids = |localnet: &Localnet| -> Vec<u32> { localnet.proxies().iter().map(|p| p.pid).collect() };
    let before = pids(&localnet);
    localnet.drive(20, &Asking::default()).await.unwrap();
    localnet.observe().await.unwrap();
    let changed = mk_resources(&SERVICES.replace("hello.quickstart.internal", "other.quickstart.internal"));
    let problems = apply(&mut localnet, &changed).await;
    assert_eq!(problems, []);
    assert_eq!(localnet.targets()[0].host, "other.quickstart.internal");
    localnet.drive(20, &Asking::default()).await.unwrap();
    localnet.observe().await.unwrap();
    assert_eq!((localnet.summary().requests.ok, pids(&localnet)), (40, before));
    localnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_a_gateway_can_be_added_and_a_workload_cannot() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    let mut localnet = start(&resources, &mk_options(parent.path())).await.unwrap();
    let server = "    - port:\n        number: 8000\n        name: http-alt\n        protocol: HTTP\n      hosts:\n        - \"*\"\n";
    let workload = "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: hello-v2\n  \
        namespace: quickstart\nspec:\n  address: 10.0.0.12\n  labels:\n    app: hello\n    version: v2\n";
    let changed = mk_resources(&format!("{SERVICES}{server}{workload}"));
    let problems = apply(&mut localnet, &changed).await;
    let codes: Vec<_> = problems.iter().map(|problem| problem.code.0).collect();
    assert_eq!(codes, ["BG0420"], "{problems:?}");
    assert_eq!(localnet.targets().len(), 2);
    localnet.drive(20, &Asking::default()).await.unwrap();
    assert_eq!(localnet.summary().requests.ok, 20);
    localnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_that_ends_is_told_with_its_words_and_nothing_is_left() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let mut options = mk_options(parent.path());
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
    let (policy, options) = (PolicySet::new(resources.clone()), mk_options(parent.path()));
    let telemetry = Module { path: "/nowhere.wasm".to_owned(), sha256: String::new(), metrics: Vec::new() };
    let modules = Modules { telemetry, plugins: BTreeMap::new() };
    let started = Localnet::start(&resources, &policy, &modules, &options, &Silent).await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("/nowhere.wasm cannot be read"), "{error}");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_start_that_is_given_up_leaves_no_process_and_no_file() {
    let parent = tempfile::tempdir().unwrap();
    let (resources, options) = (mk_resources(SERVICES), mk_options(parent.path()));
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
async fn a_stub_that_cannot_be_started_is_told_and_nothing_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let resources = mk_resources(SERVICES);
    for (stub, expected) in [
        (vec![], "no program for it is named"),
        (vec!["sh".into(), "-c".into(), "echo no such thing >&2; exit 3".into()], "no such thing"),
        (vec!["/nowhere/burgee".into()], "cannot start /nowhere/burgee"),
    ] {
        let options = Options { stub, ..mk_options(parent.path()) };
        let error = start(&resources, &options).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_does_not_load_is_named_with_envoys_words_and_nothing_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let plugin = "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: guard, namespace: \
        quickstart}\nspec: {url: file:///guard.wasm}\n";
    let resources = mk_resources(&format!("{SERVICES}{plugin}"));
    let (policy, options) = (PolicySet::new(resources.clone()), mk_options(parent.path()));
    let (_file, mut modules) = mk_modules();
    // It begins as a module does, and has nothing that a plugin needs.
    modules.plugins.insert("quickstart/guard".to_owned(), PluginModule::Ready(modules.telemetry.clone()));
    let started = Localnet::start(&resources, &policy, &modules, &options, &Silent).await;
    let error = started.unwrap_err().to_string();
    for expected in
        ["the Envoy of quickstart/hello-v1 refused", "The plugin quickstart/guard", "Its own words:\n  "]
    {
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_refuses_everything_is_told_and_more_requests_are_not_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let rest = "---\nrootNamespace: istio-system\naccessLogFile: /dev/stdout\n---\napiVersion: \
        extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: guard, namespace: istio-system}\nspec: {url: \
        \"oci://a/b:1\"}\n";
    let resources = mk_resources(&format!("{SERVICES}{rest}"));
    let (policy, options) = (PolicySet::new(resources.clone()), mk_options(parent.path()));
    let (_file, mut modules) = mk_modules();
    let missing = PluginModule::Missing("nothing fetches it".to_owned());
    modules.plugins.insert("istio-system/guard".to_owned(), missing);
    let mut localnet = Localnet::start(&resources, &policy, &modules, &options, &Silent).await.unwrap();
    localnet.drive(4, &Asking::default()).await.unwrap();
    localnet.observe().await.unwrap();
    let codes: Vec<_> = localnet.problems().into_iter().map(|problem| problem.code.0).collect();
    assert_eq!(codes, ["BG0620", "BG0455"], "{:?}", localnet.problems());
    let batch = localnet.last_batch();
    assert_eq!((batch.sent, batch.failed), (4, 4));
    assert!(batch.first_failure.as_ref().is_some_and(|first| first.contains("503")), "{batch:?}");
    localnet.stop().await;
}

/// The status line of what is answered to a head.
async fn status_line(address: std::net::SocketAddr, head: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_others_and_those_that_no_app_sees_are_expected_too() {
    let parent = tempfile::tempdir().unwrap();
    let mesh = "---\nrootNamespace: istio-system\naccessLogFile: /dev/stdout\n";
    let mut localnet =
        start(&mk_resources(&format!("{SERVICES}{mesh}")), &mk_options(parent.path())).await.unwrap();
    localnet.drive(4, &Asking::default()).await.unwrap();
    let summary = localnet.summary();
    let of_sidecar = &summary.proxies[1].listeners;
    let inbound = of_sidecar.iter().find(|listener| listener.name == "inbound_8080").unwrap();
    let gateway = localnet.targets()[0].address;
    let host = "host: hello.quickstart.internal";
    let answer = status_line(gateway, &format!("GET / HTTP/1.1\r\n{host}")).await;
    assert_eq!(answer, "HTTP/1.1 200 OK");
    let answer = status_line(gateway, "GET / HTTP/1.1\r\nhost: nobody").await;
    assert_eq!(answer, "HTTP/1.1 404 Not Found");
    // A path that the sidecar itself refuses.
    let answer = status_line(inbound.address.parse().unwrap(), &format!("GET /%00 HTTP/1.1\r\n{host}")).await;
    assert_eq!(answer, "HTTP/1.1 400 Bad Request");
    localnet.observe().await.unwrap();
    assert!(localnet.is_as_asked(), "{:?}", localnet.problems());
    let summary = localnet.summary();
    let lines = |proxy: &str| summary.access_logs.iter().filter(|log| log.proxy == proxy).count();
    assert_eq!((lines(GATEWAY), lines(WORKLOAD)), (6, 6), "{:?}", summary.access_logs);
    localnet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_view_follows_the_traffic() {
    let parent = tempfile::tempdir().unwrap();
    let mut localnet = start(&mk_resources(SERVICES), &mk_options(parent.path())).await.unwrap();
    let live = localnet.live();
    let parts = live.snapshot().parts;
    let shown: Vec<_> = parts.iter().map(|part| (part.kind, part.name.as_str())).collect();
    let expected = [
        (PartKind::Gateway, GATEWAY),
        (PartKind::Sidecar, WORKLOAD),
        (PartKind::App, WORKLOAD),
        (PartKind::Receiver, "receiver"),
    ];
    assert_eq!(shown, expected);
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        localnet.drive(10, &Asking::default()).await.unwrap();
        let parts = live.snapshot().parts;
        // Nothing is asked for that the receiver would be sent.
        if parts.iter().take(3).all(|part| part.per_second > 0.0) && parts[3].per_second == 0.0 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{parts:?}");
    }
    localnet.stop().await;
}

/// Waits until the live view shows that a part has ended, and how.
async fn end_of(localnet: &Localnet, kind: PartKind, name: &str) -> String {
    let live = localnet.live();
    let mut changes = live.changes();
    let is_it = |part: &&Part| (part.kind, part.name.as_str()) == (kind, name);
    let seen = tokio::time::timeout(PATIENCE, async {
        loop {
            let parts = live.snapshot().parts;
            let part = parts.iter().find(is_it).expect("the part is shown");
            if let PartState::Ended(how) = &part.state {
                let others = parts.iter().filter(|part| !is_it(part));
                assert!(others.clone().all(|part| part.state == PartState::Running), "{parts:?}");
                return how.clone();
            }
            changes.changed().await.expect("the mesh lives");
        }
    });
    seen.await.expect("its end is shown")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_is_told_and_everything_else_goes_on() {
    for (kind, name, expected, ok) in [
        (
            PartKind::Gateway,
            GATEWAY,
            "the Envoy of istio-system/istio-ingressgateway ended: killed by SIGKILL",
            0,
        ),
        (PartKind::Sidecar, WORKLOAD, "the Envoy of quickstart/hello-v1 ended: killed by SIGKILL", 0),
        (PartKind::App, WORKLOAD, "the app of quickstart/hello-v1 ended: killed by SIGKILL", 0),
        (PartKind::Receiver, "receiver", "the receiver ended: killed by SIGKILL", 6),
    ] {
        let parent = tempfile::tempdir().unwrap();
        let resources = mk_resources(SERVICES);
        let mut localnet = start(&resources, &mk_options(parent.path())).await.unwrap();
        localnet.drive(4, &Asking::default()).await.unwrap();
        localnet.observe().await.unwrap();
        assert!(localnet.is_as_asked(), "{:?}", localnet.problems());
        let parts = localnet.live().snapshot().parts;
        let part = parts.iter().find(|part| (part.kind, part.name.as_str()) == (kind, name)).unwrap();
        end(part.pid);
        assert_eq!(end_of(&localnet, kind, name).await, "killed by SIGKILL");
        localnet.drive(6, &Asking::default()).await.unwrap();
        localnet.observe().await.unwrap();
        let changed =
            mk_resources(&SERVICES.replace("hello.quickstart.internal", "other.quickstart.internal"));
        // An Envoy that has ended takes no change, and the others do.
        let codes: Vec<_> =
            apply(&mut localnet, &changed).await.iter().map(|problem| problem.code.0).collect();
        let is_envoy = matches!(kind, PartKind::Gateway | PartKind::Sidecar);
        assert_eq!(codes, if is_envoy { &["BG0460"][..] } else { &[] }, "{kind:?}");
        let summary = localnet.summary();
        assert_eq!((summary.requests.sent, summary.requests.ok), (10, 4 + ok), "{kind:?}");
        let problems: Vec<_> = summary.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(problems.contains(&expected), "{problems:?}");
        assert!(!localnet.is_as_asked());
        localnet.stop().await;
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}

/// Waits until the live view shows a part in a state.
async fn wait_for_state(localnet: &Localnet, pid: u32, is_it: impl Fn(&PartState) -> bool) {
    let live = localnet.live();
    let mut changes = live.changes();
    let seen = tokio::time::timeout(PATIENCE, async {
        while !live.snapshot().parts.iter().any(|part| part.pid == pid && is_it(&part.state)) {
            changes.changed().await.expect("the mesh lives");
        }
    });
    seen.await.unwrap_or_else(|_| panic!("{:?}", live.snapshot().parts));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_stopped_is_told_and_left_out_until_it_goes_on() {
    for (kind, expected) in [
        (PartKind::Sidecar, "the Envoy of quickstart/hello-v1 does not answer"),
        (PartKind::App, "the app of quickstart/hello-v1 does not answer"),
    ] {
        let parent = tempfile::tempdir().unwrap();
        let resources = mk_resources(SERVICES);
        let mut localnet = start(&resources, &mk_options(parent.path())).await.unwrap();
        let parts = localnet.live().snapshot().parts;
        let part = parts.iter().find(|part| (part.kind, part.name.as_str()) == (kind, WORKLOAD)).unwrap();
        // At once, before anybody has looked at it: a run that has just begun goes on too.
        send(part.pid, Signal::SIGSTOP);
        localnet.drive(1, &Asking::default()).await.unwrap();
        localnet.observe().await.unwrap();
        wait_for_state(&localnet, part.pid, |state| matches!(state, PartState::Silent(_))).await;
        let batch = localnet.last_batch().clone();
        assert_eq!((batch.sent, batch.failed), (1, 1));
        assert!(batch.first_failure.is_some_and(|first| first.contains("504")), "{:?}", localnet.problems());
        let messages: Vec<_> = localnet.problems().into_iter().map(|problem| problem.message).collect();
        assert!(messages.iter().any(|message| message == expected), "{messages:?}");
        let changed =
            mk_resources(&SERVICES.replace("hello.quickstart.internal", "other.quickstart.internal"));
        let codes: Vec<_> =
            apply(&mut localnet, &changed).await.iter().map(|problem| problem.code.0).collect();
        assert_eq!(codes, if kind == PartKind::Sidecar { &["BG0460"][..] } else { &[] }, "{kind:?}");

        send(part.pid, Signal::SIGCONT);
        wait_for_state(&localnet, part.pid, |state| *state == PartState::Running).await;
        localnet.drive(4, &Asking::default()).await.unwrap();
        localnet.observe().await.unwrap();
        assert_eq!(localnet.last_batch().failed, 0, "{:?}", localnet.problems());
        let left: Vec<_> = localnet.problems().into_iter().map(|problem| problem.code.0).collect();
        assert_eq!(left, codes, "of the change alone");
        localnet.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_port_that_is_taken_is_told_and_nothing_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let mut options = mk_options(parent.path());
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
    let mut localnet = start(&resources, &mk_options(parent.path())).await.unwrap();
    let empty = Resources::default();
    let problems = apply(&mut localnet, &empty).await;
    assert_eq!(problems[0].code.0, "BG0401");
    localnet.drive(10, &Asking::default()).await.unwrap();
    assert_eq!(localnet.summary().requests.ok, 10);
    assert!(!localnet.is_as_asked());
    apply(&mut localnet, &resources).await;
    assert!(localnet.is_as_asked(), "{:?}", localnet.problems());
    localnet.stop().await;
}
