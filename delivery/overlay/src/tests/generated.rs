//! The invariants over generated bases and policies.

use std::collections::BTreeMap;

use burgee_api::Origin;
use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, ListenerLogs, Tracing};
use proptest::prelude::*;

use super::natives::{half_native, native};
use super::policies::{
    all_options, bootstrap_tracing, everything, filtered, http_logger, json_logger, mesh_logger, otel_logger,
    plugins, tcp_logger, text_logger,
};
use super::support::{busy, everywhere, nothing, options, provider, workload, yaml};
use super::tracers::every_tracing;
use crate::{Options, Value, overlay};

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const TCP_PROXY: &str = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/// A message whose fields may each be missing, in any order.
fn message(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| {
            // Most are there: what is deep in a base would else hardly ever be.
            proptest::option::weighted(0.75, value.prop_map(move |value| (name.to_owned(), value)))
        })
        .collect();
    fields
        .prop_map(|fields| fields.into_iter().flatten().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(|mut fields: Vec<(String, Value)>| {
            // Two spellings of one field in one message would be two fields to us and one to Envoy.
            let mut seen = Vec::new();
            fields.retain(|(name, _)| {
                let plain = name.replace('_', "").to_ascii_lowercase();
                let new = !seen.contains(&plain);
                seen.push(plain);
                new
            });
            Value::Map(fields.into())
        })
        .boxed()
}

fn any_of(values: Vec<&'static str>) -> BoxedStrategy<Value> {
    proptest::sample::select(values).prop_map(Value::string).boxed()
}

fn null() -> BoxedStrategy<Value> {
    Just(Value::Null).boxed()
}

fn list(element: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    proptest::collection::vec(element, 0..4).prop_map(|items| Value::List(items.into())).boxed()
}

fn http_filter() -> BoxedStrategy<Value> {
    let known = any_of(vec!["router", "cors"]).prop_map(|name| {
        Value::map([("name", name), ("typed_config", Value::map([("@type", Value::string(ROUTER))]))])
    });
    prop_oneof![
        known,
        phased(),
        message(vec![
            ("name", any_of(vec!["x", "burgee.other", "burgee.stats.a", "burgee.peer_metadata"])),
            ("unknown", Just(Value::Float(1.5)).boxed())
        ]),
        by_hand(),
    ]
    .boxed()
}

/// A filter that plugins go before or behind, or that bears a plugin's name.
fn phased() -> BoxedStrategy<Value> {
    const PREFIX: &str = "type.googleapis.com/envoy.extensions.filters.http";
    let filters: Vec<Value> = [
        format!("{{name: jwt, typed_config: {{'@type': {PREFIX}.jwt_authn.v3.JwtAuthentication}}}}"),
        format!("{{name: rbac, typed_config: {{'@type': {PREFIX}.rbac.v3.RBAC, rules_stat_prefix: x}}}}"),
        format!("{{name: cors, typed_config: {{'@type': {PREFIX}.cors.v3.Cors}}}}"),
        "{name: istio_authn}".to_owned(),
        "{name: extensions.istio.io/trafficextension/shop.guard, config_discovery: {config_source: {ads: {}}}}"
            .to_owned(),
        format!(
            "{{name: extensions.istio.io/trafficextension/shop.ported, config_discovery: {{config_source: {{ads: {{}}}}, type_urls: [{WASM}, {PREFIX}.rbac.v3.RBAC]}}}}"
        ),
        format!(
            "{{name: extensions.istio.io/wasmplugin/shop.gone, typed_config: {{'@type': {PREFIX}.rbac.v3.RBAC}}}}"
        ),
        format!(
            "{{name: extensions.istio.io/trafficextension/shop.script, typed_config: {{'@type': {PREFIX}.lua.v3.Lua, stat_prefix: x}}}}"
        ),
    ]
    .iter()
    .map(|text| yaml(text))
    .collect();
    proptest::sample::select(filters).boxed()
}

