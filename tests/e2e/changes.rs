//! Documents that change while the mesh runs: what is right takes effect without a restart, what is wrong changes
//! nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::support::http::Connection;
use crate::support::mesh::{HOST, Mesh, page, scrape, sum};
use crate::support::processes::is_running;
use crate::support::program::Program;
use crate::support::{copy_of_one_service, envoy};

const REQUESTS: &str = "istio_requests_total";
const DURATIONS: &str = "istio_request_duration_milliseconds_count";
const IN_FORCE: &str = "the change is in force";
const REST_IN_FORCE: &str = "what is not named above is in force";
const UNCHANGED: &str = "the last good documents stay in force";
const AGAIN: &str = "documents  in force again";

/// A folder of documents whose telemetry changes.
struct Documents {
    folder: TempDir,
}

impl Documents {
    fn new(telemetry: &str) -> Documents {
        let documents = Documents { folder: copy_of_one_service() };
        std::fs::write(documents.telemetry(), telemetry).expect("a document can be written");
        documents
    }

    fn telemetry(&self) -> PathBuf {
        self.folder.path().join("telemetry.yaml")
    }
}

/// A label for the whole mesh, and whether the workload counts its requests.
fn telemetry(label: &str, expression: &str, is_counting: bool) -> String {
    let is_disabled = !is_counting;
    format!(
        r#"apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: mesh-default
  namespace: istio-system
  annotations:
    burgee.dev/label-sizes: "{label}=5"
spec:
  metrics:
    - providers:
        - name: prometheus
      overrides:
        - tagOverrides:
            {label}:
              value: {expression}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: hello
  namespace: quickstart
spec:
  selector:
    matchLabels:
      app: hello
  metrics:
    - overrides:
        - match:
            metric: REQUEST_COUNT
          disabled: {is_disabled}
"#
    )
}

fn method(is_counting: bool) -> String {
    telemetry("request_method", "request.method", is_counting)
}

fn path(is_counting: bool) -> String {
    telemetry("request_method", "request.url_path", is_counting)
}

#[test]
fn a_metric_is_switched_off_and_on_again_without_a_restart() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 5);

    let said = mesh.change(&documents.telemetry(), &method(false), " (hello-v1)");
    assert!(said.contains(IN_FORCE), "{said}");
    mesh.send(9, "/off");
    mesh.wait_until_counted(mesh.gateway(), DURATIONS, 14);
    mesh.wait_until_counted(mesh.sidecar(), DURATIONS, 14);
    assert_eq!(sum(&scrape(&mesh.gateway().admin), REQUESTS, None), 14.0);
    let sidecar = scrape(&mesh.sidecar().admin);
    assert_eq!(sum(&sidecar, REQUESTS, None), 5.0, "the metric that is off grew");
    for name in ["istio_request_bytes_count", "istio_response_bytes_count"] {
        assert_eq!(sum(&sidecar, name, None), 14.0, "{name}");
    }

    mesh.change(&documents.telemetry(), &path(true), IN_FORCE);
    mesh.send(7, "/on/again");
    let sidecar = mesh.wait_until_counted(mesh.sidecar(), REQUESTS, 12);
    let gateway = mesh.wait_until_counted(mesh.gateway(), REQUESTS, 21);
    for (samples, before) in [(sidecar, 5.0), (gateway, 14.0)] {
        assert_eq!(sum(&samples, REQUESTS, Some(("request_method", "/on/again"))), 7.0);
        assert_eq!(sum(&samples, REQUESTS, Some(("request_method", "GET"))), before);
    }
    let pids = mesh.pids();
    assert!(pids.into_iter().all(is_running), "a proxy was started anew");
}

/// Requests that are sent by several clients until they are told to stop.
struct Load {
    is_over: Arc<AtomicBool>,
    clients: Vec<thread::JoinHandle<Result<u64, String>>>,
}

impl Load {
    /// One client keeps its connection, one opens a connection for each request.
    fn start(mesh: &Mesh) -> Load {
        let is_over = Arc::new(AtomicBool::new(false));
        let client = |is_kept: bool| {
            let (entrance, is_over) = (mesh.entrance(), is_over.clone());
            thread::spawn(move || send_until(&is_over, &entrance, is_kept))
        };
        let clients = vec![client(true), client(false)];
        Load { is_over, clients }
    }

