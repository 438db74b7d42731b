//! What a proxy's own counters say of a plugin: traps and fresh starts, which it never tells by discovery.

use serde::Serialize;

/// A plugin in a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PluginState {
    /// The name by which the proxy counts it: that of its extension's configuration.
    pub name: String,
    /// How often a VM of it trapped.
    pub traps: u64,
    /// How often a VM of it was started anew after that.
    pub reloads: u64,
    /// How many configurations of it were taken, by name.
    pub config_reloads: u64,
    /// How many were refused.
    pub config_failures: u64,
}