/// What a base may have in the place of access logs.
fn access_logs() -> BoxedStrategy<Value> {
    const FILE: &str = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    let logs: Vec<Value> = [
        format!("{{name: mine, typed_config: {{'@type': {FILE}, path: /dev/stdout}}}}"),
        format!("{{name: burgee.access_log.x, typed_config: {{'@type': {ROUTER}}}}}"),
        "{name: burgee.access_log.file}".to_owned(),
        format!("{{name: burgee.metrics.x, typed_config: {{'@type': {FILE}, path: /dev/null}}}}"),
    ]
    .iter()
    .map(|text| yaml(text))
    .collect();
    let log = proptest::sample::select(logs).boxed();
    prop_oneof![4 => list(log), 1 => null(), 1 => any_of(vec!["text"])].boxed()
}

/// What a base may have in the place of tracing.
fn tracing() -> BoxedStrategy<Value> {
    let tracings: Vec<Value> = [
        "{}",
        "[]",
        "text",
        "{custom_tags: [{tag: burgee.tracing, environment: {name: HOME}}]}",
        "{provider: {name: burgee.tracing.otel}}",
        "{provider: {name: zipkin, typed_config: {'@type': x/acme.Tracer}}, verbose: true}",
    ]
    .iter()
    .map(|text| yaml(text))
    .collect();
    prop_oneof![1 => null(), 3 => proptest::sample::select(tracings)].boxed()
}

/// A filter under a name of ours which somebody wrote: each lacks something of what ours have.
fn by_hand() -> BoxedStrategy<Value> {
    let vm = |id: &str| format!("vm_config: {{vm_id: {id}}}");
    let wasm = |fields: String| format!("typed_config: {{'@type': {WASM}, config: {{{fields}}}}}");
    let found = |path: &str, url: &str| {
        let source = format!("config_source: {{path_config_source: {{path: {path}}}}}");
        format!("config_discovery: {{{source}, type_urls: [{url}]}}")
    };
    let contents = [
        wasm(format!("root_id: stats, {}", vm("acme.telemetry.1"))),
        wasm(format!("root_id: other, {}", vm("burgee.telemetry.1"))),
        wasm("root_id: stats".to_owned()),
        "typed_config: {'@type': x/acme.Lua}".to_owned(),
        "typed_config: text".to_owned(),
        found("/run/other.json", WASM),
        found("/run/burgee.stats.a.json", ROUTER),
        "config_discovery: {config_source: {ads: {}}}".to_owned(),
        format!("config_discovery: {{config_source: {{ads: {{}}}}, type_urls: [{WASM}]}}"),
        format!("config_discovery: {{config_source: {{ads: {{}}}}, type_urls: [{ROUTER}, {WASM}]}}"),
    ];
    let filters: Vec<Value> = ["burgee.stats.a", "burgee.peer_metadata.a"]
        .iter()
        .flat_map(|name| contents.iter().map(move |content| yaml(&format!("{{name: {name}, {content}}}"))))
        .collect();
    proptest::sample::select(filters).boxed()
}

fn typed(url: &str, value: Value) -> Value {
    match value {
        Value::Map(mut fields) => {
            fields.insert(0, ("@type".to_owned(), Value::string(url)));
            Value::Map(fields)
        }
        other => other,
    }
}

