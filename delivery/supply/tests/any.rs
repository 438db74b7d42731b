//! Whatever others wrote is read or refused: what fuzzers start from and have found, what is like it, and bytes of chance.

use std::fs;
use std::path::Path;

use burgee_supply::fuzz::TARGETS;
use proptest::prelude::*;
use proptest::sample::Index;

/// What is in a target's corpus.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// How one input becomes another: from a place on, some bytes of it are replaced by some of another.
fn changed(all: &[Vec<u8>], choices: (Index, Index, Index, Index), bytes: &[u8], length: usize) -> Vec<u8> {
    let (one, other, place, from) = choices;
    let (mut input, other) = (one.get(all).clone(), other.get(all));
    if input.is_empty() || other.is_empty() {
        return bytes.to_vec();
    }
    let (start, from) = (place.index(input.len()), from.index(other.len()));
    let end = (start + length).min(input.len());
    let part: Vec<u8> = match bytes {
        [] => other.iter().skip(from).take(length).copied().collect(),
        bytes => bytes.to_vec(),
    };
    input.splice(start..end, part);
    input
}

#[test]
fn what_fuzzers_found_does_no_harm() {
    for (name, target) in TARGETS {
        let all = corpus(name);
        assert!(all.len() > 3, "{name} has {} inputs", all.len());
        all.iter().for_each(|input| target(input));
    }
}

#[test]
fn what_is_like_it_does_no_harm() {
    for (name, target) in TARGETS {
        let all = corpus(name);
        let choices = any::<(Index, Index, Index, Index)>();
        let bytes = prop::collection::vec(any::<u8>(), 0..6);
        proptest!(ProptestConfig::with_cases(1000), |(choices in choices, bytes in bytes, length in 0usize..200)| {
            target(&changed(&all, choices, &bytes, length));
        });
    }
}

#[test]
fn bytes_of_chance_do_no_harm() {
    for (_, target) in TARGETS {
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..600))| target(&bytes));
    }
}
