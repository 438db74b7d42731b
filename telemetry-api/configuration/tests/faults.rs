//! What is said of configurations: where, what, and what is allowed.

use burgee_api::document::{Source, read};
use burgee_configuration::{Schema, Schemas, judge};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What is said of a plugin with this configuration, as the lines of its document have it from line 5 on.
fn said_of(schema: &str, config: &str) -> Vec<String> {
    let lines: String = config.lines().map(|line| format!("    {line}\n")).collect();
    let config = if config.is_empty() { String::new() } else { format!("  pluginConfig:\n{lines}") };
    let text = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p}}\nspec:\n{config}  url: file:///p.wasm\n"
    );
    let documents = read(&[Source::new("p.yaml", text)]);
    assert_eq!(documents.problems, [], "{config}");
    let plugins = documents.resources.extensions;
    let mut schemas = Schemas::default();
    schemas.insert(&plugins[0], "p/schema", Ok(schema.as_bytes().to_vec()));
    judge(&plugins, &schemas).iter().map(ToString::to_string).collect()
}

/// Checks what is said; each is `LINE:COLUMN CODE PATH: message | help`, where the path is below the configuration.
fn assert_said(schema: &Value, config: &str, expected: &[&str]) {
    let said: Vec<String> = said_of(&schema.to_string(), config)
        .iter()
        .map(|said| {
            said.replace("p.yaml:", "")
                .replace("  error ", " ")
                .replace(": spec.pluginConfig.", " ")
                .replace(": spec.pluginConfig", " .")
                .replace("\n  help: ", " | ")
        })
        .collect();
    assert_eq!(said, expected, "{config}");
}

#[test]
fn names_that_are_not_known_or_are_missing() {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["header"],
        "properties": {
            "header": {"type": "string", "description": "The header that says whose request it is. In lower case."},
            "limits": {"$ref": "#/$defs/Limits"},
        },
        "$defs": {"Limits": {
            "type": "object", "additionalProperties": false, "required": ["burst"],
            "properties": {"burst": {"$ref": "#/$defs/Burst"}, "perSecond": {}},
        }, "Burst": {"type": "integer", "description": "How many at once."}},
    });
    assert_said(
        &schema,
        "heeder: x\nlimits:\n  per_second: 1\n  \"a.b\": 2",
        &[
            "6:5 BG0263 .: `header` is missing | The header that says whose request it is",
            "6:5 BG0262 heeder: there is no field `heeder` here | did you mean `header`? allowed: header, limits",
            "7:5 BG0263 limits: `burst` is missing | How many at once",
            "9:7 BG0262 limits[\"a.b\"]: there is no field `a.b` here | allowed: burst, perSecond",
            "8:7 BG0262 limits.per_second: there is no field `per_second` here | did you mean `perSecond`? \
             allowed: burst, perSecond",
        ],
    );
    assert_said(
        &schema,
        "",
        &["1:1 BG0263 .: `header` is missing | The header that says whose request it is"],
    );
    assert_said(&schema, "header: x\nlimits: {burst: 2}", &[]);
}

