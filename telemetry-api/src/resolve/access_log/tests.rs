//! Where log lines go and how they look. How entries add up is in the worked examples in `tests/cases`.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::resolve::fixture::{Levels, policies, service, workload};
use crate::resolve::log_format::{DEFAULT_JSON, DEFAULT_TEXT};
use crate::resolve::{LogEntries, LogFormat, RemoteService, TcpKeepalive, WorkloadKind};
use crate::test;

/// A mesh that logs to a file of its own where nothing is in force, with these default providers.
fn mesh(defaults: &str) -> String {
    format!(
        "accessLogFile: /mesh.log\ndefaultProviders: {{accessLogging: [{defaults}]}}\nextensionProviders:\n\
         - {{name: file, envoyFileAccessLog: {{path: /f}}}}\n\
         - {{name: olog, envoyOtelAls: {{service: collector.obs, port: 4317}}}}\n\
         - {{name: als, envoyHttpAls: {{service: collector.obs, port: 4317}}}}\n\
         - {{name: tcpals, envoyTcpAls: {{service: collector.obs, port: 4317}}}}\n\
         {}",
        service("collector", "obs", "collector.obs")
    )
}

#[test]
fn istio_does_not_ask_which_protocol_a_logger_is_for() {
    let set = policies(&mesh(""), "accessLogging", &[("N", &["p=tcpals,als"])]);
    let effective = set.resolve(&workload(WorkloadKind::Sidecar));
    let loggers = &effective.class(ListenerClass::Inbound).access_logs;
    let names: Vec<&str> = loggers.iter().map(|logger| logger.provider.value.as_str()).collect();
    assert_eq!(names, ["als", "tcpals"]);
}

/// The only logger of a mesh's outbound listeners.
fn only(mesh: &str) -> LogSink {
    let effective = policies(mesh, "accessLogging", &[]).resolve(&workload(WorkloadKind::Sidecar));
    match effective.class(ListenerClass::Outbound).access_logs.as_slice() {
        [logger] => logger.sink.clone(),
        other => panic!("not one logger: {other:?}"),
    }
}

fn usual_json() -> LogFormat {
    let object = DEFAULT_JSON.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    LogFormat::Labels(object)
}

fn text(line: &str) -> LogFormat {
    LogFormat::Text(line.to_owned())
}

fn object(value: serde_json::Value) -> LogFormat {
    match value {
        serde_json::Value::Object(object) => LogFormat::Labels(object),
        other => panic!("no object: {other}"),
    }
}

#[test]
fn the_format_of_a_provider_is_filled_in() {
    let usual = || text(DEFAULT_TEXT);
    for (body, path, format) in [
        ("", "/dev/stdout", usual()),
        ("path: /p", "/p", usual()),
        ("path: ''", "/dev/stdout", usual()),
        ("logFormat: {}", "/dev/stdout", usual()),
        ("logFormat: {text: ''}", "/dev/stdout", usual()),
        ("logFormat: {text: '%PROTOCOL%'}", "/dev/stdout", text("%PROTOCOL%\n")),
        ("logFormat: {text: \"%PROTOCOL%\\n\"}", "/dev/stdout", text("%PROTOCOL%\n")),
        ("logFormat: {labels: {}}", "/dev/stdout", usual_json()),
        (
            "logFormat: {labels: {code: '%RESPONSE_CODE%', deep: {n: 1, list: [true, null]}}}",
            "/dev/stdout",
            object(json!({"code": "%RESPONSE_CODE%", "deep": {"n": 1, "list": [true, null]}})),
        ),
    ] {
        let mesh = format!(
            "extensionProviders:\n- {{name: own, envoyFileAccessLog: {{{body}}}}}\ndefaultProviders: {{accessLogging: [own]}}\n"
        );
        let expected = LogSink::File { path: path.to_owned(), format, omit_empty_values: false };
        assert_eq!(only(&mesh), expected, "{body}");
    }
}

