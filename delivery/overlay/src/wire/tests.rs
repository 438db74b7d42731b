//! The wire carrier: it agrees with the text carrier, and keeps what it does not know.

use proptest::prelude::*;
use std::sync::LazyLock;

use burgee_api::resolve::{ClassPolicy, Effective};
use prost_reflect::DynamicMessage;

use super::record::{push_varint, records};
use super::{WireError, overlay_resource};
use crate::descriptors;
use crate::tests::policies::{all_options, everything, full, of_every_class};
use crate::tests::support::{base, bases, busy, everywhere, nothing, options, provider, yaml};
use crate::tests::tracers::{tracers, tracing_with};
use crate::value::Value;
use crate::view::{BOOTSTRAP, LISTENER, MANAGER, RESPONSE, ROUTER};
use crate::{Edit, Options, overlay, view};

mod accepted;
mod beyond_bases;
mod generated;

const STRING_TYPE: &str = "type.googleapis.com/google.protobuf.StringValue";

/// Messages of types that the descriptors lack become strings, and fields that they lack are dropped: a test can
/// encode only what it knows. Nulls are dropped, too, since bytes have none.
fn encodable(value: &Value) -> Value {
    match value {
        Value::Map(entries) => {
            if value.any_type().is_some_and(|name| descriptors::message(name).is_none()) {
                return Value::map([
                    ("@type", Value::string(STRING_TYPE)),
                    ("value", Value::string(value.to_json())),
                ]);
            }
            let known = |key: &str| !key.starts_with("future_");
            Value::Map(
                entries
                    .iter()
                    .filter(|(key, value)| known(key) && !value.is_null())
                    .map(|(key, value)| (key.clone(), encodable(value)))
                    .collect(),
            )
        }
        Value::List(items) => Value::List(items.iter().map(encodable).collect()),
        leaf => leaf.clone(),
    }
}

fn encode(name: &str, value: &Value) -> Vec<u8> {
    let message = descriptors::message(name).expect(name);
    descriptors::encode(&message, value).unwrap_or_else(|error| panic!("{error}\n{}", value.to_yaml()))
}

