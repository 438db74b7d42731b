//! Everything that was said of one field, so that it can be told what the value in force overrode.

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

    /// What is in force; absent: nothing was said.
    pub fn in_force(&self) -> Option<&'t T> {
        self.0.last().copied()
    }
}
