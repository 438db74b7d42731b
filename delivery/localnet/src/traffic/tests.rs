//! Requests to servers of ours, counted on both sides.

use std::convert::Infallible;

use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use burgee_api::resources::workload_entry::CallScheme;

use super::*;

/// A server that answers 418 under `/teapot`, as a query that begins with `status=` asks, and else 200; and what it was
/// asked for.
struct Server {
    address: SocketAddr,
    asked: Arc<std::sync::Mutex<Vec<String>>>,
    /// The values of each `x-sent`.
    headers: Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
        let headers: Arc<std::sync::Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (seen, sent_headers) = (asked.clone(), headers.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, sent_headers) = (seen.clone(), sent_headers.clone());
                let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let path = request.uri().to_string();
                    let query = request.uri().query().and_then(|query| query.strip_prefix("status="));
                    let status = query.and_then(|query| query.split('&').next()?.parse().ok());
                    let status = status.unwrap_or(if path.starts_with("/teapot") { 418 } else { 200 });
                    seen.lock().unwrap().push(path);
                    let sent = request.headers().get_all("x-sent").iter();
                    sent_headers.lock().unwrap().extend(sent.map(|value| value.as_bytes().to_vec()));
                    let answer = Response::builder().status(status).body(Full::new(Bytes::from("answer")));
                    async move { Ok::<_, Infallible>(answer.unwrap()) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Server { address, asked, headers }
    }

    fn served(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn mk_target(address: SocketAddr, host: &str) -> Target {
    Target { gateway: "istio-system/gateway".to_owned(), address, host: host.to_owned() }
}

fn mk_paths(paths: &[&str]) -> Asking {
    Asking { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..Asking::default() }
}

#[tokio::test]
async fn requests_are_spread_evenly_and_counted_on_both_sides() {
    let (one, other) = (Server::start().await, Server::start().await);
    let targets = [mk_target(one.address, "one"), mk_target(other.address, "other")];
    let outcome = send(&targets, &[], &Asking::default(), 21).await;
    assert_eq!((outcome.ok, outcome.failed, outcome.sent), (21, 0, vec![11, 10]));
    assert_eq!((one.served(), other.served()), (11, 10));
    let failures = |server: &Server| server.asked.lock().unwrap().iter().filter(|path| *path != "/").count();
    assert_eq!(failures(&one) + failures(&other), 2, "the tenth and the twentieth");
}

#[tokio::test]
async fn each_path_is_asked_for_in_turn() {
    let server = Server::start().await;
    let targets = [mk_target(server.address, "app")];
    let outcome = send(&targets, &[], &mk_paths(&["/", "/a", "/?status=503&delay=1ms"]), 8).await;
    assert_eq!((outcome.ok, outcome.failed), (8, 0), "{outcome:?}");
    let asked = server.asked.lock().unwrap();
    let count = |path: &str| asked.iter().filter(|one| *one == path).count();
    assert_eq!((count("/"), count("/a"), count("/?status=503&delay=1ms")), (3, 3, 2));
}

#[tokio::test]
async fn every_request_has_the_headers_that_are_asked_for() {
    let server = Server::start().await;
    let mut asking = mk_paths(&["/"]);
    for value in [&b"one"[..], b"caf\xe9"] {
        asking.add_header(b"X-Sent", value).unwrap();
    }
    let outcome = send(&[mk_target(server.address, "app")], &[], &asking, 2).await;
    assert_eq!((outcome.ok, outcome.failed), (2, 0), "{outcome:?}");
    assert_eq!(*server.headers.lock().unwrap(), [&b"one"[..], b"caf\xe9"].repeat(2));
}

#[tokio::test]
async fn another_status_than_the_one_that_is_asked_for_is_a_failure_and_is_told() {
    let server = Server::start().await;
    let targets = [mk_target(server.address, "app")];
    for (path, failure) in [
        ("/teapot", Some("app/teapot answered 418")),
        ("/teapot?x=1&status=418", None),
        ("/?status=204", None),
        ("/?x=1&status=503", Some("app/?x=1&status=503 answered 200")),
        ("no path", Some("appno path: ")),
    ] {
        let outcome = send(&targets, &[], &mk_paths(&[path]), 2).await;
        let is_as_expected = match (&outcome.first_failure, failure) {
            (None, None) => (outcome.ok, outcome.failed) == (2, 0),
            (Some(said), Some(expected)) => said.starts_with(expected) && outcome.failed == 2,
            _ => false,
        };
        assert!(is_as_expected, "{path}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_fails_requests_and_the_first_failure_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = mk_target(listener.local_addr().unwrap(), "app");
    drop(listener);
    let outcome = send(&[target], &[], &Asking::default(), 3).await;
    assert_eq!((outcome.ok, outcome.failed), (0, 3));
    assert!(outcome.first_failure.unwrap().starts_with("app: "));
}

#[test]
fn a_call_that_is_to_fail_makes_another_status_the_expected_one() {
    let call = |host: &str, path: &str| Call {
        scheme: CallScheme::Http,
        host: host.to_owned(),
        port: 80,
        path: path.to_owned(),
    };
    let calls = [call("greeting.shop", "/"), call("stock.shop", "/?size=1")];
    for (path, expected) in [
        ("/", None),
        ("/?greeting.status=500", Some(502)),
        ("/?stock.status=503&greeting.status=200", Some(502)),
        ("/?greeting.status=404", None),
        ("/?status=204&greeting.status=500", Some(204)),
        ("/?greeting.stock.status=500", None),
        ("/?other.status=500", None),
        // The app answers 400, which nobody asked for.
        ("/?status=x", None),
    ] {
        assert_eq!(asked_status(path, &calls), expected, "{path}");
    }
    assert_eq!(asked_status("/?greeting.status=500", &[]), None);
    assert_eq!(asked_status("/", &[call("greeting.shop", "/?status=500")]), Some(502));
}

#[test]
fn a_header_that_cannot_be_sent_is_refused() {
    for (name, value, error) in [
        (&b""[..], &b""[..], HeaderError::Name),
        (b"a b", b"", HeaderError::Name),
        (b":path", b"/", HeaderError::Name),
        (b"x", b"1\r\ny: 2", HeaderError::Value),
        (b"Host", b"other", HeaderError::Ours),
        (b"content-length", b"7", HeaderError::Ours),
    ] {
        assert_eq!(Asking::default().add_header(name, value), Err(error), "{}", name.escape_ascii());
    }
}
