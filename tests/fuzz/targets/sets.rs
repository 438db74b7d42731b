//! Fuzzes [`burgee_tests::fuzz::sets`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| burgee_tests::fuzz::sets(bytes));