fn listener() -> BoxedStrategy<Value> {
    const UUID: &str = "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
    let own = yaml(&format!("{{typed_config: {{'@type': {UUID}}}}}"));
    let request_ids = vec![Value::Null, Value::map([]), own];
    let proxy = message(vec![
        ("access_log", access_logs()),
        ("stat_prefix", any_of(vec!["t"])),
        ("cluster", any_of(vec!["app", "BlackHoleCluster"])),
    ]);
    let proxy = proxy.prop_map(|value| typed(TCP_PROXY, value)).boxed();
    let manager = message(vec![
        ("httpFilters", list(http_filter())),
        ("http_filters", list(http_filter())),
        ("stat_prefix", any_of(vec!["a"])),
        ("accessLog", access_logs()),
        ("access_log", access_logs()),
        ("tracing", tracing()),
        ("request_id_extension", proptest::sample::select(request_ids).boxed()),
    ])
    .prop_map(|value| typed(MANAGER, value))
    .boxed();
    let opaque = Just(Value::map([
        ("@type", Value::string("a/acme.Unknown")),
        ("http_filters", Value::List(vec![].into())),
    ]));
    let filter = message(vec![
        ("name", any_of(vec!["f"])),
        ("typed_config", prop_oneof![4 => manager, 1 => proxy, 1 => opaque.boxed(), 1 => null()].boxed()),
    ]);
    let at_port = proptest::sample::select(vec!["{destination_port: 80}", "{destination_port: 9}", "{}"]);
    let chain = || {
        message(vec![
            ("filters", list(filter.clone())),
            ("name", any_of(vec!["c"])),
            ("filter_chain_match", at_port.clone().prop_map(yaml).boxed()),
        ])
    };
    let address = proptest::sample::select(vec![
        "{socket_address: {port_value: 8080}}",
        "{socket_address: {port_value: 9}}",
        "{socketAddress: {named_port: http}}",
        "{pipe: {path: /run/x}}",
    ]);
    message(vec![
        ("name", any_of(vec!["a", "b", "virtualOutbound"])),
        ("use_original_dst", prop_oneof![Just(true), Just(false)].prop_map(Value::Bool).boxed()),
        ("traffic_direction", any_of(vec!["INBOUND", "OUTBOUND", "UNSPECIFIED"])),
        ("filter_chains", list(chain())),
        ("defaultFilterChain", chain()),
        ("address", address.prop_map(yaml).boxed()),
        ("access_log", access_logs()),
    ])
}

/// A cluster of a base, or one that bears our mark and is not ours.
fn cluster() -> BoxedStrategy<Value> {
    let marks = vec![
        "{filter_metadata: {other: {cluster: web}}}",
        "{filter_metadata: {burgee.dev/overlay: {}}}",
        "{filter_metadata: {burgee.dev/overlay: {cluster: mine}}}",
        "{filter_metadata: {burgee.dev/overlay: {cluster: web, list: full}, other: {}}}",
        "{filter_metadata: {burgee.dev/overlay: {cluster: web, list: empty, static_resources: nothing}}}",
        "{filterMetadata: {burgee.dev/overlay: {cluster: web, by: me}}}",
    ];
    let metadata = proptest::sample::select(marks).prop_map(yaml).boxed();
    let name = any_of(vec!["web", "outbound|4317||otel.obs.svc"]);
    message(vec![("name", name), ("metadata", metadata)])
}

/// A response of clusters, or of both clusters and listeners.
pub(crate) fn response() -> BoxedStrategy<Value> {
    const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
    const RESOURCE: &str = "type.googleapis.com/envoy.service.discovery.v3.Resource";
    let of_cluster = || cluster().prop_map(|value| typed(CLUSTER, value));
    let wrapped = of_cluster().prop_map(|resource| {
        typed(RESOURCE, Value::map([("name", Value::string("c")), ("resource", resource)]))
    });
    let listener = listener().prop_map(|value| typed(LISTENER, value));
    let resource = prop_oneof![3 => of_cluster(), 1 => wrapped, 1 => listener].boxed();
    message(vec![
        ("type_url", any_of(vec![CLUSTER, LISTENER])),
        ("version_info", any_of(vec!["7"])),
        ("resources", prop_oneof![6 => list(resource), 1 => null()].boxed()),
    ])
}

