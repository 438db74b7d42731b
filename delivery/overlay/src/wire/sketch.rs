//! Reads of an encoded message just what a plan asks for, as a tree.
//!
//! Fields that no plan asks for are noted by their number alone, so that a message with something in it never looks
//! empty.

use std::collections::BTreeSet;

use burgee_api::resolve::ListenerClass;
use prost_reflect::{Kind, MessageDescriptor};

use super::record::{Payload, records};
use super::{MAX_DEPTH, WireError};
use crate::value::{Shared, Value};
use crate::{descriptors, mark, view};

pub(super) const ANY: &str = "google.protobuf.Any";
pub(super) const STRUCT: &str = "google.protobuf.Struct";
/// A number that can be absent, which texts write as the number itself.
const NUMBER: &str = "google.protobuf.UInt32Value";
/// A boolean that can be absent.
const BOOLEAN: &str = "google.protobuf.BoolValue";

/// The fields that a plan asks for, by message.
fn wanted(message: &str) -> &'static [&'static str] {
    match message {
        view::BOOTSTRAP => &["static_resources", "dynamic_resources", "stats_config", "node"],
        "envoy.config.bootstrap.v3.Bootstrap.StaticResources" => &["listeners", "clusters"],
        view::CLUSTER => &["name", "metadata"],
        "envoy.config.core.v3.Metadata" => &["filter_metadata"],
        "envoy.config.core.v3.Node" => &["id", "cluster", "metadata"],
        "envoy.config.metrics.v3.StatsConfig" => &["stats_tags", "stats_matcher"],
        "envoy.config.bootstrap.v3.Bootstrap.DynamicResources" => {
            &["lds_config", "lds_resources_locator", "ads_config", "cds_config", "cds_resources_locator"]
        }
        "envoy.config.metrics.v3.TagSpecifier" => &["tag_name", "regex", "fixed_value"],
        "envoy.config.metrics.v3.StatsMatcher" => &["reject_all", "inclusion_list", "exclusion_list"],
        "envoy.type.matcher.v3.ListStringMatcher" => &["patterns"],
        "envoy.type.matcher.v3.StringMatcher" => &["exact", "prefix", "suffix", "contains", "ignore_case"],
        view::RESPONSE => &["resources", "type_url"],
        view::RESOURCE => &["resource"],
        view::LISTENER => &[
            "name",
            "address",
            "traffic_direction",
            "filter_chains",
            "default_filter_chain",
            "api_listener",
            "access_log",
            "use_original_dst",
        ],
        "envoy.config.core.v3.Address" => &["socket_address"],
        "envoy.config.core.v3.SocketAddress" => &["port_value"],
        "envoy.config.listener.v3.ApiListener" => &["api_listener"],
        "envoy.config.listener.v3.FilterChain" => &["filter_chain_match", "filters", "transport_socket"],
        "envoy.config.listener.v3.FilterChainMatch" => &["destination_port"],
        "envoy.config.listener.v3.Filter" => &["name", "typed_config", "config_discovery"],
        view::MANAGER => &["http_filters", "access_log", "tracing", "request_id_extension"],
        view::TCP_PROXY => &["access_log", "cluster"],
        "envoy.config.accesslog.v3.AccessLog" => &["name", "typed_config"],
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing" => {
            &["custom_tags", "provider"]
        }
        "envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension" => &["typed_config"],
        "envoy.config.trace.v3.Tracing.Http" => &["name", "typed_config"],
        "envoy.type.tracing.v3.CustomTag" => &["tag", "environment"],
        "envoy.type.tracing.v3.CustomTag.Environment" => &["name"],
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter" => {
            &["name", "typed_config", "config_discovery"]
        }
        view::WASM | view::NETWORK_WASM => &["config"],
        view::GRPC_STATS => &["emit_filter_state"],
        view::RBAC => &["rules_stat_prefix"],
        view::NETWORK_RBAC | view::LUA => &["stat_prefix"],
        "envoy.extensions.wasm.v3.PluginConfig" => &["root_id", "vm_config"],
        "envoy.extensions.wasm.v3.VmConfig" => &["vm_id"],
        "envoy.config.core.v3.ExtensionConfigSource" => &["config_source", "type_urls"],
        "envoy.config.core.v3.ConfigSource" => &["path_config_source", "ads"],
        "envoy.config.core.v3.PathConfigSource" => &["path"],
        _ => &[],
    }
}

/// The tree of what a plan asks for.
pub(super) fn sketch(message: &MessageDescriptor, bytes: &[u8]) -> Result<Value, WireError> {
    read(message, bytes, 0)
}

