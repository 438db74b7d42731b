//! What the overlay writes, in full, and where.

use std::collections::BTreeMap;

use burgee_api::Origin;
use burgee_api::resolve::{ClassPolicy, ListenerClass};
use burgee_filter_config::declared::{DeclaredKind, DeclaredMetric};
use burgee_filter_config::{PeerMetadataConfig, PeerRole, TelemetryConfig, stat_name};

use super::policies::{full_plugin, of_every_class};
use super::support::{
    base, busy, by_discovery, dig, everywhere, listener_with, nothing, options, provider, subscribed,
    workload, yaml,
};
use crate::lower::{safe_name, stats_config};
use crate::{Edit, Identity, Module, Options, PluginModule, Value, extension_configs, overlay};

#[test]
fn a_filter_is_written_inline() {
    let result = overlay(&base("front-proxy.yaml"), &busy(), &options());
    let filters: String = result.edits.iter().take(3).map(|edit| edit.value.to_yaml()).collect();
    insta::assert_snapshot!(filters);
}

#[test]
fn a_filter_is_delivered_by_name() {
    let result = overlay(&base("front-proxy.yaml"), &busy(), &by_discovery());
    let filters: String = result.edits.iter().take(3).map(|edit| edit.value.to_yaml()).collect();
    let files: String = extension_configs(&busy(), &by_discovery())
        .into_iter()
        .filter(|config| config.name.contains("gateway"))
        .map(|config| format!("--- {}\n{}", config.file_name, config.value.to_yaml()))
        .collect();
    insta::assert_snapshot!(filters + &files);
}

#[test]
fn every_name_that_a_listener_refers_to_is_an_extension_configuration() {
    let policy = everywhere(vec![provider("a/../b"), provider("inbound.a")]);
    let configs = extension_configs(&policy, &by_discovery());
    assert_eq!(configs.len(), 12, "two providers twice for three classes, the first with the peers");
    assert!(configs.is_sorted_by(|a, b| a.name < b.name));
    for (_, base) in super::support::bases() {
        for edit in overlay(&base, &policy, &by_discovery()).edits {
            let Some(discovery) = edit.value.field("config_discovery") else {
                continue;
            };
            let name = dig(&edit.value, "name").as_str().unwrap_or_default();
            let path = dig(discovery, "config_source.path_config_source.path").as_str().unwrap_or_default();
            let config = configs.iter().find(|config| config.name == name);
            let expected = config.map(|config| format!("/run/burgee/{}", config.file_name));
            assert_eq!(expected.as_deref(), Some(path));
        }
    }
    assert!(extension_configs(&nothing(), &by_discovery()).is_empty());
    assert!(extension_configs(&policy, &options()).is_empty());
}

#[test]
fn provider_names_become_safe_and_stay_apart() {
    assert_eq!(safe_name("prometheus"), "prometheus");
    assert_eq!(safe_name("../x y%é"), "..%2Fx%20y%25%C3%A9");
    assert_eq!(safe_name("Logs"), "%4Cogs");
    let long = |end: &str| safe_name(&("p".repeat(300) + end));
    assert_ne!(long("a"), long("b"));
    assert!(long("a").len() <= 120, "{}", long("a"));
}

