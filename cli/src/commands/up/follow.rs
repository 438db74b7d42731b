//! Follows the documents of a mesh that is held: what changes takes effect, what is wrong changes nothing. What is to
//! be shown of it is told, so that this neither knows a terminal nor waits for one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burgee_api::check::Checked;
use burgee_api::document::Source;
use burgee_api::problem::worst;
use burgee_api::resolve::ListenerClass;
use burgee_api::resources::TrafficExtension;
use burgee_api::{Problem, Severity};
use burgee_localnet::summary::ProxySummary;
use burgee_localnet::{Asking, Batch, Localnet, Modules, Target};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::asked::{self, Policies};
use super::clean::clean;
use super::show::count;
use crate::args::{MetricsChoice, SourceArgs};
use crate::following::again::{Again, has_news};
use crate::following::last_good::LastGood;
use crate::following::watch::{Change, Watch};
use crate::plan::UpPlan;
use crate::plugin_modules::{self, PluginModules};
use crate::progress::Steps;
use crate::sources::Sources;
use crate::{Failure, environment, report};

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
        /// Those among the problems that are worth telling: not what was told before and stands.
        untold: Vec<Problem>,
        /// Their texts.
        texts: Vec<Source>,
        /// What came of them, in words.
        message: String,
        /// What is asked of each proxy.
        policies: Policies,
        /// Where requests can be sent.
        targets: Vec<Target>,
        /// Every proxy and what it listens on.
        proxies: Vec<ProxySummary>,
    },
    /// Something could not be done; what was in force still is.
    Failed(Failure),
}

/// How many names of what changed are told.
const MOST_NAMES: usize = 4;

/// How long a step may take before it is told: what comes from a cache is no news.
const SLOW: Duration = Duration::from_secs(1);

/// What was looked at, and what of it is in force.
pub(super) struct Followed {
    /// The folder of documents.
    directory: PathBuf,
    /// What arguments say of metrics.
    metrics: MetricsChoice,
    /// What arguments say of where modules may be fetched from.
    sources: SourceArgs,
    /// The documents that were looked at last.
    texts: Vec<Source>,
    /// The documents in force.
    texts_in_force: Vec<Source>,
    /// The plugins' modules that were looked at last, and what was wrong with them.
    plugins: (PluginModules, Vec<Problem>),
    /// The plugins that these modules are for.
    asked: Vec<TrafficExtension>,
    /// The modules in force.
    modules: Modules,
    /// The plugins in force that have their modules.
    last_good: LastGood,
    /// What is wrong with the documents that were looked at last, and whether they are in force.
    problems: Vec<Problem>,
    is_in_force: bool,
    /// The problems of the documents in force.
    standing: Vec<Problem>,
    /// Whether something was said of documents that could not be taken or read, which is still to be taken back.
    is_in_doubt: bool,
}

impl Followed {
    /// What a mesh was started with: the documents and their modules, what was wrong with the modules, and everything
    /// that was told.
    pub(super) fn new(
        plan: &UpPlan,
        texts: &[Source],
        plugins: &[TrafficExtension],
        modules: &Modules,
        known: &[Problem],
        told: &[Problem],
    ) -> Followed {
        Followed {
            directory: plan.directory.clone(),
            metrics: plan.metrics,
            sources: plan.sources.clone(),
            texts: texts.to_vec(),
            texts_in_force: texts.to_vec(),
            plugins: (modules.plugins.clone(), known.to_vec()),
            asked: plugins.to_vec(),
            modules: modules.clone(),
            last_good: LastGood::of(plugins, &modules.plugins),
            problems: told.to_vec(),
            is_in_force: true,
            standing: told.to_vec(),
            is_in_doubt: false,
        }
    }

