//! As much of gRPC as an app needs: a message is framed, and its text is the first field of a protobuf message. Pure.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use prost::Message;

/// What a request and its answer say they are.
pub(crate) const TYPE: &str = "application/grpc";
/// The trailer with the status of a call.
pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// The status of a call that went well.
pub(crate) const OK: u16 = 0;
/// The status of a call that is to fail: UNAVAILABLE.
pub(crate) const UNAVAILABLE: u16 = 14;

/// How long the head of a message is: a byte for compression, four for the length.
const HEAD: usize = 5;

/// A message with a text.
#[derive(Clone, PartialEq, Message)]
struct Said {
    #[prost(string, tag = "1")]
    text: String,
}

/// Whether headers are those of a gRPC call, whatever its messages are written in.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.and_then(|kind| kind.strip_prefix(TYPE)).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// A framed message with a text.
pub(crate) fn message(text: &str) -> Vec<u8> {
    let said = Said { text: text.to_owned() }.encode_to_vec();
    let mut framed = vec![0];
    framed.extend(u32::try_from(said.len()).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend(said);
    framed
}

/// The text of the first message of a body; empty if there is none.
pub(crate) fn text(body: &Bytes) -> String {
    let said = body.get(HEAD..).and_then(|said| Said::decode(said).ok());
    said.map(|said| said.text).unwrap_or_default()
}

/// The trailers of an answer.
pub(crate) fn trailers(status: u16) -> HeaderMap {
    HeaderMap::from_iter([(STATUS, HeaderValue::from(status))])
}

/// The status of a call: in trailers, or in headers when there is no message. None when there is no status.
pub(crate) fn status(headers: &HeaderMap, trailers: &HeaderMap) -> Option<u16> {
    let status = trailers.get(STATUS).or_else(|| headers.get(STATUS))?;
    status.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_length_before_it_and_its_text_in_it() {
        let framed = message("hello");
        assert_eq!(framed, [&[0, 0, 0, 0, 7, 10, 5][..], b"hello"].concat());
        assert_eq!(text(&framed.into()), "hello");
        for short in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\0", b"\0\0\0\0\x02\xff\xff"] {
            assert_eq!(text(&Bytes::copy_from_slice(short)), "");
        }
    }

    #[test]
    fn grpc_is_told_by_its_type() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(is_call(&headers), expected, "{kind}");
        }
        assert!(!is_call(&HeaderMap::new()));
    }

    #[test]
    fn a_status_is_in_the_trailers_or_in_the_headers() {
        let (none, some) = (HeaderMap::new(), trailers(UNAVAILABLE));
        assert_eq!(status(&none, &some), Some(14));
        assert_eq!(status(&some, &none), Some(14));
        assert_eq!(status(&some, &trailers(OK)), Some(0));
        assert_eq!(status(&none, &none), None);
    }
}
