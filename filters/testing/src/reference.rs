//! The reference of the format, written from its schema: what the reader reads is what the page says.

use serde_json::Value;

use crate::cases::schema;

/// The page: a table of fields for each kind of object.
pub fn reference() -> String {
    let schema = schema();
    let mut page = "# The format of cases\n\n\
        Written from the types that read it; a test keeps it fresh. How to begin is in [Testing filters](testing-filters.md).\n\
        Editors take [the JSON Schema](../filters/testing/schema/cases.json): begin a file with\n\
        `# yaml-language-server: $schema=` and its path.\n\n\
        A file is YAML or JSON, read as Kubernetes reads documents. A field that is not here is an error, and so is one\n\
        without the shape that is given here; all errors are told at once, with their places.\n"
        .to_owned();
    section(&mut page, "A file", schema);
    let mut told: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = mentioned(schema);
    while !open.is_empty() {
        let name = open.remove(0);
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        let Some(definition) = schema["$defs"].get(name) else { continue };
        section(&mut page, name, definition);
        open.extend(mentioned(definition));
    }
    page
}

/// The definitions that a schema refers to, in its order.
fn mentioned(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(entries) => entries
            .iter()
            .filter(|(key, _)| *key != "$defs")
            .flat_map(|(key, value)| match value.as_str() {
                Some(name) if key == "$ref" => vec![name.trim_start_matches("#/$defs/")],
                _ => mentioned(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(mentioned).collect(),
        _ => Vec::new(),
    }
}

fn section(page: &mut String, name: &str, schema: &Value) {
    page.push_str(&format!("\n## {name}\n\n"));
    if let Some(text) = schema["description"].as_str() {
        page.push_str(&format!("{text}\n"));
    }
    if let Some(names) = schema["x-exactly-one"].as_array() {
        let names: Vec<String> =
            names.iter().filter_map(|name| Some(format!("`{}`", name.as_str()?))).collect();
        page.push_str(&format!("\nOf {} there is exactly one.\n", names.join(", ")));
    }
    if let Some(fields) = schema["properties"].as_object() {
        page.push_str("\n| field | is | |\n| --- | --- | --- |\n");
        let required = schema["required"].as_array();
        for (name, field) in fields {
            let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
            let must = if is_required { " (required)" } else { "" };
            let text = field["description"].as_str().unwrap_or_default().replace('\n', " ");
            page.push_str(&format!("| `{name}`{must} | {} | {text} |\n", kind(field)));
        }
    }
    let alternatives = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(alternatives) = alternatives {
        page.push_str("\n| one of | |\n| --- | --- |\n");
        for one in alternatives {
            let text = one["description"].as_str().unwrap_or_default().replace('\n', " ");
            page.push_str(&format!("| {} | {text} |\n", kind(one)));
        }
    }
}

/// What a value is, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/$defs/");
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(name) = schema["const"].as_str() {
        return format!("`{name}`");
    }
    if let Some(several) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let is_null = |schema: &&Value| schema["type"] == "null";
        let kinds: Vec<String> = several.iter().filter(|schema| !is_null(schema)).map(kind).collect();
        return kinds.join(" or ");
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => return "anything".to_owned(),
    };
    let kinds: Vec<String> = names.iter().map(|name| simple(name, schema)).collect();
    kinds.join(" or ")
}

fn simple(name: &str, schema: &Value) -> String {
    match name {
        "object" if schema.get("additionalProperties").is_some_and(Value::is_object) => {
            let of = &schema["additionalProperties"];
            let or_null = if kind_is_nullable(of) { " or null" } else { "" };
            format!("{}{or_null} by name", kind(of))
        }
        "array" if schema.get("prefixItems").is_some() => {
            let items = schema["prefixItems"].as_array().into_iter().flatten();
            format!("a list of {}", items.map(kind).collect::<Vec<_>>().join(" and "))
        }
        "array" => format!("a list of {}", kind(&schema["items"])),
        "string" => match schema["format"].as_str() {
            Some("duration") => "a duration".to_owned(),
            Some("regex") => "a regular expression".to_owned(),
            Some(format) => format.to_owned(),
            None => "text".to_owned(),
        },
        "integer" => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            _ => "a whole number".to_owned(),
        },
        "number" => "a number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    }
}

fn kind_is_nullable(schema: &Value) -> bool {
    schema["anyOf"].as_array().is_some_and(|several| several.iter().any(|one| one["type"] == "null"))
}
