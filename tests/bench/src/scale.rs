//! Scale: what reading, checking, resolving and lowering cost against the number of documents, and what one changed
//! document costs. On one core: nothing here starts a thread.

mod base;
mod change;
mod show;
mod world;

use burgee_api::Severity;
use burgee_api::check::{Checked, check};
use burgee_api::resolve::{DEFAULT_REVISION, KnownWorkloads, PolicySet, Workload, WorkloadIndex};
use burgee_overlay::{Delivery, Identity, Module, Options, extension_configs, overlay};
use serde::Serialize;

pub(crate) use self::show::text;

use self::base::Bases;
use self::change::Changed;
use self::world::{Shape, Size, World};
use crate::HEAP;
use crate::clock::{median, ratio, timed};

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub seed: u64,
    pub rounds: u32,
    /// The variants, in the order in which they took turns.
    pub variants: Vec<Variant>,
}

/// What was measured of a mesh of one size.
#[derive(Debug, Serialize)]
pub(crate) struct Variant {
    pub size: Size,
    /// How many bytes of text the documents are.
    pub text_bytes: usize,
    /// How many edits lowering comes to, all workloads together: what was done is the same in every round.
    pub edits: usize,
    /// Of each part the median of the rounds.
    pub seconds: Seconds,
    /// How many times what the first variant takes, per document or workload: the median of the rounds' ratios.
    pub to_first: Seconds,
    pub heap: Heap,
    /// What one changed document costs, by whom it is for.
    pub changes: Vec<Changed>,
}

/// How long each part takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Seconds {
    /// Reading and checking all documents.
    pub check: f64,
    /// Making the set of policies and the index of workloads.
    pub set: f64,
    /// Resolving every workload.
    pub resolve: f64,
    /// Lowering every workload: laying what was resolved over a base.
    pub lower: f64,
}

impl Seconds {
    fn each(&self) -> [f64; 4] {
        [self.check, self.set, self.resolve, self.lower]
    }

    fn of([check, set, resolve, lower]: [f64; 4]) -> Seconds {
        Seconds { check, set, resolve, lower }
    }
}

/// How much is on the heap, in bytes, beside the documents' text.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Heap {
    /// Documents that were read and checked.
    pub documents: usize,
    /// The set of policies and the index of workloads, beside those.
    pub set: usize,
    /// What one workload takes at most while it is resolved and lowered.
    pub workload: usize,
    /// At most, while all of this happens.
    pub peak: usize,
}

/// Measures meshes of these numbers of documents, each in both shapes, in turns.
pub(crate) fn run(documents: &[u32], rounds: u32, seed: u64) -> Report {
    let bases = Bases::new();
    let worlds: Vec<World> = sizes(documents).into_iter().map(|size| World::new(size, seed)).collect();
    let mut measured: Vec<Vec<Round>> = worlds.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (world, rounds) in worlds.iter().zip(&mut measured) {
            rounds.push(round(world, &bases));
        }
    }
    let first = measured.first().map_or_else(Vec::new, |rounds| per_one(&worlds[0], rounds));
    let variants = worlds.iter().zip(&measured).filter_map(|(world, rounds)| {
        let last = rounds.last()?;
        Some(Variant {
            size: world.size,
            text_bytes: last.text_bytes,
            edits: last.edits,
            seconds: by_part(|part| median(rounds.iter().map(|round| round.seconds.each()[part]).collect())),
            to_first: by_part(|part| ratio(&column(&per_one(world, rounds), part), &column(&first, part))),
            heap: last.heap,
            changes: change::medians(rounds.iter().map(|round| &round.changes)),
        })
    });
    Report { seed, rounds, variants: variants.collect() }
}

/// Each number of documents in both shapes, where those differ.
fn sizes(documents: &[u32]) -> Vec<Size> {
    let mut sizes: Vec<Size> = Vec::new();
    for shape in [Shape::Spread, Shape::Dense] {
        for size in documents.iter().map(|documents| Size::new(*documents, shape)) {
            let is_there =
                |other: &Size| other.documents == size.documents && other.namespaces == size.namespaces;
            if !sizes.iter().any(is_there) {
                sizes.push(size);
            }
        }
    }
    sizes
}

