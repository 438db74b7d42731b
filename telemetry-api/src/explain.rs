//! Why a workload has the policy that it has: for every value the line or the rule that it came from and what it
//! overrode, and for every document why it has an effect or none.
//!
//! ```text
//! Checked ──Explainer──► Explanation of a workload ──┐
//!                                                    ├──► text or JSON
//!         a document's name ──► Answer: why, why not ┘
//! ```
//!
//! The values are those that [`crate::resolve`] comes to, and what they overrode is what its merges kept: no rule is
//! written down twice.

mod access_logging;
mod answer;
mod chain;
mod fields;
mod json;
mod losses;
mod mesh;
mod metrics;
mod model;
mod plugins;
mod provider_fields;
mod providers;
mod sinks;
mod standing;
mod text;
mod tracers;
mod tracing;
mod values;
mod why_not;

use std::collections::BTreeMap;

pub use answer::{Answer, Effect, FieldAnswer, FieldAtClass, OverriddenBy, Reason, ReasonKind, What};
pub use json::answers_to_json;
pub(crate) use json::origin;
pub use model::{
    Bystander, Cause, ClassExplanation, Contribution, Explanation, Fact, Lost, Overridden, Remark, Section,
    Signal, Value,
};
pub use why_not::Asked;

use crate::check::{Checked, RefusedDocuments};
use crate::document::Outline;
use crate::origin::{Origin, Place};
use crate::problem::Problem;
use crate::resolve::tracers::Lookup;
use crate::resolve::{ControlPlane, Effective, ListenerClass, PolicySet, Workload};
use crate::resources::{MeshConfig, Meta, Resources, Telemetry};

/// Documents that were read and judged, ready to be asked about.
///
/// A document that `check` refuses is taken as one that is not there, as a cluster would not have taken it. Only where
/// what it refuses is the name of a provider, or a module by the mesh's rules, does the document count: clusters take it,
/// and what comes of it is worth knowing. The mesh's configuration is taken as far as it could be read.
#[derive(Clone, Debug)]
pub struct Explainer<'c> {
    checked: &'c Checked,
    /// What is wrong with each document that is refused, by where it begins.
    refused: BTreeMap<Place, Vec<&'c Problem>>,
    /// What is wrong with texts where no document could be made out.
    unreadable: Vec<&'c Problem>,
    set: PolicySet,
}

/// What applies at one workload.
struct Here<'e> {
    set: &'e PolicySet,
    /// The mesh of the workload's revision, and what there is in it.
    lookup: Lookup<'e>,
    /// In the order of contribution.
    telemetries: Vec<&'e Telemetry>,
    workload: &'e Workload,
    effective: Effective,
}

impl<'c> Explainer<'c> {
    /// Documents to ask about, for a control plane that is told nothing.
    pub fn new(checked: &'c Checked) -> Explainer<'c> {
        Explainer::of(checked, ControlPlane::default())
    }

    /// Documents to ask about, and what they leave to a control plane.
    pub fn of(checked: &'c Checked, control_plane: ControlPlane) -> Explainer<'c> {
        let RefusedDocuments { documents, texts: unreadable } = checked.refused();
        let refused: BTreeMap<Place, Vec<&Problem>> =
            documents.into_iter().map(|(place, (_, problems))| (place, problems)).collect();
        let accepted = |meta: &Meta| !refused.contains_key(&meta.place);
        let mut resources: Resources = checked.resources.clone();
        resources.telemetries.retain(|telemetry| accepted(&telemetry.meta));
        resources.extensions.retain(|plugin| accepted(&plugin.meta));
        Explainer { checked, refused, unreadable, set: PolicySet::of(resources, control_plane) }
    }

    /// Whether a document is taken as one that is not there, because it is refused.
    pub fn leaves_out(&self) -> bool {
        !self.refused.is_empty() || !self.unreadable.is_empty()
    }

    /// The policies that are explained.
    pub fn policies(&self) -> &PolicySet {
        &self.set
    }

    /// What is in force at a workload, and why.
    pub fn explain(&self, workload: &Workload) -> Explanation {
        let here = self.here(workload);
        let (documents, others) = chain::documents(self, &here);
        Explanation {
            workload: workload.clone(),
            has_mesh_config: here.lookup.mesh.was_read,
            documents,
            others,
            classes: classes(&here),
        }
    }

    /// The same without the documents that are for the workload or not: only such are looked at as are in force.
    pub fn in_force(&self, workload: &Workload) -> Vec<ClassExplanation> {
        classes(&self.here(workload))
    }

    /// Why a document has an effect at a workload, or none. One answer, unless several documents that can apply
    /// have the name.
    pub fn why_not(&self, asked: &Asked, workload: &Workload) -> Vec<Answer> {
        why_not::answers(self, asked, workload)
    }

    /// The document that a mesh's configuration was read from.
    fn outline_of(&self, mesh: &MeshConfig) -> Option<&'c Outline> {
        let Origin::Document { place, .. } = &mesh.source else { return None };
        Outline::around(&self.checked.outlines, place)
    }

    fn here<'e>(&'e self, workload: &'e Workload) -> Here<'e> {
        let telemetries = self.set.contributions(workload);
        let (lookup, effective) = (self.set.lookup(workload), self.set.resolve(workload));
        Here { set: &self.set, lookup, telemetries, workload, effective }
    }
}

fn classes(here: &Here<'_>) -> Vec<ClassExplanation> {
    let classes = ListenerClass::of(here.workload.kind).iter();
    classes
        .map(|class| ClassExplanation {
            class: *class,
            sections: vec![
                metrics::section(here, *class),
                tracing::section(here, *class),
                access_logging::section(here, *class),
                plugins::section(here, *class),
            ],
        })
        .collect()
}

#[cfg(test)]
mod tests;
