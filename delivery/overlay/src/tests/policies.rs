//! Policies with access logs, traces and plugins, for the overlay's tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use burgee_api::origin::{DocumentId, Place};
use burgee_api::resolve::{
    AccessLogger, ClassPolicy, Collector, CustomTag, Effective, ListenerClass, ListenerLogs, LogEntries,
    LogFormat, LogSink, Plugin, Protocol, RemoteService, TcpKeepalive, Tracing, TracingSettings,
};
use burgee_api::resources::Meta;
use burgee_api::resources::TrafficExtension;
use burgee_api::resources::extension::{
    Code, FailStrategy, LuaCode, PluginKind, PluginPhase, PluginVariable, WasmCode, WrittenAs,
};
use burgee_api::resources::mesh_config::Security;
use burgee_api::{Origin, Traced};

use super::support::{busy, by_discovery, options, over_ads, traced, workload};
use super::tracers::{over_grpc, tracing_with};
use crate::{InlineModule, LogFiles, Module, Options, PluginModule};

pub(crate) fn collector() -> Collector {
    Collector::new("obs", "otel.obs.svc", 4317, Protocol::Http2)
}

fn logger(provider: &str, sink: LogSink) -> AccessLogger {
    AccessLogger { provider: traced(provider.to_owned()), sink, filter: None }
}

pub(crate) fn text_logger(provider: &str) -> AccessLogger {
    let format = LogFormat::Text("%REQ(:METHOD)% %RESPONSE_CODE%\n".to_owned());
    logger(provider, LogSink::File { path: "/dev/stdout".to_owned(), format, omit_empty_values: false })
}

pub(crate) fn filtered(mut logger: AccessLogger) -> AccessLogger {
    logger.filter = Some(Traced {
        value: "response.code >= 400".to_owned(),
        origin: Origin::Rule("a document's filter"),
    });
    logger
}

pub(crate) fn json_logger(provider: &str) -> AccessLogger {
    let labels = serde_json::json!({
        "verb": "%REQ(:METHOD)%",
        "code": "%RESPONSE_CODE%",
        "nested": {"path": "%REQ_WITHOUT_QUERY(:PATH)%", "list": ["%DURATION%", 1, true, null]},
        "zone": "north",
    });
    let serde_json::Value::Object(labels) = labels else { unreachable!("an object") };
    logger(
        provider,
        LogSink::File {
            path: "/var/log/access.json".to_owned(),
            format: LogFormat::Labels(labels),
            omit_empty_values: true,
        },
    )
}

pub(crate) fn otel_logger(provider: &str) -> AccessLogger {
    let attributes = [("status", "%RESPONSE_CODE%"), ("path", "%REQ_WITHOUT_QUERY(:PATH)%")];
    logger(
        provider,
        LogSink::Otel {
            collector: collector(),
            log_name: "otel_envoy_accesslog".to_owned(),
            body: "%PROTOCOL%".to_owned(),
            attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        },
    )
}

fn service_logger(provider: &str, entries: LogEntries) -> AccessLogger {
    logger(
        provider,
        LogSink::Service {
            entries,
            collector: collector(),
            log_name: "entries".to_owned(),
            filter_state: vec!["upstream_peer".to_owned(), "mine".to_owned()],
        },
    )
}

pub(crate) fn http_logger(provider: &str) -> AccessLogger {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let entries = LogEntries::Http {
        request_headers: names(&["x-tenant", ":path"]),
        response_headers: names(&["x-served-by"]),
        response_trailers: Vec::new(),
    };
    service_logger(provider, entries)
}

pub(crate) fn tcp_logger(provider: &str) -> AccessLogger {
    service_logger(provider, LogEntries::Tcp)
}

/// The mesh's own access log service.
pub(crate) fn mesh_logger() -> AccessLogger {
    let keepalive = TcpKeepalive { probes: Some(3), time: Some(Duration::from_secs(30)), interval: None };
    let address = Some(RemoteService {
        host: "als.obs".to_owned(),
        port: 9000,
        security: Security::ClearText,
        keepalive: Some(keepalive),
    });
    logger(AccessLogger::MESH_SERVICE, LogSink::MeshService { address })
}

