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
pub(crate) enum Rules {
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
    ///
    /// Texts that are frequent are looked up, which costs less than a list of matchers.
    pub fn to_matcher(&self) -> Option<Value> {
        match self {
            Rules::Stays => None,
            Rules::EmptyIs(text) if text.is_empty() => None,
            Rules::EmptyIs(text) => Some(by_text(&[("", text)], None)),
            Rules::Chosen(text) => {
                let shown = list(vec![matcher(regex(SHOWN), stays())], becomes(UNKNOWN_VALUE));
                Some(by_text(&[("", text)], Some(shown)))
            }
            Rules::Protocol => {
                let others = list(vec![matcher(regex(GRPC), becomes("grpc"))], becomes("http"));
                let frequent = [("", "http"), ("application/json", "http"), ("application/grpc", "grpc")];
                Some(by_text(&frequent, Some(others)))
            }
            Rules::SecurityPolicy => {
                let both = list(vec![matcher(regex(BOTH), becomes("mutual_tls"))], becomes("none"));
                // Nobody has a name.
                Some(by_text(&[("|", "none")], Some(both)))
            }
        }
    }
}

/// What texts become, and what is asked of others; without that they stay.
fn by_text(texts: &[(&str, &str)], others: Option<Value>) -> Value {
    let map = texts.iter().map(|(text, new)| ((*text).to_owned(), becomes(new))).collect();
    let tree = Value::map([("input", input()), ("exact_match_map", Value::map([("map", Value::Map(map))]))]);
    let mut fields = vec![("matcher_tree".to_owned(), tree)];
    fields.extend(others.map(|others| ("on_no_match".to_owned(), Value::map([("matcher", others)]))));
    Value::Map(fields.into())
}

/// What a value becomes by the first matcher that fits, else otherwise.
fn list(matchers: Vec<Value>, otherwise: Value) -> Value {
    let list = Value::map([("matchers", Value::List(matchers.into()))]);
    Value::map([("matcher_list", list), ("on_no_match", otherwise)])
}

fn input() -> Value {
    Value::map([
        ("name", Value::string("value")),
        ("typed_config", Value::map([("@type", Value::string(INPUT))])),
    ])
}

/// What a value that is so becomes.
fn matcher(matches: Value, then: Value) -> Value {
    let single = Value::map([("input", input()), ("value_match", matches)]);
    Value::map([("predicate", Value::map([("single_predicate", single)])), ("on_match", then)])
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