#[test]
fn each_class_reports_as_its_side() {
    let metrics = provider("prometheus");
    let config = |class| stats_config(&nothing(), class, &metrics, Identity::Node);
    let text = |class| serde_json::to_string(&config(class)).unwrap_or_default();
    assert_eq!(text(ListenerClass::Inbound), r#"{"disable_host_header_fallback":true,"reporter":"SERVER"}"#);
    assert_eq!(text(ListenerClass::Outbound), r#"{"reporter":"CLIENT"}"#);
    assert_eq!(text(ListenerClass::Gateway), r#"{"disable_host_header_fallback":true,"reporter":"CLIENT"}"#);
}

#[test]
fn the_workload_is_written_where_the_node_does_not_say_it() {
    let config = stats_config(&nothing(), ListenerClass::Inbound, &provider("prometheus"), Identity::Written);
    assert_eq!(config.local, Some(workload().identity()));
}

#[test]
fn the_filter_reads_what_the_overlay_writes() {
    let result = overlay(&base("front-proxy.yaml"), &busy(), &options());
    let text =
        dig(&result.edits[0].value, "typed_config.config.configuration.value").as_str().unwrap_or_default();
    let read = TelemetryConfig::from_json(text.as_bytes()).expect("the filter's configuration");
    let peers = PeerMetadataConfig { role: PeerRole::Gateway, ..PeerMetadataConfig::default() };
    assert_eq!(read.peer_metadata, peers);
    let policy = busy();
    let [provider] = policy.class(ListenerClass::Gateway).metrics.as_slice() else { panic!("one provider") };
    assert_eq!(read.stats, stats_config(&policy, ListenerClass::Gateway, provider, Identity::Node));
}

#[test]
fn where_a_base_exchanges_peers_itself_the_filter_of_metrics_stands_alone_and_is_written_out() {
    let exchange = yaml("name: istio.metadata_exchange");
    for options in [options(), by_discovery()] {
        let result = overlay(&listener_with(vec![exchange.clone()]), &busy(), &options);
        let [counts, edit] = result.edits.as_slice() else { panic!("two filters: {:?}", result.edits) };
        assert_eq!(crate::view::name(&counts.value), "burgee.grpc_stats");
        assert_eq!(crate::view::name(&edit.value), "burgee.stats.prometheus");
        assert!(edit.value.field("typed_config").is_some(), "{}", edit.value.to_yaml());
        assert!(edit.path.to_string().ends_with("http_filters[2]"), "{}", edit.path);
    }
}

#[test]
fn an_edit_names_everybody_who_asked_for_it() {
    let result = overlay(&base("front-proxy.yaml"), &busy(), &options());
    let rules = |edit: &Edit| edit.owner.origins.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        rules(&result.edits[0]),
        ["the mesh's default provider", "a document's interval", "a test says so", "a document's switch"]
    );
    let custom = result.edits.iter().find(|edit| edit.value.to_yaml().contains("tag_name: request_host"));
    assert_eq!(custom.map(|edit| edit.owner.origins.clone()), Some(vec![Origin::Rule("a test says so")]));
}

#[test]
fn labels_that_the_base_extracts_already_are_left_to_it() {
    let result = overlay(&base("sidecar.yaml"), &busy(), &options()).value;
    let tags = dig(&result, "stats_config.stats_tags").items();
    let of = |name: &str| {
        tags.iter().filter(|tag| tag.field("tag_name").and_then(|it| it.as_str()) == Some(name)).count()
    };
    assert_eq!(of("reporter"), 1);
    assert_eq!(of("source_workload"), 1);
    // Another expression of that name looks elsewhere; ours is needed beside it.
    assert_eq!(of("response_code"), 2);
    assert_eq!(of("request_host"), 1);
    // 28 labels less the two above, and the base's four.
    assert_eq!(tags.len(), 30);
    assert_eq!(
        stat_name::label_of_tag_regex(dig(&tags[29], "regex").as_str().unwrap_or("")),
        Some("request_host")
    );
}

#[test]
fn a_label_goes_before_an_entry_that_would_hide_it() {
    let result = overlay(&base("by-hand.yaml"), &busy(), &options());
    let tags: Vec<(&str, &str)> = dig(&result.value, "stats_config.stats_tags")
        .items()
        .iter()
        .map(|tag| {
            let text = |name: &str| tag.field(name).and_then(Value::as_str).unwrap_or_default();
            (text("tag_name"), text("fixed_value"))
        })
        .collect();
    assert_eq!(&tags[..3], [("region", "north"), ("reporter", ""), ("reporter", "edge")]);
    assert_eq!(&tags[3..6], [("my_reporter", ""), ("request_host", ""), ("request_host", "")]);
    assert_eq!(tags.len(), 32);
    let of_host = dig(&result.value, "stats_config.stats_tags.4.regex").as_str().unwrap_or_default();
    assert_eq!(stat_name::label_of_tag_regex(of_host), Some("request_host"));
    // A fixed value is for every name, so somebody may miss it on those that have the label.
    let notes: Vec<&str> =
        result.problems.iter().filter(|it| it.code.0 == "BG0608").map(|it| it.path.as_str()).collect();
    assert_eq!(notes, ["stats_config.stats_tags[1]"]);
    // An entry behind one that hides it does not count.
    let tags =
        r"[{tag_name: reporter, fixed_value: x}, {tag_name: reporter, regex: '(reporter=\.=(.*?);\.;)'}]";
    let hidden = subscribed(&format!("stats_config: {{stats_tags: {tags}}}"));
    assert_eq!(overlay(&hidden, &busy(), &options()).edits.len(), 28);
}

#[test]
fn only_the_label_itself_counts_as_extracted() {
    for (regex, expected) in [
        (r"(reporter=\.=(.*?);\.;)", 27),
        (r"(\breporter=\.=(.*?);\.;)", 27),
        (r"(my_reporter=\.=(.*?);\.;)", 28),
        (r"(reporter\.(.*?)\.)", 28),
    ] {
        let tag = format!("{{tag_name: reporter, regex: '{regex}'}}");
        let base = subscribed(&format!("stats_config: {{stats_tags: [{tag}]}}"));
        assert_eq!(overlay(&base, &busy(), &options()).edits.len(), expected, "{regex}");
    }
}

#[test]
fn a_class_by_name_goes_before_the_traffic_direction() {
    let classes = BTreeMap::from([("front".to_owned(), ListenerClass::Inbound)]);
    let result = overlay(&base("front-proxy.yaml"), &busy(), &Options { classes, ..options() });
    let text: String = result.edits.iter().take(3).map(|edit| edit.value.to_yaml()).collect();
    assert!(text.contains(r#""role":"INBOUND""#) && text.contains(r#""reporter":"SERVER""#), "{text}");
}

#[test]
fn what_is_no_bootstrap_and_no_listener_passes_through() {
    for text in [
        "name: web\ntype: STATIC\nconnect_timeout: 1s",
        "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: web",
        "[1, 2]",
        "resources: [{\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: web}]",
    ] {
        let base = yaml(text);
        let result = overlay(&base, &busy(), &options());
        assert_eq!((result.value, result.edits), (base, Vec::new()), "{text}");
    }
}

#[test]
fn containers_that_were_null_are_null_again() {
    for text in [
        "stats_config:\nadmin: {}",
        "stats_config: {stats_tags: }\nnode:",
        "stats_config: {}\nnode: {metadata: ~, id: x}",
        "stats_config: {stats_tags: []}",
        "node: {metadata: {}}",
        "admin: {}",
    ] {
        let base = subscribed(text);
        let once = overlay(&base, &busy(), &options());
        assert_eq!(dig(&once.value, "stats_config.stats_tags").items().len(), 28, "{text}");
        assert_eq!(overlay(&once.value, &nothing(), &options()).value, base, "{text}");
    }
}

#[test]
fn what_others_put_into_our_containers_stays() {
    let once = overlay(&subscribed("admin: {}"), &busy(), &options()).value;
    let mut text = once.to_yaml();
    text = text.replace("stats_config:\n", "stats_config:\n  use_all_default_tags: true\n");
    let back = overlay(&yaml(&text), &nothing(), &options()).value;
    let mut expected = subscribed("admin: {}");
    if let Value::Map(fields) = &mut expected {
        fields.push(("stats_config".to_owned(), yaml("use_all_default_tags: true")));
    }
    assert_eq!(back, expected);
}

#[test]
fn labels_that_a_plugins_module_declares_are_cut_out_where_the_plugin_is() {
    let metric = DeclaredMetric {
        name: "asked_total".to_owned(),
        kind: DeclaredKind::Counter,
        help: String::new(),
        labels: vec!["tenant".to_owned(), "reporter".to_owned()],
        buckets: Vec::new(),
    };
    let metrics = vec![metric];
    let module = Module { path: "/guard.wasm".to_owned(), sha256: "0".repeat(64), metrics };
    let plugins = BTreeMap::from([("shop/guard".to_owned(), PluginModule::Ready(module))]);
    let options = Options { plugins, ..options() };
    let only_plugins =
        of_every_class(&ClassPolicy { plugins: vec![full_plugin()], ..ClassPolicy::default() });
    let names = |base: &Value, policy| {
        let once = overlay(base, policy, &options).value;
        assert_eq!(overlay(&once, policy, &options).value, once);
        assert_eq!(overlay(&once, &nothing(), &options).value, *base);
        let tags = dig(&once, "stats_config.stats_tags").items().to_vec();
        tags.iter()
            .map(|tag| dig(tag, "tag_name").as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&base("front-proxy.yaml"), &only_plugins), ["reporter", "tenant"]);
    assert_eq!(names(&subscribed("stats_config: {stats_tags: []}"), &only_plugins), ["reporter", "tenant"]);
    // Beside those of telemetry each is there once; and without the plugin there is none.
    let mut both = busy();
    for class in both.classes.values_mut() {
        class.plugins = vec![full_plugin()];
    }
    let all = names(&base("front-proxy.yaml"), &both);
    assert_eq!(all.iter().filter(|name| *name == "reporter").count(), 1);
    assert_eq!((all.len(), all.last().map(String::as_str)), (29, Some("tenant")));
    assert_eq!(names(&base("front-proxy.yaml"), &busy()).len(), 28);
}