pub(crate) fn settings(use_request_id: bool) -> TracingSettings {
    let tags = [
        ("canary", CustomTag::Literal("yes".to_owned())),
        ("empty", CustomTag::Literal(String::new())),
        ("host", CustomTag::Environment { name: "HOSTNAME".to_owned(), default: "none".to_owned() }),
        (
            "policy",
            CustomTag::Metadata { filter: "envoy.filters.http.rbac".to_owned(), key: "id".to_owned() },
        ),
        ("protocol", CustomTag::Formatter("%PROTOCOL%".to_owned())),
        ("tenant", CustomTag::Header { name: "x-tenant".to_owned(), default: String::new() }),
    ];
    TracingSettings {
        sampling: traced(33.5),
        custom_tags: tags.map(|(name, tag)| (name.to_owned(), traced(tag))).into(),
        use_request_id: traced(use_request_id),
        disable_context_propagation: traced(true),
        max_path_tag_length: Some(128),
        spawn_upstream_span: true,
    }
}

pub(crate) fn bootstrap_tracing() -> Tracing {
    let settings = TracingSettings {
        sampling: traced(1.0),
        custom_tags: Vec::new(),
        disable_context_propagation: traced(false),
        max_path_tag_length: None,
        spawn_upstream_span: false,
        ..settings(true)
    };
    Tracing::Bootstrap(settings)
}

pub(crate) fn otel_tracing(use_request_id: bool) -> Tracing {
    tracing_with("otel", over_grpc(), use_request_id)
}

