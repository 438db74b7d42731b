//! The worked examples of what access logs become in Envoy, from documents to loggers, by the names of their rows.

use burgee_api::document::{Source, read};
use burgee_api::resolve::{ClassPolicy, Effective, ListenerLogs, PolicySet, WorkloadKind};
use burgee_api::{Origin, Severity};

use super::policies::{http_logger, mesh_logger, of_every_class, tcp_logger, text_logger};
use super::support::{base, dig, options, workload, yaml};
use crate::{Value, overlay};

const MANAGER: &str = "filter_chains.0.filters.0.typed_config.access_log";
const PROXY: &str = "default_filter_chain.filters.0.typed_config.access_log";
const LISTENER: &str = "access_log";

/// A listener with both kinds of traffic.
fn listener(direction: &str) -> Value {
    const PREFIX: &str = "type.googleapis.com/envoy.extensions.filters";
    yaml(&format!(
        "{{name: l, traffic_direction: {direction}, filter_chains: [{{filters: [{{name: m, typed_config: {{'@type': \
         {PREFIX}.network.http_connection_manager.v3.HttpConnectionManager, http_filters: [{{name: router}}]}}}}]}}], \
         default_filter_chain: {{filters: [{{name: t, typed_config: {{'@type': \
         {PREFIX}.network.tcp_proxy.v3.TcpProxy, cluster: app}}}}]}}}}"
    ))
}

/// What documents say for a workload: a mesh, entries of the root namespace's Telemetry, namespaces in which the host
/// `als.obs.svc` is a service.
fn policy(mesh: &str, entries: &str, namespaces: &[&str], kind: WorkloadKind) -> Effective {
    let mut text = format!("rootNamespace: root\n{mesh}\n");
    if !entries.is_empty() {
        text += &format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: root}}\n\
             spec: {{accessLogging: [{entries}]}}\n"
        );
    }
    for namespace in namespaces {
        text += &format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
             metadata: {{name: als, namespace: {namespace}}}\n\
             spec: {{hosts: [als.obs.svc], ports: [{{number: 9000, name: grpc, protocol: GRPC}}]}}\n"
        );
    }
    let documents = read(&[Source::new("t.yaml", text)]);
    let refused: Vec<_> =
        documents.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let mut workload = workload();
    workload.kind = kind;
    PolicySet::new(documents.resources).resolve(&workload)
}

/// The loggers at a place, with what Envoy calls each kind.
fn loggers(policy: &Effective, place: &str) -> Vec<(String, Value)> {
    let direction = match policy.workload.kind {
        WorkloadKind::Gateway => "UNSPECIFIED",
        WorkloadKind::Sidecar => "INBOUND",
    };
    let result = overlay(&listener(direction), policy, &options()).value;
    let at: Vec<&str> = place.split('.').collect();
    let is_there = at.iter().try_fold(&result, |value, step| match step.parse::<usize>() {
        Ok(index) => value.items().get(index),
        Err(_) => value.field(step),
    });
    let list = is_there.map_or(&[][..], Value::items);
    list.iter()
        .map(|log| {
            let kind = log.field("typed_config").and_then(Value::any_type).unwrap_or_default();
            (kind.rsplit('.').next().unwrap_or_default().to_owned(), log.clone())
        })
        .collect()
}

/// The only logger at a place.
fn only(policy: &Effective, place: &str, kind: &str) -> Value {
    match <[(String, Value); 1]>::try_from(loggers(policy, place)) {
        Ok([(found, log)]) if found == kind => log,
        other => panic!("not one {kind}: {other:?}"),
    }
}

fn text_of(log: &Value) -> &str {
    let text = dig(log, "typed_config.log_format.text_format_source.inline_string");
    text.as_str().unwrap_or_default()
}

fn is_usual_text(log: &Value) -> bool {
    text_of(log).starts_with("[%START_TIME%] \"") && text_of(log).ends_with(" %ROUTE_NAME%\n")
}

const NO_ROUTE: &str = "{response_flag_filter: {flags: [NR]}}";

#[test]
fn the_meshs_own_file() {
    let mesh = "accessLogFile: /dev/stdout";
    let sidecar = policy(mesh, "", &[], WorkloadKind::Sidecar);
    for (row, place, filter) in
        [("E1", MANAGER, None), ("E1, TCP", PROXY, None), ("E2", LISTENER, Some(NO_ROUTE))]
    {
        let log = only(&sidecar, place, "FileAccessLog");
        assert_eq!(dig(&log, "typed_config.path").as_str(), Some("/dev/stdout"), "{row}");
        assert!(is_usual_text(&log), "{row}: {log:?}");
        assert_eq!(log.field("filter"), filter.map(yaml).as_ref(), "{row}");
    }
    let quiet = policy(&format!("{mesh}\ndisableEnvoyListenerLog: true"), "", &[], WorkloadKind::Sidecar);
    assert_eq!(loggers(&quiet, LISTENER), [], "E3");
    assert_eq!(loggers(&quiet, MANAGER).len(), 1, "E3");
}

