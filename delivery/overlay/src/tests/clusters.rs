//! The clusters that lead to collectors: found in a base, added to it, or awaited from elsewhere.

use std::time::Duration;

use burgee_api::Severity;
use burgee_api::resolve::{AccessLogger, ClassPolicy, Collector, Effective, Endpoint, LogSink, Protocol};

use super::policies::{collector, mesh_logger, of_every_class, otel_logger, otel_tracing, tcp_logger};
use super::support::{base, dig, listener_with, nothing, options, yaml};
use crate::{Overlaid, Value, awaits, overlay};

/// A policy of these loggers.
fn of_logs(access_logs: Vec<AccessLogger>) -> Effective {
    of_every_class(&ClassPolicy { access_logs, ..ClassPolicy::default() })
}

/// A logger to a collector with these endpoints.
fn logger_to(endpoints: &[(&str, u16)]) -> AccessLogger {
    let mut logger = tcp_logger("tcp");
    if let LogSink::Service { collector, .. } = &mut logger.sink {
        collector.endpoints = endpoints
            .iter()
            .map(|(address, port)| match address.strip_prefix("unix://") {
                Some(path) => Endpoint::Socket { path: path.to_owned() },
                None => Endpoint::Host { address: (*address).to_owned(), port: *port },
            })
            .collect();
    }
    logger
}

fn lay(base: &Value, policy: &Effective) -> Overlaid {
    let laid = overlay(base, policy, &options());
    assert_eq!(overlay(&laid.value, policy, &options()), laid, "twice is once");
    assert_eq!(&overlay(&laid.value, &nothing(), &options()).value, base, "back again");
    laid
}

/// The clusters that are added to a base, by name.
fn added(base: &Value, policy: &Effective) -> Vec<(String, Value)> {
    let laid = lay(base, policy);
    let is_cluster = |value: &Value| value.field("load_assignment").is_some();
    let clusters = laid.edits.into_iter().filter(|edit| is_cluster(&edit.value));
    clusters.map(|edit| (edit.path.to_string(), edit.value)).collect()
}

const NAME: &str = "outbound|4317||otel.obs.svc";

#[test]
fn what_a_base_lacks_is_added() {
    let policy = of_every_class(&ClassPolicy {
        access_logs: vec![mesh_logger(), otel_logger("logs")],
        tracing: otel_tracing(true),
        ..ClassPolicy::default()
    });
    let laid = lay(&base("front-proxy.yaml"), &policy);
    assert!(laid.problems.is_empty() && laid.awaited_clusters.is_empty(), "{laid:#?}");
    let mut out = String::new();
    for edit in laid.edits.iter().filter(|edit| edit.value.field("load_assignment").is_some()) {
        let owners: Vec<String> = edit.owner.origins.iter().map(ToString::to_string).collect();
        out += &format!("+ {} because of {}\n{}", edit.path, owners.join(", "), edit.value.to_yaml());
    }
    insta::assert_snapshot!(out);
}

#[test]
fn what_a_base_has_is_used() {
    let policy = of_logs(vec![otel_logger("logs")]);
    let mut with_cluster = base("front-proxy.yaml");
    let clusters = with_cluster.field_mut("static_resources").and_then(|it| it.field_mut("clusters"));
    let Some(Value::List(clusters)) = clusters else { panic!("clusters") };
    clusters.push(yaml(&format!("{{name: '{NAME}', type: LOGICAL_DNS}}")));
    assert_eq!(added(&with_cluster, &policy), []);
    assert!(lay(&with_cluster, &policy).problems.is_empty());
}

#[test]
fn an_address_needs_no_look_up() {
    for (endpoints, is_static) in [
        (&[("10.0.0.1", 1), ("::1", 2)][..], true),
        (&[("unix:///run/otlp.sock", 0)], true),
        (&[("10.0.0.1", 1), ("otel.example", 2)], false),
        (&[("1.2.3", 1)], false),
    ] {
        let [(_, cluster)] =
            added(&base("front-proxy.yaml"), &of_logs(vec![logger_to(endpoints)])).try_into().expect("one");
        assert_eq!(cluster.field("type").is_some(), is_static, "{endpoints:?}");
        assert_eq!(cluster.field("cluster_type").is_none(), is_static, "{endpoints:?}");
        let found = dig(&cluster, "load_assignment.endpoints.0.lb_endpoints").items();
        assert_eq!(found.len(), endpoints.len());
        for (endpoint, (address, port)) in found.iter().zip(endpoints) {
            let expected = match address.strip_prefix("unix://") {
                Some(path) => format!("{{pipe: {{path: {path}}}}}"),
                None => format!("{{socket_address: {{address: \"{address}\", port_value: {port}}}}}"),
            };
            assert_eq!(dig(endpoint, "endpoint.address"), &yaml(&expected));
        }
    }
}

