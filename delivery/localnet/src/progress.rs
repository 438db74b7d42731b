//! How long work says what it is doing, without knowing whether anybody watches.

/// Is told each step of work that takes a while.
pub trait Progress: Send + Sync {
    /// A step begins; `text` is a short phrase without a full stop, such as `Starting 2 Envoys`.
    fn step(&self, text: &str);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _text: &str) {}
}
