//! Builds a filter's crate, ours or a stranger's, and keeps what it makes.

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
use crate::faults::faults;
use crate::package::Package;
use crate::target::{self, TARGET};
use crate::toolchain::Toolchain;
use crate::trim::{is_listed, trim};

/// The profile that filters are built with, where their workspace has it.
const PROFILE: &str = "filter";

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

/// Builds our filter of that name, such as `stats`, and keeps it in the user's cache. If nothing has changed since
/// the last time, that is quick.
///
/// # Errors
/// If anything is missing or does not build; the message says what to do.
pub fn build(name: &str, progress: &dyn Progress) -> Result<BuiltModule, ModuleError> {
    build_in(&user_cache()?, name, progress)
}

/// Like [`build`], into another cache directory.
///
/// # Errors
/// Like [`build`].
pub fn build_in(cache: &Path, name: &str, progress: &dyn Progress) -> Result<BuiltModule, ModuleError> {
    build_crate_in(cache, &filter_folder(name)?, progress)
}

/// Builds the crate in a folder, ours or a stranger's, and keeps its module in the user's cache.
///
/// It is built with the profile `filter` if its workspace has one, else with `release`. A module that lists the
/// callbacks that it uses, as those of our kit do, is trimmed; any other is taken as it is.
///
/// # Errors
/// If anything is missing or does not build; the message says what to do.
pub fn build_crate(folder: &Path, progress: &dyn Progress) -> Result<BuiltModule, ModuleError> {
    build_crate_in(&user_cache()?, folder, progress)
}

/// Like [`build_crate`], into another cache directory.
///
/// # Errors
/// Like [`build_crate`].
pub fn build_crate_in(
    cache: &Path,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<BuiltModule, ModuleError> {
    let package = Package::find(folder)?;
    let whole = compile(&package, Holds::Code, progress)?;
    let bytes = if is_listed(&whole)? {
        progress.step(&format!("trimming the filter {}", shown(&package)));
        trim(&whole)?
    } else {
        whole
    };
    keep(cache, bytes)
}

/// Checks a module's file and keeps its content in the user's cache, so that the path changes when the content does.
///
/// # Errors
/// If the file cannot be read or is no Wasm core module.
pub fn keep_file(file: &Path) -> Result<BuiltModule, ModuleError> {
    keep_file_in(&user_cache()?, file)
}

/// Like [`keep_file`], into another cache directory.
///
/// # Errors
/// Like [`keep_file`].
pub fn keep_file_in(cache: &Path, file: &Path) -> Result<BuiltModule, ModuleError> {
    let unread = |source| ModuleError::NoFile { path: file.to_owned(), source };
    // A pipe or a device might never end.
    if !fs::metadata(file).map_err(unread)?.is_file() {
        return Err(ModuleError::NotAModule { path: file.to_owned() });
    }
    let bytes = fs::read(file).map_err(unread)?;
    if !cache::is_module(&bytes) {
        return Err(ModuleError::NotAModule { path: file.to_owned() });
    }
    keep(cache, bytes)
}

/// The folder of our filter's crate of that name, in the workspace that this program was built from.
///
/// # Errors
/// If those sources are gone, or there is no such filter.
pub fn filter_folder(name: &str) -> Result<PathBuf, ModuleError> {
    Ok(checkout()?.join("filters").join(name))
}

/// The checkout that this program was built from.
///
/// # Errors
/// If it is gone.
pub fn checkout() -> Result<PathBuf, ModuleError> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    match root.canonicalize() {
        Ok(root) if root.join("filters").is_dir() => Ok(root),
        Ok(_) | Err(_) => Err(ModuleError::NoSources { root }),
    }
}

pub(crate) fn user_cache() -> Result<PathBuf, ModuleError> {
    burgee_machine::cache_directory().ok_or(ModuleError::NoCache)
}

pub(crate) fn keep(cache: &Path, bytes: Vec<u8>) -> Result<BuiltModule, ModuleError> {
    let sha256 = cache::sha256(&bytes);
    let _lock = cache::lock(cache)?;
    let path = cache::store(cache, &sha256, &bytes)?;
    Ok(BuiltModule { path, sha256, bytes })
}

/// What a module is built to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// What its profile says.
    Code,
    /// The same code, with the names of its functions and the lines of its sources.
    Lines,
}

