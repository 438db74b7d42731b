//! Plugins of connections, scripts, names, and what stands for a module that cannot be had.

use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, Plugin, Refusal};
use burgee_api::resources::extension::{FailStrategy, PluginPhase, PluginVariable};
use burgee_api::{Origin, Severity};

use super::policies::{
    all_options, as_extension, full, full_plugin, network, of_every_class, plugin, plugins, script,
};
use super::support::{base, by_discovery, dig, listener_with, nothing, options, traced, yaml};
use crate::{InlineModule, Options, PluginModule, Value, extension_configs, overlay, plugin_id};

const FILTERS: &str = "type.googleapis.com/envoy.extensions.filters";

fn of_plugins(plugins: Vec<Plugin>) -> Effective {
    of_every_class(&ClassPolicy { plugins, ..ClassPolicy::default() })
}

/// Options with a module for each of these plugins.
fn ready(plugins: &[Plugin], options: Options) -> Options {
    let module = PluginModule::Ready(options.module.clone());
    Options { plugins: plugins.iter().map(|plugin| (plugin.id(), module.clone())).collect(), ..options }
}

/// A listener whose only chain has these filters, and then the end.
fn chain(before: &[&str], end: &str) -> Value {
    let filters: Vec<String> = before.iter().map(|name| (*name).to_owned()).chain([end.to_owned()]).collect();
    yaml(&format!("name: db\nfilter_chains: [{{filters: [{}]}}]", filters.join(", ")))
}

fn tcp() -> String {
    format!("{{name: tcp, typed_config: {{'@type': {FILTERS}.network.tcp_proxy.v3.TcpProxy, cluster: db}}}}")
}

fn http() -> String {
    format!(
        "{{name: http, typed_config: {{'@type': {FILTERS}.network.http_connection_manager.v3.HttpConnectionManager, \
         http_filters: [{{name: router, typed_config: {{'@type': {FILTERS}.http.router.v3.Router}}}}]}}}}"
    )
}

