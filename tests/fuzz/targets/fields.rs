//! Fuzzes [`burgee_tests::fuzz::fields`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| burgee_tests::fuzz::fields(bytes));
