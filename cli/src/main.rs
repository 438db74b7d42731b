//! Burgee's command line: arguments (raw) to a plan (resolved) to one command.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod admitting;
mod args;
mod codes;
mod commands;
mod environment;
mod fetching;
mod following;
mod judging;
mod output;
mod plan;
mod plugin_modules;
mod progress;
mod report;
mod server;
mod sources;
mod workload;

use std::process::ExitCode;

use clap::Parser;

/// What a command ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// The documents are wrong, or a check found something.
    Found,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        match outcome {
            Outcome::Done => ExitCode::SUCCESS,
            Outcome::Found => ExitCode::from(1),
        }
    }
}

/// Why a command could not be carried out: what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is wrong.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

impl Failure {
    /// A failure with help.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure { message: message.into(), help: help.into() }
    }
}

fn main() -> ExitCode {
    let args = args::Args::parse();
    let code = plan::Plan::new(args).and_then(|plan| match plan {
        plan::Plan::Check(plan) => commands::check::run(&plan).map(ExitCode::from),
        plan::Plan::Code(plan) => commands::code::run(&plan).map(ExitCode::from),
        plan::Plan::Explain(plan) => commands::explain::run(&plan).map(ExitCode::from),
        plan::Plan::Diff(plan) => commands::diff::run(&plan).map(ExitCode::from),
        plan::Plan::Render(plan) => commands::render::run(&plan).map(ExitCode::from),
        plan::Plan::Bootstrap(plan) => commands::bootstrap::run(*plan).map(ExitCode::from),
        plan::Plan::Up(plan) => commands::up::run(&plan).map(ExitCode::from),
        plan::Plan::Serve(plan) => commands::serve::run(&plan).map(ExitCode::from),
        plan::Plan::Status(args) => commands::status::run(&args).map(ExitCode::from),
        plan::Plan::Test(args) => commands::test::run(&args).map(ExitCode::from),
        plan::Plan::Module(command) => commands::module::run(&command).map(ExitCode::from),
        plan::Plan::ExportCompose(plan) => commands::export::run(&plan).map(ExitCode::from),
        plan::Plan::Doctor(plan) => commands::doctor::run(&plan).map(ExitCode::from),
        plan::Plan::New(plan) => commands::new::run(&plan).map(ExitCode::from),
        plan::Plan::Crds(format) => commands::crds::run(format).map(ExitCode::from),
        plan::Plan::Stub(arguments) => Ok(burgee_stub::main(arguments)),
    });
    code.unwrap_or_else(|failure| {
        report::failure(&failure);
        ExitCode::from(2)
    })
}
