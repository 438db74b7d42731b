//! The supply of Wasm modules: fetched from registries, web servers and files, held to digests and signatures, and kept;
//! packed into images and pushed.
//!
//! [`Supply::fetch`] gives the module of a [`Request`], from the cache where the policy allows, and says in
//! [`SupplyError`] what was tried and whether it may yet pass. [`pack`] and [`Supply::push`] go the other way. What is
//! fetched is never unpacked onto a disk, never larger than [`Limits`], and for a document never from where only this
//! machine can reach ([`Reach`]). Deliberately not here: anything of a terminal (a [`Listener`] hears what is done),
//! anything of Envoy's, and what a module does (`burgee-modules` looks at that).

mod cache;
mod challenge;
mod credentials;
mod digest;
mod error;
mod fetch;
#[doc(hidden)]
pub mod fuzz;
mod image;
mod manifest;
mod reach;
mod reference;
mod registry;
mod request;
mod settings;
mod signature;
mod transport;
mod unpack;

use std::time::Duration;

pub use credentials::Credentials;
pub use error::SupplyError;
pub use fetch::{Fetched, Supply};
pub use image::{Image, pack};
pub use manifest::Form;
pub use reach::Reach;
pub use reference::{ModuleUrl, Reference};
pub use request::{Policy, Request};
pub use settings::{Limits, Retries, Settings};
pub use signature::{PublicKey, SigningKey};

/// Hears what is being done.
pub type Listener<'a> = dyn Fn(Progress<'_>) + Sync + 'a;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Something is begun, in words.
    Step(&'a str),
    /// Bytes of something arrived.
    Bytes {
        /// Of what.
        what: &'a str,
        /// How many are there.
        done: u64,
        /// How many there will be, if that is known.
        all: Option<u64>,
    },
    /// Something failed and is tried again.
    Again {
        /// What.
        what: &'a str,
        /// Why.
        why: &'a str,
        /// After how long.
        after: Duration,
    },
}
