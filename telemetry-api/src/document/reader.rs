//! Typed access to a tree: each step knows its path, and everything that is wrong is written down instead of ending
//! the reading.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::time::Duration;

use super::duration;
use super::scalar::{self, Scalar};
use super::tree::{Node, NodeValue, ScalarStyle};
use crate::origin::{DocumentId, Origin, Place, Traced};
use crate::problem::{Code, Problem, Severity, closest, codes};

/// The document being read, and what is wrong with it so far.
pub struct Context {
    /// The document.
    pub document: DocumentId,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Context {
    /// Writes down a problem at a field.
    pub fn report(
        &mut self,
        severity: Severity,
        code: Code,
        field: &Field<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(
            Problem::new(severity, code, message).at(field.node.place.clone(), field.whole()).help(help),
        );
    }

    /// Writes down a problem of an object as a whole.
    pub fn report_at(
        &mut self,
        severity: Severity,
        code: Code,
        object: &Object<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::new(severity, code, message);
        self.problems.push(problem.at(object.place.clone(), object.path.clone()).help(help));
    }

    fn out_of_range(
        &mut self,
        field: &Field<'_>,
        found: &dyn Display,
        low: &dyn Display,
        high: &dyn Display,
    ) {
        let message = format!("{found} is out of range");
        self.report(
            Severity::Error,
            codes::OUT_OF_RANGE,
            field,
            message,
            format!("allowed: {low} to {high}"),
        );
    }

    /// Writes down that a field is of another type than is expected.
    pub fn wrong_type(&mut self, field: &Field<'_>, expected: &str, help: &str) {
        let found = field.type_name();
        self.report(
            Severity::Error,
            codes::WRONG_TYPE,
            field,
            format!("expected {expected}, found {found}"),
            help,
        );
    }
}

/// A value and its path.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// The value.
    pub node: &'a Node,
    /// Its path, such as `spec.metrics[0]`.
    pub path: String,
}

impl<'a> Field<'a> {
    /// Where the value stands.
    pub fn place(&self) -> Place {
        self.node.place.clone()
    }

    /// Its path, where it stands for the value as a whole.
    fn whole(&self) -> &str {
        self.path.trim_end_matches(':')
    }

    /// The origin of the value.
    pub fn origin(&self, context: &Context) -> Origin {
        Origin::Document {
            document: context.document.clone(),
            path: self.whole().into(),
            place: self.place(),
        }
    }

    /// A value with this field as its origin.
    pub fn traced<T>(&self, context: &Context, value: T) -> Traced<T> {
        Traced { value, origin: self.origin(context) }
    }

    fn type_name(&self) -> String {
        match &self.node.value {
            NodeValue::List(_) => "a list".to_owned(),
            NodeValue::Map(_) => "an object".to_owned(),
            NodeValue::Scalar { text, .. } => match scalar::resolve(self.node) {
                None | Some(Scalar::Null) => "nothing".to_owned(),
                Some(scalar) => format!("{} (`{}`)", scalar.type_name(), shorten(text)),
            },
        }
    }

    /// Whether nothing is written, or `null`.
    pub fn is_null(&self) -> bool {
        scalar::resolve(self.node) == Some(Scalar::Null)
    }

