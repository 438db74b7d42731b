//! Arguments about where modules of documents may be fetched from.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// Arguments of the commands that fetch the modules of plugins.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct SourceArgs {
    /// A host, or HOST:PORT, that documents may fetch modules from although it is this machine or near to it, such as
    /// localhost:5000; may be repeated.
    #[arg(long = "module-host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// A registry that is asked in plain HTTP: HOST, HOST:PORT or *.DOMAIN; may be repeated.
    #[arg(long = "plain-http", value_name = "HOST")]
    pub plain_http: Vec<String>,
    /// A file of certificates in PEM whose servers are believed when modules are fetched; may be repeated.
    #[arg(long = "registry-ca", value_name = "FILE")]
    pub authorities: Vec<PathBuf>,
}
