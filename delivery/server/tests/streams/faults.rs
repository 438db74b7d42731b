//! Clients that are wrong, slow, gone or many.

use std::sync::Arc;
use std::time::Duration;

use burgee_server::fleet::Limits;
use burgee_server::resource::types::{CLUSTER, ENDPOINTS, LISTENER};
use burgee_server::wire::DeltaDiscoveryRequest;
use bytes::Bytes;
use serde_json::json;
use tonic::Code;

use crate::client::{Delta, connect, names, node, node_of};
use crate::server::{Same, Server, sidecar, snapshot};

async fn refusal(server: &Server, node: Bytes, request: DeltaDiscoveryRequest) -> (Code, String) {
    let mut stream = Delta::open(connect(server.address).await, node).await;
    stream.send(request);
    let status = stream.next().await.expect_err("it is refused");
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn what_is_no_proxy_of_ours_is_told_why() {
    let server = Server::with_base(sidecar()).await;
    let ask = || DeltaDiscoveryRequest { type_url: CLUSTER.to_owned(), ..DeltaDiscoveryRequest::default() };
    let web = || node("sidecar", "shop", "web", &[]);
    let waypoint = node("waypoint", "shop", "w", &[]);
    let nobody = node_of("x", &json!({}));
    for (node, request, code, said) in [
        (nobody, ask(), Code::InvalidArgument, "does not say its namespace"),
        (waypoint, ask(), Code::InvalidArgument, "waypoint"),
        (web(), DeltaDiscoveryRequest::default(), Code::InvalidArgument, "type_url"),
        (Bytes::from_static(b"\xff\xff"), ask(), Code::InvalidArgument, "cannot be read"),
    ] {
        let (found, message) = refusal(&server, node, request).await;
        assert!(found == code && message.contains(said), "{found:?} {message}");
    }
    let none = Server::start(Limits::default(), None).await;
    let (code, message) = refusal(&none, web(), ask()).await;
    assert!(code == Code::NotFound && message.contains("no base for shop/web"), "{message}");
    let full = Server::start(Limits { proxies: 1, ..Limits::default() }, None).await;
    full.rebase(sidecar()).await;
    let mut first = Delta::open(connect(full.address).await, web()).await;
    first.subscribe(CLUSTER, &[]);
    first.take().await;
    assert_eq!(refusal(&full, web(), ask()).await.0, Code::ResourceExhausted);
    assert_eq!(server.fleet.proxies().len(), 0);
}

#[tokio::test]
async fn a_request_beyond_bounds_ends_its_stream_alone() {
    let server = Server::start(Limits { request_bytes: 10_000, ..Limits::default() }, None).await;
    server.rebase(sidecar()).await;
    let channel = connect(server.address).await;
    let mut good = Delta::open(channel.clone(), node("sidecar", "shop", "web", &[])).await;
    good.subscribe(CLUSTER, &["*"]);
    good.take().await;
    let mut bad = Delta::open(channel, node("sidecar", "shop", "bad", &[])).await;
    bad.subscribe(CLUSTER, &["*"]);
    bad.take().await;
    let long = "x".repeat(3000);
    bad.subscribe(CLUSTER, &[long.as_str(); 5]);
    let ended = tokio::time::timeout(Duration::from_secs(10), bad.next()).await;
    assert!(ended.is_ok_and(|next| next.is_err()), "it is refused");
    server.rebase(snapshot(&[])).await;
    assert_eq!(names(&good.take().await), ["-app"]);
}

#[tokio::test]
async fn one_that_reads_nothing_keeps_nobody_waiting() {
    let server = Server::start(Limits { bytes_under_way: 2 << 20, ..Limits::default() }, None).await;
    let large = |content: u8| {
        // A name, then a megabyte of a field that nobody knows.
        let mut value = b"\x0a\x03app\xfa\x3f\x80\x80\x40".to_vec();
        value.extend(std::iter::repeat_n(content, 1 << 20));
        snapshot(&[(CLUSTER, "app", Bytes::from(value))])
    };
    server.rebase(large(1)).await;
    // Some that ask and never read.
    let mut stuck = Vec::new();
    for number in 0..4 {
        let node = node("sidecar", "shop", &format!("stuck{number}"), &[]);
        let mut stream = Delta::open(connect(server.address).await, node).await;
        stream.subscribe(CLUSTER, &["*"]);
        stuck.push(stream);
    }
    let mut good = Delta::open(connect(server.address).await, node("sidecar", "shop", "good", &[])).await;
    good.subscribe(CLUSTER, &["*"]);
    let response = tokio::time::timeout(Duration::from_secs(60), good.next()).await;
    let response = response.expect("it has its turn").expect("clusters");
    good.answer(&response, None);
    assert_eq!(names(&response), ["app"]);
    drop(stuck);
}

/// Each has two types of which one is as large as all that may be under way for both of them together.
#[tokio::test]
async fn proxies_with_several_large_types_do_not_wait_for_each_other() {
    let server = Server::start(Limits { bytes_under_way: 256 << 10, ..Limits::default() }, None).await;
    let mut value = b"\x0a\x03app\xfa\x3f\x80\x80\x08".to_vec();
    value.extend(std::iter::repeat_n(1, 128 << 10));
    let value = Bytes::from(value);
    server.rebase(snapshot(&[(CLUSTER, "app", value.clone()), (ENDPOINTS, "app", value)])).await;
    let mut streams = Vec::new();
    for number in 0..4 {
        let node = node("sidecar", "shop", &format!("web{number}"), &[]);
        let mut stream = Delta::open(connect(server.address).await, node).await;
        stream.subscribe(CLUSTER, &["*"]);
        stream.subscribe(ENDPOINTS, &["app"]);
        streams.push(stream);
    }
    for stream in &mut streams {
        let mut types: Vec<String> = vec![stream.take().await.type_url, stream.take().await.type_url];
        types.sort();
        assert_eq!(types, [CLUSTER, ENDPOINTS]);
    }
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed_and_one_that_asked_is_not() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::with_base(sidecar()).await;
    let mut stream = Delta::open(connect(server.address).await, node("sidecar", "shop", "web", &[])).await;
    stream.subscribe(LISTENER, &["*"]);
    stream.take().await;
    let mut silent = Vec::new();
    // Nothing; a preface alone; a preface and settings.
    for said in
        ["", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"]
    {
        let mut connection = tokio::net::TcpStream::connect(server.address).await.expect("a connection");
        connection.write_all(said.as_bytes()).await.expect("it is taken");
        silent.push(connection);
    }
    // Time goes on by itself as long as nothing else happens.
    tokio::time::pause();
    for mut connection in silent {
        // Closed, after what it may have been sent before, or broken off.
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(25), connection.read_to_end(&mut rest)).await;
        closed.expect("it is closed").ok();
    }
    tokio::time::resume();
    server.rebase(snapshot(&[])).await;
    assert_eq!(stream.take().await.removed_resources.len(), 2, "it goes on");
}

#[tokio::test]
async fn streams_that_break_leave_nothing_behind() {
    let server = Server::with_base(sidecar()).await;
    for round in 0..50 {
        let node = node("sidecar", "shop", &format!("web{round}"), &[]);
        let mut stream = Delta::open(connect(server.address).await, node).await;
        stream.subscribe(LISTENER, &["*"]);
        if round % 2 == 0 {
            stream.next().await.expect("listeners");
        }
        // Without a word.
        drop(stream);
    }
    let gone = async {
        while !server.fleet.proxies().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("all are gone");
}

#[tokio::test]
async fn a_server_that_ends_says_so_and_takes_no_more() {
    let server = Server::with_base(sidecar()).await;
    let mut stream = Delta::open(connect(server.address).await, node("sidecar", "shop", "web", &[])).await;
    stream.subscribe(LISTENER, &["*"]);
    stream.take().await;
    server.fleet.end();
    assert_eq!(stream.next().await.expect_err("it ends").code(), Code::Unavailable);
    let ask = DeltaDiscoveryRequest { type_url: CLUSTER.to_owned(), ..DeltaDiscoveryRequest::default() };
    assert_eq!(refusal(&server, node("sidecar", "shop", "web", &[]), ask).await.0, Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_while_proxies_come_and_go_leave_all_with_the_last() {
    let server = Arc::new(Server::with_base(sidecar()).await);
    let mut clients = Vec::new();
    for number in 0..20 {
        let address = server.address;
        clients.push(tokio::spawn(async move {
            let mut last = String::new();
            for round in 0..4 {
                let node = node("sidecar", "shop", &format!("web{number}"), &[("app", "web")]);
                let mut stream = Delta::open(connect(address).await, node).await;
                stream.subscribe(CLUSTER, &["*"]);
                let until = if round == 3 { Duration::from_secs(2) } else { Duration::from_millis(50) };
                while let Ok(Ok(response)) = tokio::time::timeout(until, stream.next()).await {
                    stream.answer(&response, None);
                    last = names(&response).into_iter().find(|name| name.starts_with('c')).unwrap_or(last);
                }
            }
            last
        }));
    }
    for number in 0..60_u8 {
        let name = format!("c{number:02}");
        let mut value = vec![0x0a, 3];
        value.extend(name.as_bytes());
        let base = snapshot(&[(CLUSTER, &name, Bytes::from(value))]);
        server.fleet.rebase(Arc::new(Same(Arc::new(base)))).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for client in clients {
        assert_eq!(client.await.expect("no panic"), "c59");
    }
}
