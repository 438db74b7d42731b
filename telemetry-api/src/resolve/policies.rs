//! The policy documents of one kind in one namespace, oldest first, found by what they are for.

use std::collections::HashMap;
use std::sync::Arc;

use super::hash::{Digest, digest};
use super::label_index::LabelIndex;
use super::selection::{gateway_of, is_gateway};
use super::workload::Workload;
use crate::origin::DocumentId;
use crate::resources::Meta;
use crate::resources::telemetry::{Selector, TargetRef};

/// A kind of document that is for workloads.
pub(super) trait Policy {
    /// Name and place.
    fn meta(&self) -> &Meta;
    /// The labels of the workloads that it is for.
    fn selector(&self) -> Option<&Selector>;
    /// What else it is for.
    fn targets(&self) -> &[TargetRef];
    /// What documents of one age are sorted by: the name, as Istio has it.
    fn sort_name(&self) -> String;
    /// Writes down everything that it says, without places.
    fn describe(&self, text: &mut String);
}

/// Whether a document is for every workload of its namespace: neither labels nor targets.
pub(super) fn is_wide(document: &impl Policy) -> bool {
    document.targets().is_empty()
        && document.selector().is_none_or(|selector| selector.match_labels.is_empty())
}

/// A document, and a digest of what it says.
#[derive(Debug)]
struct Kept<P> {
    document: Arc<P>,
    digest: Digest,
}

impl<P> Clone for Kept<P> {
    fn clone(&self) -> Kept<P> {
        Kept { document: Arc::clone(&self.document), digest: self.digest }
    }
}

/// Documents of one kind in one namespace. They are known by their number, which is their place in the order of age.
#[derive(Debug)]
pub(super) struct Policies<P> {
    kept: Vec<Kept<P>>,
    wide: Vec<usize>,
    by_labels: LabelIndex,
    by_gateway: HashMap<String, Vec<usize>>,
}

impl<P> Default for Policies<P> {
    fn default() -> Policies<P> {
        Policies {
            kept: Vec::new(),
            wide: Vec::new(),
            by_labels: LabelIndex::default(),
            by_gateway: HashMap::new(),
        }
    }
}

impl<P: Policy> Policies<P> {
    /// Documents in any order.
    pub fn new(documents: Vec<P>) -> Policies<P> {
        Policies::of(documents.into_iter().map(keep).collect())
    }

    fn of(mut kept: Vec<Kept<P>>) -> Policies<P> {
        kept.sort_by_cached_key(|kept| (kept.document.meta().created.clone(), kept.document.sort_name()));
        let mut found = Policies { kept, ..Policies::default() };
        for (number, kept) in found.kept.iter().enumerate() {
            let targets = kept.document.targets();
            if is_wide(&*kept.document) {
                found.wide.push(number);
            }
            for target in targets.iter().filter(|target| is_gateway(target)) {
                let of_gateway = found.by_gateway.entry(target.name.clone()).or_default();
                if of_gateway.last() != Some(&number) {
                    of_gateway.push(number);
                }
            }
        }
        let selecting = found.kept.iter().enumerate().filter_map(|(number, kept)| {
            // A selector beside targets is ignored.
            let selector = kept.document.selector().filter(|_| kept.document.targets().is_empty())?;
            (!selector.match_labels.is_empty()).then_some((number, &selector.match_labels))
        });
        found.by_labels = LabelIndex::new(selecting);
        found
    }

    /// The same documents with one more, in place of one of the same name if there is one.
    pub fn with(&self, document: P) -> Policies<P> {
        let mut kept = self.others(&document.meta().id);
        kept.push(keep(document));
        Policies::of(kept)
    }

    /// The same documents without one.
    pub fn without(&self, id: &DocumentId) -> Policies<P> {
        Policies::of(self.others(id))
    }

    fn others(&self, id: &DocumentId) -> Vec<Kept<P>> {
        self.kept.iter().filter(|kept| kept.document.meta().id != *id).cloned().collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Each document with a digest of what it says.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<P>, &Digest)> {
        self.kept.iter().map(|kept| (&kept.document, &kept.digest))
    }

    /// The documents for the whole namespace that a workload of it sees.
    pub fn wide<'p>(&'p self, workload: &Workload) -> impl Iterator<Item = (&'p Arc<P>, &'p Digest)> {
        let seen = self.wide.iter().map(|number| &self.kept[*number]);
        seen.filter(|kept| kept.document.meta().is_for(workload)).map(|kept| (&kept.document, &kept.digest))
    }

    /// The documents that name labels of a workload or, where it is in their namespace, the gateway that it serves.
    /// `by_labels`: whether labels count for this workload.
    pub fn scoped(&self, workload: &Workload, in_namespace: bool, by_labels: bool) -> Vec<&Arc<P>> {
        self.seen(self.scoped_numbers(workload, in_namespace, by_labels), workload)
    }

    fn scoped_numbers(&self, workload: &Workload, in_namespace: bool, by_labels: bool) -> Vec<usize> {
        let mut numbers = if by_labels { self.by_labels.candidates(&workload.labels) } else { Vec::new() };
        numbers.retain(|number| {
            let selector = self.kept[*number].document.selector();
            selector.is_some_and(|selector| selector.selects(&workload.labels))
        });
        if let Some(gateway) = gateway_of(workload).filter(|_| in_namespace) {
            numbers.extend(self.by_gateway.get(gateway).into_iter().flatten());
        }
        numbers
    }

    fn seen(&self, mut numbers: Vec<usize>, workload: &Workload) -> Vec<&Arc<P>> {
        numbers.sort_unstable();
        let documents = numbers.into_iter().map(|number| &self.kept[number].document);
        documents.filter(|document| document.meta().is_for(workload)).collect()
    }

    /// The documents for a workload, those for the whole namespace among them.
    pub fn applying(&self, workload: &Workload, in_namespace: bool, by_labels: bool) -> Vec<&Arc<P>> {
        let mut numbers = self.scoped_numbers(workload, in_namespace, by_labels);
        if by_labels {
            numbers.extend(&self.wide);
        }
        self.seen(numbers, workload)
    }

    /// Adds the digest of each document to a text.
    pub fn describe(&self, text: &mut String) {
        use std::fmt::Write as _;
        for kept in &self.kept {
            let _ = write!(text, "\n{:?}", kept.digest);
        }
    }
}

fn keep<P: Policy>(document: P) -> Kept<P> {
    let mut text = String::new();
    document.describe(&mut text);
    Kept { document: Arc::new(document), digest: digest(&text) }
}
