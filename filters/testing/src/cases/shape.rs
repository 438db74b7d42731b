//! Reads a text by a JSON Schema: everything that does not fit is told at once, with its place.
//!
//! The schema is the one that is derived from the types of the format, so that there is no second list of fields. Only
//! what such schemas have is understood.

use std::collections::HashMap;

use burgee_api::document::reader::{Context, Field, list, shorten};
use burgee_api::document::scalar::{Scalar, resolve};
use burgee_api::document::tree::{Node, NodeValue};
use burgee_api::origin::{DocumentId, Place};
use burgee_api::problem::{Code, Severity, closest, codes};
use serde_json::Value;

use super::tree::Tree;
use super::values::{AS_WRITTEN, EXACTLY_ONE, is_base64, parse_hex};
use crate::codes::NOT_ONE;

/// A text that was read by a schema.
pub(super) struct Shaped {
    /// What it says; what did not fit is left out.
    pub tree: Tree,
    /// Where each value stands, by its path.
    pub places: HashMap<String, Place>,
    /// What does not fit.
    pub problems: Vec<burgee_api::Problem>,
}

/// Reads a tree by a schema.
pub(super) fn read(node: &Node, schema: &Value) -> Shaped {
    let document = DocumentId { kind: "".into(), namespace: "".into(), name: "".into() };
    let context = Context { document, problems: Vec::new() };
    let mut reader = Reader { schema, context, places: HashMap::new() };
    let tree = reader.value(&Field { node, path: String::new() }, schema);
    Shaped { tree: tree.unwrap_or(Tree::Null), places: reader.places, problems: reader.context.problems }
}

struct Reader<'s> {
    schema: &'s Value,
    context: Context,
    places: HashMap<String, Place>,
}

impl<'s> Reader<'s> {
    /// A value by its schema; none where it does not fit, which is told.
    fn value(&mut self, field: &Field<'_>, schema: &'s Value) -> Option<Tree> {
        self.places.insert(field.path.clone(), field.place());
        let mut allowed = Vec::new();
        self.alternatives(schema, &mut allowed);
        if allowed.iter().any(|schema| is_anything(schema)) {
            return Some(self.anything(field));
        }
        let of = |kind: &str| allowed.iter().find(|schema| has_type(schema, kind)).copied();
        match &field.node.value {
            NodeValue::Map(_) => match of("object") {
                Some(schema) => self.object(field, schema),
                None => self.unfit(field, &allowed),
            },
            NodeValue::List(_) => match of("array") {
                Some(schema) => self.list(field, schema),
                None => self.unfit(field, &allowed),
            },
            NodeValue::Scalar { text, .. } => {
                let scalar = resolve(field.node)?;
                let as_written = allowed.iter().any(|schema| schema[AS_WRITTEN] == true);
                match scalar {
                    Scalar::Null if of("null").is_some() => Some(Tree::Null),
                    Scalar::Null => self.unfit(field, &allowed),
                    _ if as_written => Some(Tree::Text(text.clone())),
                    Scalar::String(text) => self.text(field, text, &allowed),
                    Scalar::Bool(value) if of("boolean").is_some() => Some(Tree::Bool(value)),
                    Scalar::Int(value) => match of("integer").or_else(|| of("number")) {
                        Some(schema) => self.integer(field, value, schema),
                        None => self.unfit(field, &allowed),
                    },
                    Scalar::Float(value) if of("number").is_some() => Some(Tree::Float(value)),
                    Scalar::Bool(_) | Scalar::Float(_) => self.unfit(field, &allowed),
                }
            }
        }
    }

    /// The schemas of which one must fit.
    fn alternatives(&self, schema: &'s Value, into: &mut Vec<&'s Value>) {
        if let Some(name) = schema["$ref"].as_str() {
            let definition = self.schema.pointer(name.trim_start_matches('#'));
            return definition.into_iter().for_each(|schema| self.alternatives(schema, into));
        }
        let several = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
        match several {
            Some(several) => several.iter().for_each(|schema| self.alternatives(schema, into)),
            None => into.push(schema),
        }
    }

