//! Tests of filters as data, and what every filter must stand.
//!
//! ```text
//! text ──cases──► cases ──run──► results ──report──► text
//!                   └──compliance──► results of rules
//! ```
//!
//! - [`cases`] reads cases from YAML, each value with its place; [`mod@reference`] writes down what they can say;
//! - [`run`] plays them to a module in the harness;
//! - [`compliance`] tries what every filter must stand, with inputs that it makes out of cases;
//! - [`anything`] plays what bytes choose, for fuzzers.
//!
//! Deliberately not here: building modules, reading files, and the command line.

pub mod anything;
pub mod cases;
pub mod codes;
pub mod compliance;
pub mod reference;
pub mod report;
pub mod run;
