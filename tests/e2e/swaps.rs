//! Plugins that change while a real load generator runs: the effect of the new version is seen, and no request fails.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::load::Load;
use crate::support::mesh::{HOST, Mesh};
use crate::support::program::Program;
use crate::support::{copy_of_one_service, eventually, http, tempdir, tools, wasm};

/// A module that adds one header to each answer, `x-module: VALUE`.
fn module(value: &str) -> Vec<u8> {
    wasm::marking(value, "")
}

/// A plugin of every gateway whose module is a file beside the document.
fn plugin(file: &str, configuration: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: swapped\n  namespace: \
         istio-system\n  annotations:\n    burgee.dev/module: {file}\nspec:\n  selector:\n    matchLabels:\n      \
         istio: ingressgateway\n  url: oci://registry.example.com/swapped:1\n{configuration}"
    )
}

/// Writes a file as an editor or a compiler does: whole, under its name at once.
fn replace(file: &Path, bytes: &[u8]) {
    let beside = file.with_extension("new");
    fs::write(&beside, bytes).expect("a file");
    fs::rename(&beside, file).expect("its name");
}

fn header(mesh: &Mesh, name: &str) -> Option<String> {
    let answer = http::get(&mesh.entrance(), HOST, "/").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.header(name).map(str::to_owned)
}

fn wait_for(mesh: &Mesh, name: &str, value: &str) {
    eventually(&format!("{name}: {value}"), || match header(mesh, name) {
        Some(found) if found == value => Ok(()),
        found => Err(format!("{found:?}")),
    });
}

#[test]
fn a_rebuilt_module_and_a_saved_document_take_effect_without_a_failed_request() {
    let Some(h2load) = tools::h2load() else { return };
    let folder = copy_of_one_service();
    let (file, document) = (folder.path().join("swapped.wasm"), folder.path().join("plugin.yaml"));
    fs::write(&file, module("one")).expect("a module");
    fs::write(&document, plugin("swapped.wasm", "")).expect("a document");
    let mesh = Mesh::of(Program::up(folder.path()).args(["--hold", "-o", "json", "--requests", "0"]));
    wait_for(&mesh, "x-module", "one");

    let mut load = Load::start(&h2load, &mesh.entrance(), HOST, 8);
    replace(&file, &module("two"));
    wait_for(&mesh, "x-module", "two");
    // Back to a version that the proxy has had before.
    replace(&file, &module("one"));
    wait_for(&mesh, "x-module", "one");
    fs::write(folder.path().join("third.wasm"), module("three")).expect("a module");
    replace(&document, plugin("third.wasm", "").as_bytes());
    wait_for(&mesh, "x-module", "three");
    assert!(load.is_running(), "every change came while requests were sent");
    load.expect_no_failure();
}

#[test]
fn a_module_that_is_none_leaves_the_last_good_one_in_force() {
    let folder = copy_of_one_service();
    let file = folder.path().join("swapped.wasm");
    fs::write(&file, module("one")).expect("a module");
    fs::write(folder.path().join("plugin.yaml"), plugin("swapped.wasm", "")).expect("a document");
    let mut mesh = Mesh::of(Program::up(folder.path()).args(["--hold", "-o", "json", "--requests", "0"]));
    wait_for(&mesh, "x-module", "one");
    let said = mesh.held.stderr().len();
    replace(&file, b"this is no module");
    mesh.held.wait_until_said(said, "the last good");
    assert_eq!(header(&mesh, "x-module").as_deref(), Some("one"));
    replace(&file, &module("two"));
    wait_for(&mesh, "x-module", "two");
}

/// Writes the source of a stranger's filter, which adds `x-built: VALUE` to each answer.
fn write_source(folder: &Path, value: &str) {
    let source = format!(
        r#"//! Adds one header to each answer.
const VALUE: &str = "{value}";

#[link(wasm_import_module = "env")]
extern "C" {{
    fn proxy_add_header_map_value(map: u32, key: *const u8, key_len: usize, value: *const u8, len: usize) -> u32;
}}

#[no_mangle]
pub extern "C" fn proxy_abi_version_0_2_1() {{}}

#[no_mangle]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {{
    Vec::<u8>::with_capacity(size).leak().as_mut_ptr()
}}

#[no_mangle]
pub extern "C" fn proxy_on_context_create(_context: u32, _parent: u32) {{}}

#[no_mangle]
pub extern "C" fn proxy_on_response_headers(_context: u32, _count: u32, _is_end: u32) -> u32 {{
    unsafe {{ proxy_add_header_map_value(2, b"x-built".as_ptr(), 7, VALUE.as_ptr(), VALUE.len()) }};
    0
}}
"#
    );
    replace(&folder.join("src/lib.rs"), source.as_bytes());
}

