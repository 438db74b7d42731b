//! What the protocol says, step by step: order, nonces, removal, wildcards and names, known versions.

use burgee_server::resource::types::{CLUSTER, EXTENSION, LISTENER, ROUTES};
use burgee_server::wire::DeltaDiscoveryRequest;
use bytes::Bytes;

use crate::client::{Delta, Sotw, anys, connect, contents, names, node};
use crate::server::{Server, extension, listener, plugin, sidecar, snapshot};

fn web() -> Bytes {
    node("sidecar", "shop", "web", &[("app", "web")])
}

#[tokio::test]
async fn an_incremental_stream_from_the_first_word_to_the_last() {
    let server = Server::with_base(sidecar()).await;
    server.publish(&plugin("shop", "mark", "web", "one"), '1').await;
    let mut stream = Delta::open(connect(server.address).await, web()).await;
    // Asked for in the wrong order, they come in the right one.
    stream.subscribe(LISTENER, &["*"]);
    stream.subscribe(CLUSTER, &[]);
    let first = stream.take().await;
    let (clusters, listeners) = match first.type_url.as_str() {
        CLUSTER => (first, stream.take().await),
        _ => {
            // The server had not heard of clusters yet.
            let clusters = stream.take().await;
            (clusters, first)
        }
    };
    assert_eq!(names(&clusters), ["app"]);
    assert_eq!(names(&listeners), ["inbound", "outbound"]);
    let mark = extension("shop", "mark");
    stream.subscribe(EXTENSION, &[&mark]);
    let one = stream.take().await;
    assert_eq!(names(&one), [mark.as_str()]);
    server.settled().await;

    // Another configuration is all that goes out, and only as what it is: the listener stays.
    server.publish(&plugin("shop", "mark", "web", "two"), '1').await;
    let two = stream.take().await;
    assert_eq!((two.type_url.as_str(), names(&two)), (EXTENSION, vec![mark.clone()]));
    assert_ne!(contents(&one)[&mark].version, contents(&two)[&mark].version);
    assert!(stream.is_quiet().await);

    // So is another module.
    server.publish(&plugin("shop", "mark", "web", "two"), '2').await;
    assert_eq!(names(&stream.take().await), [mark.as_str()]);

    // A document for others goes to nobody here.
    let others = plugin("shop", "mark", "web", "two") + &plugin("shop", "other", "cart", "x");
    let concerned = server.publish(&others, '2').await;
    assert_eq!((concerned.connected, concerned.concerned, concerned.changed), (1, 0, 0));
    assert!(stream.is_quiet().await);

    // Without it the listener is another, and the extension is not taken away under those that drain.
    server.publish("", '2').await;
    let without = stream.take().await;
    assert_eq!((without.type_url.as_str(), names(&without).len()), (LISTENER, 2));
    assert_eq!(contents(&without)["inbound"].resource.as_ref().expect("it").value, listener("inbound", 1));
    assert!(stream.is_quiet().await);
}

#[tokio::test]
async fn a_state_of_the_world_stream_has_everything_each_time() {
    let server = Server::with_base(sidecar()).await;
    let mut stream = Sotw::open(connect(server.address).await, web()).await;
    stream.ask(CLUSTER, &[]);
    assert_eq!(anys(&stream.take(&[]).await).len(), 1);
    stream.ask(LISTENER, &[]);
    let before = stream.take(&[]).await;
    assert_eq!(anys(&before).len(), 2);
    server.publish(&plugin("shop", "mark", "web", "one"), '1').await;
    let after = stream.next().await.expect("listeners");
    assert_eq!((after.type_url.as_str(), anys(&after).len()), (LISTENER, 2));
    // Names of extensions change while the answer is on its way.
    let mark = extension("shop", "mark");
    stream.ask(EXTENSION, &[&mark]);
    let config = stream.take(&[&mark]).await;
    assert_eq!((config.type_url.as_str(), anys(&config).len()), (EXTENSION, 1));
    stream.answer(&after, &[], None);
    server.settled().await;
    assert!(stream.is_quiet().await);
}

