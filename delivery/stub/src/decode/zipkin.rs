//! Zipkin's spans, second version, as JSON. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Broken, Source};
use crate::mend;
use crate::protocol::{Record, Span};

/// A span, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan {
    trace_id: String,
    id: String,
    parent_id: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: String,
    /// In microseconds since the epoch.
    #[serde(default)]
    timestamp: u64,
    /// In microseconds.
    #[serde(default)]
    duration: u64,
    #[serde(default)]
    local_endpoint: Endpoint,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    service_name: String,
}

/// The spans of a list, in their order.
pub(super) fn spans(source: &Source, mut list: Vec<u8>) -> Result<Vec<Record>, Broken> {
    mend::text(&mut list);
    let spans: Vec<ZipkinSpan> = serde_json::from_slice(&list)
        .map_err(|error| Broken(format!("it is no list of Zipkin's spans: {error}")))?;
    Ok(spans.into_iter().map(|span| Record::Span(self::span(source, span))).collect())
}

fn span(source: &Source, span: ZipkinSpan) -> Span {
    let kind = match span.kind.as_str() {
        "" => "unspecified".to_owned(),
        kind => kind.to_ascii_lowercase(),
    };
    let start_ns = span.timestamp.saturating_mul(1000);
    Span {
        protocol: source.protocol,
        reporter: source.reporter.clone(),
        resource: super::service(span.local_endpoint.service_name),
        trace_id: span.trace_id.to_ascii_lowercase(),
        span_id: span.id.to_ascii_lowercase(),
        parent_span_id: span.parent_id.map(|id| id.to_ascii_lowercase()),
        name: span.name,
        kind,
        start_ns,
        end_ns: start_ns.saturating_add(span.duration.saturating_mul(1000)),
        // Whatever it says: that it is there is what tells of a failure.
        is_error: span.tags.contains_key("error"),
        tags: span.tags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(list: &[u8]) -> Result<Vec<Span>, Broken> {
        let source =
            Source { protocol: Protocol::Zipkin, reporter: Some("ns/app;inbound;zipkin".to_owned()) };
        let span = |record| match record {
            Record::Span(span) => span,
            Record::Log(log) => panic!("{log:?}"),
        };
        Ok(spans(&source, list.to_vec())?.into_iter().map(span).collect())
    }

    fn mk_span(tags: Value) -> Value {
        json!({
            "traceId": "CCB3B30754756d8dbdf26ccd6bc8792d", "id": "bdf26ccd6bc8792d", "parentId": "01",
            "timestamp": 1_790_000_000_000_001_u64, "duration": 706, "name": "hello:80/*", "kind": "SERVER",
            "localEndpoint": {"ipv4": "10.0.0.1", "serviceName": "hello.ns", "port": 0}, "tags": tags,
            "annotations": [{"value": "ss", "timestamp": 1}],
        })
    }

    #[test]
    fn a_span_is_read_whole() {
        let list = json!([mk_span(json!({"http.status_code": "200"}))]).to_string();
        let expected = Span {
            protocol: Protocol::Zipkin,
            reporter: Some("ns/app;inbound;zipkin".to_owned()),
            resource: [("service.name".to_owned(), "hello.ns".to_owned())].into(),
            trace_id: "ccb3b30754756d8dbdf26ccd6bc8792d".to_owned(),
            span_id: "bdf26ccd6bc8792d".to_owned(),
            parent_span_id: Some("01".to_owned()),
            name: "hello:80/*".to_owned(),
            kind: "server".to_owned(),
            start_ns: 1_790_000_000_000_001_000,
            end_ns: 1_790_000_000_000_707_000,
            is_error: false,
            tags: [("http.status_code".to_owned(), "200".to_owned())].into(),
        };
        assert_eq!(read(list.as_bytes()), Ok(vec![expected]));
    }

    #[test]
    fn identifiers_are_enough() {
        let spans = read(br#"[{"traceId": "a", "id": "b", "tags": {"error": ""}}]"#).unwrap();
        let span = &spans[0];
        assert_eq!((span.kind.as_str(), span.is_error, span.end_ns), ("unspecified", true, 0));
        assert_eq!((span.parent_span_id.as_deref(), span.resource["service.name"].as_str()), (None, ""));
        assert_eq!(read(b"[]"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_list_of_spans_is_refused() {
        for list in
            [&b""[..], b"{}", b"[{}]", br#"[{"traceId": 1, "id": "b"}]"#, b"[", br#"{"resourceSpans": []}"#]
        {
            assert!(read(list).is_err(), "{}", String::from_utf8_lossy(list));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_tag_comes_out(value in any::<String>(), bad in 0x80..=0xff_u8) {
            let list = json!([mk_span(json!({"key": value, "other": "@@"}))]).to_string();
            let spans = read(list.as_bytes()).unwrap();
            prop_assert_eq!(&spans[0].tags["key"], &value);
            // And bytes that are no text do not take the rest with them.
            let mut bytes = list.into_bytes();
            let at = bytes.windows(4).rposition(|part| part == b"\"@@\"").unwrap();
            bytes[at + 1] = bad;
            prop_assert_eq!(&read(&bytes).unwrap()[0].tags["other"], "?@");
        }
    }
}
