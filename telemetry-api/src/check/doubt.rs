//! What cannot be judged because a part of the documents could not be read: nobody is told of the consequences of what
//! is told already.

use std::collections::{HashMap, HashSet};
use std::ops::BitOrAssign;

use crate::document::{Outline, OutlineIndex};
use crate::origin::Place;
use crate::problem::{Problem, Severity};
use crate::resources::{Resources, Telemetry};

/// Kinds that say nothing of what Telemetries add up to.
const OTHER_KINDS: [&str; 5] = ["WasmPlugin", "TrafficExtension", "WorkloadEntry", "Gateway", "GatewayClass"];

/// Kinds that services are read from.
const SERVICE_KINDS: [&str; 2] = ["ServiceEntry", "Service"];

/// The signals of which a part could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    pub metrics: bool,
    pub tracing: bool,
    pub access_logging: bool,
}

impl Doubt {
    const ALL: Doubt = Doubt { metrics: true, tracing: true, access_logging: true };

    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self == Doubt::default()
    }

    /// What a fault in a field of a Telemetry's spec leaves in doubt.
    fn of_field(field: &str) -> Doubt {
        let name = field.split(['.', '[']).next().unwrap_or_default();
        match name {
            "metrics" => Doubt { metrics: true, ..Doubt::default() },
            "tracing" => Doubt { tracing: true, ..Doubt::default() },
            "accessLogging" => Doubt { access_logging: true, ..Doubt::default() },
            // Perhaps it is one of them misspelt.
            _ => Doubt::ALL,
        }
    }
}

impl BitOrAssign for Doubt {
    fn bitor_assign(&mut self, other: Doubt) {
        self.metrics |= other.metrics;
        self.tracing |= other.tracing;
        self.access_logging |= other.access_logging;
    }
}

/// What is in doubt, and where.
#[derive(Debug, Default)]
pub(super) struct Doubts<'o> {
    /// By the place of a Telemetry whose reach is known.
    documents: HashMap<&'o Place, Doubt>,
    /// Namespaces with a document of which it is not known whom it is for.
    namespaces: HashSet<&'o str>,
    /// Whether anything anywhere may be otherwise.
    pub everything: bool,
    /// Whether there may be more services.
    pub services: bool,
}

impl<'o> Doubts<'o> {
    /// What is left in doubt by what is wrong with texts.
    pub fn new(problems: &[Problem], outlines: &'o [Outline], resources: &Resources) -> Doubts<'o> {
        let index = OutlineIndex::new(outlines);
        let read: HashSet<&Place> =
            resources.telemetries.iter().map(|telemetry| &telemetry.meta.place).collect();
        let mut doubts = Doubts::default();
        for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
            let outline = problem.place.as_ref().and_then(|place| index.around(place));
            match outline {
                Some(outline) => doubts.of_document(outline, &problem.path, &read),
                None => doubts.everything = true,
            }
        }
        doubts
    }

    fn of_document(&mut self, outline: &'o Outline, path: &str, read: &HashSet<&Place>) {
        let kind = &*outline.id.kind;
        if SERVICE_KINDS.contains(&kind) {
            self.services = true;
        } else if kind != "Telemetry" {
            self.everything |= !OTHER_KINDS.contains(&kind);
        } else {
            let field = path.split_once("spec.").map(|(_, field)| field);
            let is_reach = |field: &str| field.starts_with("selector") || field.starts_with("targetRef");
            match field.filter(|field| !is_reach(field) && read.contains(&outline.place)) {
                Some(field) => {
                    *self.documents.entry(&outline.place).or_default() |= Doubt::of_field(field);
                }
                None => {
                    self.namespaces.insert(&outline.id.namespace);
                }
            }
        }
    }

    /// What is in doubt of a document itself.
    pub fn of(&self, telemetry: &Telemetry) -> Doubt {
        let namespace = &*telemetry.meta.id.namespace;
        self.at(&[telemetry], [namespace, namespace])
    }

    /// What is in doubt where these documents add up, of the workload's namespace and the root namespace.
    pub fn at(&self, documents: &[&Telemetry], namespaces: [&str; 2]) -> Doubt {
        if self.everything || namespaces.iter().any(|namespace| self.namespaces.contains(namespace)) {
            return Doubt::ALL;
        }
        let mut doubt = Doubt::default();
        for telemetry in documents {
            doubt |= self.documents.get(&telemetry.meta.place).copied().unwrap_or_default();
        }
        doubt
    }
}
