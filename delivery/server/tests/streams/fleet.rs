//! What a proxy refuses comes back to it as it was, and to no other; what is to blame is known.

use std::time::Duration;

use burgee_server::plugin_state::PluginState;
use burgee_server::resource::types::{EXTENSION, LISTENER};
use burgee_server::status::{Wanted, report};

use crate::client::{Delta, connect, contents, names, node};
use crate::server::{Server, extension, in_force, listener, plugin, sidecar, snapshot};

async fn stream(server: &Server, workload: &str) -> Delta {
    let node = node("sidecar", "shop", workload, &[("app", "web"), ("one", workload)]);
    let mut stream = Delta::open(connect(server.address).await, node).await;
    stream.subscribe(LISTENER, &["*"]);
    stream.take().await;
    stream
}

const GOOD: [&str; 2] = ["good", "fine"];

fn two(one: &str, other: &str) -> String {
    plugin("shop", "one", "web", one) + &plugin("shop", "other", "web", other)
}

#[tokio::test]
async fn one_document_comes_back_for_one_proxy_and_nothing_else_does() {
    let server = Server::with_base(sidecar()).await;
    server.publish(&two(GOOD[0], GOOD[1]), '1').await;
    let (mut picky, mut easy) = (stream(&server, "picky").await, stream(&server, "easy").await);
    let (one, other) = (extension("shop", "one"), extension("shop", "other"));
    let mut before = Vec::new();
    for stream in [&mut picky, &mut easy] {
        stream.subscribe(EXTENSION, &[&one, &other]);
        before.push(contents(&stream.take().await));
    }
    server.settled().await;

    server.publish(&two("bad", "better"), '1').await;
    let refused = picky.next().await.expect("extensions");
    assert_eq!(names(&refused).len(), 2);
    // Envoy names what it refuses.
    picky.answer(&refused, Some(&format!("{one}: I do not like it")));
    let taken = contents(&easy.take().await);
    // What was beside it comes again, on its own, since nobody knows whether it counted.
    let mut back = contents(&picky.take().await);
    back.extend(contents(&picky.take().await));
    assert_eq!(back[&one].version, before[0][&one].version, "as it was");
    assert_eq!(back[&other].version, taken[&other].version, "as it is");
    assert_ne!(taken[&one].version, before[1][&one].version);
    server.settled().await;

    let status = report(&server.fleet, &Wanted { proxies: true, ..Wanted::default() });
    let of = |name: &str| status.documents.iter().find(|it| it.name == name).expect("a document").clone();
    assert_eq!((of("one").concerned, of("one").loaded), (2, 1));
    assert_eq!((of("other").concerned, of("other").loaded), (2, 2));
    assert!(of("one").refused[0].error.contains("I do not like it"));
    assert!(of("one").refused[0].node.contains("picky"));

    // A document that is another is tried again.
    server.publish(&two("best", "better"), '1').await;
    assert_eq!(names(&picky.take().await), [one.as_str()]);
    assert_eq!(names(&easy.take().await), [one.as_str()]);
    server.settled().await;
    let status = report(&server.fleet, &Wanted::default());
    assert!(status.documents.iter().all(|it| it.loaded == 2 && it.refused.is_empty()), "{status:?}");
}

#[tokio::test]
async fn a_proxy_that_comes_again_is_not_tried_again() {
    let server = Server::with_base(sidecar()).await;
    server.publish(&two(GOOD[0], GOOD[1]), '1').await;
    let mut picky = stream(&server, "picky").await;
    let (one, other) = (extension("shop", "one"), extension("shop", "other"));
    picky.subscribe(EXTENSION, &[&one, &other]);
    let before = contents(&picky.take().await);
    server.settled().await;
    server.publish(&two("bad", GOOD[1]), '1').await;
    let refused = picky.next().await.expect("an extension");
    // In as many words as a request may have.
    picky.answer(&refused, Some(&"no ".repeat(1 << 20)));
    picky.take().await;
    let holds = server.fleet.holds();
    let words: Vec<usize> = holds.all().map(|(_, hold)| hold.error.len()).collect();
    assert_eq!(words, [2000], "no more of them are kept");
    drop(picky);
    let mut again = stream(&server, "picky").await;
    again.subscribe(EXTENSION, &[&one, &other]);
    assert_eq!(contents(&again.take().await)[&one].version, before[&one].version);
    // Another one is.
    let mut another = stream(&server, "other").await;
    another.subscribe(EXTENSION, &[&one]);
    assert_ne!(contents(&another.take().await)[&one].version, before[&one].version);
}

#[tokio::test]
async fn what_was_never_good_is_replaced_by_what_its_document_says_of_that() {
    let server = Server::with_base(sidecar()).await;
    server.publish(&two("bad", GOOD[1]), '1').await;
    let mut picky = stream(&server, "picky").await;
    let (one, other) = (extension("shop", "one"), extension("shop", "other"));
    picky.subscribe(EXTENSION, &[&one, &other]);
    let refused = picky.next().await.expect("extensions");
    // Without a word of which it is, each comes on its own.
    picky.answer(&refused, Some("something cannot be loaded"));
    let mut instead = None;
    for _ in 0..3 {
        let response = picky.next().await.expect("an extension");
        let has = contents(&response);
        assert_eq!(has.len(), 1, "{has:?}");
        let is_bad = |it: &burgee_server::wire::Resource| {
            let value = it.resource.as_ref().expect("it").value.clone();
            String::from_utf8_lossy(&value).contains("\"say\":\"bad\"")
        };
        let refuses = has.get(&one).is_some_and(is_bad);
        picky.answer(&response, refuses.then_some("this cannot be loaded"));
        instead = Some(has).filter(|has| has.contains_key(&one) && !refuses).or(instead);
    }
    let instead = instead.expect("something in its place");
    let text = String::from_utf8_lossy(&instead[&one].resource.as_ref().expect("it").value).into_owned();
    // Its traffic is refused, as a plugin that is closed when it fails wants it.
    assert!(text.contains("envoy.extensions.filters.http.lua.v3.Lua"), "{text}");
    server.settled().await;
}

