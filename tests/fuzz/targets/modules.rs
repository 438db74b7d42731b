//! Fuzzes what is said of modules that anybody has made: their sections, and what is wrong with them.
#![no_main]

use burgee_modules::inspect::{inspect, text::text};
use burgee_modules::lint::lint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(module) = inspect(bytes) {
        lint(&module);
        assert!(!text(&module).is_empty(), "a module can be told of");
    }
});
