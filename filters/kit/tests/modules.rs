//! Modules: filters that only log, several filters of which the root id chooses, and the phases that they may name.

use std::time::Duration;

use burgee_kit::fake::{FakeHost, FakeProxy, Flow};
use burgee_kit::vm::{Entry, http, log};
use burgee_kit::{
    ConfigurationError, Host, HttpFilter, HttpRequest, LogFilter, LogHost, LogLevel, Outcome, Phases,
    RequestHeadersHost, RootHost,
};

/// Counts what ends, and sends the count away as time passes.
struct Count(usize);

impl LogFilter for Count {
    const PHASES: Phases = Phases::LOG.and(Phases::TICK).and(Phases::HTTP_CALLS);

    fn configure<H: RootHost>(_: &H, configuration: &[u8]) -> Result<Count, ConfigurationError> {
        if configuration == b"bad" { Err(ConfigurationError::new("bad")) } else { Ok(Count(0)) }
    }

    fn log<H: LogHost>(&mut self, _: &H) {
        self.0 += 1;
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }

    fn on_tick<H: RootHost>(&mut self, host: &H) {
        let (count, sender) = (std::mem::take(&mut self.0), host.clone());
        host.spawn(async move {
            let request = HttpRequest::new("POST", "sink", "/").with_body(count.to_string());
            if let Err(error) = sender.http_call("sink", &request, Duration::from_secs(1)).await {
                sender.log(LogLevel::Warn, &error.to_string());
            }
        });
    }

    fn retire<H: Host>(self, host: &H) {
        host.log(LogLevel::Info, &format!("retired with {}", self.0));
    }
}

/// Lets nobody in.
struct Deny;

impl HttpFilter for Deny {
    const PHASES: Phases = Phases::REQUEST_HEADERS;

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Deny, ConfigurationError> {
        Ok(Deny)
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, (): &mut (), _: &H, _: bool) -> Outcome {
        Outcome::Close
    }
}

burgee_kit::export!("count" => log Count, "deny" => http Deny);

fn both() -> Vec<Entry<FakeHost>> {
    vec![log::entry::<_, Count>(Some("count")), http::entry::<_, Deny>(Some("deny"))]
}

#[test]
fn a_filter_that_logs_sees_streams_and_those_without_a_context() {
    let host = FakeHost::new();
    let proxy = FakeProxy::log::<Count>(&host, b"").unwrap();
    let stream = proxy.stream();
    assert_eq!(stream.request_headers(&[], true), Flow::Passed);
    stream.end();
    proxy.log_without_context();
    proxy.advance(Duration::from_secs(5));
    let call = proxy.calls().remove(0);
    proxy.stream().end();
    proxy.fail_http(&call);
    proxy.advance(Duration::from_secs(5));
    let burgee_kit::fake::Made::Http(second) = proxy.calls().remove(0).made else { panic!("it is HTTP") };
    assert_eq!(second.body, b"1");
    proxy.configure(b"").unwrap();
    let said: Vec<String> = host.log_lines().into_iter().map(|(_, line)| line).collect();
    assert_eq!(said, ["there was no answer", "retired with 0"]);
}

#[test]
fn a_filter_that_logs_and_cannot_be_configured_does_nothing() {
    let host = FakeHost::new();
    let proxy = FakeProxy::log::<Count>(&host, b"bad").unwrap();
    proxy.stream().end();
    proxy.log_without_context();
    proxy.advance(Duration::from_secs(60));
    assert_eq!(proxy.calls(), []);
    let lines = host.log_lines();
    assert!(lines[0].1.contains("does nothing") && lines[0].1.ends_with("bad"), "{lines:?}");
}

#[test]
fn the_root_id_chooses_the_filter() {
    for (root_id, expected) in [("count", Flow::Passed), ("deny", Flow::Closed)] {
        let host = FakeHost::new();
        host.set("plugin_root_id", root_id);
        let proxy = FakeProxy::new(&host, both(), b"").unwrap();
        assert_eq!(proxy.stream().request_headers(&[], true), expected, "{root_id}");
    }
}

#[test]
fn a_root_id_that_no_filter_has_is_refused_with_those_that_there_are() {
    for root_id in ["", "counter", "\u{fffd}"] {
        let host = FakeHost::new();
        host.set("plugin_root_id", root_id);
        let error = FakeProxy::new(&host, both(), b"").expect_err("refused");
        assert_eq!(
            error,
            format!("this module has no filter with the root id {root_id:?}; it has: count, deny")
        );
    }
    let host = FakeHost::new();
    host.set("plugin_root_id", "anything");
    assert!(FakeProxy::http::<Deny>(&host, b"").is_ok(), "a filter that is alone takes any");
}