/// The names of a chain's filters; those of plugins are marked and short.
fn order(listener: &Value, chain: usize) -> String {
    let filters = dig(listener, &format!("filter_chains.{chain}.filters")).items();
    let name = |filter: &Value| {
        let name = crate::view::name(filter).replace("extensions.istio.io/trafficextension/shop.", "+");
        name.replace("~istio-translated-wasmplugin", "")
    };
    filters.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn of_each_phase() -> Vec<Plugin> {
    [
        ("n", PluginPhase::Authn),
        ("z", PluginPhase::Authz),
        ("s", PluginPhase::Stats),
        ("u", PluginPhase::Unspecified),
    ]
    .map(|(name, phase)| network(name, phase, FailStrategy::Close))
    .into()
}

fn codes(problems: &[burgee_api::Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code.0).collect()
}

#[test]
fn plugins_of_connections_stand_where_their_phase_says() {
    let plugins = of_each_phase();
    let mut class = super::support::busy().class(ListenerClass::Gateway).clone();
    class.plugins = plugins.clone();
    let policy = of_every_class(&class);
    let rbac =
        format!("{{name: rbac, typed_config: {{'@type': {FILTERS}.network.rbac.v3.RBAC, stat_prefix: x}}}}");
    let sni = "{name: envoy.filters.network.sni_dynamic_forward_proxy}";
    let metadata = "{name: istio.metadata_exchange}";
    let authz = "{name: ext_authz}";
    for options in [options(), by_discovery()] {
        let stats = if options.delivery == crate::Delivery::Inline {
            "burgee.stats_tcp.prometheus"
        } else {
            "burgee.stats_tcp.gateway.prometheus"
        };
        for (before, end, expected) in [
            (&[][..], tcp(), format!("+n +z +s +u {stats} tcp")),
            (
                &[metadata, authz, &rbac],
                tcp(),
                format!("istio.metadata_exchange ext_authz +n +z rbac +s +u {stats} tcp"),
            ),
            (
                &[&rbac, sni],
                tcp(),
                format!("+n +z rbac +s +u envoy.filters.network.sni_dynamic_forward_proxy {stats} tcp"),
            ),
            (&[], http(), "+n +z +s +u http".to_owned()),
            (&[metadata, &rbac], http(), "istio.metadata_exchange +n +z rbac +s +u http".to_owned()),
        ] {
            let base = chain(before, &end);
            let result = overlay(&base, &policy, &ready(&plugins, options.clone()));
            assert_eq!(order(&result.value, 0), expected);
            // What is told of an edit's place is where it is in the end.
            for edit in &result.edits {
                let path = edit.path.to_string().replace(['[', ']'], ".").replace("..", ".");
                assert_eq!(dig(&result.value, path.trim_end_matches('.')), &edit.value, "{path}");
            }
            assert_eq!(overlay(&result.value, &nothing(), &options).value, base);
        }
    }
}

#[test]
fn istio_s_gaps_are_kept_and_told() {
    let one = vec![network("n", PluginPhase::Authn, FailStrategy::Close)];
    let options = ready(&one, options());
    let policy = of_plugins(one);
    let http = http();
    let secure = format!("{{transport_socket: {{name: tls}}, filters: [{http}]}}");
    let plain = format!("{{filters: [{http}]}}");
    let encrypted_tcp = format!("{{transport_socket: {{name: tls}}, filters: [{}]}}", tcp());
    let gateway =
        yaml(&format!("name: gateway\nfilter_chains: [{plain}, {secure}, {secure}, {encrypted_tcp}]"));
    let result = overlay(&gateway, &policy, &options);
    let orders: Vec<String> = (0..4).map(|number| order(&result.value, number)).collect();
    assert_eq!(orders, ["+n http", "+n http", "http", "+n tcp"]);
    assert_eq!(codes(&result.problems), ["BG0621"]);
    // A sidecar's are all the same.
    let inbound = yaml(&format!("name: in\ntraffic_direction: INBOUND\nfilter_chains: [{secure}, {secure}]"));
    let result = overlay(&inbound, &policy, &options);
    assert_eq!((order(&result.value, 1).as_str(), result.problems.len()), ("+n http", 0));
    let captured = yaml(&format!(
        "name: virtualOutbound\ntraffic_direction: OUTBOUND\nfilter_chains: [{{filters: [{}]}}]",
        tcp()
    ));
    let result = overlay(&captured, &policy, &options);
    assert_eq!((result.value, codes(&result.problems)), (captured, vec!["BG0621"]));
}

#[test]
fn a_plugin_of_connections_is_for_its_ports_alone() {
    let mut ported = network("n", PluginPhase::Authn, FailStrategy::Close);
    ported.ports = vec![5432];
    let options = ready(std::slice::from_ref(&ported), options());
    let policy = of_plugins(vec![ported]);
    for (port, expected) in [(5432, "+n tcp"), (5433, "tcp")] {
        let mut listener = chain(&[], &tcp());
        let Value::Map(fields) = &mut listener else { panic!("a map") };
        fields.push(("address".to_owned(), yaml(&format!("socket_address: {{port_value: {port}}}"))));
        assert_eq!(order(&overlay(&listener, &policy, &options).value, 0), expected);
    }
}

#[test]
fn what_cannot_be_had_refuses_its_own_traffic_and_says_whose() {
    let gone = [
        plugin("gone", PluginPhase::Authn, |_| {}),
        as_extension(network("gone", PluginPhase::Authn, FailStrategy::Reload)),
    ];
    let result = overlay(&listener_with(Vec::new()), &of_plugins(gone.to_vec()), &options());
    let severities: Vec<_> = result.problems.iter().map(|it| (it.severity, it.code.0)).collect();
    assert_eq!(severities, [(Severity::Error, "BG0620"); 2]);
    let filters = dig(&result.value, "filter_chains.0.filters");
    let network = dig(&filters.items()[0], "typed_config");
    assert_eq!(network.any_type(), Some(crate::view::NETWORK_RBAC));
    let Value::Map(policies) = dig(network, "rules.policies") else { panic!("policies") };
    assert_eq!(policies[0].0, "the module of TrafficExtension shop/gone cannot be had");
    let script = dig(&filters.items()[1], "typed_config.http_filters.0.typed_config.default_source_code");
    let script = dig(script, "inline_string").as_str().unwrap_or_default();
    for part in ["503", "the module of WasmPlugin shop/gone cannot be had"] {
        assert!(script.contains(part), "{script}");
    }
    assert!(!script.contains("example.com"), "where it would come from is nobody else's business");
}

#[test]
fn what_the_mesh_s_rules_refuse_is_missing_for_that_reason() {
    let refusal =
        || Some(Refusal { why: "its host may not be used".to_owned(), rule: Origin::Rule("a rule") });
    for (strategy, code, count) in [(FailStrategy::Close, "BG0620", 1), (FailStrategy::Open, "BG0619", 0)] {
        let mut refused = plugin("guard", PluginPhase::Authn, |wasm| wasm.fail_strategy = traced(strategy));
        refused.refused = refusal();
        // Although its module is there.
        let result = overlay(&listener_with(Vec::new()), &of_plugins(vec![refused]), &full(options()));
        assert_eq!((codes(&result.problems), result.edits.len()), (vec![code], count));
        let said = result.problems[0].to_string();
        assert!(said.contains("its host may not be used") && !said.contains("--plugin-path"), "{said}");
    }
    // A script has no strategy: it is refused with its traffic.
    let mut refused = script("script", PluginPhase::Authn, "function envoy_on_request(handle) end");
    refused.refused = refusal();
    let result = overlay(&listener_with(Vec::new()), &of_plugins(vec![refused]), &by_discovery());
    assert_eq!((codes(&result.problems), result.edits.len()), (vec!["BG0620"], 1));
}

#[test]
fn a_script_goes_into_the_listener_or_by_name() {
    let text = "function envoy_on_response(handle)\n  handle:headers():add('x', \"y\")\nend\n";
    let policy = of_plugins(vec![script("mark", PluginPhase::Stats, text)]);
    let name = "extensions.istio.io/trafficextension/shop.mark";
    let filter = |options: &Options| {
        let result = overlay(&listener_with(Vec::new()), &policy, options);
        assert!(result.problems.is_empty(), "{:?}", result.problems);
        dig(&result.value, "filter_chains.0.filters.0.typed_config.http_filters.0").clone()
    };
    let inline = filter(&options());
    assert_eq!(dig(&inline, "name").as_str(), Some(name));
    assert_eq!(dig(&inline, "typed_config.default_source_code.inline_string").as_str(), Some(text));
    let named = filter(&by_discovery());
    // Its traffic waits for a script that compiles.
    assert!(dig(&named, "config_discovery").field("default_config").is_none());
    let configs = extension_configs(&policy, &by_discovery());
    assert_eq!((configs.len(), &*configs[0].name), (1, name));
    assert_eq!(dig(&configs[0].value, "resources.0.typed_config"), dig(&inline, "typed_config"));
}

#[test]
fn two_kinds_of_one_name_are_two_everywhere() {
    let pair =
        [plugin("p", PluginPhase::Authn, |_| {}), as_extension(plugin("p", PluginPhase::Authn, |_| {}))];
    let policy = of_plugins(pair.to_vec());
    let options = ready(&pair, by_discovery());
    let configs = extension_configs(&policy, &options);
    assert_eq!(configs.len(), 2);
    let told = |config: &crate::ExtensionConfig| {
        let config = dig(&config.value, "resources.0.typed_config.config");
        [dig(config, "name"), dig(config, "vm_config.vm_id")]
            .map(|it| it.as_str().unwrap_or_default().to_owned())
    };
    let (one, other) = (told(&configs[0]), told(&configs[1]));
    assert_ne!(configs[0].file_name, configs[1].file_name);
    assert!(one[0] != other[0] && one[1] != other[1], "{one:?} {other:?}");
    assert_eq!(plugin_id(&one[0]).as_deref(), Some("TrafficExtension/shop/p"));
    assert_eq!(plugin_id(&other[0]).as_deref(), Some("shop/p"));
    for odd in ["", "shop", ".p", "shop.", "~istio-translated-wasmplugin"] {
        assert_eq!(plugin_id(odd), None, "{odd}");
    }
    let result = overlay(&listener_with(Vec::new()), &policy, &options);
    assert_eq!(result.edits.len(), 2);
}

#[test]
fn what_older_versions_wrote_is_taken_out() {
    let old = "extensions.istio.io/wasmplugin/shop.p";
    for config in [
        format!(
            "typed_config: {{'@type': {FILTERS}.http.wasm.v3.Wasm, config: {{vm_config: {{vm_id: burgee.plugin.shop.p.01}}}}}}"
        ),
        format!(
            "typed_config: {{'@type': {FILTERS}.http.rbac.v3.RBAC, rules_stat_prefix: burgee.plugin.shop.p.}}"
        ),
        "config_discovery: {config_source: {path_config_source: {path: /run/burgee.plugin.shop.p.json}}}"
            .to_owned(),
    ] {
        let with = listener_with(vec![yaml(&format!("{{name: {old}, {config}}}"))]);
        for options in all_options() {
            assert_eq!(overlay(&with, &nothing(), &options).value, listener_with(Vec::new()), "{config}");
        }
    }
}

#[test]
fn istio_s_own_variables_are_not_handed_on() {
    let variable = |name: &str, value: Option<&str>| PluginVariable {
        origin: Origin::Rule("a test says so"),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let with = |variables: Vec<PluginVariable>| {
        let guard = plugin("guard", PluginPhase::Authn, |wasm| wasm.environment = variables);
        let result = overlay(&listener_with(Vec::new()), &of_plugins(vec![guard]), &full(options()));
        dig(&result.edits[0].value, "typed_config.config.vm_config").clone()
    };
    let secret = variable("ISTIO_META_WASM_IMAGE_PULL_SECRET", Some("secret"));
    assert_eq!(with(vec![secret.clone()]).field("environment_variables"), None);
    let kept = with(vec![secret, variable("A", Some("1")), variable("ISTIO_META_HOST", None)]);
    let expected = yaml("{host_env_keys: [ISTIO_META_HOST], key_values: {A: '1'}}");
    assert_eq!(dig(&kept, "environment_variables"), &expected);
}

#[test]
fn every_base_has_places_for_connections_or_says_why_not() {
    let policy = of_plugins(plugins());
    let result = overlay(&base("tcp-beside-http.yaml"), &policy, &full(options()));
    let is_network = |edit: &&crate::Edit| {
        edit.value.at(&["typed_config"]).and_then(Value::any_type) == Some(crate::view::NETWORK_WASM)
    };
    assert!(result.edits.iter().filter(is_network).count() > 2, "{:?}", result.edits);
}

#[test]
fn a_module_goes_with_the_configuration_where_its_bytes_are_given() {
    let guard = full_plugin();
    let mut options = full(by_discovery());
    let policy = of_every_class(&ClassPolicy {
        plugins: vec![guard.clone()],
        ..super::support::busy().class(ListenerClass::Gateway).clone()
    });
    let PluginModule::Ready(module) = options.plugins[&guard.id()].clone() else { panic!("a module") };
    options.inline_modules.insert(module.sha256, InlineModule::new(b"\0asm of a plugin"));
    options.inline_modules.insert(options.module.sha256.clone(), InlineModule::new(b"\0asm of ours"));
    let configs = extension_configs(&policy, &options);
    assert!(configs.len() > 3);
    for config in configs {
        let local = dig(&config.value, "resources.0.typed_config.config.vm_config.code.local");
        let is_plugin = config.name.starts_with(crate::PLUGIN_PREFIX);
        let expected = if is_plugin { "AGFzbSBvZiBhIHBsdWdpbg==" } else { "AGFzbSBvZiBvdXJz" };
        assert_eq!(local, &yaml(&format!("inline_bytes: {expected}")), "{}", config.name);
    }
}
