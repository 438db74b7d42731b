//! What a plain scalar means in a document: as Kubernetes reads YAML, which is YAML 1.1 in places.
//!
//! `on`, `yes` and `y` are booleans, `010` and `0x10` are integers, `1_000` is a thousand. Source of the rule: the
//! YAML reader that Kubernetes and Istio use (sigs.k8s.io/yaml over go-yaml v2).

use super::tree::{Node, NodeValue, ScalarStyle};

/// A scalar as Kubernetes reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A string.
    String(String),
}

impl Scalar {
    /// What the scalar is, for messages.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Scalar::Null => "nothing",
            Scalar::Bool(_) => "a boolean",
            Scalar::Int(_) => "an integer",
            Scalar::Float(_) => "a number",
            Scalar::String(_) => "a string",
        }
    }
}

/// The meaning of a node, if it is a scalar.
pub fn resolve(node: &Node) -> Option<Scalar> {
    let NodeValue::Scalar { text, style } = &node.value else { return None };
    Some(match (node.tag.as_str(), style) {
        ("", ScalarStyle::Plain) => plain(text),
        _ => Scalar::String(text.clone()),
    })
}

/// The meaning of a scalar that was written without quotes.
pub fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Scalar::String(text.to_owned());
    }
    let digits = text.replace('_', "");
    if let Some(number) = integer(&digits) {
        return Scalar::Int(number);
    }
    match is_float(&digits).then(|| digits.parse::<f64>()) {
        Some(Ok(number)) => Scalar::Float(number),
        _ => Scalar::String(text.to_owned()),
    }
}

/// An integer with the prefixes that Go knows: `0x`, `0b`, `0o`, and `0` for octal.
fn integer(text: &str) -> Option<i128> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (radix, digits) = match body.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &body[2..]),
        Some("0b") => (2, &body[2..]),
        Some("0o") => (8, &body[2..]),
        _ if body.len() > 1 && body.starts_with('0') => (8, &body[1..]),
        _ => (10, body),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    let number = sign * number;
    // Beyond 64 bits Go gives up and reads a number with a fraction.
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_right = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && (fraction.is_empty() || all_digits(fraction)),
        None => all_digits(mantissa),
    };
    mantissa_is_right
        && exponent.is_none_or(|exponent| all_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn kubernetes_reads_plain_scalars() {
        for (text, expected) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("Null", Scalar::Null),
            ("on", Scalar::Bool(true)),
            ("Off", Scalar::Bool(false)),
            ("y", Scalar::Bool(true)),
            ("N", Scalar::Bool(false)),
            ("oN", Scalar::String("oN".into())),
            ("0", Scalar::Int(0)),
            ("-7", Scalar::Int(-7)),
            ("+7", Scalar::Int(7)),
            ("1_000", Scalar::Int(1000)),
            ("0x1F90", Scalar::Int(8080)),
            ("0b101", Scalar::Int(5)),
            ("0o17", Scalar::Int(15)),
            ("017", Scalar::Int(15)),
            ("021000", Scalar::Int(8704)),
            ("089", Scalar::Float(89.0)),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
            ("0.5", Scalar::Float(0.5)),
            (".5", Scalar::Float(0.5)),
            ("5.", Scalar::Float(5.0)),
            ("1e3", Scalar::Float(1000.0)),
            (".inf", Scalar::Float(f64::INFINITY)),
            ("1.2.3", Scalar::String("1.2.3".into())),
            ("-", Scalar::String("-".into())),
            ("--1", Scalar::String("--1".into())),
            ("5s", Scalar::String("5s".into())),
            ("2001-12-14", Scalar::String("2001-12-14".into())),
            ("infinity", Scalar::String("infinity".into())),
            ("prometheus", Scalar::String("prometheus".into())),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }
}
