//! Fuzzes [`burgee_tests::fuzz::log_formats`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| burgee_tests::fuzz::log_formats(bytes));
