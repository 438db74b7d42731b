//! The live view: a mesh that is held, on a terminal. The screen is given back however this ends.

use std::future::Future;
use std::io::IsTerminal;
use std::time::Duration;

use burgee_api::problem::codes;
use burgee_api::{Problem, Severity};
use burgee_localnet::live::Live;
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use ratatui::backend::Backend;
use ratatui::{DefaultTerminal, Frame};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use super::follow::{AGAIN, Said};
use crate::{Failure, report};

mod data;
mod details;
mod draw;
mod metrics;
mod rows;
mod state;

pub(super) use data::{Data, Documents};
use rows::Tab;
use state::{Action, View};

/// The least time between two drawings: more than this nobody sees.
const FRAME: Duration = Duration::from_millis(100);
/// How many requests the key `g` sends.
const REQUESTS: u64 = 10;

/// Whether there is a terminal to show the view on.
pub(super) fn is_possible() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !is_dumb
}

/// A terminal that shows the view. It is as it was when this is dropped; a panic gives it back first and then speaks.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> Result<Screen, Failure> {
        let open = || -> std::io::Result<Screen> {
            let mut terminal = ratatui::try_init()?;
            // A terminal that has one screen only shows what was printed before. It is not asked where its cursor is,
            // as some do not answer.
            terminal.backend_mut().clear()?;
            Ok(Screen(terminal))
        };
        open().map_err(|error| {
            // What was done until then is taken back.
            ratatui::restore();
            cannot_show(&error)
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may have gone; nothing of this is missed then. What is printed next is not to stand among rows
        // where there is one screen only.
        let backend = self.0.backend_mut();
        let _ = backend.clear().and_then(|()| backend.set_cursor_position((0, 0)));
        let _ = self.0.show_cursor();
        ratatui::restore();
    }
}

/// Shows the view until somebody ends it, or the work ends.
pub(super) async fn run(
    work: impl Future<Output = ()>,
    live: &Live,
    data: Data,
    mut said: UnboundedReceiver<Said>,
    requests: UnboundedSender<u64>,
) -> Result<(), Failure> {
    let mut work = std::pin::pin!(work);
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let mut changes = live.changes();
    let mut view = View::new(data);
    view.has_colours = report::wants_color(&std::io::stdout());
    let mut next_frame = Instant::now();
    let (mut is_dirty, mut is_changed, mut is_live) = (true, true, true);
    loop {
        tokio::select! {
            () = &mut work => return Ok(()),
            key = keys.next() => match key {
                Some(Ok(Event::Key(key))) => match view.key(key) {
                    Action::Draw => is_dirty = true,
                    // Whoever sends them is there as long as we are.
                    Action::Send => drop(requests.send(REQUESTS)),
                    Action::Quit => return Ok(()),
                },
                Some(Ok(_)) => is_dirty = true,
                Some(Err(error)) => return Err(cannot_show(&error)),
                None => return Ok(()),
            },
            Some(said) = said.recv() => {
                hear(&mut view, said);
                is_dirty = true;
            }
            changed = changes.changed(), if is_live => {
                is_live = changed.is_ok();
                is_changed = true;
            }
            () = sleep_until(next_frame), if is_dirty || is_changed => {
                if is_changed {
                    view.latest_mut().snapshot = live.snapshot();
                }
                let draw = |frame: &mut Frame<'_>| draw::draw(&mut view, frame);
                screen.0.draw(draw).map_err(|error| cannot_show(&error))?;
                (is_dirty, is_changed) = (false, false);
                next_frame = Instant::now() + FRAME;
            }
        }
    }
}

/// Takes what happened to the documents into the view; paused or not, the header says it.
fn hear(view: &mut View, said: Said) {
    let data = view.latest_mut();
    match said {
        Said::Doing(what) => data.doing = what,
        Said::Done(what) => (data.done, data.is_done_after) = (what, true),
        Said::Documents { is_in_force, problems, message, policies, targets, proxies, .. } => {
            (data.targets, data.proxies, data.is_done_after) = (targets, proxies, false);
            data.documents = if is_in_force { Documents::InForce } else { Documents::LastGood };
            // The header says anyway whether documents are in force.
            let first = message.lines().next().filter(|line| *line != AGAIN);
            first.unwrap_or_default().clone_into(&mut data.done);
            data.problems = problems;
            data.policies = policies;
            if !is_in_force {
                // Why is what one wants to see.
                view.forget_place(Tab::Problems);
            }
        }
        Said::Failed(failure) => {
            data.documents = Documents::LastGood;
            let problem = Problem::new(Severity::Error, codes::NO_DOCUMENT, failure.message);
            data.problems = vec![problem.help(failure.help)];
        }
    }
}

fn cannot_show(error: &std::io::Error) -> Failure {
    Failure::new(
        format!("the terminal cannot be used: {error}"),
        "add --plain for lines instead of the live view",
    )
}
