//! What a filter awaits: answers, times, several of them at once, and what ends a wait.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use burgee_kit::fake::{FakeHost, FakeProxy, FakeStream, Flow, Made};
use burgee_kit::{
    CallError, Chunk, ConfigurationError, GrpcRequest, GrpcStatus, HostError, HttpAnswer, HttpFilter,
    HttpRequest, LogLevel, Message, Outcome, Phases, RequestHeadersHost, RequestHost, Response,
    ResponseHeadersHost, RootHost, in_time, join, join_all,
};

const SECOND: Duration = Duration::from_secs(1);

/// Asks as its configuration says before a request goes on.
struct Asks {
    how: String,
    ticks: Cell<u32>,
}

fn request() -> HttpRequest {
    HttpRequest::new("GET", "auth", "/check").with_header("x-a", b"\xff").with_body("body")
}

fn grpc() -> GrpcRequest {
    GrpcRequest { service: "shop.v1.Quota".to_owned(), method: "Take".to_owned(), ..GrpcRequest::default() }
}

fn of_status(answer: &HttpAnswer) -> Outcome {
    match answer.status() {
        Some(200) => Outcome::Continue,
        _ => Outcome::Respond(Response::new(403)),
    }
}

fn failed(error: CallError) -> Outcome {
    Outcome::Respond(Response::new(503).with_body(error.to_string()))
}

impl HttpFilter for Asks {
    const PHASES: Phases = Phases::REQUEST_HEADERS
        .and(Phases::REQUEST_BODY)
        .and(Phases::REQUEST_TRAILERS)
        .and(Phases::RESPONSE_HEADERS)
        .and(Phases::HTTP_CALLS)
        .and(Phases::GRPC_CALLS)
        .and(Phases::TIMERS);

