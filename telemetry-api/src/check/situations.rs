//! Where documents are judged: at every workload that gets others of them than those before it, and, for what no
//! workload here is known to get, at one that it is written for.

use std::collections::HashMap;

use super::doubt::{Doubt, Doubts};
use super::world::World;
use crate::origin::DocumentId;
use crate::resolve::services::Services;
use crate::resolve::{GATEWAY_NAME_LABEL, ListenerClass, ProviderMetrics, Workload, WorkloadKind, metrics};
use crate::resources::{MeshConfig, Telemetry};

/// A workload, and what it gets.
pub(super) struct Situation<'w> {
    pub workload: Workload,
    pub mesh: &'w MeshConfig,
    pub services: &'w Services,
    /// The documents that add up here, in the order in which they contribute.
    pub all: Vec<&'w Telemetry>,
    /// What cannot be judged here, since a part of it could not be read.
    pub doubt: Doubt,
    /// Whether a document describes the workload with all of its labels.
    is_described: bool,
}

impl Situation<'_> {
    /// What is measured here at one class of listeners. It is not kept: a large mesh has as many situations as workloads.
    pub fn metrics(&self, class: ListenerClass) -> Vec<ProviderMetrics> {
        metrics::resolve(self.mesh, &self.all, class)
    }
}

/// A document, seen from where it is judged.
#[derive(Clone, Copy)]
pub(super) struct View<'s, 'w> {
    pub here: &'s Situation<'w>,
    /// Which of the documents here it is.
    position: usize,
}

impl<'s, 'w> View<'s, 'w> {
    /// The document.
    pub fn telemetry(&self) -> &'w Telemetry {
        self.here.all[self.position]
    }

    /// Those that contribute before it.
    pub fn before(&self) -> &'s [&'w Telemetry] {
        &self.here.all[..self.position]
    }

    /// Those that contribute after it.
    pub fn after(&self) -> &'s [&'w Telemetry] {
        &self.here.all[self.position + 1..]
    }
}

/// Workloads get the same documents in the same way if these are the same.
type Key<'w> = (WorkloadKind, *const MeshConfig, Vec<&'w DocumentId>);

/// Every situation of the documents of a world.
#[derive(Default)]
pub(super) struct Situations<'w> {
    all: Vec<Situation<'w>>,
    by_key: HashMap<Key<'w>, usize>,
    /// Those that each document is judged at.
    of: HashMap<&'w DocumentId, Vec<usize>>,
}

impl<'w> Situations<'w> {
    /// The situations of a world, in which some documents could not be read as a whole.
    pub fn new(world: &'w World<'_>, doubts: &Doubts<'_>) -> Situations<'w> {
        let mut situations = Situations::default();
        for known in &world.known.workloads {
            let number = situations.add(world, doubts, known.workload.clone());
            situations.all[number].is_described |= known.by.describes_it();
            for telemetry in situations.all[number].all.clone() {
                situations.judge(&telemetry.meta.id, number);
            }
        }
        for telemetry in &world.resources.telemetries {
            let id = &telemetry.meta.id;
            let known = situations.of.get(id).into_iter().flatten();
            if known.clone().any(|number| situations.all[*number].is_described) {
                continue;
            }
            for revision in world.revisions_of(&telemetry.meta) {
                let workload = written_for(telemetry).of_revision(revision);
                let number = situations.add(world, doubts, workload);
                if situations.all[number].all.iter().any(|other| other.meta.id == *id) {
                    situations.judge(id, number);
                }
            }
        }
        situations
    }

    /// The number of the situation of a workload.
    fn add(&mut self, world: &'w World<'_>, doubts: &Doubts<'_>, workload: Workload) -> usize {
        let all = world.set.contributions(&workload);
        let (mesh, services) = world.set.mesh_of_revision(&workload.revision);
        let ids = all.iter().map(|telemetry| &telemetry.meta.id).collect();
        let key = (workload.kind, std::ptr::from_ref(mesh), ids);
        *self.by_key.entry(key).or_insert_with(|| {
            let root = &*mesh.root_namespace.value;
            let doubt = doubts.at(&all, [&*workload.namespace, root]);
            self.all.push(Situation { workload, mesh, services, all, doubt, is_described: false });
            self.all.len() - 1
        })
    }

    fn judge(&mut self, id: &'w DocumentId, situation: usize) {
        let of = self.of.entry(id).or_default();
        if !of.contains(&situation) {
            of.push(situation);
        }
    }

    /// Where a document is judged; nowhere if it is hidden, or for something that is not resolved here.
    pub fn views(&self, id: &DocumentId) -> Vec<View<'_, 'w>> {
        let numbers = self.of.get(id).into_iter().flatten();
        let view = |number: &usize| {
            let here = &self.all[*number];
            let position = here.all.iter().position(|other| other.meta.id == *id)?;
            Some(View { here, position })
        };
        numbers.filter_map(view).collect()
    }
}

/// A workload that a document is written for.
pub(super) fn written_for(telemetry: &Telemetry) -> Workload {
    let mut labels =
        telemetry.selector.as_ref().map(|selector| selector.match_labels.clone()).unwrap_or_default();
    let mut kind = WorkloadKind::Sidecar;
    if let Some(target) = telemetry.target_refs.iter().find(|target| target.kind == "Gateway") {
        labels.insert(GATEWAY_NAME_LABEL.to_owned(), target.name.clone());
        kind = WorkloadKind::Gateway;
    }
    Workload::new(kind, &*telemetry.meta.id.namespace, "any", labels)
}
