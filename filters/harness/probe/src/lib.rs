//! A proxy-wasm module that calls its host as its configuration says, and writes down every answer.
//!
//! It stands on nothing but the ABI, since it must see raw statuses and bytes. What it is told is in the VM's
//! configuration, in JSON: `attributes` (paths that are asked for in every callback), `cases` (calls, by name) and
//! `returns`; `filters/harness/facts/README.md` says what they look like. What comes of it goes to the log, one line of
//! JSON after the word `PROBE` for each thing: a callback that begins, the attributes in it, a case.
#![cfg(target_arch = "wasm32")]

mod abi;
mod callbacks;
mod probe;
mod step;
