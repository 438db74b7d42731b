//! What Envoy makes of a response that a module gives.

use crate::pairs::{Header, Headers};
use crate::state::LocalReply;

/// Headers, body and trailers as they go through the filters.
pub(crate) fn message(
    reply: &LocalReply,
    request: Option<&Headers>,
) -> (Vec<Header>, Vec<u8>, Option<Vec<Header>>) {
    let of_request = |name: &[u8]| request.and_then(|headers| headers.get(name));
    let is_grpc = of_request(b"content-type").is_some_and(is_grpc);
    let is_head = of_request(b":method") == Some(b"HEAD");
    let mut headers = Headers::new(vec![(b":status".to_vec(), reply.status.to_string().into_bytes())], false);
    for (name, value) in &reply.headers {
        headers.add(name, value.clone());
    }
    if is_grpc {
        headers.set(b":status", b"200".to_vec());
        headers.set(b"content-type", b"application/grpc".to_vec());
        let status = reply.grpc_status.unwrap_or_else(|| grpc_status(reply.status));
        headers.set(b"grpc-status", status.to_string().into_bytes());
        if !reply.body.is_empty() {
            headers.set(b"grpc-message", escaped(&reply.body));
        }
        headers.remove(b"content-length");
        return (headers.entries().to_vec(), Vec::new(), None);
    }
    if reply.body.is_empty() {
        headers.remove(b"content-length");
        headers.remove(b"content-type");
    } else {
        headers.set(b"content-length", reply.body.len().to_string().into_bytes());
        if headers.get(b"content-type").is_none() {
            headers.set(b"content-type", b"text/plain".to_vec());
        }
    }
    let body = if is_head { Vec::new() } else { reply.body.clone() };
    (headers.entries().to_vec(), body, None)
}

fn is_grpc(content_type: &[u8]) -> bool {
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}

/// What a status of HTTP is in gRPC.
pub(crate) fn grpc_status(status: u32) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

/// Bytes as a header of gRPC carries them.
fn escaped(bytes: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'%' => b"%25".to_vec(),
        b' '..=b'~' => vec![*byte],
        other => format!("%{other:02X}").into_bytes(),
    };
    bytes.iter().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u32, headers: &[(&str, &str)], body: &str) -> LocalReply {
        let headers =
            headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        LocalReply {
            status,
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
            grpc_status: None,
            details: Vec::new(),
        }
    }

    fn texts(headers: &[Header]) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        headers.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect()
    }

    #[test]
    fn a_body_has_its_length_and_type() {
        let (headers, body, _) = message(&reply(403, &[("X-Why", "no")], "denied"), None);
        assert_eq!(
            texts(&headers),
            [":status: 403", "x-why: no", "content-length: 6", "content-type: text/plain"]
        );
        assert_eq!(body, b"denied");
        let (headers, body, _) = message(&reply(204, &[("content-type", "a/b")], ""), None);
        assert_eq!(texts(&headers), [":status: 204"]);
        assert!(body.is_empty());
    }

    #[test]
    fn a_call_of_grpc_is_answered_as_one() {
        let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let request = Headers::new(vec![pair("content-type", "application/grpc+proto")], true);
        let (headers, body, _) = message(&reply(401, &[], "50% \u{e9}"), Some(&request));
        assert_eq!(
            texts(&headers),
            [
                ":status: 200",
                "content-type: application/grpc",
                "grpc-status: 16",
                "grpc-message: 50%25 %C3%A9"
            ]
        );
        assert!(body.is_empty());
    }
}
