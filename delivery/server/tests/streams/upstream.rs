//! Another control plane as the base: here a server of our own stands for it.

use burgee_server::resource::types::{CLUSTER, LISTENER, ROUTES};
use bytes::Bytes;

use crate::client::{Delta, Sotw, anys, connect, contents, names, node};
use crate::server::{Server, extension, listener, plugin, sidecar, snapshot};

const UNKNOWN: &str = "type.googleapis.com/nobody.knows.This";

fn recorded() -> burgee_server::resource::Snapshot {
    let mut base = sidecar();
    for (type_url, name, value) in [
        (UNKNOWN, "odd", Bytes::from_static(b"\xfa\x3f\x02hi\x0a\x01a\x08\x07\x0a\x01b")),
        (ROUTES, "r", Bytes::from_static(b"\x0a\x01r\xfa\x3f\x00")),
    ] {
        base.insert(
            type_url,
            std::sync::Arc::new(burgee_server::resource::Resource::new(type_url, name, value)),
        );
    }
    base
}

fn web() -> Bytes {
    node("sidecar", "shop", "web", &[("app", "web")])
}

#[tokio::test]
async fn what_it_gives_goes_on_as_it_came_and_policies_are_laid_over_it() {
    let behind = Server::with_base(recorded()).await;
    let between = Server::over(behind.address).await;
    between.publish(&plugin("shop", "mark", "web", "one"), '1').await;
    let mut stream = Delta::open(connect(between.address).await, web()).await;
    stream.subscribe(CLUSTER, &["*"]);
    assert_eq!(names(&stream.take().await), ["app"]);
    stream.subscribe(LISTENER, &["*"]);
    let listeners = stream.take().await;
    assert_eq!(names(&listeners), ["inbound", "outbound"]);
    assert_ne!(contents(&listeners)["inbound"].resource.as_ref().expect("it").value, listener("inbound", 1));
    let value = |response: &_, name: &str| contents(response)[name].resource.clone().expect("it").value;
    stream.subscribe(UNKNOWN, &["odd"]);
    assert_eq!(value(&stream.take().await, "odd"), recorded().get(UNKNOWN, "odd").expect("it").value());
    stream.subscribe(ROUTES, &["r", "none"]);
    let mut routes = stream.take().await;
    let mut told = names(&routes);
    while told.len() < 2 {
        routes = stream.take().await;
        told.extend(names(&routes));
    }
    assert!(told.contains(&"r".to_owned()) && told.contains(&"-none".to_owned()), "{told:?}");
    let mark = extension("shop", "mark");
    stream.subscribe(burgee_server::resource::types::EXTENSION, &[&mark]);
    assert_eq!(names(&stream.take().await), [mark.as_str()]);

    // A change there comes through, and one here too.
    let mut other = recorded();
    other.insert(
        LISTENER,
        std::sync::Arc::new(burgee_server::resource::Resource::new(LISTENER, "third", listener("third", 2))),
    );
    behind.rebase(other).await;
    assert_eq!(names(&stream.take().await), ["third"]);
    between.publish("", '1').await;
    let bare = stream.take().await;
    assert_eq!(value(&bare, "inbound"), listener("inbound", 1));
}

#[tokio::test]
async fn a_client_of_the_other_flavour_is_served_as_well() {
    let behind = Server::with_base(recorded()).await;
    let between = Server::over(behind.address).await;
    let mut stream = Sotw::open(connect(between.address).await, web()).await;
    stream.ask(CLUSTER, &[]);
    assert_eq!(anys(&stream.take(&[]).await).len(), 1);
    stream.ask(LISTENER, &[]);
    assert_eq!(anys(&stream.take(&[]).await).len(), 2);
    behind.rebase(snapshot(&[(LISTENER, "inbound", listener("inbound", 1))])).await;
    // The cluster goes when the listeners are taken.
    let listeners = stream.take(&[]).await;
    assert_eq!((listeners.type_url.as_str(), anys(&listeners).len()), (LISTENER, 1));
    let clusters = stream.take(&[]).await;
    assert_eq!((clusters.type_url.as_str(), anys(&clusters).len()), (CLUSTER, 0));
}

#[tokio::test]
async fn when_it_goes_away_proxies_keep_what_they_have() {
    let behind = Server::with_base(recorded()).await;
    let between = Server::over(behind.address).await;
    let mut stream = Delta::open(connect(between.address).await, web()).await;
    stream.subscribe(CLUSTER, &["*"]);
    stream.take().await;
    stream.subscribe(LISTENER, &["*"]);
    stream.take().await;
    behind.fleet.end();
    drop(behind);
    assert!(stream.is_quiet().await);
    // What is laid over it still changes.
    between.publish(&plugin("shop", "mark", "web", "one"), '1').await;
    assert_eq!(names(&stream.take().await), ["inbound", "outbound"]);
}