#[test]
fn the_built_in_provider() {
    let json = "accessLogFile: /dev/stdout\naccessLogEncoding: JSON\naccessLogFormat: '{\"m\": \"%REQ(:METHOD)%\"}'\n";
    let declared =
        |body: &str| format!("{json}extensionProviders: [{{name: envoy, envoyFileAccessLog: {{{body}}}}}]");
    let log = |mesh: &str| {
        let policy = policy(mesh, "{providers: [{name: envoy}]}", &[], WorkloadKind::Sidecar);
        only(&policy, MANAGER, "FileAccessLog")
    };
    assert!(is_usual_text(&log("accessLogFile: /dev/stdout")), "E4");
    let expected = yaml("{m: '%REQ(:METHOD)%'}");
    assert_eq!(dig(&log(json), "typed_config.log_format.json_format"), &expected, "E5");
    let moved = log(&declared("path: /dev/stderr"));
    assert_eq!(dig(&moved, "typed_config.path").as_str(), Some("/dev/stderr"), "E6");
    assert_eq!(dig(&moved, "typed_config.log_format.json_format"), &expected, "E6");
    assert_eq!(text_of(&log(&declared("logFormat: {text: x}"))), "x\n", "E7");
}

#[test]
fn expressions_beside_what_a_place_is_for() {
    let mesh = "extensionProviders: [{name: j, envoyFileAccessLog: {logFormat: {labels: {}}}}]\n";
    let entry = "{providers: [{name: j}], filter: {expression: response.code >= 500}}";
    let gateway = policy(mesh, entry, &[], WorkloadKind::Gateway);
    let cel = "{extension_filter: {name: envoy.access_loggers.extension_filters.cel, typed_config: {'@type': \
               type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter, expression: \
               response.code >= 500}}}";
    let log = only(&gateway, MANAGER, "FileAccessLog");
    assert_eq!(log.field("filter"), Some(&yaml(cel)), "E8");
    let json = dig(&log, "typed_config.log_format.json_format");
    assert_eq!(json.field("method").and_then(Value::as_str), Some("%REQ(:METHOD)%"), "E8");
    let both = format!("{{and_filter: {{filters: [{NO_ROUTE}, {cel}]}}}}");
    assert_eq!(only(&gateway, LISTENER, "FileAccessLog").field("filter"), Some(&yaml(&both)), "E9");
    let servers = "{match: {mode: SERVER}, providers: [{name: j}]}";
    assert_eq!(loggers(&policy(mesh, servers, &[], WorkloadKind::Gateway), MANAGER), [], "E10");
    let with_file = format!("{mesh}accessLogFile: /mesh.log");
    let log = only(&policy(&with_file, servers, &[], WorkloadKind::Gateway), MANAGER, "FileAccessLog");
    assert_eq!(dig(&log, "typed_config.path").as_str(), Some("/mesh.log"), "E10");
}

#[test]
fn services_of_envoys_protocol() {
    let mesh = |service: &str| {
        format!(
            "accessLogFile: /mesh.log\nextensionProviders: [{{name: a, envoyHttpAls: {{service: {service}, port: 9000}}}}]"
        )
    };
    let of = |service: &str, namespaces: &[&str]| {
        policy(&mesh(service), "{providers: [{name: a}]}", namespaces, WorkloadKind::Sidecar)
    };
    for (row, service, namespaces) in
        [("E11", "als.obs.svc", &["obs"][..]), ("E13", "obs/als.obs.svc", &["obs", "other"])]
    {
        let log = only(&of(service, namespaces), MANAGER, "HttpGrpcAccessLogConfig");
        let common = yaml(
            "{log_name: http_envoy_accesslog, grpc_service: {envoy_grpc: {cluster_name: outbound|9000||als.obs.svc, \
             authority: als.obs.svc}}, transport_api_version: V3, filter_state_objects_to_log: [upstream_peer, \
             downstream_peer]}",
        );
        assert_eq!(dig(&log, "typed_config.common_config"), &common, "{row}");
        assert_eq!(log.field("filter"), None, "{row}");
    }
    let lost = only(&of("als.obs.svc", &["obs", "other"]), MANAGER, "FileAccessLog");
    assert_eq!(dig(&lost, "typed_config.path").as_str(), Some("/mesh.log"), "E12");
}

