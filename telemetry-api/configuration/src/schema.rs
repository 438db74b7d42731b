//! A JSON Schema, read and ready to judge values.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use crate::fault::{self, Fault};

/// The schema of a configuration.
pub struct Schema {
    pub(crate) value: Value,
    validator: Validator,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError(String);

impl SchemaError {
    pub(crate) const fn new(why: String) -> SchemaError {
        SchemaError(why)
    }
}

impl Schema {
    /// A schema as a text in JSON. What it refers to must be in it: nothing is fetched.
    ///
    /// # Errors
    /// If it is not JSON, or not a schema.
    pub fn read(text: &[u8]) -> Result<Schema, SchemaError> {
        let value: Value =
            serde_json::from_slice(text).map_err(|error| SchemaError(format!("it is not JSON: {error}")))?;
        let validator = jsonschema::validator_for(&value)
            .map_err(|error| SchemaError(format!("it is not a JSON Schema: {error}")))?;
        Ok(Schema { value, validator })
    }

    /// Everything in a value that the schema does not allow.
    pub fn faults(&self, value: &Value) -> Vec<Fault> {
        let errors = self.validator.iter_errors(value);
        let mut faults: Vec<Fault> = errors.flat_map(|error| fault::of(&self.value, &error)).collect();
        faults.sort();
        faults.dedup();
        faults
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.value)
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SchemaError {}