#[test]
fn the_built_in_provider_writes_as_the_mesh_does_unless_it_says_anything() {
    let settings = "accessLogEncoding: JSON\naccessLogFormat: '{\"a\": \"b\"}'\ndefaultProviders: {accessLogging: [NAME]}\n";
    for (name, body, format, omit) in [
        ("envoy", "", object(json!({"a": "b"})), false),
        ("envoy", "path: /dev/stdout", object(json!({"a": "b"})), false),
        ("envoy", "omitEmptyValues: true", text(DEFAULT_TEXT), true),
        ("envoy", "logFormat: {labels: {}}", usual_json(), false),
        ("other", "", text(DEFAULT_TEXT), false),
    ] {
        let mesh =
            format!("{settings}extensionProviders:\n- {{name: {name}, envoyFileAccessLog: {{{body}}}}}\n")
                .replace("NAME", name);
        let expected = LogSink::File { path: "/dev/stdout".to_owned(), format, omit_empty_values: omit };
        assert_eq!(only(&mesh), expected, "{name} {body}");
    }
}

#[test]
fn the_meshs_own_file_has_its_format_and_encoding() {
    for (settings, format) in [
        ("", text(DEFAULT_TEXT)),
        ("accessLogFormat: 'x'", text("x\n")),
        ("accessLogEncoding: JSON", usual_json()),
        ("accessLogEncoding: JSON\naccessLogFormat: '{\"a\": 1}'", object(json!({"a": 1}))),
        ("accessLogEncoding: JSON\naccessLogFormat: '[1]'", usual_json()),
        ("accessLogEncoding: JSON\naccessLogFormat: '{'", usual_json()),
    ] {
        let mesh = format!("accessLogFile: /mesh.log\n{settings}\n");
        let expected = LogSink::File { path: "/mesh.log".to_owned(), format, omit_empty_values: false };
        assert_eq!(only(&mesh), expected, "{settings}");
    }
}

#[test]
fn entries_go_to_a_service_of_envoys_protocol() {
    let mesh = |kind: &str, body: &str| {
        format!(
            "extensionProviders:\n- {{name: als, {kind}: {{service: collector.obs, port: 4317{body}}}}}\n\
             defaultProviders: {{accessLogging: [als]}}\n{}",
            service("collector", "obs", "collector.obs")
        )
    };
    let http = |request: &[&str], response: &[&str], trailers: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        LogEntries::Http {
            request_headers: owned(request),
            response_headers: owned(response),
            response_trailers: owned(trailers),
        }
    };
    let all = ", additionalRequestHeadersToLog: [b, a], additionalResponseHeadersToLog: [c], \
               additionalResponseTrailersToLog: [d]";
    let peers = &["upstream_peer", "downstream_peer"][..];
    for (kind, body, expected, name, state) in [
        ("envoyHttpAls", "", http(&[], &[], &[]), "http_envoy_accesslog", peers),
        ("envoyHttpAls", ", logName: ''", http(&[], &[], &[]), "http_envoy_accesslog", peers),
        ("envoyHttpAls", all, http(&["b", "a"], &["c"], &["d"]), "http_envoy_accesslog", peers),
        (
            "envoyHttpAls",
            ", logName: mine, filterStateObjectsToLog: [x]",
            http(&[], &[], &[]),
            "mine",
            &["x"][..],
        ),
        ("envoyTcpAls", "", LogEntries::Tcp, "tcp_envoy_accesslog", peers),
        ("envoyTcpAls", ", filterStateObjectsToLog: []", LogEntries::Tcp, "tcp_envoy_accesslog", peers),
        ("envoyTcpAls", ", logName: mine, filterStateObjectsToLog: [x]", LogEntries::Tcp, "mine", &["x"]),
    ] {
        let LogSink::Service { entries, collector, log_name, filter_state } = only(&mesh(kind, body)) else {
            panic!("{kind} {body} goes elsewhere");
        };
        assert_eq!(collector.cluster(), "outbound|4317||collector.obs");
        assert_eq!((entries, log_name.as_str()), (expected, name), "{kind} {body}");
        assert_eq!(filter_state, state, "{kind} {body}");
    }
}