    /// The problems among some that are worth telling: what was told and stands is not, unless it is why documents
    /// are not in force.
    fn untold(&self, problems: &[Problem], is_in_force: bool) -> Vec<Problem> {
        let is_told =
            |problem: &Problem| self.standing.iter().chain(&self.problems).any(|told| is_same(told, problem));
        let is_reason = |problem: &Problem| !is_in_force && problem.severity == Severity::Error;
        problems.iter().filter(|problem| is_reason(problem) || !is_told(problem)).cloned().collect()
    }

    /// What is to be said when nothing differs from what was looked at last.
    fn again(&mut self, localnet: &Localnet) -> Option<Said> {
        if !std::mem::take(&mut self.is_in_doubt) {
            return None;
        }
        let message = if self.is_in_force { AGAIN } else { KEPT };
        let untold = if self.is_in_force { Vec::new() } else { self.untold(&self.problems, false) };
        Some(documents(localnet, self.is_in_force, self.problems.clone(), untold, &self.texts, message))
    }
}

/// Whether two problems are the same one, which may stand in another line by then.
fn is_same(one: &Problem, other: &Problem) -> bool {
    let file = |problem: &Problem| problem.place.as_ref().map(|place| place.file.clone());
    (one.code, &one.path, &one.message, file(one)) == (other.code, &other.path, &other.message, file(other))
}

