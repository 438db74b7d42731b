//! Arguments resolved: every name looked at, every pair taken apart, before anything is done.

mod bootstrap;
mod serve;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use burgee_api::Severity;
use burgee_api::explain::{Asked, Signal};
use burgee_api::problem::Code;
use burgee_api::resolve::ListenerClass;
use burgee_localnet::{Asking, HeaderError};
use burgee_overlay::EnvoyVersion;

use crate::Failure;
use crate::args::{
    Args, CheckArgs, CheckFormat, Class, CodeArgs, Command, ComposeArgs, CrdsArgs, DiffArgs, DoctorArgs,
    ExplainArgs, ExportCommand, FailOn, FileArgs, Format, MetricsChoice, ModuleCommand, NewArgs,
    ProxyDelivery, RenderArgs, SignalName, SourceArgs, StatusArgs, TestArgs, TreeFormat, UpArgs,
};
use crate::codes;
use crate::commands::new::CrateName;
use crate::workload::WorkloadPlan;

pub(crate) use self::bootstrap::BootstrapPlan;
pub(crate) use self::serve::{ServeBase, ServePlan};

/// A command with everything that it needs.
#[derive(Debug)]
pub(crate) enum Plan {
    /// `check`.
    Check(CheckPlan),
    /// `code`.
    Code(CodePlan),
    /// `explain`.
    Explain(ExplainPlan),
    /// `diff`.
    Diff(DiffPlan),
    /// `render`.
    Render(RenderPlan),
    /// `bootstrap`.
    Bootstrap(Box<BootstrapPlan>),
    /// `up`.
    Up(UpPlan),
    /// `serve`.
    Serve(ServePlan),
    /// `status`.
    Status(StatusArgs),
    /// `test`.
    Test(TestArgs),
    /// `module`.
    Module(ModuleCommand),
    /// `export compose`.
    ExportCompose(ComposePlan),
    /// `doctor`.
    Doctor(DoctorPlan),
    /// `new`.
    New(NewPlan),
    /// `crds`.
    Crds(TreeFormat),
    /// `stub`: what burgee-stub is told.
    Stub(Vec<OsString>),
}

/// What `check` does.
#[derive(Debug)]
pub(crate) struct CheckPlan {
    pub files: Vec<PathBuf>,
    pub fail_on: Severity,
    pub ignored: BTreeSet<Code>,
    pub observed: Option<PathBuf>,
    pub output: CheckFormat,
}

/// What `code` does.
#[derive(Debug)]
pub(crate) struct CodePlan {
    pub codes: Vec<String>,
    pub output: Format,
}

/// What `explain` does.
#[derive(Debug)]
pub(crate) struct ExplainPlan {
    pub workload: WorkloadPlan,
    pub files: Vec<PathBuf>,
    /// The server that is asked in their place.
    pub server: Option<String>,
    /// Empty: all of them.
    pub classes: Vec<ListenerClass>,
    pub signals: Vec<Signal>,
    pub why_not: Option<Asked>,
    pub output: Format,
}

/// What `diff` does.
#[derive(Debug)]
pub(crate) struct DiffPlan {
    pub workload: WorkloadPlan,
    /// The server whose documents are the old ones.
    pub server: Option<String>,
    pub old: Vec<PathBuf>,
    pub new: Vec<PathBuf>,
    pub base: Option<PathBuf>,
    pub delivery: ProxyDelivery,
    pub output: Format,
}

/// What `render` does.
#[derive(Debug)]
pub(crate) struct RenderPlan {
    pub base: PathBuf,
    pub workload: WorkloadPlan,
    pub classes: BTreeMap<String, ListenerClass>,
    pub files: Vec<PathBuf>,
    pub module: Option<PathBuf>,
    pub module_path: Option<String>,
    pub plugin_paths: BTreeMap<String, String>,
    pub envoy: Option<EnvoyVersion>,
    pub metrics: MetricsChoice,
    pub sources: SourceArgs,
    pub edits: bool,
    pub output: Option<TreeFormat>,
}

/// What `up` does.
#[derive(Debug)]
pub(crate) struct UpPlan {
    pub directory: PathBuf,
    pub requests: u64,
    pub asking: Asking,
    pub hold: bool,
    pub plain: bool,
    pub prometheus: Option<PathBuf>,
    pub module: Option<PathBuf>,
    pub metrics: MetricsChoice,
    pub sources: SourceArgs,
    pub gateway_port: Option<u16>,
    pub output: Format,
}

