//! Streams as a conforming client has them, against a server on loopback: both flavours, and what goes wrong with them.

mod client;
mod conformance;
mod faults;
mod fleet;
mod server;
mod upstream;