#[test]
fn a_saved_source_is_built_and_takes_effect_and_one_that_does_not_build_changes_nothing() {
    let (folder, stranger) = (copy_of_one_service(), tempdir());
    let manifest = "[package]\nname = \"stranger\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lib]\ncrate-type = \
                    [\"cdylib\"]\n\n[workspace]\n";
    fs::create_dir(stranger.path().join("src")).expect("a folder");
    fs::write(stranger.path().join("Cargo.toml"), manifest).expect("a manifest");
    write_source(stranger.path(), "one");
    let document = plugin(&stranger.path().to_string_lossy(), "");
    fs::write(folder.path().join("plugin.yaml"), document).expect("a document");
    let mut mesh = Mesh::of(Program::up(folder.path()).args(["--hold", "-o", "json", "--requests", "0"]));
    wait_for(&mesh, "x-built", "one");

    write_source(stranger.path(), "two");
    wait_for(&mesh, "x-built", "two");

    let said = mesh.held.stderr().len();
    replace(&stranger.path().join("src/lib.rs"), b"this does not compile\n");
    mesh.held.wait_until_said(said, "the last good");
    assert_eq!(header(&mesh, "x-built").as_deref(), Some("two"));

    write_source(stranger.path(), "three");
    wait_for(&mesh, "x-built", "three");
}

/// Debian's registry, with images in a folder.
struct Registry {
    process: Child,
    host: String,
}

impl Registry {
    fn start(program: &Path, folder: &Path) -> Registry {
        let configuration = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
            folder.join("images").display()
        );
        let file = folder.join("registry.yml");
        fs::write(&file, configuration).expect("a configuration");
        let mut process = Command::new(program)
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the registry starts");
        let mut lines = BufReader::new(process.stderr.take().expect("its log")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.split_once("listening on 127.0.0.1:")?.1.to_owned();
            Some(rest.chars().take_while(char::is_ascii_digit).collect::<String>())
        });
        // Whoever writes lines that nobody reads waits in the end.
        std::thread::spawn(move || lines.for_each(drop));
        Registry { process, host: format!("127.0.0.1:{}", port.expect("it listens")) }
    }

    /// Pushes a module; gives what to write into a document.
    fn push(&self, module: &[u8], tag: &str) -> String {
        let url = format!("oci://{}/acme/swapped:{tag}", self.host);
        let file = tempdir();
        let path = file.path().join("m.wasm");
        fs::write(&path, module).expect("a module");
        let path = path.to_string_lossy().into_owned();
        let pushed =
            Program::new(["module", "push", &path, &url, "--insecure", "-o", "json"]).run().expect_code(0);
        let pushed: serde_json::Value = serde_json::from_str(&pushed.stdout).expect("JSON");
        pushed["url"].as_str().expect("a reference").to_owned()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_module_that_is_pushed_is_verified_pulled_and_swapped_without_a_failed_request() {
    let (Some(h2load), Some(program)) = (tools::h2load(), tools::docker_registry()) else { return };
    let folder = copy_of_one_service();
    let images = tempdir();
    let registry = Registry::start(&program, images.path());
    let (one, two) = (registry.push(&module("one"), "1"), registry.push(&module("two"), "2"));
    assert!(one.contains("/acme/swapped:1@sha256:"), "{one}");
    Program::new(["module", "verify", &one, "--insecure"]).run().expect_code(0);
    let pulled = images.path().join("pulled.wasm").to_string_lossy().into_owned();
    Program::new(["module", "pull", &two, "--insecure", "--out", &pulled]).run().expect_code(0);
    assert_eq!(fs::read(&pulled).expect("a module"), module("two"));

    let document = folder.path().join("plugin.yaml");
    let plugin = |url: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: swapped, namespace: \
             istio-system}}\nspec:\n  selector: {{matchLabels: {{istio: ingressgateway}}}}\n  wasm: {{url: \"{url}\"}}\n"
        )
    };
    fs::write(&document, plugin(&one)).expect("a document");
    // Without a word about this machine's registry no document leads to it.
    let refused = Program::up(folder.path()).args(["--requests", "1"]).run();
    refused.expect_said(&["a document may not fetch from this machine itself", "--module-host"]);
    let hold = Program::up(folder.path()).args(["--hold", "-o", "json", "--requests", "0"]);
    let mesh = Mesh::of(hold.args(["--module-host", &registry.host, "--plain-http", &registry.host]));
    wait_for(&mesh, "x-module", "one");
    let mut load = Load::start(&h2load, &mesh.entrance(), HOST, 8);
    replace(&document, plugin(&two).as_bytes());
    wait_for(&mesh, "x-module", "two");
    // Back, while the registry is gone: the cache has it.
    drop(registry);
    replace(&document, plugin(&one).as_bytes());
    wait_for(&mesh, "x-module", "one");
    assert!(load.is_running(), "every change came while requests were sent");
    load.expect_no_failure();
}
