//! Modules that go to a proxy with its configuration, for proxies that share no file system with whoever configures them.

use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64;

/// The bytes of a module, as configurations have them: base64. Copies have the text in common.
#[derive(Clone, PartialEq, Eq)]
pub struct InlineModule(Arc<str>);

impl InlineModule {
    /// A module of these bytes.
    pub fn new(bytes: &[u8]) -> InlineModule {
        InlineModule(BASE64.encode(bytes).into())
    }

    /// The bytes in base64.
    pub fn base64(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InlineModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InlineModule({} characters)", self.0.len())
    }
}
