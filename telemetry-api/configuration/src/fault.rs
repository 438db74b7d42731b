//! What is wrong in a value: where, what, and what is allowed.

use jsonschema::ValidationError;
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

use crate::{forms, keyword};

/// A part of a value's path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A name of an object.
    Name(String),
    /// A place in a list.
    Index(usize),
}

/// What at a path is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// The name that the path ends with.
    Name,
    /// The value there.
    Value,
}

/// Which kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A name that is not known.
    Unknown,
    /// Something is missing that must be there.
    Missing,
    /// A value that is not allowed.
    Value,
    /// The schema itself cannot be applied.
    Schema,
}

/// Something in a value that its schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub path: Vec<Step>,
    /// What of it.
    pub spot: Spot,
    /// Which kind.
    pub kind: Kind,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What is allowed and what to do; may be empty.
    pub help: String,
}

/// The faults that an error of the validator stands for.
pub(crate) fn of(schema: &Value, error: &ValidationError<'_>) -> Vec<Fault> {
    forms::of(schema, error).unwrap_or_else(|| keyword::of(schema, error))
}

/// A path of the validator's.
pub(crate) fn path(location: &Location) -> Vec<Step> {
    let step = |segment: LocationSegment<'_>| match segment {
        LocationSegment::Property(name) => Step::Name(name.into_owned()),
        LocationSegment::Index(index) => Step::Index(index),
    };
    location.segments().map(step).collect()
}

impl Fault {
    /// A value that is not allowed.
    pub(crate) fn value(path: Vec<Step>, message: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault { path, spot: Spot::Value, kind: Kind::Value, message: message.into(), help: help.into() }
    }

    /// A name that is not known.
    pub(crate) fn unknown(mut path: Vec<Step>, name: &str, help: String) -> Fault {
        let message = format!("there is no field `{}` here", crate::words::short(name));
        path.push(Step::Name(name.to_owned()));
        Fault { path, spot: Spot::Name, kind: Kind::Unknown, message, help }
    }
}
