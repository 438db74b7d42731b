//! Follows the documents of a mesh that is held: what changes takes effect, what is wrong changes nothing. What is to
//! be shown of it is told, so that this neither knows a terminal nor waits for one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burgee_api::check::Checked;
use burgee_api::document::Source;
use burgee_api::problem::worst;
use burgee_api::resolve::PolicySet;
use burgee_api::{Problem, Severity};
use burgee_localnet::{Localnet, Modules, Target};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::asked::Policies;
use super::watch::{Change, Watch};
use crate::plugin_modules::{self, PluginModules};
use crate::progress::Steps;
use crate::sources::Sources;
use crate::{Failure, report};

/// What happens to documents while a mesh is held.
pub(super) enum Said {
    /// Something is being done, such as a build; empty when it is over.
    Doing(String),
    /// Something was done that changes no documents.
    Done(String),
    /// Documents were taken, or refused.
    Documents {
        /// Whether they are in force.
        is_in_force: bool,
        /// What is wrong with them or worth knowing.
        problems: Vec<Problem>,
        /// Their texts.
        texts: Vec<Source>,
        /// What came of them, in words.
        message: String,
        /// What is asked of each proxy.
        policies: Policies,
    },
    /// Something could not be done; what was in force still is.
    Failed(Failure),
}

/// What was looked at, and what of it is in force.
pub(super) struct Followed {
    /// The folder of documents.
    directory: PathBuf,
    /// The documents that were looked at last.
    texts: Vec<Source>,
    /// The plugins' modules that were looked at last, and what was wrong with them.
    plugins: (PluginModules, Vec<Problem>),
    /// The modules in force.
    modules: Modules,
    /// What is wrong with the modules in force.
    known: Vec<Problem>,
}

impl Followed {
    /// Documents and modules that a mesh was started with, and what was wrong with the modules.
    pub(super) fn new(directory: &Path, texts: &[Source], modules: &Modules, known: &[Problem]) -> Followed {
        Followed {
            directory: directory.to_owned(),
            texts: texts.to_vec(),
            plugins: (modules.plugins.clone(), known.to_vec()),
            modules: modules.clone(),
            known: known.to_vec(),
        }
    }
}

/// Documents that were read, with the modules that they name.
struct Prepared {
    sources: Sources,
    checked: Checked,
    /// Modules and what is wrong with them; none where the documents are wrong, or nothing is to be built.
    modules: Option<(PluginModules, Vec<Problem>)>,
}

/// Words that say that a change changed nothing.
pub(super) const KEPT: &str = "the last good documents stay in force";

/// Follows the documents until this is dropped, and sends the numbers of requests that are asked for.
pub(super) async fn follow(
    mut watch: Watch,
    mut followed: Followed,
    paths: &[String],
    localnet: &mut Localnet,
    mut requests: UnboundedReceiver<u64>,
    tell: UnboundedSender<Said>,
) {
    let say = |said| {
        // Nobody listens any more only when everything ends.
        let _ = tell.send(said);
    };
    // What changed since it was read takes effect too.
    watch.assume(Change { is_of_module: !followed.plugins.0.is_empty() });
    loop {
        let now = tokio::select! {
            change = watch.next() => change,
            Some(count) = requests.recv() => {
                say(Said::Doing(format!("Sending {count} requests; what is saved waits until then")));
                let outcome = localnet.drive(count, paths).await;
                say(Said::Doing(String::new()));
                say(Said::Done(match outcome {
                    Ok(()) => format!("{count} requests sent"),
                    Err(error) => format!("requests cannot be sent: {error}"),
                }));
                continue;
            }
        };
        let said = match prepare(&followed, now, &tell).await {
            Ok(prepared) => match differs(&prepared, &followed) {
                true => take(prepared, &mut followed, &mut watch, localnet).await,
                false => Ok(None),
            },
            Err(failure) => Err(failure),
        };
        say(Said::Doing(String::new()));
        match said {
            Ok(Some(said)) => say(said),
            Ok(None) => {}
            Err(failure) => say(Said::Failed(failure)),
        }
    }
}

