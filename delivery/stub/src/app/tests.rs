//! Apps on loopback: what one answers, and what two do that call each other.

use std::net::SocketAddr;

use http_body_util::Full;
use hyper::Method;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper_util::client::legacy::Client;
use tokio::task::JoinSet;

use super::*;

struct Running {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

async fn mk_app(name: &str, calls: &[String]) -> Running {
    let calls = calls.iter().map(|call| call.parse().unwrap()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener, Arc::new(App::new(name, calls, None))));
    Running { address, _serving: serving }
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: String,
}

async fn ask(app: &Running, method: Method, path: &str, headers: &[(&str, &str)]) -> Got {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(format!("http://{}{path}", app.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.request(request.body(Full::from("some body")).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Got {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn get(app: &Running, path: &str) -> Got {
    ask(app, Method::GET, path, &[]).await
}

/// A server that answers every request with the head that it got, lower-cased.
async fn mk_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(|request: Request<Incoming>| async move {
                let mut lines = vec![format!("{} {}", request.method(), request.uri())];
                for (name, value) in request.headers() {
                    lines.push(format!("{name}: {}", value.to_str().unwrap()));
                }
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(lines.join("\n")))))
            });
            tokio::spawn(async move {
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn an_app_answers_as_it_is_asked() {
    let app = mk_app("web", &[]).await;
    for (path, status, body) in [
        ("/", 200, "hello from web\n"),
        ("/any/path?q=1&greeting.status=503", 200, "hello from web\n"),
        ("/?status=503", 503, "hello from web\n"),
        ("/?size=5&delay=1ms&status=404", 404, "hello"),
        ("/?size=17", 200, "hello from web\n.."),
        ("/?status=204", 204, ""),
        ("/?status=304&size=100", 304, ""),
    ] {
        let got = get(&app, path).await;
        assert_eq!((got.status, got.body.as_str()), (status, body), "{path}");
    }
}

#[tokio::test]
async fn every_method_is_answered_and_head_without_a_body() {
    let app = mk_app("web", &[]).await;
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        assert_eq!(ask(&app, method, "/", &[]).await.body, "hello from web\n");
    }
    let got = ask(&app, Method::HEAD, "/?size=2048", &[]).await;
    assert_eq!((got.body.as_str(), got.headers["content-length"].to_str().unwrap()), ("", "2048"));
}

/// Everything that is answered to bytes on a connection, until the app closes it or has nothing more to say.
async fn raw(app: &Running, bytes: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn old_and_odd_clients_are_answered_and_end_nothing() {
    let app = mk_app("web", &[]).await;
    for (bytes, start, end) in [
        ("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\nhello from web\n"),
        ("HEAD /?size=9 HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\n"),
        ("nonsense\r\n\r\n", "HTTP/1.1 400 ", "\r\n\r\n"),
    ] {
        let answer = raw(&app, bytes).await;
        assert!(answer.starts_with(start) && answer.ends_with(end), "{bytes:?}: {answer:?}");
    }
    assert_eq!(get(&app, "/").await.status, 200);
}

#[tokio::test]
async fn a_request_whose_client_gives_up_counts_too() {
    use tokio::io::AsyncWriteExt;
    let app = mk_app("web", &[]).await;
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    stream.write_all(b"GET /?delay=60s HTTP/1.1\r\nhost: web\r\n\r\n").await.unwrap();
    let served = async || get(&app, SERVED_PATH).await.body.trim_end().to_owned();
    while served().await == r#"{"served":0,"called":0}"# {
        tokio::task::yield_now().await;
    }
    drop(stream);
    assert_eq!(served().await, r#"{"served":1,"called":0}"#);
}

#[tokio::test]
async fn what_cannot_be_obeyed_is_answered_with_what_can() {
    let app = mk_app("web", &[]).await;
    let got = get(&app, "/?status=99").await;
    assert_eq!(got.status, 400);
    assert!(got.body.contains("status=NUMBER from 200 to 599"), "{}", got.body);
}

#[tokio::test]
async fn a_caller_tells_what_it_was_answered_and_passes_on_what_is_for_the_called() {
    let last = mk_app("last", &[]).await;
    let greeting = mk_app("greeting", &[format!("http://last/x={}", last.address)]).await;
    let calls = [format!("http://greeting.shop:9080/={}", greeting.address)];
    let hello = mk_app("hello", &calls).await;
    for (path, status, line) in [
        ("/", 200, "  http://greeting.shop:9080/ 200: hello from greeting\n"),
        ("/?greeting.status=404", 200, "  http://greeting.shop:9080/ 404: hello from greeting\n"),
        ("/?greeting.status=503", 502, "  http://greeting.shop:9080/ 503: hello from greeting\n"),
        ("/?greeting.status=503&status=201", 201, "  http://greeting.shop:9080/ 503: hello from greeting\n"),
        ("/?greeting.last.status=500", 502, "    http://last/x 500: hello from last\n"),
        ("/?greeting.size=3", 200, "  http://greeting.shop:9080/ 200: hel\n"),
    ] {
        let got = get(&hello, path).await;
        assert_eq!(got.status, status, "{path}: {}", got.body);
        assert!(got.body.starts_with("hello from hello\n  http://greeting"), "{path}: {}", got.body);
        assert!(got.body.contains(line), "{path}: {}", got.body);
    }
    for (app, expected) in [
        (&hello, r#"{"served":6,"called":6}"#),
        (&greeting, r#"{"served":6,"called":6}"#),
        (&last, r#"{"served":6,"called":0}"#),
        // Asking does not count.
        (&last, r#"{"served":6,"called":0}"#),
    ] {
        assert_eq!(get(app, SERVED_PATH).await.body.trim_end(), expected);
    }
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_told_and_makes_502() {
    // A port that was free a moment ago.
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let app = mk_app("web", &[format!("http://gone/={nowhere}")]).await;
    let got = get(&app, "/").await;
    assert_eq!(got.status, 502);
    assert!(got.body.contains("  http://gone/ failed: "), "{}", got.body);
}

#[tokio::test]
async fn calls_carry_the_urls_host_and_the_trace_of_the_request() {
    let echo = mk_echo().await;
    let app = mk_app("web", &[format!("http://echo.shop/p?own=1={echo}")]).await;
    let headers = [
        ("traceparent", "00-a-b-01"),
        ("tracestate", "one=1"),
        ("tracestate", "two=2"),
        ("b3", "0"),
        ("x-b3-traceid", "abc"),
        ("x-request-id", "id"),
        ("x-ot-span-context", "context"),
        ("x-datadog-trace-id", "7"),
        ("sw8", "1-a"),
        ("authorization", "secret"),
    ];
    let got = ask(&app, Method::POST, "/q?echo.size=1&size=4000", &headers).await.body;
    for expected in [
        "200: GET /p?own=1&size=1\n",
        "\n  host: echo.shop\n",
        "\n  traceparent: 00-a-b-01\n",
        "\n  tracestate: one=1\n",
        "\n  tracestate: two=2\n",
        "\n  b3: 0\n",
        "\n  x-b3-traceid: abc\n",
        "\n  x-request-id: id\n",
        "\n  x-ot-span-context: context\n",
        "\n  x-datadog-trace-id: 7\n",
        "\n  sw8: 1-a\n",
    ] {
        assert!(got.contains(expected), "{expected:?}: {got}");
    }
    assert!(!got.contains("secret"), "{got}");
}

/// What an app has done.
async fn served(app: &Running) -> Served {
    serde_json::from_str(&get(app, SERVED_PATH).await.body).unwrap()
}

#[tokio::test]
async fn others_are_called_by_http_of_either_version_grpc_and_tcp() {
    let end = mk_app("end", &[]).await;
    let bytes = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = bytes.local_addr().unwrap();
    let app = Arc::new(App::new("bytes", Vec::new(), None));
    let mut serving = JoinSet::new();
    serving.spawn(serve_bytes(bytes, app.clone()));
    let calls = ["http://end.shop/a", "h2c://end.shop:81/b", "grpc://end.shop/shop.End/Hello"]
        .map(|url| format!("{url}={}", end.address));
    let mut calls = calls.to_vec();
    calls.push(format!("tcp://end.shop:90={address}"));
    let start = mk_app("start", &calls).await;
    let got = get(&start, "/").await;
    let expected = "hello from start\n  http://end.shop/a 200: hello from end\n  h2c://end.shop:81/b 200: hello from end\n  \
                    grpc://end.shop/shop.End/Hello status 0: hello from end\n  tcp://end.shop:90 ok: 17 bytes there and \
                    back\n";
    assert_eq!((got.status, got.body.as_str()), (200, expected));
    assert_eq!(served(&start).await, Served { served: 1, called: 3, taken: 0, opened: 1 });
    assert_eq!(served(&end).await, Served { served: 3, called: 0, taken: 0, opened: 0 });
    assert_eq!(app.taken.load(Ordering::SeqCst), 1);

    // A call of gRPC fails where a request would be answered so.
    let got = get(&start, "/?end.status=503").await;
    assert_eq!(got.status, 502);
    let failed = ["/a 503: hello", "/b 503: hello", "/Hello status 14: hello", "90 ok: 17"];
    assert!(failed.iter().all(|part| got.body.contains(part)), "{}", got.body);
}

#[tokio::test]
async fn an_app_calls_from_the_address_that_it_is_given() {
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = echo.local_addr().unwrap();
    let from = "127.0.0.9".parse().unwrap();
    let calls = ["http://a", "h2c://a", "tcp://a:1"].map(|url| format!("{url}={address}").parse().unwrap());
    let app = App::new("caller", calls.into(), Some(from));
    let (asked, headers) = (Asked::default(), HeaderMap::new());
    let work = app.work(&asked, &headers);
    let seen = async {
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(echo.accept().await.unwrap().1.ip());
        }
        seen
    };
    let (seen, _) = tokio::join!(seen, work);
    assert_eq!(seen, [from; 3]);
}
