//! Segments of SkyWalking's: the spans that one proxy has of one request. Pure.

use std::collections::BTreeMap;

use prost::Message;

use super::{Broken, Source};
use crate::mend;
use crate::protocol::{Record, Span};

/// The messages, as far as they are read; texts are bytes, since what clients sent need not be text.
#[derive(Clone, PartialEq, Message)]
struct Segment {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    trace_segment_id: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    spans: Vec<SegmentSpan>,
    #[prost(bytes = "vec", tag = "4")]
    service: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    service_instance: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct SegmentSpan {
    #[prost(int32, tag = "1")]
    span_id: i32,
    #[prost(int32, tag = "2")]
    parent_span_id: i32,
    /// In milliseconds since the epoch, as is the next.
    #[prost(int64, tag = "3")]
    start_time: i64,
    #[prost(int64, tag = "4")]
    end_time: i64,
    #[prost(message, repeated, tag = "5")]
    refs: Vec<Reference>,
    #[prost(bytes = "vec", tag = "6")]
    operation_name: Vec<u8>,
    #[prost(int32, tag = "8")]
    span_type: i32,
    #[prost(bool, tag = "11")]
    is_error: bool,
    #[prost(message, repeated, tag = "12")]
    tags: Vec<Tag>,
}

/// What a segment's first span hangs from.
#[derive(Clone, PartialEq, Message)]
struct Reference {
    #[prost(bytes = "vec", tag = "3")]
    parent_trace_segment_id: Vec<u8>,
    #[prost(int32, tag = "4")]
    parent_span_id: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Tag {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// The spans of a segment, in their order.
pub(super) fn spans(source: &Source, message: &[u8]) -> Result<Vec<Record>, Broken> {
    let segment = Segment::decode(message)?;
    let id = mend::string(segment.trace_segment_id);
    let trace = mend::string(segment.trace_id);
    let mut resource = super::service(mend::string(segment.service));
    resource.insert("service.instance.id".to_owned(), mend::string(segment.service_instance));
    let record = |span| Record::Span(self::span(source, &resource, &trace, &id, span));
    Ok(segment.spans.into_iter().map(record).collect())
}

fn span(
    source: &Source,
    resource: &BTreeMap<String, String>,
    trace: &str,
    segment: &str,
    span: SegmentSpan,
) -> Span {
    let parent = match (span.parent_span_id, span.refs.into_iter().next()) {
        (0.., _) => Some(format!("{segment}.{}", span.parent_span_id)),
        (_, Some(above)) => {
            Some(format!("{}.{}", mend::string(above.parent_trace_segment_id), above.parent_span_id))
        }
        (_, None) => None,
    };
    let kind = match span.span_type {
        0 => "server",
        1 => "client",
        2 => "internal",
        _ => "unspecified",
    };
    Span {
        protocol: source.protocol,
        reporter: source.reporter.clone(),
        resource: resource.clone(),
        trace_id: trace.to_owned(),
        span_id: format!("{segment}.{}", span.span_id),
        parent_span_id: parent,
        name: mend::string(span.operation_name),
        kind: kind.to_owned(),
        start_ns: nanoseconds(span.start_time),
        end_ns: nanoseconds(span.end_time),
        is_error: span.is_error,
        tags: span.tags.into_iter().map(|tag| (mend::string(tag.key), mend::string(tag.value))).collect(),
    }
}

fn nanoseconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or_default().saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use proptest::prelude::*;

    fn mk_span(id: i32, parent: i32, kind: i32) -> SegmentSpan {
        SegmentSpan {
            span_id: id,
            parent_span_id: parent,
            start_time: 1_790_000_000_123,
            end_time: 1_790_000_000_125,
            operation_name: b"/some/path".to_vec(),
            span_type: kind,
            tags: vec![Tag { key: b"status_code".to_vec(), value: b"200".to_vec() }],
            ..SegmentSpan::default()
        }
    }

    fn read(spans: Vec<SegmentSpan>) -> Vec<Span> {
        let segment = Segment {
            trace_id: b"trace-1".to_vec(),
            trace_segment_id: b"segment-1".to_vec(),
            spans,
            service: b"hello.ns".to_vec(),
            service_instance: b"node".to_vec(),
        };
        let source = Source { protocol: Protocol::Skywalking, reporter: Some("ns/app".to_owned()) };
        let records = super::spans(&source, &segment.encode_to_vec()).unwrap();
        let span = |record| match record {
            Record::Span(span) => span,
            Record::Log(log) => panic!("{log:?}"),
        };
        records.into_iter().map(span).collect()
    }

    #[test]
    fn a_span_has_what_the_segment_says_of_all_of_them() {
        let expected = Span {
            protocol: Protocol::Skywalking,
            reporter: Some("ns/app".to_owned()),
            resource: [("service.name", "hello.ns"), ("service.instance.id", "node")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            trace_id: "trace-1".to_owned(),
            span_id: "segment-1.0".to_owned(),
            parent_span_id: None,
            name: "/some/path".to_owned(),
            kind: "server".to_owned(),
            start_ns: 1_790_000_000_123_000_000,
            end_ns: 1_790_000_000_125_000_000,
            is_error: false,
            tags: [("status_code".to_owned(), "200".to_owned())].into(),
        };
        assert_eq!(read(vec![mk_span(0, -1, 0)]), [expected]);
    }

    #[test]
    fn a_span_hangs_from_one_of_its_segment_or_of_the_segment_before() {
        let mut first = mk_span(0, -1, 0);
        let above = Reference { parent_trace_segment_id: b"segment-0".to_vec(), parent_span_id: 1 };
        first.refs = vec![above, Reference::default()];
        let spans = read(vec![first, mk_span(1, 0, 1), mk_span(2, 1, 2), mk_span(3, -1, 9)]);
        let seen: Vec<_> =
            spans.iter().map(|span| (span.parent_span_id.as_deref(), span.kind.as_str())).collect();
        let expected = [
            (Some("segment-0.1"), "server"),
            (Some("segment-1.0"), "client"),
            (Some("segment-1.1"), "internal"),
            (None, "unspecified"),
        ];
        assert_eq!(seen, expected);
    }

    proptest! {
        #[test]
        fn whatever_a_client_sent_costs_no_span(
            value in prop::collection::vec(any::<u8>(), 0..16),
            time in any::<i64>(),
        ) {
            let mut span = mk_span(0, -1, 0);
            (span.start_time, span.tags[0].value) = (time, value.clone());
            let spans = read(vec![span]);
            prop_assert_eq!(spans[0].tags["status_code"].len(), value.len());
        }
    }
}
