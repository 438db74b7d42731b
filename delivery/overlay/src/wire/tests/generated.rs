//! The invariants over generated bases, as bytes.

use burgee_api::resolve::Effective;
use proptest::prelude::*;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{decode, encode};
use crate::descriptors;
use crate::tests::generated::{bootstrap, policy, response, some_options};
use crate::tests::support::nothing;
use crate::value::Value;
use crate::view::{BOOTSTRAP, RESPONSE};
use crate::{Options, overlay, overlay_resource};

/// What of a value a message can hold, since bytes can be of nothing else.
fn fit(message: &MessageDescriptor, value: &Value) -> Option<Value> {
    if message.full_name() == "google.protobuf.Struct" {
        return matches!(value, Value::Map(_)).then(|| value.clone());
    }
    let Value::Map(entries) = value else { return None };
    let mut inner = message.clone();
    if message.full_name() == "google.protobuf.Any" {
        inner = descriptors::message(value.any_type()?)?;
    }
    let mut oneofs = Vec::new();
    let fields = entries.iter().filter_map(|(key, value)| {
        if key == "@type" {
            return Some((key.clone(), value.clone()));
        }
        let field = inner.get_field_by_name(key).or_else(|| inner.get_field_by_json_name(key))?;
        let value = fit_field(&field, value)?;
        if let Some(oneof) = field.containing_oneof() {
            if oneofs.contains(&oneof) {
                return None;
            }
            oneofs.push(oneof);
        }
        Some((key.clone(), value))
    });
    Some(Value::Map(fields.collect()))
}

fn fit_field(field: &FieldDescriptor, value: &Value) -> Option<Value> {
    let one = |value: &Value| match (field.kind(), value) {
        (Kind::Message(message), Value::Int(_)) if message.full_name() == "google.protobuf.UInt32Value" => {
            Some(value.clone())
        }
        (Kind::Message(message), Value::Bool(_)) if message.full_name() == "google.protobuf.BoolValue" => {
            Some(value.clone())
        }
        (Kind::String | Kind::Enum(_), Value::String(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Uint32, Value::Int(_)) => Some(value.clone()),
        (Kind::Message(message), value) => fit(&message, value),
        _ => None,
    };
    if field.is_map() {
        // Metadata: maps of maps.
        let Value::Map(entries) = value else { return None };
        let entries = entries.iter().filter(|(_, value)| matches!(value, Value::Map(_)));
        return Some(Value::Map(entries.cloned().collect()));
    }
    match value {
        // A list without elements leaves no trace in bytes.
        Value::List(items) if field.is_list() => {
            let items: Vec<Value> = items.iter().filter_map(one).collect();
            (!items.is_empty()).then_some(Value::List(items.into()))
        }
        value if !field.is_list() => one(value),
        _ => None,
    }
}

proptest! {
    // Each case encodes some messages with all of their options.
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn both_carriers_agree_and_bytes_come_back(
        base in bootstrap(), first in policy(), policy in policy(), options in some_options(),
    ) {
        agree(BOOTSTRAP, &base, [&first, &policy], &options)?;
    }

    #[test]
    fn both_carriers_agree_about_responses(
        base in response(), first in policy(), policy in policy(), options in some_options(),
    ) {
        agree(RESPONSE, &base, [&first, &policy], &options)?;
    }
}

/// Whether a policy over an earlier one over a base comes to the same in both carriers, and can be taken back.
fn agree(
    name: &str,
    base: &Value,
    [first, policy]: [&Effective; 2],
    options: &Options,
) -> Result<(), TestCaseError> {
    let message = descriptors::message(name).expect("a message");
    let base = fit(&message, base).expect("a message");
    let bytes = encode(name, &base);
    let lay = |bytes: &[u8], policy: &Effective| {
        overlay_resource(name, bytes, policy, options).map_err(|error| TestCaseError::fail(error.to_string()))
    };
    prop_assert!(lay(&bytes, &nothing())?.bytes == bytes, "nothing is the base");
    let once = lay(&bytes, policy)?;
    prop_assert!(lay(&once.bytes, policy)? == once, "twice is once");
    prop_assert!(lay(&lay(&bytes, first)?.bytes, policy)? == once, "the last policy counts");
    prop_assert!(lay(&once.bytes, &nothing())?.bytes == bytes, "back again");

    let text = overlay(&base, policy, options);
    prop_assert_eq!(once.problems, text.problems);
    prop_assert_eq!(once.awaited_clusters, text.awaited_clusters);
    prop_assert_eq!(decode(name, &once.bytes), decode(name, &encode(name, &text.value)));
    Ok(())
}