/// What `export compose` does.
#[derive(Debug)]
pub(crate) struct ComposePlan {
    pub directory: PathBuf,
    pub output: PathBuf,
    pub force: bool,
    pub module: Option<PathBuf>,
    pub metrics: MetricsChoice,
    pub sources: SourceArgs,
    pub stub: Option<PathBuf>,
    pub image: Option<String>,
}

/// What `new` does.
#[derive(Debug)]
pub(crate) struct NewPlan {
    pub folder: PathBuf,
    pub name: CrateName,
}

/// What `doctor` does.
#[derive(Debug)]
pub(crate) struct DoctorPlan {
    pub ports: Vec<u16>,
    pub output: Format,
}

impl Plan {
    /// Resolves arguments.
    pub fn new(args: Args) -> Result<Plan, Failure> {
        match args.command {
            Command::Check(args) => CheckPlan::new(args).map(Plan::Check),
            Command::Code(CodeArgs { codes, output }) => Ok(Plan::Code(CodePlan { codes, output })),
            Command::Explain(args) => ExplainPlan::new(args).map(Plan::Explain),
            Command::Diff(args) => DiffPlan::new(args).map(Plan::Diff),
            Command::Render(args) => RenderPlan::new(args).map(Plan::Render),
            Command::Bootstrap(args) => BootstrapPlan::new(*args).map(|plan| Plan::Bootstrap(Box::new(plan))),
            Command::Up(args) => UpPlan::new(args).map(Plan::Up),
            Command::Serve(args) => ServePlan::new(args).map(Plan::Serve),
            Command::Status(args) => Ok(Plan::Status(args)),
            Command::Test(args) => Ok(Plan::Test(args)),
            Command::Module(command) => Ok(Plan::Module(command)),
            Command::Export(ExportCommand::Compose(args)) => ComposePlan::new(args).map(Plan::ExportCompose),
            Command::Doctor(DoctorArgs { ports, output }) => Ok(Plan::Doctor(DoctorPlan { ports, output })),
            Command::New(NewArgs { folder }) => {
                let name = CrateName::of(&folder)?;
                Ok(Plan::New(NewPlan { folder, name }))
            }
            Command::Crds(CrdsArgs { output }) => Ok(Plan::Crds(output)),
            Command::Stub(args) => Ok(Plan::Stub(args.arguments)),
        }
    }
}

impl CheckPlan {
    fn new(args: CheckArgs) -> Result<CheckPlan, Failure> {
        let mut files = args.files.files;
        files.extend(args.paths);
        let files = some_documents(files)?;
        let fail_on = match args.fail_on {
            FailOn::Note => Severity::Note,
            FailOn::Warning => Severity::Warning,
            FailOn::Error => Severity::Error,
        };
        let pages = codes::pages();
        let ignored = args
            .ignored
            .iter()
            .map(|name| Ok(codes::find(&pages, name)?.code))
            .collect::<Result<_, Failure>>()?;
        Ok(CheckPlan { files, fail_on, ignored, observed: args.observed, output: args.output })
    }
}

/// Fails when no documents are named.
fn some_documents(files: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    match files.is_empty() {
        true => Err(Failure::new(
            "no documents are named",
            "name files or folders with -f, or - for standard input",
        )),
        false => Ok(files),
    }
}

impl ExplainPlan {
    fn new(args: ExplainArgs) -> Result<ExplainPlan, Failure> {
        let workload = WorkloadPlan::new("WORKLOAD", Some(&args.workload), &args.about)?;
        let why_not = args.why_not.map(|asked| {
            Asked::parse(&asked).ok_or_else(|| {
                Failure::new(
                    format!("--why-not {asked}: this is not a document's name"),
                    "write [KIND/]NAMESPACE/NAME, such as Telemetry/shop/web, or MeshConfig",
                )
            })
        });
        let class = |class: &Class| match class {
            Class::Inbound => ListenerClass::Inbound,
            Class::Outbound => ListenerClass::Outbound,
            Class::Gateway => ListenerClass::Gateway,
        };
        let signal = |signal: &SignalName| match signal {
            SignalName::Metrics => Signal::Metrics,
            SignalName::Tracing => Signal::Tracing,
            SignalName::AccessLogging => Signal::AccessLogging,
            SignalName::Plugins => Signal::Plugins,
        };
        let mut signals: Vec<Signal> = args.signals.iter().map(signal).collect();
        if signals.is_empty() {
            signals.extend(Signal::ALL);
        }
        Ok(ExplainPlan {
            workload,
            files: match args.server {
                Some(_) => Vec::new(),
                None => some_documents(args.files.files)?,
            },
            server: args.server,
            classes: args.classes.iter().map(class).collect(),
            signals,
            why_not: why_not.transpose()?,
            output: args.output,
        })
    }
}

