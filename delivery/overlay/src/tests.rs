//! The overlay as a whole: what it writes, and that it can be taken back.

mod aggregated;
mod autos;
mod bases;
mod by_hand;
mod changes;
mod clusters;
mod connections;
mod encoded;
pub(crate) mod generated;
mod listeners;
mod logs;
mod natives;
mod plugins;
pub(crate) mod policies;
mod problems;
pub(crate) mod support;
pub(crate) mod tracers;
mod traces;
mod written;
