//! `WorkloadEntry` (networking.istio.io): a workload that exists.

use std::collections::BTreeMap;
use std::fmt;

use super::Meta;
use crate::origin::Traced;

/// The annotation that says which services the stub app of a workload calls for each request that it answers: URLs
/// `http://HOST[:PORT][/PATH]` (or `h2c://` for HTTP/2, `grpc://HOST[:PORT][/SERVICE/METHOD]`, `tcp://HOST:PORT`),
/// separated by commas.
pub const CALLS_ANNOTATION: &str = "burgee.dev/calls";

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadEntry {
    /// Name and place.
    pub meta: Meta,
    /// Its address, as written.
    pub address: String,
    /// Its port for each of a service's port names, where it differs from the service's.
    pub ports: BTreeMap<String, u16>,
    /// The labels that documents select it by: `spec.labels` over `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// The service account that it runs as; empty when not said.
    pub service_account: String,
    /// What its stub app calls, once each and in this order, for every request that it answers: the annotation
    /// [`CALLS_ANNOTATION`].
    pub calls: Vec<Traced<Call>>,
}

/// The label, or the annotation, of a workload that has no sidecar when its value is `false`: Istio's own.
pub const INJECT_KEY: &str = "sidecar.istio.io/inject";

impl WorkloadEntry {
    /// Whether it has no sidecar: [`INJECT_KEY`] says so. Its label goes before its annotation.
    pub fn is_bare(&self) -> bool {
        let said = self.labels.get(INJECT_KEY).or_else(|| self.meta.annotations.get(INJECT_KEY));
        said.is_some_and(|value| value == "false")
    }
}

/// A request, or a connection, that a workload makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How it is made.
    pub scheme: CallScheme,
    /// The host, in lower case.
    pub host: String,
    /// The port. Default: 80; a connection over TCP has none.
    pub port: u16,
    /// The path with its query; begins with `/`. Default: `/`, of gRPC [`Call::DEFAULT_METHOD`]. Of a connection over
    /// TCP always `/`.
    pub path: String,
}

/// How a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallScheme {
    /// A request over HTTP/1.1.
    #[default]
    Http,
    /// A request over HTTP/2 in plain text.
    H2c,
    /// A unary call of gRPC.
    Grpc,
    /// A connection that carries some bytes there and back.
    Tcp,
}

impl CallScheme {
    /// Every scheme by its name in URLs.
    pub const NAMES: &[(&str, CallScheme)] = &[
        ("http", CallScheme::Http),
        ("h2c", CallScheme::H2c),
        ("grpc", CallScheme::Grpc),
        ("tcp", CallScheme::Tcp),
    ];

    /// The name in URLs.
    pub fn name(self) -> &'static str {
        CallScheme::NAMES.iter().find(|(_, scheme)| *scheme == self).map_or("", |(name, _)| name)
    }

    /// Whether what is called is a request of HTTP, in whatever version.
    pub fn is_http(self) -> bool {
        self != CallScheme::Tcp
    }
}

impl Call {
    /// The port of a URL that names none.
    pub const DEFAULT_PORT: u16 = 80;

    /// The method of gRPC of a URL that names none.
    pub const DEFAULT_METHOD: &str = "/burgee.Stub/Hello";
}

/// The URL; a port of 80 is left out, and so is a path that TCP has not.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        if self.port != Call::DEFAULT_PORT || self.scheme == CallScheme::Tcp {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(if self.scheme == CallScheme::Tcp { "" } else { &self.path })
    }
}
