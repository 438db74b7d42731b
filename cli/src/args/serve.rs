//! Arguments of `serve` and `status`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::{EngineArgs, FileArgs, Format, SourceArgs};

/// Arguments of `serve`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub files: FileArgs,
    /// What proxies get before policies: a folder of xDS resources per class of proxies (docs/bases.md), another control plane
    /// as xds://HOST:PORT, or `loopback`: the mesh that the documents describe, whose Envoys run beside the server.
    #[arg(long, value_name = "BASE")]
    pub base: String,
    /// Where proxies connect.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:15010")]
    pub listen: SocketAddr,
    /// Where `burgee status`, Prometheus and probes ask, over HTTP without TLS.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:15014")]
    pub admin: SocketAddr,
    /// The folder in which the last good documents, and what proxies refused, outlive the server. Without: one in the cache,
    /// by base and documents.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How modules reach proxies.
    #[arg(long, value_name = "WAY", value_enum, default_value_t = ModuleWay::Inline)]
    pub modules: ModuleWay,
    /// The telemetry module, as built by Burgee or by yourself. Without: built, or taken from the cache.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The server's certificate, as PEM: proxies then have to prove who they are with certificates of their own, and each
    /// can only be of the namespace and service account that its certificate names.
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_ca"])]
    pub tls_cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Who signs the certificates of proxies.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_ca: Option<PathBuf>,
    /// How many proxies may be connected.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub max_proxies: usize,
    /// How long, in seconds, proxies may take to leave when the server ends.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub drain: u64,
    /// Where to send a trace of each change: an OpenTelemetry collector that takes OTLP over gRPC in plain text.
    #[arg(long, value_name = "HOST:PORT")]
    pub otlp: Option<String>,
    /// How to write the log, which goes to standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
    /// The least important of what is logged.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

/// How modules reach proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModuleWay {
    /// Within their configuration.
    Inline,
    /// As files at the paths that they have here: for proxies that see this machine's disk.
    Path,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object per line.
    Json,
}

/// How important something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What needs somebody.
    Error,
    /// What somebody should know.
    Warn,
    /// What happens.
    Info,
    /// Each response to each proxy.
    Debug,
}

/// Arguments of `status`.
#[derive(Debug, ClapArgs)]
pub(crate) struct StatusArgs {
    /// A workload or a document, `NAMESPACE/NAME`, or `KIND/NAMESPACE/NAME` for a document. Without: everything in short.
    #[arg(value_name = "WORKLOAD|DOCUMENT")]
    pub about: Option<String>,
    /// Where the server answers: its --admin.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:15014")]
    pub server: String,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}
