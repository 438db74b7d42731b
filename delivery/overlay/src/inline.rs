//! Modules that go to a proxy with its configuration, for proxies that share no file system with whoever configures them.

use std::fmt;

use bytes::Bytes;
use data_encoding::BASE64;

/// The bytes of a module. Copies have them in common.
#[derive(Clone, PartialEq, Eq)]
pub struct InlineModule(Bytes);

impl InlineModule {
    /// A module of these bytes, which are copied. [`From`] takes bytes that are in common already.
    pub fn new(bytes: &[u8]) -> InlineModule {
        InlineModule(Bytes::copy_from_slice(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes in base64, as texts have them. It is made anew each time.
    pub fn base64(&self) -> String {
        BASE64.encode(&self.0)
    }
}

impl From<Bytes> for InlineModule {
    fn from(bytes: Bytes) -> InlineModule {
        InlineModule(bytes)
    }
}

impl fmt::Debug for InlineModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InlineModule({} bytes)", self.0.len())
    }
}
