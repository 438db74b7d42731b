//! Access logs, traces and plugins: what is written, where it goes, and what is said where it cannot go.

use std::fmt::Write as _;

use burgee_api::Severity;
use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, Plugin, Tracing};
use burgee_api::resources::extension::{FailStrategy, PluginPhase, WasmCode};

use super::policies::{
    all_options, bootstrap_tracing, everything, filtered, full, full_plugin, of_every_class, otel_logger,
    otel_tracing, plugin, plugins, text_logger,
};
use super::support::{
    base, bases, busy, by_discovery, dig, listener_with, nothing, options, provider, traced, workload, yaml,
};
use crate::{Edit, Options, Value, extension_configs, overlay};

const FILTERS: &str = "filter_chains.0.filters.0.typed_config.http_filters";

fn of_plugins(plugins: Vec<Plugin>) -> Effective {
    of_every_class(&ClassPolicy { plugins, ..ClassPolicy::default() })
}

fn of_tracing(tracing: Tracing) -> Effective {
    of_every_class(&ClassPolicy { tracing, ..ClassPolicy::default() })
}

/// Edits as a text, without the labels of metrics.
fn printed(edits: &[Edit]) -> String {
    let mut out = String::new();
    for edit in edits {
        let path = edit.path.to_string();
        if path.starts_with("stats_config") || path.starts_with("node") {
            continue;
        }
        let _ = writeln!(out, "+ {path}");
        for origin in &edit.owner.origins {
            let _ = writeln!(out, "  because of {origin}");
        }
        for line in edit.value.to_yaml().lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    out
}

fn codes(problems: &[burgee_api::Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code.0).collect()
}

#[test]
fn everything_is_written_inline() {
    let mut result = overlay(&base("front-proxy.yaml"), &everything(), &full(options()));
    let mut out = printed(&result.edits);
    result.problems.sort();
    for problem in &result.problems {
        let _ = writeln!(out, "{problem}");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn plugins_are_delivered_by_name() {
    let policy = of_plugins(plugins());
    let mut out = printed(&overlay(&base("front-proxy.yaml"), &policy, &full(by_discovery())).edits);
    for config in extension_configs(&policy, &full(by_discovery())) {
        let _ = write!(out, "--- {}\n{}", config.file_name, config.value.to_yaml());
    }
    insta::assert_snapshot!(out);
}

#[test]
fn everything_can_be_taken_back_from_every_base() {
    for (name, base) in bases() {
        for options in all_options() {
            let once = overlay(&base, &everything(), &options);
            assert_ne!(once.value, base, "{name}");
            assert_eq!(overlay(&once.value, &everything(), &options), once, "{name}: twice is once");
            assert_eq!(overlay(&once.value, &nothing(), &options).value, base, "{name}: back again");
        }
    }
}

#[test]
fn every_name_of_a_plugin_is_an_extension_configuration() {
    let configs = extension_configs(&everything(), &full(by_discovery()));
    assert!(configs.is_sorted_by(|a, b| a.name < b.name));
    let mut found = 0;
    for (_, base) in bases() {
        for edit in overlay(&base, &everything(), &full(by_discovery())).edits {
            let Some(discovery) = edit.value.field("config_discovery") else { continue };
            let name = dig(&edit.value, "name").as_str().unwrap_or_default();
            let path = dig(discovery, "config_source.path_config_source.path").as_str().unwrap_or_default();
            let config = configs.iter().find(|config| config.name == name).expect(name);
            assert_eq!(path, format!("/run/burgee/{}", config.file_name));
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}

/// A manager with more fields beside its router.
fn manager_with(fields: &str) -> Value {
    let text = listener_with(Vec::new()).to_json();
    yaml(&text.replace("\"http_filters\":", &format!("{fields}, \"http_filters\":")))
}

#[test]
fn lists_that_were_empty_or_null_are_so_again() {
    for fields in [
        "access_log: []",
        "access_log: ~",
        "accessLog: []",
        "access_log: [{name: mine}]",
        "tracing: ~",
        "tracing: ~, request_id_extension: ~",
        "request_id_extension: ~",
    ] {
        let base = manager_with(fields);
        for options in all_options() {
            let once = overlay(&base, &everything(), &options);
            // Behind the plugins of connections.
            let filters = dig(&once.value, "filter_chains.0.filters").items();
            let config = dig(filters.last().expect("the manager"), "typed_config");
            assert!(dig(config, "access_log").items().len() >= 3, "{fields}");
            assert!(config.at(&["tracing", "provider"]).is_some(), "{fields}");
            assert_eq!(overlay(&once.value, &nothing(), &options).value, base, "{fields}");
        }
    }
}

/// The names of a listener's filters once plugins of every phase and metrics are laid over it; ours are marked.
fn order(filters: &[&str]) -> String {
    const PREFIX: &str = "type.googleapis.com/envoy.extensions.filters.http";
    let filter = |name: &&str| {
        let config = match *name {
            "jwt" => "jwt_authn.v3.JwtAuthentication",
            "rbac" => "rbac.v3.RBAC",
            "cors" => "cors.v3.Cors",
            "fault" => "fault.v3.HTTPFault",
            "lua" => "lua.v3.Lua",
            _ => return yaml(&format!("name: {name}")),
        };
        yaml(&format!("{{name: {name}, typed_config: {{'@type': {PREFIX}.{config}}}}}"))
    };
    let phases = [
        ("n", PluginPhase::Authn),
        ("z", PluginPhase::Authz),
        ("s", PluginPhase::Stats),
        ("u", PluginPhase::Unspecified),
    ];
    let local = |wasm: &mut WasmCode| wasm.url = traced("file:///x.wasm".to_owned());
    let policy = of_every_class(&ClassPolicy {
        plugins: phases.map(|(name, phase)| plugin(name, phase, local)).into(),
        metrics: vec![provider("m")],
        ..ClassPolicy::default()
    });
    let base = listener_with(filters.iter().map(filter).collect());
    let result = overlay(&base, &policy, &options()).value;
    let names = dig(&result, FILTERS).items().iter().map(|filter| {
        let name = filter.field("name").and_then(Value::as_str).unwrap_or_default();
        let name = name.replace("extensions.istio.io/trafficextension/shop.", "+");
        let name = name.replace("~istio-translated-wasmplugin", "");
        name.replace("burgee.stats.", "+")
            .replace("burgee.telemetry.", "+p")
            .replace("burgee.grpc_stats", "+g")
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn plugins_stand_where_their_phase_says() {
    for (filters, expected) in [
        (&[][..], "+pm +n +z +s +u +g router"),
        (&["lua"], "+pm lua +n +z +s +u +g router"),
        (&["cors", "fault"], "+pm +n +z +s +u cors fault +g router"),
        (&["jwt"], "+pm +n jwt +z +s +u +g router"),
        (&["rbac"], "+pm +n +z rbac +s +u +g router"),
        (&["jwt", "rbac"], "+pm +n jwt +z rbac +s +u +g router"),
        (
            &["jwt", "istio_authn", "rbac", "rbac", "lua", "istio.stats"],
            "+pm +n jwt istio_authn +z rbac rbac +s lua +u istio.stats +g router",
        ),
        (&["rbac", "jwt"], "+pm rbac +n jwt +z +s +u +g router"),
        (&["cors", "jwt", "lua", "rbac", "fault"], "+pm cors +n jwt +z lua rbac +s +u fault +g router"),
        (
            &["istio.metadata_exchange", "jwt", "istio.stats"],
            "istio.metadata_exchange +n jwt +z +s +u istio.stats +g +m router",
        ),
    ] {
        assert_eq!(order(filters), expected, "{filters:?}");
    }
}

#[test]
fn a_plugin_is_for_its_ports_alone() {
    let mut ported = full_plugin();
    ported.ports = vec![80];
    let policy = of_plugins(vec![ported]);
    let with = |text: &str| {
        let mut listener = listener_with(Vec::new());
        let (Value::Map(fields), Value::Map(more)) = (&mut listener, yaml(text)) else { panic!("maps") };
        fields.extend(more);
        listener
    };
    let known = Options { ports: [("web".to_owned(), 80)].into(), ..full(options()) };
    let (at_80, at_90) =
        ("address: {socket_address: {port_value: 80}}", "address: {socket_address: {port_value: 90}}");
    for (text, options, expected) in [
        (at_80, full(options()), 1),
        (at_90, full(options()), 0),
        (at_90, known.clone(), 1),
        ("address: {pipe: {path: /run/x}}", known, 1),
    ] {
        let result = overlay(&with(text), &policy, &options);
        assert_eq!((result.edits.len(), codes(&result.problems)), (expected, Vec::new()), "{text}");
    }
    let result = overlay(&with("address: {pipe: {path: /run/x}}"), &policy, &full(options()));
    assert_eq!((result.edits.len(), codes(&result.problems)), (0, vec!["BG0622"]));

    // Chains of one listener may be for different ports.
    let chains = |port: u16| {
        let mut listener = with(at_90);
        let chain = listener.field_mut("filter_chains").and_then(|chains| match chains {
            Value::List(chains) => chains.first_mut(),
            _ => None,
        });
        let Some(Value::Map(chain)) = chain else { panic!("a chain") };
        chain.push(("filter_chain_match".to_owned(), yaml(&format!("destination_port: {port}"))));
        overlay(&listener, &policy, &full(options())).edits.len()
    };
    assert_eq!((chains(80), chains(81)), (1, 0));
}

#[test]
fn a_missing_module_refuses_or_is_left_out_as_the_document_says() {
    for (strategy, expected, edits) in [
        (FailStrategy::Close, (Severity::Error, "BG0620"), 1),
        (FailStrategy::Reload, (Severity::Error, "BG0620"), 1),
        (FailStrategy::Open, (Severity::Warning, "BG0619"), 0),
    ] {
        let gone = plugin("gone", PluginPhase::Authn, |document| document.fail_strategy = traced(strategy));
        let policy = of_plugins(vec![gone]);
        for options in all_options() {
            let result = overlay(&base("sidecar.yaml"), &policy, &options);
            // Said once, however many managers there are, and at the document.
            let problems: Vec<_> =
                result.problems.iter().map(|problem| (problem.severity, problem.code.0)).collect();
            assert_eq!(problems, [expected]);
            assert!(result.problems[0].place.is_some());
            for way in ["burgee.dev/module", "file://", "--plugin-path shop/gone=PATH"] {
                assert!(result.problems[0].help.contains(way), "{}", result.problems[0]);
            }
            assert_eq!(result.edits.len(), edits * 4);
            let configs = extension_configs(&policy, &options);
            let by_name = options.delivery != crate::Delivery::Inline;
            assert_eq!(configs.len(), if by_name { edits } else { 0 });
        }
    }
}

#[test]
fn a_plugin_that_somebody_else_delivers_is_not_put_beside_it() {
    for name in ["trafficextension/shop.guard~istio-translated-wasmplugin", "wasmplugin/shop.guard"] {
        let base = listener_with(vec![yaml(&format!(
            "{{name: extensions.istio.io/{name}, config_discovery: {{config_source: {{ads: {{}}}}}}}}"
        ))]);
        for options in all_options() {
            let result = overlay(&base, &of_plugins(vec![full_plugin()]), &options);
            assert_eq!((result.value, codes(&result.problems)), (base.clone(), vec!["BG0624"]));
        }
    }
}

#[test]
fn whoever_reports_says_so_in_a_way_that_envoy_takes() {
    let class = ClassPolicy { access_logs: vec![otel_logger("My logs")], ..ClassPolicy::default() };
    let result = overlay(&listener_with(Vec::new()), &of_every_class(&class), &full(options()));
    let values: Vec<&str> = result
        .edits
        .iter()
        .filter_map(|edit| {
            let metadata = dig(&edit.value, "typed_config.grpc_service.initial_metadata.0.value");
            metadata.as_str()
        })
        .collect();
    assert!(!values.is_empty());
    // Envoy reads what is between two percent signs as an operator, and refuses a lone one.
    assert!(values.iter().all(|value| *value == "shop/web-v1;gateway;%%4Dy%%20logs"), "{values:?}");
}

#[test]
fn another_module_or_other_variables_are_another_machine() {
    let vm_id = |plugin: Plugin, options: &Options| {
        let result = overlay(&listener_with(Vec::new()), &of_plugins(vec![plugin]), options);
        let id = dig(&result.edits[0].value, "typed_config.config.vm_config.vm_id");
        id.as_str().unwrap_or_default().to_owned()
    };
    let at = |path: &str| {
        let url = format!("file://{path}");
        vm_id(plugin("p", PluginPhase::Authn, |document| document.url = traced(url)), &options())
    };
    assert!(
        at("/a.wasm").starts_with("burgee.plugin.shop.p~istio-translated-wasmplugin."),
        "{}",
        at("/a.wasm")
    );
    assert_ne!(at("/a.wasm"), at("/b.wasm"));
    let known = plugin("p", PluginPhase::Authn, |document| {
        document.url = traced("file:///a.wasm".to_owned());
        document.sha256 = Some(traced("0123456789abcdef".repeat(4)));
    });
    assert_eq!(vm_id(known, &options()), "burgee.plugin.shop.p~istio-translated-wasmplugin.0123456789abcdef");
    let full_id = vm_id(full_plugin(), &full(options()));
    let bare = plugin("guard", PluginPhase::Authn, |_| {});
    assert_eq!(
        vm_id(bare, &full(options())),
        "burgee.plugin.shop.guard~istio-translated-wasmplugin.fedcba9876543210"
    );
    assert!(
        full_id.starts_with("burgee.plugin.shop.guard~istio-translated-wasmplugin.fedcba9876543210."),
        "{full_id}"
    );
}

#[test]
fn tracing_of_the_base_stays_with_a_warning() {
    let base = manager_with("tracing: {verbose: true}");
    let off = Tracing::Off(burgee_api::Origin::Rule("a test says so"));
    for tracing in [off, bootstrap_tracing(), otel_tracing(true)] {
        let result = overlay(&base, &of_tracing(tracing), &options());
        assert_eq!((result.value, codes(&result.problems)), (base.clone(), vec!["BG0616"]));
    }
    assert!(overlay(&base, &of_tracing(Tracing::Untouched), &options()).problems.is_empty());
    let own_id = manager_with("request_id_extension: {}");
    let result = overlay(&own_id, &of_tracing(otel_tracing(false)), &options());
    assert_eq!((result.edits.len(), codes(&result.problems)), (1, vec!["BG0617"]));
    assert_eq!(overlay(&result.value, &nothing(), &options()).value, own_id);
}

#[test]
fn tracing_without_a_provider_is_known_by_a_tag_that_no_span_has() {
    let base = listener_with(Vec::new());
    let once = overlay(&base, &of_tracing(bootstrap_tracing()), &options());
    insta::assert_snapshot!(printed(&once.edits));
    assert_eq!(overlay(&once.value, &nothing(), &options()).value, base);
}

#[test]
fn what_people_write_under_our_names_stays() {
    for (fields, path) in [
        ("access_log: [{name: burgee.access_log.file}]", "access_log[0]"),
        ("tracing: {provider: {name: burgee.tracing.otel}}", "tracing"),
    ] {
        let base = manager_with(fields);
        let result = overlay(&base, &nothing(), &options());
        assert_eq!(result.value, base, "{fields}");
        let problems: Vec<_> = result.problems.iter().map(|it| (it.code.0, it.path.as_str())).collect();
        let path = format!("filter_chains[0].filters[0].typed_config.{path}");
        assert_eq!(problems, [("BG0609", path.as_str())], "{fields}");
        let once = overlay(&base, &everything(), &options());
        assert_eq!(overlay(&once.value, &nothing(), &options()).value, base, "{fields}");
    }
}

#[test]
fn what_cannot_hold_access_logs_is_left_alone() {
    let policy =
        of_every_class(&ClassPolicy { access_logs: vec![text_logger("a")], ..ClassPolicy::default() });
    let base = manager_with("access_log: text");
    let result = overlay(&base, &policy, &options());
    assert_eq!(codes(&result.problems), ["BG0625"]);
    assert_eq!(result.edits.len(), 1, "the listener's own");
}

#[test]
fn where_a_log_stands_says_what_comes_to_it() {
    let policy = of_every_class(&ClassPolicy {
        access_logs: vec![filtered(text_logger("a"))],
        ..ClassPolicy::default()
    });
    let paths = |name: &str| {
        let edits = overlay(&base(name), &policy, &options()).edits;
        edits.iter().map(|edit| edit.path.to_string()).collect::<Vec<_>>()
    };
    let of = |path: &str| format!("static_resources.listeners{path}.access_log[0]");
    // Outbound listeners have no log of their own.
    assert_eq!(
        paths("sidecar.yaml"),
        [
            of("[0]"),
            of("[0].filter_chains[0].filters[0].typed_config"),
            of("[0].filter_chains[1].filters[0].typed_config"),
            of("[0].default_filter_chain.filters[0].typed_config"),
            of("[1].filter_chains[0].filters[0].typed_config"),
            of("[2]"),
            of("[2].filter_chains[0].filters[0].typed_config"),
        ]
    );
    assert!(
        paths("tcp-beside-http.yaml")
            .iter()
            .any(|path| path.starts_with("static_resources.listeners[0].filter"))
    );
}

#[test]
fn labels_are_declared_for_metrics_alone() {
    let logs = ClassPolicy { access_logs: vec![text_logger("a")], ..ClassPolicy::default() };
    let metrics = busy().class(ListenerClass::Inbound).clone();
    // The one listener of the base is a gateway's; metrics are for other classes.
    let classes = [(ListenerClass::Gateway, logs), (ListenerClass::Inbound, metrics)];
    let policy = Effective { workload: workload(), classes: classes.into() };
    let result = overlay(&base("front-proxy.yaml"), &policy, &options());
    assert_eq!(result.edits.len(), 2, "{:?}", result.edits);
}
