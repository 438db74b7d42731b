//! Builds HTTP filters for real, ours and a stranger's, and looks at what a proxy would be given.

mod support;

use std::fs;
use std::path::Path;

use burgee_modules::{
    BuiltModule, ModuleError, build_crate_in, build_in, build_symbols_in, custom_section, keep_file_in,
    kept_symbols_in, trim,
};
use support::{callbacks, workspace};
use walrus::Module;

/// What the headers module may weigh. Envoy compiles all of it at load.
const BUDGET_BYTES: usize = 92_000;

fn quiet(_: &str) {}

/// A crate in a workspace of its own, as somebody else would write one: it touches responses only.
fn write_stranger(folder: &Path, source: &str) {
    let kit = workspace().join("filters/kit");
    let manifest = format!(
        "[package]\nname = \"stranger\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\nname = \"odd_name\"\n\
         crate-type = [\"cdylib\"]\n\n[dependencies]\nburgee-kit = {{ path = {kit:?} }}\n\n[workspace]\n"
    );
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/lib.rs"), source).unwrap();
    // The same versions as ours, so that nothing has to be fetched.
    fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

const STRANGER: &str = r#"
use burgee_kit::{ConfigurationError, HttpFilter, Message, Outcome, Phases, ResponseHeadersHost, RootHost};

struct Mark;

impl HttpFilter for Mark {
    const PHASES: Phases = Phases::RESPONSE_HEADERS;

    type Stream = ();

    fn configure<H: RootHost>(_host: &H, _configuration: &[u8]) -> Result<Mark, ConfigurationError> {
        Ok(Mark)
    }

    fn on_response_headers<H: ResponseHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        let _ = host.set_header(Message::Response, "x-mark", b"1");
        Outcome::Continue
    }
}

burgee_kit::export!(http Mark);
"#;

/// What is there to name functions and lines by. That they are right is seen where a trap is told.
fn assert_says_where(symbols: &[u8]) {
    for section in ["name", ".debug_info", ".debug_line"] {
        assert!(custom_section(symbols, section).unwrap().is_some(), "no {section}");
    }
}

#[test]
fn the_headers_module_has_the_callbacks_that_it_uses_and_no_others() {
    let cache = tempfile::tempdir().unwrap();
    let built = build_in(cache.path(), "headers", &quiet).unwrap_or_else(|error| panic!("{error}"));
    println!("the headers module has {} bytes", built.bytes.len());
    assert!(built.bytes.len() <= BUDGET_BYTES, "{} bytes are more than {BUDGET_BYTES}", built.bytes.len());
    let expected = [
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_request_headers",
        "proxy_on_response_headers",
    ];
    assert_eq!(callbacks(&built.bytes), expected.map(str::to_owned).into());
    assert_eq!(trim(&built.bytes).unwrap(), built.bytes, "trimming twice is not trimming once");

    let folder = workspace().join("filters/headers");
    let by_folder = build_crate_in(cache.path(), &folder, &quiet).unwrap();
    assert_eq!(by_folder, built);

    // What is built to say where it traps has the same code; that it was built changes nothing.
    let symbols = build_symbols_in(cache.path(), &folder, &built, &quiet).unwrap().expect("the same code");
    assert_says_where(&symbols);
    assert_eq!(kept_symbols_in(cache.path(), &built), Some(symbols));
    assert_eq!(build_crate_in(cache.path(), &folder, &quiet).unwrap(), built);

    // Whoever builds at the same time waits, or finds it built, and gets the same.
    std::thread::scope(|scope| {
        let others = [(); 3].map(|()| {
            scope.spawn(|| {
                let other = tempfile::tempdir().unwrap();
                build_in(other.path(), "headers", &quiet).unwrap().sha256
            })
        });
        assert!(others.into_iter().all(|other| other.join().unwrap() == built.sha256));
    });
}

