//! The `headers` filter's configuration: which headers it sets and which it removes.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use crate::json::{self, JsonError};

/// How many headers one list may set, and how many one may remove. Envoy itself refuses messages of more than 100.
pub const MAX_HEADERS: usize = 64;

/// How long a header's name may be, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// How long a header's value may be, in bytes. All headers of a message together may have 60 KiB in Envoy.
pub const MAX_VALUE_BYTES: usize = 4096;

/// Headers that say where a message ends or what becomes of its connection: a filter that changed them would break
/// the message.
pub const FRAMING: [&str; 4] = ["connection", "content-length", "transfer-encoding", "upgrade"];

/// Configuration of the `headers` filter. Nothing to do by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub struct HeadersConfig {
    /// What happens to the headers of a request, before the service sees them.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub request: HeaderEdits,

    /// What happens to the headers of a response, before the client sees them.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub response: HeaderEdits,
}

impl HeadersConfig {
    /// The configuration that a proxy was given as text. Nothing but white space is the default.
    ///
    /// # Errors
    /// If the text is not a JSON object of this shape; the message says where.
    pub fn from_json(text: &[u8]) -> Result<HeadersConfig, JsonError> {
        json::configuration(text)
    }

    /// The JSON Schema of this configuration.
    #[cfg(feature = "schema")]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(HeadersConfig).to_value()
    }
}

/// What happens to some headers. Removing comes first: a header that is in both lists is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "a JSON object")]
pub struct HeaderEdits {
    /// Headers and the value that each has from then on, whatever values it had. At most 64.
    #[serde(deserialize_with = "set", skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = MAX_HEADERS)))]
    pub set: BTreeMap<HeaderName, HeaderValue>,

    /// Headers to remove, with all their values. At most 64; not `host`, which every request needs.
    #[serde(deserialize_with = "remove", skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("maxItems" = MAX_HEADERS)))]
    pub remove: Vec<HeaderName>,
}

impl HeaderEdits {
    /// Whether nothing happens.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// A header's name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("pattern" = "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$", "maxLength" = MAX_NAME_BYTES))
)]
pub struct HeaderName(String);

impl HeaderName {
    /// A name that may be set or removed: a token of RFC 9110 that is none of [`FRAMING`].
    ///
    /// # Errors
    /// If it is anything else; the message says what is allowed.
    pub fn new(name: &str) -> Result<HeaderName, String> {
        let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.len() > MAX_NAME_BYTES {
            return Err(format!("a header's name has at most {MAX_NAME_BYTES} bytes"));
        }
        if name.starts_with(':') {
            return Err(format!("`{name}` is a part of HTTP itself, not a header: leave it out"));
        }
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            // Debug's own way to write text would be a sixteenth of the module.
            let shown = name.escape_default();
            return Err(format!(
                "\"{shown}\" cannot be a header's name: letters, digits and any of !#$%&'*+-.^_`|~ are allowed"
            ));
        }
        let name = name.to_ascii_lowercase();
        if FRAMING.contains(&name.as_str()) {
            return Err(format!(
                "`{name}` says how a message is sent, which is the proxy's own: leave it out"
            ));
        }
        Ok(HeaderName(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A header's value: text without control characters other than tabs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("pattern" = "^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]*$", "maxLength" = MAX_VALUE_BYTES))
)]
pub struct HeaderValue(String);

impl HeaderValue {
    /// A value that HTTP can carry.
    ///
    /// # Errors
    /// If it is anything else; the message says what is allowed.
    pub fn new(value: String) -> Result<HeaderValue, String> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(format!("a header's value has at most {MAX_VALUE_BYTES} bytes"));
        }
        if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err("a header's value holds no control characters, such as the end of a line".to_owned());
        }
        if value.trim_matches([' ', '\t']).len() != value.len() {
            return Err("a header's value neither begins nor ends with a space or a tab".to_owned());
        }
        Ok(HeaderValue(value))
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
        HeaderName::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderValue, D::Error> {
        HeaderValue::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The name of a header that may be removed.
struct Removed(HeaderName);

impl<'de> Deserialize<'de> for Removed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Removed, D::Error> {
        let name = HeaderName::deserialize(deserializer)?;
        if name.as_str() == "host" {
            return Err(de::Error::custom(
                "`host` cannot be removed, because every request needs it: set it",
            ));
        }
        Ok(Removed(name))
    }
}

fn too_many<E: de::Error>() -> E {
    E::custom(format_args!("at most {MAX_HEADERS} headers can stand here"))
}

fn set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<HeaderName, HeaderValue>, D::Error> {
    struct Set;

    impl<'de> Visitor<'de> for Set {
        type Value = BTreeMap<HeaderName, HeaderValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object of header names and values")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut set = BTreeMap::new();
            while let Some(name) = entries.next_key::<HeaderName>()? {
                let value = entries.next_value()?;
                if set.contains_key(&name) {
                    return Err(de::Error::custom(format_args!(
                        "the header `{}` stands twice, as case does not matter: keep one",
                        name.as_str()
                    )));
                }
                if set.len() >= MAX_HEADERS {
                    return Err(too_many());
                }
                set.insert(name, value);
            }
            Ok(set)
        }
    }

    deserializer.deserialize_map(Set)
}

fn remove<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HeaderName>, D::Error> {
    struct Remove;

    impl<'de> Visitor<'de> for Remove {
        type Value = Vec<HeaderName>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of header names")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
            let mut removed = Vec::new();
            while let Some(Removed(name)) = names.next_element()? {
                if removed.len() >= MAX_HEADERS {
                    return Err(too_many());
                }
                removed.push(name);
            }
            Ok(removed)
        }
    }

    deserializer.deserialize_seq(Remove)
}

#[cfg(test)]
mod tests;
