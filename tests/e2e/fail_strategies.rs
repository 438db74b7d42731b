//! Each fail strategy with each fault of a module, in a real Envoy: what the traffic of the plugin gets and what other traffic
//! does. What is seen is the table of docs/fail-strategies.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use burgee_localnet::summary::ProxyKind;
use serde_json::json;

use crate::support::http::{Answer, Connection};
use crate::support::mesh::Mesh;
use crate::support::program::Program;
use crate::support::{copy_of_one_service, eventually, root, wasm};

/// From this many headers on the module traps.
const TRAP: usize = 30;

/// The first port of the workload; each plugin has one of its own, and the last has none.
const FIRST: u16 = 8100;

const STRATEGIES: [&str; 3] = ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"];

/// What is wrong with a module, as the table says it, and its URL's name; `sha256` where that is what is wrong.
const FAULTS: [(&str, &str, bool); 6] = [
    ("the registry is down", "down", false),
    ("the registry answers 401", "secret", false),
    ("the module has another digest", "good", true),
    ("what is there is no module", "broken", false),
    ("the module traps when it starts", "traps", false),
    ("the module traps at a request", "good", false),
];

/// A module that marks answers, traps at requests with many headers, and at its start if it is so made.
fn module(at_start: &str) -> Vec<u8> {
    let more = format!(
        r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) {at_start} (i32.const 1))
          (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param i32) (result i32)
            (if (i32.ge_s (local.get $count) (i32.const {TRAP})) (then (unreachable)))
            (i32.const 0))"#
    );
    wasm::marking("here", &more)
}

/// A registry that has three images, keeps one to itself, and gets another when it is told so. Gives its port.
fn registry(is_late: Arc<AtomicBool>) -> u16 {
    let mut pages: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let descriptor = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": format!("sha256:{}", burgee_modules::digest(bytes)), "size": bytes.len()});
    for (name, bytes) in [
        ("good", module("")),
        ("late", module("")),
        ("traps", module("(unreachable)")),
        ("broken", b"this is no module".to_vec()),
    ] {
        let about = b"{}".to_vec();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &about),
            "layers": [
                descriptor("application/vnd.module.wasm.config.v1+json", &about),
                descriptor("application/vnd.module.wasm.content.layer.v1+wasm", &bytes),
            ],
        });
        pages.insert(format!("/v2/{name}/manifests/1"), manifest.to_string().into_bytes());
        pages.insert(format!("/v2/{name}/blobs/sha256:{}", burgee_modules::digest(&bytes)), bytes);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (pages, is_late) = (pages.clone(), Arc::clone(&is_late));
            thread::spawn(move || serve(stream, &pages, &is_late));
        }
    });
    port
}

fn serve(
    stream: std::net::TcpStream,
    pages: &BTreeMap<String, Vec<u8>>,
    is_late: &AtomicBool,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut line) = (String::new(), String::new());
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        while line != "\r\n" {
            line.clear();
            reader.by_ref().take(10_000).read_line(&mut line)?;
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (status, header, body) = match pages.get(path) {
            Some(_) if path.starts_with("/v2/late/") && !is_late.load(Ordering::Relaxed) => {
                ("404 Not Found", "", &b"not yet"[..])
            }
            Some(body) => ("200 OK", "", body.as_slice()),
            None if path.starts_with("/v2/secret/") => {
                ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", &b"who asks?"[..])
            }
            None => ("404 Not Found", "", &b""[..]),
        };
        let head = format!("HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all(head.as_bytes())?;
        reader.get_mut().write_all(body)?;
    }
}

/// Each strategy with each fault, and the port of its plugin.
fn cases() -> impl Iterator<Item = (u16, &'static str, (&'static str, &'static str, bool))> {
    let pairs = FAULTS.into_iter().flat_map(|fault| STRATEGIES.map(|strategy| (strategy, fault)));
    (FIRST..).zip(pairs).map(|(port, (strategy, fault))| (port, strategy, fault))
}

/// A port of the workload at which no plugin is.
fn other_port() -> u16 {
    FIRST + u16::try_from(FAULTS.len() * STRATEGIES.len()).expect("a few")
}

