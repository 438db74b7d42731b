//! A mesh that is held, where nobody looks at a terminal: a stream of lines until somebody says stop.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use burgee_localnet::live::Live;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::asked::Policies;
use super::follow::{Said, print};
use super::lines::Lines;
use crate::{Failure, output, report};

/// The least time between two looks: what comes in between is told together.
const LOOK: Duration = Duration::from_millis(100);

/// Where the lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// To standard output.
    Output,
    /// To standard error, because standard output is for programs.
    Aside,
}

impl To {
    /// Writes lines, and says whether anybody reads them.
    fn write(self, lines: &[String]) -> Result<bool, Failure> {
        for line in lines {
            match self {
                To::Output if !output::line_is_read(line)? => return Ok(false),
                To::Output => {}
                To::Aside => report::aside(line),
            }
        }
        Ok(true)
    }
}

/// Writes what the mesh tells, and what happens to its documents, until the work ends or nobody reads.
pub(super) async fn run(
    work: impl Future<Output = ()>,
    live: &Live,
    folder: &Path,
    policies: &Policies,
    mut said: UnboundedReceiver<Said>,
    to: To,
) -> Result<(), Failure> {
    let mut work = std::pin::pin!(work);
    let mut changes = live.changes();
    let (mut lines, mut first) = Lines::after(&live.snapshot(), Instant::now());
    first.extend(lines.asked(policies, folder));
    if !to.write(&first)? {
        return Ok(());
    }
    let (mut is_live, mut next_look) = (true, None);
    loop {
        // Far off where nothing waits; something comes before.
        let wake = next_look.or(lines.wake()).unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            () = &mut work => return Ok(()),
            Some(said) = said.recv() => {
                print(&said, folder);
                if let Said::Documents { policies, .. } = &said && !to.write(&lines.asked(policies, folder))? {
                    return Ok(());
                }
                continue;
            }
            changed = changes.changed(), if is_live => {
                is_live = changed.is_ok();
                next_look.get_or_insert_with(|| Instant::now() + LOOK);
                continue;
            }
            () = sleep_until(wake) => next_look = None,
        }
        if !to.write(&lines.next(&live.snapshot(), Instant::now()))? {
            // Nobody can be told any more.
            return Ok(());
        }
    }
}
