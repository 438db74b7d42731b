//! Other bytes in the place of a field's, deep in an encoded message, without decoding it: for what is too large to go
//! through a tree.

use std::ops::Range;

use super::record::{Payload, push_varint, records};

/// A field within fields of an encoded message: where other bytes may take the place of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of each field on the way, and of the field itself at the end, where its length begins and where its content is.
    levels: Vec<(usize, Range<usize>)>,
}

impl Place {
    /// The place at a path of field numbers, each a message in the one before; of a repeated field the last one counts. None
    /// if there is nothing, or the bytes are no message.
    pub fn find(bytes: &[u8], path: &[u32]) -> Option<Place> {
        let mut within = 0..bytes.len();
        let mut levels = Vec::with_capacity(path.len());
        for number in path {
            let records = records(bytes.get(within.clone())?).ok()?;
            let record = records.into_iter().rfind(|record| record.number == *number)?;
            let Payload::Bytes(content) = record.payload else { return None };
            let start = within.start;
            within = start + content.start..start + content.end;
            levels.push((start + record.tag.end, within.clone()));
        }
        Some(Place { levels })
    }

    /// What is there.
    pub fn content<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let content = self.levels.last().and_then(|(_, content)| bytes.get(content.clone()));
        content.unwrap_or_default()
    }

    /// The message with other bytes there, and with the lengths of all that is around them. The message has to be the one
    /// that the place was found in.
    pub fn splice(&self, bytes: &[u8], new: &[u8]) -> Vec<u8> {
        // The innermost length is known; each one around it grows by what the content and the length in it grow by.
        let mut lengths = Vec::with_capacity(self.levels.len());
        let mut length = new.len();
        let mut inner: Option<&(usize, Range<usize>)> = None;
        for level in self.levels.iter().rev() {
            if let Some((length_at, content)) = inner {
                let kept = level.1.len() - (content.end - length_at);
                length = kept + varint(length).len() + length;
            }
            lengths.push(length);
            inner = Some(level);
        }
        let mut out = Vec::with_capacity(bytes.len() + new.len() + 5 * self.levels.len());
        let mut from = 0;
        for ((length_at, content), length) in self.levels.iter().zip(lengths.iter().rev()) {
            out.extend_from_slice(bytes.get(from..*length_at).unwrap_or_default());
            out.extend_from_slice(&varint(*length));
            from = content.start;
        }
        if let Some((_, content)) = self.levels.last() {
            out.extend_from_slice(new);
            from = content.end;
        }
        out.extend_from_slice(bytes.get(from..).unwrap_or_default());
        out
    }
}

fn varint(length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(10);
    push_varint(&mut out, length as u64);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message in which the field at the path has this content, between other fields on each level.
    fn message(path: &[u32], content: &[u8], more: &[u8]) -> Vec<u8> {
        let [number, rest @ ..] = path else { return content.to_vec() };
        let mut out = Vec::new();
        let mut field = |number: u32, content: &[u8]| {
            push_varint(&mut out, u64::from(number) << 3 | 2);
            push_varint(&mut out, content.len() as u64);
            out.extend_from_slice(content);
        };
        field(number + 1, more);
        field(*number, &message(rest, content, more));
        field(number + 2, more);
        out
    }

    proptest! {
        #[test]
        fn it_is_as_if_the_message_had_been_encoded_so(
            path in proptest::collection::vec(1..40u32, 0..7),
            old in proptest::collection::vec(any::<u8>(), 0..300),
            new in proptest::collection::vec(any::<u8>(), 0..20_000),
            more in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = message(&path, &old, &more);
            let place = Place::find(&bytes, &path).expect("it is there");
            if !path.is_empty() {
                prop_assert_eq!(place.content(&bytes), &old);
                prop_assert_eq!(place.splice(&bytes, &new), message(&path, &new, &more));
            }
            prop_assert_eq!(place.splice(&bytes, &old), bytes);
        }

        #[test]
        fn garbage_has_no_place_or_one_within(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(place) = Place::find(&bytes, &[1, 2]) {
                prop_assert_eq!(place.splice(&bytes, place.content(&bytes)).len() <= bytes.len(), true);
            }
        }
    }

    #[test]
    fn what_is_not_there_has_no_place() {
        let bytes = message(&[2, 3], b"x", b"");
        for path in [&[2, 9][..], &[7], &[2, 3, 1]] {
            assert_eq!(Place::find(&bytes, path), None, "{path:?}");
        }
        // A number, and a message that is cut short.
        assert_eq!(Place::find(&[0x08, 1], &[1]), None);
        assert_eq!(Place::find(&[0x0a, 9], &[1]), None);
    }
}