/// A plugin `shop/NAME` without anything special; its document stands at line 1 of `NAME.yaml`.
pub(crate) fn plugin(name: &str, phase: PluginPhase, change: impl FnOnce(&mut WasmCode)) -> Plugin {
    let place = Place { file: format!("{name}.yaml").into(), line: 1, column: 1, width: 1 };
    let id = DocumentId { kind: "WasmPlugin".into(), namespace: "shop".into(), name: name.into() };
    let meta = Meta {
        id,
        place: place.clone(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        created: String::new(),
    };
    let origin = |path: &str| meta.origin(path, place.clone());
    let url = Traced { value: format!("oci://example.com/{name}:1"), origin: origin("spec.url") };
    let mut wasm = WasmCode {
        url,
        sha256: None,
        image_pull_policy: None,
        image_pull_secret: None,
        verification_key: None,
        plugin_config: None,
        plugin_config_keys: BTreeMap::new(),
        plugin_name: None,
        fail_strategy: traced(FailStrategy::Close),
        environment: Vec::new(),
        kind: PluginKind::Http,
    };
    change(&mut wasm);
    let document = TrafficExtension {
        meta: meta.clone(),
        written: WrittenAs::WasmPlugin,
        selector: None,
        target_refs: Vec::new(),
        phase: traced(phase),
        priority: None,
        matches: Vec::new(),
        local_module: None,
        code: Code::Wasm(Box::new(wasm)),
    };
    Plugin {
        origin: origin("spec"),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        document: Arc::new(document),
        ports: Vec::new(),
        refused: None,
        limits: burgee_api::resolve::Limits::default(),
    }
}

pub(crate) fn full_plugin() -> Plugin {
    plugin("guard", PluginPhase::Authn, |wasm| {
        let config = serde_json::json!({"mode": "strict", "limits": [1, 2]});
        wasm.plugin_config = config.as_object().cloned().map(traced);
        wasm.plugin_name = Some(traced("root".to_owned()));
        let variable = |name: &str, value: Option<&str>| PluginVariable {
            origin: Origin::Rule("a test says so"),
            name: name.to_owned(),
            value: value.map(str::to_owned),
        };
        wasm.environment =
            vec![variable("B", Some("2")), variable("A", Some("1")), variable("HOSTNAME", None)];
        wasm.fail_strategy = traced(FailStrategy::Reload);
    })
}

/// A plugin of connections.
pub(crate) fn network(name: &str, phase: PluginPhase, strategy: FailStrategy) -> Plugin {
    plugin(name, phase, |wasm| {
        wasm.kind = PluginKind::Network;
        wasm.fail_strategy = traced(strategy);
    })
}

/// A TrafficExtension with a script.
pub(crate) fn script(name: &str, phase: PluginPhase, text: &str) -> Plugin {
    let mut plugin = as_extension(plugin(name, phase, |_| {}));
    Arc::make_mut(&mut plugin.document).code = Code::Lua(LuaCode { inline: traced(text.to_owned()) });
    plugin
}

/// The same, written as a TrafficExtension.
pub(crate) fn as_extension(mut plugin: Plugin) -> Plugin {
    Arc::make_mut(&mut plugin.document).written = WrittenAs::TrafficExtension;
    plugin
}

/// Plugins of every phase and strategy, in the order of the phases.
pub(crate) fn plugins() -> Vec<Plugin> {
    let with = |strategy| move |wasm: &mut WasmCode| wasm.fail_strategy = traced(strategy);
    let mut at_port = plugin("ported", PluginPhase::Authz, |_| {});
    at_port.ports = vec![80, 8080];
    vec![
        full_plugin(),
        at_port,
        plugin("gone", PluginPhase::Authz, |_| {}),
        plugin("open-gone", PluginPhase::Stats, with(FailStrategy::Open)),
        network("tcp", PluginPhase::Stats, FailStrategy::Close),
        network("tcp-gone", PluginPhase::Authn, FailStrategy::Reload),
        network("tcp-open", PluginPhase::Unspecified, FailStrategy::Open),
        script("script", PluginPhase::Authz, "function envoy_on_request(handle)\nend\n"),
        plugin("local", PluginPhase::Unspecified, |wasm| {
            wasm.url = traced("file:///etc/burgee/local.wasm".to_owned());
        }),
        plugin("open", PluginPhase::Unspecified, with(FailStrategy::Open)),
    ]
}

/// The options of a run: modules for some of [`plugins`], a reporter, files of our own.
pub(crate) fn full(options: Options) -> Options {
    let module = |name: &str| {
        let path = format!("/modules/{name}.wasm");
        PluginModule::Ready(Module { path, sha256: "fedcba9876543210".repeat(4), metrics: Vec::new() })
    };
    let plugins =
        ["guard", "ported", "open", "tcp", "tcp-open"].map(|name| (format!("shop/{name}"), module(name)));
    let gone = PluginModule::Missing("nobody has it".to_owned());
    Options {
        plugins: plugins.into_iter().chain([("shop/open-gone".to_owned(), gone)]).collect(),
        log_files: LogFiles::Below { directory: "/run/logs/".to_owned() },
        reporter: Some("shop/web-v1".to_owned()),
        ..options
    }
}

/// Every way of delivery, with and without everything that a run adds, with modules in files and in the configuration.
pub(crate) fn all_options() -> [Options; 7] {
    [
        options(),
        by_discovery(),
        over_ads(),
        full(options()),
        full(by_discovery()),
        full(over_ads()),
        with_bytes(full(options())),
    ]
}

/// The same with the bytes of all modules.
pub(crate) fn with_bytes(mut options: Options) -> Options {
    for digest in [options.module.sha256.clone(), "fedcba9876543210".repeat(4), "0".repeat(64)] {
        options.inline_modules.insert(digest, InlineModule::new(b"\0asm"));
    }
    options
}

/// A bit of everything for every class.
pub(crate) fn everything() -> Effective {
    of_every_class(&ClassPolicy {
        metrics: busy().class(ListenerClass::Gateway).metrics.clone(),
        tracing: otel_tracing(false),
        access_logs: vec![
            filtered(text_logger("file")),
            http_logger("http"),
            json_logger("json"),
            mesh_logger(),
            otel_logger("otel"),
            filtered(tcp_logger("tcp")),
        ],
        listener_logs: ListenerLogs::On,
        plugins: plugins(),
    })
}

/// The same policy for every class.
pub(crate) fn of_every_class(policy: &ClassPolicy) -> Effective {
    let classes = ListenerClass::ALL.map(|class| (class, policy.clone()));
    Effective { workload: workload(), classes: BTreeMap::from(classes) }
}
