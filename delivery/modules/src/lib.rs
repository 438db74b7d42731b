//! Builds, trims and finds Wasm modules.
//!
//! [`build`] makes a module of one of our filters from this workspace: it looks after the compiler's target, builds
//! with the profile `filter`, trims what Envoy would pay for without need, and puts the result where its digest is
//! its name. The same sources give the same bytes. Deliberately not here: anything of a terminal (steps are told
//! to the caller's [`Progress`]) and anything of Envoy's configuration.

mod build;
mod cache;
mod error;
mod target;
mod trim;

pub use build::{BuiltModule, build, build_in};
pub use cache::digest_of_module;
pub use error::ModuleError;
pub use trim::trim;

/// Hears what is being done, one short line for each step. Any `Fn(&str)` is one.
pub trait Progress {
    /// Something is about to be done.
    fn step(&self, what: &str);
}

impl<F: Fn(&str)> Progress for F {
    fn step(&self, what: &str) {
        self(what);
    }
}
