//! The JSON Schema of a filter's configuration: from the type that reads it, kept as a file, carried by the module.
//!
//! The file is `configuration.schema.json` beside the crate's manifest, so that tools find it without a build:
//!
//! - the filter names it: `const CONFIGURATION_SCHEMA: Option<&'static str> =
//!   Some(include_str!("../configuration.schema.json"));`, and its module then carries it as the custom section
//!   `burgee.configuration_schema`;
//! - a test keeps it as the type is: `burgee_kit::schema::keep(env!("CARGO_MANIFEST_DIR"), schemars::schema_for!(Config)
//!   .to_value())`.
//!
//! A module of several filters carries a schema only if all that have one have the same: the section has no root id.

/// What the section holds: the schema of all filters, if they have one and not several.
pub const fn only(schemas: &[Option<&'static str>]) -> &'static str {
    let mut found = "";
    let mut rest = schemas;
    while let [schema, others @ ..] = rest {
        if let Some(schema) = schema {
            if !found.is_empty() && !is_same(found.as_bytes(), schema.as_bytes()) {
                return "";
            }
            found = schema;
        }
        rest = others;
    }
    found
}

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([first, one_rest @ ..], [second, other_rest @ ..]) = (one, other) {
        if *first != *second {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}

/// Checks that the schema's file in a crate's folder says what the type says now. With the environment variable
/// `BURGEE_BLESS` it is written instead.
///
/// # Errors
/// If the file is absent, says something else or cannot be written; the message says what to do.
#[cfg(not(target_arch = "wasm32"))]
pub fn keep(folder: &str, schema: impl std::fmt::Display) -> Result<(), String> {
    let file = std::path::Path::new(folder).join("configuration.schema.json");
    // The alternate form of a JSON value is the one with lines.
    let now = format!("{schema:#}\n");
    if std::env::var_os("BURGEE_BLESS").is_some() {
        return std::fs::write(&file, now).map_err(|error| format!("{}: {error}", file.display()));
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    if kept == now {
        return Ok(());
    }
    Err(format!("{} is not what the type says: run the test once with BURGEE_BLESS=1", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_holds_a_schema_that_is_everybody_s() {
        assert_eq!(only(&[]), "");
        assert_eq!(only(&[None]), "");
        assert_eq!(only(&[None, Some("{}"), Some("{}")]), "{}");
        assert_eq!(only(&[Some("{}"), Some("{} ")]), "");
    }

    #[test]
    fn a_file_that_is_absent_is_told_with_what_to_do() {
        let error = keep("/nonexistent", "{}").expect_err("there is none");
        assert!(error.contains("BURGEE_BLESS=1") && error.contains("configuration.schema.json"), "{error}");
    }
}
