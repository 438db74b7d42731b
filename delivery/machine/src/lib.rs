//! What our programs need of the machine they run on: child processes that end when ours does, and the place for what is
//! kept from one run to the next. The only native crate with unsafe code.
//!
//! Deliberately not here: starting, waiting and output; those are the standard library's and tokio's.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where things are kept from one run to the next: `$BURGEE_CACHE`, else `$XDG_CACHE_HOME/burgee`, else
/// `~/.cache/burgee`. A variable that is empty counts as not set; none if there is no home either.
pub fn cache_directory() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("BURGEE_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|base| base.join("burgee")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/burgee")))
}

/// The file of a module in a cache directory, by its SHA-256 in hexadecimal: whoever builds modules and whoever fetches them
/// keep them in one place.
pub fn module_file(cache: &Path, sha256: &str) -> PathBuf {
    cache.join("modules").join(format!("sha256-{sha256}.wasm"))
}

/// Makes a command's process end (by SIGKILL) when the *thread* that starts it ends: that is how Linux counts. Start it
/// from a thread that lives as long as our process. Elsewhere than on Linux there is no such signal, and this does
/// nothing.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "what runs between fork and exec has no safe interface; only system calls run there"
)]
pub fn end_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    let parent = nix::unistd::getpid();
    let ask = move || {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL)?;
        // Our process may have ended before the signal was asked for.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
    };
    // SAFETY: the closure makes two system calls, both async-signal-safe, and neither allocates nor locks.
    unsafe { command.pre_exec(ask) };
}

/// Elsewhere than on Linux there is no such signal.
#[cfg(not(target_os = "linux"))]
pub fn end_with_parent(_command: &mut Command) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_with_the_thread_that_started_it() {
        let mut child = std::thread::spawn(|| {
            let mut command = Command::new("sleep");
            end_with_parent(command.arg("60"));
            command.spawn().expect("sleep starts")
        })
        .join()
        .expect("the thread ends");
        let status = child.wait().expect("the child is waited for");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    }
}
