//! `burgee new`: the crate that it makes passes its own tests, and runs, and follows what is saved.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use burgee_localnet::scrape::{self, Sample};
use tempfile::TempDir;

use crate::support::http::{Answer, Connection};
use crate::support::mesh::{Mesh, page};
use crate::support::program::Program;
use crate::support::{eventually, tempdir};

/// The host of the new crate's mesh.
const HOST: &str = "hello.internal";

/// Where new crates are built: what they are built with is built once.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-filter")
}

/// A new crate, and the folder that it is in.
fn new_crate(name: &str) -> (TempDir, PathBuf) {
    let parent = tempdir();
    let made = Program::new(["new", name]).in_directory(parent.path()).run().expect_code(0);
    made.expect_said(&["cargo burgee up ."]);
    let folder = parent.path().join(name);
    (parent, folder)
}

/// Runs cargo in a crate, and fails unless it succeeds.
fn cargo(folder: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target())
        .output()
        .expect("cargo runs");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "cargo {arguments:?}\n{}{}", said(&output.stdout), said(&output.stderr));
}

#[test]
fn a_new_crate_passes_its_own_tests_and_the_lints_and_nothing_is_wrong_with_its_documents() {
    // Where lines are broken and what is in order depends on the name.
    for name in ["a", "zzz-filter-of-a-name-that-is-as-long-as-names-may-be"[..50].trim_end_matches('-')] {
        let (_parent, folder) = new_crate(name);
        cargo(&folder, &["fmt", "--check"]);
    }
    // Another name than that of the crate which the other test edits: both are built into one directory.
    let (_parent, folder) = new_crate("who-tries");
    cargo(&folder, &["test"]);
    cargo(&folder, &["clippy", "--all-targets", "--", "-D", "warnings"]);
    Program::new(["check", ".", "--fail-on", "note"])
        .in_directory(&folder)
        .run()
        .expect_code(0)
        .expect_said(&["2 files: nothing is wrong"]);
    let played = Program::new(["test", ".", "--compliance", "-o", "json"]).in_directory(&folder);
    played.env("CARGO_TARGET_DIR", target()).run().expect_code(0);
    let document = folder.join("plugin.yaml");
    let text = fs::read_to_string(&document).expect("a document");
    fs::write(&document, text.replace("others: pass", "others: pas")).expect("a document");
    let found = Program::new(["check", ".", "-o", "json"]).in_directory(&folder).run().expect_code(1);
    let problems = found.json();
    assert_eq!(problems["problems"][0]["code"], "BG0264");
    assert_eq!(problems["problems"][0]["path"], "spec.pluginConfig.others");
}

#[test]
fn a_trap_is_told_with_the_line_of_the_source_that_it_is_at() {
    let (_parent, folder) = new_crate("who-traps");
    let source = folder.join("src/filter.rs");
    let text = fs::read_to_string(&source).expect("a source");
    let asks = "        *tenant = self.tenant(host);\n";
    assert!(text.contains(asks), "{text}");
    let text = text.replace(asks, &format!("{asks}        trap(tenant.as_deref());\n"));
    let text = text
        + r#"
#[inline(always)]
fn third(name: &[u8]) -> u8 {
    name[2] // out of bounds
}

#[inline(never)]
fn trap(name: Option<&[u8]>) {
    match name {
        Some(b"unreachable") => core::arch::wasm32::unreachable(), // no panic
        Some(name) => assert_ne!(third(name), 0),
        None => {}
    }
}
"#;
    fs::write(&source, &text).expect("a source");
    let line = |part: &str| text.lines().position(|line| line.contains(part)).expect("a line") + 1;
    let place = |part: &str| format!("src/filter.rs:{}", line(part));
    let case = |tenant: &str| {
        format!(
            "- name: {tenant}\n  config: {{others: pass}}\n  steps: [{{request: {{headers: {{x-tenant: {tenant}}}}}}}]\n"
        )
    };
    let cases = folder.join("traps.yaml");
    fs::write(&cases, format!("cases:\n{}{}", case("unreachable"), case("ab"))).expect("cases");

    let tested = || Program::new(["test", ".", "-f", "traps.yaml"]).in_directory(&folder);
    let tested = || tested().env("CARGO_TARGET_DIR", target());
    let outer = format!(
        "in <who_traps::filter::Tenants as burgee_kit::filter::HttpFilter>::on_request_headers at {}",
        place("trap(tenant.as_deref())")
    );
    let found = tested().run().expect_code(1).expect_said(&["2 of 2 cases failed"]);
    for expected in [
        format!("in who_traps::filter::trap at {}\n    {outer}\n    and in ", place("// no panic")),
        format!("panicked at {}:", place("// out of bounds")),
        "index out of bounds: the len is 2 but the index is 2".to_owned(),
        format!("in who_traps::filter::third at {}\n", place("// out of bounds")),
        format!("in who_traps::filter::trap at {}\n    {outer}\n    and in ", place("third(name)")),
        "that call the filter".to_owned(),
    ] {
        assert!(found.stdout.contains(&expected), "{expected}\nin\n{}", found.stdout);
    }
    let json = tested().args(["-o", "json"]).run().expect_code(1).json();
    let trap = json["cases"][1]["trap"].as_str().expect("a trap");
    assert!(trap.contains(&format!("who_traps::filter::third at {}", place("// out of bounds"))), "{trap}");
}

/// Requests one after another over a connection that is kept as long as it may be, until it is told to stop.
struct Requests {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Vec<String>)>,
}

