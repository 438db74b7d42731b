//! What follows documents that change: a watch, modules that are asked for again, and what was good of a plugin before.

pub(crate) mod again;
pub(crate) mod last_good;
pub(crate) mod watch;
