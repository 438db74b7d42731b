//! What becomes of a label's value once it was formatted: a tag's `rules`.

use burgee_filter_config::stats::UNKNOWN_VALUE;

use crate::value::Value;

const INPUT: &str = "type.googleapis.com/envoy.extensions.matching.common_inputs.stats.v3.StatTagValueInput";
const ACTION: &str = "type.googleapis.com/envoy.extensions.matching.actions.transform_stat.v3.TransformStat";

/// Texts that may be shown: UTF-8 without control characters. Envoy's regular expressions see bytes.
const SHOWN: &str = r"(?:[\x20-\x7e]|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+";

/// Content types of gRPC, with any codec; not that of grpc-web.
const GRPC: &str = r"(?s)application/grpc(?:\+.*)?";

/// Two texts, neither of them empty, with a bar between.
const BOTH: &str = r"(?s)[^|]+\|.+";

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// It stays.
    Stays,
    /// An empty one becomes this.
    EmptyIs(String),
    /// An empty one becomes this, and one that cannot be shown is unknown.
    Chosen(String),
    /// `grpc` or `http`, by the content type.
    Protocol,
    /// `mutual_tls` or `none`, by whether both sides of a bar have a name.
    SecurityPolicy,
}

impl Rules {
    /// The rules as Envoy has them; nothing where the value stays.
    pub fn to_matcher(&self) -> Option<Value> {
        let (matchers, otherwise) = match self {
            Rules::Stays => return None,
            Rules::EmptyIs(text) if text.is_empty() => return None,
            Rules::EmptyIs(text) => (vec![matcher(exactly(""), becomes(text))], None),
            Rules::Chosen(text) => {
                let mut matchers = vec![matcher(regex(SHOWN), stays())];
                // What is unknown anyhow needs no matcher of its own.
                if text != UNKNOWN_VALUE {
                    matchers.push(matcher(exactly(""), becomes(text)));
                }
                (matchers, Some(becomes(UNKNOWN_VALUE)))
            }
            Rules::Protocol => (vec![matcher(regex(GRPC), becomes("grpc"))], Some(becomes("http"))),
            Rules::SecurityPolicy => {
                (vec![matcher(regex(BOTH), becomes("mutual_tls"))], Some(becomes("none")))
            }
        };
        let list = Value::map([("matchers", Value::List(matchers.into()))]);
        let mut fields = vec![("matcher_list".to_owned(), list)];
        fields.extend(otherwise.map(|otherwise| ("on_no_match".to_owned(), otherwise)));
        Some(Value::Map(fields.into()))
    }
}

/// What a value that is so becomes.
fn matcher(matches: Value, then: Value) -> Value {
    let input = Value::map([
        ("name", Value::string("value")),
        ("typed_config", Value::map([("@type", Value::string(INPUT))])),
    ]);
    let single = Value::map([("input", input), ("value_match", matches)]);
    Value::map([("predicate", Value::map([("single_predicate", single)])), ("on_match", then)])
}

fn exactly(text: &str) -> Value {
    Value::map([("exact", Value::string(text))])
}

fn regex(text: &str) -> Value {
    Value::map([("safe_regex", Value::map([("google_re2", Value::map([])), ("regex", Value::string(text))]))])
}

fn becomes(text: &str) -> Value {
    action(vec![("update_tag".to_owned(), Value::map([("new_tag_value", Value::string(text))]))])
}

/// A change that changes nothing.
fn stays() -> Value {
    action(Vec::new())
}

fn action(mut change: Vec<(String, Value)>) -> Value {
    change.insert(0, ("@type".to_owned(), Value::string(ACTION)));
    let action =
        Value::map([("name", Value::string("transform")), ("typed_config", Value::Map(change.into()))]);
    Value::map([("action", action)])
}
