//! `ServiceEntry` (networking.istio.io): a service that exists, and where it runs.

use std::collections::BTreeMap;

use super::Meta;

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Name and place.
    pub meta: Meta,
    /// The service's host names; at least one.
    pub hosts: Vec<String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Which workloads of its namespace serve it, by label; absent when `endpoints` says so.
    pub workload_selector: Option<BTreeMap<String, String>>,
    /// Where it runs, as far as the document says it. Empty: where `workload_selector` says, or where its host's name
    /// leads to.
    pub endpoints: Vec<ServiceEndpoint>,
    /// Whether it is of the mesh.
    pub location: Location,
}

/// Whether a service is of the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Location {
    /// It is not: nobody there is told who calls, nor called with the mesh's own certificates. Istio's default.
    #[default]
    External,
    /// It is.
    Internal,
}

impl Location {
    /// Every location by its name in documents.
    pub const NAMES: &[(&str, Location)] =
        &[("MESH_EXTERNAL", Location::External), ("MESH_INTERNAL", Location::Internal)];
}

/// A place where a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEndpoint {
    /// An IP address, a host's name, or `unix://` and a path; as written, and empty when not said.
    pub address: String,
    /// Its port for each of the service's port names, where it differs from the service's.
    pub ports: BTreeMap<String, u16>,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The number that clients call.
    pub number: u16,
    /// Its name; workloads may map it to a port of their own.
    pub name: String,
    /// The protocol in upper case, such as `HTTP`, `GRPC` or `TCP`; empty when not said.
    pub protocol: String,
    /// The port of the workload, when it differs.
    pub target_port: Option<u16>,
}

impl ServicePort {
    /// Whether the port carries HTTP in a form that a proxy can read.
    pub fn is_http(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB")
    }

    /// Whether the port carries HTTP/2, whatever the connection's start says.
    pub fn is_http2(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTP2" | "GRPC" | "GRPC-WEB")
    }

    /// Whether the port carries bytes that a proxy does not look into.
    pub fn is_tcp(&self) -> bool {
        self.protocol == "TCP"
    }
}
