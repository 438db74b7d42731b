//! An input as a case that can be put into a file of cases.

use data_encoding::HEXLOWER;

use crate::cases::format::{Answer, Case, Close, Failing, Failure, Message, Step, Transfer};
use crate::cases::values::{Data, Headers, Ordered, PropertyValue, Text, WrittenData};

/// The case in YAML.
pub(super) fn case(case: &Case, name: &str) -> String {
    let mut out = format!("- name: {}\n", quoted(name));
    let setup = &case.setup;
    if let Some(config) = &setup.config {
        out.push_str(&format!("  config: {}\n", config.0));
    }
    if let Some(config) = &setup.vm_config {
        out.push_str(&format!("  vmConfig: {}\n", config.0));
    }
    if let Some(id) = &setup.root_id {
        out.push_str(&format!("  rootId: {}\n", quoted(id)));
    }
    if let Some(Ordered(entries)) = &setup.environment {
        out.push_str(&map("environment", entries, |Text(value)| quoted(value)));
    }
    if let Some(Ordered(entries)) = &setup.properties {
        out.push_str(&map("properties", entries, |value| value.as_ref().map_or("null".to_owned(), property)));
    }
    if let Some(Ordered(entries)) = &setup.shared_data {
        out.push_str(&map("sharedData", entries, data));
    }
    if let Some(clusters) = &setup.clusters {
        let clusters: Vec<String> = clusters.iter().map(|cluster| quoted(cluster)).collect();
        out.push_str(&format!("  clusters: [{}]\n", clusters.join(", ")));
    }
    if let Some(Ordered(entries)) = &setup.failing {
        out.push_str(&map("failing", entries, |failing| failing_name(*failing).to_owned()));
    }
    if !case.steps.is_empty() {
        out.push_str("  steps:\n");
    }
    for each in &case.steps {
        out.push_str(&format!("  - {{{}}}\n", step(each).join(", ")));
    }
    out
}

fn map<V>(field: &str, entries: &[(String, V)], value: impl Fn(&V) -> String) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(key, entry)| format!("{}: {}", quoted(key), value(entry))).collect();
    format!("  {field}: {{{}}}\n", entries.join(", "))
}

fn step(step: &Step) -> Vec<String> {
    let mut parts: Vec<String> = step.stream.iter().map(|name| format!("stream: {}", quoted(name))).collect();
    for (field, part) in [("request", &step.request), ("response", &step.response)] {
        parts.extend(part.as_ref().map(|part| format!("{field}: {{{}}}", message(part).join(", "))));
    }
    for (field, part) in [("downstream", &step.downstream), ("upstream", &step.upstream)] {
        parts.extend(part.as_ref().map(|part| format!("{field}: {{{}}}", transfer(part).join(", "))));
    }
    parts.extend(step.answer.as_ref().map(|part| format!("answer: {{{}}}", answer(part).join(", "))));
    parts.extend(step.advance.map(|span| format!("advance: {}ms", span.0.as_millis())));
    parts.extend(step.close.map(|close| match close {
        Close::Done => "close: done".to_owned(),
        Close::Client => "close: client".to_owned(),
    }));
    if let Some(Ordered(entries)) = &step.set {
        let value = |value: &Option<PropertyValue>| value.as_ref().map_or("null".to_owned(), property);
        let entries: Vec<String> =
            entries.iter().map(|(key, entry)| format!("{}: {}", quoted(key), value(entry))).collect();
        parts.push(format!("set: {{{}}}", entries.join(", ")));
    }
    parts
}

fn message(message: &Message) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(message.headers.as_ref().map(|part| format!("headers: {}", headers(part))));
    parts.extend(message.bare.then(|| "bare: true".to_owned()));
    parts.extend(message.body.as_ref().map(|body| format!("body: {}", chunks(&body.chunks()))));
    parts.extend(message.trailers.as_ref().map(|part| format!("trailers: {}", headers(part))));
    parts.extend(message.end.map(|end| format!("end: {end}")));
    parts
}

fn transfer(transfer: &Transfer) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(transfer.data.as_ref().map(|chunk| format!("data: {}", chunks(&chunk.chunks()))));
    parts.extend(transfer.end.then(|| "end: true".to_owned()));
    parts
}

