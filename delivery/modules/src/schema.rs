//! What a module says to tools in custom sections; of its configuration, the JSON Schema that it carries or that its
//! crate has as a file.

use std::fs;
use std::path::{Path, PathBuf};

use wasmparser::{Parser, Payload};

/// The custom section of a module that holds the schema of its configuration.
pub const SCHEMA_SECTION: &str = "burgee.configuration_schema";

/// The file of a module's crate that holds the same.
pub const SCHEMA_FILE: &str = "configuration.schema.json";

/// Where a schema was found, and its text, or why it cannot be read.
pub type FoundSchema = (PathBuf, Result<Vec<u8>, String>);

/// The schema of the module in a file, or of the one that the crate in a folder makes. None where there is no such thing,
/// or where it says nothing. Nothing is built.
pub fn configuration_schema(path: &Path) -> Option<FoundSchema> {
    let is_folder = path.is_dir();
    let file = if is_folder { path.join(SCHEMA_FILE) } else { path.to_owned() };
    // A pipe or a device might never end.
    if !fs::metadata(&file).ok()?.is_file() {
        return None;
    }
    let read = fs::read(&file).map_err(|error| error.to_string());
    let text = match read {
        Ok(bytes) if !is_folder => custom_section(&bytes, SCHEMA_SECTION).transpose()?,
        read => read,
    };
    Some((file, text))
}

/// A custom section of a module; none where it has none of this name.
///
/// # Errors
/// When it is no module; the text says why.
pub fn custom_section(module: &[u8], name: &str) -> Result<Option<Vec<u8>>, String> {
    for payload in Parser::new(0).parse_all(module) {
        match payload {
            Ok(Payload::CustomSection(section)) if section.name() == name => {
                return Ok(Some(section.data().to_vec()));
            }
            Ok(_) => {}
            Err(error) => return Err(format!("the module cannot be read: {error}")),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with one custom section.
    fn module(name: &str, data: &[u8]) -> Vec<u8> {
        let mut module = walrus::Module::default();
        module.customs.add(walrus::RawCustomSection { name: name.to_owned(), data: data.to_owned() });
        module.emit_wasm()
    }

    #[test]
    fn a_schema_is_found_in_a_crate_and_in_a_module() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("filter.wasm");
        let text = |path: &Path| configuration_schema(path).map(|(_, text)| text);
        assert_eq!(text(folder.path()), None);
        assert_eq!(text(&file), None);
        fs::write(folder.path().join(SCHEMA_FILE), "{}").unwrap();
        assert_eq!(text(folder.path()), Some(Ok(b"{}".to_vec())));
        fs::write(&file, module(SCHEMA_SECTION, b"true")).unwrap();
        assert_eq!(text(&file), Some(Ok(b"true".to_vec())));
        let other = module("other", b"true");
        fs::write(&file, &other).unwrap();
        assert_eq!(custom_section(&other, "other"), Ok(Some(b"true".to_vec())));
        assert_eq!(custom_section(&other, SCHEMA_SECTION), Ok(None));
        assert_eq!(text(&file), None);
        fs::write(&file, &module(SCHEMA_SECTION, b"true")[..20]).unwrap();
        assert!(text(&file).is_some_and(|text| text.is_err_and(|why| why.contains("cannot be read"))));
    }
}
