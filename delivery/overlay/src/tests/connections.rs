//! What measures connections of TCP and messages of gRPC: where it goes, what it is told, and that it goes again.

use burgee_api::resolve::{Effective, ListenerClass, MetricName, MetricOverride, ProviderMetrics};
use burgee_filter_config::{StandardMetric, StatsConfig, TelemetryConfig, Traffic};

use super::natives::native;
use super::policies::{everything, full};
use super::support::{
    base, busy, by_discovery, dig, everywhere, listener_with, nothing, options, provider, traced, yaml,
};
use crate::{Options, Value, extension_configs, overlay};

const TCP: &str = "
name: database
traffic_direction: INBOUND
filter_chains:
- filters:
  - name: rbac
  - name: tcp
    typed_config:
      '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
      cluster: database
default_filter_chain:
  filters:
  - name: tcp
    typed_config:
      '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
      cluster: database
";

/// A provider without the metrics of a kind of traffic.
fn without(traffic: Traffic) -> ProviderMetrics {
    let meant = StandardMetric::ALL.into_iter().filter(|metric| metric.traffic() == traffic);
    let overrides = meant.map(|metric| MetricOverride {
        metric: MetricName::Standard(metric),
        disabled: Some(traced(true)),
        tags: Default::default(),
    });
    ProviderMetrics { overrides: overrides.collect(), ..provider("prometheus") }
}

fn names(list: &Value) -> Vec<&str> {
    list.items().iter().map(crate::view::name).collect()
}

/// The HTTP filters of a listener with these before the router, and the codes of what is told.
fn http_filters(before: Vec<Value>, policy: &Effective) -> (Vec<String>, Vec<&'static str>) {
    let result = overlay(&listener_with(before), policy, &options());
    let filters = dig(&result.value, "filter_chains.0.filters.0.typed_config.http_filters");
    let told = result.problems.iter().map(|problem| problem.code.0).collect();
    (names(filters).into_iter().map(str::to_owned).collect(), told)
}

#[test]
fn connections_are_measured_in_front_of_each_tcp_proxy() {
    let policy = everywhere(vec![provider("a"), provider("b")]);
    let result = overlay(&yaml(TCP), &policy, &options());
    assert!(result.problems.is_empty(), "{:?}", result.problems);
    let ours = ["burgee.stats_tcp.a", "burgee.stats_tcp.b"];
    assert_eq!(names(dig(&result.value, "filter_chains.0.filters")), ["rbac", ours[0], ours[1], "tcp"]);
    assert_eq!(names(dig(&result.value, "default_filter_chain.filters")), [ours[0], ours[1], "tcp"]);
    for edit in &result.edits {
        let path = edit.path.to_string().replace(['[', ']'], ".").replace("..", ".");
        assert_eq!(dig(&result.value, path.trim_end_matches('.')), &edit.value, "{path}");
    }
}

#[test]
fn an_access_log_of_a_proxy_behind_them_stands_where_its_edit_says() {
    let result = overlay(&yaml(TCP), &everything(), &full(options()));
    let mut logs = 0;
    for edit in result.edits.iter().filter(|edit| edit.path.to_string().contains("typed_config.access_log")) {
        let path = edit.path.to_string().replace(['[', ']'], ".").replace("..", ".");
        assert_eq!(dig(&result.value, path.trim_end_matches('.')), &edit.value, "{path}");
        logs += 1;
    }
    assert!(logs > 2, "{logs}");
    assert_eq!(overlay(&result.value, &nothing(), &full(options())).value, yaml(TCP));
}

#[test]
fn the_filter_is_told_what_documents_say_and_is_delivered_in_both_ways() {
    let filter = |options: &Options| {
        let result = overlay(&yaml(TCP), &busy(), options).value;
        dig(&result, "default_filter_chain.filters.0").clone()
    };
    let inline = filter(&options());
    let config = dig(&inline, "typed_config.config");
    assert_eq!(dig(config, "root_id").as_str(), Some("stats-tcp"));
    let text = dig(config, "configuration.value").as_str().unwrap_or_default();
    let told = StatsConfig::from_json(text.as_bytes()).expect("a configuration");
    assert_eq!(told.tcp_reporting_duration.as_deref(), Some("1.5s"));
    assert_eq!(told.reporter, burgee_filter_config::Reporter::Server);

    let named = filter(&by_discovery());
    let name = "burgee.stats_tcp.inbound.prometheus";
    assert_eq!(dig(&named, "name").as_str(), Some(name));
    let types: Vec<&str> =
        dig(&named, "config_discovery.type_urls").items().iter().filter_map(Value::as_str).collect();
    assert!(types.iter().all(|url| url.contains(".filters.network.")), "{types:?}");
    let configs = extension_configs(&busy(), &by_discovery());
    let file = configs.iter().find(|config| config.name == name).expect("a file of its name");
    let delivered = file.value.field("resources").map_or(&[][..], Value::items);
    assert_eq!(dig(&delivered[0], "typed_config"), dig(&inline, "typed_config"));
}

