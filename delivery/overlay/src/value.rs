//! A configuration as a tree, read from text as Envoy reads it.

mod json;
mod print;
mod scalar;
mod shared;
mod yaml;

pub use shared::Shared;

/// A node of a configuration. Copies have everything in common that none of them has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number that is not an integer; only JSON texts have them, since Envoy reads them from YAML as strings.
    Float(f64),
    /// A string.
    String(String),
    /// A list.
    List(Shared<Value>),
    /// A message or a map, in the order of the text.
    Map(Shared<(String, Value)>),
}

impl Value {
    /// A string.
    pub fn string(text: impl Into<String>) -> Value {
        Value::String(text.into())
    }

    /// A message of the given fields, in that order.
    pub fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
        Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A message's field by its name in the protobuf definition, whichever way the text spells it
    /// (`http_filters` or `httpFilters`). A field that is null is not there: Envoy reads it so.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Value::Map(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|(key, _)| is_field(key, name))
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    /// The same, following several names.
    pub fn at(&self, names: &[&str]) -> Option<&Value> {
        names.iter().try_fold(self, |value, name| value.field(name))
    }

    /// Like [`Value::field`], to change it. Null fields are found too.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Value> {
        let Value::Map(entries) = self else {
            return None;
        };
        entries.iter_mut().find(|(key, _)| is_field(key, name)).map(|(_, value)| value)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The list's elements; none if it is not a list.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether it is a list or a message without anything in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// The full name of the message that an `Any` carries, from its `@type`.
    pub fn any_type(&self) -> Option<&str> {
        let url = self.field("@type")?.as_str()?;
        Some(url.rsplit('/').next().unwrap_or(url))
    }
}

/// Whether a key of a text names a field: by its own name, or by its lowerCamelCase form.
pub(crate) fn is_field(key: &str, name: &str) -> bool {
    if key == name {
        return true;
    }
    if !name.contains('_') {
        return false;
    }
    let mut key = key.chars();
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
            continue;
        }
        let expected = if upper { c.to_ascii_uppercase() } else { c };
        upper = false;
        if key.next() != Some(expected) {
            return false;
        }
    }
    key.next().is_none()
}

#[cfg(test)]
mod tests;
