//! An edit as data: where, who asked for it, what.

use std::fmt;

use burgee_api::Origin;

use crate::value::Value;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A field by its name in the protobuf definition (snake_case), or a map's key.
    Field(String),
    /// An element of a list.
    Index(usize),
}

/// A place in a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path of a field below this one.
    #[must_use]
    pub fn field(&self, name: impl Into<String>) -> Path {
        self.then(Step::Field(name.into()))
    }

    /// The path of an element below this one.
    #[must_use]
    pub fn index(&self, index: usize) -> Path {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if i == 0 => write!(f, "{name}")?,
                Step::Field(name) if name.contains(['.', '/']) => write!(f, "[{name:?}]")?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Who asked for an edit: the values of documents, and rules, that it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Every origin, without repeats, the decisive one first.
    pub origins: Vec<Origin>,
}

impl Owner {
    /// Who asked, without repeats, in the order given.
    pub fn of<'a>(origins: impl IntoIterator<Item = &'a Origin>) -> Owner {
        let mut seen: Vec<Origin> = Vec::new();
        for origin in origins {
            if !seen.contains(origin) {
                seen.push(origin.clone());
            }
        }
        Owner { origins: seen }
    }

    /// A rule, where no document asked.
    pub fn rule(rule: &'static str) -> Owner {
        Owner { origins: vec![Origin::Rule(rule)] }
    }
}

/// An edit: `value` is inserted at `path`. The last step is the index that the value will have in its list, or the
/// name of a field that the base does not have (or has as null).
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Where.
    pub path: Path,
    /// Who asked for it.
    pub owner: Owner,
    /// What is inserted.
    pub value: Value,
}
