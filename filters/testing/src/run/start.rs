//! What a case is started with: the settings of its VM.

use std::time::Duration;

use burgee_harness::{Settings, Shared, Status, Value};

use super::Limits;
use crate::cases::format::{Case, Failing, Setup};
use crate::cases::values::{Ordered, PropertyValue, Text, TypedValue, parse_path};

/// The `vm_id` of every case.
pub(super) const VM_ID: &str = "";

/// What a VM of the case is started with.
pub(crate) fn settings(case: &Case, limits: &Limits, shared: &Shared) -> Settings {
    let Setup { config, vm_config, environment, root_id, properties, shared_data, clusters, .. } =
        &case.setup;
    let mut settings = Settings::new().vm_id(VM_ID).shared(shared);
    if let Some(config) = config {
        settings = settings.plugin_configuration(config.bytes());
    }
    if let Some(config) = vm_config {
        settings = settings.vm_configuration(config.bytes());
    }
    for (name, Text(value)) in environment.iter().flat_map(|Ordered(entries)| entries) {
        settings = settings.variable(name, value);
    }
    if let Some(id) = root_id {
        settings = settings.root_id(id);
    }
    for (path, value) in properties.iter().flat_map(|Ordered(entries)| entries) {
        let path = parse_path(path);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        settings = match value {
            Some(value) => settings.property(path.as_slice(), value_of(value)),
            None => settings.without_property(path.as_slice()),
        };
    }
    for (key, value) in shared_data.iter().flat_map(|Ordered(entries)| entries) {
        shared.set_value(VM_ID, key, value.bytes());
    }
    for cluster in clusters.iter().flatten().map(String::as_str).chain(named_clusters(case)) {
        settings = settings.cluster(cluster);
    }
    if let Some(fuel) = limits.fuel {
        settings = settings.fuel(fuel);
    }
    settings
}

/// The clusters that a case names where it speaks of callouts.
fn named_clusters(case: &Case) -> Vec<&str> {
    let answers = case.steps.iter().filter_map(|step| step.answer.as_ref()?.cluster.as_deref());
    let effects = case.steps.iter().map(|step| &step.expect.effects).chain([&case.expect.effects]);
    let expected = effects
        .flat_map(|effects| effects.callouts.iter().flatten())
        .filter_map(|callout| callout.cluster.as_ref()?.whole_text());
    answers.chain(expected).collect()
}

pub(super) fn value_of(value: &PropertyValue) -> Value {
    match value {
        PropertyValue::Bool(value) => Value::Bool(*value),
        PropertyValue::Int(number) => Value::Int(*number),
        PropertyValue::Double(number) => Value::Double(*number),
        PropertyValue::Text(text) => Value::text(text),
        PropertyValue::Typed(typed) => typed_value(typed),
    }
}

fn typed_value(typed: &TypedValue) -> Value {
    let nanoseconds = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    let TypedValue { duration, timestamp, bytes, map, list } = typed;
    if let Some(span) = duration {
        return Value::Duration(nanoseconds(span.0));
    }
    if let Some(span) = timestamp {
        return Value::Timestamp(nanoseconds(span.0));
    }
    if bytes.is_some() {
        return Value::Bytes(typed.bytes());
    }
    if let Some(Ordered(entries)) = map {
        return Value::map(entries.iter().map(|(key, Text(value))| (key, Value::text(value))));
    }
    Value::List(list.iter().flatten().map(|Text(text)| Value::text(text)).collect())
}

pub(super) fn status(failing: Failing) -> Status {
    match failing {
        Failing::NotFound => Status::NotFound,
        Failing::BadArgument => Status::BadArgument,
        Failing::SerializationFailure => Status::SerializationFailure,
        Failing::ParseFailure => Status::ParseFailure,
        Failing::InvalidMemoryAccess => Status::InvalidMemoryAccess,
        Failing::Empty => Status::Empty,
        Failing::CasMismatch => Status::CasMismatch,
        Failing::InternalFailure => Status::InternalFailure,
        Failing::BrokenConnection => Status::BrokenConnection,
        Failing::Unimplemented => Status::Unimplemented,
    }
}
