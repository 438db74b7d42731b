//! Takes values out of an encoded message, and puts some in. Everything beside their paths keeps its bytes; on the
//! paths only lengths change.
//!
//! All operations of one kind are applied in one pass: each message on the way is read once and written once, however
//! many operations lie within.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::WireError;
use super::record::{Payload, Record, push_varint, records};
use super::sketch::{ANY, Any, STRUCT, entry_key};
use crate::descriptors;
use crate::edit::{Edit, Path, Step};
use crate::mark::Removal;
use crate::value::Value;

/// Takes out what stands at each path, in the order given; nothing happens where nothing is.
pub(super) fn remove(
    message: &MessageDescriptor,
    bytes: &[u8],
    removals: &[Removal],
) -> Result<Vec<u8>, WireError> {
    let changes = removals.iter().map(|removal| Change { path: &removal.path.0, new: None });
    apply(message, bytes, &changes.collect::<Vec<_>>())
}

/// Inserts what each edit says, in the order given.
pub(super) fn insert(
    message: &MessageDescriptor,
    bytes: &[u8],
    edits: &[Edit],
) -> Result<Vec<u8>, WireError> {
    let encoded = Encoded::default();
    let new = |edit| New { value: edit, encoded: &encoded };
    let changes = edits.iter().map(|edit| Change { path: &edit.path.0, new: Some(new(&edit.value)) });
    apply(message, bytes, &changes.collect::<Vec<_>>())
}

/// One operation, below the message at hand: a value to insert, or nothing to take out what is there.
#[derive(Clone, Copy)]
struct Change<'a> {
    path: &'a [Step],
    new: Option<New<'a>>,
}

/// A value to insert.
#[derive(Clone, Copy)]
struct New<'a> {
    value: &'a Value,
    encoded: &'a Encoded,
}

/// What was encoded so far: the filter chains of a listener get the same, and encoding is most of what an overlay costs.
#[derive(Default)]
struct Encoded(RefCell<Vec<Known>>);

/// A field, a value that it gets, and the field with it.
type Known = (FieldDescriptor, Value, Rc<[u8]>);

impl New<'_> {
    /// The value as an element of a list, or as the one value of a field.
    fn encode(&self, message: &MessageDescriptor, field: &FieldDescriptor) -> Result<Rc<[u8]>, WireError> {
        let known =
            |(other, value, _): &&(FieldDescriptor, Value, Rc<[u8]>)| other == field && value == self.value;
        if let Some((_, _, bytes)) = self.encoded.0.borrow().iter().find(known) {
            return Ok(bytes.clone());
        }
        let value = self.value.clone();
        let element = if field.is_list() { Value::List(vec![value].into()) } else { value };
        let bytes: Rc<[u8]> = encode_field(message, field.name(), element)?.into();
        self.encoded.0.borrow_mut().push((field.clone(), self.value.clone(), bytes.clone()));
        Ok(bytes)
    }
}

impl Change<'_> {
    fn misfit(&self, message: &MessageDescriptor, cause: &str) -> WireError {
        WireError::Edit {
            path: Path(self.path.to_vec()).to_string(),
            message: message.full_name().to_owned(),
            cause: cause.to_owned(),
        }
    }
}

fn malformed(message: &MessageDescriptor, cause: &'static str) -> WireError {
    WireError::Malformed { message: message.full_name().to_owned(), cause }
}