/// Decoded to JSON, which forgets the order of maps and of fields, and looks into every `Any`.
fn decode(name: &str, bytes: &[u8]) -> serde_json::Value {
    let message = descriptors::message(name).expect(name);
    let message = DynamicMessage::decode(message, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::to_value(&message).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A hand-written base as a value that can be encoded, with its message's name and its bytes.
type Encoded = (String, &'static str, Value, Vec<u8>);

/// Every hand-written base.
static ENCODED: LazyLock<Vec<Encoded>> = LazyLock::new(encoded_bases);

fn encoded_bases() -> Vec<Encoded> {
    bases()
        .into_iter()
        .map(|(file, base)| {
            let name = if base.field("resources").is_some() { RESPONSE } else { BOOTSTRAP };
            let value = encodable(&base);
            let bytes = encode(name, &value);
            (file, name, value, bytes)
        })
        .collect()
}

/// Encodes one length-delimited field.
fn field(number: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_varint(&mut out, number << 3 | 2);
    push_varint(&mut out, payload.len() as u64);
    out.extend_from_slice(payload);
    out
}

/// Policies and ways to lay them.
fn every_way() -> Vec<(Effective, Options)> {
    let metrics = vec![provider("prometheus")];
    let of_tracing = |tracing| {
        of_every_class(&ClassPolicy { metrics: metrics.clone(), tracing, ..ClassPolicy::default() })
    };
    let tracers = tracers()
        .into_iter()
        .map(|(name, tracer)| (of_tracing(tracing_with(name, tracer, true)), full(options())));
    let with = |policy: Effective| all_options().into_iter().map(move |options| (policy.clone(), options));
    [busy(), everything()].into_iter().flat_map(with).chain(tracers).collect()
}

#[test]
fn both_carriers_agree() {
    for (file, name, value, bytes) in ENCODED.iter() {
        for (policy, options) in every_way() {
            let text = overlay(value, &policy, &options);
            let wire = overlay_resource(name, bytes, &policy, &options)
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            assert_eq!(decode(name, &wire.bytes), decode(name, &encode(name, &text.value)), "{file}");
            let paths =
                |edits: &[crate::Edit]| edits.iter().map(|edit| edit.path.to_string()).collect::<Vec<_>>();
            assert_eq!(paths(&wire.edits), paths(&text.edits), "{file}");
            assert_eq!(wire.problems, text.problems, "{file}");
        }
    }
}

#[test]
fn bytes_can_be_taken_back() {
    for (file, name, _, bytes) in ENCODED.iter() {
        for (policy, options) in every_way() {
            let lay = |bytes: &[u8], policy: &Effective| {
                overlay_resource(name, bytes, policy, &options)
                    .unwrap_or_else(|error| panic!("{file}: {error}"))
                    .bytes
            };
            assert_eq!(lay(bytes, &nothing()), *bytes, "{file}: nothing is the base");
            let once = lay(bytes, &policy);
            assert_ne!(once, *bytes, "{file}");
            assert_eq!(lay(&once, &policy), once, "{file}: twice is once");
            assert_eq!(lay(&once, &nothing()), *bytes, "{file}: back again");
            let other = everywhere(vec![provider("a"), provider("b")]);
            assert_eq!(lay(&lay(bytes, &other), &policy), once, "{file}: the last policy counts");
        }
    }
}

#[test]
fn a_listener_alone_is_overlaid_by_its_type_url() {
    let base = encodable(&base("sidecar.yaml"));
    let listeners = base.at(&["static_resources", "listeners"]).map_or(&[][..], Value::items);
    for listener in listeners {
        let bytes = encode(LISTENER, listener);
        let url = format!("type.googleapis.com/{LISTENER}");
        let wire = overlay_resource(&url, &bytes, &busy(), &options()).expect("a listener");
        let text = overlay(listener, &busy(), &options());
        assert_eq!(decode(LISTENER, &wire.bytes), decode(LISTENER, &encode(LISTENER, &text.value)));
        assert!(!wire.edits.is_empty());
    }
}

#[test]
fn resources_of_other_types_are_the_same_bytes() {
    for name in ["envoy.config.cluster.v3.Cluster", "acme.v1.Unknown", ""] {
        let result = overlay_resource(name, &[0xff, 0x00, 0x17], &busy(), &options()).expect("bytes");
        assert_eq!(result.bytes, [0xff, 0x00, 0x17], "{name}");
    }
}

#[test]
fn what_nobody_knows_keeps_its_bytes_and_its_place() {
    let router = encode(
        "google.protobuf.Any",
        &Value::map([("@type", Value::string(format!("type.googleapis.com/{ROUTER}")))]),
    );
    // A varint, a fixed number and a group of unknown fields, once in a form longer than it needs to be.
    let mut unknown = vec![0x80, 0xfa, 0x81, 0x00, 0x85, 0x00];
    unknown.extend([0xfd, 0xfa, 0x01, 1, 2, 3, 4, 0xfb, 0xfa, 0x01, 0x08, 0x01, 0xfc, 0xfa, 0x01]);
    let mut manager = unknown.clone();
    manager.extend(field(5, &[field(1, b"acme"), field(4, &field(1, b"x/acme.Unknown"))].concat()));
    manager.extend(&unknown);
    manager.extend(field(5, &[&field(1, b"router")[..], &field(4, &router), &unknown].concat()));
    manager.extend(&unknown);
    let any =
        [field(2, &manager), unknown.clone(), field(1, format!("type.googleapis.com/{MANAGER}").as_bytes())]
            .concat();
    let opaque = field(4, &[field(1, b"x/acme.Network"), field(2, &[0xff, 0xff])].concat());
    let chain = [
        field(3, &opaque),
        unknown.clone(),
        field(3, &[&unknown[..], &field(4, &any), &field(1, b"http")].concat()),
    ]
    .concat();
    let listener = [&unknown[..], &field(3, &chain), &field(1, b"l"), &unknown].concat();

    let policy = everywhere(vec![provider("first"), provider("second")]);
    let once = overlay_resource(LISTENER, &listener, &policy, &options()).expect("a listener");
    let [peers, counts, stats] = once.edits.as_slice() else { panic!("three edits: {:?}", once.edits) };
    assert_eq!(peers.path.to_string(), "filter_chains[0].filters[1].typed_config.http_filters[0]");
    assert_eq!(counts.path.to_string(), "filter_chains[0].filters[1].typed_config.http_filters[2]");
    assert_eq!(stats.path.to_string(), "filter_chains[0].filters[1].typed_config.http_filters[3]");
    // What was there is there in its order, with only the new filters and longer lengths in between.
    let new = |edit: &Edit| {
        encode(MANAGER, &Value::map([("http_filters", Value::List(vec![edit.value.clone()].into()))]))
    };
    let at = find(&once.bytes, &new(stats)).expect("the new filter");
    let mut inside = manager.clone();
    let records = records(&manager).expect("records");
    // From the end, so that an index holds.
    let (first_at, router_at) = (records[3].whole.start, records[7].whole.start);
    inside.splice(router_at..router_at, [new(counts), new(stats)].concat());
    inside.splice(first_at..first_at, new(peers));
    assert!(find(&once.bytes, &inside).is_some_and(|manager_at| manager_at < at));
    assert!(once.bytes.starts_with(&unknown) && once.bytes.ends_with(&unknown));

    let back = overlay_resource(LISTENER, &once.bytes, &nothing(), &options()).expect("a listener");
    assert_eq!(back.bytes, listener);
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[test]
fn malformed_bytes_are_an_error() {
    let overlay = |bytes: &[u8]| overlay_resource(LISTENER, bytes, &busy(), &options());
    for bytes in [
        &[0x0a][..],         // a string without its length
        &[0x0a, 5, b'x'],    // a string that is cut short
        &[0x0a, 1, 0xff],    // a name that is not UTF-8
        &[0x08, 1],          // the name as a number
        &[0x00, 0],          // a field number of zero
        &[0x0c],             // the end of a group that never began
        &[0x0b, 0x0b, 0x0c], // a group without its end
        &[0x0f, 0],          // no such wire type
        &[0xff; 11],         // a number without end
        &[0x1a, 2, 0x1a, 9], // a chain whose filter is cut short
        &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ] {
        assert!(matches!(overlay(bytes), Err(WireError::Malformed { .. })), "{bytes:x?}");
    }
}

#[test]
fn a_message_in_two_parts_is_refused() {
    let part = field(25, &field(3, b""));
    let result = overlay_resource(LISTENER, &[part.clone(), part].concat(), &busy(), &options());
    assert!(
        matches!(&result, Err(WireError::Split { field, .. }) if field == "default_filter_chain"),
        "{result:?}"
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (file, name, _, bytes) in ENCODED.iter() {
        let lay = || overlay_resource(name, bytes, &everything(), &options()).map(|result| result.bytes);
        let first = lay();
        for _ in 0..8 {
            assert_eq!(lay(), first, "{file}");
        }
    }
}

#[test]
fn deep_nesting_is_passed_through_unread() {
    let mut bytes = encode(RESPONSE, &yaml("resources: []"));
    let url = format!("type.googleapis.com/{}", view::RESOURCE);
    for _ in 0..20_000 {
        let any = [field(1, url.as_bytes()), field(2, &bytes)].concat();
        bytes = field(2, &any);
        if bytes.len() > 2_000_000 {
            break;
        }
    }
    let result = overlay_resource(RESPONSE, &bytes, &busy(), &options()).expect("a response");
    assert_eq!(result.bytes, bytes);
}

/// Bytes that are nearly a message: those of a real one with some of them changed, cut out or repeated.
fn nearly(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = bytes.len();
    proptest::collection::vec((0..length, 0..3usize, any::<u8>()), 1..6).prop_map(move |changes| {
        let mut bytes = bytes.clone();
        for (at, how, byte) in changes {
            let at = at.min(bytes.len().saturating_sub(1));
            match how {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = byte,
                1 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0..3usize) {
        let name = [BOOTSTRAP, LISTENER, RESPONSE][which];
        if let Ok(result) = overlay_resource(name, &bytes, &nothing(), &options())
            && result.edits.is_empty() && records(&bytes).is_ok() && !bytes.windows(6).any(|w| w == b"burgee")
        {
            prop_assert_eq!(result.bytes, bytes.clone());
        }
        let _ = overlay_resource(name, &bytes, &busy(), &options());
    }
}

proptest! {
    // Each case walks a whole bootstrap some thirty times.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nearly_right_bytes_never_panic_and_can_be_taken_back(
        bytes in nearly(encode(BOOTSTRAP, &encodable(&base("sidecar.yaml")))),
    ) {
        if let Ok(once) = overlay_resource(BOOTSTRAP, &bytes, &busy(), &options()) {
            let back = overlay_resource(BOOTSTRAP, &once.bytes, &nothing(), &options());
            prop_assert!(back.is_ok(), "{:?}", back);
        }
    }

    #[test]
    fn generated_bases_agree(policy in crate::tests::generated::policy(), which in 0..16usize) {
        let all = &*ENCODED;
        let (file, name, value, bytes) = &all[which % all.len()];
        let text = overlay(value, &policy, &options());
        let wire = overlay_resource(name, bytes, &policy, &options());
        let wire = wire.map_err(|error| TestCaseError::fail(format!("{file}: {error}")))?;
        prop_assert_eq!(decode(name, &wire.bytes), decode(name, &encode(name, &text.value)));
    }
}
