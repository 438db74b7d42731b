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
    /// Write a module as an image, in a folder that every tool for images reads.
    ///
    /// Exits 0 when it is written, 2 when something is wrong.
    Pack(PackArgs),
    /// Push a module to a registry, as an image that Istio, Envoy Gateway and every tool for images can pull.
    ///
    /// Exits 0 when it is there, 2 when something is wrong. Until all of it is there nobody sees any of it.
    Push(PushArgs),
    /// Fetch a module from a registry or a web server, in whatever form it is there.
    ///
    /// Exits 0 when it is written, 2 when something is wrong. The file is written whole or not at all.
    Pull(PullArgs),
}

/// Arguments about a registry.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct RegistryArgs {
    /// Ask the registry in plain HTTP.
    #[arg(long)]
    pub insecure: bool,
    /// A file of certificates in PEM whose servers are believed; may be repeated.
    #[arg(long = "registry-ca", value_name = "FILE")]
    pub authorities: Vec<PathBuf>,
}

/// Arguments about what an image says of its module.
#[derive(Debug, ClapArgs)]
pub(crate) struct ImageArgs {
    /// What the image says of itself, as NAME=VALUE; may be repeated. What the module says of its package is there
    /// already; an empty value takes it out.
    #[arg(long = "annotation", value_name = "NAME=VALUE")]
    pub annotations: Vec<String>,
    /// How the module is put into the image.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = ImageForm::Image)]
    pub form: ImageForm,
}

/// Arguments of `module pack`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PackArgs {
    /// The module: a file, or - for standard input.
    #[arg(value_name = "FILE")]
    pub module: PathBuf,
    /// The folder to write, which must not be there.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The tag that the image has in it.
    #[arg(long, value_name = "TAG", default_value = "latest")]
    pub tag: String,
    #[command(flatten)]
    pub image: ImageArgs,
    /// How to print what was made.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `module push`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PushArgs {
    /// The module: a file, or - for standard input.
    #[arg(value_name = "FILE")]
    pub module: PathBuf,
    /// Where to: oci://HOST/NAME:TAG.
    #[arg(value_name = "URL")]
    pub url: String,
    #[command(flatten)]
    pub image: ImageArgs,
    /// A private key in PEM, without a password, to sign the image with as cosign does.
    #[arg(long, value_name = "FILE")]
    pub sign: Option<PathBuf>,
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// How to print what was pushed.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `module pull`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PullArgs {
    /// Where from: oci://HOST/NAME:TAG, https://… or http://….
    #[arg(value_name = "URL")]
    pub url: String,
    /// The file to write the module to.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The SHA-256 that it must have: that of the module, of the image's manifest or of its index.
    #[arg(long, value_name = "DIGEST")]
    pub sha256: Option<String>,
    /// A public key in PEM that it must be signed by, as cosign does.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// How to print what was pulled.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// How a module is put into an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImageForm {
    /// As plugin.wasm in a layer, which Istio, Envoy Gateway and every tool for images read.
    Image,
    /// As a layer of its own beside a configuration, which Istio, Envoy Gateway and tools for artifacts read.
    Artifact,
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
    /// The module: a file, - for standard input, or a URL (oci://, https://, http://).
    #[arg(value_name = "FILE|URL")]
    pub module: PathBuf,
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Arguments of `module verify`.
#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    /// The module: a file, - for standard input, or a URL (oci://, https://, http://).
    #[arg(value_name = "FILE|URL")]
    pub module: PathBuf,
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// A public key in PEM that it must be signed by, as cosign does; of a file the signature is in FILE.sig.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
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
