//! A fault for each keyword of JSON Schema but those that offer several forms.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::Location;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::fault::{Fault, Kind, Spot, Step, path};
use crate::words::{
    amount, bounds, description, found, names, one_of, resolved, short, shown, type_help, type_name,
};

/// The schema that holds the keyword of an error.
pub(crate) fn holder<'s>(root: &'s Value, keyword: &Location) -> &'s Value {
    let pointer = keyword.as_str();
    let parent = pointer.rfind('/').map_or("", |end| &pointer[..end]);
    root.pointer(parent).unwrap_or(&Value::Null)
}

/// The names that an object's schema knows.
pub(crate) fn properties(schema: &Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// The types of which a value must have one.
pub(crate) fn types(kind: &TypeKind) -> Vec<JsonType> {
    match kind {
        TypeKind::Single(one) => vec![*one],
        TypeKind::Multiple(several) => several.iter().collect(),
    }
}

/// The faults that an error stands for.
pub(crate) fn of(root: &Value, error: &ValidationError<'_>) -> Vec<Fault> {
    let at = path(error.instance_path());
    let schema = holder(root, error.schema_path());
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| unknown(at.clone(), name, schema)).collect()
        }
        ValidationErrorKind::Required { property } => vec![missing(root, at, property, schema)],
        ValidationErrorKind::PropertyNames { error: of_name } => vec![name(root, at, of_name)],
        kind => match judged(kind, error.instance(), schema) {
            Some((message, help)) => vec![Fault::value(place(kind, at, error.instance()), message, help)],
            None => vec![unusable(at, error)],
        },
    }
}

fn unknown(at: Vec<Step>, name: &str, schema: &Value) -> Fault {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let patterns: Vec<&str> = patterns.into_iter().flatten().map(|(pattern, _)| pattern.as_str()).collect();
    let known = properties(schema);
    let Some(pattern) = patterns.first() else { return Fault::unknown(at, name, names(name, &known)) };
    let mut fault = Fault::unknown(at, name, format!("names match the pattern `{}`", short(pattern)));
    fault.message = format!("`{}` cannot be a name here", short(name));
    fault
}

fn missing(root: &Value, at: Vec<Step>, property: &Value, schema: &Value) -> Fault {
    let name = shown(property);
    let of = schema.get("properties").and_then(|properties| properties.get(property.as_str()?));
    // What stands beside a reference says more than what it refers to.
    let help = of.and_then(|of| description(of).or_else(|| description(resolved(root, of))));
    let message = format!("`{name}` is missing");
    Fault { path: at, spot: Spot::Name, kind: Kind::Missing, message, help: help.unwrap_or_default() }
}

/// A name that is not allowed: what is wrong with it is said of it as of a value.
fn name(root: &Value, mut at: Vec<Step>, error: &ValidationError<'_>) -> Fault {
    let name = error.instance();
    let help = judged(error.kind(), name, holder(root, error.schema_path())).map(|(_, help)| help);
    at.push(Step::Name(name.as_str().unwrap_or_default().to_owned()));
    let message = format!("`{}` cannot be a name here", shown(name));
    Fault { path: at, spot: Spot::Name, kind: Kind::Unknown, message, help: help.unwrap_or_default() }
}

/// Where an error is: an entry that stands twice is where it stands for the second time.
fn place(kind: &ValidationErrorKind, mut at: Vec<Step>, value: &Value) -> Vec<Step> {
    if let (ValidationErrorKind::UniqueItems, Value::Array(items)) = (kind, value)
        && let Some(index) = (1..items.len()).find(|index| items[..*index].contains(&items[*index]))
    {
        at.push(Step::Index(index));
    }
    at
}

/// What is wrong with a value, and what is allowed; none for what says nothing of it.
fn judged(kind: &ValidationErrorKind, value: &Value, schema: &Value) -> Option<(String, String)> {
    use ValidationErrorKind as Of;
    let this = shown(value);
    let described = || description(schema).unwrap_or_default();
    let (message, help) = match kind {
        Of::Type { kind } => {
            let types = types(kind);
            let named: Vec<&str> = types.iter().copied().map(type_name).collect();
            (format!("expected {}, found {}", one_of(&named), found(value)), type_help(&types, value))
        }
        Of::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(shown).collect();
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            (format!("`{this}` is not allowed"), names(&this, &options))
        }
        Of::Constant { expected_value } => {
            let expected = shown(expected_value);
            (format!("`{this}` is not allowed"), format!("allowed: {expected}"))
        }
        Of::Minimum { .. }
        | Of::ExclusiveMinimum { .. }
        | Of::Maximum { .. }
        | Of::ExclusiveMaximum { .. } => (format!("{this} is out of range"), bounds(schema)),
        Of::MultipleOf { multiple_of } => (
            format!("{this} is not a multiple of {multiple_of}"),
            format!("allowed: multiples of {multiple_of}"),
        ),
        Of::MinLength { .. } | Of::MaxLength { .. } => {
            let characters = value.as_str().map_or(0, |text| text.chars().count());
            let extreme = if matches!(kind, Of::MinLength { .. }) { "short" } else { "long" };
            let message = format!("this is too {extreme}: {characters} characters");
            (message, amount(schema, "minLength", "maxLength", "characters"))
        }
        Of::MinItems { .. } | Of::MaxItems { .. } | Of::AdditionalItems { .. } => {
            let entries = value.as_array().map_or(0, Vec::len);
            let extreme = if matches!(kind, Of::MinItems { .. }) { "few" } else { "many" };
            let message = format!("these are too {extreme} entries: {entries}");
            (message, amount(schema, "minItems", "maxItems", "entries"))
        }
        Of::MinProperties { .. } | Of::MaxProperties { .. } => {
            let fields = value.as_object().map_or(0, serde_json::Map::len);
            let extreme = if matches!(kind, Of::MinProperties { .. }) { "few" } else { "many" };
            let message = format!("these are too {extreme} fields: {fields}");
            (message, amount(schema, "minProperties", "maxProperties", "fields"))
        }
        Of::UniqueItems => ("this entry stands twice".to_owned(), "keep one of them".to_owned()),
        Of::Pattern { pattern } => {
            let help = format!("it must match the pattern `{}`", short(pattern));
            (format!("`{this}` is not allowed"), with(help, &described()))
        }
        Of::Format { format } => (format!("`{this}` is not a {}", short(format)), described()),
        Of::FalseSchema => ("this field cannot stand here".to_owned(), "take it out".to_owned()),
        Of::Contains => ("no entry of the list is one that must be there".to_owned(), described()),
        Of::Not { .. } => (format!("{} is not allowed here", found(value)), described()),
        Of::UnevaluatedItems { .. } => ("an entry of the list is not allowed".to_owned(), described()),
        Of::ContentEncoding { content_encoding: form }
        | Of::ContentMediaType { content_media_type: form } => {
            (format!("this is not {}", short(form)), described())
        }
        Of::OneOfMultipleValid { .. } => {
            ("this is more than one of the forms that it may have".to_owned(), "write one of them".to_owned())
        }
        _ => return None,
    };
    Some((message, help))
}

fn with(help: String, description: &str) -> String {
    if description.is_empty() { help } else { format!("{help} ({description})") }
}

/// A schema that cannot be applied to a value.
fn unusable(path: Vec<Step>, error: &ValidationError<'_>) -> Fault {
    let message = format!("the schema cannot be applied here: {}", short(&error.to_string()));
    let help = "whether the module takes this is not known".to_owned();
    Fault { path, spot: Spot::Value, kind: Kind::Schema, message, help }
}
