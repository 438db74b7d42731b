//! As much of protobuf's encoding as modules use to talk to Envoy.

/// The fields of a message that hold bytes, by their numbers; nothing if it is no message. Fields of other kinds are
/// given as the bytes of their number.
pub(crate) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (tag, rest) = varint(bytes)?;
        let (number, kind) = (tag >> 3, tag & 7);
        if number == 0 {
            return None;
        }
        let (value, rest) = match kind {
            0 => {
                let (value, rest) = varint(rest)?;
                (value.to_le_bytes().to_vec(), rest)
            }
            1 => split(rest, 8)?,
            2 => {
                let (length, rest) = varint(rest)?;
                split(rest, usize::try_from(length).ok()?)?
            }
            5 => split(rest, 4)?,
            _ => return None,
        };
        fields.push((number, value));
        bytes = rest;
    }
    Some(fields)
}

fn split(bytes: &[u8], at: usize) -> Option<(Vec<u8>, &[u8])> {
    let (value, rest) = bytes.split_at_checked(at)?;
    Some((value.to_vec(), rest))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(index * 7).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_garbage_is_none() {
        assert_eq!(
            fields(b"\x0a\x01k\x12\x02vv\x18\x01"),
            Some(vec![(1, b"k".to_vec()), (2, b"vv".to_vec()), (3, 1_u64.to_le_bytes().to_vec())])
        );
        assert_eq!(fields(b""), Some(Vec::new()));
        for garbage in [
            &b"\x0a\x05k"[..],
            b"\x0a",
            b"\x02\x01",
            b"\xff",
            b"\x0f",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(fields(garbage), None, "{garbage:?}");
        }
    }
}