    /// Ends it, and gives how many requests were sent, all of which were answered.
    fn stop(self) -> u64 {
        self.is_over.store(true, Ordering::SeqCst);
        let sent = self
            .clients
            .into_iter()
            .map(|client| client.join().expect("a client").expect("no request fails"));
        let sent = sent.sum();
        assert!(sent > 50, "only {sent} requests were sent meanwhile");
        sent
    }
}

#[test]
fn no_request_fails_and_none_is_missed_while_documents_change() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 1);
    let load = Load::start(&mesh);
    for _ in 0..4 {
        mesh.change(&documents.telemetry(), &method(false), IN_FORCE);
        mesh.change(&documents.telemetry(), &path(true), IN_FORCE);
        mesh.change(&documents.telemetry(), &method(true), IN_FORCE);
    }
    let sent = load.stop();
    // What is never switched off is exact at both proxies.
    mesh.wait_until_counted(mesh.gateway(), REQUESTS, sent + 1);
    mesh.wait_until_counted(mesh.gateway(), DURATIONS, sent + 1);
    mesh.wait_until_counted(mesh.sidecar(), DURATIONS, sent + 1);
    assert!(sum(&scrape(&mesh.sidecar().admin), REQUESTS, None) <= (sent + 1) as f64);
}

#[test]
fn no_request_fails_and_none_is_missed_while_listeners_change() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 1);
    let services = documents.folder.path().join("services.yaml");
    let any_host = std::fs::read_to_string(&services).expect("the services are there");
    let one_host = any_host.replace("- \"*\"", &format!("- {HOST}"));
    assert_ne!(one_host, any_host);
    let load = Load::start(&mesh);
    for _ in 0..3 {
        mesh.change(&services, &one_host, IN_FORCE);
        mesh.change(&services, &any_host, IN_FORCE);
    }
    let sent = load.stop();
    for proxy in [mesh.gateway(), mesh.sidecar()] {
        mesh.wait_until_counted(proxy, REQUESTS, sent + 1);
        mesh.wait_until_counted(proxy, DURATIONS, sent + 1);
    }
}

#[test]
fn no_request_fails_while_a_service_moves_to_another_port_of_its_workload() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 1);
    let services = documents.folder.path().join("services.yaml");
    let before = std::fs::read_to_string(&services).expect("the services are there");
    let after = before.replace("targetPort: 8080", "targetPort: 9090");
    assert_ne!(after, before);
    let load = Load::start(&mesh);
    for _ in 0..3 {
        mesh.change(&services, &after, IN_FORCE);
        mesh.change(&services, &before, IN_FORCE);
    }
    let sent = load.stop();
    mesh.wait_until_counted(mesh.gateway(), REQUESTS, sent + 1);
    mesh.wait_until_counted(mesh.sidecar(), REQUESTS, sent + 1);
}

/// Sends requests over one connection for as long as it is kept, or over one connection each.
fn send_until(is_over: &AtomicBool, entrance: &str, is_kept: bool) -> Result<u64, String> {
    let mut sent = 0;
    while !is_over.load(Ordering::SeqCst) {
        let mut connection = Connection::open(entrance, HOST)?;
        loop {
            let answer = connection.get("/load")?;
            sent += 1;
            if answer.status != 200 {
                return Err(format!("{answer:?}"));
            }
            if !is_kept || !answer.is_kept || is_over.load(Ordering::SeqCst) {
                break;
            }
        }
    }
    Ok(sent)
}

#[test]
fn a_broken_document_changes_nothing_until_it_is_repaired() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 2);
    let lines = method(true).lines().count();

    let no_yaml = format!("{}broken: [\n", path(true));
    let said = mesh.change(&documents.telemetry(), &no_yaml, UNCHANGED);
    assert!(said.contains(&format!("telemetry.yaml:{}:", lines + 1)), "{said}");
    assert!(said.contains("help: "), "{said}");

    let no_expression = telemetry("request_method", "request.method +", true);
    let said = mesh.change(&documents.telemetry(), &no_expression, UNCHANGED);
    assert!(said.contains("telemetry.yaml:15:22]"), "{said}");
    assert!(said.contains("tagOverrides.request_method.value"), "{said}");

    mesh.send(3, "/meanwhile");
    for proxy in [mesh.gateway(), mesh.sidecar()] {
        let samples = mesh.wait_until_counted(proxy, REQUESTS, 5);
        assert_eq!(sum(&samples, REQUESTS, Some(("request_method", "GET"))), 5.0);
    }

    mesh.change(&documents.telemetry(), &path(true), IN_FORCE);
    mesh.send(4, "/repaired");
    for proxy in [mesh.gateway(), mesh.sidecar()] {
        let samples = mesh.wait_until_counted(proxy, REQUESTS, 9);
        assert_eq!(sum(&samples, REQUESTS, Some(("request_method", "/repaired"))), 4.0);
    }
}

