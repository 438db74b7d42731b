//! The configuration of plugins, judged by the JSON Schemas of their modules.
//!
//! A module built with the kit carries the schema of its configuration, and its crate has the same as a file. Whoever
//! reads those hands them in; [`judge`] says what each `pluginConfig` has that its module does not take, with the place
//! of each value. [`Schema::faults`] says the same of any value.
//!
//! It stands beside burgee-api and not in it, because a validator of JSON Schema is larger than the whole language, and
//! asks its host for random numbers, where that crate asks for nothing.

mod fault;
mod forms;
mod keyword;
mod place;
mod schema;
mod words;

pub use fault::{Fault, Kind, Spot, Step};
pub use place::{Schemas, judge};
pub use schema::{Schema, SchemaError};
