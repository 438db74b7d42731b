//! The carrier for texts: takes out and inserts in a tree.

use crate::edit::{Edit, Step};
use crate::mark::Removal;
use crate::value::Value;

/// Applies edits, in their order.
pub(crate) fn apply(value: &mut Value, edits: &[Edit]) {
    for edit in edits {
        insert(value, &edit.path.0, &edit.value);
    }
}

/// Takes out what is ours, in the order given.
pub(crate) fn remove(value: &mut Value, removals: &[Removal]) {
    for removal in removals {
        take(value, &removal.path.0, removal.leaves_null);
    }
}

fn insert(target: &mut Value, path: &[Step], new: &Value) {
    match path {
        [] => *target = new.clone(),
        [Step::Field(name), rest @ ..] => {
            // Only a last step may name a field that is not there, or the list that an element starts.
            if target.field_mut(name).is_none()
                && let Value::Map(entries) = target
            {
                entries.push((name.clone(), Value::Null));
            }
            if let Some(inner) = target.field_mut(name) {
                insert(inner, rest, new);
            }
        }
        [Step::Index(index), rest @ ..] => {
            if target.is_null() {
                *target = Value::List(Vec::new().into());
            }
            let Value::List(items) = target else { return };
            if rest.is_empty() {
                let index = (*index).min(items.len());
                items.insert(index, new.clone());
            } else if let Some(inner) = items.get_mut(*index) {
                insert(inner, rest, new);
            }
        }
    }
}

fn take(target: &mut Value, path: &[Step], leaves_null: bool) {
    match path {
        [] => {}
        [Step::Field(name)] => {
            if leaves_null && let Some(inner) = target.field_mut(name) {
                *inner = Value::Null;
            } else if let Value::Map(entries) = target
                && let Some(at) = entries.iter().position(|(key, _)| crate::value::is_field(key, name))
            {
                entries.remove(at);
            }
        }
        [Step::Index(index)] => {
            if let Value::List(items) = target
                && *index < items.len()
            {
                items.remove(*index);
            }
        }
        [Step::Field(name), rest @ ..] => {
            if let Some(inner) = target.field_mut(name) {
                take(inner, rest, leaves_null);
            }
        }
        [Step::Index(index), rest @ ..] => {
            if let Value::List(items) = target
                && let Some(inner) = items.get_mut(*index)
            {
                take(inner, rest, leaves_null);
            }
        }
    }
}