#[test]
fn the_meshs_own_service_logs_beside_its_file() {
    let enabled = "enableEnvoyAccessLogService: true\n";
    let named = "defaultConfig: {envoyAccessLogService: {address: 'als.obs:9000'}}\n";
    let over_tls =
        "defaultConfig: {envoyAccessLogService: {address: 'als.obs:9000', tlsSettings: {mode: SIMPLE}}}\n";
    let address = |keepalive| {
        let (host, security) = ("als.obs".to_owned(), Security::ClearText);
        Some(RemoteService { host, port: 9000, security, keepalive })
    };
    assert_eq!(only(enabled), LogSink::MeshService { address: None });
    assert_eq!(only(&format!("{enabled}{named}")), LogSink::MeshService { address: address(None) });
    assert_eq!(only(&format!("{enabled}{over_tls}")), LogSink::MeshService { address: None });
    let kept = "defaultConfig:\n  envoyAccessLogService:\n    address: als.obs:9000\n    tlsSettings: {mode: DISABLE}\n    \
                tcpKeepalive: {probes: 3, time: 30s}\n";
    let keepalive = TcpKeepalive { probes: Some(3), time: Some(Duration::from_secs(30)), interval: None };
    let address = address(Some(keepalive));
    assert_eq!(only(&format!("{enabled}{kept}")), LogSink::MeshService { address });
    let names = |mesh: &str, levels: Levels<'_>| {
        let effective = policies(mesh, "accessLogging", levels).resolve(&workload(WorkloadKind::Sidecar));
        let logs = &effective.class(ListenerClass::Inbound).access_logs;
        logs.iter().map(|logger| logger.provider.value.clone()).collect::<Vec<_>>()
    };
    let both = format!("accessLogFile: /dev/stdout\n{enabled}");
    assert_eq!(names(&both, &[]), [AccessLogger::MESH_FILE, AccessLogger::MESH_SERVICE]);
    assert_eq!(names(&both, &[("N", &["p=envoy"])]), ["envoy"]);
    assert_eq!(names(named, &[]), [""; 0]);
}

#[test]
fn listeners_log_unless_the_mesh_says_otherwise() {
    for (mesh, expected) in [
        ("", None),
        ("disableEnvoyListenerLog: false\n", None),
        ("disableEnvoyListenerLog: true\n", Some("disableEnvoyListenerLog")),
    ] {
        let effective = policies(mesh, "accessLogging", &[]).resolve(&workload(WorkloadKind::Sidecar));
        for class in ListenerClass::ALL {
            let because = match &effective.class(class).listener_logs {
                ListenerLogs::On => None,
                ListenerLogs::Off(origin) => Some(origin.to_string()),
            };
            assert_eq!(because.is_some(), expected.is_some(), "{mesh}");
            assert!(because.unwrap_or_default().contains(expected.unwrap_or_default()), "{mesh}");
        }
    }
}

#[test]
fn a_mesh_without_a_file_logs_nothing_of_its_own() {
    let effective = policies("", "accessLogging", &[]).resolve(&workload(WorkloadKind::Sidecar));
    assert!(ListenerClass::ALL.iter().all(|class| effective.class(*class).access_logs.is_empty()));
}

#[test]
fn records_go_to_the_collector_with_body_and_attributes() {
    let mesh = |body: &str| {
        format!(
            "extensionProviders:\n- {{name: olog, envoyOtelAls: {{service: collector.obs, port: 4317{body}}}}}\n\
             defaultProviders: {{accessLogging: [olog]}}\n{}",
            service("collector", "obs", "collector.obs")
        )
    };
    for (said, name, expected, labels) in [
        ("", "otel_envoy_accesslog", DEFAULT_TEXT, vec![]),
        (", logName: mine, logFormat: {text: x}", "mine", "x", vec![]),
        (
            ", logFormat: {labels: {b: '%PROTOCOL%', a: 1}}",
            "otel_envoy_accesslog",
            DEFAULT_TEXT,
            vec![("a", ""), ("b", "%PROTOCOL%")],
        ),
    ] {
        let LogSink::Otel { collector, log_name, body, attributes } = only(&mesh(said)) else {
            panic!("{said} goes to a file");
        };
        assert_eq!(collector.cluster(), "outbound|4317||collector.obs");
        assert_eq!((log_name.as_str(), body.as_str()), (name, expected), "{said}");
        let found: Vec<(&str, &str)> =
            attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, labels, "{said}");
    }
}