#[test]
fn a_document_that_is_emptied_before_it_is_written_changes_nothing_until_it_is_written() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 1);
    mesh.change(&documents.telemetry(), "", UNCHANGED);
    mesh.send(2, "/meanwhile");
    let samples = mesh.wait_until_counted(mesh.gateway(), REQUESTS, 3);
    assert_eq!(sum(&samples, REQUESTS, Some(("request_method", "GET"))), 3.0);
    mesh.change(&documents.telemetry(), &method(true), AGAIN);
    let said = mesh.change(&documents.telemetry(), &path(true), IN_FORCE);
    assert!(said.contains("documents  telemetry.yaml: the change is in force"), "{said}");
    assert!(said.contains(" ms (every proxy)"), "{said}");
}

#[test]
fn a_folder_that_is_moved_or_made_again_is_followed_again() {
    let documents = Documents::new(&method(true));
    let folder = documents.folder.path().join("mesh");
    let elsewhere = documents.folder.path().join("elsewhere");
    let mut files = Vec::new();
    std::fs::create_dir(&folder).expect("a folder can be made");
    for entry in std::fs::read_dir(documents.folder.path()).expect("the documents").flatten() {
        if entry.path() != folder {
            let file = folder.join(entry.file_name());
            std::fs::rename(entry.path(), &file).expect("a document can be moved");
            files.push((file.clone(), std::fs::read(file).expect("a document")));
        }
    }
    let telemetry = folder.join("telemetry.yaml");
    let mut mesh = Mesh::hold(&folder, 1);

    let from = mesh.held.stderr().len();
    std::fs::rename(&folder, &elsewhere).expect("a folder can be moved");
    mesh.held.wait_until_said(from, UNCHANGED);
    std::fs::rename(&elsewhere, &folder).expect("a folder can be moved");
    mesh.held.wait_until_said(from, AGAIN);
    mesh.change(&telemetry, &path(true), IN_FORCE);
    mesh.change(&telemetry, &method(true), IN_FORCE);

    let from = mesh.held.stderr().len();
    std::fs::remove_dir_all(&folder).expect("a folder can be removed");
    mesh.held.wait_until_said(from, UNCHANGED);
    std::fs::create_dir(&folder).expect("a folder can be made");
    for (file, text) in &files {
        std::fs::write(file, text).expect("a document can be written");
    }
    mesh.held.wait_until_said(from, AGAIN);
    mesh.change(&telemetry, &path(true), IN_FORCE);
}

#[test]
fn a_folder_that_loses_its_services_changes_nothing_until_they_are_back() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 1);
    let services = documents.folder.path().join("services.yaml");
    let text = std::fs::read_to_string(&services).expect("the services are there");

    // The service, its workload and the gateway leave the documents all at once.
    let from = mesh.held.stderr().len();
    std::fs::remove_file(&services).expect("a file can be removed");
    mesh.held.wait_until_said(from, "stay");
    mesh.change(&services, &text, AGAIN);
    mesh.send(2, "/back");
    mesh.wait_until_counted(mesh.gateway(), REQUESTS, 3);
    mesh.wait_until_counted(mesh.sidecar(), REQUESTS, 3);
}

#[test]
fn what_changes_before_the_mesh_runs_takes_effect_too() {
    envoy();
    let documents = Documents::new(&method(true));
    let arguments = ["--hold", "-o", "json", "--requests", "3"];
    let mut held = Program::up(documents.folder.path()).args(arguments).hold();
    held.wait_until_said(0, "Starting 2 Envoys");
    std::fs::write(documents.telemetry(), path(true)).expect("a document can be written");
    held.wait_until_said(0, "running until Ctrl-C");
    held.wait_until_said(0, IN_FORCE);
}