/// Documents that were taken or refused, with what the mesh is by then.
fn documents(
    localnet: &Localnet,
    is_in_force: bool,
    problems: Vec<Problem>,
    untold: Vec<Problem>,
    texts: &[Source],
    message: impl Into<String>,
) -> Said {
    Said::Documents {
        is_in_force,
        problems,
        untold,
        texts: texts.to_vec(),
        message: message.into(),
        policies: localnet.policies(),
        targets: localnet.targets(),
        proxies: localnet.proxies(),
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
/// Words that say that the documents are those in force, after others were seen.
pub(super) const AGAIN: &str = "in force again";

/// Follows the documents until this is dropped, and sends the numbers of requests that are asked for.
pub(super) async fn follow(
    mut watch: Watch,
    mut followed: Followed,
    asking: &Asking,
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
    let mut again = Again::default();
    loop {
        let (now, is_again) = tokio::select! {
            change = watch.next() => (change, false),
            () = again.wait() => (Change { is_of_module: true }, true),
            Some(count) = requests.recv() => {
                say(Said::Doing(format!("Sending {count} requests; what is saved waits until then")));
                let outcome = localnet.drive(count, asking).await;
                say(Said::Doing(String::new()));
                say(Said::Done(match outcome {
                    Ok(()) => answered(localnet.last_batch()),
                    Err(error) => format!("requests cannot be sent: {error}"),
                }));
                continue;
            }
        };
        // What is asked for again and again need not be told of each time.
        let quiet = unbounded_channel().0;
        let prepared = match is_again {
            true => tokio::select! {
                prepared = prepare(&followed, now, &quiet) => prepared,
                // What is saved goes before; it is looked at with everything else.
                _ = watch.next() => {
                    watch.assume(Change { is_of_module: true });
                    continue;
                }
            },
            false => prepare(&followed, now, &tell).await,
        };
        let said = match prepared {
            Ok(prepared) => match differs(&prepared, &followed, is_again) {
                true => take(prepared, &mut followed, &mut watch, localnet).await,
                false => Ok(followed.again(localnet)),
            },
            Err(failure) => Err(failure),
        };
        again.note(&followed.plugins.1, is_again);
        say(Said::Doing(String::new()));
        match said {
            Ok(Some(said)) => say(said),
            Ok(None) => {}
            Err(failure) => {
                followed.is_in_doubt = true;
                say(Said::Failed(failure));
            }
        }
    }
}

/// What came of requests, in words: how many were answered as they asked, and what the first other one met.
fn answered(batch: &Batch) -> String {
    let sent = format!("{} sent", count(batch.sent, "request"));
    if batch.failed == 0 {
        return format!("{sent}, all answered as asked");
    }
    let first = batch.first_failure.as_ref().map_or(String::new(), |first| format!("; failed: {first}"));
    format!("{sent}, {} as asked{first}", batch.sent - batch.failed)
}

/// Reads the documents and builds what they name, on a thread of its own.
async fn prepare(
    followed: &Followed,
    change: Change,
    tell: &UnboundedSender<Said>,
) -> Result<Prepared, Failure> {
    let (directory, texts) = (followed.directory.clone(), followed.texts.clone());
    let (known, asked) = (followed.plugins.clone(), followed.asked.clone());
    let arguments = followed.sources.clone();
    let (told, mut steps) = tokio::sync::mpsc::unbounded_channel();
    let work = tokio::task::spawn_blocking(move || {
        let (sources, checked) = super::read(&directory)?;
        let is_worth_building = checked.is_valid() && (change.is_of_module || sources.texts != texts);
        let modules = (is_worth_building && emptied(&texts, &sources.texts).is_none()).then(|| {
            if !change.is_of_module && checked.resources.extensions == asked {
                return known;
            }
            plugin_modules::resolve(&checked.resources, &arguments, &Steps::told_to(told))
        });
        Ok(Prepared { sources, checked, modules })
    });
    let show = async {
        let (begin, mut latest) = (tokio::time::Instant::now(), None);
        loop {
            let next = match latest {
                Some(_) => tokio::time::timeout_at(begin + SLOW, steps.recv()).await,
                None => Ok(steps.recv().await),
            };
            match next {
                Ok(Some(step)) => latest = Some(step),
                Ok(None) => return,
                Err(_) => {}
            }
            if begin.elapsed() >= SLOW
                && let Some(step) = latest.take()
            {
                // Nobody listens any more only when everything ends.
                let _ = tell.send(Said::Doing(step));
            }
        }
    };
    let (prepared, ()) = tokio::join!(work, show);
    prepared.unwrap_or_else(|error| Err(Failure::new(format!("the documents cannot be read: {error}"), "")))
}

/// Whether anything is not as it was when it was looked at last.
fn differs(prepared: &Prepared, followed: &Followed, is_again: bool) -> bool {
    let has_others = |modules: &(PluginModules, Vec<Problem>)| match is_again {
        true => has_news(&followed.plugins.0, &modules.0),
        false => *modules != followed.plugins,
    };
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
        followed.is_in_doubt = true;
        let name = asked::file(name, &followed.directory);
        let message = format!("{name} is empty now: {KEPT} until it is written or removed");
        return Ok(Some(Said::Done(message)));
    }
    let begin = Instant::now();
    let is_resolved = modules.is_some();
    if is_resolved {
        watch.modules(&plugin_modules::watched(&checked.resources))?;
    }
    let (plugins, wrong) = modules.unwrap_or_else(|| followed.plugins.clone());
    let mut problems = checked.problems.clone();
    problems.extend(wrong.iter().cloned());
    let mut is_in_force = checked.is_valid();
    let before = Before { targets: localnet.targets(), policies: localnet.policies() };
    // One plugin that cannot be had is no reason to refuse everything else.
    let (mut resources, mut used) = (checked.resources.clone(), plugins.clone());
    let kept = followed.last_good.keep(&mut resources.extensions, &mut used);
    problems.extend(kept.iter().cloned());
    let what = what_changed(followed, &sources.texts, &used);
    if is_in_force {
        let extensions = resources.extensions.clone();
        let modules = Modules { plugins: used, ..followed.modules.clone() };
        let policy = environment::policies(resources.clone(), followed.metrics);
        let told = localnet.apply(&resources, &policy, &modules).await;
        problems.extend(told.map_err(crate::commands::failure)?);
        is_in_force = !localnet.is_refused();
        if is_in_force {
            followed.last_good = LastGood::of(&extensions, &modules.plugins);
            followed.modules = modules;
            followed.texts_in_force.clone_from(&sources.texts);
        }
    }
    let untold = followed.untold(&problems, is_in_force);
    let message = match (is_in_force, what.is_empty()) {
        (true, false) => format!("{what}: {}", taken(&untold, begin, &before, localnet)),
        (true, true) if !kept.is_empty() => "nothing else changed: the last good stays in force".to_owned(),
        (true, true) => AGAIN.to_owned(),
        (false, _) => KEPT.to_owned(),
    };
    // Nothing failed: what fails above counts as not looked at, so that it is tried again.
    followed.texts.clone_from(&sources.texts);
    followed.plugins = (plugins, wrong);
    if is_resolved {
        followed.asked = checked.resources.extensions;
    }
    (followed.is_in_force, followed.is_in_doubt) = (is_in_force, false);
    followed.problems.clone_from(&problems);
    if is_in_force {
        followed.standing.clone_from(&problems);
    }
    Ok(Some(documents(localnet, is_in_force, problems, untold, &sources.texts, message)))
}

/// What was so before a change.
struct Before {
    targets: Vec<Target>,
    policies: Policies,
}

/// What differs from what is in force: the names of files, and the plugins whose modules do; empty for nothing.
fn what_changed(followed: &Followed, texts: &[Source], plugins: &PluginModules) -> String {
    let before = &followed.texts_in_force;
    let written = texts.iter().filter(|text| !before.contains(text)).map(|text| (text, ""));
    let gone = before.iter().filter(|text| texts.iter().all(|other| other.name != text.name));
    let files = written.chain(gone.map(|text| (text, " (removed)")));
    let mut names: Vec<String> =
        files.map(|(text, what)| format!("{}{what}", asked::file(&text.name, &followed.directory))).collect();
    let had = &followed.modules.plugins;
    let others = plugins.iter().filter(|(name, module)| had.get(*name).is_some_and(|had| had != *module));
    names.extend(others.map(|(name, _)| format!("the plugin {}", clean(name))));
    if names.len() > MOST_NAMES {
        let more = names.len() - MOST_NAMES;
        names.truncate(MOST_NAMES);
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// Words that say that a change is in force and for whom, and where to try it if that is somewhere else than before.
fn taken(untold: &[Problem], begin: Instant, before: &Before, localnet: &Localnet) -> String {
    let rest = if worst(untold) >= Some(Severity::Warning) {
        "what is not named above is in force"
    } else {
        "the change is in force"
    };
    let mut message = format!("{rest} after {} ms", begin.elapsed().as_millis());
    let whom = whom(&before.policies, &localnet.policies());
    if !whom.is_empty() {
        message += &format!(" ({whom})");
    }
    let targets = localnet.targets();
    if let Some(target) = targets.first().filter(|_| targets != before.targets) {
        message += &format!("\ntry it:   {}", super::show::command(target));
    }
    message
}

/// The proxies of which something else is asked than before, by their names without namespaces.
fn whom(before: &Policies, after: &Policies) -> String {
    let wishes = |policies: &Policies, of: &str| -> Vec<(ListenerClass, Vec<String>)> {
        let own = policies.iter().filter(|(proxy, ..)| proxy == of);
        let texts = |policy| asked::wishes(policy).into_iter().map(|wish| wish.text).collect();
        own.map(|(_, class, policy)| (*class, texts(policy))).collect()
    };
    let mut names: Vec<&str> = after.iter().map(|(proxy, ..)| proxy.as_str()).collect();
    names.dedup();
    let all = names.len();
    names.retain(|name| wishes(before, name) != wishes(after, name));
    if names.len() == all && all > 1 {
        return "every proxy".to_owned();
    }
    let short = |name: &&str| clean(name.rsplit('/').next().unwrap_or(name));
    names.iter().map(short).collect::<Vec<_>>().join(", ")
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
        Said::Documents { untold, texts, message, .. } => {
            report::print_aside_briefly(untold, texts);
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