/// The plugins, each as its case has it, or all good.
fn plugins(registry: u16, down: u16, are_good: bool) -> String {
    let mut text = String::new();
    for (port, strategy, (_, name, is_other)) in cases() {
        let (host, name) = match (are_good, name) {
            (true, _) => (registry, "good"),
            (false, "down") => (down, "good"),
            (false, name) => (registry, name),
        };
        let sha256 =
            if is_other && !are_good { format!("  sha256: \"{}\"\n", "0".repeat(64)) } else { String::new() };
        let _ = write!(
            text,
            "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p{port}, namespace: \
             quickstart}}\nspec:\n  selector: {{matchLabels: {{app: hello}}}}\n  match: [{{mode: SERVER, ports: \
             [{{number: {port}}}]}}]\n  url: oci://127.0.0.1:{host}/{name}:1\n  failStrategy: {strategy}\n{sha256}"
        );
    }
    text
}

fn services() -> String {
    let mut text = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: hello, namespace: quickstart}\n\
                    spec:\n  hosts: [hello.quickstart.internal]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
                    workloadSelector: {labels: {app: hello}}\n  ports:\n"
        .to_owned();
    for port in FIRST..=other_port() {
        let _ =
            writeln!(text, "  - {{number: {port}, name: http-{port}, protocol: HTTP, targetPort: {port}}}");
    }
    text += "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: hello-v1, namespace: quickstart}\n\
             spec:\n  address: 10.0.0.11\n  labels: {app: hello, version: v1}\n---\napiVersion: networking.istio.io/v1\nkind: \
             WorkloadEntry\nmetadata: {name: istio-ingressgateway, namespace: istio-system}\nspec:\n  address: 10.0.0.1\n  \
             labels: {istio: ingressgateway}\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: front, \
             namespace: istio-system}\nspec:\n  selector: {istio: ingressgateway}\n  servers:\n  - port: {number: 80, name: \
             http, protocol: HTTP}\n    hosts: [\"*\"]\n";
    text
}

/// A folder with the services, and plugins as they are told.
fn folder(plugins: &str) -> tempfile::TempDir {
    let folder = copy_of_one_service();
    fs::write(folder.path().join("services.yaml"), services()).expect("documents");
    fs::remove_file(folder.path().join("telemetry.yaml")).expect("it was there");
    fs::write(folder.path().join("plugins.yaml"), plugins).expect("documents");
    folder
}

fn hold(folder: &Path, registry: u16, down: u16) -> Mesh {
    let mut program = Program::up(folder).args(["--hold", "-o", "json", "--requests", "0"]);
    for port in [registry, down] {
        let host = format!("127.0.0.1:{port}");
        program = program.args(["--module-host", &host, "--plain-http", &host]);
    }
    Mesh::of(program)
}

/// What is answered at a port of the workload, to a request with some more headers.
fn ask(mesh: &Mesh, port: u16, headers: usize) -> Result<Answer, String> {
    let proxy =
        mesh.summary.proxies.iter().find(|proxy| proxy.kind == ProxyKind::Sidecar).expect("a sidecar");
    let name = format!("inbound_{port}");
    let listener = proxy.listeners.iter().find(|listener| listener.name == name).expect("its listener");
    let lines: String = (0..headers).map(|at| format!("x-{at}: y\r\n")).collect();
    Connection::open(&listener.address, "hello.quickstart.internal")?.get_with("/", lines.as_bytes())
}

/// An answer as the table says it.
fn words(answer: &Answer) -> String {
    match (answer.status, answer.header("x-module")) {
        (200, Some(_)) => "answered, with the plugin".to_owned(),
        (200, None) => "answered, without the plugin".to_owned(),
        (status, _) if answer.body.contains("cannot be had") => format!("{status}, says whose plugin it is"),
        (status, _) => status.to_string(),
    }
}

fn must_ask(mesh: &Mesh, port: u16, headers: usize) -> String {
    words(&ask(mesh, port, headers).unwrap_or_else(|error| panic!("{port}: {error}")))
}