fn apply(message: &MessageDescriptor, bytes: &[u8], changes: &[Change<'_>]) -> Result<Vec<u8>, WireError> {
    match message.full_name() {
        _ if changes.is_empty() => Ok(bytes.to_vec()),
        ANY => apply_any(message, bytes, changes),
        STRUCT => apply_struct(message, bytes, changes),
        _ => apply_fields(message, bytes, changes),
    }
}

fn apply_fields(
    message: &MessageDescriptor,
    bytes: &[u8],
    changes: &[Change<'_>],
) -> Result<Vec<u8>, WireError> {
    let all = records(bytes).map_err(|cause| malformed(message, cause))?;
    let mut touched: Vec<Touched<'_>> = Vec::new();
    for change in changes {
        let [Step::Field(name), rest @ ..] = change.path else {
            return Err(change.misfit(message, "a field's name is wanted"));
        };
        let at = touched.iter().position(|touched| touched.field.name() == name);
        let at = match at {
            Some(at) => at,
            None => {
                let field = message
                    .get_field_by_name(name)
                    .ok_or_else(|| change.misfit(message, "there is no such field"))?;
                touched.push(Touched::new(field, &all));
                touched.len() - 1
            }
        };
        touched[at].note(*change, rest).map_err(|cause| change.misfit(message, cause))?;
    }

    let mut replaced = BTreeMap::new();
    let mut end = Vec::new();
    for touched in touched {
        touched.write(message, bytes, &all, &mut replaced, &mut end)?;
    }
    let mut out = Vec::with_capacity(bytes.len());
    for (i, record) in all.iter().enumerate() {
        match replaced.get(&i) {
            Some(new) => out.extend_from_slice(new),
            None => out.extend_from_slice(&bytes[record.whole.clone()]),
        }
    }
    out.extend_from_slice(&end);
    Ok(out)
}

/// A field that operations touch, with its elements as they will be.
struct Touched<'a> {
    field: FieldDescriptor,
    elements: Vec<Element<'a>>,
}

/// An element of a list, or the one value of a field.
struct Element<'a> {
    source: Source<'a>,
    /// What happens within it.
    inner: Vec<Change<'a>>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    /// The record at this index.
    Old(usize),
    New(New<'a>),
}

impl<'a> Touched<'a> {
    fn new(field: FieldDescriptor, all: &[Record]) -> Touched<'a> {
        let number = field.number();
        let elements = all
            .iter()
            .enumerate()
            .filter(|(_, record)| record.number == number)
            .map(|(i, _)| Element { source: Source::Old(i), inner: Vec::new() })
            .collect();
        Touched { field, elements }
    }

    /// Notes one operation; its indices count what the ones before it leave.
    fn note(&mut self, change: Change<'a>, rest: &'a [Step]) -> Result<(), &'static str> {
        let list = self.field.is_list();
        let (index, rest) = match rest {
            [Step::Index(index), rest @ ..] if list => (*index, rest),
            [] if list && change.new.is_none() => {
                self.elements.clear();
                return Ok(());
            }
            _ if list => return Err("an element of the list is wanted"),
            // Of a repeated number or string the last one counts; a split message was refused when it was read.
            _ => (self.elements.len().saturating_sub(1), rest),
        };
        match (rest, change.new) {
            ([], Some(new)) => {
                let at = if list { index.min(self.elements.len()) } else { self.elements.len() };
                self.elements.insert(at, Element { source: Source::New(new), inner: Vec::new() });
            }
            ([], None) if index < self.elements.len() => {
                self.elements.remove(index);
            }
            ([], None) => {}
            (rest, new) => {
                let element = self.elements.get_mut(index).ok_or("there is no such message")?;
                element.inner.push(Change { path: rest, new });
            }
        }
        Ok(())
    }

    /// Writes what becomes of each of the field's records, and what comes after all records. A new element stands
    /// before the old one that follows it, else after the last old one, else at the end.
    fn write(
        self,
        message: &MessageDescriptor,
        bytes: &[u8],
        all: &[Record],
        replaced: &mut BTreeMap<usize, Vec<u8>>,
        end: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        let number = self.field.number();
        for (i, _) in all.iter().enumerate().filter(|(_, record)| record.number == number) {
            replaced.insert(i, Vec::new());
        }
        let mut waiting = Vec::new();
        let mut last = None;
        for element in &self.elements {
            match element.source {
                Source::Old(i) => {
                    write_element(&self.field, message, bytes, &all[i], &element.inner, &mut waiting)?;
                    replaced.insert(i, std::mem::take(&mut waiting));
                    last = Some(i);
                }
                Source::New(new) => {
                    let encoded = new.encode(message, &self.field)?;
                    let record = records(&encoded).map_err(|cause| malformed(message, cause))?;
                    for record in &record {
                        write_element(&self.field, message, &encoded, record, &element.inner, &mut waiting)?;
                    }
                }
            }
        }
        match last.and_then(|i| replaced.get_mut(&i)) {
            Some(after) => after.extend_from_slice(&waiting),
            None => end.extend_from_slice(&waiting),
        }
        Ok(())
    }
}

