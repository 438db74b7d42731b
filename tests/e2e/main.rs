//! Tests that need the program and a real Envoy: what people type, and what they then see.
//!
//! Everything runs on loopback ports that the system picks and in directories of its own, so the tests run at once;
//! what a test starts ends with it. Envoy and the module are found as the program finds them, so the first run may
//! fetch the one and build the other.

mod accepted;
mod bad_input;
mod bootstraps;
mod callouts;
mod changes;
mod checking;
#[cfg(target_os = "linux")]
mod compose;
mod connections;
mod definitions;
mod diffing;
mod doctor;
mod endings;
mod engines;
mod explaining;
mod extensions;
mod fail_strategies;
mod front_proxy;
mod live_view;
mod loopback;
mod mixed;
mod modules;
mod new_filter;
mod one_service;
mod peers;
mod plugins;
mod prometheus;
mod providers;
mod quickstart;
mod refusals;
mod rendering;
mod serving;
#[cfg(target_os = "linux")]
mod serving_faults;
#[cfg(target_os = "linux")]
mod serving_loopback;
mod serving_tls;
mod serving_traces;
mod support;
mod swaps;
mod tracers;
