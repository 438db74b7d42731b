//! Expressions that a module has the host evaluate: Envoy's own functions for them, by the `cel` crate.

use std::collections::{BTreeMap, HashMap};

use cel::objects::{Key, Map};
use cel::{Context, Program};

use crate::Value;
use crate::abi::Status;
use crate::properties;
use crate::state::State;

/// The expressions of a VM, by the numbers that the module knows them by.
#[derive(Default)]
pub(crate) struct Expressions {
    programs: BTreeMap<u32, Program>,
    next: u32,
}

/// The functions that Envoy has.
const FUNCTIONS: &[&str] = &[
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "has",
    "int",
    "matches",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
];

pub(crate) fn create(state: &mut State, source: &[u8]) -> Result<Vec<u8>, Status> {
    let source = std::str::from_utf8(source).map_err(|_| Status::BadArgument)?;
    let program = Program::compile(source).map_err(|_| Status::BadArgument)?;
    let expressions = &mut state.expressions;
    let token = expressions.next;
    expressions.next = expressions.next.wrapping_add(1);
    // Envoy looks functions up when an expression has its number; operators have names with other characters in them.
    let is_named =
        |name: &&&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with('_');
    if program.references().functions().iter().filter(is_named).any(|name| !FUNCTIONS.contains(name)) {
        return Err(Status::BadArgument);
    }
    expressions.programs.insert(token, program);
    Ok(token.to_le_bytes().to_vec())
}

pub(crate) fn evaluate(state: &State, token: &[u8]) -> Result<Vec<u8>, Status> {
    let program = state.expressions.programs.get(&number(token)?).ok_or(Status::NotFound)?;
    let mut context = Context::default();
    for name in program.references().variables() {
        if let Some(value) = properties::tree(state, name).as_ref().and_then(to_cel) {
            context.add_variable_from_value(name, value);
        }
    }
    let value = program.execute(&context).map_err(|_| Status::InternalFailure)?;
    from_cel(&value)?.bytes()
}

pub(crate) fn delete(state: &mut State, token: &[u8]) -> Result<Vec<u8>, Status> {
    state.expressions.programs.remove(&number(token)?);
    Ok(Vec::new())
}

fn number(token: &[u8]) -> Result<u32, Status> {
    token.try_into().map(u32::from_le_bytes).map_err(|_| Status::BadArgument)
}

/// Text that is not UTF-8 is shown with the replacement character, since the crate's text must be UTF-8. Times and spans
/// of time are missing: the crate has them only together with a calendar and the world's time zones.
fn to_cel(value: &Value) -> Option<cel::Value> {
    Some(match value {
        Value::Text(bytes) => cel::Value::String(String::from_utf8_lossy(bytes).into_owned().into()),
        Value::Bytes(bytes) => cel::Value::Bytes(bytes.clone().into()),
        Value::Int(number) => cel::Value::Int(*number),
        Value::Uint(number) => cel::Value::UInt(*number),
        Value::Double(number) => cel::Value::Float(*number),
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Duration(_) | Value::Timestamp(_) => return None,
        Value::List(values) => cel::Value::List(values.iter().filter_map(to_cel).collect::<Vec<_>>().into()),
        Value::Map(entries) => {
            map(entries.iter().filter_map(|(key, value)| Some((key_of(key)?, to_cel(value)?))))
        }
        Value::Message(fields, _) => {
            map(fields.iter().filter_map(|(name, value)| Some((Key::from(name.clone()), to_cel(value)?))))
        }
        Value::Null => cel::Value::Null,
    })
}

fn map(entries: impl Iterator<Item = (Key, cel::Value)>) -> cel::Value {
    cel::Value::Map(Map { map: entries.collect::<HashMap<_, _>>().into() })
}

fn key_of(key: &Value) -> Option<Key> {
    Some(match key {
        Value::Text(bytes) => Key::from(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(number) => Key::Int(*number),
        Value::Uint(number) => Key::Uint(*number),
        Value::Bool(value) => Key::Bool(*value),
        _ => return None,
    })
}

fn from_cel(value: &cel::Value) -> Result<Value, Status> {
    Ok(match value {
        cel::Value::String(text) => Value::text(text.as_bytes()),
        cel::Value::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        cel::Value::Int(number) => Value::Int(*number),
        cel::Value::UInt(number) => Value::Uint(*number),
        cel::Value::Float(number) => Value::Double(*number),
        cel::Value::Bool(value) => Value::Bool(*value),
        cel::Value::List(values) => Value::List(values.iter().map(from_cel).collect::<Result<_, _>>()?),
        cel::Value::Map(map) => {
            let entry = |(key, value): (&Key, &cel::Value)| {
                let key = match key {
                    Key::Int(number) => Value::Int(*number),
                    Key::Uint(number) => Value::Uint(*number),
                    Key::Bool(value) => Value::Bool(*value),
                    Key::String(text) => Value::text(text.as_bytes()),
                };
                Ok((key, from_cel(value)?))
            };
            let mut entries = map.map.iter().map(entry).collect::<Result<Vec<_>, Status>>()?;
            entries.sort_by_key(|(key, _)| key.bytes().unwrap_or_default());
            Value::Map(entries)
        }
        _ => return Err(Status::SerializationFailure),
    })
}
