//! Processes by their id: whether they run, and which ones a run started.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process id as the system's interface takes it.
pub(crate) fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).expect("a process id"))
}

/// Whether a process runs. One that has ended and that nobody has asked about does not.
pub(crate) fn is_running(number: u32) -> bool {
    if cfg!(target_os = "linux") {
        status(number).is_some_and(|status| status.state != 'Z')
    } else {
        kill(pid(number), None).is_ok()
    }
}

/// Ends a process at once.
pub(crate) fn end(number: u32) {
    // It may have ended by itself.
    let _ = kill(pid(number), Signal::SIGKILL);
}

/// Sends a signal to a process that runs.
pub(crate) fn send(number: u32, signal: Signal) {
    kill(pid(number), signal).expect("the process runs");
}

struct Status {
    state: char,
    #[cfg(target_os = "linux")]
    parent: u32,
}

/// What /proc says of a process: `PID (NAME) STATE PARENT …`; the name may hold anything.
fn status(number: u32) -> Option<Status> {
    let text = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some(Status {
        state: words.next()?.chars().next()?,
        #[cfg(target_os = "linux")]
        parent: words.next()?.parse().ok()?,
    })
}

#[cfg(target_os = "linux")]
fn all() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|number| is_running(*number))
        .collect()
}

/// What a process started and what still runs.
#[cfg(target_os = "linux")]
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let is_child = |number: &u32| status(*number).is_some_and(|status| status.parent == parent);
    all().into_iter().filter(is_child).collect()
}

/// Ends a program, and then what it started: every process that names its directory.
pub(crate) fn end_with_what_it_started(directory: &std::path::Path, end_program: impl FnOnce()) {
    #[cfg(target_os = "linux")]
    let started = that_name(directory);
    end_program();
    #[cfg(target_os = "linux")]
    started.into_iter().for_each(end);
    #[cfg(not(target_os = "linux"))]
    let _ = directory;
}

/// The processes whose command line names a directory, such as the one that a run keeps its files in.
#[cfg(target_os = "linux")]
pub(crate) fn that_name(directory: &std::path::Path) -> Vec<u32> {
    let wanted = directory.to_str().expect("a path in UTF-8").as_bytes();
    let names = |number: &u32| {
        let line = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        line.windows(wanted.len()).any(|part| part == wanted)
    };
    all().into_iter().filter(names).collect()
}
