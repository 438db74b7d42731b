//! `burgee up`: a folder's mesh on loopback, requests through it, and what the documents make of them.

mod asked;
mod clean;
#[cfg(test)]
mod examples;
mod follow;
mod lines;
mod live;
mod show;
mod status;
mod stream;
mod tree;

pub(super) use show::command;

use std::path::Path;

use burgee_api::check::Checked;
use burgee_api::problem::worst;
use burgee_api::{Problem, Severity};
use burgee_localnet::summary::{RequestsSummary, Summary, VERSION};
use burgee_localnet::{Localnet, Modules, Options};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;

use crate::args::Format;
use crate::following::watch;
use crate::judging::check;
use crate::plan::UpPlan;
use crate::progress::Steps;
use crate::sources::Sources;
use crate::{Failure, Outcome, environment, output, plugin_modules, report, sources};

/// What a run is made of, before anything is started.
struct Prepared {
    sources: Sources,
    checked: Checked,
    modules: Modules,
    /// What is wrong with the plugins' modules.
    missing: Vec<Problem>,
}

/// Runs it.
pub(crate) fn run(plan: &UpPlan) -> Result<Outcome, Failure> {
    let (sources, checked) = read(&plan.directory)?;
    // A mesh of documents that are refused is not planned: what would be missing there is another matter.
    let planned = match checked.is_valid() {
        true => burgee_localnet::plan_problems(&checked.resources),
        false => Vec::new(),
    };
    if !checked.is_valid() || worst(&planned) == Some(Severity::Error) {
        let mut all = checked.problems;
        all.extend(planned);
        all.extend(plugin_modules::all_not_there(&checked.resources));
        return refuse(plan, &all, &sources);
    }
    // One thread is enough for a mesh on loopback; modules are built on it before anything waits, and later on others.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(super::THREAD_STACK)
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}"), ""))?;
    let steps = Steps::new();
    let telemetry = super::telemetry_module(plan.module.as_deref(), &steps)?;
    let (plugins, missing) = plugin_modules::resolve(&checked.resources, &plan.sources, &steps);
    let prepared = Prepared { sources, checked, modules: Modules { telemetry, plugins }, missing };
    let outcome = runtime.block_on(async {
        let mut ending = Ending::new()?;
        let mut running = None;
        let work = work(plan, &prepared, &steps, &mut running);
        let outcome = tokio::select! {
            outcome = work => outcome,
            name = ending.wait() => {
                steps.clear();
                // After the summary nothing is left to do, so being told to stop is the ordinary end.
                match running.as_ref().and_then(|running: &Running| running.as_asked) {
                    Some(as_asked) => end(as_asked),
                    None => Err(Failure::new(format!("stopped by {name} before the summary"), "")),
                }
            }
        };
        steps.clear();
        if let Some(running) = running {
            if plan.hold && running.as_asked.is_some() {
                report::aside(&show::farewell(&running.localnet));
            }
            running.localnet.stop().await;
        }
        outcome
    });
    // A build that is under way ends with the program and need not be waited for.
    runtime.shutdown_background();
    outcome
}

/// Says why nothing is started: to people, or to programs in the summary's own shape.
fn refuse(plan: &UpPlan, problems: &[Problem], sources: &Sources) -> Result<Outcome, Failure> {
    let summary = Summary {
        version: VERSION,
        proxies: Vec::new(),
        without_sidecar: Vec::new(),
        requests: RequestsSummary::default(),
        metrics: Vec::new(),
        access_logs: Vec::new(),
        spans: Vec::new(),
        plugins: Vec::new(),
        problems: problems.iter().map(Into::into).collect(),
    };
    match plan.output {
        Format::Text => report::print_aside(problems, &sources.texts),
        Format::Json => output::json(&summary)?,
        Format::Yaml => output::yaml(&summary)?,
    }
    report::aside(&format!("nothing is started: {}", report::count(problems)));
    Ok(Outcome::Found)
}

/// A mesh that runs, and, once there is a summary, whether everything was seen that the documents ask for.
struct Running {
    localnet: Localnet,
    as_asked: Option<bool>,
}

/// How a run with a summary ends.
fn end(as_asked: bool) -> Result<Outcome, Failure> {
    if as_asked {
        return Ok(Outcome::Done);
    }
    Err(Failure::new(
        "not everything that the documents ask for was seen",
        "the summary's problems say what is missing and who asked for it",
    ))
}

fn read(directory: &Path) -> Result<(Sources, Checked), Failure> {
    let mut sources = sources::read(&[directory.to_owned()])?;
    let mut checked = check(&sources.texts);
    checked.problems.splice(0..0, std::mem::take(&mut sources.problems));
    checked.problems.extend(super::not_run(&checked.resources));
    checked.problems.extend(environment::doubts(&checked.resources));
    Ok((sources, checked))
}

