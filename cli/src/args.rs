//! Arguments as they are written; [`crate::plan`] resolves them.

mod bootstrap;
mod engine;
mod export;
mod formats;
mod module;
mod serve;
mod source;

use std::ffi::OsString;
use std::path::PathBuf;

use burgee_overlay::EnvoyVersion;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub(crate) use self::bootstrap::{BootstrapArgs, FlavourName, KindName};
use crate::server::DEFAULT as DEFAULT_SERVER;

pub(crate) use self::engine::{EngineArgs, MetricsChoice};
pub(crate) use self::export::{ComposeArgs, ExportCommand};
pub(crate) use self::formats::{CheckFormat, Format, TestFormat, TreeFormat};
pub(crate) use self::module::{
    BuildArgs, ImageArgs, ImageForm, InspectArgs, ModuleCommand, ModuleKind, PackArgs, PullArgs, PushArgs,
    RegistryArgs, VerifyArgs,
};
pub(crate) use self::serve::{LogFormat, LogLevel, ModuleWay, ServeArgs, StatusArgs};
pub(crate) use self::source::SourceArgs;

/// Istio's Telemetry documents made true on any stock Envoy.
#[derive(Debug, Parser)]
#[command(name = "burgee", version, max_term_width = 100)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with documents.
    ///
    /// Exits 0 when nothing is wrong, 1 when a problem is an error (or as bad as --fail-on says), 2 when it could not
    /// be found out.
    Check(CheckArgs),
    /// Say what a code means, why it matters, what causes it and what to write instead.
    ///
    /// Exits 0 when that is printed, 2 when there is no such code.
    Code(CodeArgs),
    /// Say what is in force at a workload and why: for each value the line or the rule that it comes from, and what it
    /// overrode. With --why-not: why a document has no effect there.
    ///
    /// Documents that `check` refuses are taken as if they were not there, and told.
    ///
    /// Exits 0 when it is said, 1 when documents are refused or the one asked about is not there, 2 when something else
    /// is.
    Explain(ExplainArgs),
    /// Say what changes when documents take the place of others: for whom, in which values, and what that does to the
    /// connections of running proxies.
    ///
    /// Nothing is fetched, built or started. Each workload that the documents know is compared, and for what concerns
    /// none of them such workloads as it is written for.
    ///
    /// Exits 0 when nothing changes, 1 when something does, cannot be compared or is wrong, 2 when something else is.
    Diff(DiffArgs),
    /// Lay documents over somebody's own Envoy configuration and print the result.
    ///
    /// What the documents do not touch keeps its value; comments and layout are not kept. Without documents, what an
    /// earlier render laid over the base is taken out.
    ///
    /// Exits 0 when the result is printed, 1 when the documents or the base are wrong, 2 when something else is.
    Render(RenderArgs),
    /// Print the bootstrap of a proxy that gets everything else from a server.
    ///
    /// Exits 0 when it is printed, 1 when the documents are wrong, 2 when something else is.
    Bootstrap(Box<BootstrapArgs>),
    /// Run a folder's mesh on loopback, send requests through it and show what the documents make of them.
    ///
    /// Starts a gateway Envoy, a sidecar Envoy per workload and a stub app beside each, and stops them at the end.
    ///
    /// Exits 0 when everything that the documents ask for was seen, 1 when the documents are wrong, 2 otherwise. With
    /// --hold that is decided by the summary, whatever happens after it and however it is ended.
    Up(UpArgs),
    /// Keep every proxy that connects true to documents, over any base: what is saved takes effect in each of them.
    ///
    /// Proxies connect by aggregated xDS, with a bootstrap such as `burgee bootstrap` prints. What is wrong with a document
    /// is told, and its last good version goes on; so does that of what a proxy refuses, for that proxy.
    ///
    /// Runs until it is ended by a signal, and exits 0 then; 2 when it could not begin.
    Serve(ServeArgs),
    /// Say what runs where: each proxy that is connected to a server, each document and how many proxies have it.
    ///
    /// Exits 0 when all proxies have what they should have, 1 when some do not or documents are wrong, 2 when it could not
    /// be found out.
    Status(StatusArgs),
    /// Test a filter: play its cases to it, in this process and without Envoy; with --compliance also what every filter
    /// must stand.
    ///
    /// Cases are YAML files; see docs/testing-filters.md. The filter can be of any SDK.
    ///
    /// Exits 0 when everything is as expected, 1 when something is not, 2 when it could not be found out.
    Test(TestArgs),
    /// Build, look at and verify the Wasm modules of plugins.
    #[command(subcommand)]
    Module(ModuleCommand),
    /// Write what a folder's mesh is made of for somebody else to run.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Say what this machine has and lacks, with the command that mends each. Changes nothing.
    ///
    /// Exits 0 when everything that `up` needs is there, 1 when something is missing, 2 when it could not be found out.
    Doctor(DoctorArgs),
    /// Make a crate with a filter: one that works, is tested and runs, to be changed into yours.
    ///
    /// It holds a small filter with a typed configuration, tests of it, and documents by which `burgee up` runs it in a
    /// real Envoy. Nothing that is there already is written over.
    ///
    /// Exits 0 when it is written, 2 when something is wrong.
    New(NewArgs),
    /// Print the CustomResourceDefinitions of Telemetry, WasmPlugin and TrafficExtension: `burgee crds | kubectl apply -f -`.
    ///
    /// For clusters without Istio, and for those whose own should say more: names, fields and versions are Istio's, and
    /// what an API server can check of `check` it then checks.
    Crds(CrdsArgs),
    /// Be an app or a receiver of a mesh that runs on loopback; `up` starts these.
    #[command(hide = true, disable_help_flag = true)]
    Stub(StubArgs),
}

