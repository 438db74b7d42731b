//! The descriptors of all of stock Envoy's messages, compiled by the build script.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

/// Decoded when the first text is read, and kept.
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/envoy.bin")).as_slice();
    // What the build script wrote is what is read here; only a broken build could fail.
    DescriptorPool::decode(bytes).unwrap_or_default()
});

/// What stands before the full name in the URL of a type.
const PREFIX: &str = "type.googleapis.com/";

/// The full name of a message, from the URL of its type.
pub(super) fn full_name(type_url: &str) -> &str {
    type_url.rsplit('/').next().unwrap_or(type_url)
}

/// The URL of a message's type.
pub(super) fn type_url(message: &MessageDescriptor) -> String {
    format!("{PREFIX}{}", message.full_name())
}

/// The descriptor of a message, by the URL of its type or its full name.
pub(super) fn message(type_url: &str) -> Option<MessageDescriptor> {
    POOL.get_message_by_name(full_name(type_url))
}

/// A field of a message as a text may spell it: as in the definition, or in lowerCamelCase.
pub(super) fn field(message: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(key).or_else(|| message.get_field_by_json_name(key))
}

/// The field that holds the name of a resource of this type; none if it has no such.
pub(super) fn name_field(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let name = match message.full_name() {
        "envoy.config.endpoint.v3.ClusterLoadAssignment" => "cluster_name",
        _ => "name",
    };
    let field = message.get_field_by_name(name)?;
    (field.kind() == Kind::String && !field.is_list()).then_some(field)
}

/// The full names of types that an unknown one may have been meant to be: those that end alike, else one that is
/// spelled nearly like it; at most three.
pub(super) fn likely(type_url: &str) -> Vec<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let wanted = last(full_name(type_url));
    let known: Vec<(String, String)> = POOL
        .all_messages()
        .filter(|message| message.parent_message().is_none())
        .map(|message| (last(message.full_name()), message.full_name().to_owned()))
        .collect();
    let ends = |end: &str| -> Vec<String> {
        known.iter().filter(|(last, _)| last == end).map(|(_, full)| full.clone()).take(3).collect()
    };
    let same = ends(&wanted);
    if !same.is_empty() {
        return same;
    }
    let lasts: Vec<&str> = known.iter().map(|(last, _)| last.as_str()).collect();
    burgee_api::problem::closest(&wanted, &lasts).map(ends).unwrap_or_default()
}