async fn work(
    plan: &UpPlan,
    prepared: &Prepared,
    steps: &Steps,
    running: &mut Option<Running>,
) -> Result<Outcome, Failure> {
    let Prepared { sources, checked, modules, missing } = prepared;
    let envoy = burgee_localnet::envoy::find(steps).await.map_err(super::failure)?;
    let mut options = Options::new(envoy);
    options.gateway_port = plan.gateway_port;
    options.stub = stub()?;
    let policy = environment::policies(checked.resources.clone(), plan.metrics);
    let localnet = Localnet::start(&checked.resources, &policy, modules, &options, steps).await;
    let localnet = localnet.map_err(super::failure)?;
    let running = running.insert(Running { localnet, as_asked: None });
    let localnet = &mut running.localnet;
    if let Some(file) = &plan.prometheus {
        write_prometheus_configuration(file, localnet)?;
    }
    steps.step(&format!("Sending {} requests", plan.requests));
    localnet.drive(plan.requests, &plan.asking).await.map_err(super::failure)?;
    steps.step("Reading what the proxies tell");
    localnet.observe().await.map_err(super::failure)?;
    steps.clear();

    let before: Vec<Problem> = checked.problems.iter().chain(missing).cloned().collect();
    let mut problems = before.clone();
    problems.extend(localnet.problems());
    let as_asked = worst(&problems) != Some(Severity::Error);
    let mut summary = localnet.summary();
    summary.problems.splice(0..0, before.iter().map(Into::into));
    print(plan, &summary, &problems, sources, localnet)?;
    running.as_asked = Some(as_asked);
    if plan.hold {
        hold(plan, prepared, problems, &mut running.localnet).await?;
    }
    end(as_asked)
}

fn write_prometheus_configuration(file: &Path, localnet: &Localnet) -> Result<(), Failure> {
    std::fs::write(file, localnet.prometheus_configuration()).map_err(|error| {
        Failure::new(
            format!("--prometheus {} cannot be written: {error}", file.display()),
            "name a file in a folder that is there and can be written to",
        )
    })
}

/// Prints the summary.
fn print(
    plan: &UpPlan,
    summary: &Summary,
    problems: &[Problem],
    sources: &Sources,
    localnet: &Localnet,
) -> Result<(), Failure> {
    match plan.output {
        Format::Json => return output::json(summary),
        Format::Yaml => return output::yaml(summary),
        Format::Text => {}
    }
    report::print_aside_briefly(problems, &sources.texts);
    let targets = if plan.hold { localnet.targets() } else { Vec::new() };
    output::text_line(&show::summary(summary, &targets))?;
    let asked = asked::asked(&localnet.policies(), &plan.directory);
    if !asked.is_empty() {
        let was_seen = worst(problems) != Some(Severity::Error) && localnet.unexercised().is_empty();
        let end = if was_seen { ", and of HTTP all of it was seen:" } else { ":" };
        output::text_line(&format!("\nthe documents ask for{end}\n{asked}"))?;
    }
    if !plan.hold && live::is_possible() {
        let command = format!("burgee up {} --hold", plan.directory.display());
        report::aside(&format!("\nto watch it live, and change documents meanwhile: {command}"));
    }
    Ok(())
}

/// Keeps everything running and follows the documents: in the live view on a terminal, else as lines.
async fn hold(
    plan: &UpPlan,
    prepared: &Prepared,
    problems: Vec<Problem>,
    localnet: &mut Localnet,
) -> Result<(), Failure> {
    let Prepared { sources, checked, modules, missing } = prepared;
    let mut watch = watch::Watch::new(&plan.directory)?;
    watch.modules(&plugin_modules::watched(&checked.resources))?;
    let plugins = &checked.resources.extensions;
    let followed = follow::Followed::new(plan, &sources.texts, plugins, modules, missing, &problems);
    let (tell, said) = unbounded_channel();
    let (ask, asks) = unbounded_channel();
    let live = localnet.live();
    let data = live::Data {
        folder: plan.directory.clone(),
        snapshot: live.snapshot(),
        policies: localnet.policies(),
        problems,
        targets: localnet.targets(),
        proxies: localnet.proxies(),
        ..live::Data::default()
    };
    let work = follow::follow(watch, followed, &plan.asking, localnet, asks, tell);
    if plan.output == Format::Text && !plan.plain && live::is_possible() {
        return live::run(work, &live, data, said, ask).await;
    }
    report::aside("running until Ctrl-C; documents that change take effect");
    let to = if plan.output == Format::Text { stream::To::Output } else { stream::To::Aside };
    stream::run(work, &live, &plan.directory, &data.policies, said, to).await
}

/// The command line that starts a stub: this program's own.
pub(super) fn stub() -> Result<Vec<std::ffi::OsString>, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("the program's own file cannot be found: {error}"), ""))?;
    Ok(vec![program.into(), "stub".into()])
}

/// Being told to stop.
pub(super) struct Ending {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ending {
    pub(super) fn new() -> Result<Ending, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(format!("signals cannot be heard: {error}"), ""))
        };
        Ok(Ending {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits until somebody says so, and gives what it was.
    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
