//! A small mesh on loopback: stock Envoys on file xDS, stub apps and traffic.
//!
//! ```text
//! Resources ──mesh──► what runs ──base──► configuration ──overlay──► files ──► Envoys
//!                                                                                │
//!             summary ◄──expect── what the documents ask for, against ──scrape───┘
//! ```
//!
//! [`Localnet::start`] starts everything; [`Localnet::drive`] sends traffic; [`Localnet::observe`] reads what the
//! proxies counted and checks it; [`Localnet::apply`] takes changed documents without a restart; [`Localnet::stop`]
//! ends everything. Nothing outlives the process that called [`Localnet::start`], however it ends (on Linux).
//!
//! Deliberately not here: arguments, terminals and reading of documents; those are the command line's.

mod admin;
mod app;
mod base;
mod change;
mod configuration;
pub mod envoy;
mod error;
mod expect;
mod gateway_hosts;
mod mesh;
mod observe;
mod ports;
mod process;
mod progress;
mod render;
mod run;
mod run_directory;
pub mod scrape;
mod start;
pub mod summary;
pub mod traffic;

pub use envoy::{Envoy, EnvoyError};
pub use error::LocalnetError;
pub use ports::PortError;
pub use progress::{Progress, Silent};
pub use run::{Localnet, Options};
pub use summary::Summary;
pub use traffic::Target;

/// What cannot be of the mesh that documents describe; known before anything is built or started.
pub fn plan_problems(resources: &burgee_api::resources::Resources) -> Vec<burgee_api::Problem> {
    mesh::plan(resources).1
}