#[test]
fn what_is_switched_off_needs_no_filter() {
    let policy = everywhere(vec![without(Traffic::Connections)]);
    assert_eq!(overlay(&yaml(TCP), &policy, &options()).value, yaml(TCP));
    let names: Vec<String> =
        extension_configs(&policy, &by_discovery()).into_iter().map(|config| config.name).collect();
    assert!(!names.iter().any(|name| name.contains("stats_tcp")), "{names:?}");
    assert_eq!(names.len(), ListenerClass::ALL.len());

    let (filters, _) = http_filters(Vec::new(), &everywhere(vec![without(Traffic::Messages)]));
    assert_eq!(filters, ["burgee.telemetry.prometheus", "router"]);
}

#[test]
fn one_policy_takes_the_place_of_another_and_nothing_stays() {
    for options in [options(), by_discovery()] {
        for base in [yaml(TCP), base("tcp-beside-http.yaml"), base("captured.yaml")] {
            let once = overlay(&base, &everywhere(vec![provider("a"), provider("b")]), &options);
            assert_ne!(once.value, base);
            let other = everywhere(vec![without(Traffic::Connections)]);
            assert_eq!(overlay(&once.value, &other, &options), overlay(&base, &other, &options));
            assert_eq!(overlay(&once.value, &nothing(), &options).value, base);
        }
    }
}

#[test]
fn somebody_s_filter_under_our_name_stays_with_a_warning() {
    let mine = TCP.replace("name: rbac", "name: burgee.stats_tcp.mine");
    let result = overlay(&yaml(&mine), &nothing(), &options());
    assert_eq!(result.value, yaml(&mine));
    assert_eq!(result.problems.len(), 1);
    assert_eq!(result.problems[0].code, crate::codes::NAME_OF_OURS);
    let (_, told) = http_filters(vec![yaml("{name: burgee.grpc_stats}")], &nothing());
    assert_eq!(told, ["BG0609"]);
}

#[test]
fn messages_are_counted_once_whoever_counts_them() {
    const GRPC: &str =
        "'@type': type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";
    let policy = everywhere(vec![provider("a")]);
    let with = |filter: &str| http_filters(vec![yaml(filter)], &policy);
    let none: [&str; 0] = [];
    let (filters, told) = http_filters(Vec::new(), &policy);
    assert_eq!(filters, ["burgee.telemetry.a", "burgee.grpc_stats", "router"]);
    assert_eq!(told, none);
    let theirs = ["burgee.telemetry.a", "theirs", "router"];
    let gives = format!("{{name: theirs, typed_config: {{{GRPC}, emit_filter_state: true}}}}");
    assert_eq!(with(&gives), (theirs.map(str::to_owned).to_vec(), Vec::new()));
    for keeps in ["", ", emit_filter_state: false"] {
        let keeps = format!("{{name: theirs, typed_config: {{{GRPC}{keeps}}}}}");
        assert_eq!(with(&keeps), (theirs.map(str::to_owned).to_vec(), vec!["BG0643"]));
    }
    let (filters, told) = with("{name: envoy.filters.http.grpc_stats, config_discovery: {}}");
    assert!(!filters.iter().any(|name| name == "burgee.grpc_stats"), "what it says is not known");
    assert_eq!(told, none);
}

#[test]
fn with_the_native_engine_messages_stay_with_the_filter() {
    let half = ProviderMetrics { overrides: Vec::new(), ..native() };
    let result = overlay(&listener_with(Vec::new()), &everywhere(vec![half]), &options()).value;
    let filters = dig(&result, "filter_chains.0.filters.0.typed_config.http_filters");
    assert_eq!(names(filters), ["burgee.telemetry.native", "burgee.grpc_stats", "router"]);
    assert_eq!(filters.items()[0].field("disabled"), None);
    let text =
        dig(&filters.items()[0], "typed_config.config.configuration.value").as_str().unwrap_or_default();
    let config = TelemetryConfig::from_json(text.as_bytes()).expect("a configuration").stats;
    let dropped: Vec<&str> =
        config.metrics.iter().filter(|entry| entry.drop).map(|entry| entry.name.as_str()).collect();
    assert_eq!(dropped.len(), 4, "{dropped:?}");
}
