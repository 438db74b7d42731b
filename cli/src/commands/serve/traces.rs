//! Traces of changes, for a collector: one per change, with a span for each thing that the server did, and one for each proxy
//! that got something else.

use std::sync::Arc;
use std::time::Instant;

use burgee_server::clock::Clock;
use burgee_server::fleet::{ChangeEnd, ChangeReport, Fleet, PushReport, Step};
use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    IdGenerator as _, RandomIdGenerator, SpanData, SpanEvents, SpanExporter as _, SpanLinks,
};

use crate::Failure;

/// Sends a trace of each change from now on. Whether the collector is there is none of the proxies' business: what it does not
/// take is counted, and said once.
pub(super) fn begin(collector: &str, fleet: &Arc<Fleet>) -> Result<(), Failure> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(collector).build();
    let mut exporter = exporter.map_err(|error| {
        Failure::new(format!("--otlp {collector}: {error}"), "name a collector as HOST:PORT")
    })?;
    exporter.set_resource(&Resource::builder().with_service_name("burgee").build());
    let Some(mut reports) = fleet.reports() else { return Ok(()) };
    let (fleet, collector) = (fleet.clone(), collector.to_owned());
    tokio::spawn(async move {
        let mut is_away = false;
        while let Some(report) = reports.recv().await {
            match exporter.export(spans(&report, &Clock::now())).await {
                Ok(()) if is_away => ::log::info!(target: "trace", "{collector} takes traces again"),
                Ok(()) => {}
                Err(error) => {
                    fleet.lose_report();
                    if !is_away {
                        ::log::warn!(target: "trace", "{collector} takes no traces: {error}; proxies are served as before");
                    }
                    is_away = true;
                    continue;
                }
            }
            is_away = false;
        }
    });
    Ok(())
}

/// The spans of a change, the one of all of it first.
fn spans(report: &ChangeReport, clock: &Clock) -> Vec<SpanData> {
    let ids = RandomIdGenerator::default();
    let trace = ids.new_trace_id();
    let span = |parent: SpanId, name: &'static str, begun: Instant, ended: Instant| SpanData {
        span_context: context(trace, ids.new_span_id()),
        parent_span_id: parent,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: clock.time(begun),
        end_time: clock.time(ended.max(begun)),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("burgee").build(),
    };
    let begun = report.steps.first().map_or(report.ended, |step| step.begun);
    let mut all = span(SpanId::INVALID, "change", begun, report.ended);
    let root = all.span_context.span_id();
    all.attributes = of_change(report);
    all.status = match report.end {
        ChangeEnd::Overdue => Status::error("some proxy has not taken it for a minute"),
        ChangeEnd::Complete | ChangeEnd::Superseded => Status::Unset,
    };
    let mut spans = vec![all];
    spans.extend(report.steps.iter().map(|Step { name, begun, ended }| span(root, name, *begun, *ended)));
    for PushReport { node_id, workload, push } in &report.pushes {
        let mut of_proxy = span(root, "push", push.begun, push.ended.unwrap_or(report.ended));
        of_proxy.span_kind = SpanKind::Client;
        of_proxy.attributes = vec![
            KeyValue::new("burgee.proxy", node_id.to_string()),
            KeyValue::new("burgee.workload", workload.to_string()),
            count("burgee.responses", push.responses),
            count("burgee.resources", push.resources),
            count("burgee.bytes", push.bytes),
            KeyValue::new("burgee.taken", push.ended.is_some()),
        ];
        let refused = push.refused.iter().map(|refused| {
            let attributes = vec![
                KeyValue::new("burgee.type_url", refused.type_url.to_string()),
                KeyValue::new("burgee.error", refused.error.clone()),
            ];
            Event::new("refused", clock.time(refused.at), attributes, 0)
        });
        of_proxy.events.events = refused.collect();
        if let Some(refused) = push.refused.first() {
            of_proxy.attributes.push(KeyValue::new("burgee.error", refused.error.clone()));
            of_proxy.status = Status::error(refused.error.clone());
        }
        spans.push(of_proxy);
    }
    spans
}

fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default())
}

fn count(name: &'static str, count: u64) -> KeyValue {
    KeyValue::new(name, i64::try_from(count).unwrap_or(i64::MAX))
}