/// Arguments of `doctor`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Ports of 127.0.0.1 that should be free, such as one for --gateway-port of `up`.
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    pub ports: Vec<u16>,
    /// How to print the report.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `new`.
#[derive(Debug, ClapArgs)]
pub(crate) struct NewArgs {
    /// The folder to make. Its name is that of the crate, the plugin and the metrics: small letters, digits and single
    /// dashes, such as my-filter.
    #[arg(value_name = "NAME")]
    pub folder: PathBuf,
}

/// Arguments of `crds`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CrdsArgs {
    /// How to print them: as one YAML document each, or as a list in JSON.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = TreeFormat::Yaml)]
    pub output: TreeFormat,
}

/// Arguments of `stub`.
#[derive(Debug, ClapArgs)]
pub(crate) struct StubArgs {
    /// What the stub is told; see the crate burgee-stub.
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// Documents to read.
#[derive(Debug, ClapArgs)]
pub(crate) struct FileArgs {
    /// A file, a folder (every .yaml, .yml and .json below it) or - for standard input; may be repeated.
    #[arg(short, long = "file", value_name = "PATH", num_args = 1..)]
    pub files: Vec<PathBuf>,
}

/// What a workload is, beside its name.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct WorkloadArgs {
    /// The workload's labels; over those that the documents have for it or, without, its proxy.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// The revision that the workload belongs to: documents with another one in their label istio.io/rev are not for
    /// it. Without: as its proxy says, else default.
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
}

/// Arguments of `check`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// The same as -f.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub files: FileArgs,
    /// The least severity that makes the exit code 1.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error)]
    pub fail_on: FailOn,
    /// A code that is not to be told, such as BG0217; may be repeated. Errors are told all the same. The annotation
    /// burgee.dev/ignore of a document does this for that document alone.
    #[arg(long = "ignore", value_name = "CODE", value_delimiter = ',')]
    pub ignored: Vec<String>,
    /// A saved page of metrics, such as a proxy's /stats/prometheus: how many series tags make is counted from what is
    /// there.
    #[arg(long, value_name = "FILE")]
    pub observed: Option<PathBuf>,
    /// How to print the problems.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = CheckFormat::Text)]
    pub output: CheckFormat,
}