#[test]
fn a_stranger_s_crate_is_built_and_trimmed_by_its_own_list() {
    let cache = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_stranger(folder.path(), STRANGER);
    let built = build_crate_in(cache.path(), folder.path(), &quiet).unwrap_or_else(|error| panic!("{error}"));
    assert!(built.path.starts_with(cache.path()));
    let callbacks = callbacks(&built.bytes);
    assert!(callbacks.contains("proxy_on_response_headers"), "{callbacks:?}");
    assert!(!callbacks.contains("proxy_on_request_headers"), "{callbacks:?}");

    // A module that says nothing of its callbacks is taken as it is.
    fs::write(
        folder.path().join("src/lib.rs"),
        "#[unsafe(no_mangle)]\npub extern \"C\" fn proxy_on_tick(_: u32) {}\n",
    )
    .unwrap();
    let plain: BuiltModule = build_crate_in(cache.path(), folder.path(), &quiet).unwrap();
    assert_ne!(plain.path, built.path);
    assert_says_where(&build_symbols_in(cache.path(), folder.path(), &plain, &quiet).unwrap().expect("same"));
    // Of a module that the sources no longer make, nothing is said.
    assert_eq!(build_symbols_in(cache.path(), folder.path(), &built, &quiet).unwrap(), None);
    assert_eq!(kept_symbols_in(cache.path(), &built), None);
    assert!(Module::from_buffer(&plain.bytes).unwrap().exports.get_func("proxy_on_tick").is_ok());

    // The first of many errors, which the last lines would not have.
    let uses: String = (0..60).map(|number| format!("pub use missing::Name{number};\n")).collect();
    fs::write(folder.path().join("src/lib.rs"), uses).unwrap();
    let said = build_crate_in(cache.path(), folder.path(), &quiet).unwrap_err().to_string();
    assert!(said.contains("src/lib.rs:1:") && said.contains(" more errors"), "{said}");

    fs::write(folder.path().join("src/lib.rs"), "fn broken( {").unwrap();
    let error = build_crate_in(cache.path(), folder.path(), &quiet).unwrap_err();
    assert!(matches!(error, ModuleError::BuildFailed { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("src/lib.rs:1") && said.contains("`stranger`"), "{said}");
}

#[test]
fn a_folder_without_a_module_says_what_is_missing() {
    let cache = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let broken = tempfile::tempdir().unwrap();
    fs::write(broken.path().join("Cargo.toml"), "[package").unwrap();
    for (folder, expected) in [
        (workspace().join("filters/no-such-filter"), "No such file"),
        (empty.path().to_owned(), "no Cargo.toml"),
        (broken.path().to_owned(), "cargo cannot read it"),
        (workspace(), "one of its crates"),
        (workspace().join("filters/kit"), "crate-type"),
    ] {
        let error = build_crate_in(cache.path(), &folder, &quiet).unwrap_err();
        assert!(matches!(error, ModuleError::NoCrate { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_file_is_kept_under_its_digest() {
    let cache = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.wasm");
    fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
    let first = keep_file_in(cache.path(), &file).unwrap();
    assert!(first.path.ends_with(format!("sha256-{}.wasm", first.sha256)), "{}", first.path.display());
    fs::write(&file, b"\0asm\x01\0\0\0\0\x02\x01a").unwrap();
    let second = keep_file_in(cache.path(), &file).unwrap();
    assert_ne!(first.path, second.path);
    assert_eq!(fs::read(&first.path).unwrap(), first.bytes, "the first is still there");

    fs::write(&file, b"\0asm\x0d\0\x01\0").unwrap();
    assert!(matches!(keep_file_in(cache.path(), &file), Err(ModuleError::NotAModule { .. })));
    // So that nothing is read that never ends, such as a pipe.
    assert!(matches!(keep_file_in(cache.path(), folder.path()), Err(ModuleError::NotAModule { .. })));
    let absent = keep_file_in(cache.path(), &folder.path().join("absent.wasm")).unwrap_err();
    assert!(absent.to_string().contains("absent.wasm"), "{absent}");
}
