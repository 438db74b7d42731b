//! Statuses and bytes in the words of the tables; what differs from run to run becomes a placeholder.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Messages longer than this hold maps in an order that changes, or lists of all that an Envoy has.
const LONGEST_MESSAGE: usize = 64;

/// How many characters of a text are shown.
const LONGEST_TEXT: usize = 100;

/// A status by its number.
pub(crate) fn status(number: u64) -> String {
    let name = match number {
        0 => "Ok",
        1 => "NotFound",
        2 => "BadArgument",
        3 => "SerializationFailure",
        4 => "ParseFailure",
        5 => "BadExpression",
        6 => "InvalidMemoryAccess",
        7 => "Empty",
        8 => "CasMismatch",
        9 => "ResultMismatch",
        10 => "InternalFailure",
        11 => "BrokenConnection",
        12 => "Unimplemented",
        other => return format!("status {other}"),
    };
    name.to_owned()
}

/// What came of asking for an attribute: its status, and its bytes read by its type.
pub(crate) fn attribute(name: &str, kind: &str, answer: &Value) -> String {
    let status = status(answer[0].as_u64().unwrap_or(u64::MAX));
    match answer[1].as_str().map(unhex) {
        Some(bytes) => format!("{status} {}", typed(name, kind, &bytes)),
        None if answer[1].is_u64() => format!("{status} hex:<long>"),
        None if status == "Ok" => "Ok none".to_owned(),
        None => status,
    }
}

/// What came of a case: the answers of its steps.
pub(crate) fn answers(answers: &Value) -> String {
    let words: Vec<String> = answers.as_array().into_iter().flatten().map(answer).collect();
    words.join("; ")
}

fn answer(answer: &Value) -> String {
    let Some(number) = answer["status"].as_u64() else { return format!("wrong step: {}", answer["wrong"]) };
    let given = answer["out"].as_array().into_iter().flatten().filter_map(|out| {
        let u32 = out["u32"].as_u64().map(|number| format!("u32:{number}"));
        let u64 = out["u64"].as_u64().map(|number| match number {
            // What the clock says.
            1_000_000_000_000_000_000..4_000_000_000_000_000_000 => "u64:<time>".to_owned(),
            number => format!("u64:{number}"),
        });
        let kept = out["kept"].as_bool().map(|kept| if kept { "u32:<id>" } else { "none" }.to_owned());
        let bytes = out["hex"].as_str().map(|digits| match answer["call"].as_str() {
            Some("proxy_get_header_map_pairs") => map(&unhex(digits)),
            _ => plain(&unhex(digits)),
        });
        let long = out["long"].as_u64().map(|_| "hex:<long>".to_owned());
        u32.or(u64).or(kept).or(bytes).or(long).or(Some("none".to_owned()))
    });
    let given: Vec<String> = given.filter(|given| number == 0 || given != "none").collect();
    [status(number)].into_iter().chain(given).collect::<Vec<_>>().join(" ")
}

fn map(bytes: &[u8]) -> String {
    pairs(bytes).map_or_else(|| plain(bytes), |pairs| format!("pairs:{}", serde_json::json!(pairs)))
}

/// Bytes that are read by an attribute's type; others are shown as they are.
fn typed(name: &str, kind: &str, bytes: &[u8]) -> String {
    let number = || bytes.try_into().ok().map(u64::from_le_bytes);
    let read = match kind {
        "int" if name.ends_with(".port") => number().map(|_| "i64:<port>".to_owned()),
        "int" => number().map(|number| format!("i64:{}", number.cast_signed())),
        "uint" if name.starts_with("connection") => number().map(|_| "u64:<connection>".to_owned()),
        "uint" => number().map(|number| format!("u64:{number}")),
        "timestamp" => number().map(|_| "i64:<time>".to_owned()),
        "duration" => number().map(|_| "i64:<duration>".to_owned()),
        "double" => number().map(|number| format!("f64:{}", f64::from_bits(number))),
        "bool" => match bytes {
            [0] => Some("bool:false".to_owned()),
            [1] => Some("bool:true".to_owned()),
            _ => None,
        },
        "map" => pairs(bytes).map(|pairs| format!("pairs:{}", serde_json::json!(pairs))),
        // A list is a map without values.
        "list" => {
            pairs(bytes).map(|pairs| format!("list:{}", serde_json::json!(pairs.keys().collect::<Vec<_>>())))
        }
        "message" if bytes.len() > LONGEST_MESSAGE => Some("hex:<long>".to_owned()),
        _ => None,
    };
    read.unwrap_or_else(|| plain(bytes))
}

