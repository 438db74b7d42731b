//! Metrics that Envoy makes itself.

use std::collections::BTreeMap;

use burgee_api::resolve::{
    ListenerClass, MetricName, MetricOverride, MetricsEngine, ProviderMetrics, TagOperation,
};
use burgee_filter_config::{StandardLabel, StandardMetric, Traffic};

use super::support::{
    base, bases, by_discovery, dig, everywhere, listener_with, nothing, options, provider, traced,
};
use crate::{Identity, NativeException, Options, Value, engines, extension_configs, overlay};

const MANAGER: &str = "filter_chains.0.filters.0.typed_config";

fn change(metric: StandardMetric, tags: &[(&str, TagOperation)]) -> MetricOverride {
    let tags = tags.iter().map(|(name, operation)| ((*name).to_owned(), traced(operation.clone())));
    MetricOverride { metric: MetricName::Standard(metric), disabled: None, tags: tags.collect() }
}

fn upsert(text: &str) -> TagOperation {
    TagOperation::Upsert(text.to_owned())
}

/// A provider of which Envoy makes everything itself: of requests, and of nothing else.
pub(crate) fn native() -> ProviderMetrics {
    let others = StandardMetric::ALL.into_iter().filter(|metric| metric.traffic() != Traffic::Requests);
    let off = |metric| MetricOverride { disabled: Some(traced(true)), ..change(metric, &[]) };
    let overrides = others.map(off).collect();
    ProviderMetrics { engine: Some(traced(MetricsEngine::Native)), overrides, ..provider("native") }
}

/// A provider of which Envoy can make some, with everything that documents can change.
pub(crate) fn half_native() -> ProviderMetrics {
    let size = MetricOverride {
        disabled: Some(traced(true)),
        ..change(StandardMetric::RequestSize, &[("mine", upsert("request.host + 'x'"))])
    };
    let overrides = vec![
        change(
            StandardMetric::RequestCount,
            &[
                ("destination_app", TagOperation::Remove),
                ("reporter", upsert("'50% me'")),
                ("request_host", upsert("request.host")),
                ("status", upsert("string(response.code)")),
            ],
        ),
        change(StandardMetric::RequestDuration, &[("joined", upsert("request.host + request.path"))]),
        size,
    ];
    ProviderMetrics { overrides, ..ProviderMetrics { provider: traced("half".to_owned()), ..native() } }
}

/// The access logs and the HTTP filters of the one listener, with a policy laid over it.
fn laid(provider: ProviderMetrics, options: &Options) -> (Vec<Value>, Vec<Value>, Vec<String>) {
    let result = overlay(&listener_with(Vec::new()), &everywhere(vec![provider]), options);
    let manager = dig(&result.value, MANAGER);
    let list = |name: &str| manager.field(name).map_or(&[][..], Value::items).to_vec();
    let problems = result.problems.iter().map(ToString::to_string).collect();
    (list("access_log"), list("http_filters"), problems)
}

/// The tags of a metric of a logger, by name.
fn tags(log: &Value, list: &str, metric: &str) -> BTreeMap<String, Value> {
    let metrics = dig(log, "typed_config").field(list).map_or(&[][..], Value::items);
    let stat = metrics.iter().filter_map(|metric| metric.field("stat"));
    let stat = stat.into_iter().find(|stat| dig(stat, "name").as_str() == Some(metric));
    let tags = stat.unwrap_or_else(|| panic!("no {metric}")).field("tags").map_or(&[][..], Value::items);
    let name = |tag: &Value| dig(tag, "name").as_str().unwrap_or_default().to_owned();
    tags.iter().map(|tag| (name(tag), tag.clone())).collect()
}

fn format(tags: &BTreeMap<String, Value>, name: &str) -> String {
    let tag = tags.get(name).unwrap_or_else(|| panic!("no {name}"));
    dig(tag, "value_format").as_str().unwrap_or_default().to_owned()
}

