//! Encoded responses: their resources go on as the bytes that they are, whatever is in them.

use burgee_api::document::tree::Source;
use burgee_api::problem::{Code, Problem, Severity};
use bytes::{Buf as _, Bytes};
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_reflect::DynamicMessage;

use super::contents::{Found, WRAPPER, holds_nothing};
use super::descriptors;
use super::text::start;
use crate::{codes, wire};

/// The resources of an encoded `DiscoveryResponse`, and what is wrong with it.
pub(super) fn read(source: &Source, bytes: &Bytes) -> (Vec<Found>, Vec<Problem>) {
    let response = match wire::DiscoveryResponse::decode(bytes.clone()) {
        Ok(response) => response,
        Err(error) => {
            let problem = tell(source, "", codes::NOT_A_RESPONSE, error.to_string())
                .help("a file `.pb` is one encoded envoy.service.discovery.v3.DiscoveryResponse");
            return (Vec::new(), vec![problem]);
        }
    };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (index, resource) in response.resources.into_iter().enumerate() {
        let path = format!("resources[{index}]");
        match resource_of(source, &path, resource) {
            Ok(resource) => found.push(resource),
            Err(problem) => problems.push(*problem),
        }
    }
    if found.is_empty() && problems.is_empty() {
        problems.push(holds_nothing(source));
    }
    (found, problems)
}

fn resource_of(source: &Source, path: &str, bytes: Bytes) -> Result<Found, Box<Problem>> {
    let no_any = |cause: String| {
        let problem = tell(source, path, codes::NOT_A_RESPONSE, cause);
        Box::new(problem.help("each resource is a google.protobuf.Any with a type"))
    };
    let mut any = wire::Any::decode(bytes).map_err(|error| no_any(error.to_string()))?;
    let mut name = None;
    if descriptors::full_name(&any.type_url) == WRAPPER {
        let wrapper = wire::Resource::decode(any.value).map_err(|error| no_any(error.to_string()))?;
        name = Some(wrapper.name).filter(|name| !name.is_empty());
        any = wrapper.resource.ok_or_else(|| no_any("a wrapper without a resource in it".to_owned()))?;
    }
    if !any.type_url.contains('/') || descriptors::full_name(&any.type_url).is_empty() {
        return Err(no_any(format!("{:?} is no URL of a type", any.type_url)));
    }
    let full_name = descriptors::full_name(&any.type_url).to_owned();
    let message = descriptors::message(&any.type_url);
    if let Some(message) = &message {
        DynamicMessage::decode(message.clone(), any.value.clone())
            .map_err(|error| no_any(format!("this is not a {full_name}: {error}")))?;
    }
    // Nearly every resource has its name there, so a type that is not known likely has.
    let number = match &message {
        Some(message) => descriptors::name_field(message).map(|field| field.number()),
        None => Some(1),
    };
    let own = || number.and_then(|number| text_field(&any.value, number)).filter(|name| is_name(name));
    let Some(name) = name.or_else(own) else {
        let why = match &message {
            Some(_) => "",
            None => ": its type is not known here, and its first field is not a string",
        };
        let message = format!("a {full_name} without a name{why}");
        let help = format!("wrap it in a {WRAPPER}, which says its name");
        return Err(Box::new(tell(source, path, codes::NAMELESS, message).help(help)));
    };
    let place = start(&source.name);
    Ok(Found { type_url: any.type_url, name, value: any.value, place, path: path.to_owned() })
}

fn tell(source: &Source, path: &str, code: Code, message: String) -> Problem {
    Problem::new(Severity::Error, code, message).at(start(&source.name), path)
}

/// Whether a string can be meant as a name. A message in the place of a string mostly has bytes that no name has.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// The string in a field of an encoded message: the last one, as decoders have it; none if there is none or it is no
/// string.
pub(super) fn text_field(mut bytes: &[u8], number: u32) -> Option<String> {
    let mut text = None;
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes).ok()?;
        if tag != number {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).ok()?;
            continue;
        }
        if wire_type != WireType::LengthDelimited {
            return None;
        }
        let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
        let value = bytes.get(..length)?;
        text = Some(std::str::from_utf8(value).ok()?.to_owned());
        bytes.advance(length);
    }
    text
}