    type Stream = Vec<Chunk>;

    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Asks, ConfigurationError> {
        let how = String::from_utf8_lossy(configuration).into_owned();
        if how == "fetch" {
            let background = host.clone();
            host.spawn(async move {
                let keys = background.http_call("keys", &request(), SECOND).await;
                background.log(LogLevel::Info, &format!("keys {:?}", keys.map(|keys| keys.body)));
            });
        }
        Ok(Asks { how, ticks: Cell::new(0) })
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, _: &mut Vec<Chunk>, host: &H, _: bool) -> Outcome {
        let host = host.clone();
        match self.how.as_str() {
            "http" => Outcome::pause_until_or(
                async move {
                    let answer = host.http_call("auth", &request(), SECOND).await?;
                    host.set_header(Message::Request, "x-user", answer.header("x-user").unwrap_or_default())?;
                    Ok(of_status(&answer))
                },
                failed,
            ),
            "grpc" => Outcome::pause_until_or(
                async move {
                    let message = host.grpc_call("quota", &grpc(), SECOND).await?;
                    Ok(if message == b"yes" { Outcome::Continue } else { Outcome::Close })
                },
                failed,
            ),
            "two" => Outcome::pause_until(async move {
                let calls =
                    join(host.http_call("one", &request(), SECOND), host.grpc_call("other", &grpc(), SECOND));
                let (one, other) = calls.await;
                if one.is_ok() && other.is_ok() { Outcome::Continue } else { Outcome::Close }
            }),
            "many" => Outcome::pause_until(async move {
                let calls = ["a", "b", "c"].map(|cluster| host.http_call(cluster, &request(), SECOND));
                let answers = join_all(calls).await;
                let bodies: Vec<Vec<u8>> =
                    answers.into_iter().map(|it| it.unwrap_or_default().body).collect();
                Outcome::Respond(Response::new(200).with_body(bodies.concat()))
            }),
            "in time" => Outcome::pause_until_or(
                async move {
                    let call = host.grpc_call("quota", &grpc(), SECOND * 60);
                    in_time(&host, Duration::from_millis(50), call).await?;
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            "one after the other" => Outcome::pause_until_or(
                async move {
                    host.http_call("first", &request(), SECOND).await?;
                    host.sleep(Duration::from_millis(20)).await?;
                    Ok(of_status(&host.http_call("second", &request(), SECOND).await?))
                },
                failed,
            ),
            "pause again" => Outcome::pause_until(async move {
                Outcome::pause_until(async move {
                    let _ = host.sleep(SECOND).await;
                    Outcome::Continue
                })
            }),
            _ => Outcome::Continue,
        }
    }

    fn on_request_body<H: RequestHost>(&self, saw: &mut Vec<Chunk>, host: &H, chunk: Chunk) -> Outcome {
        saw.push(chunk);
        if self.how != "body" || saw.len() > 1 {
            host.log(LogLevel::Info, &format!("{} {}", chunk.size, chunk.end_of_stream));
            return Outcome::Continue;
        }
        let host = host.clone();
        Outcome::pause_until_or(
            async move { Ok(of_status(&host.http_call("scan", &request(), SECOND).await?)) },
            failed,
        )
    }

    fn on_request_trailers<H: RequestHost>(&self, _: &mut Vec<Chunk>, host: &H) -> Outcome {
        host.log(LogLevel::Info, "trailers");
        Outcome::Continue
    }

    fn on_response_headers<H: ResponseHeadersHost>(&self, _: &mut Vec<Chunk>, host: &H, _: bool) -> Outcome {
        if self.how != "response" {
            return Outcome::Continue;
        }
        let host = host.clone();
        Outcome::pause_until_or(
            async move { Ok(of_status(&host.http_call("audit", &request(), SECOND).await?)) },
            failed,
        )
    }

    fn tick_period(&self) -> Option<Duration> {
        (self.how == "tick").then(|| SECOND * (self.ticks.get() + 1))
    }

    fn on_tick<H: RootHost>(&self, host: &H) {
        self.ticks.set(self.ticks.get() + 1);
        host.log(LogLevel::Info, &format!("tick {}", self.ticks.get()));
    }
}

fn mk_proxy(how: &str) -> FakeProxy {
    FakeProxy::http::<Asks>(&FakeHost::new(), how.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn begin(proxy: &FakeProxy) -> FakeStream<'_> {
    let stream = proxy.stream();
    assert_eq!(stream.request_headers(&[(":path", "/")], false), Flow::Held);
    stream
}

fn answer(status: &str) -> HttpAnswer {
    let header = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    HttpAnswer { headers: vec![header(":status", status), header("x-user", "ann")], ..HttpAnswer::default() }
}

fn said(proxy: &FakeProxy) -> Vec<String> {
    proxy.host().log_lines().into_iter().map(|(_, line)| line).collect()
}

fn answered(status: u16, body: &str) -> Flow {
    Flow::Answered(Response::new(status).with_body(body))
}

#[test]
fn a_request_stands_still_until_its_call_is_answered() {
    let proxy = mk_proxy("http");
    let (one, other) = (begin(&proxy), begin(&proxy));
    let calls = proxy.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].cluster.as_str(), &calls[0].made), ("auth", &Made::Http(request())));
    proxy.answer_http(&calls[1], answer("200"));
    assert_eq!((one.flow(), other.flow()), (Flow::Held, Flow::Passed), "each stream has its own answer");
    assert_eq!(other.headers_text(Message::Request)[1], ("x-user".to_owned(), "ann".to_owned()));
    assert_eq!(one.headers_text(Message::Request).len(), 1, "nor are its headers another's");
    proxy.answer_http(&calls[0], answer("401"));
    assert_eq!(one.flow(), answered(403, ""));
    assert_eq!(said(&proxy), [""; 0]);
}

#[test]
fn a_call_without_an_answer_is_an_error_and_the_filter_says_what_then() {
    let proxy = mk_proxy("http");
    let stream = begin(&proxy);
    proxy.fail_http(&proxy.calls()[0]);
    assert_eq!(stream.flow(), answered(503, "there was no answer"));

    let stream = begin(&proxy);
    proxy.advance(SECOND * 2);
    assert_eq!(stream.flow(), answered(503, "there was no answer"), "it timed out");

    proxy.host().remove_cluster("auth");
    let stream = proxy.stream();
    let made = stream.request_headers(&[], true);
    assert_eq!(made, answered(503, "the call was not made: bad argument"), "nothing is waited for");
}

#[test]
fn a_grpc_call_gives_a_message_or_a_status() {
    let proxy = mk_proxy("grpc");
    let streams = [(); 3].map(|()| begin(&proxy));
    let calls = proxy.calls();
    assert_eq!(calls[0].made, Made::Grpc(grpc()));
    proxy.answer_grpc(&calls[0], Ok(b"yes"));
    proxy.answer_grpc(&calls[1], Ok(b"no"));
    proxy.answer_grpc(&calls[2], Err(GrpcStatus::PermissionDenied));
    let denied = answered(503, "the call ended with the gRPC status 7");
    assert_eq!(streams.map(|stream| stream.flow()), [Flow::Passed, Flow::Closed, denied]);
}

