//! Arguments of `serve`, resolved.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use burgee_server::tls::TlsFiles;
use burgee_server::upstream::Upstream;

use super::some_documents;
use crate::Failure;
use crate::args::{LogFormat, LogLevel, MetricsChoice, ModuleWay, ServeArgs, SourceArgs};

/// What `serve` does.
#[derive(Debug)]
pub(crate) struct ServePlan {
    pub files: Vec<PathBuf>,
    pub base: ServeBase,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    pub state: Option<PathBuf>,
    pub modules: ModuleWay,
    pub module: Option<PathBuf>,
    pub metrics: MetricsChoice,
    pub sources: SourceArgs,
    pub tls: Option<TlsFiles>,
    pub max_proxies: usize,
    pub drain: u64,
    pub log: LogFormat,
    pub log_level: LogLevel,
}

/// Where bases come from.
#[derive(Clone, Debug)]
pub(crate) enum ServeBase {
    /// From a folder of resources per class.
    Folder(PathBuf),
    /// From another control plane.
    Upstream(Arc<Upstream>),
}

impl ServePlan {
    pub(super) fn new(args: ServeArgs) -> Result<ServePlan, Failure> {
        let files = some_documents(args.files.files)?;
        if files.iter().any(|file| file.as_os_str() == "-") {
            return Err(Failure::new(
                "a server follows documents, and those from standard input do not change",
                "name files or folders with -f",
            ));
        }
        let base = match args.base.contains("://") {
            true => {
                let upstream = Upstream::new(&args.base)
                    .map_err(|error| Failure::new(format!("--base: {error}"), ""))?;
                ServeBase::Upstream(Arc::new(upstream))
            }
            false => {
                let folder = PathBuf::from(args.base);
                if !folder.is_dir() {
                    return Err(Failure::new(
                        format!("--base {}: there is no such folder", folder.display()),
                        "name a folder of xDS resources (docs/bases.md), or a control plane as xds://HOST:PORT",
                    ));
                }
                ServeBase::Folder(folder)
            }
        };
        let tls = match (args.tls_cert, args.tls_key, args.tls_ca) {
            (Some(certificate), Some(key), Some(authorities)) => {
                Some(TlsFiles { certificate, key, authorities })
            }
            _ => None,
        };
        Ok(ServePlan {
            files,
            base,
            listen: args.listen,
            admin: args.admin,
            state: args.state,
            modules: args.modules,
            module: args.module,
            metrics: args.engine.chosen(),
            sources: args.sources,
            tls,
            max_proxies: args.max_proxies,
            drain: args.drain,
            log: args.log,
            log_level: args.log_level,
        })
    }
}