impl DiffPlan {
    fn new(args: DiffArgs) -> Result<DiffPlan, Failure> {
        let DiffArgs { workload, about, files, server, mut old, mut new, base, delivery, output } = args;
        let help = "write -f OLD -f NEW, or --old PATH… --new PATH… for several files of each";
        let mut files = files.into_iter();
        match (files.next(), files.next(), files.next()) {
            (Some(only), None, None) if server.is_some() => new.push(only),
            (Some(first), Some(second), None) if server.is_none() => {
                old.push(first);
                new.push(second);
            }
            (None, None, None) => {}
            (Some(_), None, None) => return Err(Failure::new("-f is given once", help)),
            _ if server.is_some() => {
                return Err(Failure::new(
                    "-f is given more than once beside --server",
                    "name the new documents with -f",
                ));
            }
            _ => return Err(Failure::new("-f is given more than twice", help)),
        }
        for (side, paths) in [("old", &old), ("new", &new)] {
            if paths.is_empty() && (side == "new" || server.is_none()) {
                return Err(Failure::new(format!("no {side} documents are named"), help));
            }
        }
        let readers = old.iter().chain(&new).chain(&base).filter(|path| path.as_os_str() == "-");
        if readers.count() > 1 {
            return Err(Failure::new("standard input is named more than once", "give all but one a file"));
        }
        let named = workload.as_deref();
        if named.is_none() && !about.labels.is_empty() {
            let help = "name it: burgee diff NAMESPACE/NAME --labels …";
            return Err(Failure::new("--labels are those of one workload, and none is named", help));
        }
        let workload = WorkloadPlan::new("WORKLOAD", named, &about)?;
        Ok(DiffPlan { workload, server, old, new, base, delivery, output })
    }
}

impl RenderPlan {
    fn new(args: RenderArgs) -> Result<RenderPlan, Failure> {
        let FileArgs { files } = args.files;
        let workload = WorkloadPlan::new("--workload", args.workload.as_deref(), &args.about)?;
        let mut classes = BTreeMap::new();
        for pair in &args.classes {
            let help = "LISTENER=CLASS with the class inbound, outbound or gateway";
            let (listener, class) = split_pair("--class", pair, help)?;
            let Some(class) = ListenerClass::from_name(&class) else {
                return Err(Failure::new(
                    format!("--class {pair}: there is no class `{class}`"),
                    format!("write {help}"),
                ));
            };
            if classes.insert(listener, class).is_some_and(|other| other != class) {
                return Err(Failure::new(
                    format!("--class {pair}: the listener has another class already"),
                    "give each listener one class",
                ));
            }
        }
        if args.module_path.as_ref().is_some_and(String::is_empty) {
            return Err(Failure::new(
                "--module-path is empty",
                "write the path at which the proxy finds the module",
            ));
        }
        let plugin_paths = plugin_paths(&args.plugin_paths)?;
        if args.base.as_os_str() == "-" && files.iter().any(|file| file.as_os_str() == "-") {
            return Err(Failure::new("both --base and -f read standard input", "give one of them a file"));
        }
        Ok(RenderPlan {
            base: args.base,
            workload,
            classes,
            files,
            module: args.module,
            module_path: args.module_path,
            plugin_paths,
            envoy: args.envoy,
            metrics: args.engine.chosen(),
            sources: args.sources,
            edits: args.edits,
            output: args.output,
        })
    }
}

impl UpPlan {
    fn new(args: UpArgs) -> Result<UpPlan, Failure> {
        check_folder(&args.directory)?;
        // What a request's first line cannot hold would make it another request.
        let is_path =
            |path: &&String| path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic() && c != '#');
        if let Some(path) = args.paths.iter().find(|path| !is_path(path)) {
            return Err(Failure::new(
                format!("--path {}: this is not the path of a request", path.escape_debug()),
                "write one that begins with / and has no blanks, such as /?status=503&size=2048&delay=50ms",
            ));
        }
        Ok(UpPlan {
            directory: args.directory,
            requests: args.requests,
            asking: asking(args.paths, &args.headers)?,
            hold: args.hold,
            plain: args.plain,
            prometheus: args.prometheus,
            module: args.module,
            metrics: args.engine.chosen(),
            sources: args.sources,
            gateway_port: args.gateway_port,
            output: args.output,
        })
    }
}

