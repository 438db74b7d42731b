//! Whatever others wrote is read or refused: what fuzzers start from and have found, what is like it, and bytes of chance.

use std::fs;

use burgee_server::fuzz::responses;
use proptest::prelude::*;
use proptest::sample::Index;

/// What is in the corpus.
fn corpus() -> Vec<Vec<u8>> {
    let folder = burgee_tests::workspace().join("tests/fuzz/corpus/responses");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("an input")).collect()
}

#[test]
fn what_fuzzers_found_does_no_harm() {
    let all = corpus();
    assert!(all.len() > 3, "there are {} inputs", all.len());
    all.iter().for_each(|input| responses(input));
}

#[test]
fn what_is_like_it_does_no_harm() {
    let all = corpus();
    let choices = any::<(Index, Index, Index)>();
    let bytes = prop::collection::vec(any::<u8>(), 0..6);
    proptest!(ProptestConfig::with_cases(1000), |(choices in choices, bytes in bytes, length in 0usize..20)| {
        let (one, place, other) = choices;
        let mut input = one.get(&all).clone();
        let start = place.index(input.len());
        let part = if bytes.is_empty() { other.get(&all) } else { &bytes };
        let end = (start + length).min(input.len());
        input.splice(start..end, part.iter().copied());
        responses(&input);
    });
}

#[test]
fn bytes_of_chance_do_no_harm() {
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..600))| responses(&bytes));
}
