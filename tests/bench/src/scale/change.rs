//! One changed document: whom it concerns, and what it costs to do these anew.

use burgee_api::document::{Source, read};
use burgee_api::resolve::{Change, WorkloadIndex, affected};
use serde::Serialize;

use super::Lowering;
use super::world::{Scope, World, Written};
use crate::clock::{median, timed};

/// How many documents of each scope are changed, one at a time.
const TRIED: usize = 5;

/// What changed documents of one scope cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Changed {
    pub scope: Scope,
    /// How many documents were changed, one at a time.
    pub tried: usize,
    /// How many workloads these are for, as whoever made them knows.
    pub selected: usize,
    /// How many workloads the sets say are concerned.
    pub affected: usize,
    /// How long it takes to change the set and to find whom it concerns, per document.
    pub find_seconds: f64,
    /// How long it takes to resolve and to lower these, per document.
    pub redo_seconds: f64,
    /// Both together, as a share of resolving and lowering every workload in the same round.
    pub of_all: f64,
}

/// Changes some documents of each scope. `all` is how long all workloads take.
pub(super) fn measure(
    world: &World,
    lowering: &Lowering<'_>,
    index: &WorkloadIndex,
    all: f64,
) -> Vec<Changed> {
    Scope::ALL.into_iter().map(|scope| of_scope(scope, world, lowering, index, all)).collect()
}

fn of_scope(
    scope: Scope,
    world: &World,
    lowering: &Lowering<'_>,
    index: &WorkloadIndex,
    all: f64,
) -> Changed {
    let of_scope: Vec<&Written> =
        world.telemetries.iter().filter(|telemetry| telemetry.scope == scope).collect();
    // From all over the mesh.
    let step = of_scope.len().div_ceil(TRIED).max(1);
    let tried: Vec<&Written> = of_scope.into_iter().step_by(step).collect();
    let (mut find, mut redo, mut concerned) = (0.0, 0.0, 0);
    for telemetry in &tried {
        let change = change(telemetry);
        let ((set, numbers), of_find) = timed(|| {
            let set = lowering.set.changed([change]);
            let numbers = affected(lowering.set, &set, index);
            (set, numbers)
        });
        concerned += numbers.len();
        let changed = Lowering { set: &set, bases: lowering.bases, options: lowering.options.clone() };
        let redone = changed.each(numbers.iter().map(|number| &index.workloads()[*number]));
        find += of_find;
        redo += redone.resolve + redone.lower;
    }
    let selected = tried.iter().map(|telemetry| world.selected_by(telemetry)).sum();
    let [find_seconds, redo_seconds] = [find, redo].map(|seconds| seconds / tried.len().max(1) as f64);
    let of_all = (find_seconds + redo_seconds) / all;
    Changed { scope, tried: tried.len(), selected, affected: concerned, find_seconds, redo_seconds, of_all }
}

fn change(telemetry: &Written) -> Change {
    let text = telemetry.changed().text();
    let mut read = read(&[Source::new("changed.yaml", text.as_str())]).resources.telemetries;
    Change::Telemetry(Box::new(read.pop().unwrap_or_else(|| panic!("no Telemetry: {text}"))))
}

/// The same for several rounds: of each time the median.
pub(super) fn medians<'c>(rounds: impl Iterator<Item = &'c Vec<Changed>>) -> Vec<Changed> {
    let rounds: Vec<&Vec<Changed>> = rounds.collect();
    let Some(first) = rounds.first() else { return Vec::new() };
    let of = |index: usize, time: fn(&Changed) -> f64| {
        median(rounds.iter().filter_map(|round| round.get(index)).map(time).collect())
    };
    let each = first.iter().enumerate();
    each.map(|(index, changed)| Changed {
        find_seconds: of(index, |changed| changed.find_seconds),
        redo_seconds: of(index, |changed| changed.redo_seconds),
        of_all: of(index, |changed| changed.of_all),
        ..changed.clone()
    })
    .collect()
}
