//! A child process that is a part of our own program: it says where it listens, and then a line for whatever it has
//! to say.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use burgee_stub::protocol::Listening;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::child::{ChildProcess, Watched, describe};
use super::fork::{Owned, spawn};
use super::{SHOWN_LINES, shorten};
use crate::error::LocalnetError;

/// How long one may take until it listens. It takes milliseconds; a busy machine may take longer.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one may take to end after it was asked.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The last lines of its standard error.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == SHOWN_LINES {
            lines.pop_front();
        }
        lines.push_back(shorten(line));
    }

    /// What they are; may be empty.
    pub(crate) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// A running one; killed when this is dropped, and gone then.
#[derive(Debug)]
pub(crate) struct StubProcess {
    child: ChildProcess,
    address: SocketAddr,
    address_tcp: Option<SocketAddr>,
    said: LastWords,
    /// They read until its outputs end.
    readers: [JoinHandle<()>; 2],
}

impl StubProcess {
    /// Starts `prefix arguments…` and waits until it says where it listens. What it prints after that goes to
    /// `on_line`, without line feeds. `what` names it in errors, such as `the app of quickstart/hello-v1`.
    ///
    /// # Errors
    /// When it cannot be started, ends or takes too long; with its own words.
    pub(crate) async fn start(
        prefix: &[OsString],
        arguments: Vec<OsString>,
        what: &str,
        mut on_line: impl FnMut(String) + Send + 'static,
    ) -> Result<StubProcess, LocalnetError> {
        let fail =
            |why: String, said: String| LocalnetError::PartDidNotStart { part: what.to_owned(), why, said };
        let Some((program, first)) = prefix.split_first() else {
            return Err(fail("no program for it is named".to_owned(), String::new()));
        };
        let mut command = Command::new(program);
        command.args(first).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            spawn(command).await.map_err(|error| LocalnetError::io("start", program.as_ref(), error))?;
        let said = LastWords::default();
        let words = said.clone();
        let errors = tokio::spawn(each_line(child.stderr.take(), move |line| words.add(&line)));
        let mut output = child.stdout.take().map(BufReader::new);
        let line = tokio::time::timeout(LISTEN_TIMEOUT, next_line(&mut output)).await;
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) => {
                let how = end_of(&mut child).await;
                // What it said last is read until that output ends too.
                let _ = errors.await;
                return Err(fail(how, said.text()));
            }
            Err(_) => {
                let why = format!("it did not listen within {} s", LISTEN_TIMEOUT.as_secs());
                return Err(fail(why, said.text()));
            }
        };
        let first: Option<Listening> = serde_json::from_str(&line).ok();
        let tcp = first.as_ref().and_then(|first| first.listening_tcp.as_ref()?.parse().ok());
        let Some(address) = first.and_then(|first| first.listening.parse().ok()) else {
            return Err(fail(format!("its first line is `{}`", shorten(&line)), said.text()));
        };
        let lines = tokio::spawn(async move {
            while let Some(line) = next_line(&mut output).await {
                on_line(line);
            }
        });
        Ok(StubProcess {
            child: ChildProcess::new(child),
            address,
            address_tcp: tcp,
            said,
            readers: [errors, lines],
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes bytes without HTTP, if it does.
    pub(crate) fn address_tcp(&self) -> Option<SocketAddr> {
        self.address_tcp
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// How it ended, in words, when it has and not by us.
    pub(crate) fn ended(&self) -> Option<String> {
        self.child.ended()
    }

    /// A look at it for somebody else.
    pub(crate) fn watched(&self) -> Watched {
        self.child.watched()
    }

    /// What it said last on standard error.
    pub(crate) fn last_words(&self) -> LastWords {
        self.said.clone()
    }

    /// Asks it to end, and makes it end when it does not in time.
    pub(crate) async fn stop(self) {
        self.child.stop(STOP_TIMEOUT).await;
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

async fn end_of(child: &mut Owned) -> String {
    // Its output has ended, so it is about to, if it has not closed that by itself.
    match tokio::time::timeout(STOP_TIMEOUT, child.wait()).await {
        Ok(Ok(status)) => describe(status),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it closed its output".to_owned(),
    }
}

async fn each_line(pipe: Option<impl AsyncRead + Unpin>, mut on_line: impl FnMut(String)) {
    let mut pipe = pipe.map(BufReader::new);
    while let Some(line) = next_line(&mut pipe).await {
        on_line(line);
    }
}

/// The next line without its line feed; what is not UTF-8 is replaced. None at the end.
async fn next_line(pipe: &mut Option<BufReader<impl AsyncRead + Unpin>>) -> Option<String> {
    let mut line = Vec::new();
    let read = pipe.as_mut()?.read_until(b'\n', &mut line).await;
    if !read.is_ok_and(|length| length > 0) {
        return None;
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn start(script: &str, lines: Arc<Mutex<Vec<String>>>) -> Result<StubProcess, LocalnetError> {
        let prefix = ["sh".into(), "-c".into()];
        let on_line = move |line: String| lines.lock().unwrap().push(line);
        StubProcess::start(&prefix, vec![script.into()], "the app of ns/app", on_line).await
    }

    #[tokio::test]
    async fn what_it_prints_comes_line_by_line_whatever_bytes_it_holds() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let script =
            r#"echo '{"listening":"127.0.0.1:7"}'; printf 'one\ntwo \377\n'; echo last words >&2; exit 4"#;
        let stub = start(script, lines.clone()).await.unwrap();
        assert_eq!(stub.address(), SocketAddr::from(([127, 0, 0, 1], 7)));
        for _ in 0..2_000 {
            if stub.ended().is_some()
                && lines.lock().unwrap().len() == 2
                && !stub.last_words().text().is_empty()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(*lines.lock().unwrap(), ["one", "two \u{fffd}"]);
        assert_eq!(
            (stub.ended().unwrap().as_str(), stub.last_words().text().as_str()),
            ("exit code 4", "last words")
        );
    }

    #[tokio::test]
    async fn one_that_does_not_start_is_told_with_its_words() {
        for (script, expected) in [
            (
                "echo no such flag >&2; exit 2",
                "the app of ns/app did not start (exit code 2). Its own words:\n  no such flag",
            ),
            ("echo hello", "the app of ns/app did not start (its first line is `hello`)"),
        ] {
            let error = start(script, Arc::default()).await.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let none = StubProcess::start(&[], Vec::new(), "the receiver", drop).await.unwrap_err().to_string();
        assert!(none.starts_with("the receiver did not start (no program for it is named)"), "{none}");
    }
}
