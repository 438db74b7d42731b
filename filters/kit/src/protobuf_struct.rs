//! `google.protobuf.Struct` on the wire, as far as proxies tell each other things by it: texts, and structs of texts.
//!
//! What is written is the same bytes for the same content: fields stand in the order of their keys.

use crate::host::{HostError, put_bytes};

/// The type, as Envoy calls it where it wants to know one.
pub const TYPE_URL: &str = "type.googleapis.com/google.protobuf.Struct";

/// How deep structs may stand in each other to be read.
const MAX_DEPTH: usize = 8;

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StructValue<'b> {
    /// Text, which anybody may have written, so it need not be UTF-8.
    Text(&'b [u8]),
    /// Another struct, in whose bytes [`read`] finds its fields.
    Struct(&'b [u8]),
    /// Anything else, or nothing.
    Other,
}

/// Shows each field of a struct, in the order in which they stand. Of a key that stands twice both are shown; to protobuf the
/// last one counts.
///
/// # Errors
/// `ParseFailure` if the bytes are no struct, or one within it is none.
pub fn read<'b>(bytes: &'b [u8], mut see: impl FnMut(&'b [u8], StructValue<'b>)) -> Result<(), HostError> {
    read_fields(bytes, MAX_DEPTH, &mut see).ok_or(HostError::ParseFailure)
}

fn read_fields<'b>(
    bytes: &'b [u8],
    depth: usize,
    see: &mut dyn FnMut(&'b [u8], StructValue<'b>),
) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let mut rest = bytes;
    while let Some(field) = next_field(&mut rest)? {
        let (1, Some(entry)) = field else { continue };
        let (mut key, mut value): (&[u8], &[u8]) = (b"", b"");
        let mut entry = entry;
        while let Some(field) = next_field(&mut entry)? {
            match field {
                (1, Some(bytes)) => key = bytes,
                (2, Some(bytes)) => value = bytes,
                _ => {}
            }
        }
        see(key, read_value(value, depth)?);
    }
    Some(())
}

fn read_value(bytes: &[u8], depth: usize) -> Option<StructValue<'_>> {
    let mut value = StructValue::Other;
    let mut rest = bytes;
    while let Some((number, bytes)) = next_field(&mut rest)? {
        value = match (number, bytes) {
            (3, Some(text)) => StructValue::Text(text),
            (5, Some(bytes)) => {
                read_fields(bytes, depth, &mut |_, _| ())?;
                StructValue::Struct(bytes)
            }
            (1..=6, _) => StructValue::Other,
            _ => value,
        };
    }
    Some(value)
}

/// A field's number, and its bytes if it has some and is not a number itself.
type Field<'b> = (u64, Option<&'b [u8]>);

