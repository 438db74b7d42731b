//! What the filter makes of streams, natively and without a proxy.
#![allow(clippy::unwrap_used, reason = "in tests a panic is how a test fails")]

use burgee_kit::Message;
use burgee_kit::fake::{FakeHost, FakeProxy, Flow};

use my_filter::filter::Tenants;

/// The series of tenant acme, as a proxy names it: labels, then the metric.
const OF_ACME: &str = "tenant=.=acme;.;verdict=.=known;.;my_filter_requests_total";

fn proxy(configuration: &str) -> FakeProxy {
    FakeProxy::http::<Tenants>(&FakeHost::new(), configuration.as_bytes()).unwrap()
}

#[test]
fn a_request_of_a_tenant_goes_on_and_its_answer_says_whose_it_is() {
    let proxy = proxy(r#"{"tenants": ["acme"]}"#);
    let stream = proxy.stream();
    assert_eq!(
        stream.request_headers(&[(":path", "/"), ("x-tenant", "acme")], true),
        Flow::Passed
    );
    assert_eq!(
        stream.response_headers(&[(":status", "200")], true),
        Flow::Passed
    );
    let answer = stream.headers_text(Message::Response);
    assert_eq!(answer[1], ("x-answered-for".to_owned(), "acme".to_owned()));
    assert_eq!(proxy.host().metrics()[OF_ACME], [1]);
}

#[test]
fn a_request_of_nobody_is_refused_unless_others_pass() {
    let refusing = proxy(r#"{"tenants": ["acme"]}"#);
    for headers in [
        &[(":path", "/")][..],
        &[(":path", "/"), ("x-tenant", "other")],
    ] {
        let Flow::Answered(response) = refusing.stream().request_headers(headers, true) else {
            panic!("{headers:?} went on");
        };
        assert_eq!(response.status, 403);
    }
    let passing = proxy(r#"{"others": "pass"}"#);
    assert_eq!(
        passing.stream().request_headers(&[(":path", "/")], true),
        Flow::Passed
    );
}

#[test]
fn a_configuration_that_is_wrong_is_refused() {
    let refused =
        FakeProxy::http::<Tenants>(&FakeHost::new(), br#"{"others": "maybe"}"#).unwrap_err();
    assert!(refused.contains("unknown variant `maybe`"), "{refused}");
}
