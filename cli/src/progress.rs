//! Steps on standard error: a line that moves on a terminal, plain lines elsewhere. Or, where somebody else owns the
//! screen, told to them.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// To lines.
    Lines(Arc<Mutex<Lines>>),
    /// To somebody.
    Somebody(UnboundedSender<String>),
}

/// Steps as lines.
#[derive(Default)]
struct Lines {
    /// The step that is under way; empty when it is over.
    latest: String,
    /// The last one that was written, so that none is written twice.
    written: String,
    /// When the first step began that is worth a line only if it takes long.
    since: Option<Instant>,
}

/// How long building may take until it is told: what comes from a cache is no news.
const SLOW: Duration = Duration::from_secs(1);

impl Lines {
    fn write(&mut self) {
        if !self.latest.is_empty() && self.written != self.latest {
            crate::report::aside(&format!("… {}", self.latest));
            self.written.clone_from(&self.latest);
        }
    }
}

impl Steps {
    /// Steps on standard error.
    pub fn new() -> Steps {
        if !std::io::stderr().is_terminal() {
            return Steps { to: To::Lines(Arc::default()) };
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
            To::Bar(bar) => bar.set_message(burgee_api::text::clean(text)),
            To::Lines(lines) => {
                let mut lines = locked(lines);
                text.clone_into(&mut lines.latest);
                lines.write();
            }
            To::Somebody(somebody) => {
                // Whoever has gone need not be told.
                let _ = somebody.send(text.to_owned());
            }
        }
    }

    /// Says something that stays when the next step comes.
    pub fn say(&self, text: &str) {
        match &self.to {
            To::Bar(bar) => bar.suspend(|| crate::report::aside(text)),
            To::Lines(_) => crate::report::aside(text),
            To::Somebody(_) => self.step(text),
        }
    }

    /// Says what is being done, as a line only if it takes long.
    fn step_that_may_be_short(&self, text: &str) {
        let To::Lines(lines) = &self.to else { return self.step(text) };
        let mut now = locked(lines);
        text.clone_into(&mut now.latest);
        match now.since {
            Some(since) if since.elapsed() >= SLOW => now.write(),
            Some(_) => {}
            None => {
                now.since = Some(Instant::now());
                let lines = lines.clone();
                std::thread::spawn(move || {
                    std::thread::sleep(SLOW);
                    locked(&lines).write();
                });
            }
        }
    }

    /// Takes the moving line away.
    pub fn clear(&self) {
        match &self.to {
            To::Bar(bar) => bar.finish_and_clear(),
            To::Lines(lines) => locked(lines).latest.clear(),
            To::Somebody(_) => {}
        }
    }
}

fn locked(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.clear();
    }
}

impl burgee_modules::Progress for Steps {
    fn step(&self, what: &str) {
        self.step_that_may_be_short(what);
    }
}

impl burgee_localnet::Progress for Steps {
    fn step(&self, text: &str) {
        Steps::step(self, text);
    }
}
