//! For build scripts: compiles Envoy's Protobuf definitions into a descriptor set.
//!
//! The definitions come from the `envoy-types` crate, which Cargo downloads and checks like any other, but which is
//! never compiled: only its `.proto` files are of use here.
//!
//! What goes wrong here ends the build, so everything in this crate panics with what is wrong and what to do.

use std::path::{Path, PathBuf};
use std::process::Command;

use protox::file::{File, FileResolver, GoogleFileResolver};

/// References that the compiler takes for something else than protoc does, and the same in full: a first part such as
/// `common` is looked for in every package that is known by then (and there is an `envoy.extensions.clusters.common`),
/// not only in those that the file imports. None of them could mean anything else.
const AMBIGUOUS: [(&str, &str); 6] = [
    (" common.async_files.v3.", " .envoy.extensions.common.async_files.v3."),
    (" common.aws.v3.", " .envoy.extensions.common.aws.v3."),
    (" common.dynamic_forward_proxy.v3.", " .envoy.extensions.common.dynamic_forward_proxy.v3."),
    (" common.ratelimit.v3.", " .envoy.extensions.common.ratelimit.v3."),
    (" common.tap.v3.", " .envoy.extensions.common.tap.v3."),
    (" config.", " .envoy.config."),
];

/// Envoy's definitions, and those that they stand on.
pub struct Definitions {
    /// The folders that imports are relative to, in order.
    includes: Vec<PathBuf>,
}

impl Definitions {
    /// Finds the definitions, and has Cargo run the build script again when another version of them is locked.
    ///
    /// # Panics
    ///
    /// This is no build script, or the definitions cannot be had.
    pub fn find() -> Definitions {
        let manifest_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
        println!("cargo:rerun-if-changed=build.rs");
        let lock = manifest_dir.ancestors().map(|dir| dir.join("Cargo.lock")).find(|file| file.is_file());
        if let Some(lock) = lock {
            println!("cargo:rerun-if-changed={}", lock.display());
        }
        let mut includes = folder(&envoy_types(&manifest_dir).join("proto"));
        // Those of CEL lie one folder deeper.
        includes.extend(includes.iter().map(|path| path.join("proto")).collect::<Vec<_>>());
        includes.retain(|path| path.is_dir());
        Definitions { includes }
    }

    /// Every definition below a folder, by the name that an import would give it: all of `envoy/config`, say.
    ///
    /// # Panics
    ///
    /// There is none, or the folder cannot be read.
    pub fn below(&self, prefix: &str) -> Vec<String> {
        let mut names = Vec::new();
        for include in &self.includes {
            let mut open = vec![include.join(prefix)];
            while let Some(path) = open.pop() {
                if path.is_dir() {
                    open.extend(folder(&path));
                } else if path.extension().is_some_and(|extension| extension == "proto")
                    && let Some(name) = path.strip_prefix(include).ok().and_then(Path::to_str)
                {
                    names.push(name.to_owned());
                }
            }
        }
        assert!(!names.is_empty(), "envoy-types has no definitions below {prefix}");
        names.sort();
        names
    }

    /// Compiles definitions and all that they import, and writes them as a `FileDescriptorSet` into a file of the build
    /// script's output folder.
    ///
    /// # Panics
    ///
    /// One of them is not there or not valid, or the file cannot be written.
    pub fn compile<N: AsRef<str>>(&self, roots: &[N], file_name: &str) {
        let mut compiler = protox::Compiler::with_file_resolver(Files { includes: self.includes.clone() });
        compiler.include_imports(true);
        for root in roots.iter().map(AsRef::as_ref) {
            compiler.open_file(root).unwrap_or_else(|error| panic!("cannot compile {root}: {error:?}"));
        }
        let out = Path::new(&variable("OUT_DIR")).join(file_name);
        std::fs::write(&out, compiler.encode_file_descriptor_set())
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
    }
}

/// How the compiler finds files.
struct Files {
    includes: Vec<PathBuf>,
}

impl FileResolver for Files {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().map(str::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let Some(path) = self.includes.iter().map(|include| include.join(name)).find(|path| path.is_file())
        else {
            return GoogleFileResolver::new().open_file(name);
        };
        let mut source = std::fs::read_to_string(&path).map_err(protox::Error::new)?;
        for (short, full) in AMBIGUOUS {
            source = source.replace(short, full);
        }
        File::from_source(name, &source)
    }
}

/// What is in a folder, by name, so that the same folder gives the same descriptors.
fn folder(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    entries.sort();
    entries
}

/// The folder of the `envoy-types` crate. Offline first: the crate is there whenever the workspace was fetched.
fn envoy_types(manifest_dir: &Path) -> PathBuf {
    let mut complaint = String::new();
    for extra in [&["--offline"][..], &[][..]] {
        let output = Command::new(variable("CARGO"))
            .args(["metadata", "--format-version", "1"])
            .args(extra)
            .current_dir(manifest_dir)
            .output()
            .unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
        if !output.status.success() {
            complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            continue;
        }
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("cargo metadata is not JSON: {error}"));
        let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        return packages
            .iter()
            .find(|package| package["name"] == "envoy-types")
            .and_then(|package| package["manifest_path"].as_str())
            .and_then(|manifest| Path::new(manifest).parent())
            .map(Path::to_owned)
            .unwrap_or_else(|| panic!("cargo metadata does not list envoy-types"));
    }
    panic!("cargo metadata failed; `cargo fetch` downloads what is missing:\n{complaint}");
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("Cargo sets {name}"))
}
