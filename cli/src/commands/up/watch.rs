//! Follows a folder of documents: what changes takes effect, what is wrong changes nothing.

use std::path::Path;
use std::time::Duration;

use burgee_api::document::Source;
use burgee_api::resolve::PolicySet;
use burgee_localnet::Localnet;
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use burgee_api::Severity;

use crate::{Failure, report};

/// How long the folder must be quiet before it is read: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(150);
/// How long a folder that is never quiet may put off being read.
const LONGEST: Duration = Duration::from_secs(2);
/// How often a proxy that ended by itself is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Follows a folder until a proxy ends by itself. `texts` are the documents in force: what changed since they were read
/// takes effect at once. Meant to be dropped when somebody says stop.
pub(super) async fn follow(
    directory: &Path,
    texts: &[Source],
    localnet: &mut Localnet,
) -> Result<(), Failure> {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Nobody listens any more only when everything ends.
            let _ = sender.send(());
        }
    })
    .map_err(|error| cannot_watch(directory, &error))?;
    watcher.watch(directory, RecursiveMode::Recursive).map_err(|error| cannot_watch(directory, &error))?;
    let mut last = texts.to_vec();
    let mut look_now = true;
    loop {
        if !std::mem::take(&mut look_now) && !next_change(&mut changes, localnet).await? {
            continue;
        }
        match super::read(directory) {
            Err(failure) => {
                report::failure(&failure);
                report::aside("the last good documents stay in force");
            }
            Ok((sources, _)) if sources.texts == last => {}
            Ok((sources, checked)) => match emptied(&last, &sources.texts) {
                // Many editors empty a file before they write it.
                Some(name) => report::aside(&format!(
                    "{name} is empty now: the last good documents stay in force until it is written or removed"
                )),
                None => {
                    take(localnet, &sources.texts, &checked).await?;
                    last = sources.texts;
                }
            },
        }
    }
}

/// Waits for a change and for quiet after it. False when there was none for a while, or when nobody watches any more.
async fn next_change(
    changes: &mut mpsc::UnboundedReceiver<()>,
    localnet: &mut Localnet,
) -> Result<bool, Failure> {
    if tokio::time::timeout(LOOK, changes.recv()).await != Ok(Some(())) {
        localnet.check_running().map_err(crate::commands::failure)?;
        return Ok(false);
    }
    let latest = Instant::now() + LONGEST;
    while let Ok(Some(())) = timeout_at(latest.min(Instant::now() + QUIET), changes.recv()).await {}
    Ok(true)
}

/// A file that held something and holds nothing now.
fn emptied<'t>(before: &[Source], now: &'t [Source]) -> Option<&'t str> {
    let is_empty = |source: &Source| source.text.trim().is_empty();
    let held = |name: &str| before.iter().any(|source| *source.name == *name && !is_empty(source));
    now.iter().find(|source| is_empty(source) && held(&source.name)).map(|source| &*source.name)
}

async fn take(
    localnet: &mut Localnet,
    texts: &[Source],
    checked: &burgee_api::check::Checked,
) -> Result<(), Failure> {
    if !checked.is_valid() {
        report::print_aside(&checked.problems, texts);
        report::aside("the last good documents stay in force");
        return Ok(());
    }
    let begin = Instant::now();
    let before = &localnet.targets();
    let policy = PolicySet::new(checked.resources.clone());
    let problems = localnet.apply(&checked.resources, &policy).await.map_err(crate::commands::failure)?;
    report::print_aside(&problems, texts);
    if burgee_api::problem::worst(&problems) == Some(burgee_api::Severity::Error) {
        report::aside("the last good documents stay in force");
    } else {
        let rest = if problems.iter().any(|problem| problem.severity == Severity::Warning) {
            "what is not named above is in force"
        } else {
            "the change is in force"
        };
        report::aside(&format!("{rest} after {} ms", begin.elapsed().as_millis()));
        let targets = localnet.targets();
        if targets != *before
            && let Some(target) = targets.first()
        {
            report::aside(&format!("try it:   {}", super::show::command(target)));
        }
    }
    Ok(())
}

fn cannot_watch(directory: &Path, error: &notify::Error) -> Failure {
    Failure::new(
        format!("{} cannot be watched: {error}", directory.display()),
        "run without --hold, or raise the system's limit of inotify watches",
    )
}
