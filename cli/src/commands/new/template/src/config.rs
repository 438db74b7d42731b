//! What the filter is told, as a type.
//!
//! `configuration.schema.json` is made from it, by which `burgee check` finds what is wrong in a document before a proxy
//! does. After a change, `BURGEE_BLESS=1 cargo test` writes that file anew.

use std::collections::BTreeSet;

use burgee_kit::ConfigurationError;
use serde::Deserialize;

/// The configuration: `spec.pluginConfig` of a WasmPlugin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// The header that says which tenant a request is of.
    #[cfg_attr(test, schemars(regex(pattern = "^[A-Za-z0-9-]+$")))]
    pub header: String,

    /// The tenants that there are. Without any, every name is one.
    pub tenants: BTreeSet<String>,

    /// What happens to a request that is of none of them.
    pub others: Others,
}

/// What happens to a request that is of no tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Others {
    /// It is answered with 403.
    #[default]
    Refuse,
    /// It goes on.
    Pass,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            header: "x-tenant".to_owned(),
            tenants: BTreeSet::new(),
            others: Others::default(),
        }
    }
}

impl Config {
    /// The configuration that a proxy was given. Without one it is the default.
    ///
    /// # Errors
    /// If it is not of this shape. The proxy then refuses it and keeps the one before; the log says why.
    pub fn read(json: &[u8]) -> Result<Config, ConfigurationError> {
        if json.trim_ascii().is_empty() {
            return Ok(Config::default());
        }
        let config: Config = serde_json::from_slice(json).map_err(ConfigurationError::new)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if config.header.is_empty() || !config.header.bytes().all(is_name) {
            return Err(ConfigurationError::new(
                "header: letters, digits and - are allowed, and at least one",
            ));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_that_of_the_type() {
        let schema = schemars::schema_for!(Config).to_value();
        burgee_kit::schema::keep(env!("CARGO_MANIFEST_DIR"), schema).unwrap();
    }

    #[test]
    fn a_configuration_that_is_wrong_is_refused_and_says_why() {
        for (json, why) in [
            ("{", "EOF"),
            (r#"{"heeder": "x-team"}"#, "unknown field `heeder`"),
            (r#"{"others": "maybe"}"#, "unknown variant `maybe`"),
            (r#"{"header": "x team"}"#, "header: letters"),
        ] {
            let error = Config::read(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
        assert_eq!(Config::read(b"").unwrap(), Config::default());
    }
}
