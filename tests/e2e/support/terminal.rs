//! The program on a pseudo-terminal: keys go in, and what is on the screen can be looked at.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

use super::{PATIENCE, eventually, module, processes, root, tempdir};

/// The program on a terminal. It ends with this.
pub(crate) struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    modes: u64,
    scratch: TempDir,
}

fn size(columns: u16, lines: u16) -> PtySize {
    PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// Starts `burgee up DIR` with a module that is built already on a terminal of 80 by 24.
    pub(crate) fn up(directory: &Path, arguments: &[&str]) -> Terminal {
        let scratch = tempdir();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_burgee"));
        command.args(["up".as_ref(), directory.as_os_str(), "--module".as_ref(), module().as_os_str()]);
        command.args(arguments);
        command.cwd(root());
        command.env("TMPDIR", scratch.path());
        command.env("TERM", "xterm-256color");
        for name in ["COLUMNS", "LINES", "NO_COLOR"] {
            command.env_remove(name);
        }
        let pair = native_pty_system().openpty(size(80, 24)).expect("a pseudo-terminal");
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let keys = pair.master.take_writer().expect("its input");
        let mut output = pair.master.try_clone_reader().expect("its output");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 500)));
        let into = screen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The output of a terminal that nobody writes to any more ends with an error.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                into.lock().expect("the screen").process(&bytes[..count]);
            }
        });
        Terminal { screen, keys, child, master: pair.master, modes, scratch }
    }

    /// What is on the screen.
    pub(crate) fn contents(&self) -> String {
        self.screen.lock().expect("the screen").screen().contents()
    }

    /// Whether the program has the screen for itself, and whether the cursor is hidden.
    pub(crate) fn modes(&self) -> (bool, bool) {
        let parser = self.screen.lock().expect("the screen");
        (parser.screen().alternate_screen(), parser.screen().hide_cursor())
    }

    /// Whether keys are treated as they were before the program started.
    pub(crate) fn is_as_before(&self) -> bool {
        modes(&*self.master) == self.modes
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("keys can be pressed");
        self.keys.flush().expect("keys can be pressed");
    }

    /// Makes the terminal another size.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        self.screen.lock().expect("the screen").screen_mut().set_size(lines, columns);
        self.master.resize(size(columns, lines)).expect("another size");
    }

    /// Waits for something on the screen.
    pub(crate) fn wait_for<T>(&mut self, what: &str, probe: impl Fn(&str) -> Option<T>) -> T {
        eventually(what, || {
            let contents = self.contents();
            probe(&contents).ok_or_else(|| format!("the screen has\n{contents}"))
        })
    }

    /// Waits until the screen has a text, and gives the screen.
    pub(crate) fn wait_for_text(&mut self, text: &str) -> String {
        self.wait_for(&format!("`{text}`"), |screen| screen.contains(text).then(|| screen.to_owned()))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(processes::pid(self.child.process_id().expect("a process")), signal).expect("a signal");
    }

    /// Waits for the program's end and gives its exit code.
    pub(crate) fn wait(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("its status can be asked") {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it does not end; the screen has\n{}", self.contents());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Its directory for temporary files.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
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

/// How a terminal treats keys.
fn modes(master: &dyn MasterPty) -> u64 {
    master.get_termios().expect("a terminal's modes").local_flags.bits().into()
}
