//! TCP connections: what a filter is shown in both directions, and what becomes of what it decides.

use std::time::Duration;

use burgee_kit::fake::{FakeHost, FakeProxy, Flow};
use burgee_kit::{
    Chunk, ClosedBy, ConfigurationError, ConnectionHost, DataHost, HttpAnswer, HttpRequest, LogHost,
    LogLevel, Peer, Phases, Place, RootHost, TcpFilter, TcpOutcome,
};

/// Does what its configuration says.
struct Script(String);

impl TcpFilter for Script {
    const PHASES: Phases = Phases::TCP;

    type Connection = Vec<String>;

    fn configure<H: RootHost>(_: &H, configuration: &[u8]) -> Result<Script, ConfigurationError> {
        String::from_utf8(configuration.to_vec()).map(Script).map_err(ConfigurationError::new)
    }

    fn on_new_connection<H: ConnectionHost>(&self, saw: &mut Vec<String>, host: &H) -> TcpOutcome {
        saw.push("new".to_owned());
        let host = host.clone();
        match self.0.as_str() {
            "close" => TcpOutcome::Close,
            "ask" => TcpOutcome::pause_until_or(
                async move {
                    let request = HttpRequest::new("GET", "a", "/");
                    let answer = host.http_call("auth", &request, Duration::from_secs(1)).await?;
                    Ok(if answer.status() == Some(200) { TcpOutcome::Continue } else { TcpOutcome::Close })
                },
                |_| TcpOutcome::Close,
            ),
            _ => TcpOutcome::Continue,
        }
    }

    fn on_downstream_data<H: DataHost>(&self, saw: &mut Vec<String>, host: &H, chunk: Chunk) -> TcpOutcome {
        saw.push(format!("down {} {}", chunk.size, chunk.end_of_stream));
        let data = host.data(Peer::Downstream, 0, chunk.size).unwrap();
        match self.0.as_str() {
            "lines" if !data.ends_with(b"\n") => TcpOutcome::Wait,
            "lines" => {
                host.write_data(Peer::Downstream, Place::Front, b"> ").unwrap();
                TcpOutcome::Continue
            }
            _ => TcpOutcome::Continue,
        }
    }

    fn on_upstream_data<H: DataHost>(&self, saw: &mut Vec<String>, _: &H, chunk: Chunk) -> TcpOutcome {
        saw.push(format!("up {}", chunk.size));
        match self.0.as_str() {
            "pause the upstream" => TcpOutcome::pause_until(std::future::pending()),
            _ => TcpOutcome::Continue,
        }
    }

    fn on_downstream_close<H: DataHost>(&self, saw: &mut Vec<String>, _: &H, by: ClosedBy) {
        saw.push(format!("down closed {by:?}"));
    }

    fn on_upstream_close<H: DataHost>(&self, saw: &mut Vec<String>, _: &H, by: ClosedBy) {
        saw.push(format!("up closed {by:?}"));
    }

    fn on_log<H: LogHost>(&self, saw: &mut Vec<String>, host: &H) {
        host.log(LogLevel::Info, &saw.join(", "));
    }
}

fn mk_proxy(script: &str) -> FakeProxy {
    FakeProxy::tcp::<Script>(&FakeHost::new(), script.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn said(proxy: &FakeProxy) -> Vec<String> {
    proxy.host().log_lines().into_iter().map(|(_, line)| line).collect()
}

#[test]
fn a_connection_is_shown_from_its_beginning_to_its_end() {
    let proxy = mk_proxy("");
    let stream = proxy.stream();
    assert_eq!(stream.connect(), Flow::Passed);
    assert_eq!(stream.data(Peer::Downstream, b"abc", false), Flow::Passed);
    assert_eq!(stream.data(Peer::Upstream, b"de", true), Flow::Passed);
    stream.close(Peer::Upstream, ClosedBy::Peer);
    stream.close(Peer::Downstream, ClosedBy::Proxy);
    assert_eq!((stream.passed(), stream.response_passed()), (b"abc".to_vec(), b"de".to_vec()));
    stream.end();
    assert_eq!(said(&proxy), ["new, down 3 false, up 2, up closed Peer, down closed Proxy"]);
}

#[test]
fn bytes_that_are_waited_for_are_seen_again_with_what_comes() {
    let proxy = mk_proxy("lines");
    let stream = proxy.stream();
    assert_eq!(stream.data(Peer::Downstream, b"ab", false), Flow::Held);
    assert_eq!(stream.data(Peer::Downstream, b"c\n", false), Flow::Passed);
    assert_eq!(stream.passed(), b"> abc\n");
}

#[test]
fn a_connection_can_be_closed_and_can_stand_still() {
    let proxy = mk_proxy("close");
    assert_eq!(proxy.stream().connect(), Flow::Closed);

    let proxy = mk_proxy("ask");
    let status = |status: &str| HttpAnswer {
        headers: vec![(b":status".to_vec(), status.as_bytes().to_vec())],
        ..HttpAnswer::default()
    };
    for (answer, expected) in [(status("200"), Flow::Passed), (status("403"), Flow::Closed)] {
        let stream = proxy.stream();
        assert_eq!(stream.connect(), Flow::Held);
        assert_eq!(stream.data(Peer::Downstream, b"early", false), Flow::Held);
        proxy.answer_http(&proxy.calls()[0], answer);
        assert_eq!(stream.flow(), expected);
        assert_eq!(stream.passed() == b"early", expected == Flow::Passed);
        stream.end();
    }
    assert_eq!(said(&proxy), ["new, down 5 false", "new"], "what came early is shown if it goes on");
}

#[test]
fn what_cannot_be_let_go_later_is_not_held() {
    let proxy = mk_proxy("pause the upstream");
    let stream = proxy.stream();
    assert_eq!(stream.data(Peer::Upstream, b"a", false), Flow::Closed);
    assert!(said(&proxy)[0].contains("closed"), "{:?}", said(&proxy));
}
