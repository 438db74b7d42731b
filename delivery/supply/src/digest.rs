//! Digests, by which everything is known that does not change.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The SHA-256 of bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The same as registries write it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}
