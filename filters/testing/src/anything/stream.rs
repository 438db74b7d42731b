//! A stream of HTTP that brings anything in an order that connections have, and what must have gone by.

use burgee_harness::{EndOfStream, Header, HttpStream, Message, Vm};

use super::choices::Choices;
use crate::compliance::rules::{COMMON, ODD};

/// A stream that is open.
pub(super) struct Stream {
    open: HttpStream,
    request: Sent,
    response: Sent,
}

/// What was sent of a message.
#[derive(Default)]
struct Sent {
    /// As a proxy keeps them.
    headers: Option<Vec<Header>>,
    body: Vec<u8>,
    is_over: bool,
}

impl Stream {
    pub fn open(vm: &Vm) -> Stream {
        Stream { open: vm.http(), request: Sent::default(), response: Sent::default() }
    }

    /// Brings the next part of one of its messages.
    pub fn go_on(&mut self, choices: &mut Choices<'_>) {
        let Stream { open, request, response } = self;
        // There is a response when a service has the headers of the request.
        let is_request = request.headers.is_none() || !choices.is();
        let sent = if is_request { request } else { response };
        if sent.is_over {
            return;
        }
        let kind = choices.below(4);
        sent.is_over = kind == 3 || choices.below(4) == 1;
        let end = if sent.is_over { EndOfStream::Yes } else { EndOfStream::No };
        if sent.headers.is_none() {
            let headers = headers(is_request, choices);
            sent.headers = Some(kept(&headers, is_request));
            let _ = if is_request {
                open.request_headers(headers, end)
            } else {
                open.response_headers(headers, end)
            };
        } else if kind == 3 {
            let trailers = pairs(choices);
            let _ =
                if is_request { open.request_trailers(trailers) } else { open.response_trailers(trailers) };
        } else {
            let piece = choices.bytes(40).repeat(if kind == 2 { 100 } else { 1 });
            sent.body.extend(&piece);
            let _ = if is_request { open.request_body(piece, end) } else { open.response_body(piece, end) };
        }
    }

    /// Ends it, and says what is wrong with what has gone by. `changes` are the headers that may be others.
    pub fn end(self, changes: Option<&[&str]>) -> Result<(), String> {
        let Stream { open, request, response } = self;
        let finished = open.finish();
        if let Some(trap) = finished.trap {
            return Err(trap.to_string());
        }
        if let Some(reply) = finished.reply {
            return Err(format!("it answered with {}", reply.status));
        }
        for (sent, got, whose) in
            [(&request, &finished.upstream, "request"), (&response, &finished.client, "response")]
        {
            if let (Some(headers), Some(got)) = (&sent.headers, got) {
                compare(headers, &sent.body, got, changes)
                    .map_err(|what| format!("of the {whose}: {what}"))?;
            }
        }
        Ok(())
    }
}

fn compare(headers: &[Header], body: &[u8], got: &Message, changes: Option<&[&str]>) -> Result<(), String> {
    if got.body != body {
        return Err(format!(
            "{} bytes of the body were sent and {} have gone on",
            body.len(),
            got.body.len()
        ));
    }
    let Some(changes) = changes else { return Ok(()) };
    let others = |headers: &[Header]| -> Vec<Header> {
        let is_changed =
            |name: &[u8]| changes.iter().any(|change| name.eq_ignore_ascii_case(change.as_bytes()));
        headers.iter().filter(|(name, _)| !is_changed(name)).cloned().collect()
    };
    let (sent, gone) = (others(headers), others(&got.headers));
    if sent == gone { Ok(()) } else { Err(format!("headers {sent:?} have become {gone:?}")) }
}

/// Headers as a proxy keeps them: names in lower case, `host` of a request as `:authority`, and names with a colon first.
fn kept(headers: &[Header], is_request: bool) -> Vec<Header> {
    let name = |name: &[u8]| {
        let name = name.to_ascii_lowercase();
        if is_request && name == b"host" { b":authority".to_vec() } else { name }
    };
    let mut kept: Vec<Header> = headers.iter().map(|(key, value)| (name(key), value.clone())).collect();
    kept.sort_by_key(|(name, _)| !name.starts_with(b":"));
    kept
}

fn headers(is_request: bool, choices: &mut Choices<'_>) -> Vec<Header> {
    let usual: &[(&str, &str)] = match (choices.below(8), is_request) {
        (0, _) => &[],
        (_, true) => &[(":method", "GET"), (":path", "/a"), (":authority", "a.example"), (":scheme", "http")],
        (_, false) => &[(":status", "200")],
    };
    let usual = usual.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    usual.chain(pairs(choices)).collect()
}

fn pairs(choices: &mut Choices<'_>) -> Vec<Header> {
    (0..choices.below(6))
        .map(|_| {
            let name = if choices.is() { choices.of(COMMON).as_bytes().to_vec() } else { choices.bytes(16) };
            let value = match choices.below(4) {
                0 => ODD.get(choices.below(ODD.len())).map(|odd| odd.to_vec()).unwrap_or_default(),
                1 => choices.bytes(8).repeat(200),
                _ => choices.bytes(40),
            };
            (name, value)
        })
        .collect()
}