pub(crate) fn bootstrap() -> BoxedStrategy<Value> {
    let tag = message(vec![
        ("tag_name", any_of(vec!["reporter", "team"])),
        // The last one has our shape, for a label that none of these tags is named after.
        ("regex", any_of(vec![r"(reporter=\.=(.*?);\.;)", "x", r"(\b(?:request_host)=\.=(.*?);\.;)"])),
        ("fixed_value", any_of(vec!["v"])),
    ]);
    let stats = message(vec![
        ("stats_tags", prop_oneof![list(tag), null()].boxed()),
        ("use_all_default_tags", Just(Value::Bool(true)).boxed()),
    ]);
    // No overlay writes such notes.
    let note = proptest::sample::select(vec![
        "mine",
        "[]",
        "{}",
        "{created: [stats_config]}",
        "{created: [stats_config.stats_tags, stats_config, node, node.metadata]}",
        "{created: [stats_config.stats_tags], by: me}",
        "{was_null: [node.metadata]}",
    ]);
    let note = prop_oneof![7 => note.prop_map(yaml), 1 => null()].boxed();
    let metadata =
        message(vec![("APP", any_of(vec!["web"])), ("created", null()), ("burgee.dev/overlay", note)]);
    let metadata = prop_oneof![4 => metadata, 1 => null(), 1 => list(null())];
    let node = message(vec![("id", any_of(vec!["n"])), ("metadata", metadata.boxed())]);
    let clusters = prop_oneof![6 => list(cluster()), 1 => null(), 1 => any_of(vec!["text"])].boxed();
    let resources = message(vec![("listeners", list(listener())), ("clusters", clusters)]);
    let sources = message(vec![("lds_config", message(Vec::new())), ("cdsConfig", message(Vec::new()))]);
    message(vec![
        ("admin", Just(Value::map([])).boxed()),
        ("static_resources", prop_oneof![3 => resources, 1 => null()].boxed()),
        ("statsConfig", prop_oneof![stats.clone(), null()].boxed()),
        ("stats_config", stats),
        ("node", prop_oneof![4 => node, 1 => null(), 1 => any_of(vec!["text"])].boxed()),
        ("dynamicResources", sources),
        ("unknown", list(null())),
    ])
}

pub(crate) fn policy() -> BoxedStrategy<Effective> {
    let providers = vec![provider("a"), provider("b/c"), provider("prometheus"), native(), half_native()];
    let providers = proptest::sample::subsequence(providers, 0..=5);
    let loggers = vec![
        filtered(text_logger("a")),
        text_logger("b c"),
        http_logger("http"),
        json_logger("json"),
        mesh_logger(),
        otel_logger("otel"),
        filtered(tcp_logger("tcp")),
    ];
    let loggers = proptest::sample::subsequence(loggers, 0..=7);
    let listener_logs = vec![ListenerLogs::On, ListenerLogs::Off(Origin::Rule("a test says so"))];
    let listener_logs = proptest::sample::select(listener_logs);
    let others = [Tracing::Untouched, Tracing::Off(Origin::Rule("a test says so")), bootstrap_tracing()];
    let tracing =
        prop_oneof![proptest::sample::select(others.to_vec()), proptest::sample::select(every_tracing()),];
    let plugins = proptest::sample::subsequence(plugins(), 0..=plugins().len());
    let class = (providers, loggers, listener_logs, tracing, plugins).prop_map(
        |(metrics, access_logs, listener_logs, tracing, plugins)| ClassPolicy {
            metrics,
            tracing,
            access_logs,
            listener_logs,
            plugins,
        },
    );
    let classes = [class.clone(), class.clone(), class].prop_map(|classes| Effective {
        workload: workload(),
        classes: BTreeMap::from_iter(ListenerClass::ALL.into_iter().zip(classes)),
    });
    prop_oneof![4 => classes, 1 => Just(busy()), 1 => Just(everything()), 1 => Just(everywhere(vec![native(), half_native()]))].boxed()
}

/// Options of every kind.
pub(crate) fn some_options() -> impl Strategy<Value = Options> {
    proptest::sample::select(all_options().to_vec())
}

