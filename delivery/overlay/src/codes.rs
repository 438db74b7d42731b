//! Every code of this crate with its page.

mod base;
mod clusters;
mod examples;
mod metrics;
mod plugins;

pub use base::*;
pub use clusters::*;
pub use metrics::*;
pub use plugins::*;

use burgee_api::problem::Page;

/// The page of every code of this crate.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    [BASES, CLUSTERS, METRICS_ENGINES, PLUGINS].into_iter().flatten()
}

#[cfg(test)]
mod tests;
