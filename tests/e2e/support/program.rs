//! Runs the program: to its end, or held while a test looks at what it does.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;

use super::{PATIENCE, eventually, module, processes, root, tempdir};

/// How long a run may take to its end, building included.
const RUN_TIMEOUT: Duration = Duration::from_secs(300);

/// A call of the program, before it is made. It gets a directory for its temporary files that nobody else has.
pub(crate) struct Program {
    command: Command,
    scratch: TempDir,
    input: Option<String>,
}

impl Program {
    /// The program with arguments, in the checkout.
    pub(crate) fn new<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Program {
        let scratch = tempdir();
        let mut command = Command::new(env!("CARGO_BIN_EXE_burgee"));
        command.args(arguments).current_dir(root()).env("TMPDIR", scratch.path()).env_remove("COLUMNS");
        Program { command, scratch, input: None }
    }

    /// `burgee up DIR` with a module that is built already.
    pub(crate) fn up(directory: &Path) -> Program {
        Program::new(["up".as_ref(), directory.as_os_str()]).args(["--module".as_ref(), module().as_os_str()])
    }

    /// More arguments.
    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Program {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Program {
        self.command.env(name, value);
        self
    }

    /// Takes a variable away.
    pub(crate) fn without_env(mut self, name: &str) -> Program {
        self.command.env_remove(name);
        self
    }

    /// Runs it in another directory.
    pub(crate) fn in_directory(mut self, directory: &Path) -> Program {
        self.command.current_dir(directory);
        self
    }

    /// Gives it a text on standard input.
    pub(crate) fn input(mut self, text: &str) -> Program {
        self.input = Some(text.to_owned());
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        self.hold().wait(RUN_TIMEOUT)
    }

    /// Starts it.
    pub(crate) fn hold(mut self) -> Held {
        let shown = format!("{:?}", self.command);
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child =
            self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stdout = Collected::of(child.stdout.take().expect("a pipe"));
        let stderr = Collected::of(child.stderr.take().expect("a pipe"));
        if let (Some(text), Some(mut stdin)) = (self.input, child.stdin.take()) {
            stdin.write_all(text.as_bytes()).expect("the program reads standard input");
        }
        Held { shown, child, stdout, stderr, status: None, scratch: self.scratch }
    }
}

/// What a pipe gave so far, read by a thread so that the program never waits for us.
struct Collected {
    text: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Collected {
    fn of(pipe: impl Read + Send + 'static) -> Collected {
        let text = Arc::new(Mutex::new(String::new()));
        let into = text.clone();
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                into.lock().expect("the text").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Collected { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("the text").clone()
    }

    /// Everything, once the program has ended.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
        self.so_far()
    }
}

/// The program while it runs. It ends with this.
pub(crate) struct Held {
    shown: String,
    child: Child,
    stdout: Collected,
    stderr: Collected,
    status: Option<ExitStatus>,
    scratch: TempDir,
}

impl Held {
    /// Its process id.
    #[cfg(target_os = "linux")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its directory for temporary files.
    #[cfg(target_os = "linux")]
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// What it wrote to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits for something in what it writes; fails at once when it ends instead.
    pub(crate) fn wait_for<T>(&mut self, what: &str, probe: impl Fn(&Held) -> Option<T>) -> T {
        let mut ended = false;
        eventually(&format!("{what} from {}", self.shown), || {
            if let Some(found) = probe(self) {
                return Ok(found);
            }
            // What it wrote last is looked at once more after it has ended.
            assert!(
                !ended,
                "no {what}: {} ended\n{}{}",
                self.shown,
                self.stdout.whole(),
                self.stderr.whole()
            );
            ended = self.has_ended();
            Err(format!("it wrote\n{}{}", self.stdout(), self.stderr()))
        })
    }

    /// Waits until standard error has a text after its first `from` bytes, and gives what is there since.
    pub(crate) fn wait_until_said(&mut self, from: usize, text: &str) -> String {
        self.wait_for(&format!("`{text}`"), |held| {
            let said = held.stderr();
            said[from..].contains(text).then(|| said[from..].to_owned())
        })
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(processes::pid(self.child.id()), signal).expect("a signal can be sent");
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end_by(self, signal: Signal) -> Ended {
        self.signal(signal);
        self.wait(PATIENCE)
    }

    fn has_ended(&mut self) -> bool {
        self.status = self.status.or_else(|| self.child.try_wait().expect("its status can be asked"));
        self.status.is_some()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self, limit: Duration) -> Ended {
        let deadline = Instant::now() + limit;
        while !self.has_ended() {
            if Instant::now() > deadline {
                let (stdout, stderr) = (self.stdout(), self.stderr());
                panic!("{} did not end within {} s\n{stdout}{stderr}", self.shown, limit.as_secs());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let ended = Ended {
            command: self.shown.clone(),
            code: self.status.and_then(|status| status.code()),
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
            scratch: std::mem::replace(&mut self.scratch, tempdir()),
        };
        // Its own panic; that of a filter it may well tell of.
        let is_panic = |line: &str| line.starts_with("thread '") && line.contains(" panicked at ");
        assert!(!ended.stderr.lines().any(is_panic), "{ended}");
        ended
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let child = &mut self.child;
        processes::end_with_what_it_started(self.scratch.path(), || {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        });
    }
}

/// A run of the program that has ended.
pub(crate) struct Ended {
    command: String,
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    scratch: TempDir,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.command)?;
        writeln!(f, "exit code {:?}", self.code)?;
        writeln!(f, "--- standard output\n{}\n--- standard error\n{}", self.stdout, self.stderr)
    }
}

impl Ended {
    /// Fails unless it ended with this code.
    pub(crate) fn expect_code(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Fails unless standard error has all of these, wherever its lines are broken.
    pub(crate) fn expect_said(self, texts: &[&str]) -> Ended {
        let said = one_line(&self.stderr);
        for text in texts {
            assert!(said.contains(text), "not said: {text}\n{self}");
        }
        self
    }

    /// Fails unless nothing is left of it: no process, and no file in its directory for temporary files.
    pub(crate) fn expect_nothing_left(self) -> Ended {
        #[cfg(target_os = "linux")]
        assert_eq!(processes::that_name(self.scratch.path()), [0; 0], "still running\n{self}");
        let files: Vec<_> = std::fs::read_dir(self.scratch.path()).expect("a directory").flatten().collect();
        assert!(files.is_empty(), "left behind: {files:?}\n{self}");
        self
    }

    /// Its directory for temporary files.
    #[cfg(target_os = "linux")]
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}"))
    }
}

/// A text without the line breaks that fit it to a width.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start_matches([' ', '│']).trim_end());
    lines.collect::<Vec<_>>().join(" ")
}