    /// The value as an object with these fields and no others.
    pub fn object(&self, context: &mut Context, known: &[&str]) -> Option<Object<'a>> {
        let object = self.any_object(context)?;
        for (key, value) in &object.entries {
            if known.contains(&key.as_str()) {
                continue;
            }
            let field = Field { node: value.0, path: join(&self.path, key) };
            let help = match closest(key, known) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("allowed: {}", list(known)),
            };
            context.report(
                Severity::Error,
                codes::UNKNOWN_FIELD,
                &field,
                format!("there is no field `{}` here", shorten(key)),
                help,
            );
        }
        Some(object)
    }

    /// The value as an object with any fields.
    pub fn any_object(&self, context: &mut Context) -> Option<Object<'a>> {
        let NodeValue::Map(entries) = &self.node.value else {
            context.wrong_type(self, "an object", "write `key: value` lines, indented below this field");
            return None;
        };
        let mut object = Object { path: self.path.clone(), place: self.place(), entries: Vec::new() };
        let mut seen = HashSet::new();
        let mut merged = Vec::new();
        for (key, value) in entries {
            let NodeValue::Scalar { text, style } = &key.value else {
                let field = Field { node: key, path: self.path.clone() };
                context.wrong_type(&field, "a name as the key", "write `key: value`");
                continue;
            };
            if text == "<<" && *style == ScalarStyle::Plain {
                merged.extend(self.merged(value, context));
                continue;
            }
            if !seen.insert(text.as_str()) {
                let field = Field { node: key, path: join(&self.path, text) };
                context.report(
                    Severity::Error,
                    codes::DUPLICATE_KEY,
                    &field,
                    format!("`{}` stands twice in this object", shorten(text)),
                    "keep one; Kubernetes refuses both",
                );
                continue;
            }
            object.entries.push((text.clone(), (key, value)));
        }
        for (key, value) in merged {
            if let NodeValue::Scalar { text, .. } = &key.value
                && seen.insert(text.as_str())
            {
                object.entries.push((text.clone(), (key, value)));
            }
        }
        Some(object)
    }

    /// The entries that a merge key (`<<`) brings in: those of one object or of several, earlier ones first. What the
    /// object itself says goes before all of them.
    fn merged(&self, value: &'a Node, context: &mut Context) -> Vec<(&'a Node, &'a Node)> {
        let objects = match &value.value {
            NodeValue::List(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut entries = Vec::new();
        for object in objects {
            match &object.value {
                NodeValue::Map(map) => entries.extend(map.iter().map(|(key, value)| (key, value))),
                _ => {
                    let field = Field { node: object, path: join(&self.path, "<<") };
                    context.wrong_type(
                        &field,
                        "an object to merge",
                        "write `<<: *anchor`, or a list of them",
                    );
                }
            }
        }
        entries
    }

    /// The value as a list; entries without a value are an error.
    pub fn list(&self, context: &mut Context) -> Vec<Field<'a>> {
        let NodeValue::List(items) = &self.node.value else {
            context.wrong_type(self, "a list", "write each entry on a line of its own that begins with `- `");
            return Vec::new();
        };
        let mut fields = Vec::with_capacity(items.len());
        for (index, node) in items.iter().enumerate() {
            let field = Field { node, path: format!("{}[{index}]", self.path) };
            if field.is_null() {
                context.wrong_type(&field, "an entry", "give the entry a value or take it out");
            } else {
                fields.push(field);
            }
        }
        fields
    }

    /// The value as a string.
    pub fn string(&self, context: &mut Context) -> Option<String> {
        match scalar::resolve(self.node) {
            Some(Scalar::String(text)) => Some(text),
            Some(Scalar::Null) | None => {
                context.wrong_type(self, "a string", "");
                None
            }
            Some(_) => {
                let text = self.text();
                context.wrong_type(
                    self,
                    "a string",
                    &format!("put it in quotes: \"{text}\" (Kubernetes does not read it as text without)"),
                );
                None
            }
        }
    }

    /// The value if it is a string; nothing is reported if it is not.
    pub fn quiet_string(&self) -> Option<String> {
        match scalar::resolve(self.node) {
            Some(Scalar::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar as it was written.
    pub fn text(&self) -> &'a str {
        match &self.node.value {
            NodeValue::Scalar { text, .. } => text,
            _ => "",
        }
    }

    /// The value as a boolean.
    pub fn boolean(&self, context: &mut Context) -> Option<bool> {
        match scalar::resolve(self.node) {
            Some(Scalar::Bool(value)) => Some(value),
            _ => {
                context.wrong_type(self, "true or false", "write true or false, without quotes");
                None
            }
        }
    }

    /// The value as a number with bounds.
    pub fn number(&self, context: &mut Context, low: f64, high: f64) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
        let number = match scalar::resolve(self.node) {
            Some(Scalar::Int(number)) => number as f64,
            Some(Scalar::Float(number)) => number,
            _ => {
                context.wrong_type(self, "a number", &format!("allowed: {low} to {high}, without quotes"));
                return None;
            }
        };
        if (low..=high).contains(&number) {
            return Some(number);
        }
        context.out_of_range(self, &number, &low, &high);
        None
    }

    /// The value as an integer with bounds.
    pub fn integer(&self, context: &mut Context, low: i128, high: i128) -> Option<i128> {
        let Some(Scalar::Int(number)) = scalar::resolve(self.node) else {
            context.wrong_type(self, "an integer", &format!("allowed: {low} to {high}, without quotes"));
            return None;
        };
        if (low..=high).contains(&number) {
            return Some(number);
        }
        context.out_of_range(self, &number, &low, &high);
        None
    }

    /// The value as a port's number.
    pub fn port(&self, context: &mut Context) -> Option<u16> {
        self.integer(context, 1, 65535).and_then(|number| u16::try_from(number).ok())
    }

    /// The value as one of several names.
    pub fn choice<T: Copy>(&self, context: &mut Context, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let mut help = format!("allowed: {}", list(&names));
        let Some(text) = self.quiet_string() else {
            context.wrong_type(self, "a string", &help);
            return None;
        };
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        if let Some(name) = closest(&text, &names) {
            help = format!("did you mean `{name}`? {help}");
        }
        context.report(
            Severity::Error,
            codes::BAD_VALUE,
            self,
            format!("`{}` is not one of the values allowed here", shorten(&text)),
            help,
        );
        None
    }

    /// The value as a duration, in Go's notation.
    pub fn duration(&self, context: &mut Context) -> Option<Duration> {
        let help = "write a number and a unit, such as 500ms, 15s or 1m30s; units: ns, us, ms, s, m, h";
        let Some(Scalar::String(text)) = scalar::resolve(self.node) else {
            context.wrong_type(self, "a duration", help);
            return None;
        };
        let duration = duration::parse(&text);
        if duration.is_none() {
            context.report(
                Severity::Error,
                codes::BAD_DURATION,
                self,
                format!("`{}` is not a duration", shorten(&text)),
                help,
            );
        }
        duration
    }

    /// The value as a map of strings.
    pub fn string_map(&self, context: &mut Context) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        if let Some(object) = self.any_object(context) {
            for field in object.fields() {
                if let Some(value) = field.1.string(context) {
                    map.insert(field.0.to_owned(), value);
                }
            }
        }
        map
    }
}

