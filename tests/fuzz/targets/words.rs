//! Fuzzes [`burgee_supply::fuzz::words`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| burgee_supply::fuzz::words(bytes));
