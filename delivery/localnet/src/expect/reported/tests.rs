//! Lines, spans and plugins that are missing or too many, and that nothing is said when they are right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use burgee_api::origin::{Origin, Traced};
use burgee_api::problem::Code;
use burgee_api::resolve::{
    AccessLogger, ClassPolicy, Collector, Exporter, HttpCall, LogFormat, LogSink, Protocol, Tracer,
};

use super::*;
use crate::codes::{PLUGIN_NOT_LOADED, WRONG_LOG_COUNT, WRONG_SPAN_COUNT};

fn traced<T>(value: T) -> Traced<T> {
    Traced { value, origin: Origin::Rule("a test says so") }
}

fn mk_asked(policy: &ClassPolicy, class: ListenerClass, requests: u64) -> Asked<'_> {
    Asked {
        proxy: "shop/app".to_owned(),
        class,
        ports: vec![8080],
        policy,
        is_used: true,
        requests,
        connections: 0,
    }
}

fn mk_tally(count: u64, class: &str, provider: &str) -> Tally {
    let mut tally = Tally::default();
    (0..count).for_each(|_| tally.add("shop/app", class, provider));
    tally
}

fn mk_logging(filter: Option<&str>) -> ClassPolicy {
    let format = LogFormat::Text("x\n".to_owned());
    let logger = AccessLogger {
        provider: traced("text".to_owned()),
        sink: LogSink::File { path: "/dev/stdout".to_owned(), format, omit_empty_values: false },
        filter: filter.map(|filter| traced(filter.to_owned())),
    };
    ClassPolicy { access_logs: vec![logger], ..ClassPolicy::default() }
}

#[test]
fn a_log_has_one_line_per_request_and_with_a_filter_at_most_one() {
    for (filter, lines, is_told) in [
        (None, 10, false),
        (None, 9, true),
        (None, 11, true),
        (None, 0, true),
        (Some("false"), 0, false),
        (Some("true"), 10, false),
        (Some("true"), 11, true),
    ] {
        let policy = mk_logging(filter);
        let mut problems = Vec::new();
        let logs = mk_tally(lines, "inbound", "text");
        check_logs(&mk_asked(&policy, ListenerClass::Inbound, 10), &logs, &mut problems);
        let expected: &[Code] = if is_told { &[WRONG_LOG_COUNT] } else { &[] };
        assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), expected, "{filter:?} {lines}");
    }
}

#[test]
fn lines_count_for_their_own_class_and_provider() {
    let policy = mk_logging(None);
    for (class, provider) in [("outbound", "text"), ("inbound", "json")] {
        let mut problems = Vec::new();
        let asked = mk_asked(&policy, ListenerClass::Inbound, 10);
        check_logs(&asked, &mk_tally(10, class, provider), &mut problems);
        assert!(
            problems[0].message.contains("`text` of shop/app (inbound) has 0 lines after 10"),
            "{problems:?}"
        );
    }
}

#[test]
fn a_log_that_no_request_went_through_is_not_held_against_anything() {
    let (policy, mut problems) = (mk_logging(None), Vec::new());
    check_logs(&mk_asked(&policy, ListenerClass::Inbound, 0), &mk_tally(3, "inbound", "text"), &mut problems);
    assert_eq!(problems, []);
}

fn mk_tracing(sampling: f64) -> ClassPolicy {
    let collector = Collector::new("obs", "collector", 4317, Protocol::Http2);
    let settings = TracingSettings {
        sampling: traced(sampling),
        custom_tags: Vec::new(),
        use_request_id: traced(true),
        disable_context_propagation: traced(false),
        max_path_tag_length: None,
        spawn_upstream_span: false,
    };
    let tracer = Tracer::Opentelemetry {
        exporter: Exporter::Grpc { collector, timeout: None, metadata: Vec::new() },
        service_name: "app.shop".to_owned(),
        detectors: Vec::new(),
        sampler: None,
    };
    let tracing = Tracing::Provider { provider: traced("otel".to_owned()), tracer, settings };
    ClassPolicy { tracing, ..ClassPolicy::default() }
}