#[test]
fn values_of_another_type_or_out_of_bounds() {
    let schema = json!({"properties": {
        "text": {"type": "string", "maxLength": 4, "minLength": 1},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "share": {"type": "number", "exclusiveMinimum": 0},
        "on": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "maxItems": 2, "uniqueItems": true},
        "map": {"type": "object", "propertyNames": {"maxLength": 3}, "maxProperties": 1},
        "none": false,
        "step": {"multipleOf": 5},
        "maybe": {"type": ["integer", "null"]},
    }});
    for (config, expected) in [
        ("text: 1", "6:11 BG0264 text: expected a string, found an integer (`1`) | put it in quotes: \"1\""),
        ("text: {a: 1}", "6:11 BG0264 text: expected a string, found an object"),
        ("text: ünïcö", "6:11 BG0264 text: this is too long: 5 characters | allowed: 1 to 4 characters"),
        ("port: 70000", "6:11 BG0264 port: 70000 is out of range | allowed: 1 to 65535"),
        (
            "port: \"80\"",
            "6:11 BG0264 port: expected an integer, found a string (`80`) | write it without quotes",
        ),
        ("port: 1.5", "6:11 BG0264 port: expected an integer, found a number (`1.5`)"),
        ("share: 0", "6:12 BG0264 share: 0 is out of range | allowed: more than 0"),
        (
            "on: yes-please",
            "6:9 BG0264 on: expected true or false, found a string (`yes-please`) | write true or false, without quotes",
        ),
        (
            "names: a",
            "6:12 BG0264 names: expected a list, found a string (`a`) | write each entry on a line of its own that begins with `- `",
        ),
        (
            "names:\n- a\n- A",
            "8:7 BG0264 names[1]: `A` is not allowed | it must match the pattern `^[a-z]+$`",
        ),
        ("names: [a, b, a]", "6:12 BG0264 names: these are too many entries: 3 | allowed: at most 2 entries"),
        ("names: [a, a]", "6:16 BG0264 names[1]: this entry stands twice | keep one of them"),
        (
            "map: {abcd: 1}",
            "6:11 BG0262 map.abcd: `abcd` cannot be a name here | allowed: at most 3 characters",
        ),
        ("map: {a: 1, b: 2}", "6:10 BG0264 map: these are too many fields: 2 | allowed: at most 1 fields"),
        ("none: 1", "6:11 BG0264 none: this field cannot stand here | take it out"),
        ("step: 7", "6:11 BG0264 step: 7 is not a multiple of 5 | allowed: multiples of 5"),
        ("maybe: a", "6:12 BG0264 maybe: expected an integer, found a string (`a`)"),
    ] {
        let said = said_of(&schema.to_string(), config);
        let found = said.first().map_or("", String::as_str);
        let found = found
            .replace("p.yaml:", "")
            .replace("  error ", " ")
            .replace(": spec.pluginConfig.", " ")
            .replace("\n  help: ", " | ");
        assert_eq!(found, expected, "{said:?}");
    }
}

/// As schemars writes the enumerations of serde.
#[test]
fn values_that_may_have_several_forms_are_judged_as_the_one_that_is_meant() {
    let schema = json!({
        "properties": {
            "mode": {"enum": ["strict", "lenient"]},
            "level": {"anyOf": [{"$ref": "#/$defs/Level"}, {"type": "null"}]},
            "limit": {"anyOf": [{"$ref": "#/$defs/Limit"}, {"type": "null"}]},
            "rule": {"oneOf": [
                {"type": "object", "properties": {"kind": {"const": "header"}, "name": {"type": "string"}},
                 "required": ["kind", "name"], "additionalProperties": false},
                {"type": "object", "properties": {"kind": {"const": "path"}, "prefix": {"type": "string"}},
                 "required": ["kind", "prefix"], "additionalProperties": false},
            ]},
            "source": {"oneOf": [
                {"type": "object", "properties": {"Header": {"type": "string"}}, "required": ["Header"], "additionalProperties": false},
                {"type": "object", "properties": {"Cookie": {"type": "string"}}, "required": ["Cookie"], "additionalProperties": false},
                {"type": "string", "enum": ["Address"]},
            ]},
        },
        "$defs": {
            "Level": {"oneOf": [
                {"type": "string", "const": "info", "description": "More."},
                {"type": "string", "const": "warn", "description": "Less."},
            ]},
            "Limit": {"type": "object", "properties": {"burst": {"type": "integer", "minimum": 1}}},
        },
    });
    for (config, expected) in [
        (
            "mode: strikt",
            "6:11 BG0264 mode: `strikt` is not allowed | did you mean `strict`? allowed: strict, lenient",
        ),
        (
            "level: warm",
            "6:12 BG0264 level: `warm` is not allowed | did you mean `warn`? allowed: info, warn",
        ),
        (
            "level: 3",
            "6:12 BG0264 level: expected one of some names, found an integer (`3`) | allowed: info, warn",
        ),
        ("limit: {burst: 0}", "6:20 BG0264 limit.burst: 0 is out of range | allowed: 1 or more"),
        (
            "limit: 3",
            "6:12 BG0264 limit: expected an object, found an integer (`3`) | write `key: value` lines, indented below this field",
        ),
        (
            "rule: {kind: path, prefix: 1}",
            "6:32 BG0264 rule.prefix: expected a string, found an integer (`1`) | put it in quotes: \"1\"",
        ),
        (
            "rule: {kind: paht}",
            "6:18 BG0264 rule.kind: `paht` is not allowed | did you mean `path`? allowed: header, path",
        ),
        ("rule: {kind: header}", "6:5 BG0263 rule: `name` is missing"),
        (
            "source: {Header: 1}",
            "6:22 BG0264 source.Header: expected a string, found an integer (`1`) | put it in quotes: \"1\"",
        ),
        (
            "source: {header: a}",
            "6:14 BG0262 source.header: there is no field `header` here | did you mean `Header`? allowed: Header, Cookie",
        ),
        (
            "source: Adress",
            "6:13 BG0264 source: `Adress` is not allowed | did you mean `Address`? allowed: Address, or an object",
        ),
    ] {
        assert_said(&schema, config, &[expected]);
    }
    assert_said(
        &schema,
        "mode: strict\nlevel: info\nlimit: {burst: 1}\nrule: {kind: path, prefix: /}\nsource: {Cookie: a}",
        &[],
    );
}