/// What requests ask: paths, and headers as they are written on the command line.
fn asking(paths: Vec<String>, headers: &[OsString]) -> Result<Asking, Failure> {
    let mut asking = Asking::new(paths);
    for header in headers {
        let written = header.as_bytes();
        let failed = |why: &str, help| {
            let shown = written.escape_ascii();
            Failure::new(format!("--header {shown}: {why}"), help)
        };
        let Some(end) = written.iter().position(|byte| *byte == b':') else {
            return Err(failed("there is no colon in it", "write NAME: VALUE, such as 'x-token: abc'"));
        };
        let (name, value) = written.split_at(end);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        asking.add_header(name, value).map_err(|error| {
            let help = match error {
                HeaderError::Name => "write NAME: VALUE, the name of letters, digits and dashes",
                HeaderError::Value => "write a value in one line",
                HeaderError::Ours => "leave it out; a request's Host is that of the service that it is for",
            };
            failed(&error.to_string(), help)
        })?;
    }
    Ok(asking)
}

impl ComposePlan {
    fn new(args: ComposeArgs) -> Result<ComposePlan, Failure> {
        let ComposeArgs { directory, output, force, module, engine, sources, stub, image } = args;
        check_folder(&directory)?;
        if image.as_ref().is_some_and(|image| image.is_empty() || image.contains(char::is_whitespace)) {
            return Err(Failure::new(
                "--image is no image's name",
                "write one such as envoyproxy/envoy:v1.40.0, or leave --image out",
            ));
        }
        let metrics = engine.chosen();
        Ok(ComposePlan { directory, output, force, module, metrics, sources, stub, image })
    }
}

/// Fails when there is no folder to read documents from.
fn check_folder(directory: &Path) -> Result<(), Failure> {
    if directory.is_dir() {
        return Ok(());
    }
    let what = if directory.exists() { "is not a folder" } else { "is not there" };
    Err(Failure::new(
        format!("{} {what}", directory.display()),
        "name a folder with documents, such as examples/quickstart",
    ))
}

/// Paths of plugins' modules by `NAMESPACE/NAME`.
fn plugin_paths(pairs: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut paths = BTreeMap::new();
    for pair in pairs {
        let plugin = pair.split_once('=').filter(|(plugin, path)| {
            let names = plugin.split_once('/');
            !path.is_empty() && names.is_some_and(|(namespace, name)| is_name(namespace) && is_name(name))
        });
        let Some((plugin, path)) = plugin else {
            return Err(Failure::new(
                format!("--plugin-path {pair}: this is not a plugin and a path"),
                "write NAMESPACE/NAME=PATH, such as shop/guard=/etc/envoy/guard.wasm",
            ));
        };
        if paths.insert(plugin.to_owned(), path.to_owned()).is_some_and(|other| other != path) {
            return Err(Failure::new(
                format!("--plugin-path {pair}: the plugin has another path already"),
                "give each plugin one path",
            ));
        }
    }
    Ok(paths)
}

/// Whether a text can be a namespace's or a workload's name.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