#[test]
fn gateways_decide_about_traces_and_without_them_everybody_must_agree() {
    let nothing = ClassPolicy::default();
    let policy = |sampling: Option<f64>| sampling.map_or(nothing.clone(), mk_tracing);
    for (gateway, sidecar, expected) in [
        (Some(100.0), Some(0.0), Decided::All),
        (Some(0.0), Some(100.0), Decided::None),
        (Some(50.0), Some(100.0), Decided::Some),
        (None, Some(100.0), Decided::All),
        (None, Some(0.0), Decided::None),
        (None, None, Decided::None),
    ] {
        let (gateway_policy, sidecar_policy) = (policy(gateway), policy(sidecar));
        let asked = [
            mk_asked(&gateway_policy, ListenerClass::Gateway, 1),
            mk_asked(&sidecar_policy, ListenerClass::Inbound, 1),
        ];
        assert_eq!(decided(&asked), expected, "{gateway:?} {sidecar:?}");
    }
    let (all, none) = (mk_tracing(100.0), mk_tracing(0.0));
    let asked = [mk_asked(&all, ListenerClass::Inbound, 1), mk_asked(&none, ListenerClass::Outbound, 1)];
    assert_eq!(decided(&asked), Decided::Some);
}

#[test]
fn a_no_of_the_gateway_is_heard_by_tracers_that_read_its_headers_alone() {
    let collector = || Collector::new("obs", "collector", 9411, Protocol::Http1);
    let zipkin = |trace_context| Tracer::Zipkin {
        call: HttpCall {
            collector: collector(),
            path: "/api/v2/spans".to_owned(),
            timeout: Duration::from_secs(5),
            headers: Vec::new(),
        },
        short_trace_ids: false,
        trace_context,
    };
    let (service_name, collector) = ("app.shop".to_owned(), collector());
    let skywalking = Tracer::Skywalking { collector: collector.clone(), service_name: service_name.clone() };
    let datadog = Tracer::Datadog { collector, service_name };
    for (own, gateway, sidecar, expected) in [
        (&datadog, 0.0, 100.0, Decided::None),
        (&zipkin(TraceContext::B3AndW3c), 0.0, 100.0, Decided::None),
        (&zipkin(TraceContext::B3), 0.0, 100.0, Decided::Some),
        (&skywalking, 0.0, 100.0, Decided::Some),
        (&skywalking, 0.0, 0.0, Decided::None),
        (&skywalking, 100.0, 0.0, Decided::All),
    ] {
        let (gateway, mut sidecar) = (mk_tracing(gateway), mk_tracing(sidecar));
        if let Tracing::Provider { tracer, .. } = &mut sidecar.tracing {
            tracer.clone_from(own);
        }
        let asked =
            [mk_asked(&gateway, ListenerClass::Gateway, 1), mk_asked(&sidecar, ListenerClass::Inbound, 1)];
        assert_eq!(decided(&asked), expected, "{own:?}");
    }
}

#[test]
fn without_a_say_of_request_ids_no_sampling_is_still_not_none() {
    let mut policy = mk_tracing(0.0);
    if let Tracing::Provider { settings, .. } = &mut policy.tracing {
        settings.use_request_id.value = false;
    }
    assert_eq!(decided(&[mk_asked(&policy, ListenerClass::Gateway, 1)]), Decided::Some);
}

#[test]
fn every_traced_request_has_a_span_at_least() {
    let policy = mk_tracing(100.0);
    let off = ClassPolicy { tracing: Tracing::Off(Origin::Rule("a test")), ..ClassPolicy::default() };
    for (policy, decided, spans, is_told) in [
        (&policy, Decided::All, 10, false),
        (&policy, Decided::All, 20, false),
        (&policy, Decided::All, 9, true),
        (&policy, Decided::None, 0, false),
        (&policy, Decided::None, 1, true),
        (&policy, Decided::Some, 0, false),
        (&policy, Decided::Some, 10, false),
        (&off, Decided::All, 0, false),
        (&off, Decided::All, 1, true),
        (&ClassPolicy::default(), Decided::All, 0, false),
        (&ClassPolicy::default(), Decided::All, 1, true),
    ] {
        let mut problems = Vec::new();
        let asked = mk_asked(policy, ListenerClass::Outbound, 10);
        check_spans(&asked, decided, &mk_tally(spans, "outbound", "otel"), &mut problems);
        let expected: &[Code] = if is_told { &[WRONG_SPAN_COUNT] } else { &[] };
        assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), expected, "{decided:?} {spans}");
    }
}