/// How people call a crate's filter.
pub(crate) fn shown(package: &Package) -> &str {
    package.name.strip_prefix("burgee-").unwrap_or(&package.name)
}

/// Runs cargo; gives the module that it made.
pub(crate) fn compile(
    package: &Package,
    holds: Holds,
    progress: &dyn Progress,
) -> Result<Vec<u8>, ModuleError> {
    target::ensure(&package.folder, TARGET, progress)?;
    // From cargo's first word until the file is read nobody else of us changes it, whatever their cache.
    let _lock = cache::lock(&package.target_directory.join("burgee"))?;
    let shown = shown(package);
    progress.step(&match holds {
        Holds::Code => format!("building the filter {shown}"),
        Holds::Lines => format!("building the filter {shown} with the lines of its sources"),
    });
    let toolchain = Toolchain::of(&package.folder);
    let profile = if package.has_profile(PROFILE) { PROFILE } else { "release" };
    // Flags of the last crate alone: what it stands on is shared with the other build, and cargo names nothing in the
    // code after them, so the code is the same to the byte. Flags in a profile would change it.
    let (verb, lines): (_, &[&str]) = match holds {
        Holds::Code => ("build", &[]),
        Holds::Lines => ("rustc", &["--", "-Cdebuginfo=limited", "-Cstrip=none"]),
    };
    let arguments = [verb, "--profile", profile, "--target", TARGET, "--package", &package.name, "--lib"];
    let command_shown = format!("cargo {}", [&arguments, lines].concat().join(" "));

    let mut command = toolchain.command(&toolchain.cargo);
    command
        .args(arguments)
        .arg("--message-format=json")
        .args(lines)
        .current_dir(&package.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if package.is_ours() {
        command.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&package.workspace_root));
    }
    let ended = watch(command, &toolchain.cargo, &package.folder, progress)?;
    if !ended.is_success {
        return Err(ModuleError::BuildFailed {
            name: package.name.clone(),
            folder: package.folder.clone(),
            command: command_shown,
            output: faults(&ended.messages, &ended.log),
        });
    }
    let artifact = artifact(&ended.messages, &package.target)
        .ok_or(ModuleError::NoArtifact { command: command_shown })?;
    fs::read(&artifact).map_err(ModuleError::io("reading", &artifact))
}

/// What a run of cargo left.
pub(crate) struct Ended {
    /// Whether it did what it was told.
    pub is_success: bool,
    /// Its messages, a JSON object per line.
    pub messages: String,
    /// What it told people.
    pub log: String,
}

/// Runs cargo to its end and tells its steps.
pub(crate) fn watch(
    mut command: Command,
    cargo: &OsString,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Ended, ModuleError> {
    let mut child = command.spawn().map_err(no_cargo(cargo))?;

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
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            if ["Compiling", "Blocking", "Downloading"].iter().any(|verb| line.trim_start().starts_with(verb))
            {
                progress.step(line.trim_start());
            }
            log.push_str(line);
            log.push('\n');
        }
    }
    let status = child.wait().map_err(ModuleError::io("waiting for cargo in", folder))?;
    let messages = messages.join().unwrap_or_default();
    Ok(Ended { is_success: status.success(), messages, log })
}

/// For `map_err`: cargo that does not start.
pub(crate) fn no_cargo(cargo: &OsString) -> impl FnOnce(std::io::Error) -> ModuleError {
    let program = cargo.to_string_lossy().into_owned();
    move |source| ModuleError::NoProgram {
        program,
        help: "install Rust with rustup (https://rustup.rs)",
        source,
    }
}

/// The module among the files that cargo says it made.
fn artifact(messages: &str, target: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == target)
        .filter_map(|message| {
            let files = message["filenames"].as_array()?;
            let file = files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm"))?;
            Some(PathBuf::from(file))
        })
        .next_back()
}

/// Keeps this machine's directories out of our modules, so that they are the same wherever they are built. A stranger's
/// crate keeps the flags that its own configuration names: these would take their place.
pub(crate) fn rust_flags(root: &Path) -> OsString {
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
        assert_eq!(artifact(messages, "burgee_stats"), Some(PathBuf::from("/t/burgee_stats.wasm")));
        assert_eq!(artifact(messages, "burgee_kit"), None);
    }
}
