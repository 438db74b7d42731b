//! Streams and connections that are open are shown to their filter as time passes, each in its own name.

use std::time::Duration;

use burgee_kit::attributes::{CONNECTION_ID, REQUEST_SIZE};
use burgee_kit::fake::{FakeHost, FakeProxy};
use burgee_kit::{ConfigurationError, LogFilter, LogHost, LogLevel, Phases, RootHost, TcpFilter};

const PERIOD: Duration = Duration::from_secs(5);

/// Says what it sees, and of which stream.
struct Says(&'static str);

impl LogFilter for Says {
    const PHASES: Phases = Phases::LOG.and(Phases::STREAM_TICK);

    fn configure<H: RootHost>(_: &H, configuration: &[u8]) -> Result<Says, ConfigurationError> {
        Ok(Says(if configuration.is_empty() { "open" } else { "still open" }))
    }

    fn log<H: LogHost>(&mut self, host: &H) {
        host.log(LogLevel::Info, "ended");
    }

    fn log_stream<H: LogHost>(&mut self, host: &H, stream: Option<u32>) {
        host.log(LogLevel::Info, &format!("{stream:?} ended"));
    }

    fn on_stream_tick<H: LogHost>(&mut self, host: &H, stream: u32) {
        host.log(LogLevel::Info, &format!("{stream} {} {:?}", self.0, CONNECTION_ID.get(host)));
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(PERIOD)
    }
}

/// Adds up what it was shown.
struct Sums;

impl TcpFilter for Sums {
    const PHASES: Phases = Phases::LOG.and(Phases::STREAM_TICK);

    type Connection = Vec<i64>;

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Sums, ConfigurationError> {
        Ok(Sums)
    }

    fn on_connection_tick<H: LogHost>(&self, seen: &mut Vec<i64>, host: &H) {
        seen.extend(REQUEST_SIZE.get(host));
    }

    fn on_log<H: LogHost>(&self, seen: &mut Vec<i64>, host: &H) {
        host.log(LogLevel::Info, &format!("{seen:?}"));
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(PERIOD)
    }
}

fn said(proxy: &FakeProxy) -> Vec<String> {
    let mut lines: Vec<String> = proxy.host().log_lines().into_iter().map(|(_, line)| line).collect();
    lines.sort();
    lines
}

#[test]
fn each_open_stream_is_shown_once_a_period_and_known_again_at_its_end() {
    let proxy = FakeProxy::log::<Says>(&FakeHost::new(), b"").unwrap();
    assert_eq!(proxy.ticks(), 1);
    let (one, two) = (proxy.stream(), proxy.stream());
    one.set("connection.id", 7_u64.to_le_bytes());
    two.set("connection.id", 8_u64.to_le_bytes());
    proxy.advance(PERIOD - Duration::from_millis(1));
    assert!(said(&proxy).is_empty());
    proxy.advance(Duration::from_millis(1));
    assert_eq!(said(&proxy), ["2 open Some(7)", "3 open Some(8)"]);
    one.end();
    proxy.advance(PERIOD);
    assert_eq!(said(&proxy)[1..], ["3 open Some(8)", "3 open Some(8)", "Some(2) ended"]);
    proxy.log_without_context();
    assert_eq!(said(&proxy).last().map(String::as_str), Some("Some(2) ended"));
    assert!(said(&proxy).contains(&"None ended".to_owned()));
}

#[test]
fn another_configuration_is_shown_the_streams_that_begin_from_then_on() {
    let proxy = FakeProxy::log::<Says>(&FakeHost::new(), b"").unwrap();
    let _old = proxy.stream();
    proxy.configure(b"new").unwrap();
    let _new = proxy.stream();
    proxy.advance(PERIOD);
    assert_eq!(said(&proxy), ["3 still open None"]);
}

#[test]
fn a_connection_has_its_own_state_when_time_passes() {
    let proxy = FakeProxy::tcp::<Sums>(&FakeHost::new(), b"").unwrap();
    let (one, two) = (proxy.stream(), proxy.stream());
    for size in [3_i64, 9] {
        one.set("request.size", size.to_le_bytes());
        two.set("request.size", (size * 10).to_le_bytes());
        proxy.advance(PERIOD);
    }
    one.end();
    two.end();
    assert_eq!(said(&proxy), ["[3, 9]", "[30, 90]"]);
}