#[test]
fn a_logger_names_the_lines_that_made_it() {
    let set = policies(&mesh(""), "accessLogging", &[("R", &["p=file"]), ("N", &["p=file f=A"])]);
    let effective = set.resolve(&workload(WorkloadKind::Sidecar));
    let [logger] = effective.class(ListenerClass::Inbound).access_logs.as_slice() else { panic!("not one") };
    let shown = |origin: &crate::Origin| origin.to_string().split(" (").next().unwrap_or_default().to_owned();
    assert_eq!(shown(&logger.provider.origin), "Telemetry a/level-n spec.accessLogging[0].providers[0].name");
    let filter = logger.filter.as_ref().expect("a filter");
    assert_eq!(shown(&filter.origin), "Telemetry a/level-n spec.accessLogging[0].filter.expression");
}

#[test]
fn the_hash_covers_what_decides_about_logs() {
    let of = |text: &str, levels: Levels<'_>| policies(text, "accessLogging", levels).hash().to_owned();
    let mut hashes = vec![of("", &[])];
    for text in [
        "accessLogFile: /a\n",
        "accessLogFormat: a\n",
        "accessLogEncoding: JSON\n",
        "defaultProviders: {accessLogging: [envoy]}\n",
        "extensionProviders: [{name: a, envoyFileAccessLog: {}}]\n",
        "extensionProviders: [{name: a, envoyFileAccessLog: {path: /a}}]\n",
        "extensionProviders: [{name: a, envoyFileAccessLog: {logFormat: {labels: {a: b}}}}]\n",
        "enableEnvoyAccessLogService: true\n",
        "disableEnvoyListenerLog: true\n",
        "defaultConfig: {envoyAccessLogService: {address: 'a:1'}}\n",
        "defaultConfig: {envoyAccessLogService: {address: 'a:2'}}\n",
        "defaultConfig: {envoyAccessLogService: {address: 'a:2', tcpKeepalive: {probes: 3}}}\n",
        "defaultConfig: {envoyAccessLogService: {address: 'a:2', tlsSettings: {mode: SIMPLE}}}\n",
        "extensionProviders: [{name: a, envoyTcpAls: {service: a, port: 1}}]\n",
        "extensionProviders: [{name: a, envoyTcpAls: {service: a, port: 1, logName: l}}]\n",
        "extensionProviders: [{name: a, envoyTcpAls: {service: a, port: 1, filterStateObjectsToLog: [l]}}]\n",
        "extensionProviders: [{name: a, envoyHttpAls: {service: a, port: 1}}]\n",
        "extensionProviders: [{name: a, envoyHttpAls: {service: a, port: 1, additionalRequestHeadersToLog: [l]}}]\n",
        "extensionProviders: [{name: a, envoyHttpAls: {service: a, port: 1, additionalResponseHeadersToLog: [l]}}]\n",
        "extensionProviders: [{name: a, envoyHttpAls: {service: a, port: 1, additionalResponseTrailersToLog: [l]}}]\n",
        "extensionProviders: [{name: a, envoyOtelAls: {service: a, port: 1}}]\n",
        "extensionProviders: [{name: a, envoyOtelAls: {service: a, port: 2}}]\n",
        "extensionProviders: [{name: a, envoyOtelAls: {service: b, port: 1}}]\n",
        "extensionProviders: [{name: a, envoyOtelAls: {service: a, port: 1, logName: l}}]\n",
        "extensionProviders: [{name: a, envoyOtelAls: {service: a, port: 1, logFormat: {text: a}}}]\n",
        "extensionProviders: [{name: a, envoyOtelAls: {service: a, port: 1, logFormat: {labels: {a: b}}}}]\n",
        "extensionProviders: [{name: a, envoyFileAccessLog: {omitEmptyValues: true}}]\n",
        "extensionProviders: [{name: a, envoyFileAccessLog: {logFormat: {text: a}}}]\n",
        "extensionProviders: [{name: a, prometheus: {}}]\n",
        "extensionProviders: [{name: a, lightstep: {}}]\n",
    ] {
        hashes.push(of(text, &[]));
    }
    for entry in ["", "p=file", "off", "m=C", "p=file f=A", "p=file f=B"] {
        hashes.push(of("", &[("N", &[entry])]));
    }
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
}
