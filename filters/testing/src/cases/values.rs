//! The values of cases: texts as they are written, bytes, headers, durations, and what others are compared with.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use regex::bytes::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// In a schema: whatever the scalar is, its text counts as it is written, so that `200` and `true` need no quotes.
pub(super) const AS_WRITTEN: &str = "x-as-written";

/// In a schema: the fields of which an object has exactly one.
pub(super) const EXACTLY_ONE: &str = "x-exactly-one";

/// A text, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Text(pub String);

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer", "number", "boolean"],
            "description": "A text; numbers and booleans need no quotes.",
            AS_WRITTEN: true,
        })
    }
}

/// Anything, such as a filter's configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Anything(pub serde_json::Value);

impl JsonSchema for Anything {
    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

impl Anything {
    /// The bytes that a filter is given.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.0 {
            serde_json::Value::String(text) => text.as_bytes().to_vec(),
            other => other.to_string().into_bytes(),
        }
    }
}

/// A span of time, such as `500ms` or `1m30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span = burgee_api::document::parse_duration(&text);
        span.map(Span).ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration")))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "duration",
            "description": "A span of time: numbers with units (ns, us, ms, s, m, h), such as 500ms or 1m30s.",
        })
    }
}

/// Bytes: a text as it is written, or an object that says how they are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Data {
    /// A text.
    Text(Text),
    /// Written in another way.
    Written(WrittenData),
}

/// Bytes that are no text, or many.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(extend("x-exactly-one" = ["text", "hex", "base64", "json"]))]
pub struct WrittenData {
    /// A text.
    pub text: Option<Text>,
    /// In hexadecimal; blanks are left out.
    #[schemars(extend("format" = "hex"))]
    pub hex: Option<String>,
    /// In base64.
    #[schemars(extend("format" = "base64"))]
    pub base64: Option<String>,
    /// Anything, as JSON.
    pub json: Option<Anything>,
    /// How many times it is repeated.
    #[schemars(range(min = 0, max = 100_000_000))]
    pub times: Option<u32>,
}

impl Data {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Data::Text(Text(text)) => text.clone().into_bytes(),
            Data::Written(written) => {
                let once = written_bytes(
                    written.text.as_ref(),
                    written.hex.as_deref(),
                    written.base64.as_deref(),
                    written.json.as_ref(),
                );
                once.unwrap_or_default().repeat(written.times.unwrap_or(1) as usize)
            }
        }
    }
}

/// The bytes of the one that is there.
fn written_bytes(
    text: Option<&Text>,
    hex: Option<&str>,
    base64: Option<&str>,
    json: Option<&Anything>,
) -> Option<Vec<u8>> {
    if let Some(Text(text)) = text {
        return Some(text.clone().into_bytes());
    }
    if let Some(text) = hex {
        return parse_hex(text);
    }
    if let Some(text) = base64 {
        return BASE64.decode(text.as_bytes()).ok();
    }
    json.map(|json| json.0.to_string().into_bytes())
}

/// Bytes in hexadecimal, with blanks between them or without.
pub(super) fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_whitespace().collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()
}

/// Whether a text is base64.
pub(super) fn is_base64(text: &str) -> bool {
    BASE64.decode(text.as_bytes()).is_ok()
}

/// Entries by name, in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered<V>(pub Vec<(String, V)>);

impl<V> Default for Ordered<V> {
    fn default() -> Ordered<V> {
        Ordered(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered<V>, D::Error> {
        struct Entries<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Ordered<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<V: JsonSchema> JsonSchema for Ordered<V> {
    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", V::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<V>()})
    }
}

/// Headers: values by name, or pairs of a name and a value in a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Headers {
    /// Pairs, for names that are no text and for orders that an object cannot have.
    Pairs(Vec<(Data, Data)>),
    /// Values by name.
    ByName(Ordered<Values>),
}

/// The value of a header, or several in a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Values {
    /// Several.
    Several(Vec<Data>),
    /// One.
    One(Data),
}

impl Default for Headers {
    fn default() -> Headers {
        Headers::Pairs(Vec::new())
    }
}

impl Headers {
    /// Every header, in order.
    pub fn pairs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        match self {
            Headers::Pairs(pairs) => {
                pairs.iter().map(|(name, value)| (name.bytes(), value.bytes())).collect()
            }
            Headers::ByName(Ordered(entries)) => entries
                .iter()
                .flat_map(|(name, values)| {
                    values.all().into_iter().map(|value| (name.clone().into_bytes(), value.bytes()))
                })
                .collect(),
        }
    }
}

