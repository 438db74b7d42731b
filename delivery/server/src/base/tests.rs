//! What bases are read as, what is told of them, and which class a proxy is of.

mod binaries;
mod rejects;
mod selection;
mod support;
mod texts;