#[test]
fn a_cluster_speaks_what_its_collector_does_and_waits_as_long_as_the_mesh_says() {
    let cluster = |change: fn(&mut Collector)| {
        let mut logger = otel_logger("logs");
        if let LogSink::Otel { collector, .. } = &mut logger.sink {
            change(collector);
        }
        let [(_, cluster)] =
            added(&base("front-proxy.yaml"), &of_logs(vec![logger])).try_into().expect("one");
        cluster
    };
    let options = |cluster: &Value| {
        let options = dig(cluster, "typed_extension_protocol_options");
        let Value::Map(options) = options else { panic!("{options:?}") };
        dig(&options[0].1, "explicit_http_config").clone()
    };
    let second = cluster(|_| {});
    assert_eq!(options(&second), yaml("{http2_protocol_options: {}}"));
    assert_eq!(dig(&second, "connect_timeout").as_str(), Some("10s"));
    let first = cluster(|collector| {
        collector.protocol = Protocol::Http1;
        collector.connect_timeout = Duration::from_millis(250);
    });
    assert_eq!(options(&first), yaml("{http_protocol_options: {}}"));
    assert_eq!(dig(&first, "connect_timeout").as_str(), Some("0.25s"));
}

#[test]
fn clusters_that_come_from_elsewhere_are_awaited() {
    let policy = of_logs(vec![otel_logger("logs")]);
    let awaited = |base: &Value| {
        let laid = lay(base, &policy);
        assert!(laid.problems.is_empty(), "{:#?}", laid.problems);
        assert!(added(base, &policy).is_empty());
        laid.awaited_clusters
    };
    let mut by_others = base("front-proxy.yaml");
    let Value::Map(fields) = &mut by_others else { panic!("a map") };
    fields.push(("dynamic_resources".to_owned(), yaml("cds_config: {ads: {}}")));
    assert_eq!(awaited(&by_others), [NAME]);
    assert_eq!(awaited(&base("listeners-file.yaml")), [NAME]);
    assert_eq!(awaited(&listener_with(Vec::new())), [NAME]);
    let known = by_others.field_mut("static_resources").and_then(|it| it.field_mut("clusters"));
    let Some(Value::List(clusters)) = known else { panic!("clusters") };
    clusters.push(yaml(&format!("name: '{NAME}'")));
    assert_eq!(awaited(&by_others), [""; 0]);

    assert_eq!(awaits(&[]), None);
    let note = awaits(&[NAME.to_owned(), "b".to_owned()]).expect("a note");
    assert_eq!((note.severity, note.code.0), (Severity::Note, "BG0631"));
    assert!(note.message.contains(NAME) && note.message.contains("\"b\""), "{note}");
}

#[test]
fn a_response_of_clusters_gets_all_that_the_policy_needs() {
    const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    let policy = of_logs(vec![mesh_logger(), otel_logger("logs")]);
    for (text, index) in [
        (format!("{{type_url: {CLUSTER}}}"), 0),
        (format!("{{type_url: {CLUSTER}, resources: []}}"), 0),
        (format!("{{type_url: {CLUSTER}, resources: ~}}"), 0),
        (format!("{{resources: [{{'@type': {CLUSTER}, name: web}}]}}"), 1),
        (
            format!(
                "{{resources: [{{'@type': type.googleapis.com/envoy.service.discovery.v3.Resource, name: web, \
                 resource: {{'@type': {CLUSTER}, name: web}}}}]}}"
            ),
            1,
        ),
    ] {
        let clusters = added(&yaml(&text), &policy);
        let names: Vec<(&str, &str)> = clusters
            .iter()
            .map(|(path, cluster)| (path.as_str(), dig(cluster, "name").as_str().unwrap_or_default()))
            .collect();
        let at = |i: usize| format!("resources[{}]", index + i);
        assert_eq!(names, [(at(0).as_str(), "envoy_accesslog_service"), (at(1).as_str(), NAME)], "{text}");
        assert!(clusters.iter().all(|(_, cluster)| dig(cluster, "@type").as_str() == Some(CLUSTER)));
    }
    let own = format!("{{resources: [{{'@type': {CLUSTER}, name: '{NAME}'}}]}}");
    assert_eq!(added(&yaml(&own), &of_logs(vec![otel_logger("logs")])), []);
}

