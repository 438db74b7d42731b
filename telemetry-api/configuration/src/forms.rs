//! Faults of a value that may have several forms: which of them was meant is found out, and what is wrong with it as that.

use std::collections::BTreeMap;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Of;
use jsonschema::paths::Location;
use serde_json::Value;

use crate::fault::{self, Fault, path};
use crate::keyword::{holder, properties, types};
use crate::words::{found, names, one_of, shown, type_help, type_name};

/// What is wrong with a value as each of the forms that it may have.
type Forms<'e> = Vec<&'e [ValidationError<'static>]>;

/// The faults of a value with several forms; none for any other error.
pub(crate) fn of(root: &Value, error: &ValidationError<'_>) -> Option<Vec<Fault>> {
    let (Of::AnyOf { context } | Of::OneOfNotValid { context }) = error.kind() else { return None };
    let at = error.instance_path();
    let mut leaves = Vec::new();
    let mut forms: Forms<'_> = Vec::new();
    for form in context {
        flatten(form, at, &mut leaves, &mut forms);
    }
    Some(
        values(at, &leaves, &forms, error.instance())
            .unwrap_or_else(|| meant(root, at, forms, error.instance())),
    )
}

/// Takes apart forms that have forms themselves. Those that want another type or another value are leaves; others may be
/// what is meant.
fn flatten<'e>(
    form: &'e [ValidationError<'static>],
    at: &Location,
    leaves: &mut Vec<&'e ValidationError<'static>>,
    forms: &mut Forms<'e>,
) {
    let here = || form.iter().filter(|error| error.instance_path() == at);
    // What says which values there are says more than their type.
    let is_of_value =
        |error: &&ValidationError<'_>| matches!(error.kind(), Of::Constant { .. } | Of::Enum { .. });
    if let Some(error) = here().find(is_of_value) {
        return leaves.push(error);
    }
    for error in here() {
        match error.kind() {
            Of::Type { .. } => return leaves.push(error),
            Of::AnyOf { context } | Of::OneOfNotValid { context } if form.len() == 1 => {
                return context.iter().for_each(|form| flatten(form, at, leaves, forms));
            }
            _ => {}
        }
    }
    forms.push(form);
}

