//! What is sent, and when: by requests as proxies make them, and by proxies made up at random.

mod generated;

use bytes::Bytes;

use super::*;
use crate::resource::types::{CLUSTER, EXTENSION, LISTENER, ROUTES};

/// A snapshot of `TYPE NAME CONTENT` each.
fn snapshot(lines: &[(&str, &str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (type_url, name, content) in lines {
        let value = Bytes::copy_from_slice(content.as_bytes());
        snapshot.insert(type_url, Arc::new(Resource::new(type_url, *name, value)));
    }
    snapshot
}

fn delta(type_url: &str, subscribe: &[&str]) -> Ask {
    let subscribe = subscribe.iter().map(ToString::to_string).collect();
    let wants = Wants::Change { subscribe, unsubscribe: Vec::new(), has: Vec::new() };
    Ask { type_url: type_url.to_owned(), nonce: None, error: None, wants }
}

fn whole(type_url: &str, names: &[&str]) -> Ask {
    let names = names.iter().map(ToString::to_string).collect();
    let wants = Wants::All { names, version: None };
    Ask { type_url: type_url.to_owned(), nonce: None, error: None, wants }
}

/// The answer to a reply, which in one flavour repeats what is wanted.
fn answer(reply: &Reply, error: Option<&str>, again: Ask) -> Ask {
    let again = match again.wants {
        Wants::Change { .. } => delta(&reply.type_url, &[]),
        Wants::All { .. } => again,
    };
    Ask { nonce: reply.nonce.parse().ok(), error: error.map(str::to_owned), ..again }
}

/// A reply in short: its type's last word, what is there, what is not.
fn short(reply: &Reply) -> String {
    let kind = reply.type_url.rsplit('.').next().unwrap_or_default();
    let names: Vec<&str> = reply.resources.iter().map(|it| &*it.name).collect();
    let removed: Vec<String> = reply.removed.iter().map(|name| format!("-{name}")).collect();
    format!("{kind} {}", [names.join(" "), removed.join(" ")].join(" ")).trim().to_owned()
}

/// Everything that a proxy is sent until it has what it should have, taking all.
fn settle(it: &mut Subscriptions, snapshot: &Snapshot, asks: &[Ask]) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(reply) = it.next(snapshot) {
        said.push(short(&reply));
        let again = asks.iter().find(|ask| ask.type_url == *reply.type_url).expect("what was asked").clone();
        let heard = it.hear(answer(&reply, None, again)).expect("a request");
        assert!(matches!(heard, Heard::Taken { .. }), "{heard:?}");
        assert!(said.len() < 50, "{said:?}");
    }
    said
}

fn begin(flavour: Flavour, asks: &[Ask]) -> Subscriptions {
    let mut it = Subscriptions::new(flavour);
    for ask in asks {
        assert_eq!(it.hear(ask.clone()), Ok(Heard::Nothing));
    }
    it
}

#[test]
fn everything_comes_once_clusters_first_and_then_only_what_is_another() {
    let asks = [delta(LISTENER, &[]), delta(CLUSTER, &["*"]), delta(EXTENSION, &["x"])];
    let mut it = begin(Flavour::Incremental, &asks);
    let one =
        snapshot(&[(CLUSTER, "a", "1"), (CLUSTER, "b", "1"), (LISTENER, "l", "1"), (EXTENSION, "x", "1")]);
    assert_eq!(settle(&mut it, &one, &asks), ["Cluster a b", "TypedExtensionConfig x", "Listener l"]);
    let other =
        snapshot(&[(CLUSTER, "a", "2"), (CLUSTER, "b", "1"), (LISTENER, "l", "1"), (EXTENSION, "x", "2")]);
    assert_eq!(settle(&mut it, &other, &asks), ["Cluster a", "TypedExtensionConfig x"]);
}

#[test]
fn a_listener_waits_until_the_cluster_that_it_names_is_taken() {
    let asks = [delta(CLUSTER, &[]), delta(LISTENER, &[])];
    let mut it = begin(Flavour::Incremental, &asks);
    let one = snapshot(&[(CLUSTER, "a", "1"), (LISTENER, "l", "1")]);
    let clusters = it.next(&one).expect("clusters");
    assert_eq!(it.next(&one), None);
    // Even if the proxy refuses them.
    let heard = it.hear(answer(&clusters, Some("no"), asks[0].clone())).expect("a request");
    let refused = Refusal {
        type_url: CLUSTER.into(),
        error: "no".to_owned(),
        resources: vec![("a".into(), one.get(CLUSTER, "a").expect("a cluster").version)],
    };
    assert_eq!(heard, Heard::Refused(refused));
    assert_eq!(it.next(&one).as_ref().map(short).as_deref(), Some("Listener l"));
}

#[test]
fn a_cluster_leaves_when_no_listener_needs_it_any_more() {
    for flavour in [Flavour::Incremental, Flavour::StateOfTheWorld] {
        let ask = if flavour == Flavour::Incremental { delta } else { whole };
        let asks = [ask(CLUSTER, &[]), ask(LISTENER, &[])];
        let mut it = begin(flavour, &asks);
        settle(&mut it, &snapshot(&[(CLUSTER, "a", "1"), (LISTENER, "l", "1")]), &asks);
        let after = snapshot(&[(CLUSTER, "b", "1"), (LISTENER, "l", "2")]);
        let expected = match flavour {
            Flavour::Incremental => ["Cluster b", "Listener l", "Cluster  -a"],
            Flavour::StateOfTheWorld => ["Cluster a b", "Listener l", "Cluster b"],
        };
        assert_eq!(settle(&mut it, &after, &asks), expected);
    }
}

#[test]
fn a_proxy_that_comes_again_keeps_its_clusters_until_its_listeners_are_spoken_of() {
    let one = snapshot(&[(CLUSTER, "new", "1"), (LISTENER, "l", "new")]);
    let mut clusters = delta(CLUSTER, &["*"]);
    if let Wants::Change { has, .. } = &mut clusters.wants {
        has.push(("old".to_owned(), Some(Version::of(b"old"))));
    }
    let asks = [clusters.clone(), delta(LISTENER, &["*"])];
    let mut it = begin(Flavour::Incremental, &[clusters]);
    assert_eq!(settle(&mut it, &one, &asks), ["Cluster new"]);
    it.hear(asks[1].clone()).expect("a request");
    assert_eq!(settle(&mut it, &one, &asks), ["Listener l", "Cluster  -old"]);
}

#[test]
fn what_is_refused_is_not_sent_again_until_it_is_another() {
    for flavour in [Flavour::Incremental, Flavour::StateOfTheWorld] {
        let ask = if flavour == Flavour::Incremental { delta(LISTENER, &[]) } else { whole(LISTENER, &[]) };
        let mut it = begin(flavour, std::slice::from_ref(&ask));
        let good = snapshot(&[(LISTENER, "l", "good")]);
        settle(&mut it, &good, std::slice::from_ref(&ask));
        let bad = snapshot(&[(LISTENER, "l", "bad"), (LISTENER, "m", "new")]);
        let reply = it.next(&bad).expect("listeners");
        let heard = it.hear(answer(&reply, Some("l is bad"), ask.clone())).expect("a request");
        assert!(matches!(heard, Heard::Refused(_)));
        if flavour == Flavour::Incremental {
            // What was beside it may not have counted.
            assert_eq!(settle(&mut it, &bad, std::slice::from_ref(&ask)), ["Listener m"]);
        }
        assert_eq!(it.next(&bad), None);
        // What counted of it is not known, so what should be there is said.
        let back = it.next(&good).expect("listeners");
        let expected = if flavour == Flavour::Incremental { "Listener l -m" } else { "Listener l" };
        assert_eq!(short(&back), expected);
        it.hear(answer(&back, None, ask.clone())).expect("a request");
        assert_eq!(it.next(&good), None);
        let better = snapshot(&[(LISTENER, "l", "better")]);
        assert_eq!(it.next(&better).as_ref().map(short).as_deref(), Some("Listener l"));
    }
}

#[test]
fn of_several_that_are_refused_the_one_is_found() {
    let asks = [delta(ROUTES, &["one", "two", "three"])];
    let mut it = begin(Flavour::Incremental, &asks);
    let all = snapshot(&[(ROUTES, "one", "1"), (ROUTES, "two", "bad"), (ROUTES, "three", "1")]);
    let reply = it.next(&all).expect("routes");
    // The word is part of another one.
    assert_eq!(it.hear(answer(&reply, Some("twofold trouble"), asks[0].clone())), Ok(Heard::Nothing));
    let mut refused = Vec::new();
    let mut taken = Vec::new();
    while let Some(reply) = it.next(&all) {
        assert_eq!(reply.resources.len(), 1);
        let is_bad = &*reply.resources[0].name == "two";
        match it.hear(answer(&reply, is_bad.then_some("bad"), asks[0].clone())).expect("a request") {
            Heard::Refused(refusal) => refused.push(refusal.resources[0].0.to_string()),
            Heard::Taken { .. } => taken.push(reply.resources[0].name.to_string()),
            Heard::Nothing => panic!("{reply:?}"),
        }
    }
    taken.sort();
    assert_eq!((taken, refused), (vec!["one".to_owned(), "three".to_owned()], vec!["two".to_owned()]));

    // One that is named is known at once.
    let mut it = begin(Flavour::Incremental, &asks);
    let reply = it.next(&all).expect("routes");
    let heard = it.hear(answer(&reply, Some("route two: bad"), asks[0].clone())).expect("a request");
    let Heard::Refused(refusal) = heard else { panic!("{heard:?}") };
    assert_eq!(refusal.resources.len(), 1);
    assert_eq!(settle(&mut it, &all, &asks).len(), 2);
}

#[test]
fn a_proxy_that_comes_with_what_it_should_have_is_sent_nothing() {
    let one = snapshot(&[(LISTENER, "l", "1"), (LISTENER, "m", "1")]);
    let version = |name| one.get(LISTENER, name).map(|it| it.version);
    let mut ask = delta(LISTENER, &["*"]);
    ask.wants = Wants::Change {
        subscribe: vec!["*".to_owned()],
        unsubscribe: Vec::new(),
        has: vec![("l".to_owned(), version("l")), ("m".to_owned(), None), ("gone".to_owned(), version("l"))],
    };
    let mut it = begin(Flavour::Incremental, &[ask]);
    assert_eq!(it.next(&one).as_ref().map(short).as_deref(), Some("Listener m -gone"));

    let first = begin(Flavour::StateOfTheWorld, &[whole(LISTENER, &[])]).next(&one).expect("listeners");
    let mut ask = whole(LISTENER, &[]);
    ask.wants = Wants::All { names: Vec::new(), version: Some(first.version) };
    let mut it = begin(Flavour::StateOfTheWorld, &[ask.clone()]);
    assert_eq!(it.next(&one), None);
    let two = snapshot(&[(LISTENER, "l", "1")]);
    assert_eq!(it.next(&two).as_ref().map(short).as_deref(), Some("Listener l"));
    let mut it = begin(Flavour::StateOfTheWorld, &[ask]);
    assert_eq!(it.next(&two).as_ref().map(short).as_deref(), Some("Listener l"));
}

#[test]
fn who_asks_for_what_is_not_there_is_told_and_who_has_an_extension_keeps_it() {
    let asks = [delta(EXTENSION, &["x", "nothing"])];
    let mut it = begin(Flavour::Incremental, &asks);
    let one = snapshot(&[(EXTENSION, "x", "1")]);
    assert_eq!(settle(&mut it, &one, &asks), ["TypedExtensionConfig x -nothing"]);
    assert_eq!(settle(&mut it, &Snapshot::default(), &asks), Vec::<String>::new());
    // What comes to be is told to who was told that it is not there.
    let both = snapshot(&[(EXTENSION, "x", "1"), (EXTENSION, "nothing", "1")]);
    assert_eq!(settle(&mut it, &both, &asks), ["TypedExtensionConfig nothing"]);

    let asks = [delta(ROUTES, &["r"])];
    let mut it = begin(Flavour::Incremental, &asks);
    assert_eq!(settle(&mut it, &snapshot(&[(ROUTES, "r", "1")]), &asks), ["RouteConfiguration r"]);
    assert_eq!(settle(&mut it, &Snapshot::default(), &asks), ["RouteConfiguration  -r"]);
}

#[test]
fn of_what_somebody_else_has_nothing_is_said_before_that_has_answered() {
    let mut one = snapshot(&[(ROUTES, "r", "1")]);
    one.rest = Some(crate::resource::Rest::default());
    let asks = [delta(CLUSTER, &[]), delta(ROUTES, &["r", "s", "t"])];
    let mut it = begin(Flavour::Incremental, &asks);
    assert_eq!(settle(&mut it, &one, &asks), ["RouteConfiguration r"]);
    let rest = one.rest.get_or_insert_default();
    rest.whole.insert(CLUSTER.into());
    rest.absent.entry(ROUTES.into()).or_default().insert("s".into());
    assert_eq!(settle(&mut it, &one, &asks), ["Cluster", "RouteConfiguration  -s"]);
}

#[test]
fn a_cluster_stays_as_long_as_nobody_has_said_which_listeners_there_are() {
    let mut clusters = delta(CLUSTER, &["*"]);
    if let Wants::Change { has, .. } = &mut clusters.wants {
        has.push(("ours".to_owned(), Some(Version::of(b"1"))));
    }
    let asks = [clusters, delta(LISTENER, &["*"])];
    let mut it = begin(Flavour::Incremental, &asks);
    let mut one = snapshot(&[(CLUSTER, "theirs", "1")]);
    let rest = one.rest.get_or_insert_default();
    rest.whole.insert(CLUSTER.into());
    assert_eq!(settle(&mut it, &one, &asks), ["Cluster theirs"]);
    let mut two = snapshot(&[(CLUSTER, "theirs", "1"), (CLUSTER, "ours", "1"), (LISTENER, "l", "ours")]);
    let rest = two.rest.get_or_insert_default();
    rest.whole.extend([CLUSTER.into(), LISTENER.into()]);
    assert_eq!(settle(&mut it, &two, &asks), ["Listener l"]);
}

#[test]
fn nothing_at_all_is_an_answer_too() {
    for flavour in [Flavour::Incremental, Flavour::StateOfTheWorld] {
        let ask = if flavour == Flavour::Incremental { delta(CLUSTER, &[]) } else { whole(CLUSTER, &[]) };
        let mut it = begin(flavour, std::slice::from_ref(&ask));
        assert_eq!(settle(&mut it, &Snapshot::default(), &[ask]), ["Cluster"]);
    }
}

#[test]
fn an_answer_to_what_is_past_counts_for_nothing() {
    let ask = whole(ROUTES, &["r"]);
    let mut it = begin(Flavour::StateOfTheWorld, std::slice::from_ref(&ask));
    let one = snapshot(&[(ROUTES, "r", "1"), (ROUTES, "s", "1")]);
    let reply = it.next(&one).expect("routes");
    let past = Ask { nonce: Some(77), error: Some("old".to_owned()), ..whole(ROUTES, &["s"]) };
    assert_eq!(it.hear(past), Ok(Heard::Nothing));
    assert_eq!(it.next(&one), None);
    // Names change with the answer, and after it with the same nonce.
    assert!(matches!(it.hear(answer(&reply, None, whole(ROUTES, &["r", "s"]))), Ok(Heard::Taken { .. })));
    let reply = it.next(&one).expect("routes");
    assert_eq!(short(&reply), "RouteConfiguration s");
    it.hear(answer(&reply, None, whole(ROUTES, &["r", "s"]))).expect("a request");
    assert_eq!(it.hear(answer(&reply, None, whole(ROUTES, &["s"]))), Ok(Heard::Nothing));
    let other = snapshot(&[(ROUTES, "r", "2"), (ROUTES, "s", "1")]);
    assert_eq!(it.next(&other), None);
}

#[test]
fn who_asks_once_more_has_forgotten() {
    let asks = [delta(ROUTES, &["r"])];
    let mut it = begin(Flavour::Incremental, &asks);
    let one = snapshot(&[(ROUTES, "r", "1")]);
    settle(&mut it, &one, &asks);
    it.hear(delta(ROUTES, &["r"])).expect("a request");
    assert_eq!(settle(&mut it, &one, &asks), ["RouteConfiguration r"]);
}

#[test]
fn what_no_proxy_asks_ends_the_stream() {
    let mut it = Subscriptions::new(Flavour::Incremental);
    assert_eq!(it.hear(delta("", &[])), Err(AskError::NoType));
    assert_eq!(it.hear(delta(ROUTES, &[&"x".repeat(LONGEST_NAME + 1)])), Err(AskError::Name));
    for number in 0..MOST_TYPES {
        it.hear(delta(&format!("t{number}"), &["a"])).expect("a request");
    }
    assert_eq!(it.hear(delta("one more", &["a"])), Err(AskError::Types));
    let many: Vec<String> = (0..MOST_NAMES).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(it.hear(delta("t0", &many)), Err(AskError::Names));
}
