//! Starts child processes that end when ours does, even when ours is killed.
//!
//! Linux sends a child's "parent death" signal when the *thread* that forked it ends, not the process. So one
//! thread forks for everybody and lives as long as the process. Elsewhere than on Linux there is no such signal:
//! children end when their handle is dropped, which a killed process cannot do.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How long a killed process may take to be gone before it is left to the system.
const GONE_TIMEOUT: Duration = Duration::from_secs(2);
const GONE_INTERVAL: Duration = Duration::from_millis(1);

/// A child process. When this is dropped it is killed with what it started, and gone.
#[derive(Debug)]
pub(crate) struct Owned(Child);

impl Deref for Owned {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Owned {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // What it started belongs to its group. An error says that all have ended by themselves.
        if let Some(group) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.0.start_kill();
        let deadline = Instant::now() + GONE_TIMEOUT;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(GONE_INTERVAL);
        }
    }
}

struct Job {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Owned>>,
}

/// Waits for a child. When this is dropped before there is one, there will be none.
struct Answer(oneshot::Receiver<io::Result<Owned>>);

impl Drop for Answer {
    fn drop(&mut self) {
        // A job that has not begun is passed over from now on; the end of one that has is waited for.
        self.0.close();
        drop(forking());
    }
}

/// Starts a command in a process group of its own, so that Ctrl-C reaches us first. Killed and waited for when the
/// handle is dropped, and on Linux killed when our process ends.
pub(crate) async fn spawn(mut command: Command) -> io::Result<Owned> {
    command.kill_on_drop(true).process_group(0);
    burgee_machine::end_with_parent(command.as_std_mut());
    let (reply, answer) = oneshot::channel();
    let job = Job { command, runtime: Handle::current(), reply };
    let ended = || io::Error::other("the thread that starts processes has ended");
    let mut answer = Answer(answer);
    forker().send(job).map_err(|_| ended())?;
    (&mut answer.0).await.map_err(|_| ended())?
}

/// Held while a child is started and until it is handed over or gone.
fn forking() -> MutexGuard<'static, ()> {
    static FORKING: Mutex<()> = Mutex::new(());
    FORKING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forker() -> mpsc::Sender<Job> {
    static FORKER: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    let sender = FORKER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        // If the thread cannot be made, the channel is closed and every spawn says so.
        let _ = std::thread::Builder::new().name("burgee-forker".to_owned()).spawn(move || {
            for mut job in jobs {
                let _forking = forking();
                if !job.reply.is_closed() {
                    let _entered = job.runtime.enter();
                    // Nobody waits for it any more: it is dropped here.
                    let _ = job.reply.send(job.command.spawn().map(Owned));
                }
            }
        });
        Mutex::new(sender)
    });
    sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    fn is_there(pid: u32) -> bool {
        std::path::Path::new(&format!("/proc/{pid}")).exists()
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_dropped_child_is_gone() {
        for _ in 0..20 {
            let mut command = Command::new("sleep");
            command.arg("60");
            let child = spawn(command).await.unwrap();
            let pid = child.id().unwrap();
            assert!(is_there(pid));
            drop(child);
            assert!(!is_there(pid));
        }
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_child_that_nobody_waits_for_is_not_started_or_gone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let named = file.path().to_str().unwrap();
        for round in 0..20 {
            let mut command = Command::new("tail");
            command.args(["-f", named]);
            let limit = Duration::from_micros(round * 100);
            let _ = tokio::time::timeout(limit, spawn(command)).await;
            let lines = std::fs::read_dir("/proc").unwrap().flatten();
            let lines = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
            let running = lines.filter(|line| String::from_utf8_lossy(line).contains(named)).count();
            assert_eq!(running, 0, "round {round}");
        }
    }
}
