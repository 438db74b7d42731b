//! Arguments of `serve`, resolved.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use burgee_server::tls::TlsFiles;
use burgee_server::upstream::Upstream;

use super::bootstrap::host_and_port;
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
    /// A collector's address, as `http://HOST:PORT`.
    pub otlp: Option<String>,
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
    /// From the mesh that the documents describe, which runs on loopback beside the server.
    Loopback,
}

/// What names the mesh on loopback.
const LOOPBACK: &str = "loopback";

impl ServePlan {
    pub(super) fn new(args: ServeArgs) -> Result<ServePlan, Failure> {
        let files = some_documents(args.files.files)?;
        if files.iter().any(|file| file.as_os_str() == "-") {
            return Err(Failure::new(
                "a server follows documents, and those from standard input do not change",
                "name files or folders with -f",
            ));
        }
        let base = base(&args.base)?;
        let tls = match (args.tls_cert, args.tls_key, args.tls_ca) {
            (Some(certificate), Some(key), Some(authorities)) => {
                Some(TlsFiles { certificate, key, authorities })
            }
            _ => None,
        };
        if tls.is_some() && matches!(base, ServeBase::Loopback) {
            return Err(Failure::new(
                "the proxies of the mesh on loopback have no certificates of whom --tls-ca names",
                "leave --tls-cert, --tls-key and --tls-ca out; nothing of that mesh leaves this machine",
            ));
        }
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
            otlp: args.otlp.as_deref().map(collector).transpose()?,
            log: args.log,
            log_level: args.log_level,
        })
    }
}

fn base(named: &str) -> Result<ServeBase, Failure> {
    if named.contains("://") {
        let upstream = Upstream::new(named).map_err(|error| Failure::new(format!("--base: {error}"), ""))?;
        return Ok(ServeBase::Upstream(Arc::new(upstream)));
    }
    let folder = PathBuf::from(named);
    match (folder.is_dir(), named == LOOPBACK) {
        (false, true) => Ok(ServeBase::Loopback),
        (true, false) => Ok(ServeBase::Folder(folder)),
        (true, true) => Err(Failure::new(
            format!(
                "--base {LOOPBACK}: there is a folder of this name, and it names the mesh on loopback too"
            ),
            format!("write --base ./{LOOPBACK} for the folder, or start from another one"),
        )),
        (false, false) => Err(Failure::new(
            format!("--base {}: there is no such folder", folder.display()),
            "name a folder of xDS resources (docs/bases.md), a control plane as xds://HOST:PORT, or loopback for the \
             mesh that the documents describe",
        )),
    }
}

/// The address of a collector that is named as `HOST:PORT`, or as `http://HOST:PORT`.
fn collector(named: &str) -> Result<String, Failure> {
    let address = named.strip_prefix("http://").unwrap_or(named).trim_end_matches('/');
    let help = "write HOST:PORT, such as localhost:4317; it takes OTLP over gRPC, in plain text";
    host_and_port("--otlp", address, help).map(|(host, port)| format!("http://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_host_and_a_port() {
        for named in ["localhost:4317", "http://localhost:4317", "http://localhost:4317/"] {
            assert_eq!(collector(named).expect("an address"), "http://localhost:4317", "{named}");
        }
        assert_eq!(collector("[::1]:4317").expect("an address"), "http://[::1]:4317");
        for named in [
            "",
            "localhost",
            "localhost:0",
            "https://localhost:4317",
            "a@b:1",
            "localhost:4317/v1",
            "a b:1",
            "h:99999",
        ] {
            assert!(collector(named).is_err(), "{named}");
        }
    }
}