#[tokio::test]
async fn a_base_that_is_refused_is_nobody_s_document() {
    let server = Server::with_base(sidecar()).await;
    server.publish(&two(GOOD[0], GOOD[1]), '1').await;
    let node = node("sidecar", "shop", "picky", &[("app", "cart")]);
    let mut picky = Delta::open(connect(server.address).await, node).await;
    picky.subscribe(LISTENER, &["*"]);
    // Both at once, then each on its own.
    for _ in 0..3 {
        let refused = picky.next().await.expect("listeners");
        picky.answer(&refused, Some("the address is taken"));
    }
    assert!(picky.is_quiet().await);
    let status = report(&server.fleet, &Wanted { proxies: true, ..Wanted::default() });
    assert_eq!(status.behind, 1, "it has not what it should have, though nothing is left to be sent");
    assert_eq!(status.proxies[0].refused[0].error, "the address is taken");
    assert!(status.proxies[0].held.is_empty());
    server.rebase(snapshot(&[(LISTENER, "mended", listener("mended", 1))])).await;
    picky.take().await;
    server.settled().await;
}

#[tokio::test]
async fn a_storm_of_refusals_ends() {
    let server = Server::with_base(sidecar()).await;
    server.publish(&two(GOOD[0], GOOD[1]), '1').await;
    let mut picky = stream(&server, "picky").await;
    let (one, other) = (extension("shop", "one"), extension("shop", "other"));
    picky.subscribe(EXTENSION, &[&one, &other]);
    // Whatever comes is refused.
    let mut count = 0;
    while let Ok(Ok(response)) = tokio::time::timeout(Duration::from_millis(500), picky.next()).await {
        picky.answer(&response, Some("no, and no again"));
        count += 1;
        assert!(count < 20, "it goes on and on");
    }
    assert!(count >= 1);
}

/// Counters come some seconds late, so those of a version that traps may come when its fix is there.
#[tokio::test]
async fn traps_of_before_a_fix_do_not_take_the_fix_away() {
    let server = Server::with_base(sidecar()).await;
    let name = extension("shop", "one");
    let publish = |value: &'static str| {
        let documents = plugin("shop", "one", "web", value);
        let server = &server;
        async move { server.publish(&documents, '1').await }
    };
    publish("first").await;
    let mut web = stream(&server, "web").await;
    web.subscribe(EXTENSION, &[&name]);
    web.take().await;
    server.settled().await;
    let node_id = server.fleet.proxies()[0].node_id.to_string();
    let tell = |traps| {
        let state = PluginState { name: name.clone(), traps, ..PluginState::default() };
        server.fleet.tell_of_plugins(&node_id, vec![state]);
    };
    let held = || server.fleet.holds().all().count();
    tell(0);
    publish("traps").await;
    web.take().await;
    server.settled().await;
    tell(0);
    publish("fixed").await;
    web.take().await;
    server.settled().await;
    tell(1);
    assert_eq!(held(), 0, "what trapped before may be what is told");
    tell(1);
    assert_eq!(held(), 0);
    tell(2);
    assert_eq!(held(), 1, "it traps itself");
    // Nor are its late counters those of what came back.
    web.take().await;
    server.settled().await;
    tell(3);
    assert_eq!(held(), 1);
    let hold = server.fleet.holds().all().map(|(_, hold)| hold.kept.clone()).next().flatten();
    let texts = hold.expect("what came back").policies.hash().to_owned();
    assert_eq!(texts, in_force(&plugin("shop", "one", "web", "traps"), '1').policies.hash());
}

#[tokio::test]
async fn what_was_in_force_before_is_not_kept_for_whom_a_change_does_not_concern() {
    let server = Server::with_base(sidecar()).await;
    let documents = |values: &[usize; 8]| -> String {
        let one = |(namespace, value): (usize, &usize)| {
            format!(
                "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: all, namespace: ns{namespace}}}\n\
                 spec: {{tracing: [{{randomSamplingPercentage: {value}}}]}}\n---\n"
            )
        };
        values.iter().enumerate().map(one).collect()
    };
    let mut values = [1; 8];
    server.publish(&documents(&values), '1').await;
    let mut streams = Vec::new();
    for namespace in 0..values.len() {
        let node = node("sidecar", &format!("ns{namespace}"), "web", &[]);
        let mut stream = Delta::open(connect(server.address).await, node).await;
        stream.subscribe(LISTENER, &["*"]);
        stream.take().await;
        streams.push(stream);
    }
    server.settled().await;
    let mut before = Vec::new();
    for namespace in 0..values.len() {
        before.push(std::sync::Arc::downgrade(&server.fleet.in_force().0.policies));
        values[namespace] = 2;
        let concerned = server.publish(&documents(&values), '1').await;
        assert_eq!(concerned.concerned, 1);
    }
    let kept = before.iter().filter(|policies| policies.strong_count() > 0).count();
    assert!(kept <= 1, "{kept} of {}", before.len());
}