/// The next field of a message; nothing within if there is none, and nothing at all if it is no message.
#[allow(
    clippy::option_option,
    reason = "that there are no more fields differs from that there is no message"
)]
fn next_field<'b>(rest: &mut &'b [u8]) -> Option<Option<Field<'b>>> {
    if rest.is_empty() {
        return Some(None);
    }
    let tag = varint(rest)?;
    let (number, kind) = (tag >> 3, tag & 7);
    let length = match kind {
        0 => {
            varint(rest)?;
            return (number > 0).then_some(Some((number, None)));
        }
        1 => 8,
        2 => usize::try_from(varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    (number > 0).then_some(Some((number, (kind == 2).then_some(bytes))))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A struct that is being written.
#[derive(Clone, Debug, Default)]
pub struct StructWriter {
    /// The keys and the values as messages, by key.
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl StructWriter {
    /// Gives a field this text.
    pub fn set_text(&mut self, key: &[u8], text: &[u8]) {
        self.set(key, 3, text);
    }

    /// Gives a field this text, unless it is empty.
    pub fn set_text_if_any(&mut self, key: &[u8], text: &[u8]) {
        if !text.is_empty() {
            self.set_text(key, text);
        }
    }

    /// Gives a field this struct.
    pub fn set_struct(&mut self, key: &[u8], value: StructWriter) {
        self.set(key, 5, &value.into_bytes());
    }

    fn set(&mut self, key: &[u8], kind: u8, content: &[u8]) {
        let mut value = Vec::with_capacity(content.len().saturating_add(4));
        put_bytes(&mut value, kind, content);
        match self.fields.binary_search_by(|(known, _)| known.as_slice().cmp(key)) {
            Ok(at) => {
                if let Some(field) = self.fields.get_mut(at) {
                    field.1 = value;
                }
            }
            Err(at) => self.fields.insert(at, (key.to_vec(), value)),
        }
    }

    /// The struct's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, value) in self.fields {
            let mut entry = Vec::new();
            put_bytes(&mut entry, 1, &key);
            put_bytes(&mut entry, 2, &value);
            put_bytes(&mut bytes, 1, &entry);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(&[u8], StructValue<'_>)>, HostError> {
        let mut fields = Vec::new();
        read(bytes, |key, value| fields.push((key, value)))?;
        Ok(fields)
    }

    #[test]
    fn what_is_written_is_read_and_stands_in_the_order_of_the_keys() {
        let mut inner = StructWriter::default();
        inner.set_text(b"app", b"web");
        let inner_bytes = inner.clone().into_bytes();
        let mut writer = StructWriter::default();
        writer.set_text(b"b", b"first");
        writer.set_text(b"b", b"");
        writer.set_text_if_any(b"c", b"");
        writer.set_struct(b"a", inner);
        let bytes = writer.into_bytes();
        assert_eq!(
            fields(&bytes),
            Ok(vec![(&b"a"[..], StructValue::Struct(&inner_bytes)), (b"b", StructValue::Text(b""))])
        );
    }

    #[test]
    fn other_kinds_of_values_are_no_texts_and_unknown_fields_are_passed_over() {
        // A number, a boolean, a list and null; a field that no struct has, of each type on the wire.
        let value = |value: &[u8]| {
            let mut entry = b"\x0a\x01k".to_vec();
            put_bytes(&mut entry, 2, value);
            let mut bytes = Vec::new();
            put_bytes(&mut bytes, 1, &entry);
            bytes
        };
        for other in [&b"\x11\0\0\0\0\0\0\0\0"[..], b"\x20\x01", b"\x32\0", b"\x08\0", b""] {
            assert_eq!(fields(&value(other)), Ok(vec![(&b"k"[..], StructValue::Other)]), "{other:?}");
        }
        assert_eq!(fields(&value(b"\x1a\x01t\x38\x01")), Ok(vec![(&b"k"[..], StructValue::Text(b"t"))]));
        let mut bytes = b"\x10\x96\x01\x19\0\0\0\0\0\0\0\0\x22\x01x\x2d\0\0\0\0".to_vec();
        assert_eq!(fields(&bytes), Ok(vec![]));
        bytes.pop();
        assert_eq!(fields(&bytes), Err(HostError::ParseFailure));
    }

    #[test]
    fn garbage_and_structs_that_never_end_are_refused() {
        for garbage in [
            &b"\x0a"[..],
            b"\x0a\x05k",
            b"\x02\x01",
            b"\xff",
            b"\x0f",
            b"\x0a\x02\x0a\x05",
            b"\x0b",
            b"\x00\x00",
        ] {
            assert_eq!(fields(garbage), Err(HostError::ParseFailure), "{garbage:?}");
        }
        let nested = |depth: usize| {
            let mut writer = StructWriter::default();
            for _ in 1..depth {
                let mut outer = StructWriter::default();
                outer.set_struct(b"s", writer);
                writer = outer;
            }
            writer.into_bytes()
        };
        assert!(fields(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(fields(&nested(MAX_DEPTH + 1)), Err(HostError::ParseFailure));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = fields(&bytes);
        }

        #[test]
        fn any_texts_come_back(texts in prop::collection::btree_map(any::<Vec<u8>>(), any::<Vec<u8>>(), 0..6)) {
            let mut writer = StructWriter::default();
            for (key, text) in texts.iter().rev() {
                writer.set_text(key, text);
            }
            let bytes = writer.into_bytes();
            let expected: Vec<_> =
                texts.iter().map(|(key, text)| (key.as_slice(), StructValue::Text(text))).collect();
            prop_assert_eq!(fields(&bytes), Ok(expected));
        }
    }
}
