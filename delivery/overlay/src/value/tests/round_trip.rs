//! Texts that are written, and come back as they went out.

use proptest::prelude::*;

use super::super::Value;
use super::{source, text, yaml};

#[test]
fn yaml_is_written_for_people() {
    let value = Value::map([
        ("name", text("web")),
        ("on", text("on")),
        ("ratio", text("0.5")),
        ("script", text("function f()\n  return 1\nend\n")),
        (
            "list",
            Value::List(
                vec![
                    Value::map([("a", Value::Int(1)), ("b", Value::List(vec![].into()))]),
                    Value::List(vec![text("x y"), Value::Null].into()),
                ]
                .into(),
            ),
        ),
        ("@type", text("type.googleapis.com/a.B")),
    ]);
    insta::assert_snapshot!(value.to_yaml(), @r#"
    name: web
    on: "on"
    ratio: 0.5
    script: |
      function f()
        return 1
      end
    list:
    - a: 1
      b: []
    - - x y
      - null
    "@type": type.googleapis.com/a.B
    "#);
}

/// Strings with everything that a reader of YAML may trip over.
fn hostile_string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,6}",
        "[\\PC]{0,3}",
        any::<char>().prop_map(String::from),
        proptest::sample::select(vec![
            "\n",
            "\n\n",
            " ",
            "\t",
            ": ",
            " #",
            "- ",
            "? ",
            "'",
            "\"",
            "\\",
            "---",
            "...",
            "|",
            ">",
            "&a",
            "*a",
            "!t",
            "%",
            "@",
            "`",
            "{",
            "}",
            "[",
            "]",
            ",",
            "<<",
            "=",
            "~",
            "null",
            "on",
            "0x10",
            "010",
            "1.5",
            "é",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\u{0}",
            "\u{7f}",
            "\r",
            "\u{1f600}",
            "\u{fffe}",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// Values as YAML has them for Envoy.
fn value(leaf: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| Value::List(items.into())),
            proptest::collection::btree_map(hostile_string(), inner, 0..4)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
    .boxed()
}

fn yaml_leaf() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(|number| Value::Int(number.into())),
        hostile_string().prop_map(Value::String),
    ]
    .boxed()
}

fn json_leaf() -> BoxedStrategy<Value> {
    prop_oneof![
        yaml_leaf(),
        any::<i64>().prop_map(Value::Int),
        (proptest::num::f64::NORMAL | proptest::num::f64::ZERO).prop_map(Value::Float),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn yaml_comes_back_as_it_went_out(value in value(yaml_leaf()).prop_filter("a document", |value| !value.is_null())) {
        let text = value.to_yaml();
        prop_assert_eq!(Value::from_yaml(&source(&text)), Ok(value), "{}", text);
    }

    #[test]
    fn json_comes_back_as_it_went_out(value in value(json_leaf())) {
        let text = value.to_json();
        prop_assert_eq!(Value::from_json(&source(&text)), Ok(value), "{}", text);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in hostile_string()) {
        let _ = Value::from_yaml(&source(&text));
        let _ = Value::from_json(&source(&text));
    }
}

#[test]
fn a_long_key_comes_back() {
    let value = Value::Map(
        vec![
            ("k".repeat(3000), Value::List(vec![Value::Int(1)].into())),
            ("é\n".repeat(900), Value::map([("a", Value::Int(1))])),
            ("x".repeat(1500), Value::Null),
        ]
        .into(),
    );
    assert_eq!(yaml(&value.to_yaml()), value);
}