    fn object(&mut self, field: &Field<'_>, schema: &'s Value) -> Option<Tree> {
        let properties = schema["properties"].as_object();
        let other = schema.get("additionalProperties").filter(|schema| **schema != Value::Bool(false));
        let object = if other.is_none() {
            let known: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            field.object(&mut self.context, &known)
        } else {
            field.any_object(&mut self.context)
        }?;
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            object.require(&mut self.context, name, "a case cannot do without it");
        }
        self.exactly_one(field, schema, |name| object.get(name).is_some());
        let mut entries = Vec::new();
        for (name, value) in object.fields() {
            let schema = properties.and_then(|properties| properties.get(name)).or(other);
            let Some(schema) = schema else { continue };
            // A field without a value is as if it were not there; an entry of a map is one.
            let is_empty = resolve(value.node) == Some(Scalar::Null);
            if is_empty && other.is_none() {
                continue;
            }
            if let Some(tree) = self.value(&value, schema) {
                entries.push((name.to_owned(), tree));
            }
        }
        Some(Tree::Map(entries))
    }

    /// Tells it where not exactly one of some fields is there.
    fn exactly_one(&mut self, field: &Field<'_>, schema: &Value, is_there: impl Fn(&str) -> bool) {
        let Some(names) = schema[EXACTLY_ONE].as_array() else { return };
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        let there: Vec<&str> = names.iter().copied().filter(|name| is_there(name)).collect();
        let message = match there.as_slice() {
            [_] => return,
            [] => "what it is is missing".to_owned(),
            several => format!("{} cannot stand together", list(several)),
        };
        self.bad(NOT_ONE, field, message, format!("write exactly one of {}", list(&names)));
    }

    fn list(&mut self, field: &Field<'_>, schema: &'s Value) -> Option<Tree> {
        let first = schema["prefixItems"].as_array();
        let fields = field.list(&mut self.context);
        let (low, high) = (schema["minItems"].as_u64(), schema["maxItems"].as_u64());
        let count = fields.len() as u64;
        if low.is_some_and(|low| count < low) || high.is_some_and(|high| count > high) {
            let allowed = match (low, high) {
                (Some(low), Some(high)) if low == high => format!("write {low} of them"),
                (Some(low), _) => format!("write at least {low}"),
                (None, high) => format!("write at most {}", high.unwrap_or_default()),
            };
            let message = match count {
                0 => "this list is empty".to_owned(),
                count => format!("{count} entries do not fit here"),
            };
            self.bad(codes::OUT_OF_RANGE, field, message, allowed);
            return None;
        }
        let mut items = Vec::new();
        for (at, item) in fields.iter().enumerate() {
            let schema = first.and_then(|first| first.get(at)).unwrap_or(&schema["items"]);
            items.extend(self.value(item, schema));
        }
        Some(Tree::List(items))
    }

    fn text(&mut self, field: &Field<'_>, text: String, allowed: &[&'s Value]) -> Option<Tree> {
        let names: Vec<&str> = allowed.iter().flat_map(|schema| names(schema)).collect();
        if !names.is_empty() {
            if names.contains(&text.as_str()) {
                return Some(Tree::Text(text));
            }
            let mut help = format!("allowed: {}", list(&names));
            if let Some(name) = closest(&text, &names) {
                help = format!("did you mean `{name}`? {help}");
            }
            let message = format!("`{}` is not one of the values allowed here", shorten(&text));
            self.bad(codes::BAD_VALUE, field, message, help);
            return None;
        }
        let Some(schema) = allowed.iter().find(|schema| has_type(schema, "string")) else {
            return self.unfit(field, allowed);
        };
        let Some((code, what, help)) = misfit(&text, schema["format"].as_str().unwrap_or_default()) else {
            return Some(Tree::Text(text));
        };
        self.bad(code, field, format!("`{}` {what}", shorten(&text)), help);
        None
    }

    fn integer(&mut self, field: &Field<'_>, value: i128, schema: &Value) -> Option<Tree> {
        let bound = |name: &str| schema[name].as_i64().map(i128::from);
        let (low, high) =
            (bound("minimum").unwrap_or(i64::MIN.into()), bound("maximum").unwrap_or(i64::MAX.into()));
        match i64::try_from(value) {
            Ok(number) if (low..=high).contains(&value) => Some(Tree::Int(number)),
            _ => {
                let help = format!("allowed: {low} to {high}");
                self.bad(codes::OUT_OF_RANGE, field, format!("{value} is out of range"), help);
                None
            }
        }
    }

    /// A value of any shape.
    fn anything(&mut self, field: &Field<'_>) -> Tree {
        match resolve(field.node) {
            Some(Scalar::Bool(value)) => return Tree::Bool(value),
            Some(Scalar::Float(value)) => return Tree::Float(value),
            Some(Scalar::String(text)) => return Tree::Text(text),
            Some(Scalar::Null) => return Tree::Null,
            #[allow(clippy::cast_precision_loss, reason = "beyond 64 bits JSON has no whole numbers either")]
            Some(Scalar::Int(value)) => {
                return i64::try_from(value).map_or(Tree::Float(value as f64), Tree::Int);
            }
            None => {}
        }
        if matches!(field.node.value, NodeValue::List(_)) {
            let fields = field.list(&mut self.context);
            return Tree::List(fields.iter().map(|field| self.anything(field)).collect());
        }
        let object = field.any_object(&mut self.context);
        let fields = object.iter().flat_map(|object| object.fields());
        Tree::Map(fields.map(|(name, value)| (name.to_owned(), self.anything(&value))).collect())
    }

    fn unfit(&mut self, field: &Field<'_>, allowed: &[&Value]) -> Option<Tree> {
        let mut kinds: Vec<&str> = Vec::new();
        for (kind, word) in [
            ("string", "a string"),
            ("integer", "an integer"),
            ("number", "a number"),
            ("boolean", "true or false"),
            ("array", "a list"),
            ("object", "an object"),
        ] {
            if allowed.iter().any(|schema| has_type(schema, kind) || (kind == "string" && is_name(schema))) {
                kinds.push(word);
            }
        }
        let expected = kinds.join(" or ");
        let help = match resolve(field.node) {
            Some(Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_)) if kinds.contains(&"a string") => {
                "put it in quotes"
            }
            _ => "",
        };
        self.context.wrong_type(field, &expected, help);
        None
    }

    fn bad(&mut self, code: Code, field: &Field<'_>, message: String, help: impl Into<String>) {
        self.context.report(Severity::Error, code, field, message, help);
    }
}

