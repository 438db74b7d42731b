//! Builds one of our filters from this workspace's sources.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::Progress;
use crate::cache;
use crate::error::ModuleError;
use crate::target::{self, TARGET, last_lines};
use crate::trim::trim;

/// How many of the compiler's last lines an error shows.
const SHOWN_LINES: usize = 40;

/// A module that is ready to be given to a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltModule {
    /// Where it is; the digest is part of the name.
    pub path: PathBuf,
    /// The digest of its bytes, in hexadecimal.
    pub sha256: String,
    /// The module itself.
    pub bytes: Vec<u8>,
}

/// Builds the filter of that name, such as `stats`, and keeps it in the user's cache. If nothing has changed since
/// the last time, that is quick.
///
/// # Errors
/// If anything is missing or does not build; the message says what to do.
pub fn build(name: &str, progress: &dyn Progress) -> Result<BuiltModule, ModuleError> {
    build_in(&burgee_machine::cache_directory().ok_or(ModuleError::NoCache)?, name, progress)
}

/// Like [`build`], into another cache directory.
///
/// # Errors
/// Like [`build`].
pub fn build_in(cache: &Path, name: &str, progress: &dyn Progress) -> Result<BuiltModule, ModuleError> {
    let root = workspace_root()?;
    let _lock = cache::lock(cache)?;
    target::ensure(&root, progress)?;
    progress.step(&format!("building the filter {name}"));
    let artifact = compile(&root, name, progress)?;
    let whole = fs::read(&artifact).map_err(ModuleError::io("reading", &artifact))?;
    progress.step(&format!("trimming the filter {name}"));
    let bytes = trim(&whole)?;
    let sha256 = cache::sha256(&bytes);
    let path = cache::store(cache, &sha256, &bytes)?;
    Ok(BuiltModule { path, sha256, bytes })
}

/// The workspace that this program was built from.
fn workspace_root() -> Result<PathBuf, ModuleError> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    match root.canonicalize() {
        Ok(root) if root.join("filters").is_dir() => Ok(root),
        Ok(_) | Err(_) => Err(ModuleError::NoSources { root }),
    }
}

/// Runs cargo; gives the path of the module that it made.
fn compile(root: &Path, name: &str, progress: &dyn Progress) -> Result<PathBuf, ModuleError> {
    let package = format!("burgee-{name}");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["build", "--profile", "filter", "--target", TARGET, "--package", &package, "--lib"];
    let shown = format!("cargo {}", arguments.join(" "));

    let mut command = Command::new(&cargo);
    command
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (variable, _) in env::vars_os().filter(|(variable, _)| is_left_by_cargo(variable)) {
        command.env_remove(variable);
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(root));
    burgee_machine::end_with_parent(&mut command);
    let mut child = command.spawn().map_err(|source| ModuleError::NoProgram {
        program: cargo.to_string_lossy().into_owned(),
        help: "install Rust with rustup (https://rustup.rs)",
        source,
    })?;

    // Both pipes are read at once, because cargo waits when either is full.
    let stdout = child.stdout.take();
    let messages = thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stdout) = stdout {
            // What cannot be read has no artifact in it, and is then reported as such.
            let _ = stdout.read_to_string(&mut text);
        }
        text
    });
    let mut log = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let line = line.trim_end();
            if ["Compiling", "Blocking", "Downloading"].iter().any(|verb| line.trim_start().starts_with(verb))
            {
                progress.step(line.trim_start());
            }
            log.push_str(line);
            log.push('\n');
        }
    }
    let status = child.wait().map_err(ModuleError::io("waiting for cargo in", root))?;
    let messages = messages.join().unwrap_or_default();
    if !status.success() {
        return Err(ModuleError::BuildFailed {
            name: name.to_owned(),
            command: shown,
            output: last_lines(&log, SHOWN_LINES),
        });
    }
    artifact(&messages, &package).ok_or(ModuleError::NoArtifact { command: shown })
}

/// The module among the files that cargo says it made.
fn artifact(messages: &str, package: &str) -> Option<PathBuf> {
    let target = package.replace('-', "_");
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            message["reason"] == "compiler-artifact" && message["target"]["name"] == target.as_str()
        })
        .filter_map(|message| {
            let files = message["filenames"].as_array()?;
            let file = files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm"))?;
            Some(PathBuf::from(file))
        })
        .next_back()
}

/// Whether a variable is one that cargo gives to what it runs, or that changes what is built. With it, the same
/// sources would be built anew, or differently, depending on who runs us.
fn is_left_by_cargo(variable: &OsString) -> bool {
    const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_TARGET_DIR"];
    let variable = variable.to_string_lossy();
    let is_cargo_s = variable.starts_with("CARGO_") && !KEPT.iter().any(|kept| variable.starts_with(kept));
    is_cargo_s || matches!(&*variable, "RUSTFLAGS" | "RUSTDOCFLAGS" | "RUSTC_WORKSPACE_WRAPPER" | "OUT_DIR")
}

/// Keeps this machine's directories out of the module, so that it is the same wherever it is built.
fn rust_flags(root: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let mut flags = OsString::from("--remap-path-prefix=");
    flags.push(root);
    flags.push("=burgee");
    if let Some(home) = home {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(home.join("registry/src"));
        flags.push("=crates");
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_in_cargo_s_messages() {
        let messages = concat!(
            "not json\n",
            r#"{"reason":"compiler-artifact","target":{"name":"burgee_kit"},"filenames":["/t/libburgee_kit.rlib"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"burgee_stats"},"filenames":["/t/burgee_stats.wasm","/t/x.rlib"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(artifact(messages, "burgee-stats"), Some(PathBuf::from("/t/burgee_stats.wasm")));
        assert_eq!(artifact(messages, "burgee-kit"), None);
    }

    #[test]
    fn only_what_says_where_things_are_is_left_in_the_environment() {
        for (variable, removed) in [
            ("CARGO_PKG_NAME", true),
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_ENCODED_RUSTFLAGS", true),
            ("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", true),
            ("RUSTFLAGS", true),
            ("CARGO_HOME", false),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_HTTP_PROXY", false),
            ("PATH", false),
            ("RUSTUP_TOOLCHAIN", false),
        ] {
            assert_eq!(is_left_by_cargo(&variable.into()), removed, "{variable}");
        }
    }
}
