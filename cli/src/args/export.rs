//! Arguments of `export`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::{EngineArgs, SourceArgs};

/// What can be written.
#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// A folder that `docker compose up` runs: gateways, sidecars, apps and a receiver, with Envoy's official image.
    ///
    /// Exported again over what was exported before, proxies that run take the new configuration without a restart.
    ///
    /// Exits 0 when the folder is written, 1 when the documents are wrong, 2 when something else is. When
    /// they are wrong, nothing is written.
    Compose(ComposeArgs),
}

/// Arguments of `export compose`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ComposeArgs {
    /// The folder with the documents.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// The folder to write: one that is not there, is empty, or was exported before.
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// Write over files of the folder that were changed by hand since they were exported.
    #[arg(long)]
    pub force: bool,
    /// The telemetry module, as built by Burgee or by yourself. Without: built, or taken from the cache.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The program burgee-stub for Linux, linked statically: the apps and the receiver. Without: built, which takes a
    /// minute or two the first time.
    #[arg(long, value_name = "FILE")]
    pub stub: Option<PathBuf>,
    /// The image that has Envoy. Without: envoyproxy/envoy of the version that `up` would use.
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
}
