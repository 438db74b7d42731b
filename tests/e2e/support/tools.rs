//! Tools of others that some tests need, as a Debian machine has them: from PATH, else unpacked from Debian's package
//! into Burgee's cache. Nothing is installed and no service starts.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Prometheus' server, or none when it cannot be had; then this says so.
pub(crate) fn prometheus() -> Option<PathBuf> {
    static PROMETHEUS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found("prometheus", "prometheus", &PROMETHEUS)
}

/// The load generator of nghttp2, or none when it cannot be had; then this says so.
pub(crate) fn h2load() -> Option<PathBuf> {
    static H2LOAD: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found("h2load", "nghttp2-client", &H2LOAD)
}

/// The registry of Docker's distribution, or none when it cannot be had; then this says so.
pub(crate) fn docker_registry() -> Option<PathBuf> {
    static REGISTRY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found("docker-registry", "docker-registry", &REGISTRY)
}

/// Copies images between whatever holds them, or none when it cannot be had; then this says so.
pub(crate) fn skopeo() -> Option<PathBuf> {
    static SKOPEO: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found("skopeo", "skopeo", &SKOPEO)
}

/// Signs and verifies, or none when it cannot be had; then this says so.
pub(crate) fn openssl() -> Option<PathBuf> {
    static OPENSSL: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found("openssl", "openssl", &OPENSSL)
}

/// The library of faketime, which a program is loaded with whose clock is to be set, or none when it cannot be had; then this
/// says so.
pub(crate) fn faketime() -> Option<PathBuf> {
    static FAKETIME: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let tool = found("faketime", "faketime", &FAKETIME)?;
    let beside = tool.parent()?.parent()?;
    let roots = [beside.join("root/usr/lib"), beside.join("lib")];
    let folders = roots.iter().filter_map(|root| root.read_dir().ok()).flatten().flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|file| file.is_file())
}

/// Looks for a tool once, and says for each test that does without it.
fn found(tool: &str, package: &str, memory: &OnceLock<Result<PathBuf, String>>) -> Option<PathBuf> {
    match memory.get_or_init(|| on_path(tool).map_or_else(|| unpacked(tool, package), Ok)) {
        Ok(path) => Some(path.clone()),
        Err(reason) => {
            let test = std::thread::current();
            // Written to the stream itself: what is printed by a test that passes is not shown.
            let _ = writeln!(
                std::io::stderr(),
                "\nSKIPPED: {}: there is no `{tool}`: {reason}\n  put it on PATH, on Debian or Ubuntu by: apt-get install \
                 {package}",
                test.name().unwrap_or("a test"),
            );
            None
        }
    }
}

fn on_path(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(tool)).find(|file| file.is_file())
}

/// The tool of Debian's package, unpacked into the cache if it is not there yet.
fn unpacked(tool: &str, package: &str) -> Result<PathBuf, String> {
    let cache = burgee_machine::cache_directory().ok_or("there is no directory to keep it in")?;
    let directory = cache.join("tools").join(package);
    let file = directory.join("bin").join(tool);
    if !file.is_file() {
        unpack(tool, package, &directory)?;
    }
    Ok(file)
}

fn unpack(tool: &str, package: &str, directory: &Path) -> Result<(), String> {
    if on_path("apt-get").is_none() {
        return Err("it is not on PATH, and this machine has no `apt-get` to fetch it with".to_owned());
    }
    let output = Command::new("sh")
        .args(["-c", include_str!("debian_tool.sh"), "sh", package, tool])
        .arg(directory)
        .output()
        .map_err(|error| format!("no shell: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("its package `{package}` cannot be had: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
