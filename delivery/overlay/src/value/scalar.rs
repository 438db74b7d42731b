//! What a plain scalar of YAML means to Envoy: yaml-cpp's conversions, in the order in which Envoy tries them.

use super::Value;

/// Reads a plain scalar: a boolean, else null, else an integer, else a string.
///
/// Envoy keeps integers only within 32 bits; larger ones become their decimal text, which a 64-bit field takes as
/// well. Numbers with a fraction or an exponent stay text, too: the field that they are written to says what they
/// are.
pub(super) fn read_plain(text: &str) -> Value {
    if is_null(text) { Value::Null } else { read_typed(text) }
}

/// Reads a scalar that carries a tag such as `!!str` or `!mine`. Envoy ignores what the tag says, and quotes with
/// it; only null is not looked for.
pub(super) fn read_typed(text: &str) -> Value {
    if let Some(value) = read_bool(text) {
        return Value::Bool(value);
    }
    match read_integer(text) {
        Some(number) if i32::try_from(number).is_ok() => Value::Int(number),
        Some(number) => Value::String(number.to_string()),
        None => Value::String(text.to_owned()),
    }
}

/// Whether a plain scalar is null.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// yaml-cpp's booleans: lower case, upper case or capitalised, nothing between.
fn read_bool(text: &str) -> Option<bool> {
    let mut chars = text.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    let flexible = first.is_ascii_lowercase() && rest.chars().all(|c| c.is_ascii_lowercase())
        || first.is_ascii_uppercase()
            && (rest.chars().all(|c| c.is_ascii_lowercase()) || rest.chars().all(|c| c.is_ascii_uppercase()));
    if !flexible {
        return None;
    }
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" | "on" => Some(true),
        "n" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// A signed 64-bit integer as C reads it with base 0: decimal, `0x` for hexadecimal, a leading `0` for octal.
fn read_integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (16, hex)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    };
    // `from_str_radix` would take a second sign.
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}