/// The two sides of a pair, as an argument has it.
pub(crate) fn split_pair(flag: &str, pair: &str, expected: &str) -> Result<(String, String), Failure> {
    match pair.rsplit_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Failure::new(format!("{flag} {pair}: this is not a pair"), format!("write {expected}"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn render(extra: &[&str]) -> Result<RenderPlan, Failure> {
        let args = ["burgee", "render", "--base", "b.yaml"].iter().chain(extra);
        match Plan::new(Args::try_parse_from(args).expect("arguments parse"))? {
            Plan::Render(plan) => Ok(plan),
            other => panic!("not a render plan: {other:?}"),
        }
    }

    #[test]
    fn labels_and_classes_are_taken_apart() {
        let plan = render(&[
            "--workload",
            "shop/web-v1",
            "--labels",
            "app=web,version=v1",
            "--labels",
            "a.b/c=d",
            "--class",
            "in=inbound",
            "--class",
            "odd=name=gateway",
            "--plugin-path",
            "shop/guard=/a=b.wasm",
        ])
        .expect("a plan");
        assert_eq!(plan.workload.named, Some(("shop".to_owned(), "web-v1".to_owned())));
        let labels: Vec<_> = plan.workload.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(labels, ["a.b/c=d", "app=web", "version=v1"]);
        assert_eq!(plan.classes["in"], ListenerClass::Inbound);
        assert_eq!(plan.classes["odd=name"], ListenerClass::Gateway);
        assert_eq!(plan.plugin_paths["shop/guard"], "/a=b.wasm");
    }

    fn up(extra: &[&str]) -> Result<UpPlan, Failure> {
        let args = ["burgee", "up", env!("CARGO_MANIFEST_DIR")].iter().chain(extra);
        UpPlan::new(match Args::try_parse_from(args).expect("arguments parse").command {
            Command::Up(args) => args,
            other => panic!("not up: {other:?}"),
        })
    }

    #[test]
    fn headers_are_written_as_for_curl_and_what_cannot_be_sent_is_refused() {
        let mut expected = Asking::default();
        expected.add_header(b"x-token", b"a: b").expect("a header");
        expected.add_header(b"x-empty", b"").expect("a header");
        let plan = up(&["--header", "X-Token:  a: b ", "-H", "x-empty:"]).expect("a plan");
        assert_eq!(plan.asking, expected);
        for (header, why) in [
            ("x-token", "--header x-token: there is no colon in it"),
            (": v", "--header : v: this is not the name of a header"),
            ("a b: v", "not the name of a header"),
            ("x: 1\r\ny: 2", "--header x: 1\\r\\ny: 2: the value has a byte that HTTP cannot carry"),
            ("HOST: other", "set by who sends the request"),
        ] {
            let failure = up(&["--header", header]).expect_err("refused");
            assert!(failure.message.contains(why), "{}", failure.message);
            assert!(!failure.help.is_empty());
        }
    }

    #[test]
    fn a_path_is_what_a_request_can_ask_for() {
        for path in ["/", "/a?status=503&delay=1s", "/%20"] {
            assert_eq!(up(&["--path", path]).expect("a plan").asking.paths, [path]);
        }
        for path in ["", "a", "http://host/", "/a b", "/a\r\nx: y", "/#here", "/ü"] {
            let failure = up(&["--path", path]).expect_err("refused");
            assert!(failure.message.contains("not the path of a request"), "{}", failure.message);
        }
    }

    #[test]
    fn a_number_that_is_none_is_refused_with_what_is_allowed() {
        let up = |number: &str| Args::try_parse_from(["burgee", "up", "x", "--requests", number]);
        for number in ["0", "20", "18446744073709551615"] {
            assert!(up(number).is_ok(), "{number}");
        }
        for number in ["-1", "-20", "1.5", "many", "", "18446744073709551616"] {
            let said = up(number).expect_err("refused").to_string();
            assert!(said.contains("write a whole number, 0 or more"), "{said}");
            assert!(!said.contains("tip:"), "{said}");
        }
        for arguments in
            [["burgee", "doctor", "-1"].as_slice(), &["burgee", "up", "x", "--gateway-port", "-1"]]
        {
            let said = Args::try_parse_from(arguments).expect_err("refused").to_string();
            assert!(said.contains("-1 is not in ") && !said.contains("tip:"), "{said}");
        }
    }

    #[test]
    fn what_cannot_be_resolved_says_what_is_allowed() {
        for (extra, expected) in [
            (vec!["--workload", "web"], "no namespace and name"),
            (vec!["--workload", "/web"], "no namespace and name"),
            (vec!["--workload", "a/b/c"], "no namespace and name"),
            (vec!["--workload", "Shop/web v1"], "no namespace and name"),
            (vec!["--workload", "a/b", "--class", "l=inbound", "--class", "l=outbound"], "another class"),
            (vec!["--workload", "a/b", "--module-path", ""], "is empty"),
            (vec!["--workload", "a/b", "--plugin-path", "guard=/a.wasm"], "not a plugin and a path"),
            (vec!["--workload", "a/b", "--plugin-path", "shop/guard"], "not a plugin and a path"),
            (vec!["--workload", "a/b", "--plugin-path", "shop/guard="], "not a plugin and a path"),
            (vec!["--workload", "a/b", "--plugin-path", "a/b=/c", "--plugin-path", "a/b=/d"], "another path"),
            (vec!["--workload", "a/b", "--labels", "app"], "not a pair"),
            (vec!["--workload", "a/b", "--revision", ""], "not a revision's name"),
            (vec!["--workload", "a/b", "--class", "l=sideways"], "no class `sideways`"),
        ] {
            let failure = render(&extra).expect_err("refused");
            assert!(failure.message.contains(expected), "{}", failure.message);
            assert!(!failure.help.is_empty());
        }
    }

    #[test]
    fn every_argument_is_documented_and_consistent() {
        use clap::CommandFactory;
        let command = Args::command();
        command.clone().debug_assert();
        let mut open: Vec<_> = command.get_subcommands().collect();
        while let Some(sub) = open.pop() {
            open.extend(sub.get_subcommands());
            assert!(sub.get_about().is_some(), "{}", sub.get_name());
            for arg in sub.get_arguments().filter(|arg| arg.get_id() != "help") {
                assert!(arg.get_help().is_some(), "{} {}", sub.get_name(), arg.get_id());
            }
        }
    }
}