fn read(message: &MessageDescriptor, bytes: &[u8], depth: usize) -> Result<Value, WireError> {
    let malformed = |cause| WireError::Malformed { message: message.full_name().to_owned(), cause };
    let wanted = if depth < MAX_DEPTH { wanted(message.full_name()) } else { &[] };
    // Where each wanted field stands in the result; the others are noted once, however often they come.
    let mut places: Vec<Option<usize>> = vec![None; wanted.len()];
    let mut others = BTreeSet::new();
    let mut fields: Vec<(String, Value)> = Vec::new();
    for record in records(bytes).map_err(malformed)? {
        let field = message.get_field(record.number);
        let place = field.as_ref().and_then(|field| wanted.iter().position(|name| *name == field.name()));
        let (Some(field), Some(place)) = (field, place.and_then(|place| places.get_mut(place))) else {
            others.insert(record.number);
            continue;
        };
        let value = match (field.kind(), &record.payload) {
            (Kind::String, Payload::Bytes(range)) => std::str::from_utf8(&bytes[range.clone()])
                .map(Value::string)
                .map_err(|_| malformed("a string is not UTF-8"))?,
            (Kind::Message(entry), Payload::Bytes(range)) if field.is_map() => {
                read_entry(&entry, &bytes[range.clone()])?
            }
            (Kind::Message(inner), Payload::Bytes(range)) => {
                read_message(&inner, &bytes[range.clone()], depth + 1)?
            }
            (Kind::Bool, Payload::Varint(number)) => Value::Bool(*number != 0),
            (Kind::Uint32, Payload::Varint(number)) => Value::Int(i64::try_from(*number).unwrap_or(i64::MAX)),
            (Kind::Enum(_), Payload::Varint(number)) => read_direction(*number),
            _ => return Err(malformed("a field has another type than it should")),
        };
        let earlier = place.and_then(|place| fields.get_mut(place));
        match (earlier, field.is_list()) {
            (None, list) => {
                *place = Some(fields.len());
                let value = if list { Value::List(vec![value].into()) } else { value };
                fields.push((field.name().to_owned(), value));
            }
            (Some((_, Value::List(items))), true) => items.push(value),
            (Some((_, Value::Map(known))), false) if field.is_map() => join(known, value),
            (Some((name, Value::Map(_))), false) => {
                return Err(WireError::Split {
                    message: message.full_name().to_owned(),
                    field: name.clone(),
                });
            }
            // Of a repeated number or string the last one counts.
            (Some((_, earlier)), _) => *earlier = value,
        }
    }
    fields.extend(others.into_iter().map(something));
    Ok(Value::Map(fields.into()))
}

/// That a field is there which no plan asks for.
fn something(number: u32) -> (String, Value) {
    (format!("#{number}"), Value::Bool(true))
}

/// The only enumeration that a plan asks for is the traffic direction.
fn read_direction(number: u64) -> Value {
    let class = match number {
        1 => Some(ListenerClass::Inbound),
        2 => Some(ListenerClass::Outbound),
        _ => None,
    };
    Value::string(class.map(|class| class.name().to_ascii_uppercase()).unwrap_or_default())
}

fn read_message(message: &MessageDescriptor, bytes: &[u8], depth: usize) -> Result<Value, WireError> {
    match message.full_name() {
        ANY => {
            let any = Any::read(message, bytes)?;
            let type_url = ("@type".to_owned(), Value::string(any.type_url));
            let mut fields = vec![type_url];
            if let Some(url) = any.typed_struct(bytes) {
                fields.push(("type_url".to_owned(), Value::string(url)));
            }
            if let (Some(inner), Some(range)) = (any.inner, any.value)
                && let Value::Map(more) = read(&inner, &bytes[range], depth + 1)?
            {
                fields.extend(more);
            }
            Ok(Value::Map(fields.into()))
        }
        STRUCT => read_note(message, bytes),
        NUMBER => Ok(Value::Int(i64::try_from(read_wrapped(message, bytes)?).unwrap_or(i64::MAX))),
        BOOLEAN => Ok(Value::Bool(read_wrapped(message, bytes)? != 0)),
        _ => read(message, bytes, depth),
    }
}

/// The one field of a wrapper. Of a repeated field the last one counts.
fn read_wrapped(message: &MessageDescriptor, bytes: &[u8]) -> Result<u64, WireError> {
    let malformed = |cause| WireError::Malformed { message: message.full_name().to_owned(), cause };
    let mut value = 0;
    for record in records(bytes).map_err(malformed)? {
        if let (1, Payload::Varint(number)) = (record.number, record.payload) {
            value = number;
        }
    }
    Ok(value)
}

