//! The services that proxies report to: which ones a policy needs, and what they speak.

use std::time::Duration;

use super::effective::{ClassPolicy, Effective, LogSink, Tracing};
use crate::origin::Traced;
use crate::resources::mesh_config::DEFAULT_CONNECT_TIMEOUT;

/// What a collector speaks, which the cluster that leads to it has to speak too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, as gRPC needs it.
    Http2,
}

/// A service that proxies report to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collector {
    /// The namespace of the service; empty for a host that is no service of the mesh.
    pub namespace: String,
    /// Its host name, which is the authority of calls.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it speaks there.
    pub protocol: Protocol,
    /// Where that is, in ascending order: the endpoints that documents give it, else its own host and port. Never
    /// empty.
    pub endpoints: Vec<Endpoint>,
    /// How long a connection to it may take to come about.
    pub connect_timeout: Duration,
}

/// A place where a collector is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An IP address or a host's name, and a port.
    Host {
        /// The address or the name.
        address: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Socket {
        /// The path of its file.
        path: String,
    },
}

impl Endpoint {
    /// The endpoint of an address as documents write it.
    pub(super) fn of(address: &str, port: u16) -> Endpoint {
        match address.strip_prefix("unix://") {
            Some(path) => Endpoint::Socket { path: path.to_owned() },
            None => Endpoint::Host { address: address.to_owned(), port },
        }
    }
}

impl Collector {
    /// A collector that is reached by its own name, within Istio's usual time.
    pub fn new(
        namespace: impl Into<String>,
        host: impl Into<String>,
        port: u16,
        protocol: Protocol,
    ) -> Collector {
        let host = host.into();
        Collector {
            namespace: namespace.into(),
            endpoints: vec![Endpoint::of(&host, port)],
            host,
            port,
            protocol,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        }
    }

    /// The name of the cluster, as Istio names it.
    pub fn cluster(&self) -> String {
        format!("outbound|{}||{}", self.port, self.host)
    }
}

impl Effective {
    /// The collectors that any class needs, each with the provider that leads to it; one as often as it is needed.
    pub fn collectors(&self) -> impl Iterator<Item = (&Collector, &Traced<String>)> {
        self.classes.values().flat_map(ClassPolicy::collectors)
    }
}

impl ClassPolicy {
    /// The collectors that a class needs, each with the provider that leads to it: those of logs, then that of traces.
    pub fn collectors(&self) -> impl Iterator<Item = (&Collector, &Traced<String>)> {
        let of_logs =
            self.access_logs.iter().filter_map(|logger| Some((logger.sink.collector()?, &logger.provider)));
        of_logs.chain(self.tracing.collectors())
    }
}

impl LogSink {
    /// Where log lines go, if that is a collector.
    pub fn collector(&self) -> Option<&Collector> {
        match self {
            LogSink::File { .. } | LogSink::MeshService { .. } => None,
            LogSink::Otel { collector, .. } | LogSink::Service { collector, .. } => Some(collector),
        }
    }
}

impl Tracing {
    /// The collectors that spans need, each with the provider that leads to it.
    pub fn collectors(&self) -> impl Iterator<Item = (&Collector, &Traced<String>)> {
        let found = match self {
            Tracing::Provider { provider, tracer, .. } => Some((tracer, provider)),
            Tracing::Untouched | Tracing::Off(_) | Tracing::LeftOut(_) | Tracing::Bootstrap(_) => None,
        };
        found
            .into_iter()
            .flat_map(|(tracer, provider)| tracer.collectors().map(move |collector| (collector, provider)))
    }
}
