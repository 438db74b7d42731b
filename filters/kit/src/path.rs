//! An attribute's path as the ABI has it: its segments with a zero byte between.

/// The longest path that is put together without an allocation. Those of the catalogue are shorter.
const SHORT: usize = 96;

/// Does something with a path's segments as one.
pub(crate) fn joined<R>(path: &[&str], call: &mut dyn FnMut(&[u8]) -> R) -> R {
    let mut buffer = [0; SHORT];
    match fill(path, &mut buffer) {
        Some(joined) => call(joined),
        None => call(path.join("\0").as_bytes()),
    }
}

/// The path in a buffer, if it is not too long for it.
fn fill<'b>(path: &[&str], buffer: &'b mut [u8; SHORT]) -> Option<&'b [u8]> {
    let mut length = 0_usize;
    for (index, segment) in path.iter().enumerate() {
        // The buffer is of zero bytes.
        length = length.saturating_add(usize::from(index > 0));
        let end = length.saturating_add(segment.len());
        buffer.get_mut(length..end)?.copy_from_slice(segment.as_bytes());
        length = end;
    }
    buffer.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_joined_however_long_they_are() {
        let long = "x".repeat(SHORT);
        let full = "y".repeat(SHORT - 2);
        for path in [
            vec![],
            vec!["request"],
            vec!["request", "host"],
            vec!["", ""],
            vec!["a", &full],
            vec!["ab", &full],
            vec![&long],
            vec![&long, "b"],
        ] {
            joined(&path, &mut |joined| assert_eq!(joined, path.join("\0").as_bytes(), "{path:?}"));
        }
    }
}
