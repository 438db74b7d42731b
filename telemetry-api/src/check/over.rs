//! What goes on of documents that were good, when what takes their place is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::Checked;
use crate::document::{Outline, OutlineIndex};
use crate::origin::{DocumentId, Origin, Place};
use crate::problem::{Code, Problem, Severity, codes};
use crate::resources::{Meta, Resources};

/// Errors of documents that a cluster takes.
const TAKEN_ALL_THE_SAME: [Code; 2] = [codes::UNKNOWN_PROVIDER, codes::MODULE_REFUSED];

/// Documents that are refused, and texts in which none could be made out.
#[derive(Debug, Default)]
pub(crate) struct RefusedDocuments<'c> {
    /// What is wrong with each document that is refused, by where it begins.
    pub documents: BTreeMap<Place, (&'c Outline, Vec<&'c Problem>)>,
    /// What is wrong with texts where no document could be made out.
    pub texts: Vec<&'c Problem>,
}

/// The resources that can be used, of documents that were judged.
#[derive(Clone, Debug)]
pub struct Usable {
    /// What can be used.
    pub resources: Resources,
    /// Documents that go on as they were before, since what takes their place is refused.
    pub kept: Vec<DocumentId>,
    /// Whether what is of no single policy, such as the mesh's configuration, goes on as it was before.
    pub is_mesh_kept: bool,
    /// Whether there is something wrong with that, and nothing to go on with.
    pub is_mesh_lost: bool,
}

impl Checked {
    /// Which documents are refused.
    pub(crate) fn refused(&self) -> RefusedDocuments<'_> {
        let refuses = |problem: &&Problem| {
            problem.severity == Severity::Error && !TAKEN_ALL_THE_SAME.contains(&problem.code)
        };
        let outlines = OutlineIndex::new(&self.outlines);
        let mut refused = RefusedDocuments::default();
        for problem in self.problems.iter().filter(refuses) {
            // A text that is broken ends there; the documents before are whole.
            let around = problem.place.as_ref().filter(|_| problem.code != codes::SYNTAX);
            match around.and_then(|place| outlines.around(place)) {
                Some(outline) => {
                    let entry = refused.documents.entry(outline.place.clone());
                    entry.or_insert_with(|| (outline, Vec::new())).1.push(problem);
                }
                None => refused.texts.push(problem),
            }
        }
        refused
    }

    /// What can be used: documents that are refused are left out, and where there was a good one before it goes on, as do
    /// all those of a text that is broken now.
    pub fn usable(&self, before: Option<&Resources>) -> Usable {
        let refused = self.refused();
        let mut resources = self.resources.clone();
        let accepted = |meta: &Meta| !refused.documents.contains_key(&meta.place);
        resources.telemetries.retain(|it| accepted(&it.meta));
        resources.extensions.retain(|it| accepted(&it.meta));

        let ids: BTreeSet<&DocumentId> = refused.documents.values().map(|(outline, _)| &outline.id).collect();
        let broken: BTreeSet<&str> =
            refused.texts.iter().filter_map(|problem| Some(&*problem.place.as_ref()?.file)).collect();
        let is_policy =
            |id: &DocumentId| ["Telemetry", "WasmPlugin", "TrafficExtension"].contains(&&*id.kind);
        let is_mesh_refused = ids.iter().any(|id| !is_policy(id));
        let Some(before) = before else {
            return Usable {
                resources,
                kept: Vec::new(),
                is_mesh_kept: false,
                is_mesh_lost: is_mesh_refused,
            };
        };
        let mut kept = Vec::new();
        let goes_on = |meta: &Meta| ids.contains(&meta.id) || broken.contains(&*meta.place.file);
        let there: BTreeSet<DocumentId> = resources.telemetries.iter().map(|it| it.meta.id.clone()).collect();
        for old in before.telemetries.iter().filter(|it| goes_on(&it.meta) && !there.contains(&it.meta.id)) {
            kept.push(old.meta.id.clone());
            resources.telemetries.push(old.clone());
        }
        let there: BTreeSet<DocumentId> = resources.extensions.iter().map(|it| it.meta.id.clone()).collect();
        for old in before.extensions.iter().filter(|it| goes_on(&it.meta) && !there.contains(&it.meta.id)) {
            kept.push(old.meta.id.clone());
            resources.extensions.push(old.clone());
        }
        let is_mesh_kept = is_mesh_refused || files_beside_policies(before).any(|file| broken.contains(file));
        if is_mesh_kept {
            resources = Resources {
                telemetries: resources.telemetries,
                extensions: resources.extensions,
                ..before.clone()
            };
        }
        Usable { resources, kept, is_mesh_kept, is_mesh_lost: false }
    }
}

