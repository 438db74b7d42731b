//! HTTP streams: what a filter is shown, and what becomes of what it decides.

use burgee_kit::fake::{FakeHost, FakeProxy, Flow};
use burgee_kit::{
    Body, BodyMode, Chunk, ConfigurationError, HostError, HttpFilter, LogHost, LogLevel, Message, Outcome,
    Phases, Place, RequestHeadersHost, RequestHost, Response, ResponseHeadersHost, ResponseHost, RootHost,
};

/// Does what its configuration says, and keeps what it saw.
struct Script {
    text: String,
}

impl HttpFilter for Script {
    const PHASES: Phases = Phases::REQUEST_HEADERS
        .and(Phases::REQUEST_BODY)
        .and(Phases::REQUEST_TRAILERS)
        .and(Phases::RESPONSE_HEADERS)
        .and(Phases::RESPONSE_BODY)
        .and(Phases::LOG);

    type Stream = Vec<String>;

    fn configure<H: RootHost>(_: &H, configuration: &[u8]) -> Result<Script, ConfigurationError> {
        let text = String::from_utf8(configuration.to_vec()).map_err(ConfigurationError::new)?;
        Ok(Script { text })
    }

    fn on_request_headers<H: RequestHeadersHost>(
        &self,
        saw: &mut Vec<String>,
        host: &H,
        end: bool,
    ) -> Outcome {
        saw.push(format!("headers {end}"));
        match self.text.as_str() {
            "deny" => Outcome::Respond(Response::new(403).with_details("no").with_body("no")),
            "unsendable" => Outcome::Respond(Response::new(403).with_header("a b", "")),
            "close" => Outcome::Close,
            "wait for headers" => Outcome::Wait,
            "wait for nothing" => Outcome::pause_until(std::future::pending()),
            "at once" => Outcome::pause_until(async { Outcome::Continue }),
            "mark" => {
                let values = host.header_values(Message::Request, "accept").unwrap_or_default();
                host.set_header(Message::Request, "x-count", values.len().to_string().as_bytes()).unwrap();
                Outcome::Continue
            }
            _ => Outcome::Continue,
        }
    }

    fn on_request_body<H: RequestHost>(&self, saw: &mut Vec<String>, host: &H, chunk: Chunk) -> Outcome {
        saw.push(format!("body {} {}", chunk.size, chunk.end_of_stream));
        match self.text.as_str() {
            "upper" => {
                let body = host.body(Body::Request, 0, chunk.size).unwrap();
                host.write_body(Body::Request, Place::Whole, &body.to_ascii_uppercase()).unwrap();
                host.write_body(Body::Request, Place::Front, b"<").unwrap();
                host.write_body(Body::Request, Place::Back, b">").unwrap();
                Outcome::Continue
            }
            "gather" if !chunk.end_of_stream => Outcome::Wait,
            "wait for ever" => Outcome::Wait,
            _ => Outcome::Continue,
        }
    }

    fn on_request_trailers<H: RequestHost>(&self, saw: &mut Vec<String>, host: &H) -> Outcome {
        let trailers = host.headers(Message::RequestTrailers).unwrap();
        saw.push(format!("trailers {}", trailers.len()));
        Outcome::Continue
    }

    fn on_response_body<H: ResponseHost>(&self, saw: &mut Vec<String>, _: &H, chunk: Chunk) -> Outcome {
        saw.push(format!("response {} {}", chunk.size, chunk.end_of_stream));
        Outcome::Continue
    }

    fn on_log<H: LogHost>(&self, saw: &mut Vec<String>, host: &H) {
        host.log(LogLevel::Info, &saw.join(", "));
    }
}

