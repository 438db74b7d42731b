//! HTTP messages as a filter sees them: headers as bytes, and what a filter decides.

use crate::host::{Host, HostError};

/// A header's name, in lower case where a proxy gives it, and one of its values.
pub type Header = (Vec<u8>, Vec<u8>);

/// A proxy in a phase of an HTTP stream: its headers can be read and changed.
///
/// Names are matched without regard to case. A name or a value that HTTP cannot carry is a bad argument and changes
/// nothing: Envoy itself would write it as it is, and a value with the end of a line in it would become two headers.
pub trait HttpHost: Host {
    /// Every header in its order, with one entry for each of its values. Pseudo-headers such as `:path` are among
    /// them.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn headers(&self, of: Message) -> Result<Vec<Header>, HostError>;

    /// The first value of a header, or nothing if there is no such header. Cheaper than reading all headers.
    ///
    /// # Errors
    /// Any status of the host but success and "not found".
    fn header(&self, of: Message, name: &str) -> Result<Option<Vec<u8>>, HostError>;

    /// Gives a header this one value, whatever values it had.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn set_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError>;

    /// Adds a value to a header.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn add_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError>;

    /// Removes a header with all its values. One that is not there is removed too.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn remove_header(&self, of: Message, name: &str) -> Result<(), HostError>;

    /// Every value of a header, in order. The host gives one value of a name only, so all headers are read.
    ///
    /// # Errors
    /// As [`HttpHost::headers`].
    fn header_values(&self, of: Message, name: &str) -> Result<Vec<Vec<u8>>, HostError> {
        let headers = self.headers(of)?;
        let is_meant = |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
        Ok(headers.into_iter().filter(|(found, _)| is_meant(found)).map(|(_, value)| value).collect())
    }
}

/// Which of the two messages of a stream. Each is there from its own phase on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// From the client.
    Request,
    /// To the client.
    Response,
}

/// The phases that a filter takes part in. A proxy calls a module in every phase that it has a callback for, and pays
/// for each call: a filter names those that it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// The headers of the request have arrived.
    pub request_headers: bool,
    /// The headers of the response have arrived.
    pub response_headers: bool,
}

/// What happens to a stream after a filter has seen it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It goes on.
    #[default]
    Continue,
    /// It ends here with this response; nobody behind this filter sees it.
    Respond(Response),
}

/// A response that a filter makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status: 200 to 599.
    pub status: u16,
    /// Headers beside those that the proxy adds.
    pub headers: Vec<Header>,
    /// The body; may be empty.
    pub body: Vec<u8>,
}

impl Response {
    /// Whether HTTP can carry the status and the headers.
    pub fn is_sendable(&self) -> bool {
        (200..=599).contains(&self.status)
            && self.headers.iter().all(|(name, value)| check_header(name, value).is_ok())
    }

    /// The same response if it can be sent, else one that says 500 with the same body: a filter's fault never lets a
    /// stream go on that was to end.
    #[must_use]
    pub fn sendable(self) -> Response {
        if self.is_sendable() { self } else { Response { status: 500, headers: Vec::new(), ..self } }
    }
}

/// That HTTP can carry a header: its name is a token of RFC 9110, or one behind a colon, and its value holds no control
/// characters but tabs.
///
/// # Errors
/// `BadArgument` if it cannot.
pub fn check_header(name: &[u8], value: &[u8]) -> Result<(), HostError> {
    let token = name.strip_prefix(b":").unwrap_or(name);
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_carried = !token.is_empty()
        && token.iter().all(is_token_byte)
        && !value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    if is_carried { Ok(()) } else { Err(HostError::BadArgument) }
}

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

    #[test]
    fn only_what_http_carries_is_sent() {
        for (status, headers, is_sendable) in [
            (200, pairs(&[]), true),
            (599, pairs(&[(b"x-a", b"\xff\t")]), true),
            (0, pairs(&[]), false),
            (199, pairs(&[]), false),
            (600, pairs(&[]), false),
            (403, pairs(&[(b"x-a", b"1"), (b"x-b", b"a\r\nx-evil: 1")]), false),
            (403, pairs(&[(b"x-a\r\n", b"1")]), false),
            (403, pairs(&[(b"", b"1")]), false),
        ] {
            let response = Response { status, headers, body: b"no".to_vec() };
            assert_eq!(response.is_sendable(), is_sendable, "{response:?}");
            let sent = response.clone().sendable();
            assert!(sent.is_sendable());
            assert_eq!(sent == response, is_sendable, "{response:?}");
        }
    }

    #[test]
    fn a_header_is_a_token_and_a_value_without_control_characters() {
        for (name, value, expected) in [
            (&b"x-a"[..], &b"b c"[..], true),
            (b":path", b"/", true),
            (b"X_A.~", b"\x80\xff", true),
            (b"", b"", false),
            (b":", b"", false),
            (b"a b", b"", false),
            (b"a:", b"", false),
            (b"\xc3\xa9", b"", false),
            (b"a", b"\0", false),
            (b"a", b"\n", false),
            (b"a", b"\x7f", false),
        ] {
            assert_eq!(check_header(name, value).is_ok(), expected, "{name:?} {value:?}");
        }
    }
}
