//! Proxies made up at random: whatever is asked, changed, refused and forgotten, a proxy ends with what it should have, and
//! on the way there no listener names what is not there yet or not any more.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// What happens to a stream.
#[derive(Clone, Debug)]
enum Step {
    /// Everything is another: how many clusters there are, which of them the listener names, and other contents.
    Publish { clusters: u8, named: u8, content: u8 },
    /// The proxy takes what it was sent, or refuses it.
    Answer { takes: bool },
    /// One more extension is asked for.
    Ask { extension: u8 },
    /// The stream breaks; the proxy comes again with what it has.
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..5_u8, any::<u8>(), 0..3_u8)
            .prop_map(|(clusters, named, content)| Step::Publish { clusters, named: named % clusters, content }),
        5 => prop::bool::weighted(0.8).prop_map(|takes| Step::Answer { takes }),
        1 => (0..3_u8).prop_map(|extension| Step::Ask { extension }),
        1 => Just(Step::Again),
    ]
}

/// A proxy: what it has, as Envoy would.
#[derive(Default)]
struct Proxy {
    has: BTreeMap<String, BTreeMap<Arc<str>, Arc<Resource>>>,
    extensions: BTreeSet<String>,
    waiting: Vec<Reply>,
}

impl Proxy {
    fn asks(&self, flavour: Flavour) -> Vec<Ask> {
        let extensions: Vec<&str> = self.extensions.iter().map(String::as_str).collect();
        let mut asks = match flavour {
            Flavour::Incremental => vec![delta(CLUSTER, &["*"]), delta(LISTENER, &["*"])],
            Flavour::StateOfTheWorld => vec![whole(CLUSTER, &[]), whole(LISTENER, &[])],
        };
        match flavour {
            _ if extensions.is_empty() => {}
            Flavour::Incremental => asks.push(delta(EXTENSION, &extensions)),
            Flavour::StateOfTheWorld => asks.push(whole(EXTENSION, &extensions)),
        }
        for ask in &mut asks {
            if let Wants::Change { has, .. } = &mut ask.wants {
                let known = self.has.get(&ask.type_url).into_iter().flatten();
                has.extend(known.map(|(name, it)| (name.to_string(), Some(it.version))));
            }
        }
        asks
    }

    fn take(&mut self, reply: &Reply, flavour: Flavour) {
        let has = self.has.entry(reply.type_url.to_string()).or_default();
        let is_whole = flavour == Flavour::StateOfTheWorld && &*reply.type_url != EXTENSION;
        if is_whole {
            has.clear();
        }
        has.extend(reply.resources.iter().map(|it| (it.name.clone(), it.clone())));
        has.retain(|name, _| !reply.removed.contains(name));
    }

    /// The clusters that the listeners name.
    fn named(&self) -> Vec<String> {
        let listeners = self.has.get(LISTENER).into_iter().flatten();
        listeners.map(|(_, it)| String::from_utf8_lossy(&it.value()).into_owned()).collect()
    }
}

fn published(clusters: u8, named: u8, content: u8) -> Snapshot {
    let mut lines: Vec<(&str, String, String)> = Vec::new();
    // Which clusters there are changes as well as how many.
    for number in content..content + clusters {
        lines.push((CLUSTER, format!("c{number}"), format!("{content}")));
    }
    lines.push((LISTENER, "l".to_owned(), format!("c{}", content + named)));
    for number in 0..2 {
        lines.push((EXTENSION, format!("x{number}"), format!("{content}")));
    }
    let lines: Vec<(&str, &str, &str)> =
        lines.iter().map(|(kind, name, content)| (*kind, name.as_str(), content.as_str())).collect();
    snapshot(&lines)
}

fn answered(it: &mut Subscriptions, proxy: &mut Proxy, flavour: Flavour, takes: bool) {
    if proxy.waiting.is_empty() {
        return;
    }
    let reply = proxy.waiting.remove(0);
    let asks = proxy.asks(flavour);
    let again = asks.into_iter().find(|ask| ask.type_url == *reply.type_url).expect("what was asked");
    if takes {
        proxy.take(&reply, flavour);
    }
    it.hear(answer(&reply, (!takes).then_some("no"), again)).expect("a request");
}

fn run(flavour: Flavour, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut now = published(2, 0, 0);
    let mut proxy = Proxy::default();
    let mut it = begin(flavour, &proxy.asks(flavour));
    let mut is_beyond = false;
    let send = |it: &mut Subscriptions, proxy: &mut Proxy, now: &Snapshot| {
        while let Some(reply) = it.next(now) {
            proxy.waiting.push(reply);
        }
    };
    for step in steps {
        match step {
            Step::Publish { clusters, named, content } => now = published(*clusters, *named, *content),
            Step::Answer { takes } => {
                is_beyond |= !takes;
                answered(&mut it, &mut proxy, flavour, *takes);
            }
            Step::Ask { extension } => {
                if proxy.extensions.insert(format!("x{extension}")) {
                    let last: Vec<&str> = proxy.extensions.iter().map(String::as_str).collect();
                    let ask = match flavour {
                        Flavour::Incremental => delta(EXTENSION, &[&format!("x{extension}")]),
                        Flavour::StateOfTheWorld => whole(EXTENSION, &last),
                    };
                    it.hear(ask).expect("a request");
                }
            }
            Step::Again => {
                // A server that never sent it cannot repeat what only the proxy still needs.
                is_beyond |= flavour == Flavour::StateOfTheWorld;
                proxy.waiting.clear();
                it = begin(flavour, &proxy.asks(flavour));
            }
        }
        send(&mut it, &mut proxy, &now);
        if !is_beyond {
            let clusters = proxy.has.get(CLUSTER).cloned().unwrap_or_default();
            for named in proxy.named() {
                prop_assert!(clusters.contains_key(named.as_str()), "{named} is not among {clusters:?}");
            }
        }
    }
    // What was refused is not sent again, so it takes another content to end.
    now = published(3, 1, 9);
    for _ in 0..40 {
        send(&mut it, &mut proxy, &now);
        answered(&mut it, &mut proxy, flavour, true);
    }
    prop_assert!(it.is_in_sync(&now) && proxy.waiting.is_empty());
    for type_url in [CLUSTER, LISTENER] {
        let has: Vec<_> = proxy.has[type_url].values().collect();
        let should: Vec<_> = now.of(type_url).expect("a type").values().collect();
        prop_assert_eq!(has, should, "{}", type_url);
    }
    for name in proxy.extensions.iter().filter(|name| name.as_str() < "x2") {
        let has = proxy.has.get(EXTENSION).and_then(|has| has.get(name.as_str()));
        prop_assert_eq!(has, now.get(EXTENSION, name));
    }
    // And nothing is left to say.
    prop_assert_eq!(it.next(&now), None);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_proxy_ends_with_what_it_should_have(steps in prop::collection::vec(step(), 0..40)) {
        run(Flavour::Incremental, &steps)?;
        run(Flavour::StateOfTheWorld, &steps)?;
    }
}
