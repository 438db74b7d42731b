//! Envoy's message descriptors, compiled by the build script.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::value::Value;
use crate::wire::canonical;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/envoy.bin")).as_slice();
    // What the build script wrote is what is read here; only a broken build could fail.
    DescriptorPool::decode(bytes).unwrap_or_default()
});

/// The descriptor of a message by its full name, if it is one that the overlay enters or writes.
pub(crate) fn message(full_name: &str) -> Option<MessageDescriptor> {
    POOL.get_message_by_name(full_name)
}

/// Encodes a value as a message. Fields come in the order of their numbers and entries of maps in that of their bytes,
/// so the same value gives the same bytes.
pub(crate) fn encode(message: &MessageDescriptor, value: &Value) -> Result<Vec<u8>, String> {
    use prost_reflect::prost::Message as _;
    let encoded = DynamicMessage::deserialize(message.clone(), value.to_serde())
        .map(|message| message.encode_to_vec())
        .map_err(|error| error.to_string())?;
    canonical::order_maps(message, &encoded).map_err(str::to_owned)
}