#[test]
fn a_bootstrap_whose_listeners_come_from_elsewhere_gets_all_of_them_too() {
    let policy = of_logs(vec![otel_logger("logs")]);
    for resources in [
        "",
        "static_resources: ~",
        "static_resources: {}",
        "static_resources: {clusters: ~}",
        "static_resources: {clusters: []}",
        "staticResources: {clusters: [{name: web}]}",
    ] {
        let text =
            format!("dynamic_resources: {{lds_config: {{path_config_source: {{path: /l}}}}}}\n{resources}");
        let [(path, _)] = added(&yaml(&text), &policy).try_into().expect("one");
        let index = usize::from(resources.contains("web"));
        assert_eq!(path, format!("static_resources.clusters[{index}]"), "{resources}");
    }
    // Nothing here refers to it.
    assert_eq!(added(&yaml("static_resources: {listeners: []}"), &policy), []);
}

#[test]
fn where_clusters_cannot_be_written_none_is() {
    let policy = of_logs(vec![otel_logger("logs")]);
    for (resources, path) in [
        ("static_resources: text", "static_resources"),
        ("static_resources: {clusters: {}}", "static_resources.clusters"),
    ] {
        let base = yaml(&format!("dynamic_resources: {{lds_config: {{}}}}\n{resources}"));
        let laid = lay(&base, &policy);
        let problems: Vec<_> = laid.problems.iter().map(|it| (it.code.0, it.path.as_str())).collect();
        assert_eq!((problems, laid.value), (vec![("BG0630", path)], base), "{resources}");
    }
}

#[test]
fn a_service_that_is_nowhere_is_told() {
    let mut logger = mesh_logger();
    logger.sink = LogSink::MeshService { address: None };
    let policy = of_logs(vec![logger]);
    let codes = |base: &Value| lay(base, &policy).problems.iter().map(|it| it.code.0).collect::<Vec<_>>();
    let front = base("front-proxy.yaml");
    assert_eq!(added(&front, &policy), []);
    assert_eq!(codes(&front), ["BG0618"]);
    let mut known = front;
    let clusters = known.field_mut("static_resources").and_then(|it| it.field_mut("clusters"));
    let Some(Value::List(clusters)) = clusters else { panic!("clusters") };
    clusters.push(yaml("name: envoy_accesslog_service"));
    assert_eq!(codes(&known), [""; 0]);
}

#[test]
fn one_port_cannot_speak_two_protocols() {
    let mut other = otel_logger("over-http");
    if let LogSink::Otel { collector: to, .. } = &mut other.sink {
        *to = Collector { protocol: Protocol::Http1, ..collector() };
    }
    for loggers in [[other.clone(), otel_logger("over-grpc")], [otel_logger("over-grpc"), other]] {
        let policy = of_logs(loggers.to_vec());
        let laid = lay(&base("front-proxy.yaml"), &policy);
        let [problem] = laid.problems.as_slice() else { panic!("{:#?}", laid.problems) };
        assert_eq!(problem.code.0, "BG0632");
        assert!(problem.message.contains("over-http") && problem.message.contains("over-grpc"), "{problem}");
        let [(_, cluster)] = added(&base("front-proxy.yaml"), &policy).try_into().expect("one");
        assert!(cluster.to_yaml().contains("http2_protocol_options"));
    }
}

#[test]
fn what_others_put_beside_clusters_of_ours_stays() {
    let policy = of_logs(vec![otel_logger("logs")]);
    let once = lay(&yaml("dynamic_resources: {lds_config: {}}"), &policy).value;
    let change = |from: &str, to: &str| {
        let text = once.to_yaml();
        assert!(text.contains(from), "{text}");
        overlay(&yaml(&text.replacen(from, to, 1)), &nothing(), &options()).value
    };
    let listeners = change("static_resources:\n", "static_resources:\n  listeners: []\n");
    assert_eq!(listeners, yaml("dynamic_resources: {lds_config: {}}\nstatic_resources: {listeners: []}"));
    let beside = change("  clusters:\n", "  clusters:\n  - name: web\n");
    assert_eq!(
        beside,
        yaml("dynamic_resources: {lds_config: {}}\nstatic_resources: {clusters: [{name: web}]}")
    );
    // Under another name it is somebody's.
    let renamed = once.to_yaml().replacen(&format!("- name: {NAME}"), "- name: other", 1);
    let renamed = overlay(&yaml(&renamed), &nothing(), &options());
    assert_eq!(renamed.problems.iter().map(|it| it.code.0).collect::<Vec<_>>(), ["BG0609"]);
    assert_eq!(dig(&renamed.value, "static_resources.clusters").items().len(), 1);
}
