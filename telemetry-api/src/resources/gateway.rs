//! `Gateway` (networking.istio.io): where traffic enters the mesh.

use std::collections::BTreeMap;

use super::Meta;
use super::telemetry::has_labels;
use crate::origin::Place;

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Name and place.
    pub meta: Meta,
    /// The labels of the workloads that serve it; empty means every gateway workload.
    pub selector: BTreeMap<String, String>,
    /// What it listens for.
    pub servers: Vec<GatewayServer>,
}

impl Gateway {
    /// Whether a workload with these labels is known to serve it. An empty selector names none.
    pub fn is_served_by(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.selector.is_empty() && has_labels(labels, &self.selector)
    }
}

/// A port that a gateway listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayServer {
    /// Where it stands.
    pub place: Place,
    /// The port's number.
    pub number: u16,
    /// The port's name.
    pub port_name: String,
    /// The protocol in upper case, such as `HTTP` or `HTTPS`.
    pub protocol: String,
    /// The hosts that it answers for: `host`, `*.suffix`, `*`, each optionally after `namespace/`, `./` or `*/`.
    pub hosts: Vec<String>,
    /// Whether the server asks for TLS.
    pub tls: bool,
}
