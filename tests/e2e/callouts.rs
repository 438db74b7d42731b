//! A filter with the kit asks a service by calls of gRPC, streams of gRPC and requests of HTTP, in a real Envoy.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use serde_json::{Value, json};

use crate::support::http;
use crate::support::proxy::Proxy;
use crate::support::{eventually, root, tempdir};

/// What becomes of serving a request.
type Served = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A service of gRPC and of HTTP/2 on loopback, for as long as the process runs.
struct Service {
    address: SocketAddr,
    /// How many streams without end are open.
    endless: Arc<AtomicUsize>,
}

impl Service {
    fn start() -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let endless: Arc<AtomicUsize> = Arc::default();
        let counter = endless.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, counter));
        });
        Service { address, endless }
    }
}

async fn accept(listener: TcpListener, endless: Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((socket, _)) = listener.accept().await {
        let endless = endless.clone();
        tokio::spawn(async move {
            // A connection that breaks is the other side's to tell of.
            let Ok(mut connection) = h2::server::handshake(socket).await else { return };
            while let Some(Ok((request, answer))) = connection.accept().await {
                let endless = endless.clone();
                tokio::spawn(async move { _ = serve(request, answer, &endless).await });
            }
        });
    }
}

/// The messages of a request, one after the other.
struct Messages(RecvStream, BytesMut);

impl Messages {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // A byte that says whether it is compressed, and four with the length.
            if let Some(length) = self.1.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
                if self.1.len() >= 5 + length {
                    return Some(self.1.split_to(5 + length).freeze().slice(5..));
                }
            }
            let data = self.0.data().await?.ok()?;
            self.0.flow_control().release_capacity(data.len()).ok()?;
            self.1.extend_from_slice(&data);
        }
    }
}

fn message(text: &[u8]) -> Bytes {
    let length = u32::try_from(text.len()).expect("a short text").to_be_bytes();
    Bytes::from([&[0], &length[..], text].concat())
}

/// Serves a request by its path.
async fn serve(
    request: ::http::Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    endless: &AtomicUsize,
) -> Served {
    let path = request.uri().path().to_owned();
    let asked_by = request.headers().get("x-asked-by").cloned();
    let mut messages = Messages(request.into_body(), BytesMut::new());
    let head = ::http::Response::builder();
    let of_grpc = || ::http::Response::builder().header("content-type", "application/grpc");
    let mut trailers = ::http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse()?);
    match path.as_str() {
        "/http" => {
            let mut sending = answer.send_response(head.header("x-answer", "of http").body(())?, false)?;
            sending.send_data(Bytes::from_static(b"a body"), true)?;
        }
        "/test.Service/Call" => {
            let question = messages.next().await.ok_or("no question")?;
            let by = asked_by.ok_or("no metadata")?;
            let mut sending = answer.send_response(of_grpc().body(())?, false)?;
            sending
                .send_data(message(&[b"answer to ", &*question, b" of ", by.as_bytes()].concat()), false)?;
            sending.send_trailers(trailers)?;
        }
        "/test.Service/Stream" => {
            let mut sending =
                answer.send_response(of_grpc().header("x-initial", "hello").body(())?, false)?;
            while let Some(text) = messages.next().await {
                sending.send_data(message(&[b"echo of ", &*text].concat()), false)?;
            }
            trailers.insert("x-trailing", "bye".parse()?);
            sending.send_trailers(trailers)?;
        }
        "/test.Service/Denied" => {
            answer.send_response(of_grpc().header("grpc-status", "7").body(())?, true)?;
        }
        "/test.Service/Endless" => {
            let _sending = answer.send_response(of_grpc().body(())?, false)?;
            endless.fetch_add(1, Ordering::SeqCst);
            // Until the other side ends it.
            while messages.next().await.is_some() {}
            endless.fetch_sub(1, Ordering::SeqCst);
        }
        _ => std::future::pending().await,
    }
    Ok(())
}

