//! Arguments of `module`: from a crate to a module that proxies can fetch.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::Format;

/// What is done with modules.
#[derive(Debug, Subcommand)]
pub(crate) enum ModuleCommand {
    /// Build a filter's module: one of Burgee's by its name, or the crate in a folder.
    ///
    /// With the release profile, only the callbacks that the filter uses, and what the package says of itself. Names and
    /// lines, which tell where a trap was, are kept apart in the cache, by the module's digest.
    ///
    /// Exits 0 when it is written, 2 when something is wrong.
    Build(BuildArgs),
    /// Say what a module is: its ABI, what it imports and whether Envoy has that, its callbacks, sizes, limits, and what is
    /// wrong with it. Nothing is run.
    ///
    /// Exits 0 when it is said, 1 when no Envoy could use the module, 2 when it cannot be read.
    Inspect(InspectArgs),
    /// Say whether a module may be published: look at it, and start it once in this process with its configuration.
    ///
    /// Exits 0 when it may, 1 when it may not, 2 when it could not be found out.
    Verify(VerifyArgs),
}

/// Arguments of `module build`.
#[derive(Debug, ClapArgs)]
pub(crate) struct BuildArgs {
    /// A filter of Burgee's, such as headers, or the folder of any crate.
    #[arg(value_name = "NAME|PATH")]
    pub of: PathBuf,
    /// The file to write the module to.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Give it to Binaryen's wasm-opt too, which must be on PATH or named by WASM_OPT. The modules of Burgee's kit gain little
    /// by it.
    #[arg(long)]
    pub optimize: bool,
    /// Do not build it once more for its names and lines.
    #[arg(long)]
    pub no_symbols: bool,
    /// How to print what was made.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `module inspect`.
#[derive(Debug, ClapArgs)]
pub(crate) struct InspectArgs {
    /// The module: a file, or - for standard input.
    #[arg(value_name = "FILE")]
    pub module: PathBuf,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `module verify`.
#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    /// The module: a file, or - for standard input.
    #[arg(value_name = "FILE")]
    pub module: PathBuf,
    /// Its configuration, as it is; - for standard input. Without: nothing.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The name by which a module of several filters knows which is meant.
    #[arg(long, value_name = "ID", default_value = "")]
    pub root_id: String,
    /// A variable of its environment; may be repeated.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub environment: Vec<String>,
    /// What it is to be used as.
    #[arg(long, value_name = "KIND", value_enum, default_value_t = ModuleKind::Http)]
    pub kind: ModuleKind,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// What a module is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModuleKind {
    /// It stands in the way of HTTP.
    Http,
    /// It stands in the way of connections.
    Network,
}