/// An object's fields.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    path: String,
    place: Place,
    entries: Vec<(String, (&'a Node, &'a Node))>,
}

impl<'a> Object<'a> {
    /// A field, if it is there and not null.
    pub fn get(&self, key: &str) -> Option<Field<'a>> {
        self.fields().find(|(name, field)| *name == key && !field.is_null()).map(|(_, field)| field)
    }

    /// A field that must be there.
    pub fn require(&self, context: &mut Context, key: &str, help: &str) -> Option<Field<'a>> {
        let field = self.get(key);
        if field.is_none() {
            context.problems.push(
                Problem::new(Severity::Error, codes::MISSING_FIELD, format!("`{key}` is missing"))
                    .at(self.place.clone(), join(&self.path, key))
                    .help(help),
            );
        }
        field
    }

    /// Every field with its key, null ones too.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Field<'a>)> {
        self.entries
            .iter()
            .map(|(name, (key, value))| (name.as_str(), Field { node: value, path: self.path_of(name, key) }))
    }

    /// The same object, its fields by these names in lowerCamelCase where they are written in snake_case: for what Istio
    /// reads by its definitions and not by what Kubernetes knows. Paths stay as they are written.
    pub fn by_names(mut self, known: &[&str], context: &mut Context) -> Object<'a> {
        let written: HashSet<String> = self.entries.iter().map(|(name, _)| name.clone()).collect();
        let path = &self.path;
        self.entries.retain_mut(|(name, (key, _))| {
            let Some(camel) = known.iter().find(|camel| is_snake_case(name, camel)) else { return true };
            let is_twice = written.contains(*camel);
            if is_twice {
                let field = Field { node: key, path: join(path, name) };
                let message = format!("`{camel}` stands here too, spelled another way");
                context.report(Severity::Error, codes::DUPLICATE_KEY, &field, message, "keep one");
            }
            (*camel).clone_into(name);
            !is_twice
        });
        self
    }

    /// Every key with the place of the key itself, for problems with keys.
    pub fn keys(&self) -> impl Iterator<Item = (&str, Field<'a>)> {
        self.entries
            .iter()
            .map(|(name, (key, _))| (name.as_str(), Field { node: key, path: self.path_of(name, key) }))
    }

    /// The path of a field as its key is written.
    fn path_of(&self, name: &str, key: &Node) -> String {
        match &key.value {
            NodeValue::Scalar { text, .. } => join(&self.path, text),
            _ => join(&self.path, name),
        }
    }

    /// A string field, if it is there.
    pub fn string(&self, context: &mut Context, key: &str) -> Option<String> {
        self.get(key)?.string(context)
    }

    /// The entries of a list field; none when it is absent.
    pub fn list(&self, context: &mut Context, key: &str) -> Vec<Field<'a>> {
        self.get(key).map(|field| field.list(context)).unwrap_or_default()
    }
}

