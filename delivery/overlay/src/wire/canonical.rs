//! The same bytes for the same message: entries of maps in the order of their bytes.
//!
//! Protobuf leaves their order to the encoder, and ours takes that of a hash map.

use prost_reflect::{Kind, MessageDescriptor};

use super::record::{Payload, push_varint, records};
use super::sketch::ANY;

/// Orders the entries of every map in an encoded message, at any depth; within an `Any` too where the message's pool of
/// descriptors has its type.
///
/// # Errors
///
/// What is wrong with the bytes.
pub fn order_maps(message: &MessageDescriptor, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    if message.full_name() == ANY {
        return order_any(message, bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    // Entries of one map stand together, since fields come in the order of their numbers.
    let mut entries: (u32, Vec<Vec<u8>>) = (0, Vec::new());
    for record in records(bytes)? {
        let field = message.get_field(record.number);
        let mut written = bytes[record.whole.clone()].to_vec();
        if let Some(field) = &field
            && let (Kind::Message(inner), Payload::Bytes(range)) = (field.kind(), &record.payload)
        {
            let payload = order_maps(&inner, &bytes[range.clone()])?;
            written.truncate(record.tag.len());
            push_varint(&mut written, payload.len() as u64);
            written.extend_from_slice(&payload);
        }
        if record.number != entries.0 {
            flush(&mut entries.1, &mut out);
        }
        if field.is_some_and(|field| field.is_map()) {
            entries.0 = record.number;
            entries.1.push(written);
        } else {
            out.extend_from_slice(&written);
        }
    }
    flush(&mut entries.1, &mut out);
    Ok(out)
}

fn flush(entries: &mut Vec<Vec<u8>>, out: &mut Vec<u8>) {
    entries.sort();
    out.extend(entries.drain(..).flatten());
}

fn order_any(any: &MessageDescriptor, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let all = records(bytes)?;
    let url = all.iter().find_map(|record| match &record.payload {
        Payload::Bytes(range) if record.number == 1 => std::str::from_utf8(&bytes[range.clone()]).ok(),
        _ => None,
    });
    let name = url.unwrap_or_default();
    let inner = any.parent_pool().get_message_by_name(name.rsplit('/').next().unwrap_or(name));
    let mut out = Vec::with_capacity(bytes.len());
    for record in all {
        match (&inner, &record.payload) {
            (Some(inner), Payload::Bytes(range)) if record.number == 2 => {
                let payload = order_maps(inner, &bytes[range.clone()])?;
                out.extend_from_slice(&bytes[record.tag.clone()]);
                push_varint(&mut out, payload.len() as u64);
                out.extend_from_slice(&payload);
            }
            _ => out.extend_from_slice(&bytes[record.whole.clone()]),
        }
    }
    Ok(out)
}
