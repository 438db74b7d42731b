//! Everything that was said of one field, so that it can be told what the value in force overrode.

use crate::origin::Traced;

/// What was said of a field, in the order of contribution: the last is in force, the others are overridden.
#[derive(Debug)]
pub(crate) struct Said<'t, T: ?Sized>(Vec<&'t T>);

impl<T: ?Sized> Default for Said<'_, T> {
    fn default() -> Self {
        Said(Vec::new())
    }
}

impl<'t, T: ?Sized> Said<'t, T> {
    /// What is said before any Telemetry, if anything is.
    pub fn first(said: Option<&'t T>) -> Self {
        Said(said.into_iter().collect())
    }

    /// One more contribution; absent: it says nothing of the field.
    pub fn add(&mut self, said: Option<&'t T>) {
        self.0.extend(said);
    }

    /// Everything that was said, after what was said before.
    pub fn then(mut self, said: &Said<'t, T>) -> Self {
        self.0.extend_from_slice(&said.0);
        self
    }

    /// What is in force no longer, in the order of contribution.
    pub fn overridden(&self) -> &[&'t T] {
        self.0.split_last().map_or(&[], |(_, overridden)| overridden)
    }

    /// What is in force; absent: nothing was said.
    pub fn in_force(&self) -> Option<&'t T> {
        self.0.last().copied()
    }
}

/// A field that always has a value: the one in force, and those that it overrode in the order of contribution.
#[derive(Debug)]
pub(crate) struct Decided<T> {
    /// The value in force.
    pub in_force: Traced<T>,
    /// What it overrode; what holds by default is the first.
    pub overridden: Vec<Traced<T>>,
}

impl<T: Clone> Decided<T> {
    /// What holds when nothing is said.
    pub fn by_default(default: Traced<T>) -> Self {
        Decided { in_force: default, overridden: Vec::new() }
    }

    /// One more contribution, if there is one.
    pub fn add(&mut self, said: Option<Traced<T>>) {
        if let Some(said) = said {
            self.overridden.push(std::mem::replace(&mut self.in_force, said));
        }
    }

    /// Everything that was said, after what was said before.
    pub fn then(mut self, said: &Said<'_, Traced<T>>) -> Self {
        said.0.iter().for_each(|said| self.add(Some((*said).clone())));
        self
    }
}
