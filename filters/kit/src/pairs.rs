//! Header pairs as the ABI carries them.

use crate::host::HostError;
use crate::http::Header;

/// Header pairs as the ABI writes them: how many, the length of each name and value, and then each of them with
/// a zero byte behind it. All numbers are 32 bits, little endian.
pub fn encode_pairs(pairs: &[Header]) -> Vec<u8> {
    // Lengths beyond 32 bits do not fit into a module's memory.
    let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = length(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(length(name.len()));
        bytes.extend(length(value.len()));
    }
    for (name, value) in pairs {
        for part in [name, value] {
            bytes.extend(part);
            bytes.push(0);
        }
    }
    bytes
}

/// The pairs that were encoded so. Nothing at all stands for no pairs.
///
/// # Errors
/// If the bytes are anything else.
pub fn decode_pairs(bytes: &[u8]) -> Result<Vec<Header>, HostError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    read_pairs(bytes).ok_or(HostError::ParseFailure)
}

fn read_pairs(bytes: &[u8]) -> Option<Vec<Header>> {
    let (count, rest) = read_length(bytes)?;
    let (mut lengths, mut texts) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut pairs = Vec::with_capacity(count);
    while !lengths.is_empty() {
        let (name_length, rest) = read_length(lengths)?;
        let (value_length, rest) = read_length(rest)?;
        lengths = rest;
        let (name, rest) = read_text(texts, name_length)?;
        let (value, rest) = read_text(rest, value_length)?;
        texts = rest;
        pairs.push((name.to_vec(), value.to_vec()));
    }
    Some(pairs)
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

fn read_text(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(length)?;
    Some((text, rest.strip_prefix(b"\0")?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(pairs: &[(&[u8], &[u8])]) -> Vec<Header> {
        pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
    }

    #[test]
    fn pairs_are_written_as_the_abi_says_and_read_back() {
        let two = pairs(&[(b"a", b"bc"), (b"\xff", b"")]);
        let bytes = encode_pairs(&two);
        assert_eq!(bytes, b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0a\0bc\0\xff\0\0");
        assert_eq!(decode_pairs(&bytes), Ok(two));
        assert_eq!(decode_pairs(b""), Ok(Vec::new()));
        assert_eq!(decode_pairs(&encode_pairs(&[])), Ok(Vec::new()));
    }

    #[test]
    fn what_is_cut_off_or_claims_too_much_is_an_error() {
        let whole = encode_pairs(&pairs(&[(b"name", b"value"), (b"b", b"c")]));
        for end in 1..whole.len() {
            assert_eq!(decode_pairs(&whole[..end]), Err(HostError::ParseFailure), "{end}");
        }
        for byte in 0..12 {
            let mut wrong = whole.clone();
            wrong[byte] = 0xff;
            assert_eq!(decode_pairs(&wrong), Err(HostError::ParseFailure), "{byte}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_pairs_come_back(pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20)) {
            prop_assert_eq!(decode_pairs(&encode_pairs(&pairs)), Ok(pairs));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            if let Ok(pairs) = decode_pairs(&bytes) {
                prop_assert!(pairs.len() <= bytes.len());
            }
        }
    }
}
