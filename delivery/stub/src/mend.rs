//! Texts that are no UTF-8 made some, before anybody decodes them. By most protocols Envoy reports what clients send as it
//! is, and whoever decodes a batch refuses the whole of it for one bad byte. Pure.

/// How deep messages may be in each other; decoders refuse what is deeper.
const DEEPEST: usize = 100;
/// What stands in for each byte that is no part of a text; of the same length, so that no length changes.
const INSTEAD: u8 = b'?';

/// The fields of a message that are texts or messages, by number.
pub(crate) struct Schema(&'static [(u64, Field)]);

enum Field {
    Text,
    Message(&'static Schema),
}

use Field::{Message, Text};

/// A batch of log records.
pub(crate) static LOGS: Schema = Schema(&[(1, Message(&RESOURCE_LOGS))]);
/// A batch of spans.
pub(crate) static SPANS: Schema = Schema(&[(1, Message(&RESOURCE_SPANS))]);

static RESOURCE_LOGS: Schema = Schema(&[(1, Message(&RESOURCE)), (2, Message(&SCOPE_LOGS)), (3, Text)]);
static SCOPE_LOGS: Schema = Schema(&[(1, Message(&SCOPE)), (2, Message(&LOG_RECORD)), (3, Text)]);
static LOG_RECORD: Schema =
    Schema(&[(3, Text), (5, Message(&ANY_VALUE)), (6, Message(&KEY_VALUE)), (12, Text)]);
static RESOURCE_SPANS: Schema = Schema(&[(1, Message(&RESOURCE)), (2, Message(&SCOPE_SPANS)), (3, Text)]);
static SCOPE_SPANS: Schema = Schema(&[(1, Message(&SCOPE)), (2, Message(&SPAN)), (3, Text)]);
static SPAN: Schema = Schema(&[
    (3, Text),
    (5, Text),
    (9, Message(&KEY_VALUE)),
    (11, Message(&EVENT)),
    (13, Message(&LINK)),
    (15, Message(&STATUS)),
]);
static EVENT: Schema = Schema(&[(2, Text), (3, Message(&KEY_VALUE))]);
static LINK: Schema = Schema(&[(3, Text), (4, Message(&KEY_VALUE))]);
static STATUS: Schema = Schema(&[(2, Text)]);
static RESOURCE: Schema = Schema(&[(1, Message(&KEY_VALUE)), (3, Message(&ENTITY))]);
static ENTITY: Schema = Schema(&[(1, Text), (2, Text), (3, Text), (4, Text)]);
static SCOPE: Schema = Schema(&[(1, Text), (2, Text), (3, Message(&KEY_VALUE))]);
static KEY_VALUE: Schema = Schema(&[(1, Text), (2, Message(&ANY_VALUE))]);
static ANY_VALUE: Schema = Schema(&[(1, Text), (5, Message(&ARRAY)), (6, Message(&LIST))]);
static ARRAY: Schema = Schema(&[(1, Message(&ANY_VALUE))]);
static LIST: Schema = Schema(&[(1, Message(&KEY_VALUE))]);

/// Mends the texts of a message. What is no message stays as it is, for the decoder to refuse.
pub(crate) fn message(bytes: &mut [u8], schema: &Schema) {
    level(bytes, schema, 0);
}

/// A text of bytes that may be none.
pub(crate) fn string(mut bytes: Vec<u8>) -> String {
    text(&mut bytes);
    // Mended above, so that nothing is lost here.
    String::from_utf8(bytes).unwrap_or_default()
}

fn level(mut bytes: &mut [u8], schema: &Schema, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    while let Some(tag) = varint(&mut bytes) {
        let skipped = match tag & 7 {
            0 => varint(&mut bytes).map(|_| 0),
            1 => Some(8),
            5 => Some(4),
            2 => {
                let length = varint(&mut bytes).and_then(|length| usize::try_from(length).ok());
                let Some((content, rest)) =
                    length.and_then(|l| std::mem::take(&mut bytes).split_at_mut_checked(l))
                else {
                    return;
                };
                match schema.0.iter().find(|(number, _)| *number == tag >> 3) {
                    Some((_, Text)) => text(content),
                    Some((_, Message(inner))) => level(content, inner, depth + 1),
                    None => {}
                }
                bytes = rest;
                Some(0)
            }
            _ => None,
        };
        let Some((_, rest)) =
            skipped.and_then(|length| std::mem::take(&mut bytes).split_at_mut_checked(length))
        else {
            return;
        };
        bytes = rest;
    }
}

fn varint(bytes: &mut &mut [u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = std::mem::take(bytes).split_first_mut()?;
        *bytes = rest;
        value |= u64::from(*first & 0x7f) << shift;
        if *first < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Mends a text.
pub(crate) fn text(bytes: &mut [u8]) {
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(&bytes[at..]) {
        let start = at + error.valid_up_to();
        let end = error.error_len().map_or(bytes.len(), |length| start + length);
        bytes[start..end].fill(INSTEAD);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_byte_that_is_no_text_is_replaced_and_the_rest_stays() {
        for (bytes, expected) in [
            (&b"plain \xc3\xa9"[..], "plain é"),
            (b"a\xffb", "a?b"),
            (b"\xff\xfe\xc3", "???"),
            (b"\xe2\x82", "??"),
            (b"\xc3\xa9\xffz", "é?z"),
        ] {
            assert_eq!(string(bytes.to_vec()), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_keeps_its_length_and_harms_nobody(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let length = bytes.len();
            message(&mut bytes, &LOGS);
            message(&mut bytes, &SPANS);
            prop_assert_eq!(bytes.len(), length);
            prop_assert_eq!(string(bytes).len(), length);
        }
    }
}
