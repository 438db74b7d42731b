//! Writing a value as text: YAML that Envoy reads back as the same value, and JSON.

use std::fmt::Write as _;

use super::{Value, scalar};

/// YAML allows a key before its colon 1024 characters; a longer one is written in the explicit form.
const MAX_SIMPLE_KEY: usize = 512;

impl Value {
    /// The value as YAML. Envoy (and [`Value::from_yaml`]) reads it back as the same value, except that YAML has no
    /// numbers with a fraction and no integers beyond 32 bits for Envoy: those come back as strings.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        match self {
            Value::Map(entries) if !entries.is_empty() => write_entries(&mut out, entries, 0),
            Value::List(items) if !items.is_empty() => write_items(&mut out, items, 0),
            leaf => {
                write_leaf(&mut out, leaf, 0);
                out.push('\n');
            }
        }
        out
    }

    /// The value as JSON, two spaces per level, in the order of the value.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_json(&mut out, self, 0);
        out.push('\n');
        out
    }
}

fn write_entries(out: &mut String, entries: &[(String, Value)], depth: usize) {
    for (index, (key, value)) in entries.iter().enumerate() {
        // The first entry of a mapping within a list stands on the line of its dash.
        if index > 0 || out.is_empty() || out.ends_with('\n') {
            indent(out, depth);
        }
        let name = if is_plain_key(key) { key.clone() } else { quoted(key) };
        if name.len() > MAX_SIMPLE_KEY {
            let _ = writeln!(out, "? {name}");
            indent(out, depth);
            out.push(':');
        } else {
            let _ = write!(out, "{name}:");
        }
        match value {
            Value::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                write_entries(out, inner, depth + 1);
            }
            Value::List(inner) if !inner.is_empty() => {
                out.push('\n');
                write_items(out, inner, depth);
            }
            leaf => {
                out.push(' ');
                write_leaf(out, leaf, depth + 1);
                out.push('\n');
            }
        }
    }
}

fn write_items(out: &mut String, items: &[Value], depth: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || out.is_empty() || out.ends_with('\n') {
            indent(out, depth);
        }
        out.push_str("- ");
        match item {
            Value::Map(inner) if !inner.is_empty() => write_entries(out, inner, depth + 1),
            Value::List(inner) if !inner.is_empty() => write_items(out, inner, depth + 1),
            leaf => {
                write_leaf(out, leaf, depth + 1);
                out.push('\n');
            }
        }
    }
}

/// Writes what fits after a key or a dash. A block's lines stand at `depth`.
fn write_leaf(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => out.push_str(&bare(value)),
        Value::String(text) if is_plain(text) => out.push_str(text),
        Value::String(text) if depth > 0 && is_block(text) => write_block(out, text, depth),
        Value::String(text) if is_better_single(text) => {
            let _ = write!(out, "'{}'", text.replace('\'', "''"));
        }
        Value::String(text) => out.push_str(&quoted(text)),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

fn write_block(out: &mut String, text: &str, depth: usize) {
    let (body, header) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    out.push_str(header);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(out, depth);
            out.push_str(line);
        }
    }
}

/// Several lines of ordinary text, such as a Lua script, are easier to read as a block. Whatever could make two
/// readers disagree about a block (white space at a line's end or at the first line's start, more than one final
/// newline, unusual characters) is quoted instead.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body.split('\n').all(|line| !line.ends_with(' '))
        && body.chars().all(|c| c == '\n' || is_ordinary(c))
}

/// A character that every reader of YAML takes as it stands.
fn is_ordinary(c: char) -> bool {
    matches!(c, ' '..='~') || (c >= '\u{a1}' && c.is_alphanumeric())
}

/// JSON and regular expressions are easier to read where nothing needs an escape.
fn is_better_single(text: &str) -> bool {
    text.contains(['"', '\\']) && text.chars().all(is_ordinary)
}

fn is_plain(text: &str) -> bool {
    is_plain_key(text) && scalar::read_plain(text) == Value::string(text)
}

/// Whether a text can stand without quotes wherever we write one.
fn is_plain_key(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let starts = first.is_ascii_alphanumeric() || matches!(first, '_' | '/' | '.');
    starts
        && !text.starts_with("...")
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@+=%$()<>;^~*?!&|\\ ".contains(c))
}

/// In double quotes. Everything but ordinary characters is escaped as YAML and JSON both read it, except that
/// characters beyond the basic plane are written as `\UXXXXXXXX`: yaml-cpp refuses JSON's surrogate pairs.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_ordinary(c) => out.push(c),
            c if u32::from(c) <= 0xff => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// What YAML and JSON write alike: everything but text, lists and maps, which are empty here.
fn bare(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => serde_json::Value::from(*value).to_string(),
        Value::String(_) | Value::List(_) | Value::Map(_) => String::new(),
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_json(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => out.push_str(&bare(value)),
        Value::String(text) => out.push_str(&json_string(text)),
        Value::List(items) if items.is_empty() => out.push_str("[]"),
        Value::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "\n" });
                indent(out, depth + 1);
                write_json(out, item, depth + 1);
            }
            out.push('\n');
            indent(out, depth);
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "\n" });
                indent(out, depth + 1);
                let _ = write!(out, "{}: ", json_string(key));
                write_json(out, value, depth + 1);
            }
            out.push('\n');
            indent(out, depth);
            out.push('}');
        }
    }
}