#[test]
fn all_four_metrics_have_every_label_in_its_order() {
    let (logs, filters, _) = laid(native(), &options());
    let [log] = logs.as_slice() else { panic!("{logs:?}") };
    let expected: Vec<&str> = StandardLabel::ALL.iter().map(|label| label.name()).collect();
    for (list, metrics) in [
        ("counters", &["istio_requests_total"][..]),
        (
            "histograms",
            &["istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"],
        ),
    ] {
        let found = dig(log, "typed_config").field(list).map_or(&[][..], Value::items);
        let names: Vec<&str> =
            found.iter().filter_map(|metric| metric.at(&["stat", "name"])?.as_str()).collect();
        assert_eq!(names, metrics);
        for metric in found {
            let tags = metric.at(&["stat", "tags"]).map_or(&[][..], Value::items);
            let names: Vec<&str> = tags.iter().filter_map(|tag| tag.field("name")?.as_str()).collect();
            assert_eq!(names, expected);
        }
    }
    // The filter stands there for the names' sake, and no request meets it.
    let names: Vec<&str> = filters.iter().map(crate::view::name).collect();
    assert_eq!(names, ["burgee.peer_metadata", "burgee.stats.native", "router"]);
    assert_eq!(filters[0].field("disabled"), None);
    assert_eq!(dig(&filters[1], "disabled"), &Value::Bool(true));
}

#[test]
fn the_filter_gets_what_envoy_cannot_make_and_nothing_else() {
    let (logs, filters, problems) = laid(half_native(), &options());
    let tags = tags(&logs[0], "counters", "istio_requests_total");
    assert_eq!(tags.len(), 26);
    assert!(!tags.contains_key("destination_app"));
    assert_eq!(format(&tags, "reporter"), "50%% me");
    assert_eq!(format(&tags, "request_host"), "%CEL(request.host):256%");
    assert_eq!(format(&tags, "status"), "%CEL(response.code):256%");
    let histograms = dig(&logs[0], "typed_config.histograms").items();
    let names: Vec<&str> = histograms.iter().filter_map(|one| one.at(&["stat", "name"])?.as_str()).collect();
    assert_eq!(names, ["istio_response_bytes"]);

    assert_eq!(filters[0].field("disabled"), None);
    let text = dig(&filters[0], "typed_config.config.configuration.value").as_str().unwrap_or_default();
    let config =
        burgee_filter_config::TelemetryConfig::from_json(text.as_bytes()).expect("a configuration").stats;
    let told: Vec<(String, bool)> =
        config.metrics.iter().map(|metric| (metric.name.clone(), metric.drop)).collect();
    let told: Vec<(&str, bool)> = told.iter().map(|(name, drop)| (name.as_str(), *drop)).collect();
    assert_eq!(
        told,
        [
            ("request_duration_milliseconds", false),
            ("request_bytes", true),
            ("requests_total", true),
            ("response_bytes", true),
        ]
    );
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].starts_with("note BG0641"), "{problems:#?}");
    assert!(
        problems[1].starts_with("note BG0642") && problems[1].contains("keeps REQUEST_DURATION of half"),
        "{problems:#?}"
    );
}

#[test]
fn which_engine_makes_what_can_be_asked() {
    let policy = everywhere(vec![half_native()]);
    let made = engines(&policy, ListenerClass::Inbound);
    let found: Vec<(&str, bool)> =
        made.iter().map(|made| (made.metric.api_name(), made.is_native())).collect();
    assert_eq!(found, [("REQUEST_COUNT", true), ("REQUEST_DURATION", false), ("RESPONSE_SIZE", true)]);
    let why: Vec<String> = made.iter().map(|made| made.text(made.metric.api_name())).collect();
    assert_eq!(why[0], "Envoy itself makes REQUEST_COUNT of half: that is asked for");
    assert!(
        why[1].starts_with("the Wasm filter keeps REQUEST_DURATION of half: Envoy cannot itself give"),
        "{why:?}"
    );
}

