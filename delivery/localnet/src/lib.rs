//! A small mesh on loopback: stock Envoys on file xDS, or on a server, stub apps and traffic.
//!
//! ```text
//! Resources ──mesh──► what runs ──base──► configuration ──overlay──► files ──► Envoys
//!                                                                                │
//!             summary ◄──expect── what the documents ask for, against ──scrape───┘
//! ```
//!
//! [`Localnet::start`] starts everything; [`Localnet::drive`] sends traffic; [`Localnet::observe`] reads what the
//! proxies counted, logged and reported and checks it; [`Localnet::live`] shows it meanwhile; [`Localnet::apply`] takes
//! changed documents without a restart; [`Localnet::stop`] ends everything. [`Localnet::start_served`] starts a mesh whose
//! Envoys a server serves: with what [`Localnet::bases`] gives, and with what it lays over that. Apps and the receiver of
//! logs and spans are processes of their own ([`Options::stub`]). What ends by itself is told and ends nothing else. Nothing
//! outlives the process that called [`Localnet::start`], however it ends (on Linux).
//!
//! [`mesh::plan`] says what runs, a [`site::Site`] where everything is, and [`configuration_of`] what one Envoy of it
//! reads. A run on loopback is one site; whoever runs the same mesh elsewhere writes another.
//!
//! Deliberately not here: arguments, terminals and reading of documents; those are the command line's.

mod admin;
mod app;
mod base;
mod certificates;
mod change;
pub mod codes;
mod configuration;
pub mod envoy;
mod error;
mod expect;
pub mod export;
mod gateway_hosts;
pub mod live;
pub mod mesh;
mod observe;
mod pages;
mod parts;
mod plugins;
mod ports;
mod process;
mod progress;
mod prometheus;
mod rates;
mod record;
mod render;
mod run;
mod run_directory;
pub mod scrape;
mod served;
pub mod site;
mod start;
pub mod summary;
mod tail;
pub mod traffic;
mod watch;
mod words;

pub use base::{ListenerOf, listener_name, listeners_of};
pub use envoy::{Envoy, EnvoyError};
pub use error::LocalnetError;
pub use observe::Batch;
pub use ports::PortError;
pub use progress::{Progress, Silent};
pub use render::{BOOTSTRAP_FILE, Configuration, ExtensionFile, Files, Inputs, configuration_of, labels};
pub use run::{Localnet, Modules, Options};
pub use served::ServedBase;
pub use summary::Summary;
pub use traffic::{Asking, HeaderError, Target};

/// What cannot be of the mesh that documents describe; known before anything is built or started.
pub fn plan_problems(resources: &burgee_api::resources::Resources) -> Vec<burgee_api::Problem> {
    mesh::plan(resources).1
}
