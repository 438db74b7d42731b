//! `PeerAuthentication` (security.istio.io): which connections a sidecar takes, those with mutual TLS or others.

use std::collections::BTreeMap;

use super::Meta;
use super::telemetry::Selector;
use crate::origin::Traced;

/// A policy for connections that come to workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAuthentication {
    /// Name and place. In the mesh's root namespace and without a selector it is for every workload of the mesh.
    pub meta: Meta,
    /// Which workloads of its namespace it is for; absent or without labels: all.
    pub selector: Option<Selector>,
    /// `mtls.mode`; absent: not said, which is [`MtlsMode::Unset`].
    pub mode: Option<Traced<MtlsMode>>,
    /// `portLevelMtls`: modes of single ports, by the workload's own port.
    pub port_modes: BTreeMap<u16, Traced<MtlsMode>>,
}

impl PeerAuthentication {
    /// The labels of workloads that it is for, if it is for some only.
    pub fn labels(&self) -> Option<&BTreeMap<String, String>> {
        self.selector.as_ref().map(|selector| &selector.match_labels).filter(|labels| !labels.is_empty())
    }
}

/// Which connections are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MtlsMode {
    /// What the policy above says: of the namespace, then of the mesh, then [`MtlsMode::Permissive`].
    Unset,
    /// Plain text only.
    Disable,
    /// Plain text and mutual TLS.
    Permissive,
    /// Mutual TLS only.
    Strict,
}

impl MtlsMode {
    /// Every mode by its name in documents.
    pub const NAMES: &[(&str, MtlsMode)] = &[
        ("UNSET", MtlsMode::Unset),
        ("DISABLE", MtlsMode::Disable),
        ("PERMISSIVE", MtlsMode::Permissive),
        ("STRICT", MtlsMode::Strict),
    ];

    /// The name in documents.
    pub fn name(self) -> &'static str {
        MtlsMode::NAMES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }

    /// Whether connections with mutual TLS are taken.
    pub fn takes_mutual_tls(self) -> bool {
        matches!(self, MtlsMode::Permissive | MtlsMode::Strict)
    }

    /// Whether connections in plain text are taken.
    pub fn takes_plain_text(self) -> bool {
        self != MtlsMode::Strict
    }
}