#[test]
fn calls_run_side_by_side() {
    for first in [0, 1] {
        let proxy = mk_proxy("two");
        let stream = begin(&proxy);
        let calls = proxy.calls();
        for index in [first, 1 - first] {
            assert_eq!(stream.flow(), Flow::Held);
            match calls[index].made {
                Made::Http(_) => proxy.answer_http(&calls[index], answer("200")),
                Made::Grpc(_) => proxy.answer_grpc(&calls[index], Ok(b"")),
                Made::GrpcStream { .. } => unreachable!("no stream is opened"),
            }
        }
        assert_eq!(stream.flow(), Flow::Passed);
    }
    let proxy = mk_proxy("many");
    let stream = begin(&proxy);
    let calls = proxy.calls();
    for index in [2, 0, 1] {
        let body = calls[index].cluster.clone().into_bytes();
        proxy.answer_http(&calls[index], HttpAnswer { body, ..answer("200") });
    }
    assert_eq!(stream.flow(), answered(200, "abc"));
}

#[test]
fn a_time_that_is_over_cancels_what_it_was_for() {
    let proxy = mk_proxy("in time");
    let (slow, quick) = (begin(&proxy), begin(&proxy));
    let calls = proxy.calls();
    proxy.advance(Duration::from_millis(49));
    assert_eq!((slow.flow(), proxy.calls().len()), (Flow::Held, 2));
    proxy.answer_grpc(&calls[1], Ok(b""));
    assert_eq!(quick.flow(), Flow::Passed);
    proxy.advance(Duration::from_millis(1));
    assert_eq!(slow.flow(), answered(503, "the time was over"));
    assert_eq!(proxy.calls(), [], "the call is cancelled");
    proxy.answer_grpc(&calls[0], Ok(b""));
    assert_eq!(slow.flow(), answered(503, "the time was over"), "and an answer that comes late is ignored");
    assert_eq!(proxy.ticks(), 0, "nobody is called who waits for nothing");
}

#[test]
fn a_stream_that_ends_waits_for_nothing() {
    for how in ["http", "grpc", "two", "in time", "pause again"] {
        let proxy = mk_proxy(how);
        let stream = begin(&proxy);
        let calls = proxy.calls();
        let other = begin(&proxy);
        stream.end();
        for call in &calls {
            match call.made {
                Made::Http(_) => proxy.answer_http(call, answer("200")),
                Made::Grpc(_) => proxy.answer_grpc(call, Ok(b"yes")),
                Made::GrpcStream { .. } => unreachable!("no stream is opened"),
            }
        }
        assert_eq!(other.flow(), Flow::Held, "{how}");
        proxy.advance(SECOND * 100);
        assert_ne!(other.flow(), Flow::Held, "{how}");
        assert_eq!(proxy.ticks(), 0, "{how}");
        assert_eq!(said(&proxy), [""; 0], "{how}");
    }
}

#[test]
fn work_goes_on_from_one_wait_to_the_next() {
    let proxy = mk_proxy("one after the other");
    let stream = begin(&proxy);
    proxy.answer_http(&proxy.calls()[0], answer("200"));
    assert_eq!(proxy.calls(), []);
    proxy.advance(Duration::from_millis(20));
    assert_eq!(proxy.calls()[0].cluster, "second");
    assert_eq!(stream.flow(), Flow::Held);
    proxy.answer_http(&proxy.calls()[0], answer("200"));
    assert_eq!(stream.flow(), Flow::Passed);

    let proxy = mk_proxy("pause again");
    let stream = begin(&proxy);
    proxy.advance(SECOND);
    assert_eq!(stream.flow(), Flow::Passed);
}

#[test]
fn what_comes_while_a_body_is_held_is_shown_before_it_goes_on() {
    for has_trailers in [false, true] {
        let proxy = mk_proxy("body");
        let stream = proxy.stream();
        assert_eq!(stream.request_headers(&[], false), Flow::Passed);
        assert_eq!(stream.request_body(b"ab", false), Flow::Held);
        assert_eq!(stream.request_body(b"cd", !has_trailers), Flow::Held);
        if has_trailers {
            assert_eq!(stream.request_trailers(&[("t", "1")]), Flow::Held);
        }
        assert_eq!(said(&proxy), [""; 0]);
        proxy.answer_http(&proxy.calls()[0], answer("200"));
        assert_eq!((stream.flow(), stream.passed()), (Flow::Passed, b"abcd".to_vec()));
        let expected = if has_trailers { &["4 false", "trailers"][..] } else { &["4 true"] };
        assert_eq!(said(&proxy), expected);
    }
}