fn of_change(report: &ChangeReport) -> Vec<KeyValue> {
    let change = &report.change;
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let what = if report.is_of_bases { "bases" } else { "documents" };
    let end = match report.end {
        ChangeEnd::Complete => "complete",
        ChangeEnd::Superseded => "superseded",
        ChangeEnd::Overdue => "overdue",
    };
    vec![
        count("burgee.change", change.number),
        KeyValue::new("burgee.of", what),
        KeyValue::new("burgee.in_force", report.in_force.to_string()),
        KeyValue::new("burgee.end", end),
        count("burgee.proxies.connected", number(change.connected)),
        count("burgee.proxies.concerned", number(change.concerned)),
        count("burgee.proxies.changed", number(change.changed)),
        count("burgee.proxies.drained", number(change.drained)),
        count("burgee.pushes.left_out", number(report.left_out)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime};

    use burgee_api::resolve::{Workload, WorkloadKind};
    use burgee_server::fleet::{Concerned, Push, RefusedPush};
    use burgee_server::resource::Version;

    use super::*;

    fn report(begun: Instant) -> ChangeReport {
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        let push = |id: &str, ended, refused: &[&str]| PushReport {
            node_id: id.into(),
            workload: Arc::new(Workload::new(WorkloadKind::Sidecar, "shop", "web", BTreeMap::new())),
            push: Push {
                begun: at(30),
                ended,
                responses: 2,
                resources: 3,
                bytes: 400,
                refused: refused
                    .iter()
                    .map(|error| RefusedPush {
                        at: at(40),
                        type_url: "type".into(),
                        error: (*error).to_owned(),
                    })
                    .collect(),
            },
        };
        ChangeReport {
            change: Concerned { number: 7, connected: 9, concerned: 4, changed: 3, drained: 1 },
            in_force: Version::of(b"documents"),
            is_of_bases: false,
            steps: vec![
                Step { name: "read", begun, ended: at(20) },
                Step { name: "compute", begun: at(20), ended: at(30) },
            ],
            end: ChangeEnd::Superseded,
            ended: at(100),
            pushes: vec![push("a", Some(at(60)), &["no such filter"]), push("b", None, &[])],
            left_out: 1,
        }
    }

    #[test]
    fn a_change_is_a_span_with_one_for_each_step_and_each_proxy() {
        let begun = Instant::now();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let clock = Clock { time, instant: begun + Duration::from_millis(100) };
        let spans = spans(&report(begun), &clock);
        let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["change", "read", "compute", "push", "push"]);
        let root = &spans[0];
        assert_eq!((root.parent_span_id, root.end_time), (SpanId::INVALID, time));
        for span in &spans[1..] {
            assert_eq!(span.parent_span_id, root.span_context.span_id());
            assert_eq!(span.span_context.trace_id(), root.span_context.trace_id());
            assert!(span.start_time >= root.start_time && span.end_time <= root.end_time);
        }
        let took =
            |span: &SpanData| span.end_time.duration_since(span.start_time).expect("forwards").as_millis();
        assert_eq!(spans.iter().map(took).collect::<Vec<_>>(), [100, 20, 10, 30, 70]);
        let value = |span: &SpanData, name: &str| {
            let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
            found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
        };
        for (name, expected) in [
            ("burgee.change", "7"),
            ("burgee.end", "superseded"),
            ("burgee.proxies.changed", "3"),
            ("burgee.pushes.left_out", "1"),
        ] {
            assert_eq!(value(root, name), expected, "{name}");
        }
        assert_eq!(spans[3].status, Status::error("no such filter"));
        assert_eq!(spans[3].events.events[0].name, "refused");
        assert_eq!(spans[3].events.events[0].timestamp, time - Duration::from_millis(60));
        assert_eq!(
            (spans[4].status.clone(), value(&spans[4], "burgee.taken").as_str()),
            (Status::Unset, "false")
        );
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_span_end_before_it_begins() {
        let begun = Instant::now();
        let clock = Clock { time: SystemTime::UNIX_EPOCH, instant: begun + Duration::from_secs(3600) };
        for span in spans(&report(begun), &clock) {
            assert!(span.end_time >= span.start_time, "{span:?}");
        }
    }
}