#[tokio::test]
async fn who_comes_again_with_what_it_has_is_sent_nothing_by_any_server() {
    let documents = plugin("shop", "mark", "web", "one");
    let servers = [Server::with_base(sidecar()).await, Server::with_base(sidecar()).await];
    for server in &servers {
        server.publish(&documents, '1').await;
    }
    let [first, second] = &servers;
    let mut stream = Delta::open(connect(first.address).await, web()).await;
    stream.subscribe(LISTENER, &["*"]);
    let has = contents(&stream.take().await);
    let versions = has.into_iter().map(|(name, it)| (name, it.version)).collect();
    let mut other = Delta::open(connect(second.address).await, web()).await;
    other.send(DeltaDiscoveryRequest {
        type_url: LISTENER.to_owned(),
        resource_names_subscribe: vec!["*".to_owned()],
        initial_resource_versions: versions,
        ..DeltaDiscoveryRequest::default()
    });
    assert!(other.is_quiet().await);

    let mut stream = Sotw::open(connect(first.address).await, web()).await;
    stream.ask(LISTENER, &[]);
    let has = stream.take(&[]).await;
    let mut other = Sotw::open(connect(second.address).await, web()).await;
    other.send(burgee_server::wire::DiscoveryRequest {
        type_url: LISTENER.to_owned(),
        version_info: has.version_info,
        ..Default::default()
    });
    assert!(other.is_quiet().await);
}

#[tokio::test]
async fn what_nobody_knows_arrives_byte_for_byte() {
    const UNKNOWN: &str = "type.googleapis.com/nobody.knows.This";
    // Fields of no definition, in no order, one of them twice.
    let odd = Bytes::from_static(b"\xfa\x3f\x02hi\x0a\x01a\x08\x07\x0a\x01b");
    // A listener with such fields in front of and behind what is known.
    let mut strange = b"\xfa\x3f\x02hi".to_vec();
    strange.extend_from_slice(&listener("strange", 2));
    strange.extend_from_slice(b"\x82\x7d\x01z");
    let strange = Bytes::from(strange);
    let base = snapshot(&[
        (UNKNOWN, "odd", odd.clone()),
        (LISTENER, "strange", strange.clone()),
        (ROUTES, "r", Bytes::from_static(b"\x0a\x01r\xfa\x3f\x00")),
    ]);
    let server = Server::with_base(base).await;
    let mut stream = Delta::open(connect(server.address).await, web()).await;
    let value = |response: &_, name: &str| contents(response)[name].resource.clone().expect("it");
    stream.subscribe(UNKNOWN, &["odd"]);
    let any = value(&stream.take().await, "odd");
    assert_eq!((any.type_url.as_str(), any.value), (UNKNOWN, odd));
    stream.subscribe(ROUTES, &["r"]);
    assert_eq!(value(&stream.take().await, "r").value, Bytes::from_static(b"\x0a\x01r\xfa\x3f\x00"));
    stream.subscribe(LISTENER, &["*"]);
    assert_eq!(value(&stream.take().await, "strange").value, strange);
    // Laid over, both ends are still there.
    server.publish(&plugin("shop", "mark", "web", "one"), '1').await;
    let laid = value(&stream.take().await, "strange").value;
    assert!(laid.starts_with(b"\xfa\x3f\x02hi\x0a\x07strange") && laid.ends_with(b"\x82\x7d\x01z"));
    assert!(laid.len() > strange.len());
}

#[tokio::test]
async fn a_base_that_changes_is_sent_to_who_has_it() {
    let server = Server::with_base(sidecar()).await;
    let mut stream = Delta::open(connect(server.address).await, web()).await;
    stream.subscribe(CLUSTER, &["*"]);
    stream.take().await;
    stream.subscribe(LISTENER, &["*"]);
    stream.take().await;
    server.settled().await;
    let mut base = sidecar();
    base.types.remove(CLUSTER);
    base.insert(
        CLUSTER,
        std::sync::Arc::new(burgee_server::resource::Resource::new(
            CLUSTER,
            "other",
            Bytes::from_static(b"\x0a\x05other"),
        )),
    );
    server.rebase(base).await;
    assert_eq!(names(&stream.take().await), ["other", "-app"]);
    assert!(stream.is_quiet().await);
}

#[tokio::test]
async fn a_removal_that_is_refused_is_not_sent_again_and_again() {
    let server = Server::with_base(sidecar()).await;
    let mut stream = Delta::open(connect(server.address).await, node("sidecar", "shop", "web", &[])).await;
    stream.subscribe(LISTENER, &["*"]);
    stream.take().await;
    server.rebase(snapshot(&[])).await;
    let removal = stream.next().await.expect("a removal");
    assert_eq!(removal.removed_resources.len(), 2);
    stream.answer(&removal, Some("I keep it"));
    assert!(stream.is_quiet().await);
    assert_eq!(server.fleet.refusals(), 1, "it is counted");
    server.rebase(sidecar()).await;
    assert_eq!(names(&stream.take().await).len(), 2, "what comes again is sent");
}
