//! Streams of gRPC that a filter opens, and what it sets and shares.

use std::time::Duration;

use burgee_kit::fake::{FakeCall, FakeHost, FakeProxy, Flow, Made};
use burgee_kit::{
    CallError, ConfigurationError, GrpcOpen, GrpcStatus, Host, HostError, HttpFilter, LifeSpan, Message,
    Outcome, Phases, RequestHeadersHost, Response, RootHost, in_time,
};

/// Asks over a stream before a request goes on.
struct Asks(String);

fn open() -> GrpcOpen {
    GrpcOpen {
        service: "shop.v1.Quota".to_owned(),
        method: "Watch".to_owned(),
        metadata: vec![(b"x-a".to_vec(), b"1".to_vec())],
    }
}

fn failed(error: CallError) -> Outcome {
    Outcome::Respond(Response::new(503).with_body(error.to_string()))
}

/// Whether a compare-and-set by somebody who is too late is refused.
fn counts<H: Host>(host: &H) -> Result<(), HostError> {
    let before = host.shared_data("count")?;
    let next = before.as_ref().map_or(1, |shared| shared.value.len() + 1);
    host.set_shared_data("count", &vec![b'x'; next], before.as_ref().map(|shared| shared.change))?;
    match before {
        Some(before) => match host.set_shared_data("count", b"late", Some(before.change)) {
            Err(HostError::CasMismatch) => Ok(()),
            other => panic!("{other:?}"),
        },
        None => Ok(()),
    }
}

impl HttpFilter for Asks {
    const PHASES: Phases = Phases::REQUEST_HEADERS.and(Phases::GRPC_STREAMS).and(Phases::TIMERS);