#[test]
fn a_response_can_stand_still_too() {
    let proxy = mk_proxy("response");
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    assert_eq!(stream.response_headers(&[(":status", "200")], true), Flow::Held);
    proxy.answer_http(&proxy.calls()[0], answer("200"));
    assert_eq!(stream.response_flow(), Flow::Passed);
}

#[test]
fn the_period_of_a_filter_and_the_times_of_its_streams_share_one_clock() {
    let proxy = mk_proxy("tick");
    proxy.advance(Duration::from_millis(6_500));
    assert_eq!(said(&proxy), ["tick 1", "tick 2", "tick 3"], "after 1, 3 and 6 seconds");

    let proxy = mk_proxy("in time");
    let (one, other) = (begin(&proxy), {
        proxy.advance(Duration::from_millis(30));
        begin(&proxy)
    });
    proxy.advance(Duration::from_millis(25));
    assert!(matches!(one.flow(), Flow::Answered(_)));
    assert_eq!(other.flow(), Flow::Held);
    proxy.advance(Duration::from_millis(25));
    assert!(matches!(other.flow(), Flow::Answered(_)));
}

#[test]
fn work_of_the_filter_itself_needs_no_stream() {
    let proxy = mk_proxy("fetch");
    let call = proxy.calls().remove(0);
    assert_eq!(call.cluster, "keys");
    proxy.answer_http(&call, HttpAnswer { body: b"k".to_vec(), ..answer("200") });
    assert_eq!(said(&proxy), ["keys Ok([107])"]);

    let proxy = mk_proxy("fetch");
    let call = proxy.calls().remove(0);
    proxy.configure(b"http").unwrap();
    proxy.answer_http(&call, answer("200"));
    assert_eq!(said(&proxy), [""; 0], "with its configuration the work is gone");
}

#[test]
fn whatever_call_into_the_host_fails_no_stream_is_stuck() {
    for error in [HostError::NotFound, HostError::BadArgument, HostError::Status(77)] {
        for how in ["http", "grpc", "two", "in time", "one after the other"] {
            for failing in 0..8 {
                let proxy = mk_proxy(how);
                let stream = proxy.stream();
                proxy.host().fail_one_call(failing, error);
                stream.request_headers(&[], true);
                for _ in 0..3 {
                    for call in proxy.calls() {
                        match call.made {
                            Made::Http(_) => proxy.answer_http(&call, answer("200")),
                            Made::Grpc(_) => proxy.answer_grpc(&call, Ok(b"yes")),
                            Made::GrpcStream { .. } => unreachable!("no stream is opened"),
                        }
                    }
                    proxy.advance(SECOND);
                }
                assert_ne!(stream.flow(), Flow::Held, "{how} {failing}: {:?}", said(&proxy));
            }
        }
    }
}

/// Says when it is dropped.
struct Dropped(Rc<Cell<bool>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

thread_local! {
    static IS_DROPPED: Rc<Cell<bool>> = Rc::default();
}

/// Waits for ever, with something in its hands.
struct Waits;

impl HttpFilter for Waits {
    const PHASES: Phases = Phases::REQUEST_HEADERS.and(Phases::TIMERS);

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Waits, ConfigurationError> {
        Ok(Waits)
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, (): &mut (), _: &H, _: bool) -> Outcome {
        let held = Dropped(IS_DROPPED.with(Rc::clone));
        Outcome::pause_until(async move {
            std::future::pending::<()>().await;
            drop(held);
            Outcome::Continue
        })
    }
}

#[test]
fn what_waits_is_dropped_with_its_stream() {
    let proxy = FakeProxy::http::<Waits>(&FakeHost::new(), b"").unwrap();
    let stream = proxy.stream();
    assert_eq!(stream.request_headers(&[], true), Flow::Held);
    assert!(!IS_DROPPED.with(|it| it.get()));
    stream.end();
    assert!(IS_DROPPED.with(|it| it.get()));
}