fn plain(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "none".to_owned();
    }
    let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && !"\r\n\t".contains(c));
    match std::str::from_utf8(bytes).ok().filter(is_text) {
        Some(text) => format!("text:{}", cut(&normal(text).replace('\r', "\\r").replace('\n', "\\n"))),
        None => format!("hex:{}", cut(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())),
    }
}

/// The beginning of what is too long to be read.
fn cut(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONGEST_TEXT {
        return text.to_owned();
    }
    format!("{}… ({length} characters)", text.chars().take(LONGEST_TEXT / 2).collect::<String>())
}

/// A text without what differs from run to run.
pub(crate) fn normal(text: &str) -> String {
    static PLACEHOLDERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let known = [
            (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
            (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} [0-9:]{8} GMT", "<date>"),
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
            (r"0x[0-9a-f]{3,}", "<address>"),
        ];
        let compile = |(pattern, name)| (Regex::new(pattern).expect("a regular expression of ours"), name);
        known.into_iter().map(compile).collect()
    });
    let replace =
        |text: String, (pattern, name): &(Regex, &str)| pattern.replace_all(&text, *name).into_owned();
    PLACEHOLDERS.iter().fold(text.to_owned(), replace)
}

/// A map as the ABI has them; several values of one name stand behind each other.
fn pairs(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let count = word(0)?;
    if bytes.len() < 4 + count.checked_mul(10)? {
        return None;
    }
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut at = 4 + 8 * count;
    for pair in 0..count {
        let mut text = |index: usize| {
            let length = word(4 + 4 * index)?;
            let piece = bytes.get(at..at + length)?;
            at += length + 1;
            Some(match std::str::from_utf8(piece) {
                Ok(text) => normal(text),
                Err(_) => plain(piece),
            })
        };
        let (name, value) = (text(2 * pair)?, text(2 * pair + 1)?);
        let entry = found.entry(name).or_default();
        let comma = if entry.is_empty() { "" } else { "," };
        entry.push_str(&format!("{comma}{value}"));
    }
    (at == bytes.len()).then_some(found)
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).filter_map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_are_read_by_the_type_and_shown_as_they_are_if_they_do_not_fit() {
        let read = |name: &str, kind: &str, digits: &str| attribute(name, kind, &json!([0, digits]));
        assert_eq!(read("response.code", "int", "c800000000000000"), "Ok i64:200");
        assert_eq!(read("response.code", "int", "323030"), "Ok text:200");
        assert_eq!(read("request.time", "timestamp", "c800000000000000"), "Ok i64:<time>");
        assert_eq!(read("source.port", "int", "c800000000000000"), "Ok i64:<port>");
        assert_eq!(read("x", "string", "ff"), "Ok hex:ff");
        let map = "01000000010000000100000061006200";
        assert_eq!(read("x", "map", map), r#"Ok pairs:{"a":"b"}"#);
        assert_eq!(attribute("x", "int", &json!([1, null])), "NotFound");
        assert_eq!(attribute("x", "int", &json!([0, null])), "Ok none");
    }

    #[test]
    fn what_differs_from_run_to_run_is_a_placeholder() {
        assert_eq!(normal("to 127.0.0.1:4711"), "to 127.0.0.1:<port>");
        assert_eq!(normal("Thu, 26 Nov 2026 22:25:57 GMT"), "<date>");
    }
}