#[test]
fn a_schema_that_cannot_be_used_is_told_and_nothing_else() {
    for (schema, why) in [
        ("", "it is not JSON"),
        ("[]", "it is not a JSON Schema"),
        (r#"{"type": 5}"#, "it is not a JSON Schema"),
        (r#"{"pattern": "("}"#, "it is not a JSON Schema"),
        (r##"{"$ref": "#/$defs/none"}"##, "it is not a JSON Schema"),
        (r#"{"$ref": "https://schemas.example/a.json"}"#, "it is not a JSON Schema"),
    ] {
        let said = said_of(schema, "a: 1");
        assert!(
            matches!(said.as_slice(), [one] if one.starts_with("p.yaml:1:1  warning BG0265: spec.pluginConfig: the schema of the configuration in p/schema cannot be used: ") && one.contains(why)),
            "{said:?}"
        );
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
    ] {
        assert_said(&schema, "a: 1", &[]);
    }
    let tree = json!({"additionalProperties": {"$ref": "#"}, "type": "object"});
    assert_said(&tree, "a: {b: {c: {}}}", &[]);
    assert_said(
        &tree,
        "a: {b: {c: 1}}",
        &[
            "6:16 BG0264 a.b.c: expected an object, found an integer (`1`) | write `key: value` lines, indented below this field",
        ],
    );
}

/// Schemas with keywords that have any value, also such as make no sense.
fn schemas() -> impl Strategy<Value = Value> {
    let value =
        prop_oneof![Just(json!(1)), Just(json!("a")), Just(json!(null)), Just(json!(["a"])), Just(json!({}))];
    let keyword = prop::sample::select(vec![
        "type",
        "properties",
        "required",
        "enum",
        "const",
        "oneOf",
        "anyOf",
        "not",
        "items",
        "minimum",
        "maxLength",
        "pattern",
        "additionalProperties",
        "propertyNames",
        "uniqueItems",
        "contains",
        "if",
        "then",
        "$ref",
        "format",
    ]);
    let leaf = prop_oneof![
        value,
        Just(json!("object")),
        Just(json!("string")),
        Just(json!({"a": {"type": "string"}})),
        Just(json!([{"const": "a"}, {"type": "object", "required": ["b"]}])),
        Just(json!(false)),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::hash_map(keyword.clone().prop_map(str::to_owned), inner.clone(), 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_and_no_value_make_it_panic(schema in schemas(), value in schemas()) {
        if let Ok(schema) = Schema::read(schema.to_string().as_bytes()) {
            for fault in schema.faults(&value) {
                prop_assert!(!fault.message.contains('\n'), "{fault:?}");
            }
        }
    }
}
