//! Records of OTLP: values of every kind as text or JSON, identifiers as hexadecimal. Pure.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;
use serde_json::Value;

use super::{Broken, Source, hexadecimal};
use crate::mend;
use crate::protocol::{Log, Record, Span};

/// The records of logs of a batch, in their order.
pub(super) fn logs(source: &Source, mut batch: Vec<u8>) -> Result<Vec<Record>, Broken> {
    mend::message(&mut batch, &mend::LOGS);
    let batch = ExportLogsServiceRequest::decode(&*batch)?;
    let scopes = batch.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    Ok(scopes.flat_map(|scope| scope.log_records).map(|record| Record::Log(log(source, record))).collect())
}

fn log(source: &Source, record: LogRecord) -> Log {
    let time_ns = match record.time_unix_nano {
        0 => record.observed_time_unix_nano,
        time => time,
    };
    Log {
        protocol: source.protocol,
        reporter: source.reporter.clone(),
        time_ns,
        body: record.body.map(|body| text(json(body))).unwrap_or_default(),
        attributes: record.attributes.into_iter().map(pair).collect(),
    }
}

/// The spans of a batch, in their order.
pub(super) fn spans(source: &Source, mut batch: Vec<u8>) -> Result<Vec<Record>, Broken> {
    mend::message(&mut batch, &mend::SPANS);
    let mut records = Vec::new();
    for resource in ExportTraceServiceRequest::decode(&*batch)?.resource_spans {
        let of = texts(resource.resource.map(|resource| resource.attributes).unwrap_or_default());
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        records.extend(spans.map(|span| Record::Span(self::span(source, &of, span))));
    }
    Ok(records)
}

fn span(source: &Source, resource: &BTreeMap<String, String>, span: OtlpSpan) -> Span {
    let kind = match span.kind() {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Internal => "internal",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Unspecified => "unspecified",
    };
    // A root is written without a parent, or with one that is all zeros.
    let has_parent = span.parent_span_id.iter().any(|byte| *byte != 0);
    Span {
        protocol: source.protocol,
        reporter: source.reporter.clone(),
        resource: resource.clone(),
        trace_id: hexadecimal(&span.trace_id),
        span_id: hexadecimal(&span.span_id),
        parent_span_id: has_parent.then(|| hexadecimal(&span.parent_span_id)),
        kind: kind.to_owned(),
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        is_error: span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error),
        tags: texts(span.attributes),
        name: span.name,
    }
}

fn pair(attribute: KeyValue) -> (String, Value) {
    (attribute.key, attribute.value.map_or(Value::Null, json))
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(pair).map(|(key, value)| (key, text(value))).collect()
}

/// A value as JSON. What JSON has no number for (`NaN`, infinity) becomes text.
fn json(value: AnyValue) -> Value {
    match value.value {
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::BoolValue(value)) => value.into(),
        Some(Kind::IntValue(value)) => value.into(),
        Some(Kind::DoubleValue(value)) if value.is_finite() => value.into(),
        Some(Kind::DoubleValue(value)) => value.to_string().into(),
        Some(Kind::ArrayValue(array)) => array.values.into_iter().map(json).collect(),
        Some(Kind::KvlistValue(list)) => Value::Object(list.values.into_iter().map(pair).collect()),
        Some(Kind::BytesValue(bytes)) => hexadecimal(&bytes).into(),
        // An index into a table that logs and spans do not have.
        Some(Kind::StringValueStrindex(_)) | None => Value::Null,
    }
}

/// Text as it is, nothing as nothing, the rest as JSON.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
    use serde_json::json;

    fn nobody() -> Source {
        Source { protocol: Protocol::OtlpGrpc, reporter: None }
    }

    fn mk(kind: Kind) -> AnyValue {
        AnyValue { value: Some(kind) }
    }

    #[test]
    fn values_of_every_kind_become_json_and_text() {
        let list = KeyValueList {
            values: vec![
                KeyValue { key: "a".to_owned(), value: Some(mk(Kind::IntValue(1))), ..KeyValue::default() },
                KeyValue { key: "b".to_owned(), value: None, ..KeyValue::default() },
            ],
        };
        let array =
            ArrayValue { values: vec![mk(Kind::BoolValue(false)), mk(Kind::StringValue("x".to_owned()))] };
        for (value, as_json, as_text) in [
            (mk(Kind::StringValue("a \"b\"".to_owned())), json!("a \"b\""), "a \"b\""),
            (mk(Kind::BoolValue(true)), json!(true), "true"),
            (mk(Kind::IntValue(i64::MIN)), json!(i64::MIN), "-9223372036854775808"),
            (mk(Kind::DoubleValue(1.5)), json!(1.5), "1.5"),
            (mk(Kind::DoubleValue(f64::NAN)), json!("NaN"), "NaN"),
            (mk(Kind::DoubleValue(f64::INFINITY)), json!("inf"), "inf"),
            (mk(Kind::ArrayValue(array)), json!([false, "x"]), "[false,\"x\"]"),
            (mk(Kind::KvlistValue(list)), json!({"a": 1, "b": null}), "{\"a\":1,\"b\":null}"),
            (mk(Kind::BytesValue(vec![0, 255])), json!("00ff"), "00ff"),
            (mk(Kind::StringValueStrindex(1)), Value::Null, ""),
            (AnyValue { value: None }, Value::Null, ""),
        ] {
            let converted = json(value);
            assert_eq!(converted, as_json);
            assert_eq!(text(converted), as_text);
        }
    }

    #[test]
    fn a_root_has_no_parent() {
        for (parent, expected) in
            [(vec![], None), (vec![0; 8], None), (vec![0, 0, 0, 0, 0, 0, 0, 171], Some("00000000000000ab"))]
        {
            let otlp = OtlpSpan { parent_span_id: parent, ..OtlpSpan::default() };
            assert_eq!(span(&nobody(), &BTreeMap::new(), otlp).parent_span_id.as_deref(), expected);
        }
    }

    #[test]
    fn a_record_without_its_time_has_the_time_at_which_it_was_seen() {
        for (time, seen, expected) in [(5, 7, 5), (0, 7, 7), (0, 0, 0)] {
            let record =
                LogRecord { time_unix_nano: time, observed_time_unix_nano: seen, ..LogRecord::default() };
            assert_eq!(log(&nobody(), record).time_ns, expected);
        }
    }
}
