//! Steps on standard error: a line that moves on a terminal, plain lines elsewhere. Or, where somebody else owns the
//! screen, told to them.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedSender;

/// Shows what is being done.
pub(crate) struct Steps {
    to: To,
}

/// Where steps go.
enum To {
    /// To a line that moves.
    Bar(ProgressBar),
    /// To lines; the last one is kept, so that none is written twice.
    Lines(Mutex<String>),
    /// To somebody.
    Somebody(UnboundedSender<String>),
}

impl Steps {
    /// Steps on standard error.
    pub fn new() -> Steps {
        if !std::io::stderr().is_terminal() {
            return Steps { to: To::Lines(Mutex::default()) };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Steps { to: To::Bar(bar) }
    }

    /// Steps that somebody is told, who may have gone.
    pub fn told_to(somebody: UnboundedSender<String>) -> Steps {
        Steps { to: To::Somebody(somebody) }
    }

    /// Says what is being done.
    pub fn step(&self, text: &str) {
        match &self.to {
            To::Bar(bar) => bar.set_message(text.to_owned()),
            To::Lines(last) => {
                let Ok(mut last) = last.lock() else { return };
                if *last != text {
                    crate::report::aside(&format!("… {text}"));
                    text.clone_into(&mut last);
                }
            }
            To::Somebody(somebody) => {
                // Whoever has gone need not be told.
                let _ = somebody.send(text.to_owned());
            }
        }
    }

    /// Takes the moving line away.
    pub fn clear(&self) {
        if let To::Bar(bar) = &self.to {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.clear();
    }
}

impl burgee_modules::Progress for Steps {
    fn step(&self, what: &str) {
        Steps::step(self, what);
    }
}

impl burgee_localnet::Progress for Steps {
    fn step(&self, text: &str) {
        Steps::step(self, text);
    }
}
