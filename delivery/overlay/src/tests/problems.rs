//! What the overlay says about bases that cannot carry what is asked.

use std::collections::BTreeMap;

use burgee_api::Severity;
use burgee_api::resolve::{ListenerClass, TagOperation};

use super::support::{base, busy, by_discovery, nothing, options, subscribed, traced, yaml};
use crate::{Options, overlay};

#[test]
fn a_class_for_an_unknown_listener_is_an_error_with_the_nearest_name() {
    let classes = BTreeMap::from([("frnt".to_owned(), ListenerClass::Inbound)]);
    let result =
        overlay(&base("front-proxy.yaml"), &busy(), &Options { classes: classes.clone(), ..options() });
    let errors: Vec<String> = result
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        errors,
        [
            "error BG0600: a class is given for listener \"frnt\", which the base does not have\n  help: did you \
          mean \"front\"? the base has \"front\""
        ]
    );
    // Where listeners come from a control plane, the name may be one of those.
    let result = overlay(&base("dynamic.yaml"), &busy(), &Options { classes, ..options() });
    assert_eq!(result.problems, []);
}

#[test]
fn a_node_without_a_name_is_a_warning_where_envoy_needs_one() {
    let warnings = |file: &str, options: &Options| {
        let result = overlay(&base(file), &busy(), options);
        result.problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings("front-proxy.yaml", &by_discovery()),
        [
            "warning BG0607: node: the base has no node id and cluster, without which Envoy does not start here\n  \
          help: write them, or start Envoy with --service-node and --service-cluster"
        ]
    );
    assert!(warnings("front-proxy.yaml", &options()).is_empty());
    assert!(warnings("sidecar.yaml", &by_discovery()).is_empty());
}

#[test]
fn a_matcher_that_drops_our_metrics_is_a_warning() {
    let warned = |matcher: &str| {
        let base = subscribed(&format!("stats_config: {{stats_matcher: {matcher}}}"));
        let result = overlay(&base, &busy(), &options());
        result.problems.iter().any(|problem| problem.code.0 == "BG0603")
    };
    for matcher in [
        "{reject_all: true}",
        "{inclusion_list: {patterns: [{prefix: istio}, {exact: x}]}}",
        "{inclusionList: {patterns: [{prefix: reporter=}]}}",
        "{exclusion_list: {patterns: [{contains: istio_}]}}",
        "{exclusion_list: {patterns: [{prefix: WASM, ignore_case: true}]}}",
    ] {
        assert!(warned(matcher), "{matcher}");
    }
    for matcher in [
        "{reject_all: false}",
        "{inclusion_list: {patterns: [{prefix: wasm}]}}",
        "{inclusion_list: {patterns: [{suffix: requests_total}]}}",
        "{inclusion_list: {patterns: [{safe_regex: {regex: .*}}]}}",
        "{exclusion_list: {patterns: [{prefix: cluster.}, {safe_regex: {regex: x}}]}}",
    ] {
        assert!(!warned(matcher), "{matcher}");
    }
}

#[test]
fn a_label_that_no_regular_expression_can_carry_is_a_warning() {
    let mut policy = busy();
    for class in policy.classes.values_mut() {
        for change in class.metrics.iter_mut().flat_map(|provider| &mut provider.overrides) {
            let operation = TagOperation::Upsert("'x'".to_owned());
            change.tags.insert("not-a-name".to_owned(), traced(operation));
        }
    }
    let result = overlay(&base("dynamic.yaml"), &policy, &options());
    let codes: Vec<&str> = result.problems.iter().map(|problem| problem.code.0).collect();
    assert_eq!(codes, ["BG0606"]);
}

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

#[test]
fn a_manager_that_cannot_be_changed_is_a_warning() {
    let api =
        format!("api_listener: {{api_listener: {{'@type': {MANAGER}, http_filters: [{{name: router}}]}}}}");
    let mobile = api.replace(".HttpConn", ".EnvoyMobileHttpConn");
    let within = |package: &str| {
        let config = format!("{{'@type': a/{package}.TypedStruct, type_url: {MANAGER}, value: {{}}}}");
        format!("filter_chains: [{{filters: [{{name: f, typed_config: {config}}}]}}]")
    };
    let filter = "filter_chains[0].filters[0].typed_config";
    for (listener, path) in [
        (api, "api_listener.api_listener"),
        (mobile, "api_listener.api_listener"),
        (within("xds.type.v3"), filter),
        (within("udpa.type.v1"), filter),
    ] {
        let base = yaml(&format!("static_resources: {{listeners: [{{name: l, {listener}}}]}}"));
        let result = overlay(&base, &busy(), &options());
        let problems: Vec<(&str, Severity, &str)> =
            result.problems.iter().map(|it| (it.code.0, it.severity, it.path.as_str())).collect();
        let path = format!("static_resources.listeners[0].{path}");
        assert_eq!(problems, [("BG0614", Severity::Warning, path.as_str())], "{listener}");
        // No filter here and no listener from elsewhere: labels would be of no use.
        assert_eq!((result.value, result.edits), (base, Vec::new()), "{listener}");
    }
}

#[test]
fn a_proxy_without_metrics_gets_no_labels() {
    let tcp = "static_resources: {listeners: [{name: t, filter_chains: [{filters: [{name: tcp}]}]}]}";
    for text in ["admin: {}", "static_resources: {listeners: []}", "dynamic_resources: {cds_config: {}}", tcp]
    {
        assert_eq!(overlay(&yaml(text), &busy(), &options()).edits, [], "{text}");
    }
    for source in ["lds_config", "ads_config", "lds_resources_locator"] {
        let base = yaml(&format!("dynamic_resources: {{{source}: {{}}}}"));
        assert_eq!(overlay(&base, &busy(), &options()).edits.len(), 32, "{source}");
    }
}

#[test]
fn where_labels_cannot_be_declared_nothing_is_left_behind() {
    for (text, path) in [
        ("node: text", "node"),
        ("node: []", "node"),
        ("node: {metadata: []}", "node.metadata"),
        ("node: {metadata: {burgee.dev/overlay: mine}}", "node.metadata[\"burgee.dev/overlay\"]"),
        ("node: {metadata: {burgee.dev/overlay: ~}}", "node.metadata[\"burgee.dev/overlay\"]"),
        ("stats_config: text", "stats_config"),
        ("stats_config: {stats_tags: {}}", "stats_config.stats_tags"),
    ] {
        let base = subscribed(text);
        let result = overlay(&base, &busy(), &options());
        let error = result.problems.iter().find(|problem| problem.severity == Severity::Error);
        let error = error.map(|error| (error.code.0, error.path.as_str()));
        assert_eq!(error, Some(("BG0615", path)), "{text}");
        assert_eq!((&result.value, result.edits), (&base, Vec::new()), "{text}");
        assert_eq!(overlay(&result.value, &nothing(), &options()).value, base, "{text}");
    }
    // Where nothing has to be made, nothing has to be noted.
    for text in ["stats_config: {stats_tags: []}\nnode: text", "stats_config: {stats_tags: []}"] {
        assert_eq!(overlay(&subscribed(text), &busy(), &options()).edits.len(), 28, "{text}");
    }
}