impl Values {
    fn all(&self) -> Vec<&Data> {
        match self {
            Values::One(value) => vec![value],
            Values::Several(values) => values.iter().collect(),
        }
    }
}

/// A property's value: texts, whole numbers, numbers with a fraction and booleans as YAML has them, or an object that
/// says what it is.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PropertyValue {
    /// A boolean.
    Bool(bool),
    /// A whole number: 64 bits.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// A text.
    Text(String),
    /// Said.
    Typed(TypedValue),
}

/// A property's value whose type YAML has no form for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(extend("x-exactly-one" = ["duration", "timestamp", "bytes", "map", "list"]))]
pub struct TypedValue {
    /// A span of time.
    pub duration: Option<Span>,
    /// A point in time, as the time since 1970.
    pub timestamp: Option<Span>,
    /// Any bytes, in hexadecimal.
    #[schemars(extend("format" = "hex"))]
    pub bytes: Option<String>,
    /// A map of texts, such as `request.headers`.
    pub map: Option<Ordered<Text>>,
    /// A list of texts.
    pub list: Option<Vec<Text>>,
}

impl TypedValue {
    /// The bytes, if it is bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.as_deref().and_then(parse_hex).unwrap_or_default()
    }
}

/// The parts of a property's path: dots separate them, and within double quotes they do not.
pub fn parse_path(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for c in path.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(String::new()),
            c => parts.last_mut().into_iter().for_each(|part| part.push(c)),
        }
    }
    if path.is_empty() { Vec::new() } else { parts }
}

/// What something is compared with: a text that it is, or an object of which every field must hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Match {
    /// It is this text.
    Is(Text),
    /// Each of these holds.
    Holds(Box<Holds>),
}

/// Several matches, one for each value, or one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Matches {
    /// One for each value, in order.
    Several(Vec<Match>),
    /// One, for one value.
    One(Match),
}

impl Matches {
    /// One for each value.
    pub fn all(&self) -> Vec<&Match> {
        match self {
            Matches::One(one) => vec![one],
            Matches::Several(several) => several.iter().collect(),
        }
    }
}

/// What must hold of a text or of bytes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holds {
    /// It is this text.
    pub text: Option<Text>,
    /// It is these bytes, in hexadecimal.
    #[schemars(extend("format" = "hex"))]
    pub hex: Option<String>,
    /// It is these bytes, in base64.
    #[schemars(extend("format" = "base64"))]
    pub base64: Option<String>,
    /// It is JSON that says the same.
    pub json: Option<Anything>,
    /// It is as many bytes.
    pub length: Option<u64>,
    /// This is in it.
    pub contains: Option<Text>,
    /// This is not in it.
    pub lacks: Option<Text>,
    /// A regular expression finds something in it; `^` and `$` make it find the whole.
    #[schemars(extend("format" = "regex"))]
    pub matches: Option<String>,
}

impl Match {
    /// Whether it holds of these bytes.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        match self {
            Match::Is(Text(text)) => bytes == text.as_bytes(),
            Match::Holds(holds) => holds.hold(bytes),
        }
    }

    /// The text that it asks for as a whole, if it does.
    pub fn whole_text(&self) -> Option<&str> {
        match self {
            Match::Is(Text(text)) => Some(text),
            Match::Holds(holds) => holds.text.as_ref().map(|Text(text)| text.as_str()),
        }
    }
}

