//! Fuzzes [`burgee_tests::fuzz::whole_documents`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| burgee_tests::fuzz::whole_documents(bytes));
