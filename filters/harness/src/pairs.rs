//! Headers, and how the ABI writes them as bytes.

/// A name and a value: bytes, as they travel.
pub type Header = (Vec<u8>, Vec<u8>);

/// More bytes than Envoy reads as pairs.
const MOST_BYTES: usize = 1024 * 1024;

/// More pairs than Envoy reads.
const MOST_PAIRS: usize = 1024;

/// How many pairs, the length of each name and value, and then each of them with a zero byte behind it.
pub(crate) fn encode(pairs: &[Header]) -> Vec<u8> {
    let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = length(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(length(name.len()));
        bytes.extend(length(value.len()));
    }
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(part);
        bytes.push(0);
    }
    bytes
}

/// What a module wrote so. To Envoy anything else is no pairs at all.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Header> {
    if bytes.len() > MOST_BYTES { Vec::new() } else { read(bytes).unwrap_or_default() }
}

fn read(bytes: &[u8]) -> Option<Vec<Header>> {
    let (count, rest) = length(bytes)?;
    if count > MOST_PAIRS {
        return None;
    }
    let (mut lengths, mut texts) = rest.split_at_checked(count * 8)?;
    let mut pairs = Vec::with_capacity(count);
    while !lengths.is_empty() {
        let (name_length, rest) = length(lengths)?;
        let (value_length, rest) = length(rest)?;
        lengths = rest;
        let (name, rest) = text(texts, name_length)?;
        let (value, rest) = text(rest, value_length)?;
        texts = rest;
        pairs.push((name.to_vec(), value.to_vec()));
    }
    texts.is_empty().then_some(pairs)
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*length) as usize, rest))
}

fn text(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(length)?;
    Some((text, rest.strip_prefix(b"\0")?))
}

/// Headers in their order, as Envoy keeps them: names in lower case, `host` as `:authority` in a request's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    entries: Vec<Header>,
    of_request: bool,
}

impl Headers {
    pub(crate) fn new(pairs: Vec<Header>, of_request: bool) -> Headers {
        let mut headers = Headers { entries: Vec::new(), of_request };
        for (name, value) in pairs {
            headers.add(&name, value);
        }
        headers
    }

    /// The name as it is kept.
    fn key(&self, name: &[u8]) -> Vec<u8> {
        let key = name.to_ascii_lowercase();
        if self.of_request && key == b"host" { b":authority".to_vec() } else { key }
    }

    pub(crate) fn entries(&self) -> &[Header] {
        &self.entries
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let key = self.key(name);
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_slice())
    }

    /// All values of a name, joined as HTTP joins them.
    pub(crate) fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let key = self.key(name);
        let values: Vec<&[u8]> =
            self.entries.iter().filter(|(name, _)| *name == key).map(|(_, value)| value.as_slice()).collect();
        if values.is_empty() { None } else { Some(values.join(&b","[..])) }
    }

    pub(crate) fn add(&mut self, name: &[u8], value: Vec<u8>) {
        let key = self.key(name);
        // Pseudo-headers stand before all others.
        let at = if key.starts_with(b":") {
            self.entries.iter().take_while(|(name, _)| name.starts_with(b":")).count()
        } else {
            self.entries.len()
        };
        self.entries.insert(at, (key, value));
    }

    pub(crate) fn set(&mut self, name: &[u8], value: Vec<u8>) {
        let key = self.key(name);
        let Some(at) = self.entries.iter().position(|(name, _)| *name == key) else {
            self.add(&key, value);
            return;
        };
        let mut seen = 0;
        self.entries.retain(|(name, _)| {
            seen += usize::from(*name == key);
            *name != key || seen == 1
        });
        if let Some(entry) = self.entries.get_mut(at) {
            entry.1 = value;
        }
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        let key = self.key(name);
        self.entries.retain(|(name, _)| *name != key);
    }

    pub(crate) fn replace_all(&mut self, pairs: Vec<Header>) {
        self.entries.clear();
        for (name, value) in pairs {
            self.add(&name, value);
        }
    }

    /// The bytes of all names and values.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<Header> {
        pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn pairs_are_written_and_read_back_and_anything_else_is_none() {
        let two = pairs(&[("a", "bc"), ("d", "")]);
        let bytes = encode(&two);
        assert_eq!(bytes, b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0a\0bc\0d\0\0");
        assert_eq!(decode(&bytes), two);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Vec::new(), "{end}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(decode(&longer), Vec::new(), "nothing may follow");
        assert_eq!(decode(&encode(&vec![(Vec::new(), Vec::new()); MOST_PAIRS + 1])), Vec::new());
        assert_eq!(decode(&encode(&vec![(Vec::new(), Vec::new()); MOST_PAIRS])).len(), MOST_PAIRS);
    }

    #[test]
    fn headers_are_found_by_any_case_and_keep_their_order() {
        let mut headers =
            Headers::new(pairs(&[("X-A", "1"), (":method", "GET"), ("x-a", "2"), ("Host", "h")]), true);
        assert_eq!(
            headers.entries(),
            pairs(&[(":method", "GET"), (":authority", "h"), ("x-a", "1"), ("x-a", "2")])
        );
        assert_eq!(headers.get(b"X-a"), Some(&b"1"[..]));
        assert_eq!(headers.joined(b"x-a"), Some(b"1,2".to_vec()));
        headers.set(b"x-A", b"3".to_vec());
        assert_eq!(headers.entries()[2..], pairs(&[("x-a", "3")]));
        headers.remove(b"X-A");
        headers.remove(b"absent");
        assert_eq!(headers.get(b"x-a"), None);
        assert_eq!(Headers::new(pairs(&[("host", "h")]), false).get(b"host"), Some(&b"h"[..]));
    }
}
