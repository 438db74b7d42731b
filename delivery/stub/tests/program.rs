//! The stub as a process: what it prints first, and when it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use burgee_stub::protocol::Listening;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that does not outlive its test.
struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burgee-stub"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A stub that has printed its first line, and that line.
fn start(args: &[&str]) -> (Running, String) {
    let mut child = command(args).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    (Running { child, stdout: Some(stdout) }, line)
}

#[test]
fn each_says_where_it_listens_and_ends_at_sigterm() {
    for args in [&["app", "--name", "web"][..], &["receiver"]] {
        let (mut running, line) = start(args);
        let listening: Listening = serde_json::from_str(&line).unwrap();
        std::net::TcpStream::connect(&listening.listening).unwrap();
        kill(Pid::from_raw(running.child.id() as i32), Signal::SIGTERM).unwrap();
        assert!(running.child.wait().unwrap().success(), "{args:?}");
    }
}

#[test]
fn each_ends_when_nobody_reads_what_it_prints() {
    for args in [&["app", "--name", "web"][..], &["receiver"], &["receiver", "--pretty"]] {
        let (mut running, line) = start(args);
        assert!(line.contains("127.0.0.1:"), "{line}");
        running.stdout = None;
        assert!(running.child.wait().unwrap().success(), "{args:?}");
    }
}

#[test]
fn what_cannot_be_done_is_said_with_what_can() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (args, expected) in [
        (&["receiver", "--listen", &taken][..], "a port that is free"),
        (&["receiver", "--listen", "nonsense"], "--listen takes an address and a port"),
        (&["app"], "--name <NAME>"),
        (&["app", "--name", "web", "--call", "http://b"], "http://HOST[:PORT][/PATH]=HOST:PORT"),
        (&["other"], "unrecognized subcommand 'other'"),
    ] {
        let mut child = command(args).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{args:?}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}