/// Reads the documents and builds what they name, on a thread of its own.
async fn prepare(
    followed: &Followed,
    change: Change,
    tell: &UnboundedSender<Said>,
) -> Result<Prepared, Failure> {
    let (directory, texts) = (followed.directory.clone(), followed.texts.clone());
    let (told, mut steps) = tokio::sync::mpsc::unbounded_channel();
    let work = tokio::task::spawn_blocking(move || {
        let (sources, checked) = super::read(&directory)?;
        let is_worth_building = checked.is_valid() && (change.is_of_module || sources.texts != texts);
        let modules = (is_worth_building && emptied(&texts, &sources.texts).is_none())
            .then(|| plugin_modules::resolve(&checked.resources, &Steps::told_to(told)));
        Ok(Prepared { sources, checked, modules })
    });
    let show = async {
        while let Some(step) = steps.recv().await {
            let _ = tell.send(Said::Doing(step));
        }
    };
    let (prepared, ()) = tokio::join!(work, show);
    prepared.unwrap_or_else(|error| Err(Failure::new(format!("the documents cannot be read: {error}"), "")))
}

/// Whether anything is not as it was when it was looked at last.
fn differs(prepared: &Prepared, followed: &Followed) -> bool {
    let has_others = |modules: &(PluginModules, Vec<Problem>)| *modules != followed.plugins;
    prepared.sources.texts != followed.texts || prepared.modules.as_ref().is_some_and(has_others)
}

/// Has the mesh take what was read, if it is right.
async fn take(
    prepared: Prepared,
    followed: &mut Followed,
    watch: &mut Watch,
    localnet: &mut Localnet,
) -> Result<Option<Said>, Failure> {
    let Prepared { sources, checked, modules } = prepared;
    if let Some(name) = emptied(&followed.texts, &sources.texts) {
        // Many editors empty a file before they write it.
        let message = format!("{name} is empty now: {KEPT} until it is written or removed");
        return Ok(Some(Said::Done(message)));
    }
    let begin = Instant::now();
    followed.texts.clone_from(&sources.texts);
    if let Some(modules) = modules {
        followed.plugins = modules;
        watch.modules(&plugin_modules::watched(&checked.resources))?;
    }
    let (plugins, wrong) = followed.plugins.clone();
    let mut problems = checked.problems.clone();
    problems.extend(wrong.iter().cloned());
    // A plugin that could not be had before either is no reason to refuse everything else.
    let is_broken =
        wrong.iter().any(|problem| problem.severity == Severity::Error && !followed.known.contains(problem));
    let mut is_in_force = checked.is_valid() && !is_broken;
    let before = localnet.targets();
    if is_in_force {
        let modules = Modules { plugins, ..followed.modules.clone() };
        let policy = PolicySet::new(checked.resources.clone());
        let told = localnet.apply(&checked.resources, &policy, &modules).await;
        problems.extend(told.map_err(crate::commands::failure)?);
        is_in_force = !localnet.is_refused();
        if is_in_force {
            (followed.modules, followed.known) = (modules, wrong);
        }
    }
    let message = if is_in_force { taken(&problems, begin, &before, localnet) } else { KEPT.to_owned() };
    let policies = localnet.policies();
    Ok(Some(Said::Documents { is_in_force, problems, texts: sources.texts, message, policies }))
}

/// Words that say that a change is in force, and where to try it if that is somewhere else than before.
fn taken(problems: &[Problem], begin: Instant, before: &[Target], localnet: &Localnet) -> String {
    let rest = if worst(problems) >= Some(Severity::Warning) {
        "what is not named above is in force"
    } else {
        "the change is in force"
    };
    let mut message = format!("{rest} after {} ms", begin.elapsed().as_millis());
    let targets = localnet.targets();
    if let Some(target) = targets.first().filter(|_| targets != before) {
        message += &format!("\ntry it:   {}", super::show::command(target));
    }
    message
}

/// A file that held something and holds nothing now.
fn emptied<'t>(before: &[Source], now: &'t [Source]) -> Option<&'t str> {
    let is_empty = |source: &Source| source.text.trim().is_empty();
    let held = |name: &str| before.iter().any(|source| *source.name == *name && !is_empty(source));
    now.iter().find(|source| is_empty(source) && held(&source.name)).map(|source| &*source.name)
}

/// Tells people what happened to documents, on standard error.
pub(super) fn print(said: &Said, folder: &Path) {
    match said {
        Said::Doing(text) if text.is_empty() => {}
        Said::Doing(text) => report::aside(&format!("… {text}")),
        Said::Done(text) => report::aside(&format!("documents  {text}")),
        Said::Documents { problems, texts, message, .. } => {
            report::print_aside(problems, texts);
            for line in message.lines() {
                report::aside(&format!("documents  {line}"));
            }
        }
        Said::Failed(failure) => {
            report::failure(failure);
            report::aside(&format!("documents  {}: {KEPT}", folder.display()));
        }
    }
}