/// Whether a name is another one's form in snake_case, and not the same.
pub(crate) fn is_snake_case(name: &str, camel: &str) -> bool {
    let words = camel.chars().flat_map(|c| {
        let (mark, lower) =
            if c.is_ascii_uppercase() { (Some('_'), c.to_ascii_lowercase()) } else { (None, c) };
        mark.into_iter().chain([lower])
    });
    name.contains('_') && words.eq(name.chars())
}

/// A path one field deeper. Keys with dots or slashes are put in brackets. What ends with a colon is the path of a text
/// that holds another document.
pub fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && !key.contains(['.', '/', '[', ']', ' ', ':']);
    match (path.is_empty(), plain) {
        (true, _) => key.to_owned(),
        _ if path.ends_with(':') => format!("{path} {key}"),
        (false, true) => format!("{path}.{key}"),
        (false, false) => format!("{path}[{key:?}]"),
    }
}

/// Names for a message.
pub fn list(names: &[&str]) -> String {
    names.join(", ")
}

/// A text short enough for a message.
pub fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() <= 60 && line.len() == text.len() {
        return text.to_owned();
    }
    line.chars().take(59).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn paths_put_odd_keys_in_brackets() {
        assert_eq!(join("", "spec"), "spec");
        assert_eq!(join("spec", "metrics"), "spec.metrics");
        assert_eq!(join("metadata.labels", "istio.io/rev"), "metadata.labels[\"istio.io/rev\"]");
        assert_eq!(join("spec", "a:"), "spec[\"a:\"]");
        assert_eq!(join("data.mesh:", "rootNamespace"), "data.mesh: rootNamespace");
    }

    #[test]
    fn names_in_snake_case_are_known() {
        for (name, camel, expected) in [
            ("root_namespace", "rootNamespace", true),
            ("enable64bit_trace_id", "enable64bitTraceId", true),
            ("rootNamespace", "rootNamespace", false),
            ("tracing", "tracing", false),
            ("root_name_space", "rootNamespace", false),
            ("Root_namespace", "rootNamespace", false),
            ("mesh_m_t_l_s", "meshMTLS", true),
        ] {
            assert_eq!(is_snake_case(name, camel), expected, "{name}");
        }
    }
}