/// Every path of a value with its leaf, so that what was there can be looked for.
fn leaves(value: &Value, path: &str, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                leaves(value, &format!("{path}/{key}"), out);
            }
        }
        // Indices shift when a filter goes in front, so elements are told apart by their content only.
        Value::List(items) if !items.is_empty() => {
            for value in items {
                leaves(value, &format!("{path}/*"), out);
            }
        }
        leaf => out.push((path.to_owned(), leaf.clone())),
    }
}

#[test]
fn generated_bases_have_what_the_rules_are_about() {
    use crate::view::{Shape, listeners};
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut several, mut logged, mut traced, mut discovered, mut led) = (0, 0, 0, 0, 0);
    for _ in 0..256 {
        let tree = |strategy: BoxedStrategy<Value>, runner: &mut TestRunner| {
            strategy.new_tree(runner).expect("a base").current()
        };
        let base = tree(bootstrap(), &mut runner);
        let managers = |value: &Value| {
            let listeners = listeners(value, Shape::Bootstrap);
            listeners.iter().map(|listener| listener.managers.len()).sum::<usize>()
        };
        several += usize::from(managers(&base) > 1);
        let edits = overlay(&base, &everything(), &all_options()[1]).edits;
        let is_at = |text: &str| edits.iter().any(|edit| edit.path.to_string().contains(text));
        logged += usize::from(is_at("typed_config.access_log"));
        traced += usize::from(is_at("tracing"));
        led += usize::from(is_at("clusters["));
        discovered += usize::from(edits.iter().any(|edit| edit.value.field("config_discovery").is_some()));
    }
    for (what, count) in [
        ("several managers", several),
        ("logs", logged),
        ("tracing", traced),
        ("discovery", discovered),
        ("clusters", led),
    ] {
        assert!(count >= 16, "{what}: in {count} of 256 bases only");
    }
}

proptest! {
    #[test]
    fn responses_get_clusters_and_can_lose_them(
        base in response(), first in policy(), policy in policy(), options in some_options(),
    ) {
        prop_assert_eq!(overlay(&base, &nothing(), &options).value, base.clone());
        let once = overlay(&base, &policy, &options);
        prop_assert_eq!(&overlay(&once.value, &policy, &options), &once);
        prop_assert_eq!(overlay(&overlay(&base, &first, &options).value, &policy, &options), once.clone());
        prop_assert_eq!(overlay(&once.value, &nothing(), &options).value, base);
    }

    #[test]
    fn nothing_over_a_base_is_the_base(base in bootstrap()) {
        let result = overlay(&base, &nothing(), &options());
        prop_assert_eq!(result.value, base);
        prop_assert_eq!(result.edits, Vec::new());
    }

    #[test]
    fn twice_is_once_and_back_is_the_base(base in bootstrap(), policy in policy(), options in some_options()) {
        let once = overlay(&base, &policy, &options);
        prop_assert_eq!(&overlay(&once.value, &policy, &options), &once);
        prop_assert_eq!(overlay(&once.value, &nothing(), &options).value, base);
    }

    #[test]
    fn another_policy_leaves_no_trace_of_the_first(
        base in bootstrap(), first in policy(), before in some_options(), second in policy(), options in some_options(),
    ) {
        let over = overlay(&overlay(&base, &first, &before).value, &second, &options);
        prop_assert_eq!(over, overlay(&base, &second, &options));
    }

    #[test]
    fn what_is_not_edited_stays_in_order(base in bootstrap(), policy in policy()) {
        let mut before = Vec::new();
        leaves(&base, "", &mut before);
        before.retain(|(_, leaf)| !leaf.is_null() && !leaf.is_empty());
        let mut after = Vec::new();
        leaves(&overlay(&base, &policy, &options()).value, "", &mut after);
        let mut after = after.into_iter();
        for leaf in before {
            prop_assert!(after.any(|other| other == leaf), "{:?} is gone or has moved", leaf);
        }
    }

    #[test]
    fn the_same_input_gives_the_same_text(base in bootstrap(), policy in policy()) {
        let text = || overlay(&base, &policy, &options()).value.to_yaml();
        prop_assert_eq!(text(), text());
    }
}