/// Arguments of `code`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CodeArgs {
    /// A code, such as BG0205. Without: a line for each code that there is.
    #[arg(value_name = "CODE")]
    pub codes: Vec<String>,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `explain`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// The workload. Its labels are those that the documents have for it, in a WorkloadEntry or in its pods.
    #[arg(value_name = "NAMESPACE/NAME")]
    pub workload: String,
    #[command(flatten)]
    pub about: WorkloadArgs,
    #[command(flatten)]
    pub files: FileArgs,
    /// Ask about what is in force at a running server, in place of files: its --admin address. The workload is what its
    /// proxy says, where one is connected.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = DEFAULT_SERVER, conflicts_with = "files")]
    pub server: Option<String>,
    /// The classes of listeners to speak of. Without: all that the workload has.
    #[arg(long = "class", value_name = "CLASS", value_enum, value_delimiter = ',')]
    pub classes: Vec<Class>,
    /// The signals to speak of. Without: all.
    #[arg(long = "signal", value_name = "SIGNAL", value_enum, value_delimiter = ',')]
    pub signals: Vec<SignalName>,
    /// Say why this document has no effect on the workload, or which of its fields have one. `MeshConfig` is the mesh's
    /// configuration.
    #[arg(long, value_name = "[KIND/]NAMESPACE/NAME", conflicts_with_all = ["classes", "signals"])]
    pub why_not: Option<String>,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `diff`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DiffArgs {
    /// The workload to compare for. Without: every one that the documents know.
    #[arg(value_name = "NAMESPACE/NAME")]
    pub workload: Option<String>,
    #[command(flatten)]
    pub about: WorkloadArgs,
    /// The old documents, then the new ones: -f OLD -f NEW. Each is a file, a folder (every .yaml, .yml and .json below
    /// it) or - for standard input.
    #[arg(short, long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// The old documents are those in force at a running server: its --admin address. Then -f is given once, and what is
    /// compared is what changes for the workloads whose proxies are connected there.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = DEFAULT_SERVER, conflicts_with = "old")]
    pub server: Option<String>,
    /// More of the old documents; may be repeated.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub old: Vec<PathBuf>,
    /// More of the new documents; may be repeated.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub new: Vec<PathBuf>,
    /// The Envoy configuration to look for changes in: a bootstrap, a file of listeners, or one listener. Without: one
    /// listener with HTTP and one with TCP of each class.
    #[arg(long, value_name = "FILE")]
    pub base: Option<PathBuf>,
    /// How proxies are told of their configuration. It decides what a change does to them.
    #[arg(long, value_name = "DELIVERY", value_enum, default_value_t = ProxyDelivery::Xds)]
    pub delivery: ProxyDelivery,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// How a proxy is told of its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyDelivery {
    /// By xDS, from a control plane or from files that are watched, as `up` does it.
    Xds,
    /// By one file that it reads when it starts, such as `render` writes.
    Static,
}

/// A class of listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Class {
    /// What is sent to a workload, at its sidecar.
    Inbound,
    /// What a workload sends, at its sidecar.
    Outbound,
    /// What goes through a gateway.
    Gateway,
}

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignalName {
    /// Metrics.
    Metrics,
    /// Spans.
    Tracing,
    /// Access logs.
    AccessLogging,
    /// Wasm plugins.
    Plugins,
}

/// Arguments of `render`.
#[derive(Debug, ClapArgs)]
pub(crate) struct RenderArgs {
    /// The Envoy configuration to lay documents over: a bootstrap, a file of listeners or clusters, or one resource;
    /// - for standard input.
    #[arg(long, value_name = "FILE")]
    pub base: PathBuf,
    /// The workload that the proxy serves. Without: the one that the base's node says, as Istio's proxies do.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub workload: Option<String>,
    #[command(flatten)]
    pub about: WorkloadArgs,
    /// The class of a listener: inbound, outbound or gateway. Without: by the listener's traffic direction, else
    /// gateway.
    #[arg(long = "class", value_name = "LISTENER=CLASS")]
    pub classes: Vec<String>,
    #[command(flatten)]
    pub files: FileArgs,
    /// The telemetry module, as built by Burgee or by yourself. Without: built, or taken from the cache.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Where the proxy finds the module. Without: where it is on this machine.
    #[arg(long, value_name = "PATH")]
    pub module_path: Option<String>,
    /// Where the proxy finds a WasmPlugin's module; may be repeated. Without: at its file:// URL, or where the
    /// annotation burgee.dev/module leads to on this machine.
    #[arg(long = "plugin-path", value_name = "NAMESPACE/NAME=PATH")]
    pub plugin_paths: Vec<String>,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The version of the Envoy that reads the result, such as 1.40. Without it the engine `auto` leaves metrics to the
    /// filter, which any Envoy runs.
    #[arg(long, value_name = "VERSION")]
    pub envoy: Option<EnvoyVersion>,
    /// Print what would be laid over (place, owner, value) instead of the result.
    #[arg(long)]
    pub edits: bool,
    /// How to print the result. Without: as JSON if the base is JSON, else as YAML, as Envoy reads it.
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<TreeFormat>,
}

