//! What a module is, from its bytes alone: nothing is run. [`crate::lint`] says what of it is wrong, and [`text`] shows it.

mod features;
mod read;
pub mod text;

use serde::Serialize;

pub use self::read::inspect;

/// Why bytes cannot be inspected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// They are something else than Wasm.
    #[error(
        "this is not WebAssembly: it begins with {beginning}, and a module with 00 61 73 6d. Name the module itself; an \
         image or an archive has it within"
    )]
    NotWasm {
        /// The first bytes, in hexadecimal.
        beginning: String,
    },
    /// They are a component.
    #[error(
        "this is a WebAssembly component, and no Envoy loads one: build a core module, with \
         `cargo build --target wasm32-wasip1` and `crate-type = [\"cdylib\"]`"
    )]
    Component,
    /// They are of another version of the format.
    #[error("this is WebAssembly of version {0}, and Envoy loads version 1")]
    OtherVersion(u32),
    /// They are cut off, or broken.
    #[error("the module is broken at byte {offset}: {reason}. Take it anew from where it was built")]
    Broken {
        /// Where.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
}

/// What a module is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: usize,
    /// The versions of the ABI that it says, such as `0.2.1`; more than one where it says several, of which Envoy takes
    /// the newest that it has.
    pub abi_versions: Vec<String>,
    /// What it imports, in its own order.
    pub imports: Vec<Import>,
    /// What it exports, by name.
    pub exports: Vec<Export>,
    /// The callbacks of the ABI that it exports, by name.
    pub callbacks: Vec<Callback>,
    /// Its memories, of which a module for Envoy has one.
    pub memories: Vec<Memory>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its sections in their order, and how large each is without its header; custom ones with their names.
    pub sections: Vec<Section>,
    /// How many functions it has of its own.
    pub functions: usize,
    /// Bytes of code, which Envoy compiles when it loads the module.
    pub code_bytes: usize,
    /// Bytes of data, which each VM has in its memory.
    pub data_bytes: usize,
    /// Bytes of names and debug information, which Envoy keeps and never needs.
    pub debug_bytes: usize,
    /// What of WebAssembly it uses beyond the first version.
    pub features: Vec<Feature>,
    /// What made it, as `field: name version`; from the section `producers`.
    pub producers: Vec<String>,
    /// What it says of the package that it was built from.
    pub package: Option<serde_json::Value>,
    /// The JSON Schema of its configuration, if it carries one.
    pub configuration_schema: Option<serde_json::Value>,
}

/// Something that a module wants of its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// The module that it is wanted of, such as `env`.
    pub module: String,
    /// Its name.
    pub name: String,
    /// What it takes and gives, or that it is no function.
    pub signature: String,
    /// Whether Envoy has it.
    pub host: Offered,
}

/// Whether Envoy has what a module imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "offered", content = "detail")]
pub enum Offered {
    /// It does.
    Yes,
    /// It can be imported, and answers this whatever it is asked.
    WithoutEffect(&'static str),
    /// It takes and gives other things there, so the module does not load.
    OtherSignature(String),
    /// It is never there, so the module does not load.
    Never,
}

/// Something that a module exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is: `function`, `memory`, `table`, `global` or `tag`.
    pub kind: &'static str,
    /// What a function takes and gives; empty for anything else.
    pub signature: String,
}

/// A callback that a module exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// Its name.
    pub name: String,
    /// Bytes of its code.
    pub bytes: usize,
    /// It does nothing but return: Envoy calls it all the same, for every stream.
    pub is_empty: bool,
}

/// A memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Bytes that it begins with.
    pub initial_bytes: u64,
    /// Bytes that it may have; without: as many as the host allows.
    pub maximum_bytes: Option<u64>,
    /// It is shared between threads.
    pub is_shared: bool,
    /// Its addresses have 64 bits.
    pub is_64_bit: bool,
    /// It is the host's, and Envoy has none to give.
    pub is_imported: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What its elements are, such as `funcref`.
    pub element: String,
    /// Elements that it begins with.
    pub initial: u64,
    /// Elements that it may have; without: as many as the host allows.
    pub maximum: Option<u64>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its name: `code`, or that of a custom one.
    pub name: String,
    /// Whether it is a custom one.
    pub custom: bool,
    /// How many bytes it has.
    pub bytes: usize,
}

/// A part of WebAssembly that came after its first version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Its name, such as `simd`.
    pub name: &'static str,
    /// What Envoy makes of it.
    pub envoy: &'static str,
}

impl Inspection {
    /// Whether it exports a function of this name.
    pub fn has_function(&self, name: &str) -> bool {
        self.exports.iter().any(|export| export.kind == "function" && export.name == name)
    }

    /// The version of the ABI by which Envoy runs it: the newest that both know.
    pub fn abi_version(&self) -> Option<&str> {
        let known = ["0.2.1", "0.2.0", "0.1.0"];
        known.into_iter().find(|known| self.abi_versions.iter().any(|version| version == known))
    }
}

#[cfg(test)]
mod tests;