#[test]
fn a_client_says_nothing_on_a_side_that_is_not_asked() {
    let listener = |class: &str| {
        let listener = listener_with(Vec::new());
        let Value::Map(mut fields) = listener else { panic!("a listener") };
        fields.extend([("traffic_direction".to_owned(), Value::string(class))]);
        Value::Map(fields)
    };
    let format_at = |direction: &str, identity: Identity, label: &str| {
        let options = Options { identity, ..options() };
        let result = overlay(&listener(direction), &everywhere(vec![native()]), &options);
        let logs = dig(&result.value, MANAGER).field("access_log").map_or(&[][..], Value::items).to_vec();
        format(&tags(&logs[0], "counters", "istio_requests_total"), label)
    };
    for (direction, label, expected) in [
        ("INBOUND", "reporter", "destination"),
        ("INBOUND", "destination_workload", "web-v1"),
        ("INBOUND", "source_app", "%FILTER_STATE(wasm.downstream_peer_app:PLAIN)%"),
        ("OUTBOUND", "reporter", "source"),
        ("OUTBOUND", "source_app", "web"),
        ("OUTBOUND", "destination_app", "%FILTER_STATE(wasm.upstream_peer_app:PLAIN)%"),
        ("OUTBOUND", "connection_security_policy", "unknown"),
        ("UNSPECIFIED", "reporter", "source"),
    ] {
        assert_eq!(format_at(direction, Identity::Written, label), expected, "{direction} {label}");
    }
    // Only an application behind its own sidecar is believed about the host.
    for (direction, is_asked) in [("INBOUND", false), ("OUTBOUND", true), ("UNSPECIFIED", false)] {
        for label in ["destination_service", "destination_service_name"] {
            let format = format_at(direction, Identity::Written, label);
            assert_eq!(format.contains(":AUTHORITY"), is_asked, "{direction} {label} {format}");
        }
    }
    // Whether the filter reads it from the node or not.
    assert_eq!(format_at("INBOUND", Identity::Node, "destination_app"), "web");
}

#[test]
fn one_engine_takes_the_place_of_the_other_in_every_base() {
    let wasm = || ProviderMetrics { engine: Some(traced(MetricsEngine::Wasm)), ..native() };
    for (name, base) in bases() {
        for options in [options(), by_discovery()] {
            let once = overlay(&base, &everywhere(vec![native()]), &options);
            assert_eq!(
                overlay(&once.value, &everywhere(vec![native()]), &options),
                once,
                "{name}: twice is once"
            );
            let other = overlay(&once.value, &everywhere(vec![wasm()]), &options);
            assert_eq!(other, overlay(&base, &everywhere(vec![wasm()]), &options), "{name}: another engine");
            assert!(!other.value.to_yaml().contains("burgee.metrics."), "{name}");
            assert_eq!(overlay(&once.value, &nothing(), &options).value, base, "{name}: back again");
        }
    }
}

#[test]
fn a_bootstrap_needs_no_tags_for_what_envoy_makes() {
    let tags = |provider: ProviderMetrics| {
        let result = overlay(&base("front-proxy.yaml"), &everywhere(vec![provider]), &options());
        let tags = result.value.at(&["stats_config", "stats_tags"]).map_or(&[][..], Value::items).to_vec();
        tags.iter().filter_map(|tag| Some(tag.field("tag_name")?.as_str()?.to_owned())).collect::<Vec<_>>()
    };
    // What the filter says of the proxy in any case.
    assert_eq!(tags(native()), ["component", "tag"]);
    let tags = tags(half_native());
    let has = |name: &str| tags.iter().any(|tag| tag == name);
    assert!(has("joined") && !has("request_host"), "{tags:?}");
}

#[test]
fn a_matcher_is_tried_on_names_of_both_engines() {
    let tell = |provider: ProviderMetrics, matcher: &str| {
        let mut text = base("front-proxy.yaml").to_yaml();
        text.push_str(&format!("stats_config: {{stats_matcher: {matcher}}}\n"));
        let base = super::support::yaml(&text);
        let result = overlay(&base, &everywhere(vec![provider]), &options());
        result.problems.iter().any(|problem| problem.code == crate::codes::MATCHER_DROPS)
    };
    let by_suffix = "{inclusion_list: {patterns: [{suffix: istio_requests_total}]}}";
    assert!(!tell(provider("a"), by_suffix));
    assert!(tell(native(), by_suffix));
    let by_prefix = "{inclusion_list: {patterns: [{prefix: wasmcustom.}]}}";
    assert!(!tell(native(), by_prefix));
}

#[test]
fn by_name_the_filter_is_disabled_in_the_listener_and_configured_in_its_file() {
    let (_, filters, _) = laid(native(), &by_discovery());
    assert_eq!(dig(&filters[1], "disabled"), &Value::Bool(true));
    assert!(filters[1].field("config_discovery").is_some());
    let configs = extension_configs(&everywhere(vec![native()]), &by_discovery());
    // Of each class the filter of metrics and that of peers.
    assert_eq!(configs.len(), 2 * ListenerClass::ALL.len());
}

#[test]
fn every_exception_is_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics-engines.md");
    let page = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for exception in NativeException::ALL {
        assert!(page.contains(exception.text()), "{exception:?} is not in {path}: {}", exception.text());
    }
}