/// Arguments of `up`.
#[derive(Debug, ClapArgs)]
pub(crate) struct UpArgs {
    /// The folder with the documents.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// How many requests to send through the gateway. With 0 nothing is exercised, and the exit code says only that
    /// nothing went wrong.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole_number, allow_negative_numbers = true)]
    pub requests: u64,
    /// The path, with its query, of the requests; repeated, they take turns. Without: nine of ten ask for /, one for
    /// /?status=503&delay=20ms. What status, size and delay an app answers with is up to the query.
    #[arg(long = "path", value_name = "PATH")]
    pub paths: Vec<String>,
    /// A header of every request, as curl has it: 'x-token: abc'; may be repeated. The header Host says which service
    /// a request is for and is not to be set.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<OsString>,
    /// Keep everything running until Ctrl-C; a document or a plugin's source that changes meanwhile takes effect. On a
    /// terminal this opens the live view; elsewhere the summary is followed by a line for each thing that happens.
    #[arg(long)]
    pub hold: bool,
    /// With --hold: lines instead of the live view, on a terminal too.
    #[arg(long)]
    pub plain: bool,
    /// Write the configuration of a Prometheus server that scrapes every proxy to this file, before the first request.
    /// Start one with `prometheus --config.file=FILE`.
    #[arg(long, value_name = "FILE", requires = "hold")]
    pub prometheus: Option<PathBuf>,
    /// The telemetry module, as built by Burgee or by yourself. Without: built, or taken from the cache.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The loopback port of the gateway's first server. Without, or with 0: a free one.
    #[arg(long, value_name = "PORT", allow_negative_numbers = true)]
    pub gateway_port: Option<u16>,
    /// How to print the summary.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `test`.
#[derive(Debug, ClapArgs)]
pub(crate) struct TestArgs {
    /// The folder of the filter's crate, which is built. Its cases are in `tests` below it.
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// The cases: a file, a folder (every .yaml, .yml and .json below it) or - for standard input; may be repeated.
    /// Without: those of DIR/tests.
    #[arg(short = 'f', long = "cases", value_name = "PATH", num_args = 1..)]
    pub cases: Vec<PathBuf>,
    /// The filter's module, built by whatever. Without: built from DIR.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Only the cases that have this in their names.
    #[arg(long, value_name = "NAME")]
    pub filter: Option<String>,
    /// Try what every filter must stand too; the rules are in docs/compliance.md.
    #[arg(long)]
    pub compliance: bool,
    /// With --compliance: only this rule; may be repeated.
    #[arg(long = "rule", value_name = "RULE", value_delimiter = ',', requires = "compliance")]
    pub rules: Vec<String>,
    /// With --compliance: about how long all rules together may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = some_seconds, allow_negative_numbers = true)]
    pub time: u64,
    /// With --compliance: what chooses among inputs. The same number gives the same ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = whole_number, allow_negative_numbers = true)]
    pub seed: u64,
    /// Say too what the filter costs in its cases: time and instructions of each callback, host calls, memory.
    #[arg(long)]
    pub bench: bool,
    /// How much a single callback may do, about one unit for each instruction. Without: two thousand million.
    #[arg(long, value_name = "UNITS", value_parser = whole_number, allow_negative_numbers = true)]
    pub fuel: Option<u64>,
    /// How to print what came of it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = TestFormat::Text)]
    pub output: TestFormat,
}

/// A time that is not none, as an argument.
fn some_seconds(text: &str) -> Result<u64, String> {
    match whole_number(text)? {
        0 => Err("nothing can be tried in no time; write a number of seconds, 1 or more".to_owned()),
        seconds => Ok(seconds),
    }
}

/// A whole number, as an argument.
fn whole_number(text: &str) -> Result<u64, String> {
    let allowed = "write a whole number, 0 or more, such as 20";
    match text.parse() {
        Ok(number) => Ok(number),
        Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => {
            Err(format!("this is too large; {allowed}"))
        }
        Err(_) => Err(allowed.to_owned()),
    }
}

/// The least severity that fails a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Notes, warnings and errors.
    Note,
    /// Warnings and errors.
    Warning,
    /// Errors only.
    Error,
}