/// Appends one record, with the operations within it done.
fn write_element(
    field: &FieldDescriptor,
    message: &MessageDescriptor,
    bytes: &[u8],
    record: &Record,
    inner: &[Change<'_>],
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let Some(first) = inner.first() else {
        out.extend_from_slice(&bytes[record.whole.clone()]);
        return Ok(());
    };
    let Kind::Message(kind) = field.kind() else {
        return Err(first.misfit(message, "there is no such message"));
    };
    let Payload::Bytes(range) = &record.payload else {
        return Err(malformed(message, "a field has another type than it should"));
    };
    let payload = apply(&kind, &bytes[range.clone()], inner)?;
    write_record(bytes, record, &payload, out);
    Ok(())
}

/// Appends a record with another payload. The tag stays as it is written.
fn write_record(bytes: &[u8], record: &Record, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&bytes[record.tag.clone()]);
    push_varint(out, payload.len() as u64);
    out.extend_from_slice(payload);
}

/// An `Any` is entered without a step of its own, as in text.
fn apply_any(
    message: &MessageDescriptor,
    bytes: &[u8],
    changes: &[Change<'_>],
) -> Result<Vec<u8>, WireError> {
    let any = Any::read(message, bytes)?;
    let (Some(inner), Some(range)) = (any.inner, any.value) else {
        // There is an operation, or nobody would have come here.
        return changes.first().map_or_else(
            || Ok(bytes.to_vec()),
            |change| Err(change.misfit(message, &format!("nothing is known inside a {}", any.type_url))),
        );
    };
    let changed = apply(&inner, &bytes[range.clone()], changes)?;
    let mut out = Vec::with_capacity(bytes.len());
    for record in records(bytes).map_err(|cause| malformed(message, cause))? {
        if record.payload == Payload::Bytes(range.clone()) {
            write_record(bytes, &record, &changed, &mut out);
        } else {
            out.extend_from_slice(&bytes[record.whole.clone()]);
        }
    }
    Ok(out)
}

/// Metadata is changed key by key.
fn apply_struct(
    message: &MessageDescriptor,
    bytes: &[u8],
    changes: &[Change<'_>],
) -> Result<Vec<u8>, WireError> {
    let mut out = bytes.to_vec();
    for change in changes {
        let [Step::Field(key)] = change.path else {
            return Err(change.misfit(message, "metadata is written key by key"));
        };
        if let Some(new) = change.new {
            out.extend_from_slice(&encode_field(message, key, new.value.clone())?);
            continue;
        }
        for record in records(&out).map_err(|cause| malformed(message, cause))?.iter().rev() {
            if let (1, Payload::Bytes(range)) = (record.number, &record.payload)
                && entry_key(&out[range.clone()]).map_err(|cause| malformed(message, cause))?
                    == key.as_bytes()
            {
                out.drain(record.whole.clone());
            }
        }
    }
    Ok(out)
}

/// One field of a message, encoded.
fn encode_field(message: &MessageDescriptor, name: &str, value: Value) -> Result<Vec<u8>, WireError> {
    descriptors::encode(message, &Value::Map(vec![(name.to_owned(), value)].into())).map_err(|cause| {
        WireError::Edit { path: name.to_owned(), message: message.full_name().to_owned(), cause }
    })
}
