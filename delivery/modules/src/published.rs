//! What a module that leaves the machine says of the package that it was built from, in a custom section of its own: for
//! registries' annotations, and for whoever looks at it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Progress;
use crate::build::{BuiltModule, build_crate_in, keep, user_cache};
use crate::error::ModuleError;
use crate::package::{metadata, package_in};
use crate::schema::custom_section;
use crate::trim::is_listed_in;

/// The custom section of a module that holds [`PackageFacts`], as JSON.
pub const PACKAGE_SECTION: &str = "burgee.package";

/// The first Envoy that modules of the kit were tried with.
const KIT_ENVOY: &str = "1.36";

/// What a module says of its package. What is not known is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PackageFacts {
    /// Its name, as Cargo.toml has it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is, in a line: `description`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its licence, an SPDX expression: `license`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where its sources are: `repository`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The first Envoy that it is for, such as `1.36`: `minimum-envoy` under `[package.metadata.burgee]`, else that of the kit
    /// if it is written with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_envoy: Option<String>,
    /// Where among filters it belongs, as a WasmPlugin's `phase` has it: `phase` under `[package.metadata.burgee]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// Builds the crate in a folder as [`build_crate`](crate::build_crate) does, and has the module say its package.
///
/// # Errors
/// Like [`build_crate`](crate::build_crate).
pub fn build_to_publish(folder: &Path, progress: &dyn Progress) -> Result<BuiltModule, ModuleError> {
    build_to_publish_in(&user_cache()?, folder, progress)
}

/// Like [`build_to_publish`], into another cache directory.
///
/// # Errors
/// Like [`build_to_publish`].
pub fn build_to_publish_in(
    cache: &Path,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<BuiltModule, ModuleError> {
    let built = build_crate_in(cache, folder, progress)?;
    // It was just built, so it is there.
    let no_crate =
        |error: std::io::Error| ModuleError::NoCrate { folder: folder.to_owned(), reason: error.to_string() };
    let folder = folder.canonicalize().map_err(no_crate)?;
    let metadata = metadata(&folder)?;
    let Some(package) = package_in(&metadata, &folder) else { return Ok(built) };
    let facts = facts(package, is_listed_in(&built.bytes));
    keep(cache, with_package(built.bytes, &facts)?)
}

/// What a module says of its package; none if it says nothing, or something else.
pub fn package_facts(module: &[u8]) -> Option<PackageFacts> {
    serde_json::from_slice(&custom_section(module, PACKAGE_SECTION).ok()??).ok()
}

/// A module that says its package: the same code, and one more section, unless it has one of its own.
fn with_package(mut module: Vec<u8>, facts: &PackageFacts) -> Result<Vec<u8>, ModuleError> {
    let invalid = |reason: String| ModuleError::InvalidModule { reason };
    if custom_section(&module, PACKAGE_SECTION).map_err(invalid)?.is_some() {
        return Ok(module);
    }
    let data = serde_json::to_vec(facts).map_err(|error| invalid(error.to_string()))?;
    let mut section = Vec::new();
    leb128(&mut section, PACKAGE_SECTION.len());
    section.extend(PACKAGE_SECTION.as_bytes());
    section.extend(data);
    module.push(0);
    leb128(&mut module, section.len());
    module.extend(section);
    Ok(module)
}

/// Writes a number as Wasm has numbers.
fn leb128(to: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}

fn facts(package: &Value, is_kit_s: bool) -> PackageFacts {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let ours = &package["metadata"]["burgee"];
    PackageFacts {
        name: text(&package["name"]).unwrap_or_default(),
        version: text(&package["version"]).unwrap_or_default(),
        description: text(&package["description"]),
        license: text(&package["license"]),
        source: text(&package["repository"]),
        minimum_envoy: text(&ours["minimum-envoy"]).or_else(|| is_kit_s.then(|| KIT_ENVOY.to_owned())),
        phase: text(&ours["phase"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_module_says_its_package_once_and_is_the_same_otherwise() {
        let whole = wat::parse_str("(module (memory 1))").expect("a module");
        let package = json!({
            "name": "who-asks", "version": "0.3.0", "description": "x".repeat(300), "license": "MIT", "repository": null,
            "metadata": {"burgee": {"phase": "AUTHN"}},
        });
        let facts = facts(&package, true);
        assert_eq!((facts.phase.as_deref(), facts.minimum_envoy.as_deref()), (Some("AUTHN"), Some("1.36")));
        let said = with_package(whole.clone(), &facts).expect("it can be said");
        assert!(said.starts_with(&whole));
        assert_eq!(package_facts(&said), Some(facts.clone()));
        let other = PackageFacts { name: "other".to_owned(), ..facts };
        assert_eq!(with_package(said.clone(), &other).expect("it is there"), said);
        assert_eq!(package_facts(&whole), None);
        assert!(with_package(b"\0asm".to_vec(), &other).is_err());
    }
}
