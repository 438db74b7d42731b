//! One call, as the configuration writes it: its arguments made, and what came of it.

use serde_json::{Value, json};

use crate::abi;

/// Where the host writes what a call gives.
enum Place {
    U32(Box<u32>, Option<String>),
    U64(Box<u64>),
    Bytes(Box<[u32; 2]>),
}

/// Numbers that calls of a case keep for later ones.
pub(crate) type Kept = Vec<(String, u32)>;

/// Calls the host as a step says, and gives the status and what was given, or what is wrong with the step.
pub(crate) fn run(step: &Value, kept: &mut Kept) -> Value {
    let Some((name, arguments)) = step.as_array().and_then(|step| step.split_first()) else {
        return json!({"wrong": "a step is a list"});
    };
    let (mut words, mut held, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for argument in arguments {
        if let Some(place) = place(argument) {
            words.extend(pointers(&place));
            places.push(place);
        } else if let Some(number) = number(argument, kept) {
            words.push(number);
        } else if let Some(at) = argument.get("at").and_then(Value::as_array) {
            words.extend(at.iter().map(|word| word.as_u64().unwrap_or(0) as u32));
        } else if let Some(bytes) = bytes(argument) {
            words.extend([abi::address(bytes.as_ptr()), bytes.len() as u32]);
            held.push(bytes);
        } else {
            return json!({"wrong": argument});
        }
    }
    let Some(status) = abi::call(name.as_str().unwrap_or(""), &words) else {
        return json!({"wrong": {"call": name, "words": words.len()}});
    };
    let out: Vec<Value> = places.into_iter().map(|place| given(place, kept)).collect();
    json!({"call": name, "status": status, "out": out})
}

/// The place that an argument asks for. It holds what no host writes, so that one which was left alone is seen.
fn place(argument: &Value) -> Option<Place> {
    if let Some(name) = argument.get("keep") {
        return Some(Place::U32(Box::new(UNTOUCHED), Some(name.as_str()?.to_owned())));
    }
    match argument.get("out")?.as_str()? {
        "u32" => Some(Place::U32(Box::new(UNTOUCHED), None)),
        "u64" => Some(Place::U64(Box::new(u64::from(UNTOUCHED)))),
        "bytes" => Some(Place::Bytes(Box::new([0, 0]))),
        _ => None,
    }
}

/// Of more bytes only their number is told, such as of the node, which lists all that an Envoy has.
const MOST_BYTES: usize = 4096;

const UNTOUCHED: u32 = 0xA5A5_A5A5;

fn pointers(place: &Place) -> Vec<u32> {
    match place {
        Place::U32(place, _) => vec![abi::address(&raw const **place)],
        Place::U64(place) => vec![abi::address(&raw const **place)],
        Place::Bytes(place) => vec![abi::address(&raw const place[0]), abi::address(&raw const place[1])],
    }
}

fn given(place: Place, kept: &mut Kept) -> Value {
    match place {
        Place::U32(place, name) => {
            // The host wrote behind the compiler's back.
            let value = std::hint::black_box(*place);
            if let Some(name) = name {
                kept.push((name, value));
                return json!({"kept": value != UNTOUCHED});
            }
            if value == UNTOUCHED { Value::Null } else { json!({"u32": value}) }
        }
        Place::U64(place) => match std::hint::black_box(*place) {
            value if value == u64::from(UNTOUCHED) => Value::Null,
            value => json!({"u64": value}),
        },
        Place::Bytes(place) => {
            let [pointer, size] = std::hint::black_box(*place);
            match abi::taken(pointer, size) {
                Some(bytes) if bytes.len() > MOST_BYTES => json!({"long": bytes.len()}),
                Some(bytes) => json!({"hex": hex(&bytes)}),
                None => Value::Null,
            }
        }
    }
}

fn number(argument: &Value, kept: &Kept) -> Option<u32> {
    if let Some(name) = argument.get("kept") {
        return kept.iter().rev().find(|(kept, _)| name == kept).map(|(_, value)| *value);
    }
    argument.as_i64().map(|number| number as u32)
}

/// The bytes that an argument describes.
fn bytes(argument: &Value) -> Option<Vec<u8>> {
    if let Some(text) = argument.as_str() {
        return Some(text.as_bytes().to_vec());
    }
    if let Some(digits) = argument.get("hex") {
        return unhex(digits.as_str()?);
    }
    if let Some(repeat) = argument.get("repeat") {
        return Some(repeat.get(0)?.as_str()?.repeat(repeat.get(1)?.as_u64()? as usize).into_bytes());
    }
    if let Some(path) = argument.get("path") {
        return path_bytes(path);
    }
    let pairs: Option<Vec<[&str; 2]>> = argument.get("pairs")?.as_array()?.iter().map(pair).collect();
    Some(encode_pairs(&pairs?))
}

/// The parts of a path, joined as the host wants them.
pub(crate) fn path_bytes(path: &Value) -> Option<Vec<u8>> {
    let parts: Option<Vec<&str>> = path.as_array()?.iter().map(Value::as_str).collect();
    Some(parts?.join("\0").into_bytes())
}

fn pair(pair: &Value) -> Option<[&str; 2]> {
    Some([pair.get(0)?.as_str()?, pair.get(1)?.as_str()?])
}

fn encode_pairs(pairs: &[[&str; 2]]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for word in pairs.iter().flatten() {
        bytes.extend((word.len() as u32).to_le_bytes());
    }
    for word in pairs.iter().flatten() {
        bytes.extend(word.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}
