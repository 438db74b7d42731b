//! Builds, trims and finds Wasm modules.
//!
//! [`build`] makes a module of one of our filters from this workspace, [`build_crate`] of any folder's crate: they look
//! after the compiler's target, trim what Envoy would pay for without need, and put the result where its digest is
//! its name; [`build_symbols`] makes the same code with the names and lines that tell where a trap was, and keeps it beside
//! the module; [`keep_file`] puts a module that is there already beside them, and [`sources`] says what crates are made of,
//! so that it can be watched. [`configuration_schema`] finds what a module says of its configuration, without building
//! anything, and [`custom_section`] what else it says to tools.
//! [`mod@inspect`] says what a module is, [`mod@lint`] what is wrong with it, and [`admit`] starts it once besides, so that what
//! no proxy could run reaches none. [`build_program`] makes a program of ours for containers. The same sources of ours give the
//! same bytes. Deliberately not here: anything of a terminal (steps are told to the caller's [`Progress`]) and anything
//! of Envoy's configuration.

mod build;
mod cache;
mod error;
mod faults;
pub mod inspect;
pub mod lint;
mod optimize;
mod package;
mod program;
mod published;
mod schema;
mod sources;
pub mod start;
mod symbols;
mod target;
mod toolchain;
mod trim;

pub use build::{
    BuiltModule, build, build_crate, build_crate_in, build_in, checkout, filter_folder, keep_file,
    keep_file_in,
};
pub use cache::{digest_of_module, sha256 as digest};
pub use error::ModuleError;
pub use optimize::optimize;
pub use program::{CONTAINER_TARGET, build_program};
pub use published::{PACKAGE_SECTION, PackageFacts, build_to_publish, build_to_publish_in, package_facts};
pub use schema::{SCHEMA_FILE, SCHEMA_SECTION, configuration_schema, custom_section};
pub use sources::sources;
pub use start::{Admitted, Limits, Refusal, Start, Started, admit, try_start};
pub use symbols::{
    build_symbols, build_symbols_in, kept_symbols, kept_symbols_in, kept_symbols_of, symbols_path,
};
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
