//! What the filter makes of messages, with a host that is no proxy.

use burgee_headers::Headers;
use burgee_kit::fake::FakeHost;
use burgee_kit::{HostError, HttpFilter, HttpHost, Message, Outcome};
use proptest::prelude::*;

const CONFIGURATION: &[u8] = br#"{
    "request": {"set": {"X-Team": "shop"}, "remove": ["x-debug", "x-absent"]},
    "response": {"set": {"server": "burgee"}, "remove": ["x-powered-by", "server"]}
}"#;

fn mk_filter(host: &FakeHost, configuration: &[u8]) -> Headers {
    Headers::configure(host, configuration).unwrap_or_else(|error| panic!("{error}"))
}

fn headers(host: &FakeHost, message: Message) -> Vec<String> {
    host.headers_text(message).into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

#[test]
fn requests_and_responses_are_edited_each_as_configured() {
    let host = FakeHost::new();
    let filter = mk_filter(&host, CONFIGURATION);
    host.set_headers(
        Message::Request,
        &[(":path", "/"), ("x-team", "a"), ("X-Debug", "1"), ("x-team", "b"), ("x-debug", "2")],
    );
    assert_eq!(filter.on_request_headers(&mut (), &host, true), Outcome::Continue);
    assert_eq!(headers(&host, Message::Request), [":path: /", "x-team: shop"]);

    host.set_headers(Message::Response, &[(":status", "200"), ("server", "x"), ("x-powered-by", "y")]);
    assert_eq!(filter.on_response_headers(&mut (), &host, true), Outcome::Continue);
    assert_eq!(headers(&host, Message::Response), [":status: 200", "server: burgee"]);
    assert_eq!(host.log_lines(), []);
}

#[test]
fn without_a_configuration_nothing_is_asked_of_the_host() {
    let host = FakeHost::new();
    let filter = mk_filter(&host, b"");
    assert_eq!(filter.on_request_headers(&mut (), &host, true), Outcome::Continue);
    assert_eq!(filter.on_response_headers(&mut (), &host, true), Outcome::Continue);
    assert_eq!(host.calls(), 0);
}

#[test]
fn a_configuration_that_is_wrong_is_refused_with_its_path() {
    let host = FakeHost::new();
    for (configuration, expected) in [
        (&br#"{"response": {"set": {"x-a": 1}}}"#[..], "response.set.x-a: expected a string"),
        (br#"{"response": {"remove": ["x", ":status"]}}"#, "response.remove[1]: `:status`"),
        (b"\xff", "not UTF-8"),
        (b"[]", "expected a JSON object"),
    ] {
        let error = Headers::configure(&host, configuration).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_host_that_refuses_is_reported_once_and_the_rest_is_done() {
    let host = FakeHost::new();
    let filter = mk_filter(&host, CONFIGURATION);
    host.set_headers(Message::Request, &[("x-debug", "1")]);
    host.fail_one_call(0, HostError::BadArgument);
    assert_eq!(filter.on_request_headers(&mut (), &host, true), Outcome::Continue);
    assert_eq!(headers(&host, Message::Request), ["x-debug: 1", "x-team: shop"]);
    host.fail_every_call(HostError::InternalFailure);
    assert_eq!(filter.on_response_headers(&mut (), &host, true), Outcome::Continue);
    let lines = host.log_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].1.contains("x-debug") && lines[0].1.contains("bad argument"), "{lines:?}");
}

proptest! {
    #[test]
    fn no_bytes_of_a_client_or_a_configuration_break_it(
        configuration in any::<Vec<u8>>(),
        sent in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..8),
        failing in 0..6_usize,
        status in any::<u32>(),
    ) {
        let host = FakeHost::new();
        // Nearly always refused; what matters is that it comes back.
        let _ = Headers::configure(&host, &configuration);
        let filter = mk_filter(&host, CONFIGURATION);
        host.set_headers(Message::Request, &sent);
        let kept = |host: &FakeHost| host.headers(Message::Request).unwrap().into_iter()
            .filter(|(name, _)| !name.starts_with(b"x-")).collect::<Vec<_>>();
        let before = kept(&host);
        host.fail_one_call(failing, HostError::of_status(status).unwrap_or(HostError::NotFound));
        prop_assert_eq!(filter.on_request_headers(&mut (), &host, true), Outcome::Continue);
        prop_assert_eq!(filter.on_response_headers(&mut (), &host, true), Outcome::Continue);
        host.stop_failing();
        prop_assert_eq!(kept(&host), before);
    }
}
