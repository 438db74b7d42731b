//! Arguments of `bootstrap`.

use std::net::IpAddr;
use std::path::PathBuf;

use burgee_overlay::EnvoyVersion;
use burgee_server::bootstrap::{ADMIN_PORT, LEAST_FOR_COUNTERS};
use clap::{Args as ClapArgs, ValueEnum};

use super::{FileArgs, SourceArgs, TreeFormat, WorkloadArgs};

/// Arguments of `bootstrap`.
#[derive(Debug, ClapArgs)]
pub(crate) struct BootstrapArgs {
    /// The workload that the proxy serves.
    #[arg(value_name = "NAMESPACE/WORKLOAD")]
    pub workload: String,
    /// The server: its name, which may stand for several, or its IP address, and its port.
    #[arg(long, value_name = "HOST:PORT")]
    pub server: String,
    /// What the proxy serves. Without: as its labels and the documents say, else sidecar.
    #[arg(long, value_name = "KIND", value_enum)]
    pub kind: Option<KindName>,
    #[command(flatten)]
    pub about: WorkloadArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The class of the server's base that the proxy gets. Without: the server decides by its labels.
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// The name of the proxy's pod or machine, by which those of one workload are told apart. Without: the workload's.
    #[arg(long, value_name = "NAME")]
    pub pod: Option<String>,
    /// The proxy's IP address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub address: IpAddr,
    /// The service account that the workload runs as: that of the proxy's certificate.
    #[arg(long, value_name = "NAME")]
    pub service_account: Option<String>,
    /// The cluster that the workload runs in. Without: Kubernetes, as Istio's first cluster is called.
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// How the proxy is told of changes.
    #[arg(long, value_name = "FLAVOUR", value_enum, default_value_t = FlavourName::Delta)]
    pub flavour: FlavourName,
    /// The port of the proxy's admin page, on loopback.
    #[arg(long, value_name = "PORT", default_value_t = ADMIN_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub admin_port: u16,
    /// Who signs the server's certificate: a file of PEM on the proxy's machine. With it the proxy speaks TLS.
    #[arg(long, value_name = "FILE", requires = "server_identity")]
    pub tls_ca: Option<PathBuf>,
    /// The identity that the server's certificate must have, such as spiffe://cluster.local/ns/infra/sa/burgee.
    #[arg(long, value_name = "SPIFFE-ID", requires = "tls_ca")]
    pub server_identity: Option<String>,
    /// The proxy's own certificate: a file of PEM on its machine. Envoy reads it when it starts.
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_ca"])]
    pub tls_cert: Option<PathBuf>,
    /// The key of the proxy's own certificate: a file of PEM on its machine.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The version of the Envoy that reads the bootstrap, such as 1.40. Older ones cannot tell the server of traps.
    #[arg(long, value_name = "VERSION", default_value_t = LEAST_FOR_COUNTERS)]
    pub envoy: EnvoyVersion,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = TreeFormat::Yaml)]
    pub output: TreeFormat,
}

/// What a proxy serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindName {
    /// One workload, from beside it.
    Sidecar,
    /// Traffic that enters or leaves the mesh.
    Gateway,
}

/// How a proxy is told of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlavourName {
    /// By what changed.
    Delta,
    /// By all there is of the kind that changed.
    StateOfTheWorld,
}