#[test]
fn a_document_that_is_saved_as_editors_do_takes_effect() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 1);
    let unfinished = documents.folder.path().join(".telemetry.yaml.swp");
    std::fs::write(&unfinished, path(true)).expect("a document can be written");
    std::fs::rename(&unfinished, documents.telemetry()).expect("a document can be replaced");
    mesh.held.wait_until_said(0, IN_FORCE);
    mesh.send(2, "/saved");
    let samples = mesh.wait_until_counted(mesh.gateway(), REQUESTS, 3);
    assert_eq!(sum(&samples, REQUESTS, Some(("request_method", "/saved"))), 2.0);
}

#[test]
fn nothing_that_a_request_carries_traps_the_filter_or_forges_a_label() {
    let documents = Documents::new(&telemetry("request_method", "request.headers['x-any']", true));
    let mesh = Mesh::hold(documents.folder.path(), 1);
    let mut long = b"x-any: ".to_vec();
    long.resize(20_000, b'l');
    long.extend(b"\r\n");
    let headers: [&[u8]; 8] = [
        b"",
        b"x-any: plain\r\n",
        b"x-any: \xff\xfe\x80\r\n",
        b"x-any: a;.;reporter=.=forged;.;response_code=.=forged;.;\r\n",
        b"x-any: =.=;.;=.=\r\n",
        b"x-any: quote\" brace} comma, back\\slash\r\n",
        b"x-any: \xc3\xa4\xe2\x82\xac\r\nx-any: twice\r\n",
        &long,
    ];
    let mut connection = Connection::open(&mesh.entrance(), HOST).expect("a connection");
    for header in headers {
        let answer = connection.get_with("/", header).expect("an answer");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(header));
    }
    let sent = headers.len() as u64 + 1;
    for proxy in [mesh.gateway(), mesh.sidecar()] {
        mesh.wait_until_counted(proxy, REQUESTS, sent);
        let samples = mesh.wait_until_counted(proxy, DURATIONS, sent);
        let values = |label: &str| -> BTreeSet<String> {
            samples.iter().filter_map(|sample| sample.labels.get(label).cloned()).collect()
        };
        let reporter = if proxy.pid == mesh.gateway().pid { "source" } else { "destination" };
        assert_eq!(values("reporter"), BTreeSet::from([reporter.to_owned()]));
        assert_eq!(values("response_code"), BTreeSet::from(["200".to_owned()]));
        assert!(values("request_method").contains("plain"));
        let lengths: Vec<_> = values("request_method").iter().map(String::len).collect();
        assert!(
            lengths.iter().all(|length| *length < 1_000),
            "a label as long as the client likes: {lengths:?}"
        );
        let names: BTreeSet<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
        assert!(names.iter().all(|name| name.len() < 60), "{names:?}");
        let text = page(&proxy.admin, "/stats/prometheus");
        assert!(!text.contains("=.=") && !text.contains(";.;"), "labels within a name:\n{text}");
    }
    assert!(mesh.pids().into_iter().all(is_running));
}

#[test]
fn a_new_label_takes_a_restart_and_corrupts_no_series_until_then() {
    let documents = Documents::new(&method(true));
    let mut mesh = Mesh::hold(documents.folder.path(), 2);
    let said =
        mesh.change(&documents.telemetry(), &telemetry("route", "request.url_path", true), REST_IN_FORCE);
    assert!(said.contains("the label `route` is new"), "{said}");
    assert!(said.contains("telemetry.yaml:15:"), "{said}");
    assert!(said.contains("start it again"), "{said}");
    // What stands is told once.
    let said = mesh.change(&documents.telemetry(), &telemetry("route", "request.path", true), IN_FORCE);
    assert!(!said.contains("the label `route` is new"), "{said}");

    mesh.send(6, "/new");
    for proxy in [mesh.gateway(), mesh.sidecar()] {
        mesh.wait_until_counted(proxy, REQUESTS, 8);
        let samples = mesh.wait_until_counted(proxy, DURATIONS, 8);
        assert!(samples.iter().all(|sample| !sample.labels.contains_key("route")));
        // With a label that the bootstrap does not know, the name would hold it.
        let names: BTreeSet<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
        assert!(names.iter().all(|name| !name.contains("route")), "{names:?}");
        let text = page(&proxy.admin, "/stats/prometheus");
        assert!(!text.contains("=.=") && !text.contains(";.;"), "labels within a name:\n{text}");
    }
}