/// A port at which nobody is.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

#[test]
fn every_strategy_holds_with_every_fault() {
    let (registry, down) = (registry(Arc::default()), nobody());
    let folder = folder(&plugins(registry, down, false));
    let new = hold(folder.path(), registry, down);
    let mut rows: Vec<(&str, &str, String, String)> = Vec::new();
    for (port, strategy, (fault, ..)) in cases() {
        rows.push((fault, strategy, must_ask(&new, port, 0), String::new()));
    }
    assert_eq!(must_ask(&new, other_port(), 0), "answered, without the plugin");
    // At a request: that one, and those that follow.
    for (row, (port, strategy, (fault, ..))) in rows.iter_mut().zip(cases()) {
        if !fault.ends_with("at a request") {
            continue;
        }
        assert_eq!(row.2, "answered, with the plugin", "before it traps");
        let that = must_ask(&new, port, TRAP);
        let expected = match strategy {
            "FAIL_CLOSE" => "503",
            "FAIL_OPEN" => "answered, without the plugin",
            _ => "answered, with the plugin",
        };
        let later = eventually(&format!("{strategy} after a trap"), || match must_ask(&new, port, 0) {
            words if words == expected => Ok(words),
            words => Err(words),
        });
        row.2 = format!("that request {that}, later ones {later}");
    }
    drop(new);

    // The same where a good version was in force before.
    let folder = self::folder(&plugins(registry, down, true));
    let mut held = hold(folder.path(), registry, down);
    for (port, ..) in cases() {
        assert_eq!(must_ask(&held, port, 0), "answered, with the plugin", "{port}");
    }
    let file = folder.path().join("plugins.yaml");
    held.change(&file, &plugins(registry, down, false), "is in force after");
    for (row, (port, _, (fault, ..))) in rows.iter_mut().zip(cases()) {
        row.3 = match fault.ends_with("at a request") {
            true => "as on the left".to_owned(),
            false => must_ask(&held, port, 0),
        };
    }
    assert_eq!(must_ask(&held, other_port(), 0), "answered, without the plugin");

    let mut table = "| what is wrong | failStrategy | a proxy that is new, or a plugin that is | after a good version |\n\
                     | --- | --- | --- | --- |\n"
        .to_owned();
    for (fault, strategy, new, held) in &rows {
        let _ = writeln!(table, "| {fault} | `{strategy}` | {new} | {held} |");
    }
    compare(&table);
}

#[test]
fn what_is_pushed_later_takes_effect_by_itself() {
    let is_late = Arc::new(AtomicBool::new(false));
    let registry = registry(Arc::clone(&is_late));
    let plugin = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: late, namespace: \
         quickstart}}\nspec:\n  selector: {{matchLabels: {{app: hello}}}}\n  match: [{{mode: SERVER, ports: [{{number: \
         {FIRST}}}]}}]\n  wasm: {{url: \"oci://127.0.0.1:{registry}/late:1\"}}\n"
    );
    let folder = folder(&plugin);
    let mesh = hold(folder.path(), registry, registry);
    assert_eq!(must_ask(&mesh, FIRST, 0), "503, says whose plugin it is");
    is_late.store(true, Ordering::Relaxed);
    eventually("the plugin", || match must_ask(&mesh, FIRST, 0) {
        words if words == "answered, with the plugin" => Ok(()),
        words => Err(words),
    });
}

/// Holds what was seen to what the page says; with BURGEE_BLESS the page says it from then on.
fn compare(table: &str) {
    let page = root().join("docs/fail-strategies.md");
    let text = fs::read_to_string(&page).expect("the page");
    let begin = text.find("| what is wrong").expect("its table");
    let end = begin + text[begin..].find("\n\n").expect("what comes after") + 1;
    if text[begin..end] != *table {
        if std::env::var_os("BURGEE_BLESS").is_some() {
            fs::write(&page, format!("{}{table}{}", &text[..begin], &text[end..])).expect("the page");
            return;
        }
        panic!("what was seen is not what {} says:\n{table}", page.display());
    }
}
