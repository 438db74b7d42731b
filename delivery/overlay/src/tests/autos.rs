//! What the engine `auto` comes to.

use std::collections::BTreeMap;

use burgee_api::resolve::{
    ListenerClass, MetricName, MetricOverride, MetricsEngine, PeerMetadata, ProviderMetrics, TagOperation,
};
use burgee_filter_config::StandardMetric;

use super::natives::native;
use super::support::{by_discovery, dig, everywhere, options, provider, traced, yaml};
use crate::{LEAST_ENVOY, Maker, Options, Value, engines, overlay};

/// A whole bootstrap in which nothing has a part in labels but requests, with a listener of this direction.
fn base(direction: &str) -> String {
    format!(
        "admin: {{}}
static_resources:
  listeners:
  - name: web
    traffic_direction: {direction}
    filter_chains:
    - filters:
      - name: manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          route_config: {{virtual_hosts: [{{name: all, domains: ['*'], routes: [{{name: mine, match: {{prefix: /}}, \
         route: {{cluster: app}}}}]}}]}}
          http_filters:
          - name: router
            typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: app
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: app
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{pipe: {{path: /app}}}}}}}}]}}]
"
    )
}

/// A provider of which nothing says what makes its metrics, without the exchange of peers.
fn with_messages() -> ProviderMetrics {
    ProviderMetrics { peers: Some(traced(PeerMetadata::Off)), ..provider("auto") }
}

/// The same without counts of gRPC's messages.
fn alone() -> ProviderMetrics {
    let off = |metric| MetricOverride {
        metric: MetricName::Standard(metric),
        disabled: Some(traced(true)),
        tags: BTreeMap::new(),
    };
    let messages = [StandardMetric::GrpcRequestMessages, StandardMetric::GrpcResponseMessages];
    ProviderMetrics { overrides: messages.map(off).into(), ..with_messages() }
}

fn of_140() -> Options {
    Options { envoy: Some(LEAST_ENVOY), is_whole: true, ..options() }
}

/// The names of all that is laid over the manager, the loggers first.
fn laid(base: &str, provider: ProviderMetrics, options: &Options) -> Vec<String> {
    let result = overlay(&yaml(base), &everywhere(vec![provider]), options);
    let manager = dig(&result.value, "static_resources.listeners.0.filter_chains.0.filters.0.typed_config");
    let list = |name: &str| manager.field(name).map_or(&[][..], Value::items).to_vec();
    let all = [list("access_log"), list("http_filters")].concat();
    all.iter().map(|one| crate::view::name(one).to_owned()).filter(|name| name != "router").collect()
}

const BY_ENVOY: [&str; 2] = ["burgee.metrics.auto", "burgee.stats.auto"];
const BY_FILTER: [&str; 1] = ["burgee.stats.auto"];

#[test]
fn envoy_makes_what_it_says_exactly_and_for_less() {
    for direction in ["INBOUND", "UNSPECIFIED"] {
        assert_eq!(laid(&base(direction), alone(), &of_140()), BY_ENVOY, "{direction}");
        let asked = ProviderMetrics { engine: Some(traced(MetricsEngine::Auto)), ..alone() };
        assert_eq!(laid(&base(direction), asked, &of_140()), BY_ENVOY, "{direction}");
    }
    // Messages take a filter, and one that is met makes the rest for next to nothing.
    assert_eq!(
        laid(&base("INBOUND"), with_messages(), &of_140()),
        ["burgee.grpc_stats", "burgee.stats.auto"]
    );
    // There an application chooses the host, and with it how many series there are.
    assert_eq!(laid(&base("OUTBOUND"), alone(), &of_140()), BY_FILTER);
}

#[test]
fn no_label_of_what_envoy_makes_by_itself_takes_an_expression() {
    let result = overlay(&yaml(&base("INBOUND")), &everywhere(vec![alone()]), &of_140());
    let log = dig(
        &result.value,
        "static_resources.listeners.0.filter_chains.0.filters.0.typed_config.access_log.0.typed_config",
    );
    let tags = dig(log, "counters.0.stat.tags").items();
    let formats: Vec<&str> = tags.iter().filter_map(|tag| tag.field("value_format")?.as_str()).collect();
    assert_eq!(formats.len(), 25);
    let read: Vec<&&str> = formats.iter().filter(|format| format.contains('%')).collect();
    assert_eq!(
        read,
        [&"%REQ(CONTENT-TYPE)%", &"%RESPONSE_CODE%", &"%GRPC_STATUS_NUMBER%", &"%RESPONSE_FLAGS%"]
    );
}

