//! The carrier for bytes: takes out and inserts in an encoded message, and keeps every other byte as it is.
//!
//! Only the path to an edit is read. Fields that the descriptors do not know, types that nobody knows and the order
//! of everything stay, which decoding and encoding again would not promise.

pub(crate) mod canonical;
mod record;
mod rewrite;
mod sketch;
pub(crate) mod splice;

pub use canonical::order_maps;

use burgee_api::Problem;
use burgee_api::resolve::Effective;

use crate::Options;
use crate::descriptors;
use crate::edit::Edit;
use crate::plan;
use crate::view::Shape;

/// How deep messages may nest on the way to an edit. Real configurations stay far below; what is deeper passes
/// through unread.
pub(crate) const MAX_DEPTH: usize = 64;

/// An encoded resource with a policy laid over it.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlaidBytes {
    /// The result: the very bytes that came in when there is nothing to change.
    pub bytes: Vec<u8>,
    /// What was laid over, in the order of the result.
    pub edits: Vec<Edit>,
    /// What is worth knowing.
    pub problems: Vec<Problem>,
    /// See [`crate::Overlaid::awaited_clusters`].
    pub awaited_clusters: Vec<String>,
}

/// Why bytes could not be overlaid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not an encoded message.
    #[error("{message}: not an encoded message: {cause}")]
    Malformed {
        /// The full name of the message that was being read.
        message: String,
        /// What is wrong with the bytes.
        cause: &'static str,
    },
    /// A field that holds one message stands there in several parts. Protobuf allows that, nobody writes it, and an
    /// edit could not say which part it means.
    #[error("{message}: the field {field} is split into several parts")]
    Split {
        /// The full name of the message.
        message: String,
        /// The field's name.
        field: String,
    },
    /// An edit does not fit the message: a fault of ours.
    #[error("an edit at {path} does not fit {message}: {cause}")]
    Edit {
        /// The edit's path, or what is left of it.
        path: String,
        /// The full name of the message.
        message: String,
        /// What does not fit.
        cause: String,
    },
}

/// Lays a policy over one encoded resource, such as an `envoy.config.listener.v3.Listener` or a
/// `envoy.config.bootstrap.v3.Bootstrap`. `message_type` is its full name or its type URL; resources of other types
/// come back as they are.
///
/// # Errors
///
/// The bytes are not such a message. Only what lies on the way to an edit is looked at.
pub fn overlay_resource(
    message_type: &str,
    bytes: &[u8],
    policy: &Effective,
    options: &Options,
) -> Result<OverlaidBytes, WireError> {
    let name = message_type.rsplit('/').next().unwrap_or(message_type);
    let shape = Shape::of_message(name);
    let Some(message) = descriptors::message(name).filter(|_| shape != Shape::Other) else {
        return Ok(OverlaidBytes {
            bytes: bytes.to_vec(),
            edits: Vec::new(),
            problems: Vec::new(),
            awaited_clusters: Vec::new(),
        });
    };
    let mut sketch = sketch::sketch(&message, bytes)?;
    let laid = plan::lay(&mut sketch, shape, policy, options);

    let out = rewrite::remove(&message, bytes, &laid.removals)?;
    let bytes = rewrite::insert(&message, &out, &laid.edits)?;
    let (edits, problems, awaited_clusters) = (laid.edits, laid.problems, laid.awaited);
    Ok(OverlaidBytes { bytes, edits, problems, awaited_clusters })
}

#[cfg(test)]
mod tests;
