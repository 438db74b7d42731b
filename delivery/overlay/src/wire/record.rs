//! The records of an encoded message: tag and payload, with the bytes that each takes.

use std::ops::Range;

/// One record of an encoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The field's number.
    pub number: u32,
    /// The tag's bytes.
    pub tag: Range<usize>,
    /// Everything: tag, length and payload.
    pub whole: Range<usize>,
    /// What the record carries.
    pub payload: Payload,
}

/// What a record carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// A number, a boolean or an enumeration's value.
    Varint(u64),
    /// A string, bytes, a message or packed numbers: where they stand.
    Bytes(Range<usize>),
    /// A fixed-size number or a group: never on the way to an edit.
    Other,
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const GROUP_START: u64 = 3;
const GROUP_END: u64 = 4;
const FIXED32: u64 = 5;

/// The records of a message, in order.
///
/// # Errors
///
/// What is wrong with the bytes.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record>, &'static str> {
    let mut at = 0;
    let mut records = Vec::new();
    while at < bytes.len() {
        let record = record(bytes, at)?;
        at = record.whole.end;
        records.push(record);
    }
    Ok(records)
}

fn record(bytes: &[u8], start: usize) -> Result<Record, &'static str> {
    let (number, kind, after_tag) = tag(bytes, start)?;
    let (payload, end) = match kind {
        VARINT => {
            let (value, end) = varint(bytes, after_tag)?;
            (Payload::Varint(value), end)
        }
        LENGTH => {
            let (length, from) = varint(bytes, after_tag)?;
            let length = usize::try_from(length).map_err(|_| "a length is too large")?;
            let end = advance(bytes, from, length)?;
            (Payload::Bytes(from..end), end)
        }
        FIXED64 => (Payload::Other, advance(bytes, after_tag, 8)?),
        FIXED32 => (Payload::Other, advance(bytes, after_tag, 4)?),
        GROUP_START => (Payload::Other, skip_group(bytes, number, after_tag)?),
        GROUP_END => return Err("a group ends that never began"),
        _ => return Err("a tag has an unknown wire type"),
    };
    Ok(Record { number, tag: start..after_tag, whole: start..end, payload })
}

/// Groups nest; a list of those still open takes the place of recursion, so that hostile bytes cannot exhaust the
/// stack.
fn skip_group(bytes: &[u8], number: u32, from: usize) -> Result<usize, &'static str> {
    let mut open = vec![number];
    let mut at = from;
    while let Some(&innermost) = open.last() {
        let (number, kind, after_tag) = tag(bytes, at)?;
        at = match kind {
            VARINT => varint(bytes, after_tag)?.1,
            FIXED64 => advance(bytes, after_tag, 8)?,
            FIXED32 => advance(bytes, after_tag, 4)?,
            LENGTH => {
                let (length, from) = varint(bytes, after_tag)?;
                let length = usize::try_from(length).map_err(|_| "a length is too large")?;
                advance(bytes, from, length)?
            }
            GROUP_START => {
                open.push(number);
                after_tag
            }
            GROUP_END if number == innermost => {
                open.pop();
                after_tag
            }
            GROUP_END => return Err("a group ends within another"),
            _ => return Err("a tag has an unknown wire type"),
        };
    }
    Ok(at)
}

fn tag(bytes: &[u8], at: usize) -> Result<(u32, u64, usize), &'static str> {
    let (tag, after) = varint(bytes, at)?;
    let number = u32::try_from(tag >> 3).map_err(|_| "a field number is too large")?;
    if number == 0 || number > 0x1fff_ffff {
        return Err("a field number is out of range");
    }
    Ok((number, tag & 7, after))
}

fn varint(bytes: &[u8], from: usize) -> Result<(u64, usize), &'static str> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().skip(from).take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if i == 9 && bits > 1 {
            return Err("a number has more than 64 bits");
        }
        value |= bits << (7 * i);
        if byte & 0x80 == 0 {
            return Ok((value, from + i + 1));
        }
    }
    Err("the bytes end within a number, or it is too long")
}

fn advance(bytes: &[u8], from: usize, length: usize) -> Result<usize, &'static str> {
    from.checked_add(length).filter(|end| *end <= bytes.len()).ok_or("the bytes end within a field")
}

/// Appends a number in its shortest form.
pub(super) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
