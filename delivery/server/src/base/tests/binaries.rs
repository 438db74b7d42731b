//! Encoded responses: what is in them goes on byte for byte.

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

use super::super::binary::text_field;
use super::support::{good, load, told};
use crate::resource::types;
use crate::wire;

/// A field of bytes.
fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::bytes::encode(number, &value.to_vec(), &mut out);
    out
}

fn packed(type_url: &str, value: &[u8]) -> wire::Any {
    wire::Any { type_url: type_url.to_owned(), value: Bytes::copy_from_slice(value) }
}

fn wrapper(name: &str, inner: Option<wire::Any>) -> wire::Any {
    let wrapper = wire::Resource { version: "7".to_owned(), resource: inner, name: name.to_owned() };
    packed("type.googleapis.com/envoy.service.discovery.v3.Resource", &wrapper.encode_to_vec())
}

fn response(resources: &[wire::Any]) -> Vec<u8> {
    let resources = resources.iter().map(|any| any.encode_to_vec().into()).collect();
    wire::DiscoveryResponse { resources, version_info: "3".to_owned(), ..Default::default() }.encode_to_vec()
}

const UNKNOWN: &str = "type.googleapis.com/acme.Thing";

proptest! {
    /// Types and fields that nobody knows are served as the bytes that they came as.
    #[test]
    fn resources_arrive_byte_for_byte(
        name in "[a-z0-9|._-]{1,20}",
        rest in proptest::collection::vec((1000u32..100_000, proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
        type_url in proptest::sample::select(vec![UNKNOWN, types::LISTENER, types::CLUSTER, types::ENDPOINTS, types::ROUTES]),
        is_wrapped in any::<bool>(),
    ) {
        let mut value = Vec::new();
        // Fields in an order that no encoder would give them.
        for (number, bytes) in &rest {
            value.extend(field(*number, bytes));
        }
        value.extend(field(1, name.as_bytes()));
        let resource = packed(type_url, &value);
        let (resource, name) = match is_wrapped {
            true => (wrapper("other", Some(resource)), "other"),
            false => (resource, name.as_str()),
        };
        let classes = good(&[("a.pb", &response(&[resource]))]);
        let class = classes.iter().next().expect("a class");
        let arrived = class.resources.get(type_url, name).expect("the resource");
        prop_assert_eq!(arrived.value(), value);
    }

    /// Reading a field of a message is bounded by the bytes, whatever they are.
    #[test]
    fn a_field_is_read_from_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60), number in 1u32..5) {
        if let Some(text) = text_field(&bytes, number) {
            prop_assert!(text.len() <= bytes.len());
        }
    }
}

#[test]
fn a_response_that_is_none_is_refused_with_what_to_do() {
    let listener = packed(types::LISTENER, &field(1, b"web"));
    let table = [
        ("no bytes", Vec::new(), "BG0806: this file holds no resources"),
        ("no message", vec![0xff; 4], "BG0812: failed to decode Protobuf message"),
        ("a resource that is no Any", field(2, &[0xff]), "BG0812: resources[0]: failed to decode"),
        ("a resource alone", listener.encode_to_vec(), "BG0812: resources[0]: \"web\" is no URL of a type"),
        (
            "a type that is none",
            response(&[packed("Listener", b"")]),
            "BG0812: resources[0]: \"Listener\" is no URL",
        ),
        (
            "a message that is not of its type",
            response(&[packed(types::LISTENER, &[0x0a, 9])]),
            "BG0812: resources[0]: this is not a envoy.config.listener.v3.Listener",
        ),
        (
            "an unknown type without a name",
            response(&[packed(UNKNOWN, &[0x08, 1])]),
            "BG0810: resources[0]: a acme.Thing without a name: its type is not known here",
        ),
        (
            "an unknown type that begins with a message",
            response(&[packed(UNKNOWN, &field(1, &field(1, b"x")))]),
            "BG0810: resources[0]: a acme.Thing without a name: its type is not known here",
        ),
        (
            "a listener without a name",
            response(&[packed(types::LISTENER, b"")]),
            "BG0810: resources[0]: a envoy.config.listener.v3.Listener without a name",
        ),
        (
            "an empty wrapper",
            response(&[wrapper("a", None)]),
            "BG0812: resources[0]: a wrapper without a resource in it",
        ),
        (
            "a name twice",
            response(&[listener.clone(), listener]),
            "BG0811: resources[1]: there is a envoy.config.listener.v3.Listener \"web\" already, at bases/x/a.pb:1:1",
        ),
    ];
    for (what, bytes, expected) in table {
        let (classes, problems) = load(&[("x/a.pb", &bytes)]);
        let told = told(&problems);
        assert!(told.starts_with(&format!("bases/x/a.pb:1:1  error {expected}")), "{what}: {told}");
        assert_eq!(classes.iter().count(), 0, "{what}");
        assert!(classes.failed().contains("x"), "{what}");
    }
}
