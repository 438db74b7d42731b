//! A value of any shape, as JSON: for the fields that documents hand on whole.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::reader::{Context, Field, shorten};
use super::scalar::{self, Scalar};
use super::tree::NodeValue;
use crate::problem::{Severity, codes};
use crate::resources::extension::Written;

/// The largest whole number that is handed on exactly: these values travel as numbers of double precision.
const MAX_EXACT: i128 = 1 << 53;

/// The value as a JSON object.
pub(super) fn object(field: &Field<'_>, context: &mut Context) -> Option<Map<String, Value>> {
    let object = field.any_object(context)?;
    Some(object.fields().map(|(key, field)| (key.to_owned(), value(&field, context))).collect())
}

/// Where each field of an object and of the objects within it stands, by its path below the object, as problems write it.
pub(super) fn keys(field: &Field<'_>, context: &Context) -> BTreeMap<String, Written> {
    // What is wrong with the keys has been told by whoever reads the values.
    let mut context = Context { document: context.document.clone(), problems: Vec::new() };
    let mut keys = BTreeMap::new();
    add_keys(&Field { node: field.node, path: String::new() }, &mut context, &mut keys);
    keys
}

fn add_keys(field: &Field<'_>, context: &mut Context, keys: &mut BTreeMap<String, Written>) {
    match &field.node.value {
        NodeValue::Map(_) => {
            let Some(object) = field.any_object(context) else { return };
            for ((_, key), (_, field)) in object.keys().zip(object.fields()) {
                keys.insert(field.path.clone(), Written { key: key.place(), value: field.place() });
                add_keys(&field, context, keys);
            }
        }
        NodeValue::List(items) => {
            for (index, node) in items.iter().enumerate() {
                let path = format!("{}[{index}]", field.path);
                keys.insert(path.clone(), Written { key: node.place.clone(), value: node.place.clone() });
                add_keys(&Field { node, path }, context, keys);
            }
        }
        NodeValue::Scalar { .. } => {}
    }
}

/// The value as JSON. What has no form there is null, and reported.
fn value(field: &Field<'_>, context: &mut Context) -> Value {
    match &field.node.value {
        NodeValue::Map(_) => object(field, context).map_or(Value::Null, Value::Object),
        NodeValue::List(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, node)| {
                    value(&Field { node, path: format!("{}[{index}]", field.path) }, context)
                })
                .collect(),
        ),
        NodeValue::Scalar { .. } => match scalar::resolve(field.node) {
            None | Some(Scalar::Null) => Value::Null,
            Some(Scalar::Bool(value)) => Value::Bool(value),
            Some(Scalar::Int(number)) => integer(number, field, context),
            Some(Scalar::Float(number)) => float(number, field, context),
            Some(Scalar::String(text)) => Value::String(text),
        },
    }
}

/// A whole number. Beyond [`MAX_EXACT`] the nearest number of double precision stands for it, as in Istio.
#[allow(clippy::cast_precision_loss, reason = "the loss is what is reported and reproduced")]
fn integer(number: i128, field: &Field<'_>, context: &mut Context) -> Value {
    if let Ok(whole) = i64::try_from(number)
        && number.abs() <= MAX_EXACT
    {
        return Value::Number(whole.into());
    }
    inexact(&number.to_string(), field, context);
    Number::from_f64(number as f64).map_or(Value::Null, Value::Number)
}

fn inexact(number: &str, field: &Field<'_>, context: &mut Context) {
    let number = shorten(number);
    let message = format!("{number} loses digits: it is handed on as a number of double precision");
    let help = format!("put it in quotes to keep every digit; exact up to {MAX_EXACT}");
    context.report(Severity::Warning, codes::INEXACT_NUMBER, field, message, help);
}

/// A number with a fraction, or a whole one that is too large for one. One whose fraction is zero is handed on without, as in Istio.
fn float(number: f64, field: &Field<'_>, context: &mut Context) -> Value {
    #[allow(clippy::cast_precision_loss, reason = "2^53 is exact")]
    let max_exact = MAX_EXACT as f64;
    if number.fract() == 0.0 && number.abs() <= max_exact {
        #[allow(clippy::cast_possible_truncation, reason = "a whole number of at most 53 bits")]
        return Value::Number((number as i64).into());
    }
    if let Some(number) = Number::from_f64(number) {
        let text = field.text();
        if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'_')) {
            inexact(text, field, context);
        }
        return Value::Number(number);
    }
    let message = format!("`{number}` has no form in JSON");
    context.report(Severity::Error, codes::BAD_VALUE, field, message, "put it in quotes");
    Value::Null
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use crate::document::{Source, read};
    use crate::problem::codes;
    use crate::test;

    /// Values whose numbers have a form of their own: a whole number never stands there as a fraction.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-(1_i64 << 53)..=1 << 53).prop_map(|number| json!(number)),
            (-1000_i32..1000).prop_map(|number| json!(f64::from(number) + 0.5)),
            "\\PC{0,10}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-z]{1,5}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    #[test]
    fn whole_numbers_that_lose_digits_are_told_however_long_they_are() {
        for (number, is_told) in [
            ("9007199254740992", false),
            ("9007199254740993", true),
            ("12345678901234567890123", true),
            ("-1234567890123456789012345678901234567890123", true),
            ("0.1", false),
            ("1e3", false),
        ] {
            let text = format!(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p}}\n\
                 spec: {{url: x, pluginConfig: {{a: {number}}}}}\n"
            );
            let problems = read(&[Source::new("p.yaml", text)]).problems;
            let told: Vec<_> = problems.iter().map(|problem| problem.code).collect();
            assert_eq!(told, vec![codes::INEXACT_NUMBER; usize::from(is_told)], "{number}: {problems:#?}");
        }
    }

    proptest! {
        #[test]
        fn json_is_handed_on_as_it_is_written(value in values()) {
            let config = json!({ "value": value });
            let text = format!(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p}}\n\
                 spec: {{url: x, pluginConfig: {config}}}\n"
            );
            let documents = read(&[Source::new("p.yaml", text)]);
            prop_assert_eq!(&documents.problems, &[]);
            let found = documents.resources.extensions[0].wasm().expect("a module").plugin_config.clone();
            prop_assert_eq!(found.map(|found| Value::Object(found.value)), Some(config));
        }
    }
}