fn has_type(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(name) => name == kind,
        Value::Array(names) => names.iter().any(|name| name == kind),
        _ => false,
    }
}

/// Whether a schema says nothing of a value's shape.
fn is_anything(schema: &Value) -> bool {
    let shapes = ["type", "const", "enum"];
    *schema == Value::Bool(true) || schema.is_object() && shapes.iter().all(|name| schema.get(name).is_none())
}

/// The names that a schema allows, if it allows only names.
fn names(schema: &Value) -> Vec<&str> {
    let several = schema["enum"].as_array().into_iter().flatten();
    several.chain(schema.get("const")).filter_map(Value::as_str).collect()
}

fn is_name(schema: &Value) -> bool {
    !names(schema).is_empty()
}

/// Why a text is not of a format, and what to write instead.
fn misfit(text: &str, format: &str) -> Option<(Code, String, &'static str)> {
    let bad = |what: &str, help| Some((codes::BAD_VALUE, what.to_owned(), help));
    match format {
        "duration" if burgee_api::document::parse_duration(text).is_none() => Some((
            codes::BAD_DURATION,
            "is not a duration".to_owned(),
            "write a number and a unit, such as 500ms, 15s or 1m30s; units: ns, us, ms, s, m, h",
        )),
        "hex" if parse_hex(text).is_none() => {
            bad("is not hexadecimal", "write two digits (0-9, a-f) for each byte")
        }
        "base64" if !is_base64(text) => {
            bad("is not base64", "write it with `base64`, the = at its end included")
        }
        "regex" => regex::bytes::Regex::new(text).err().map(|error| {
            let said = error.to_string();
            let last = said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            (codes::BAD_VALUE, format!("is not a regular expression: {last}"), "in doubt write `contains`")
        }),
        _ => None,
    }
}
