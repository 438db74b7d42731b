//! `burgee up`: a folder's mesh on loopback, requests through it, and what the documents make of them.

mod asked;
mod show;
mod watch;

use std::path::Path;

use burgee_api::check::{Checked, check};
use burgee_api::problem::worst;
use burgee_api::resolve::PolicySet;
use burgee_api::{Problem, Severity};
use burgee_localnet::summary::{RequestsSummary, Summary, VERSION};
use burgee_localnet::{Localnet, Options};
use burgee_overlay::Module;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::Format;
use crate::plan::UpPlan;
use crate::progress::Steps;
use crate::sources::Sources;
use crate::{Failure, Outcome, output, report, sources};

/// Runs it.
pub(crate) fn run(plan: &UpPlan) -> Result<Outcome, Failure> {
    let (sources, checked) = read(&plan.directory)?;
    if !checked.is_valid() {
        return refuse(plan, &checked.problems, &sources);
    }
    let planned = burgee_localnet::plan_problems(&checked.resources);
    if worst(&planned) == Some(Severity::Error) {
        let all: Vec<Problem> = checked.problems.iter().chain(&planned).cloned().collect();
        return refuse(plan, &all, &sources);
    }
    // One thread is enough for a mesh on loopback; the module is built on it before anything waits.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}"), ""))?;
    let steps = Steps::new();
    let module = super::module(plan.module.as_deref(), &steps)?;
    runtime.block_on(async {
        let mut ending = Ending::new()?;
        let mut running = None;
        let work = work(plan, &sources, &checked, &module, &steps, &mut running);
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
            running.localnet.stop().await;
        }
        outcome
    })
}

/// Says why nothing is started: to people, or to programs in the summary's own shape.
fn refuse(plan: &UpPlan, problems: &[Problem], sources: &Sources) -> Result<Outcome, Failure> {
    let summary = Summary {
        version: VERSION,
        proxies: Vec::new(),
        requests: RequestsSummary::default(),
        metrics: Vec::new(),
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
    Ok((sources, checked))
}

async fn work(
    plan: &UpPlan,
    sources: &Sources,
    checked: &Checked,
    module: &Module,
    steps: &Steps,
    running: &mut Option<Running>,
) -> Result<Outcome, Failure> {
    let envoy = burgee_localnet::envoy::find(steps).await.map_err(super::failure)?;
    let mut options = Options::new(envoy);
    options.gateway_port = plan.gateway_port;
    let policy = PolicySet::new(checked.resources.clone());
    let localnet = Localnet::start(&checked.resources, &policy, module, &options, steps).await;
    let localnet = localnet.map_err(super::failure)?;
    let running = running.insert(Running { localnet, as_asked: None });
    let localnet = &mut running.localnet;
    steps.step(&format!("Sending {} requests", plan.requests));
    localnet.drive(plan.requests).await.map_err(super::failure)?;
    steps.step("Reading what the proxies counted");
    localnet.observe().await.map_err(super::failure)?;
    steps.clear();

    let mut problems = checked.problems.clone();
    problems.extend(localnet.problems());
    let as_asked = worst(&problems) != Some(Severity::Error);
    let mut summary = localnet.summary();
    summary.problems.splice(0..0, checked.problems.iter().map(Into::into));
    match plan.output {
        Format::Text => {
            report::print_aside(&problems, &sources.texts);
            let targets = if plan.hold { localnet.targets() } else { Vec::new() };
            output::text_line(&show::summary(&summary, &targets))?;
            let asked = asked::asked(&localnet.policies(), &plan.directory);
            if !asked.is_empty() {
                let end = if as_asked && localnet.unexercised().is_empty() {
                    ", and of HTTP all of it was seen:"
                } else {
                    ":"
                };
                output::text_line(&format!("\nthe documents ask for{end}\n{asked}"))?;
            }
        }
        Format::Json => output::json(&summary)?,
        Format::Yaml => output::yaml(&summary)?,
    }
    running.as_asked = Some(as_asked);
    if plan.hold {
        report::aside("running until Ctrl-C; documents that change take effect");
        watch::follow(&plan.directory, &sources.texts, &mut running.localnet).await?;
    }
    end(as_asked)
}

/// Being told to stop.
struct Ending {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ending {
    fn new() -> Result<Ending, Failure> {
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
    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
