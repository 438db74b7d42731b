//! Cases: a text in; cases with the places of all that they say, or every problem at once, out.

pub mod format;
mod read;
mod shape;
mod tree;
pub mod values;

pub use read::{Cases, Located, read, schema};
