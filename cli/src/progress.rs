//! Steps on standard error: a line that moves on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows what is being done.
pub(crate) struct Steps {
    bar: Option<ProgressBar>,
    last: Mutex<String>,
}

impl Steps {
    /// Steps on standard error.
    pub fn new() -> Steps {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Steps { bar, last: Mutex::new(String::new()) }
    }

    /// Says what is being done now.
    pub fn step(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => {
                let Ok(mut last) = self.last.lock() else { return };
                if *last != text {
                    crate::report::aside(&format!("… {text}"));
                    text.clone_into(&mut last);
                }
            }
        }
    }

    /// Takes the moving line away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
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
