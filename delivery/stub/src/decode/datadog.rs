//! Traces as Datadog's agent takes them: MessagePack, a list of traces, each a list of spans. Pure.

use std::collections::BTreeMap;

use rmpv::Value;
use rmpv::decode::read_value_with_max_depth;

use super::{Broken, Source};
use crate::mend;
use crate::protocol::{REPORTER_METADATA, Record, Span};

/// How deep values may be in each other: those of traces are five deep.
const DEEPEST: usize = 16;
/// The tag with the upper half of a trace's identifier, on the first of its spans.
const UPPER_HALF: &str = "_dd.p.tid";

/// The measure that says on one of its spans whether a trace is kept: not when it is 0 or less.
const PRIORITY: &str = "_sampling_priority_v1";

/// The fields of a span by name; those that are lists or maps of something else are not asked for.
type Fields = BTreeMap<String, Value>;

/// The spans of every trace that is kept, in their order. Tracers send the others too; agents leave them out.
pub(super) fn spans(source: &Source, mut message: &[u8]) -> Result<Vec<Record>, Broken> {
    let value = read_value_with_max_depth(&mut message, DEEPEST)
        .map_err(|error| Broken(format!("it is no MessagePack: {error}")))?;
    let mut records = Vec::new();
    for trace in list(value)? {
        let spans: Vec<Fields> = list(trace)?.into_iter().map(fields).collect::<Result<_, _>>()?;
        if spans.iter().filter_map(priority).any(|priority| priority <= 0.0) {
            continue;
        }
        let upper = spans.iter().find_map(|span| texts(span, "meta").remove(UPPER_HALF));
        let upper = upper.unwrap_or_default();
        records.extend(spans.into_iter().map(|span| Record::Span(self::span(source, &upper, &span))));
    }
    Ok(records)
}

fn span(source: &Source, upper: &str, span: &Fields) -> Span {
    let mut tags = texts(span, "meta");
    tags.extend(texts(span, "metrics"));
    let reporter = tags.remove(REPORTER_METADATA).or_else(|| source.reporter.clone());
    let start_ns = number(span, "start");
    let parent = number(span, "parent_id");
    Span {
        protocol: source.protocol,
        reporter,
        resource: super::service(text(span, "service")),
        trace_id: format!("{upper}{:016x}", number(span, "trace_id")),
        span_id: format!("{:016x}", number(span, "span_id")),
        parent_span_id: (parent != 0).then(|| format!("{parent:016x}")),
        // Their name says what kind of program traces; the resource is what it is about.
        name: text(span, "resource"),
        kind: tags.get("span.kind").cloned().unwrap_or_else(|| "unspecified".to_owned()),
        start_ns,
        end_ns: start_ns.saturating_add(number(span, "duration")),
        is_error: number(span, "error") != 0,
        tags,
    }
}

fn list(value: Value) -> Result<Vec<Value>, Broken> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(Broken("it is no list of lists of spans".to_owned())),
    }
}

fn fields(value: Value) -> Result<Fields, Broken> {
    match value {
        Value::Map(pairs) => Ok(pairs.into_iter().map(|(key, value)| (shown(&key), value)).collect()),
        _ => Err(Broken("a span is no map".to_owned())),
    }
}

fn text(span: &Fields, name: &str) -> String {
    span.get(name).map(shown).unwrap_or_default()
}

