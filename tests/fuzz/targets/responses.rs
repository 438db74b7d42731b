//! Fuzzes [`burgee_server::fuzz::responses`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| burgee_server::fuzz::responses(bytes));