impl Requests {
    fn start(address: &str) -> Requests {
        let is_over = Arc::new(AtomicBool::new(false));
        let (told, address) = (is_over.clone(), address.to_owned());
        let thread = thread::spawn(move || {
            let (mut sent, mut failed, mut connection) = (0, Vec::new(), None);
            while !told.load(Ordering::Relaxed) {
                sent += 1;
                match ask(&address, &mut connection) {
                    Ok(answer) if answer.status == 200 => {}
                    Ok(answer) => failed.push(answer.status.to_string()),
                    Err(error) => failed.push(error),
                }
            }
            (sent, failed)
        });
        Requests { is_over, thread }
    }

    /// Stops them, and fails unless every one was answered.
    fn expect_no_failure(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let (sent, failed) = self.thread.join().expect("the requests");
        assert!(sent > 100, "hardly any load: {sent}");
        assert_eq!(failed, [""; 0], "of {sent} requests");
    }
}

/// A request of a tenant.
fn ask(address: &str, connection: &mut Option<Connection>) -> Result<Answer, String> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(address, HOST)?,
    };
    let answer = open.get_with("/", b"x-tenant: acme\r\n")?;
    *connection = answer.is_kept.then_some(open);
    Ok(answer)
}

/// Waits until answers have a value in the filter's header, or none; gives when that was.
fn wait_for(address: &str, value: Option<&str>) -> Instant {
    let began = Instant::now();
    loop {
        let answer = ask(address, &mut None).unwrap_or_else(|error| panic!("{error}"));
        if answer.header("x-answered-for") == value {
            return Instant::now();
        }
        assert!(began.elapsed() < Duration::from_secs(120), "no {value:?}, but {:?}", answer.headers);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_new_crate_runs_and_what_is_saved_takes_effect_without_a_failed_request() {
    let (_parent, folder) = new_crate("who-asks");
    cargo(&folder, &["build", "--profile", "filter", "--target", "wasm32-wasip1"]);
    let program = Program::up(&folder).args(["--hold", "-o", "json", "--requests", "10"]);
    let mut mesh = Mesh::of(program.env("CARGO_TARGET_DIR", target()));
    let (address, source) = (mesh.entrance(), folder.join("src/filter.rs"));
    wait_for(&address, Some("acme"));
    eventually("labels on the gateway's page", || {
        let text = page(&mesh.gateway().admin, "/stats/prometheus");
        assert!(!text.contains("=.="), "labels within a name:\n{text}");
        let series = scrape::samples(&text, "who_asks_requests_total");
        let has = |sample: &Sample| {
            let label = |name: &str| sample.labels.get(name).map(String::as_str);
            (label("tenant"), label("verdict")) == (Some("acme"), Some("known")) && sample.value >= 1.0
        };
        if series.iter().any(has) { Ok(()) } else { Err(format!("it has {series:?}")) }
    });

    let first = fs::read_to_string(&source).expect("a source");
    let edited = |value: &str| first.replace("ANSWERED_FOR, tenant)", &format!("ANSWERED_FOR, {value})"));
    assert_ne!(first, edited("x"));
    let load = Requests::start(&address);
    for (source_text, value) in [
        (edited("b\"one\""), "one"),
        (edited("b\"two\""), "two"),
        (edited("b\"three\""), "three"),
        (first.clone(), "acme"),
    ] {
        let saved = Instant::now();
        fs::write(&source, source_text).expect("a source");
        let served = wait_for(&address, Some(value));
        println!("from saving a source to its module serving: {} ms", (served - saved).as_millis());
    }

    // What is wrong changes nothing, and is told where it is.
    let said = mesh.held.stderr().len();
    fs::write(&source, first.replace("*tenant = self.tenant(host);", "*tenant = self.tenant(host)"))
        .expect("a source");
    let told = mesh.held.wait_until_said(said, "the last good");
    assert!(told.contains("src/filter.rs:"), "{told}");
    let said = mesh.held.stderr().len();
    let document = folder.join("plugin.yaml");
    let text = fs::read_to_string(&document).expect("a document");
    fs::write(&document, text.replace("others: pass", "others: pas")).expect("a document");
    let told = mesh.held.wait_until_said(said, "the last good");
    assert!(told.contains("did you mean `pass`?"), "{told}");
    assert_eq!(ask(&address, &mut None).expect("an answer").header("x-answered-for"), Some("acme"));
    load.expect_no_failure();

    // A filter that panics says where.
    fs::write(&document, &text).expect("a document");
    let said = mesh.held.stderr().len();
    let panicking =
        first.replace("*tenant = self.tenant(host);", "*tenant = Some(self.tenant(host).unwrap());");
    fs::write(&source, panicking.replace("x-answered-for", "x-edited")).expect("a source");
    wait_for(&address, None);
    let connection = &mut Connection::open(&address, HOST).expect("a connection");
    assert_eq!(connection.get("/").expect("an answer").status, 503);
    mesh.held.wait_until_said(said, "istio-system/who-asks critical: panicked at src/filter.rs:");
}

#[test]
fn a_filter_that_panics_is_in_the_summary_and_a_header_that_is_sent_reaches_it() {
    let (_parent, folder) = new_crate("who-panics");
    let source = folder.join("src/filter.rs");
    let text = fs::read_to_string(&source).expect("a source");
    let panicking =
        text.replace("*tenant = self.tenant(host);", "*tenant = Some(self.tenant(host).unwrap());");
    assert_ne!(text, panicking);
    fs::write(&source, panicking).expect("a source");
    let up =
        || Program::up(&folder).args(["--path", "/", "--requests", "4"]).env("CARGO_TARGET_DIR", target());
    // With a tenant it has nothing to panic about.
    up().args(["--header", "x-tenant: acme"]).run().expect_code(0);
    let ended = up().run().expect_code(2);
    ended.expect_said(&[
        "BG0435",
        "who-panics trapped in proxy_on_request_headers",
        "panicked at src/filter.rs:",
    ]);
}
