//! What an attribute can be, and how Envoy writes it as bytes.

use crate::abi::Status;
use crate::pairs;

/// An attribute's value. The wire carries no type; the reader must know it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text; it need not be UTF-8, since clients choose much of it.
    Text(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A whole number: eight bytes, little endian.
    Int(i64),
    /// A whole number without sign: eight bytes, little endian.
    Uint(u64),
    /// A fraction: eight bytes, little endian.
    Double(f64),
    /// One byte.
    Bool(bool),
    /// Nanoseconds: eight bytes, little endian.
    Duration(i64),
    /// Nanoseconds since the epoch: eight bytes, little endian.
    Timestamp(i64),
    /// Pairs of values; written as pairs.
    Map(Vec<(Value, Value)>),
    /// Values; written as pairs of a value and nothing.
    List(Vec<Value>),
    /// Fields by name, with the bytes that protobuf makes of them.
    Message(Vec<(String, Value)>, Vec<u8>),
    /// Nothing, which has no bytes: a serialization failure.
    Null,
}

impl Value {
    /// Text.
    pub fn text(text: impl AsRef<[u8]>) -> Value {
        Value::Text(text.as_ref().to_vec())
    }

    /// A map with names as keys.
    pub fn map<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (Value::text(key), value)).collect())
    }

    /// As Envoy writes it.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Status> {
        Ok(match self {
            Value::Text(bytes) | Value::Bytes(bytes) | Value::Message(_, bytes) => bytes.clone(),
            Value::Int(number) | Value::Duration(number) | Value::Timestamp(number) => {
                number.to_le_bytes().to_vec()
            }
            Value::Uint(number) => number.to_le_bytes().to_vec(),
            Value::Double(number) => number.to_le_bytes().to_vec(),
            Value::Bool(value) => vec![u8::from(*value)],
            Value::Map(entries) => {
                let pair = |(key, value): &(Value, Value)| Ok((key.bytes()?, value.bytes()?));
                pairs::encode(&entries.iter().map(pair).collect::<Result<Vec<_>, _>>()?)
            }
            Value::List(values) => {
                let pair = |value: &Value| Ok((value.bytes()?, Vec::new()));
                pairs::encode(&values.iter().map(pair).collect::<Result<Vec<_>, _>>()?)
            }
            Value::Null => return Err(Status::SerializationFailure),
        })
    }

    /// What is in it by this part of a path.
    pub(crate) fn part(&self, part: &[u8]) -> Option<Value> {
        match self {
            Value::Map(entries) => {
                let is_meant = |key: &Value| matches!(key, Value::Text(key) if key == part);
                entries.iter().find(|(key, _)| is_meant(key)).map(|(_, value)| value.clone())
            }
            Value::Message(fields, _) => {
                fields.iter().find(|(name, _)| name.as_bytes() == part).map(|(_, value)| value.clone())
            }
            Value::List(values) => {
                let index: usize = std::str::from_utf8(part).ok()?.trim().parse().ok()?;
                values.get(index).cloned()
            }
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Uint(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_envoy_writes_them() {
        for (value, expected) in [
            (Value::text("a\u{e9}"), &b"a\xc3\xa9"[..]),
            (Value::Int(-2), b"\xfe\xff\xff\xff\xff\xff\xff\xff"),
            (Value::Uint(258), b"\x02\x01\0\0\0\0\0\0"),
            (Value::Bool(true), b"\x01"),
            (Value::Double(1.0), b"\0\0\0\0\0\0\xf0\x3f"),
            (Value::Timestamp(1), b"\x01\0\0\0\0\0\0\0"),
            (Value::List(vec![Value::text("a")]), b"\x01\0\0\0\x01\0\0\0\0\0\0\0a\0\0"),
            (Value::map([("k", Value::Bool(false))]), b"\x01\0\0\0\x01\0\0\0\x01\0\0\0k\0\0\0"),
            (Value::Message(Vec::new(), b"\x0a\0".to_vec()), b"\x0a\0"),
        ] {
            assert_eq!(value.bytes().unwrap(), expected, "{value:?}");
        }
        assert_eq!(Value::Null.bytes(), Err(Status::SerializationFailure));
        assert_eq!(Value::List(vec![Value::Null]).bytes(), Err(Status::SerializationFailure));
    }

    #[test]
    fn parts_are_found_in_maps_messages_and_lists_and_nowhere_else() {
        let list = Value::List(vec![Value::Int(1), Value::Int(2)]);
        assert_eq!(list.part(b"1"), Some(Value::Int(2)));
        for part in [&b"2"[..], b"-1", b"x", b"\xff", b""] {
            assert_eq!(list.part(part), None);
        }
        let message = Value::Message(vec![("id".to_owned(), Value::text("n"))], Vec::new());
        assert_eq!(message.part(b"id"), Some(Value::text("n")));
        assert_eq!(
            Value::map([("a", list)]).part(b"a").and_then(|list| list.part(b"0")),
            Some(Value::Int(1))
        );
        assert_eq!(Value::text("a").part(b"a"), None);
    }
}