#[test]
fn the_filter_makes_metrics_wherever_anything_is_in_doubt() {
    let edited = |from: &str, to: &str| {
        let base = base("INBOUND");
        assert!(base.contains(from), "{from}");
        base.replace(from, to)
    };
    let top = |text: &str| edited("admin: {}", &format!("admin: {{}}\n{text}"));
    for (what, base) in [
        ("names that are matched", top("stats_config: {stats_matcher: {reject_all: false}}")),
        ("series that go", top("stats_eviction_interval: 60s")),
        ("clusters from elsewhere", top("dynamic_resources: {cds_config: {path: /clusters}}")),
        (
            "a cluster's service",
            edited("    connect_timeout: 5s", "    metadata: {filter_metadata: {istio: {services: []}}}"),
        ),
        ("an endpoint's workload", edited("[{endpoint:", "[{metadata: {}, endpoint:")),
        ("endpoints from elsewhere", edited("type: STATIC", "type: EDS")),
        ("servers' certificates", edited("    connect_timeout: 5s", "    transport_socket: {name: tls}")),
        ("what is not known of a cluster", edited("    connect_timeout: 5s", "    something: else")),
        (
            "callers' certificates",
            edited("    - filters:", "    - transport_socket: {name: tls}\n      filters:"),
        ),
        ("routes from elsewhere", edited("route_config: {virtual_hosts:", "rds: {ignored:")),
        ("a route without a service", edited("name: mine", "name: allow_any")),
        ("a cluster without a service", edited("- name: app", "- name: PassthroughCluster")),
        ("clusters on demand", edited("name: mine", "name: on_demand")),
    ] {
        assert_eq!(laid(&base, alone(), &of_140()), BY_FILTER, "{what}");
    }
    let whole = base("INBOUND");
    let older = "1.39".parse().unwrap();
    for (what, options) in [
        ("an unknown Envoy", Options { envoy: None, ..of_140() }),
        ("an older Envoy", Options { envoy: Some(older), ..of_140() }),
        ("a part of a configuration", Options { is_whole: false, ..of_140() }),
    ] {
        assert_eq!(laid(&whole, alone(), &options), BY_FILTER, "{what}");
    }
    let by_name = Options { envoy: Some(LEAST_ENVOY), is_whole: true, ..by_discovery() };
    assert_eq!(laid(&whole, alone(), &by_name), ["burgee.stats.inbound.auto"]);
    assert_eq!(laid(&whole, provider("auto"), &of_140()), ["burgee.telemetry.auto", "burgee.grpc_stats"]);
}

fn with_tag(expression: &str) -> ProviderMetrics {
    let tag = traced(TagOperation::Upsert(expression.to_owned()));
    let change = MetricOverride {
        metric: MetricName::Standard(StandardMetric::RequestSize),
        disabled: None,
        tags: [("mine".to_owned(), tag)].into(),
    };
    {
        let mut provider = alone();
        provider.overrides.push(change);
        provider
    }
}

#[test]
fn one_label_that_envoy_cannot_say_for_less_keeps_all_metrics() {
    assert_eq!(laid(&base("INBOUND"), with_tag("'always'"), &of_140()), BY_ENVOY);
    for expression in ["request.host", "response.code", "request.host + 'x'"] {
        assert_eq!(laid(&base("INBOUND"), with_tag(expression), &of_140()), BY_FILTER, "{expression}");
    }
}

#[test]
fn who_makes_what_is_said_with_the_reason() {
    let text = |provider: ProviderMetrics, class| {
        let made = engines(&everywhere(vec![provider]), class);
        assert_eq!(made.len(), 4);
        (made[3].maker, made[3].text("IT"))
    };
    for (provider, class, maker, expected) in [
        (
            provider("auto"),
            ListenerClass::Inbound,
            Maker::Filter,
            "the Wasm filter makes IT of auto: proxies tell each other who they are, which takes a filter in any case",
        ),
        (
            alone(),
            ListenerClass::Inbound,
            Maker::Depends,
            "Envoy itself or the Wasm filter makes IT of auto: Envoy where it is 1.40 or newer and the proxy's whole \
             configuration shows that neither clusters nor certificates have a part in labels",
        ),
        (
            alone(),
            ListenerClass::Outbound,
            Maker::Filter,
            "the Wasm filter makes IT of auto: its label destination_service has texts that others choose, and beyond \
             the bound Envoy counts no new one",
        ),
        (
            with_tag("request.host"),
            ListenerClass::Inbound,
            Maker::Filter,
            "the Wasm filter makes IT of auto: Envoy would evaluate an expression for its label mine for each metric \
             anew",
        ),
        (
            native(),
            ListenerClass::Outbound,
            Maker::Envoy,
            "Envoy itself makes IT of native: that is asked for",
        ),
    ] {
        assert_eq!(text(provider, class), (maker, expected.to_owned()), "{class:?}");
    }
}

#[test]
fn without_the_exchange_no_filter_of_it_is_laid() {
    let filtered = ProviderMetrics { engine: Some(traced(MetricsEngine::Wasm)), ..alone() };
    assert_eq!(laid(&base("INBOUND"), filtered.clone(), &of_140()), BY_FILTER);
    // One provider that shows peers is enough.
    let result = overlay(&yaml(&base("INBOUND")), &everywhere(vec![filtered, provider("shows")]), &options());
    assert!(result.value.to_yaml().contains("root_id: telemetry"));
}

#[test]
fn fields_are_published_where_envoy_reads_them_and_nowhere_else() {
    let told = |provider: ProviderMetrics| {
        let result = overlay(&yaml(&base("INBOUND")), &everywhere(vec![provider]), &options());
        result.value.to_yaml().contains("publish_fields")
    };
    assert!(told(native()));
    assert!(!told(provider("wasm")));
    assert!(!told(ProviderMetrics { peers: Some(traced(PeerMetadata::Off)), ..native() }));
}