fn answer(answer: &Answer) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(answer.cluster.as_ref().map(|cluster| format!("cluster: {}", quoted(cluster))));
    parts.extend(answer.after.map(|span| format!("after: {}ms", span.0.as_millis())));
    parts.extend(answer.fails.map(|fails| match fails {
        Failure::Timeout => "fails: timeout".to_owned(),
        Failure::Reset => "fails: reset".to_owned(),
    }));
    parts.extend(answer.status.map(|status| format!("status: {status}")));
    for (field, part) in [("headers", &answer.headers), ("trailers", &answer.trailers)] {
        parts.extend((!part.pairs().is_empty()).then(|| format!("{field}: {}", headers(part))));
    }
    parts.extend(answer.body.as_ref().map(|body| format!("body: {}", data(body))));
    if !answer.messages.is_empty() {
        let messages: Vec<String> = answer.messages.iter().map(data).collect();
        parts.push(format!("messages: [{}]", messages.join(", ")));
    }
    parts.extend(answer.grpc_status.map(|status| format!("grpcStatus: {status}")));
    parts.extend(answer.grpc_message.as_ref().map(|Text(text)| format!("grpcMessage: {}", quoted(text))));
    parts
}

fn headers(headers: &Headers) -> String {
    let pair = |name: String, value: String| format!("[{name}, {value}]");
    let pairs: Vec<String> = match headers {
        Headers::Pairs(pairs) => pairs.iter().map(|(name, value)| pair(data(name), data(value))).collect(),
        Headers::ByName(_) => {
            headers.pairs().iter().map(|(name, value)| pair(bytes(name), bytes(value))).collect()
        }
    };
    format!("[{}]", pairs.join(", "))
}

fn chunks(chunks: &[&Data]) -> String {
    match chunks {
        [one] => data(one),
        several => format!("[{}]", several.iter().map(|chunk| data(chunk)).collect::<Vec<_>>().join(", ")),
    }
}

fn data(value: &Data) -> String {
    match value {
        Data::Text(Text(text)) => quoted(text),
        Data::Written(WrittenData { text: Some(Text(text)), times: Some(times), .. }) => {
            format!("{{text: {}, times: {times}}}", quoted(text))
        }
        Data::Written(_) => bytes(&value.bytes()),
    }
}

fn bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => quoted(text),
        Err(_) => format!("{{hex: {}}}", quoted(&HEXLOWER.encode(bytes))),
    }
}

/// A text in double quotes, as JSON has it, which YAML reads too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn property(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Bool(value) => value.to_string(),
        PropertyValue::Int(number) => number.to_string(),
        PropertyValue::Double(number) => format!("{number:?}"),
        PropertyValue::Text(text) => quoted(text),
        PropertyValue::Typed(typed) => {
            let texts =
                |texts: &[Text]| texts.iter().map(|Text(text)| quoted(text)).collect::<Vec<_>>().join(", ");
            let span = |name: &str, span: std::time::Duration| format!("{{{name}: {}ns}}", span.as_nanos());
            if let Some(duration) = typed.duration {
                return span("duration", duration.0);
            }
            if let Some(timestamp) = typed.timestamp {
                return span("timestamp", timestamp.0);
            }
            if let Some(Ordered(entries)) = &typed.map {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, Text(value))| format!("{}: {}", quoted(key), quoted(value)))
                    .collect();
                return format!("{{map: {{{}}}}}", entries.join(", "));
            }
            match &typed.list {
                Some(list) => format!("{{list: [{}]}}", texts(list)),
                None => format!("{{bytes: {}}}", quoted(&HEXLOWER.encode(&typed.bytes()))),
            }
        }
    }
}

/// A failing call's status as it is written.
pub(super) const fn failing_name(failing: Failing) -> &'static str {
    match failing {
        Failing::NotFound => "notFound",
        Failing::BadArgument => "badArgument",
        Failing::SerializationFailure => "serializationFailure",
        Failing::ParseFailure => "parseFailure",
        Failing::InvalidMemoryAccess => "invalidMemoryAccess",
        Failing::Empty => "empty",
        Failing::CasMismatch => "casMismatch",
        Failing::InternalFailure => "internalFailure",
        Failing::BrokenConnection => "brokenConnection",
        Failing::Unimplemented => "unimplemented",
    }
}