#[test]
fn a_tally_grows_by_what_came_since() {
    let (before, mut after) = (mk_tally(3, "inbound", "text"), mk_tally(5, "inbound", "text"));
    after.add("shop/app", "outbound", "text");
    let mut expected = mk_tally(2, "inbound", "text");
    expected.add("shop/app", "outbound", "text");
    assert_eq!(after.since(&before), expected);
    assert_eq!(after.since(&after), Tally::default());
}

fn mk_plugin(ports: &[u16]) -> ClassPolicy {
    use burgee_api::origin::{DocumentId, Place};
    use burgee_api::resources::TrafficExtension;
    use burgee_api::resources::extension::{
        Code, FailStrategy, PluginKind, PluginPhase, WasmCode, WrittenAs,
    };
    let id = DocumentId { kind: "WasmPlugin".into(), namespace: "shop".into(), name: "headers".into() };
    let meta = burgee_api::resources::Meta {
        id,
        place: Place { file: "plugin.yaml".into(), line: 1, column: 1, width: 1 },
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        created: String::new(),
    };
    let wasm = WasmCode {
        url: traced("file:///headers.wasm".to_owned()),
        sha256: None,
        image_pull_policy: None,
        image_pull_secret: None,
        verification_key: None,
        plugin_config: None,
        plugin_config_keys: BTreeMap::new(),
        plugin_name: None,
        fail_strategy: traced(FailStrategy::default()),
        environment: Vec::new(),
        kind: PluginKind::default(),
    };
    let document = TrafficExtension {
        meta,
        written: WrittenAs::WasmPlugin,
        selector: None,
        target_refs: Vec::new(),
        phase: traced(PluginPhase::default()),
        priority: None,
        matches: Vec::new(),
        local_module: None,
        code: Code::Wasm(Box::new(wasm)),
    };
    let plugin = Plugin {
        origin: Origin::Rule("a test says so"),
        namespace: "shop".to_owned(),
        name: "headers".to_owned(),
        document: Arc::new(document),
        ports: ports.to_vec(),
        refused: None,
        limits: burgee_api::resolve::Limits::default(),
    };
    ClassPolicy { plugins: vec![plugin], ..ClassPolicy::default() }
}

#[test]
fn a_plugin_for_a_listener_must_run_unless_its_module_cannot_be_had() {
    let summary = |module: Option<&str>, loaded: bool| PluginSummary {
        proxy: "shop/app".to_owned(),
        plugin: "shop/headers".to_owned(),
        phase: "unspecified".to_owned(),
        url: String::new(),
        module: module.map(str::to_owned),
        sha256: None,
        loaded,
        asked_by: None,
    };
    for (ports, found, is_told) in [
        (&[] as &[u16], Some(summary(Some("/m.wasm"), true)), false),
        (&[], Some(summary(Some("/m.wasm"), false)), true),
        (&[], Some(summary(None, false)), false),
        (&[], None, true),
        (&[8080], None, true),
        (&[9090], None, false),
    ] {
        let (policy, mut problems) = (mk_plugin(ports), Vec::new());
        let plugins: Vec<_> = found.into_iter().collect();
        check_plugins(&mk_asked(&policy, ListenerClass::Inbound, 0), &plugins, &mut problems);
        let expected: &[Code] = if is_told { &[PLUGIN_NOT_LOADED] } else { &[] };
        assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), expected, "{ports:?} {plugins:?}");
    }
}