/// The files of everything that is no policy.
fn files_beside_policies(resources: &Resources) -> impl Iterator<Item = &str> {
    let meshes = resources.meshes().filter_map(|mesh| match &mesh.source {
        Origin::Document { place, .. } => Some(&*place.file),
        Origin::Rule(_) => None,
    });
    let rules = resources.module_rules.iter().map(|it| &*it.place.file);
    let metas = resources
        .service_entries
        .iter()
        .map(|it| &it.meta)
        .chain(resources.workload_entries.iter().map(|it| &it.meta))
        .chain(resources.gateways.iter().map(|it| &it.meta))
        .chain(resources.peer_authentications.iter().map(|it| &it.meta))
        .chain(resources.services.iter().map(|it| &it.meta))
        .chain(resources.pods.iter().map(|it| &it.meta));
    meshes.chain(rules).chain(metas.map(|meta| &*meta.place.file))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::document::Source;
    use crate::test;

    const GOOD: &str = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: NAME, namespace: shop}\n\
                        spec: {tracing: [{randomSamplingPercentage: VALUE}]}\n";

    fn telemetry(name: &str, value: &str) -> String {
        GOOD.replace("NAME", name).replace("VALUE", value)
    }

    fn judged(texts: &[(&str, String)]) -> Checked {
        let texts: Vec<Source> = texts.iter().map(|(name, text)| Source::new(*name, text.clone())).collect();
        check(&texts)
    }

    /// Each Telemetry with its percentage.
    fn said(usable: &Usable) -> Vec<String> {
        let mut said: Vec<String> = usable
            .resources
            .telemetries
            .iter()
            .map(|it| {
                let value = it.tracing.iter().find_map(|entry| entry.sampling.as_ref());
                format!("{}={}", it.meta.id.name, value.map_or(-1.0, |value| value.value))
            })
            .collect();
        said.sort();
        said
    }

    #[test]
    fn what_is_refused_goes_on_as_it_was_and_the_rest_takes_effect() {
        let before = judged(&[
            ("a.yaml", telemetry("one", "1") + "---\n" + &telemetry("two", "2")),
            ("b.yaml", telemetry("three", "3")),
        ]);
        let before = before.usable(None);
        assert_eq!(said(&before), ["one=1", "three=3", "two=2"]);
        let now = judged(&[
            ("a.yaml", telemetry("one", "1000") + "---\n" + &telemetry("two", "22")),
            ("b.yaml", "kind: [".to_owned()),
            ("c.yaml", telemetry("four", "4")),
        ]);
        let usable = now.usable(Some(&before.resources));
        assert_eq!(said(&usable), ["four=4", "one=1", "three=3", "two=22"]);
        let kept: Vec<&str> = usable.kept.iter().map(|id| &*id.name).collect();
        assert_eq!(kept, ["one", "three"]);
        assert!(!usable.is_mesh_kept);
        // Without anything before it is left out, and what is removed on purpose is gone.
        assert_eq!(said(&now.usable(None)), ["four=4", "two=22"]);
        let gone = judged(&[("b.yaml", telemetry("three", "3"))]).usable(Some(&before.resources));
        assert_eq!(said(&gone), ["three=3"]);
    }

    #[test]
    fn a_mesh_whose_configuration_is_refused_goes_on_as_it_was() {
        let mesh = |root: &str| ("mesh.yaml", format!("rootNamespace: {root}\n"));
        let before = judged(&[mesh("one"), ("a.yaml", telemetry("one", "1"))]).usable(None);
        for broken in ["rootNamespace: [1]\n", "rootNamespace: [\n"] {
            let now = judged(&[("mesh.yaml", broken.to_owned()), ("a.yaml", telemetry("one", "2"))]);
            let usable = now.usable(Some(&before.resources));
            assert_eq!(said(&usable), ["one=2"]);
            assert_eq!(usable.resources.mesh_config.root_namespace.value, "one", "{broken}");
            assert!(usable.is_mesh_kept);
        }
        assert!(judged(&[("mesh.yaml", "rootNamespace: [1]\n".to_owned())]).usable(None).is_mesh_lost);
    }
}
