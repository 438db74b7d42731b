//! Nodes of an OpenAPI schema, put together so that each has a type and says what it means.

use serde_json::{Map, Value, json};

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Node(Map<String, Value>);

impl Node {
    fn new(kind: &str, description: &str) -> Node {
        Node(Map::new()).with("type", kind).with("description", description)
    }

    fn with(mut self, keyword: &str, value: impl Into<Value>) -> Node {
        self.0.insert(keyword.to_owned(), value.into());
        self
    }

    /// An object with these fields.
    pub fn object<'n>(description: &str, fields: impl IntoIterator<Item = (&'n str, Node)>) -> Node {
        let fields: Map<String, Value> =
            fields.into_iter().map(|(name, node)| (name.to_owned(), node.into_value())).collect();
        Node::new("object", description).with("properties", fields)
    }

    /// An object with fields of any name, all of them alike.
    pub fn map(description: &str, values: Node) -> Node {
        Node::new("object", description).with("additionalProperties", values.into_value())
    }

    /// An object that nothing is known of.
    pub fn any_object(description: &str) -> Node {
        Node::new("object", description).open()
    }

    /// A list.
    pub fn list(description: &str, items: Node) -> Node {
        Node::new("array", description).with("items", items.into_value())
    }

    /// A text.
    pub fn text(description: &str) -> Node {
        Node::new("string", description)
    }

    /// One of several names, by the table that the reader of documents has.
    pub fn choice<T>(description: &str, names: &[(&str, T)]) -> Node {
        Node::one_of(description, names.iter().map(|(name, _)| *name))
    }

    /// One of several names.
    pub fn one_of<'a>(description: &str, names: impl IntoIterator<Item = &'a str>) -> Node {
        Node::text(description).with("enum", names.into_iter().collect::<Vec<_>>())
    }

    /// True or false.
    pub fn flag(description: &str) -> Node {
        Node::new("boolean", description)
    }

    /// A number.
    pub fn number(description: &str, low: i64, high: i64) -> Node {
        Node::new("number", description).with("format", "double").with("minimum", low).with("maximum", high)
    }

    /// A whole number of 32 bits.
    pub fn integer(description: &str, low: i64, high: i64) -> Node {
        Node::new("integer", description).with("format", "int32").with("minimum", low).with("maximum", high)
    }

    /// A number of a generation: Istio writes it as a text.
    pub fn generation(description: &str) -> Node {
        Node(Map::new())
            .with("description", description)
            .with("x-kubernetes-int-or-string", true)
            .with("anyOf", json!([{"type": "integer"}, {"type": "string"}]))
    }

    /// A text with a meaning that Kubernetes knows.
    pub fn format(self, format: &str) -> Node {
        self.with("format", format)
    }

    /// A text with something in it.
    pub fn not_empty(self) -> Node {
        self.with("minLength", 1)
    }

    /// A text of at most so many characters.
    pub fn longest(self, characters: usize) -> Node {
        self.with("maxLength", characters)
    }

    /// A text that fits a regular expression.
    pub fn pattern(self, pattern: &str) -> Node {
        self.with("pattern", pattern)
    }

    /// A list of at most so many entries.
    pub fn most_items(self, count: usize) -> Node {
        self.with("maxItems", count)
    }

    /// An object of at most so many fields.
    pub fn most_fields(self, count: usize) -> Node {
        self.with("maxProperties", count)
    }

    /// An object that must have these fields.
    pub fn required(self, fields: &[&str]) -> Node {
        self.with("required", fields)
    }

    /// A list of which no two entries have the same value in a field.
    pub fn keyed_by(self, field: &str) -> Node {
        self.with("x-kubernetes-list-type", "map").with("x-kubernetes-list-map-keys", json!([field]))
    }

    /// A value that may also be `null`, which means that it is absent.
    pub fn nullable(self) -> Node {
        self.with("nullable", true)
    }

    /// An object of which fields that are not in the schema are kept.
    pub fn open(self) -> Node {
        self.with("x-kubernetes-preserve-unknown-fields", true)
    }

    /// A rule in CEL, and what is said to whoever breaks it. API servers refuse a rule that may cost too much: below a
    /// list or a map without a bound a rule must do with some eight steps, and cannot look at each entry of anything.
    pub fn rule(mut self, rule: &str, message: &str) -> Node {
        let rules = self.0.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
        if let Value::Array(rules) = rules {
            rules.push(json!({"rule": rule, "message": message}));
        }
        self
    }

    /// The node as JSON.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}