/// A value that is none of the values and has none of the types that it may have.
fn values(
    at: &Location,
    leaves: &[&ValidationError<'static>],
    forms: &Forms<'_>,
    value: &Value,
) -> Option<Vec<Fault>> {
    if !forms.is_empty() {
        return None;
    }
    let mut options = Vec::new();
    let mut expected = Vec::new();
    for leaf in leaves {
        match leaf.kind() {
            Of::Constant { expected_value } => options.push(shown(expected_value)),
            Of::Enum { options: several } => {
                options.extend(several.as_array().into_iter().flatten().map(shown));
            }
            Of::Type { kind } => expected.extend(types(kind)),
            _ => {}
        }
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let named: Vec<&str> = expected.iter().copied().map(type_name).collect();
    let wanted = one_of(&named);
    let fault = if options.is_empty() {
        let message = format!("expected {wanted}, found {}", found(value));
        Fault::value(path(at), message, type_help(&expected, value))
    } else {
        let mut help = names(&shown(value), &options);
        if wanted != "nothing" {
            help = format!("{help}, or {wanted}");
        }
        let message = match value {
            Value::String(_) => format!("`{}` is not allowed", shown(value)),
            other => format!("expected one of some names, found {}", found(other)),
        };
        Fault::value(path(at), message, help)
    };
    Some(vec![fault])
}

/// What is wrong with a value as the form that it seems to have.
fn meant(root: &Value, at: &Location, forms: Forms<'_>, value: &Value) -> Vec<Fault> {
    if let [form] = forms.as_slice() {
        return faults(root, form);
    }
    let tagged: Forms<'_> = forms.iter().copied().filter(|form| tags(form, at).next().is_none()).collect();
    match tagged.as_slice() {
        [] => return untagged(at, &forms),
        [form] => return faults(root, form),
        _ => {}
    }
    let is_whole = |form: &&[ValidationError<'static>]| !lacks(form, at);
    let whole: Forms<'_> = tagged.iter().copied().filter(is_whole).collect();
    if let [form] = whole.as_slice() {
        return faults(root, form);
    }
    if whole.is_empty()
        && let Some(faults) = unnamed(root, at, &tagged, value)
    {
        return faults;
    }
    let of_forms = if whole.is_empty() { &tagged } else { &whole };
    // Of several, the one that least is wrong with was meant, if there is one.
    let least = of_forms.iter().map(|form| form.len()).min().unwrap_or(0);
    let mut nearest = of_forms.iter().filter(|form| form.len() == least);
    match (nearest.next(), nearest.next()) {
        (Some(form), None) => faults(root, form),
        _ => {
            let message =
                format!("{} here has none of the {} forms that it may have", found(value), forms.len());
            vec![Fault::value(path(at), message, alternatives(root, of_forms))]
        }
    }
}

fn faults(root: &Value, form: &[ValidationError<'static>]) -> Vec<Fault> {
    form.iter().flat_map(|error| fault::of(root, error)).collect()
}

/// The fields just below a value by which forms are told apart, and which say that this form is not meant.
fn tags<'e>(
    form: &'e [ValidationError<'static>],
    at: &'e Location,
) -> impl Iterator<Item = &'e ValidationError<'static>> {
    let depth = at.segments().count() + 1;
    form.iter().filter(move |error| {
        error.instance_path().segments().count() == depth
            && matches!(error.kind(), Of::Constant { .. } | Of::Enum { .. })
    })
}

/// A value whose tag is none of those that it may have.
fn untagged(at: &Location, forms: &Forms<'_>) -> Vec<Fault> {
    let mut by_field: BTreeMap<&str, (&ValidationError<'static>, Vec<String>)> = BTreeMap::new();
    for error in forms.iter().flat_map(|form| tags(form, at)) {
        let (_, options) =
            by_field.entry(error.instance_path().as_str()).or_insert_with(|| (error, Vec::new()));
        match error.kind() {
            Of::Constant { expected_value } => options.push(shown(expected_value)),
            Of::Enum { options: several } => {
                options.extend(several.as_array().into_iter().flatten().map(shown));
            }
            _ => {}
        }
    }
    let fault = |(error, options): (&ValidationError<'static>, Vec<String>)| {
        let written = shown(error.instance());
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let message = format!("`{written}` is not allowed");
        Fault::value(path(error.instance_path()), message, names(&written, &options))
    };
    by_field.into_values().map(fault).collect()
}

/// Whether a field is missing at a value itself.
fn lacks(form: &[ValidationError<'static>], at: &Location) -> bool {
    form.iter().any(|error| error.instance_path() == at && matches!(error.kind(), Of::Required { .. }))
}

/// An object that may have one of several fields, and has none of them.
fn unnamed(root: &Value, at: &Location, forms: &Forms<'_>, value: &Value) -> Option<Vec<Fault>> {
    let written = value.as_object()?;
    let mut allowed = Vec::new();
    for form in forms {
        let required = form.iter().find(|error| matches!(error.kind(), Of::Required { .. }))?;
        let own = properties(holder(root, required.schema_path()));
        if written.keys().any(|name| own.contains(&name.as_str())) {
            return None;
        }
        allowed.extend(own);
    }
    if written.is_empty() {
        let message = "this is empty, and needs one field";
        return Some(vec![Fault::value(path(at), message, names("", &allowed))]);
    }
    Some(written.keys().map(|name| Fault::unknown(path(at), name, names(name, &allowed))).collect())
}

/// The first thing that is wrong with a value as each of some forms.
fn alternatives(root: &Value, forms: &Forms<'_>) -> String {
    let firsts = forms.iter().filter_map(|form| faults(root, form).into_iter().next());
    let mut words: Vec<String> = firsts.map(|fault| fault.message).collect();
    words.dedup();
    words.truncate(4);
    format!("as each of them: {}", words.join("; or "))
}