/// What is negative counts as nothing.
fn number(span: &Fields, name: &str) -> u64 {
    span.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// A map of a span, with values as texts.
fn texts(span: &Fields, name: &str) -> BTreeMap<String, String> {
    match span.get(name) {
        Some(Value::Map(pairs)) => pairs.iter().map(|(key, value)| (shown(key), shown(value))).collect(),
        _ => BTreeMap::new(),
    }
}

fn priority(span: &Fields) -> Option<f64> {
    let measures = span.get("metrics").and_then(Value::as_map)?;
    let (_, priority) = measures.iter().find(|(name, _)| name.as_str() == Some(PRIORITY))?;
    priority.as_f64()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => mend::string(text.as_bytes().to_vec()),
        Value::F64(number) => number.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use proptest::prelude::*;

    fn mk_map(pairs: Vec<(&str, Value)>) -> Value {
        Value::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    fn mk_span(id: u64, parent: u64, meta: Vec<(&str, Value)>) -> Value {
        mk_map(vec![
            ("service", "hello.ns".into()),
            ("name", "envoy.proxy".into()),
            ("resource", "hello:80/*".into()),
            ("trace_id", 0x1c0b_82ec_62ae_bea0_u64.into()),
            ("span_id", id.into()),
            ("parent_id", parent.into()),
            ("start", 1_790_000_000_000_000_001_i64.into()),
            ("duration", 699_483_i64.into()),
            ("error", 0.into()),
            ("meta", mk_map(meta)),
            ("metrics", mk_map(vec![(PRIORITY, 1.0.into())])),
            ("type", "web".into()),
        ])
    }

    fn read(traces: &Value) -> Result<Vec<Span>, Broken> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, traces).unwrap();
        let source = Source { protocol: Protocol::Datadog, reporter: None };
        let span = |record| match record {
            Record::Span(span) => span,
            Record::Log(log) => panic!("{log:?}"),
        };
        Ok(spans(&source, &bytes)?.into_iter().map(span).collect())
    }

    fn mk_traces(spans: Vec<Value>) -> Value {
        Value::Array(vec![Value::Array(spans)])
    }

    #[test]
    fn spans_are_read_with_the_whole_identifier_of_their_trace() {
        let root =
            mk_span(0xab, 0, vec![(UPPER_HALF, "6b0876bb00000000".into()), ("span.kind", "server".into())]);
        let spans = read(&mk_traces(vec![root, mk_span(0xcd, 0xab, Vec::new())])).unwrap();
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = Span {
            protocol: Protocol::Datadog,
            reporter: None,
            resource: [tag("service.name", "hello.ns")].into(),
            trace_id: "6b0876bb000000001c0b82ec62aebea0".to_owned(),
            span_id: "00000000000000ab".to_owned(),
            parent_span_id: None,
            name: "hello:80/*".to_owned(),
            kind: "server".to_owned(),
            start_ns: 1_790_000_000_000_000_001,
            end_ns: 1_790_000_000_000_699_484,
            is_error: false,
            tags: [tag(UPPER_HALF, "6b0876bb00000000"), tag("span.kind", "server"), tag(PRIORITY, "1")]
                .into(),
        };
        assert_eq!(spans[0], expected);
        assert_eq!(spans[1].trace_id, expected.trace_id);
        let seen = (spans[1].parent_span_id.as_deref(), spans[1].kind.as_str());
        assert_eq!(seen, (Some("00000000000000ab"), "unspecified"));
    }

    #[test]
    fn who_reports_is_a_tag_that_is_not_shown_as_one() {
        let span = mk_span(1, 0, vec![(REPORTER_METADATA, "ns/app;inbound;dd".into()), ("a", "b".into())]);
        let spans = read(&mk_traces(vec![span])).unwrap();
        assert_eq!(spans[0].reporter.as_deref(), Some("ns/app;inbound;dd"));
        assert!(!spans[0].tags.contains_key(REPORTER_METADATA), "{:?}", spans[0].tags);
    }

    #[test]
    fn a_trace_that_is_not_kept_is_left_out() {
        let mk_trace = |id: u64, priority: Value| {
            let Value::Map(mut root) = mk_span(id, 0, Vec::new()) else { panic!("a map") };
            root.retain(|(key, _)| key.as_str() != Some("metrics"));
            root.push(("metrics".into(), mk_map(vec![(PRIORITY, priority)])));
            Value::Array(vec![Value::Map(root), mk_span(id + 1, id, Vec::new())])
        };
        let traces =
            [(1, (-1.0).into()), (3, 0.into()), (5, 2.into())].map(|(id, value)| mk_trace(id, value));
        let kept = read(&Value::Array(traces.into())).unwrap();
        let kept: Vec<_> = kept.iter().map(|span| span.span_id.trim_start_matches('0')).collect();
        assert_eq!(kept, ["5", "6"]);
    }

    #[test]
    fn what_is_no_list_of_lists_of_maps_is_refused() {
        let nested = (0..100).fold(Value::Nil, |value, _| Value::Array(vec![value]));
        for value in [Value::Nil, 1.into(), mk_map(Vec::new()), mk_traces(vec![1.into()]), nested] {
            assert!(read(&value).is_err(), "{value}");
        }
        assert!(spans(&Source { protocol: Protocol::Datadog, reporter: None }, b"").is_err());
        // A list that claims to be longer than memory.
        assert!(
            spans(&Source { protocol: Protocol::Datadog, reporter: None }, b"\xdd\xff\xff\xff\xff").is_err()
        );
        assert_eq!(read(&Value::Array(Vec::new())), Ok(Vec::new()));
        let mut empty = read(&mk_traces(vec![mk_map(Vec::new())])).unwrap();
        assert_eq!(empty.remove(0).trace_id, "0000000000000000");
    }

    proptest! {
        #[test]
        fn whatever_a_client_sent_costs_no_span(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            let mut message = Vec::new();
            let text = "@".repeat(bytes.len());
            let traces = mk_traces(vec![mk_span(1, 0, vec![("key", text.as_str().into())])]);
            rmpv::encode::write_value(&mut message, &traces).unwrap();
            if !bytes.is_empty() {
                let at = message.windows(text.len()).position(|part| part == text.as_bytes()).unwrap();
                message[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            let records = spans(&Source { protocol: Protocol::Datadog, reporter: None }, &message).unwrap();
            let Record::Span(span) = &records[0] else { panic!("{records:?}") };
            prop_assert_eq!(span.tags["key"].len(), bytes.len());
        }
    }
}
