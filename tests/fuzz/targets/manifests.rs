//! Fuzzes [`burgee_supply::fuzz::manifests`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| burgee_supply::fuzz::manifests(bytes));
