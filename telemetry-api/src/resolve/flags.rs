//! What the processes of control planes are told that decides whom documents are for.

use std::collections::BTreeMap;

use super::control_plane::ControlPlane;
use super::workload::DEFAULT_REVISION;
use crate::resources::{Istiod, Resources};

/// Whether labels count for gateways of the Gateway API. Istio's default: they do.
pub(crate) const GATEWAYS_BY_LABELS: &str = "ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY";
/// Which revision a control plane is.
const REVISION: &str = "REVISION";

/// What control planes are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// By revision, as documents say.
    gateways_by_labels: BTreeMap<String, bool>,
    /// Of every other revision, as is handed in.
    otherwise: Option<bool>,
}

impl Flags {
    /// What the control planes among resources are told; others are told what is handed in. Of two of one revision the
    /// one that comes first by namespace and name counts.
    pub fn new(resources: &Resources, control_plane: &ControlPlane) -> Flags {
        let mut istiods: Vec<&Istiod> = resources.istiods.iter().collect();
        istiods.sort_by_key(|istiod| &istiod.meta.id);
        let environment = control_plane.environment.as_ref();
        let handed_in = environment.and_then(|environment| environment.get(GATEWAYS_BY_LABELS));
        let mut flags = Flags { otherwise: handed_in.and_then(|text| boolean(text)), ..Flags::default() };
        for istiod in istiods {
            let revision =
                istiod.variables.get(REVISION).map_or(DEFAULT_REVISION, |name| name.value.as_str());
            let said = istiod.variables.get(GATEWAYS_BY_LABELS).and_then(|said| boolean(&said.value));
            if let Some(said) = said {
                flags.gateways_by_labels.entry(revision.to_owned()).or_insert(said);
            }
        }
        flags
    }

    /// Whether documents that select by labels, or that select nothing, are for the gateways of the Gateway API that
    /// belong to a revision.
    pub fn gateways_by_labels(&self, revision: &str) -> bool {
        self.gateways_by_labels.get(revision).copied().or(self.otherwise).unwrap_or(true)
    }

    /// Writes down everything that is said.
    pub fn describe(&self, text: &mut String) {
        use std::fmt::Write as _;
        let _ = write!(text, "\n{:?} {:?}", self.gateways_by_labels, self.otherwise);
    }
}

/// A boolean as Istio's processes read it; none for what is none, which they pass over.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
