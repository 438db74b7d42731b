//! Tables as text: objects over lines, lists on one line where they fit.

use std::fmt::Write;

use serde_json::Value;

const WIDTH: usize = 118;

/// A table as a file.
pub(crate) fn print(table: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, table, 0);
    text.push('\n');
    text
}

fn write_value(text: &mut String, value: &Value, depth: usize) {
    let items: Vec<String> = match value {
        Value::Object(fields) if fields.len() > 1 || inline(value).len() + 2 * depth > WIDTH => {
            let field = |(name, field): (&String, &Value)| {
                let mut text = format!("{}: ", Value::from(name.as_str()));
                write_value(&mut text, field, depth + 1);
                text
            };
            fields.iter().map(field).collect()
        }
        Value::Array(items) if inline(value).len() + 2 * depth > WIDTH => {
            filled(items.iter().map(inline), WIDTH - 2 * (depth + 1))
        }
        _ => return text.push_str(&inline(value)),
    };
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    text.push(open);
    for (at, item) in items.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        // Writing to a text cannot fail.
        let _ = write!(text, "{comma}\n{}{item}", "  ".repeat(depth + 1));
    }
    let _ = write!(text, "\n{}{close}", "  ".repeat(depth));
}

/// As many items on each line as it takes.
fn filled(items: impl Iterator<Item = String>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.len() + item.len() + 3 <= width => *line = format!("{line}, {item}"),
            _ => lines.push(item),
        }
    }
    lines
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), inline(value))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