#[test]
fn records_and_formatters() {
    let mesh = "extensionProviders:\n\
                - {name: o, envoyOtelAls: {service: als.obs.svc, port: 9000, logFormat: {labels: {b: '%PROTOCOL%', a: x}}}}\n\
                - {name: t, envoyFileAccessLog: {logFormat: {text: '%REQ_WITHOUT_QUERY(:PATH)% %REQ_WITHOUT_QUERY(A)%'}}}\n";
    let log = |name: &str, kind: &str| {
        let entry = format!("{{providers: [{{name: {name}}}]}}");
        only(&policy(mesh, &entry, &["obs"], WorkloadKind::Sidecar), MANAGER, kind)
    };
    let records = log("o", "OpenTelemetryAccessLogConfig");
    let attributes =
        "{values: [{key: a, value: {string_value: x}}, {key: b, value: {string_value: '%PROTOCOL%'}}]}";
    assert_eq!(dig(&records, "typed_config.attributes"), &yaml(attributes), "E14");
    let body = dig(&records, "typed_config.body.string_value").as_str().unwrap_or_default();
    assert!(body.starts_with("[%START_TIME%] \""), "E14: {body}");
    assert_eq!(dig(&records, "typed_config.log_name").as_str(), Some("otel_envoy_accesslog"), "E14");
    assert_eq!(records.at(&["typed_config", "common_config"]), None, "deprecated");
    let lines = log("t", "FileAccessLog");
    assert_eq!(dig(&lines, "typed_config.log_format.formatters").items().len(), 1, "E15");
}

#[test]
fn the_meshs_own_service_has_a_log_for_each_place() {
    let policy = policy("enableEnvoyAccessLogService: true", "", &[], WorkloadKind::Sidecar);
    for (place, kind, name, filter) in [
        (MANAGER, "HttpGrpcAccessLogConfig", "http_envoy_accesslog", None),
        (PROXY, "TcpGrpcAccessLogConfig", "tcp_envoy_accesslog", None),
        (LISTENER, "TcpGrpcAccessLogConfig", "listener_envoy_accesslog", Some(NO_ROUTE)),
    ] {
        let log = only(&policy, place, kind);
        let common = dig(&log, "typed_config.common_config");
        assert_eq!(common.field("log_name").and_then(Value::as_str), Some(name));
        let service = yaml("{envoy_grpc: {cluster_name: envoy_accesslog_service}}");
        assert_eq!(common.field("grpc_service"), Some(&service), "{name}");
        assert_eq!(dig(common, "filter_state_objects_to_log").items().len(), 6, "{name}");
        assert_eq!(log.field("filter"), filter.map(yaml).as_ref(), "{name}");
    }
}

/// The paths of a base that get a logger.
fn places(base: &Value, policy: &Effective) -> Vec<String> {
    let edits = overlay(base, policy, &options()).edits;
    let paths = edits.iter().map(|edit| edit.path.to_string());
    paths.filter_map(|path| path.strip_suffix(".access_log[0]").map(str::to_owned)).collect()
}

#[test]
fn a_listener_that_captures_logs_and_its_guard_does_not() {
    let logs = ClassPolicy { access_logs: vec![text_logger("a")], ..ClassPolicy::default() };
    let of = |path: &str| format!("static_resources.listeners{path}");
    let captured = base("captured.yaml");
    assert_eq!(
        places(&captured, &of_every_class(&logs)),
        [
            of("[0]"),
            of("[0].default_filter_chain.filters[0].typed_config"),
            of("[1].filter_chains[0].filters[0].typed_config"),
            of("[2]"),
            of("[2].filter_chains[1].filters[0].typed_config"),
        ]
    );
    let quiet = ListenerLogs::Off(Origin::Rule("a test says so"));
    let quiet = ClassPolicy { listener_logs: quiet, ..logs };
    assert!(places(&captured, &of_every_class(&quiet)).iter().all(|path| path.contains("typed_config")));
    // Neither name nor field: nobody's connections but those that are made to it.
    let plain = |fields: &str| {
        let text = listener("OUTBOUND").to_json();
        yaml(&text.replacen("\"name\":", &format!("{fields}, \"name\":"), 1))
    };
    let takes = |listener: &Value| {
        let policy =
            of_every_class(&ClassPolicy { access_logs: vec![text_logger("a")], ..ClassPolicy::default() });
        let edits = overlay(listener, &policy, &options()).edits;
        edits.iter().any(|edit| edit.path.to_string() == "access_log[0]")
    };
    assert!(!takes(&plain("use_original_dst: false")));
    assert!(takes(&plain("useOriginalDst: true")));
}

#[test]
fn services_are_known_again_by_their_types() {
    let loggers = [http_logger("a"), tcp_logger("b"), mesh_logger()];
    let policy = of_every_class(&ClassPolicy { access_logs: loggers.to_vec(), ..ClassPolicy::default() });
    let base = listener("INBOUND");
    let once = overlay(&base, &policy, &options());
    assert_eq!(once.edits.len(), 9);
    assert_eq!(overlay(&once.value, &super::support::nothing(), &options()).value, base);
}
