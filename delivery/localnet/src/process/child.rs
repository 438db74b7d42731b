//! A child process that several may ask about and that one may end.

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fork::Owned;

/// How a child is, as far as anybody has looked.
#[derive(Debug)]
enum State {
    Running(Owned),
    /// It has ended by itself or was ended by somebody else; in words.
    Ended(String),
    /// We have ended it.
    Stopped,
}

/// A child process; killed when this is dropped, and gone then, whoever still watches it.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    state: Arc<Mutex<State>>,
    pid: u32,
}

/// A look at a child process. Does not keep it.
#[derive(Clone, Debug)]
pub(crate) struct Watched(Weak<Mutex<State>>);

impl ChildProcess {
    pub(super) fn new(child: Owned) -> ChildProcess {
        let pid = child.id().unwrap_or_default();
        ChildProcess { state: Arc::new(Mutex::new(State::Running(child))), pid }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, in words, when it has and not by us.
    pub(crate) fn ended(&self) -> Option<String> {
        look(&self.state)
    }

    /// A look at it for somebody else.
    pub(crate) fn watched(&self) -> Watched {
        Watched(Arc::downgrade(&self.state))
    }

    /// Asks it to end, and makes it end when it does not in time.
    pub(crate) async fn stop(self, limit: Duration) {
        let State::Running(mut child) = self.take() else { return };
        if child.try_wait().is_ok_and(|status| status.is_none())
            && let Some(pid) = i32::try_from(self.pid).ok().filter(|pid| *pid > 0)
        {
            // An error says that it has ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if tokio::time::timeout(limit, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }

    fn take(&self) -> State {
        std::mem::replace(&mut *lock(&self.state), State::Stopped)
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // A child that runs is killed and gone by being dropped.
        drop(self.take());
    }
}

impl Watched {
    /// How it ended, in words, when it has and not by us.
    pub(crate) fn ended(&self) -> Option<String> {
        look(&*self.0.upgrade()?)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(state: &Mutex<State>) -> Option<String> {
    let mut state = lock(state);
    let words = match &mut *state {
        State::Stopped => return None,
        State::Ended(words) => return Some(words.clone()),
        State::Running(child) => in_words(child.try_wait())?,
    };
    *state = State::Ended(words.clone());
    Some(words)
}

fn in_words(status: io::Result<Option<ExitStatus>>) -> Option<String> {
    match status {
        Ok(None) => None,
        Ok(Some(status)) => Some(describe(status)),
        Err(error) => Some(format!("nothing is known of it any more: {error}")),
    }
}

/// How a process ended, in words.
pub(super) fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("killed by signal {number}"),
        },
        (None, None) => "an unknown status".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::process::Command;

    use super::*;
    use crate::process::fork::spawn;

    async fn mk_child(script: &str) -> ChildProcess {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        ChildProcess::new(spawn(command).await.unwrap())
    }

    async fn end_of(child: &ChildProcess) -> String {
        for _ in 0..2_000 {
            if let Some(words) = child.ended() {
                return words;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not end");
    }

    #[tokio::test]
    async fn how_a_child_ended_is_told_in_words_again_and_again() {
        for (script, expected) in [
            ("exit 0", "exit code 0"),
            ("exit 3", "exit code 3"),
            ("kill -KILL $$", "killed by SIGKILL"),
            ("kill -SEGV $$", "killed by SIGSEGV"),
        ] {
            let child = mk_child(script).await;
            let watched = child.watched();
            assert_eq!(end_of(&child).await, expected);
            assert_eq!(
                (child.ended().as_deref(), watched.ended().as_deref()),
                (Some(expected), Some(expected))
            );
        }
    }

    #[tokio::test]
    async fn a_child_that_we_end_has_not_ended_by_itself() {
        let child = mk_child("exec sleep 60").await;
        let watched = child.watched();
        assert_eq!((child.ended(), watched.ended()), (None, None));
        child.stop(Duration::from_secs(20)).await;
        assert_eq!(watched.ended(), None);
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_when_asked_is_made_to() {
        let child = mk_child("trap '' TERM; while :; do sleep 1; done").await;
        let pid = child.pid();
        child.stop(Duration::from_millis(30)).await;
        assert!(kill(Pid::from_raw(i32::try_from(pid).unwrap()), None).is_err());
    }
}