impl Holds {
    fn hold(&self, bytes: &[u8]) -> bool {
        let is = |wanted: Option<Vec<u8>>| wanted.is_none_or(|wanted| wanted == bytes);
        let has = |part: &Text| has(bytes, part.0.as_bytes());
        let same = |json: &Anything| {
            serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|found| found == json.0)
        };
        is(self.text.as_ref().map(|Text(text)| text.clone().into_bytes()))
            && is(self.hex.as_deref().map(|hex| parse_hex(hex).unwrap_or_default()))
            && is(self.base64.as_ref().map(|text| BASE64.decode(text.as_bytes()).unwrap_or_default()))
            && self.json.as_ref().is_none_or(same)
            && self.length.is_none_or(|length| length == bytes.len() as u64)
            && self.contains.as_ref().is_none_or(has)
            && !self.lacks.as_ref().is_some_and(has)
            && self
                .matches
                .as_ref()
                .is_none_or(|pattern| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(bytes)))
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = match self {
            Match::Is(Text(text)) => return write!(f, "{}", shown(text.as_bytes())),
            Match::Holds(holds) => holds,
        };
        let quoted = |text: &Option<Text>| text.as_ref().map(|Text(text)| shown(text.as_bytes()));
        let parts = [
            ("", quoted(&holds.text)),
            ("the bytes ", holds.hex.clone()),
            ("the base64 ", holds.base64.clone()),
            ("the JSON ", holds.json.as_ref().map(|json| json.0.to_string())),
            ("as many bytes: ", holds.length.map(|length| length.to_string())),
            ("something with ", quoted(&holds.contains)),
            ("something without ", quoted(&holds.lacks)),
            ("something that matches ", holds.matches.clone()),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter_map(|(what, value)| value.map(|value| format!("{what}{value}")))
            .collect();
        f.write_str(if parts.is_empty() { "anything" } else { "" })?;
        f.write_str(&parts.join(" and "))
    }
}

impl fmt::Display for Matches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.all().iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

/// The most of a value that is shown.
const SHOWN_BYTES: usize = 400;

/// Bytes as people read them: text in quotes, anything else with escapes; long ones are cut.
pub fn shown(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let mut out = String::from("\"");
    for chunk in cut.utf8_chunks() {
        out.extend(chunk.valid().chars().flat_map(escape));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    if cut.len() < bytes.len() {
        out.push_str(&format!(" and so on, {} bytes", bytes.len()));
    }
    out
}

/// A character with escapes only where it would not be seen or end the quotes.
fn escape(c: char) -> Vec<char> {
    if matches!(c, '"' | '\\') || c.is_control() { c.escape_default().collect() } else { vec![c] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(json: serde_json::Value) -> Match {
        serde_json::from_value(json).expect("a match")
    }

    #[test]
    fn every_field_of_a_match_must_hold() {
        use serde_json::json;
        for (wanted, bytes, expected) in [
            (json!("a"), &b"a"[..], true),
            (json!("a"), b"ab", false),
            (json!({"contains": "a"}), b"bab", true),
            (json!({"contains": "a", "lacks": "b"}), b"bab", false),
            (json!({"lacks": "c"}), b"bab", true),
            (json!({"hex": "ff 00"}), b"\xff\x00", true),
            (json!({"hex": "ff"}), b"\xff\x00", false),
            (json!({"base64": "/w=="}), b"\xff", true),
            (json!({"json": {"a": 1, "b": [2]}}), b"{\"b\":[2], \"a\":1}", true),
            (json!({"json": {"a": 1}}), b"{\"a\":1", false),
            (json!({"length": 3}), b"abc", true),
            (json!({"length": 3}), b"ab", false),
            (json!({"matches": "^a.c$"}), b"abc", true),
            (json!({"matches": "^a.c$"}), b"abcd", false),
            (json!({"text": "a"}), b"a", true),
            (json!({"text": "a"}), b"b", false),
            (json!({}), b"b", true),
        ] {
            assert_eq!(holds(wanted.clone()).holds(bytes), expected, "{wanted} {bytes:?}");
        }
    }

    #[test]
    fn a_match_is_shown_as_what_it_asks_for() {
        use serde_json::json;
        for (wanted, expected) in [
            (json!("a\"b\n"), r#""a\"b\n""#),
            (json!({"contains": "a", "lacks": "b"}), r#"something with "a" and something without "b""#),
            (json!({"matches": "^a"}), "something that matches ^a"),
            (json!({}), "anything"),
        ] {
            assert_eq!(holds(wanted).to_string(), expected);
        }
    }

    #[test]
    fn a_path_is_taken_apart_at_dots_outside_of_quotes() {
        assert_eq!(parse_path("a.b"), ["a", "b"]);
        assert_eq!(parse_path("filter_state.\"wasm.peer\".x"), ["filter_state", "wasm.peer", "x"]);
        assert_eq!(parse_path(""), Vec::<String>::new());
        assert_eq!(parse_path("."), ["", ""]);
    }

    #[test]
    fn bytes_are_shown_as_text_where_they_are_text() {
        assert_eq!(shown("é\u{7}\\".as_bytes()), "\"é\\u{7}\\\\\"");
        assert_eq!(shown(b"a\xff\xfeb"), "\"a\\xff\\xfeb\"");
        assert!(shown(&[b'a'; 1000]).ends_with("and so on, 1000 bytes"));
    }
}
