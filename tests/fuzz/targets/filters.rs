//! Fuzzes our filters in the harness, by [`burgee_filter_test::anything`]: the first byte says which.
#![no_main]

use std::sync::OnceLock;

use burgee_filter_test::anything::{Filter, OURS, play};
use burgee_harness::Module;

/// The filters, built as a proxy gets them.
fn filters() -> &'static [(Module, &'static Filter)] {
    static FILTERS: OnceLock<Vec<(Module, &'static Filter)>> = OnceLock::new();
    FILTERS.get_or_init(|| {
        let load = |filter: &'static Filter| {
            let built = burgee_modules::build(filter.name, &|step: &str| eprintln!("{step}"));
            let built = built.unwrap_or_else(|error| panic!("{error}"));
            (Module::load(&built.bytes).unwrap_or_else(|error| panic!("{error}")), filter)
        };
        OURS.iter().map(load).collect()
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    let filters = filters();
    let (module, filter) = &filters[usize::from(*which) % filters.len()];
    if let Err(what) = play(module, filter, rest) {
        panic!("{}: {what}", filter.name);
    }
});
