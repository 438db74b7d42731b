//! What of WebAssembly a module uses beyond its first version, and what Envoy makes of it.

use std::collections::BTreeSet;

use wasmparser::{OperatorsReader, VisitOperator, VisitSimdOperator};

use super::Feature;

/// Each part by the name that wasmparser has for it, by the one that people know, and what a stock Envoy 1.40 was seen to make
/// of a module with it: a module for each was loaded there.
const KNOWN: &[(&str, &str, &str)] = &[
    ("bulk_memory", "bulk memory", TAKES),
    ("exceptions", "exceptions", TAKES),
    ("extended_const", "extended constants", TAKES),
    ("function_references", "typed function references", TAKES),
    ("gc", "garbage collection", TAKES),
    ("legacy_exceptions", "exceptions of the older kind", TAKES),
    ("memory64", "memory of 64 bits", "loads it, and gives it pointers of 32 bits"),
    ("multi_memory", "several memories", "loads it, and reaches the one that is exported as `memory`"),
    ("multi_value", "several results", TAKES),
    ("reference_types", "reference types", TAKES),
    ("relaxed_simd", "relaxed SIMD", TAKES),
    ("saturating_float_to_int", "saturating conversions", TAKES),
    ("shared_memory", "shared memory", "loads it; each VM has one thread"),
    ("sign_extension", "sign extension", TAKES),
    ("simd", "SIMD", TAKES),
    ("tail_call", "tail calls", TAKES),
    ("threads", "atomic operations", "loads it; each VM has one thread"),
];

const TAKES: &str = "takes it";

/// The features of these names.
pub(super) fn described(names: &BTreeSet<&'static str>) -> Vec<Feature> {
    let describe = |name: &&'static str| match KNOWN.iter().find(|(known, ..)| known == name) {
        Some((_, name, envoy)) => Feature { name, envoy },
        None => Feature { name, envoy: "was not tried with it" },
    };
    names.iter().map(describe).collect()
}

/// What the code of one function is made of.
#[derive(Default)]
pub(super) struct Used {
    /// Names of features, as wasmparser has them.
    pub features: BTreeSet<&'static str>,
    /// Something that does more than hand values on: it is not empty.
    pub does_something: bool,
}

impl Used {
    /// Reads the code of a function.
    pub(super) fn read(&mut self, mut operators: OperatorsReader<'_>) -> wasmparser::Result<()> {
        while !operators.eof() {
            operators.visit_operator(self)?;
        }
        Ok(())
    }

    fn saw(&mut self, proposal: &'static str, visit: &str) {
        if proposal != "mvp" {
            self.features.insert(proposal);
        }
        const IDLE: [&str; 6] =
            ["visit_nop", "visit_end", "visit_return", "visit_drop", "visit_local_get", "visit_i32_const"];
        self.does_something |= !IDLE.contains(&visit);
    }
}

macro_rules! note {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(
            fn $visit(&mut self $($(, _: $argty)*)?) {
                self.saw(stringify!($proposal), stringify!($visit));
            }
        )*
    };
}

impl<'a> VisitOperator<'a> for Used {
    type Output = ();

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(note);
}

impl<'a> VisitSimdOperator<'a> for Used {
    wasmparser::for_each_visit_simd_operator!(note);
}
