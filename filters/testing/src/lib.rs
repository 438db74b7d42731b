//! Tests of filters as data, and what every filter must stand.
//!
//! [`cases`] reads cases from YAML, each value with its place; [`reference`] writes down what they can say.

pub mod cases;
pub mod codes;
pub mod reference;