/// A listener on any port with the filter, and the service as a cluster.
fn configuration(module: &str, service: SocketAddr) -> Value {
    let of = |name: &str| format!("type.googleapis.com/envoy.extensions.{name}");
    let any_port = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    let wasm = json!({"name": "callouts", "typed_config": {
        "@type": of("filters.http.wasm.v3.Wasm"),
        "config": {"name": "callouts", "vm_config": {
            "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module}},
        }},
    }});
    let router = json!({"name": "router", "typed_config": {"@type": of("filters.http.router.v3.Router")}});
    let routes = json!([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]);
    let manager = json!({
        "@type": of("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "front",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [wasm, router],
    });
    let endpoint = json!({"endpoint": {"address": {"socket_address": {
        "address": service.ip().to_string(), "port_value": service.port(),
    }}}});
    let cluster = json!({
        "name": "service",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "service", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": of("upstreams.http.v3.HttpProtocolOptions"),
            "explicit_http_config": {"http2_protocol_options": {}},
        }},
    });
    json!({
        "admin": {"address": any_port},
        "static_resources": {
            "listeners": [{"name": "front", "address": any_port, "filter_chains": [{"filters": [
                {"name": "manager", "typed_config": manager},
            ]}]}],
            "clusters": [cluster],
        },
    })
}

#[test]
fn calls_and_streams_of_grpc_and_requests_of_http_are_answered_in_a_real_envoy() {
    let folder = tempdir();
    let built = burgee_modules::build_crate(&root().join("tests/e2e/filters/callouts"), &|_: &str| {});
    let built = built.unwrap_or_else(|error| panic!("{error}"));
    let service = Service::start();
    let file = folder.path().join("envoy.json");
    let text = configuration(&built.path.to_string_lossy(), service.address).to_string();
    fs::write(&file, text).expect("a file can be written");
    let proxy = Proxy::start(folder.path(), &file);
    let listener = proxy.listener("front");
    let log = || fs::read_to_string(folder.path().join("envoy.log")).unwrap_or_default();
    let get = |path: &str| {
        http::get(&listener, "front", path).unwrap_or_else(|error| panic!("{path}: {error}\n{}", log()))
    };
    let expect = |path: &str, status: u16, headers: &[(&str, &str)]| {
        let answer = get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}\n{}", log());
        for (name, value) in headers {
            assert_eq!(answer.header(name), Some(*value), "{path}: {answer:?}\n{}", log());
        }
        answer
    };

    // More than once, since the second finds what the first has left.
    for _ in 0..3 {
        let answer = expect(
            "/all",
            200,
            &[
                ("x-call", "answer to question of callouts"),
                ("x-first", "echo of one"),
                ("x-initial", "hello"),
                ("x-second", "echo of two"),
                ("x-over", "true"),
                ("x-trailing", "bye"),
                ("x-http", "of http"),
            ],
        );
        assert_eq!(answer.body, "a body");
    }
    let ended = |status: u32| format!("the call ended with the gRPC status {status}");
    expect("/denied", 503, &[("x-error", &ended(7))]);
    // Not 4: what is 504 in HTTP is that in gRPC.
    expect("/late", 503, &[("x-error", &ended(14))]);
    let nobody = expect("/nobody", 503, &[]);
    assert!(nobody.header("x-error").is_some_and(|error| error.starts_with("the call was not made: ")));
    expect("/nameless", 503, &[("x-error", "the call was not made: bad argument")]);

    expect("/keep", 200, &[("x-set", "Ok(())"), ("x-late", "None"), ("x-count", "1")]);
    let again =
        expect("/keep", 200, &[("x-set", "Ok(())"), ("x-late", "Some(Err(CasMismatch))"), ("x-count", "2")]);
    assert_eq!(again.header("x-property"), Some("Ok(()) Ok(Some([121, 101, 115]))"));

    // A client that goes away ends what its request has opened.
    let mut client = TcpStream::connect(&listener).expect("a connection");
    client.write_all(b"GET /endless HTTP/1.1\r\nHost: front\r\n\r\n").expect("a request");
    let endless = |wanted: usize| {
        eventually("streams without end", || match service.endless.load(Ordering::SeqCst) {
            count if count == wanted => Ok(()),
            count => Err(format!("{count}, not {wanted}\n{}", log())),
        })
    };
    endless(1);
    drop(client);
    endless(0);
    expect("/all", 200, &[("x-over", "true")]);
    assert!(!log().contains("panicked"), "{}", log());
}
