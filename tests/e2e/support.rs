//! What the tests stand on: the program, HTTP by hand, meshes that are held, and documents to change.

#[cfg(target_os = "linux")]
pub(crate) mod docker;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod mesh;
pub(crate) mod processes;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod served;
pub(crate) mod terminal;
#[allow(dead_code, reason = "tests of other crates use the rest of it")]
pub(crate) mod tools;
pub(crate) mod wasm;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use burgee_localnet::{Envoy, Silent};
use tempfile::TempDir;

/// How long anything may take that takes a second or less on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer; fails with the last reason why there was none.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match probe() {
            Ok(answer) => return answer,
            Err(reason) if Instant::now() > deadline => {
                panic!("{what}: not within {} s: {reason}", PATIENCE.as_secs())
            }
            Err(_) => std::thread::sleep(POLL_INTERVAL),
        }
    }
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.parent().expect("the package is in a workspace").to_owned()
}

/// The documents of the example that everybody starts with.
pub(crate) fn quickstart() -> PathBuf {
    root().join("examples/quickstart")
}

/// The documents of the example with workloads that have a sidecar and others that have none.
pub(crate) fn mixed() -> PathBuf {
    root().join("examples/mixed")
}

/// The documents of a mesh with a gateway and one service.
pub(crate) fn one_service() -> PathBuf {
    root().join("tests/e2e/meshes/one-service")
}

/// A copy of the documents of a mesh with one service, to be changed.
pub(crate) fn copy_of_one_service() -> TempDir {
    let copy = tempdir();
    for entry in fs::read_dir(one_service()).expect("the documents are there") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    copy
}

/// A directory that is gone after the test.
pub(crate) fn tempdir() -> TempDir {
    tempfile::Builder::new().prefix("burgee-e2e-").tempdir().expect("a temporary directory")
}

/// The telemetry module, built as the program builds it; tests that are not about that name it, to be quick.
pub(crate) fn module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let built = burgee_modules::build("telemetry", &|_: &str| {});
        built.unwrap_or_else(|error| panic!("the module does not build: {error}")).path
    })
}

/// The Envoy that the program finds.
pub(crate) fn envoy() -> &'static Envoy {
    static ENVOY: OnceLock<Envoy> = OnceLock::new();
    ENVOY.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let found = runtime.block_on(burgee_localnet::envoy::find(&Silent));
        found.unwrap_or_else(|error| panic!("no Envoy: {error}"))
    })
}