    type Stream = ();

    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Asks, ConfigurationError> {
        assert_eq!(host.set_property(&["a"], b"1"), Err(HostError::NotFound), "there is no stream");
        Ok(Asks(String::from_utf8_lossy(configuration).into_owned()))
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, (): &mut (), host: &H, _: bool) -> Outcome {
        let host = host.clone();
        match self.0.as_str() {
            "ask" => Outcome::pause_until_or(
                async move {
                    let mut stream = host.grpc_stream("quota", &open())?;
                    stream.send(b"one")?;
                    let mut got = Vec::new();
                    while let Some(message) = stream.receive().await? {
                        got.extend(message);
                        stream.send_last(b"two")?;
                    }
                    for (name, value) in
                        stream.initial_metadata().into_iter().chain(stream.trailing_metadata())
                    {
                        host.set_header(Message::Request, &String::from_utf8_lossy(&name), &value)?;
                    }
                    host.set_header(Message::Request, "x-got", &got)?;
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            "in time" => Outcome::pause_until_or(
                async move {
                    let mut stream = host.grpc_stream("quota", &open())?;
                    stream.close()?;
                    in_time(&host, Duration::from_millis(50), stream.receive()).await?;
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            "sleepy" => Outcome::pause_until_or(
                async move {
                    let mut stream = host.grpc_stream("quota", &open())?;
                    host.sleep(Duration::from_secs(1)).await?;
                    let mut count = 0;
                    while let Some(message) = stream.receive().await? {
                        count += message.len();
                    }
                    Ok(Outcome::Respond(Response::new(200).with_body(count.to_string())))
                },
                failed,
            ),
            "set" => {
                let set = host.set_property(&["a", "b"], b"1");
                let state = host.set_filter_state("envoy.tcp_proxy.cluster", b"other", LifeSpan::Request);
                let counted = counts(&host);
                Outcome::Respond(Response::new(200).with_body(format!("{set:?} {state:?} {counted:?}")))
            }
            other => panic!("{other}"),
        }
    }
}

fn mk_proxy(how: &str) -> FakeProxy {
    FakeProxy::http::<Asks>(&FakeHost::new(), how.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn the_stream(proxy: &FakeProxy) -> FakeCall {
    proxy.calls().remove(0)
}

fn sent(proxy: &FakeProxy) -> (Vec<Vec<u8>>, bool) {
    match the_stream(proxy).made {
        Made::GrpcStream { messages, is_closed, .. } => (messages, is_closed),
        other => panic!("{other:?}"),
    }
}

fn pair(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

#[test]
fn messages_go_both_ways_until_the_service_ends_the_stream() {
    let proxy = mk_proxy("ask");
    let stream = proxy.stream();
    assert_eq!(stream.request_headers(&[], true), Flow::Held);
    let opened = the_stream(&proxy);
    assert_eq!(opened.cluster, "quota");
    assert!(matches!(&opened.made, Made::GrpcStream { open: how, .. } if *how == open()));
    assert_eq!(sent(&proxy), (vec![b"one".to_vec()], false));
    proxy.begin_grpc_stream(&opened, &[pair("x-initial", "i")]);
    assert_eq!(stream.flow(), Flow::Held);
    proxy.send_grpc_message(&opened, b"a");
    assert_eq!(sent(&proxy), (vec![b"one".to_vec(), b"two".to_vec()], true));
    proxy.end_grpc_stream(&opened, &[pair("x-trailing", "t")], GrpcStatus::Ok);
    assert_eq!(stream.flow(), Flow::Passed);
    let headers = stream.headers_text(Message::Request);
    let expected = [("x-initial", "i"), ("x-trailing", "t"), ("x-got", "a")];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn another_status_is_an_error_and_so_is_a_stream_that_is_not_opened() {
    let proxy = mk_proxy("ask");
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    proxy.end_grpc_stream(&the_stream(&proxy), &[], GrpcStatus::PermissionDenied);
    let denied = Response::new(503).with_body("the call ended with the gRPC status 7");
    assert_eq!(stream.flow(), Flow::Answered(denied));

    proxy.host().remove_cluster("quota");
    let made = proxy.stream().request_headers(&[], true);
    let not_made = Response::new(503).with_body("the call was not made: internal failure");
    assert_eq!(made, Flow::Answered(not_made));
}

#[test]
fn a_stream_ends_with_who_opened_it_and_with_the_time_that_it_was_given() {
    let proxy = mk_proxy("ask");
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    let opened = the_stream(&proxy);
    stream.end();
    assert_eq!(proxy.calls(), [], "it is cancelled");
    proxy.send_grpc_message(&opened, b"late");
    proxy.end_grpc_stream(&opened, &[pair("a", "b")], GrpcStatus::Ok);

    let proxy = mk_proxy("in time");
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    assert_eq!(sent(&proxy), (vec![], true));
    proxy.advance(Duration::from_millis(50));
    assert_eq!(stream.flow(), Flow::Answered(Response::new(503).with_body("the time was over")));
    assert_eq!(proxy.calls(), []);
}

#[test]
fn messages_that_nobody_takes_are_kept_up_to_a_bound() {
    for (count, expected, is_open) in [
        (1000, Response::new(200).with_body("1000"), true),
        (1001, Response::new(503).with_body("the call ended with the gRPC status 8"), false),
    ] {
        let proxy = mk_proxy("sleepy");
        let stream = proxy.stream();
        stream.request_headers(&[], true);
        let opened = the_stream(&proxy);
        (0..count).for_each(|_| proxy.send_grpc_message(&opened, b"m"));
        assert_eq!(!proxy.calls().is_empty(), is_open);
        proxy.end_grpc_stream(&opened, &[], GrpcStatus::Ok);
        proxy.advance(Duration::from_secs(1));
        assert_eq!(stream.flow(), Flow::Answered(expected));
    }
}

#[test]
fn whatever_call_into_the_host_fails_no_stream_is_stuck() {
    for error in [HostError::NotFound, HostError::Status(77)] {
        for failing in 0..8 {
            let proxy = mk_proxy("ask");
            let stream = proxy.stream();
            proxy.host().fail_one_call(failing, error);
            stream.request_headers(&[], true);
            for call in proxy.calls() {
                proxy.begin_grpc_stream(&call, &[pair("a", "b")]);
                proxy.send_grpc_message(&call, b"a");
                proxy.end_grpc_stream(&call, &[], GrpcStatus::Ok);
            }
            assert_ne!(stream.flow(), Flow::Held, "{failing} {error}");
        }
    }
}

#[test]
fn what_is_set_and_shared_is_there_and_who_is_late_is_told() {
    let proxy = mk_proxy("set");
    proxy.host().set_foreign_function("set_envoy_filter_state", Ok(Vec::new()));
    for _ in 0..2 {
        let stream = proxy.stream();
        let answer = Response::new(200).with_body("Ok(()) Ok(()) Ok(())");
        assert_eq!(stream.request_headers(&[], true), Flow::Answered(answer));
        assert_eq!(stream.property("a.b"), Some(b"1".to_vec()));
        assert_eq!(stream.property("a"), None);
    }
    let shared = proxy.host().shared_data("count").expect("it can be read").expect("it is there");
    assert_eq!((shared.value, shared.change.0.get()), (b"xx".to_vec(), 2));
    assert_eq!(proxy.host().shared_data("other"), Ok(None));
}