/// An encoded `Any`.
pub(super) struct Any<'a> {
    pub type_url: &'a str,
    /// The descriptor of what is inside, if it is something that a plan asks for.
    pub inner: Option<MessageDescriptor>,
    /// Where the inner message's bytes stand; `None` when the field is not there, which means an empty message.
    pub value: Option<std::ops::Range<usize>>,
}

impl<'a> Any<'a> {
    /// Reads an `Any`. Of a repeated field the last one counts.
    pub fn read(message: &MessageDescriptor, bytes: &'a [u8]) -> Result<Any<'a>, WireError> {
        let malformed = |cause| WireError::Malformed { message: message.full_name().to_owned(), cause };
        let mut any = Any { type_url: "", inner: None, value: None };
        for record in records(bytes).map_err(malformed)? {
            match (record.number, record.payload) {
                (1, Payload::Bytes(range)) => {
                    any.type_url =
                        std::str::from_utf8(&bytes[range]).map_err(|_| malformed("a string is not UTF-8"))?;
                }
                (2, Payload::Bytes(range)) => any.value = Some(range),
                (1 | 2, _) => return Err(malformed("a field has another type than it should")),
                _ => {}
            }
        }
        let name = any.type_url.rsplit('/').next().unwrap_or(any.type_url);
        any.inner = (!wanted(name).is_empty()).then(|| descriptors::message(name)).flatten();
        Ok(any)
    }

    /// What a `TypedStruct` stands for. The descriptors do not have that type; its first field is the type's URL.
    fn typed_struct(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let name = self.type_url.rsplit('/').next()?;
        let inner = &bytes[self.value.clone().filter(|_| view::TYPED_STRUCTS.contains(&name))?];
        let url = records(inner).ok()?.into_iter().rev().find_map(|record| match record.payload {
            Payload::Bytes(range) if record.number == 1 => Some(range),
            _ => None,
        })?;
        std::str::from_utf8(&inner[url]).ok()
    }
}

/// Of a node's metadata only our note is read; other keys are noted as being there.
fn read_note(message: &MessageDescriptor, bytes: &[u8]) -> Result<Value, WireError> {
    use prost_reflect::DynamicMessage;
    let malformed = |cause| WireError::Malformed { message: message.full_name().to_owned(), cause };
    let mut fields = Shared::default();
    let mut others = BTreeSet::new();
    for record in records(bytes).map_err(malformed)? {
        let key = match &record.payload {
            Payload::Bytes(range) if record.number == 1 => {
                Some(entry_key(&bytes[range.clone()]).map_err(malformed)?)
            }
            _ => None,
        };
        if key != Some(mark::KEY.as_bytes()) {
            others.insert(record.number);
            continue;
        }
        // Decoding the one record alone gives a struct with the one key.
        let note = DynamicMessage::decode(message.clone(), &bytes[record.whole.clone()])
            .map_err(|_| malformed("the overlay's note is not a value"))?;
        let note = serde_json::to_value(&note).map_err(|_| malformed("the overlay's note is not a value"))?;
        if let Value::Map(note) = Value::from_serde(note) {
            fields = note;
        }
    }
    fields.extend(others.into_iter().map(something));
    Ok(Value::Map(fields))
}

/// An entry of a map of structs. Only under the overlay's own key its value is read.
fn read_entry(entry: &MessageDescriptor, bytes: &[u8]) -> Result<Value, WireError> {
    use prost_reflect::DynamicMessage;
    let malformed = |cause| WireError::Malformed { message: entry.full_name().to_owned(), cause };
    if entry_key(bytes).map_err(malformed)? != mark::KEY.as_bytes() {
        return Ok(Value::Map(vec![something(1)].into()));
    }
    let decoded =
        DynamicMessage::decode(entry.clone(), bytes).map_err(|_| malformed("a value is not one"))?;
    let value = serde_json::to_value(decoded).map_err(|_| malformed("a value is not one"))?;
    let value = value.get("value").cloned().unwrap_or_default();
    Ok(Value::Map(vec![(mark::KEY.to_owned(), Value::from_serde(value))].into()))
}

/// Adds the entries of a map to those before them. Of a repeated key the last one counts.
fn join(known: &mut Vec<(String, Value)>, more: Value) {
    let Value::Map(more) = more else { return };
    known.retain(|(key, _)| more.iter().all(|(other, _)| other != key));
    known.extend(more);
}

/// The key of a map's entry; absent means empty.
pub(super) fn entry_key(entry: &[u8]) -> Result<&[u8], &'static str> {
    let mut key = &[][..];
    for record in records(entry)? {
        if let (1, Payload::Bytes(range)) = (record.number, record.payload) {
            key = &entry[range];
        }
    }
    Ok(key)
}