fn mk_proxy(script: &str) -> FakeProxy {
    FakeProxy::http::<Script>(&FakeHost::new(), script.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_stream_has_its_own_state_and_sees_its_own_messages() {
    let proxy = mk_proxy("mark");
    let (one, other) = (proxy.stream(), proxy.stream());
    assert_eq!(one.request_headers(&[("accept", "a"), ("Accept", "b")], false), Flow::Passed);
    assert_eq!(other.request_headers(&[], true), Flow::Passed);
    assert_eq!(one.request_body(b"abc", false), Flow::Passed);
    assert_eq!(one.request_trailers(&[("t", "1")]), Flow::Passed);
    assert_eq!(one.response_headers(&[(":status", "200")], false), Flow::Passed);
    assert_eq!(one.response_body(b"ab", true), Flow::Passed);
    assert_eq!(one.headers_text(Message::Request)[2], ("x-count".to_owned(), "2".to_owned()));
    assert_eq!(other.headers_text(Message::Request)[0].1, "0");
    other.end();
    one.end();
    let lines: Vec<String> = proxy.host().log_lines().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["headers true", "headers false, body 3 false, trailers 1, response 2 true"]);
}

#[test]
fn what_a_filter_decides_is_carried_out() {
    let denied = Response::new(403).with_details("no").with_body("no");
    let failed = Response::new(500).with_details("filter_failed");
    for (script, expected, said) in [
        ("", Flow::Passed, ""),
        ("deny", Flow::Answered(denied), ""),
        ("unsendable", Flow::Answered(Response::new(500)), "HTTP cannot carry"),
        ("close", Flow::Closed, ""),
        ("wait for headers", Flow::Answered(failed.clone()), "nothing more comes"),
        ("wait for nothing", Flow::Answered(failed), "PHASES"),
    ] {
        let proxy = mk_proxy(script);
        let stream = proxy.stream();
        assert_eq!(stream.request_headers(&[], true), expected, "{script}");
        let lines = proxy.host().log_lines();
        assert_eq!(lines.len(), usize::from(!said.is_empty()), "{script}: {lines:?}");
        assert!(lines.iter().all(|(_, line)| line.contains(said)), "{lines:?}");
    }
}

#[test]
fn a_response_that_the_host_does_not_send_closes_the_stream() {
    let proxy = mk_proxy("deny");
    let stream = proxy.stream();
    proxy.host().fail_one_call(0, HostError::BadArgument);
    assert_eq!(stream.request_headers(&[], true), Flow::Closed);
}

#[test]
fn bodies_are_changed_piece_by_piece() {
    let proxy = mk_proxy("upper");
    let stream = proxy.stream();
    stream.request_headers(&[], false);
    assert_eq!(stream.request_body(b"ab\xff", false), Flow::Passed);
    assert_eq!(stream.request_body(b"c", true), Flow::Passed);
    assert_eq!(stream.passed(), b"<AB\xff><C>");
}

#[test]
fn a_body_that_is_waited_for_is_seen_again_with_what_comes() {
    let proxy = mk_proxy("gather");
    let stream = proxy.stream();
    stream.request_headers(&[], false);
    assert_eq!(stream.request_body(b"ab", false), Flow::Held);
    assert_eq!(stream.request_body(b"c", false), Flow::Held);
    assert_eq!(stream.passed(), b"");
    assert_eq!(stream.request_body(b"d", true), Flow::Passed);
    assert_eq!(stream.passed(), b"abcd");

    let proxy = mk_proxy("wait for ever");
    let stream = proxy.stream();
    assert_eq!(stream.request_body(b"ab", false), Flow::Held);
    assert!(matches!(stream.request_body(b"", true), Flow::Answered(Response { status: 500, .. })));
}

/// Wants whole bodies of at most eight bytes.
struct Whole;

impl HttpFilter for Whole {
    const PHASES: Phases = Phases::REQUEST_BODY
        .and(Phases::REQUEST_TRAILERS)
        .and(Phases::RESPONSE_BODY)
        .and(Phases::RESPONSE_TRAILERS);
    const REQUEST_BODY: BodyMode = BodyMode::Whole { max: 8 };
    const RESPONSE_BODY: BodyMode = BodyMode::Whole { max: 8 };

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Whole, ConfigurationError> {
        Ok(Whole)
    }

    fn on_request_body<H: RequestHost>(&self, _: &mut (), host: &H, chunk: Chunk) -> Outcome {
        assert!(chunk.end_of_stream);
        let body = host.body(Body::Request, 0, chunk.size).unwrap();
        if body == b"evil" { Outcome::Respond(Response::new(403)) } else { Outcome::Continue }
    }

    fn on_request_trailers<H: RequestHost>(&self, _: &mut (), host: &H) -> Outcome {
        host.add_header(Message::RequestTrailers, "x-seen", b"1").unwrap();
        Outcome::Continue
    }
}

#[test]
fn a_whole_body_is_shown_once_with_and_without_trailers() {
    let proxy = FakeProxy::http::<Whole>(&FakeHost::new(), b"").unwrap();
    for ends_with_trailers in [false, true] {
        let (good, evil) = (proxy.stream(), proxy.stream());
        for (stream, body) in [(&good, b"good"), (&evil, b"evil")] {
            assert_eq!(stream.request_body(&body[..2], false), Flow::Held);
            let last = stream.request_body(&body[2..], !ends_with_trailers);
            let last = if ends_with_trailers { stream.request_trailers(&[("t", "1")]) } else { last };
            let is_good = body == b"good";
            assert_eq!(last == Flow::Passed, is_good, "{last:?}");
            assert_eq!(stream.passed(), if is_good { &b"good"[..] } else { b"" });
        }
        assert_eq!(good.headers_text(Message::RequestTrailers).len(), if ends_with_trailers { 2 } else { 0 });
    }
}

#[test]
fn a_body_beyond_the_bound_never_passes() {
    let proxy = FakeProxy::http::<Whole>(&FakeHost::new(), b"").unwrap();
    let stream = proxy.stream();
    assert_eq!(stream.request_body(b"12345678", false), Flow::Held);
    assert!(matches!(stream.request_body(b"9", false), Flow::Answered(Response { status: 413, .. })));
    assert_eq!(stream.passed(), b"");
    let stream = proxy.stream();
    assert!(matches!(stream.response_body(b"123456789", true), Flow::Held | Flow::Answered(_)));
    assert!(matches!(stream.response_flow(), Flow::Answered(Response { status: 502, .. })));
}

#[test]
fn a_filter_that_decides_about_access_refuses_what_it_cannot_read() {
    let host = FakeHost::new();
    let error = FakeProxy::http::<Script>(&host, b"\xff").expect_err("refused");
    assert!(error.contains("refused") && error.contains("utf-8"), "{error}");

    let proxy = mk_proxy("deny");
    assert!(proxy.configure(b"\xff").is_err());
    let stream = proxy.stream();
    assert!(matches!(stream.request_headers(&[], true), Flow::Answered(_)), "the last good one is kept");
    proxy.host().fail_one_call(0, HostError::InternalFailure);
    assert!(proxy.configure(b"").expect_err("unreadable").contains("internal failure"));
}

/// Takes part in one phase and has the other callbacks all the same.
struct OnlyResponses;

impl HttpFilter for OnlyResponses {
    const PHASES: Phases = Phases::RESPONSE_HEADERS;
    const IF_MISCONFIGURED: burgee_kit::IfMisconfigured = burgee_kit::IfMisconfigured::DoNothing;

    type Stream = ();

    fn configure<H: RootHost>(_: &H, configuration: &[u8]) -> Result<OnlyResponses, ConfigurationError> {
        if configuration.is_empty() { Ok(OnlyResponses) } else { Err(ConfigurationError::new("too much")) }
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, _: &mut (), _: &H, _: bool) -> Outcome {
        Outcome::Close
    }

    fn on_response_headers<H: ResponseHeadersHost>(&self, _: &mut (), _: &H, _: bool) -> Outcome {
        Outcome::Close
    }
}

#[test]
fn only_the_phases_that_are_named_are_shown() {
    let proxy = FakeProxy::http::<OnlyResponses>(&FakeHost::new(), b"").unwrap();
    let stream = proxy.stream();
    assert_eq!(stream.request_headers(&[], true), Flow::Passed);
    assert_eq!(stream.response_headers(&[], true), Flow::Closed);
}

#[test]
fn a_filter_that_may_be_left_out_does_nothing_when_it_cannot_be_configured() {
    let host = FakeHost::new();
    let proxy = FakeProxy::http::<OnlyResponses>(&host, b"x").unwrap();
    assert_eq!(proxy.stream().response_headers(&[], true), Flow::Passed);
    assert!(host.log_lines()[0].1.contains("too much"), "{:?}", host.log_lines());
}

#[test]
fn an_outcome_that_is_there_at_once_pauses_nothing() {
    // The filter names no phase that it could wait in, so it may not even try.
    let proxy = mk_proxy("at once");
    assert!(matches!(
        proxy.stream().request_headers(&[], true),
        Flow::Answered(Response { status: 500, .. })
    ));
}