fn by_part(value: impl Fn(usize) -> f64) -> Seconds {
    Seconds::of([0, 1, 2, 3].map(value))
}

fn column(rounds: &[Seconds], part: usize) -> Vec<f64> {
    rounds.iter().map(|seconds| seconds.each()[part]).collect()
}

/// What each round took per document or workload, of which there are as many.
fn per_one(world: &World, rounds: &[Round]) -> Vec<Seconds> {
    let count = f64::from(world.size.documents);
    rounds.iter().map(|round| Seconds::of(round.seconds.each().map(|seconds| seconds / count))).collect()
}

/// One turn of a variant.
struct Round {
    text_bytes: usize,
    edits: usize,
    seconds: Seconds,
    heap: Heap,
    changes: Vec<Changed>,
}

fn round(world: &World, bases: &Bases) -> Round {
    let sources = world.sources();
    let text_bytes = sources.iter().map(|source| source.text.len()).sum();
    let start = HEAP.current_usage();
    let taken = || HEAP.current_usage().saturating_sub(start);
    HEAP.reset_peak_usage();
    let (checked, of_check) = timed(|| check(&sources));
    let refused = checked.problems.iter().find(|problem| problem.severity == Severity::Error);
    assert!(refused.is_none(), "a document that was made is refused: {refused:#?}");
    let documents = taken();
    let ((set, index), of_set) = timed(|| set_and_index(&checked));
    let of_set_and_index = taken().saturating_sub(documents);
    let lowering = Lowering { set: &set, bases, options: options() };
    let all = lowering.each(index.workloads());
    let peak = HEAP.peak_usage().saturating_sub(start);
    let workload = lowering.heap_of_one(index.workloads());
    let seconds = Seconds { check: of_check, set: of_set, resolve: all.resolve, lower: all.lower };
    let changes = change::measure(world, &lowering, &index, all.resolve + all.lower);
    Round {
        text_bytes,
        edits: all.edits,
        seconds,
        heap: Heap { documents, set: of_set_and_index, workload, peak },
        changes,
    }
}

/// The documents stay as well, as they do in the commands, which say where everything comes from.
fn set_and_index(checked: &Checked) -> (PolicySet, WorkloadIndex) {
    let known = KnownWorkloads::new(&checked.resources, DEFAULT_REVISION).workloads;
    let index = WorkloadIndex::new(known.into_iter().map(|known| known.workload).collect());
    (PolicySet::new(checked.resources.clone()), index)
}

/// Resolves and lowers.
struct Lowering<'l> {
    set: &'l PolicySet,
    bases: &'l Bases,
    options: Options,
}

/// What resolving and lowering some workloads comes to.
#[derive(Default)]
struct Lowered {
    resolve: f64,
    lower: f64,
    edits: usize,
}

impl Lowering<'_> {
    /// One after the other, as a control plane does it that hands on what it has made.
    fn each<'w>(&self, workloads: impl IntoIterator<Item = &'w Workload>) -> Lowered {
        let mut all = Lowered::default();
        for workload in workloads {
            let (policy, of_resolve) = timed(|| self.set.resolve(workload));
            let (edits, of_lower) = timed(|| {
                let laid = overlay(self.bases.of(workload.kind), &policy, &self.options);
                laid.edits.len() + extension_configs(&policy, &self.options).len()
            });
            all.resolve += of_resolve;
            all.lower += of_lower;
            all.edits += edits;
        }
        all
    }

    /// What one workload takes at most, of some.
    fn heap_of_one(&self, workloads: &[Workload]) -> usize {
        let of = |workload| {
            let before = HEAP.current_usage();
            HEAP.reset_peak_usage();
            self.each([workload]);
            HEAP.peak_usage().saturating_sub(before)
        };
        workloads.iter().take(20).map(of).max().unwrap_or_default()
    }
}

fn options() -> Options {
    Options::new(
        Module { path: "/etc/burgee/telemetry.wasm".to_owned(), sha256: "0".repeat(64), metrics: Vec::new() },
        Delivery::Discovery { directory: "/run/burgee".to_owned() },
        Identity::Node,
    )
}

#[cfg(test)]
mod tests;
