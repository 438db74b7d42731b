//! Makes an input smaller for as long as it shows the same fault.

use burgee_harness::Trap;

use super::inputs::{Map, data, maps, pairs, with_pairs};
use super::subject::Subject;
use crate::cases::format::{Case, Chunks};
use crate::cases::values::{Data, Ordered};

/// The most inputs that are tried to make one smaller.
const MOST_TRIES: usize = 400;

/// The smallest input that was found, and the trap that it shows.
pub(super) fn shrink(subject: &Subject<'_>, case: &Case, trap: &Trap) -> (Case, Trap) {
    let mut smallest = (case.clone(), trap.clone());
    let mut tries = 0;
    loop {
        let before = tries;
        let found = smaller(&smallest.0).into_iter().find_map(|candidate| {
            tries += 1;
            let trap = (tries <= MOST_TRIES).then(|| subject.play(&candidate)).flatten()?;
            is_same(&trap, &smallest.1).then_some((candidate, trap))
        });
        match found {
            Some(found) => smallest = found,
            None => return smallest,
        }
        if tries >= MOST_TRIES || tries == before {
            return smallest;
        }
    }
}

/// Whether it is the same fault: it ends in the same place.
fn is_same(one: &Trap, other: &Trap) -> bool {
    let place =
        |trap: &Trap| trap.frames.iter().map(|frame| frame.function.clone()).take(3).collect::<Vec<_>>();
    one.reason == other.reason && place(one) == place(other)
}

/// What is a little smaller: big cuts first.
fn smaller(case: &Case) -> Vec<Case> {
    let mut candidates = Vec::new();
    let count = case.steps.len();
    if count > 1 {
        candidates.push(Case { steps: case.steps.iter().take(count / 2).cloned().collect(), ..case.clone() });
    }
    for at in (0..count).rev() {
        let mut candidate = case.clone();
        candidate.steps.remove(at);
        candidates.push(candidate);
    }
    for at in 0..count {
        candidates.extend(without_parts(case, at));
    }
    for map in maps(case) {
        candidates.extend(without_headers(case, map));
    }
    candidates.extend(without_setup(case));
    candidates
}

fn without_parts(case: &Case, at: usize) -> Vec<Case> {
    let mut candidates = Vec::new();
    let mut change = |change: &dyn Fn(&mut crate::cases::format::Message)| {
        let mut candidate = case.clone();
        if let Some(message) = candidate.steps.get_mut(at).and_then(super::inputs::message_mut) {
            change(message);
            candidates.push(candidate);
        }
    };
    let Some(message) = case.steps.get(at).and_then(|step| step.request.as_ref().or(step.response.as_ref()))
    else {
        return candidates;
    };
    if message.trailers.is_some() {
        change(&|message| message.trailers = None);
    }
    if let Some(body) = &message.body {
        change(&|message| message.body = None);
        let chunks = body.chunks();
        if chunks.len() > 1 {
            let half: Vec<Data> = chunks.iter().take(chunks.len() / 2).map(|data| (*data).clone()).collect();
            change(&move |message| message.body = Some(Chunks::Several(half.clone())));
        }
    }
    if message.bare && message.headers.is_some() {
        change(&|message| message.bare = false);
    }
    candidates
}

fn without_headers(case: &Case, map: (usize, Map)) -> Vec<Case> {
    let all = pairs(case, map);
    let mut candidates = Vec::new();
    if all.len() > 3 {
        candidates.push(with_pairs(case, map, all.iter().take(all.len() / 2).cloned().collect()));
        candidates.push(with_pairs(case, map, all.iter().skip(all.len() / 2).cloned().collect()));
    }
    for at in 0..all.len() {
        let mut fewer = all.clone();
        fewer.remove(at);
        candidates.push(with_pairs(case, map, fewer));
    }
    for (at, (name, value)) in all.iter().enumerate() {
        for (name, value) in [(name.clone(), shorter(value)), (shorter(name), value.clone())] {
            let changed = (name, value);
            let bytes = |pair: &(Data, Data)| (pair.0.bytes().len(), pair.1.bytes().len());
            if bytes(&changed) != all.get(at).map(bytes).unwrap_or_default() {
                let mut others = all.clone();
                others.splice(at..=at, [changed]);
                candidates.push(with_pairs(case, map, others));
            }
        }
    }
    candidates
}

/// Half of it; one byte stays.
fn shorter(value: &Data) -> Data {
    let bytes = value.bytes();
    match bytes.len() {
        0 | 1 => value.clone(),
        length => data(bytes.get(..length / 2).unwrap_or_default()),
    }
}

fn without_setup(case: &Case) -> Vec<Case> {
    let mut candidates = Vec::new();
    if let Some(Ordered(properties)) = &case.setup.properties {
        for at in 0..properties.len() {
            let mut candidate = case.clone();
            candidate.setup.properties.iter_mut().for_each(|properties| drop(properties.0.remove(at)));
            candidates.push(candidate);
        }
    }
    for (field, is_there) in [
        (0, case.setup.shared_data.is_some()),
        (1, case.setup.environment.is_some()),
        (2, case.setup.properties.as_ref().is_some_and(|properties| properties.0.is_empty())),
    ] {
        if !is_there {
            continue;
        }
        let mut candidate = case.clone();
        match field {
            0 => candidate.setup.shared_data = None,
            1 => candidate.setup.environment = None,
            _ => candidate.setup.properties = None,
        }
        candidates.push(candidate);
    }
    candidates
}
