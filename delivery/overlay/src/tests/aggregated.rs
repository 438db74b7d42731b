//! Delivery by name over the stream that a proxy has to its server.

use super::by_hand::FILTERS;
use super::policies::{everything, full, plugins};
use super::support::{
    base, bases, busy, by_discovery, dig, everywhere, listener_with, nothing, options, over_ads, provider,
    yaml,
};
use crate::lower::plugin;
use crate::{Options, Value, extension_configs, overlay};

const HTTP: &str = "type.googleapis.com/envoy.extensions.filters.http";
const NETWORK: &str = "type.googleapis.com/envoy.extensions.filters.network";

/// What a plan says of a base that has no node.
const NO_NODE: &str = "BG0607";

#[test]
fn a_filter_is_streamed() {
    let result = overlay(&base("front-proxy.yaml"), &busy(), &over_ads());
    let filters: String = result.edits.iter().take(3).map(|edit| edit.value.to_yaml()).collect();
    insta::assert_snapshot!(filters);
}

#[test]
fn all_but_the_source_is_as_in_files() {
    for options in [by_discovery(), full(by_discovery())] {
        let streamed = Options { delivery: over_ads().delivery, ..options.clone() };
        assert_eq!(extension_configs(&everything(), &options), extension_configs(&everything(), &streamed));
        for (name, base) in bases() {
            let (files, stream) =
                (overlay(&base, &everything(), &options), overlay(&base, &everything(), &streamed));
            assert_eq!(files.problems, stream.problems, "{name}");
            assert_eq!(files.edits.len(), stream.edits.len(), "{name}");
            for (file, streamed) in files.edits.iter().zip(&stream.edits) {
                assert_eq!((&file.path, &file.owner), (&streamed.path, &streamed.owner), "{name}");
                let Some(discovery) = streamed.value.field("config_discovery") else {
                    assert_eq!(file.value, streamed.value, "{name}");
                    continue;
                };
                let source = yaml("{ads: {}, resource_api_version: V3}");
                assert_eq!(discovery.field("config_source"), Some(&source), "{name}");
                let in_file = dig(&file.value, "config_discovery");
                assert_eq!(discovery.field("default_config"), in_file.field("default_config"), "{name}");
                // The same types, and behind those of plugins what says that they are ours.
                let types = |discovery: &Value| dig(discovery, "type_urls").items().to_vec();
                assert!(types(discovery).starts_with(&types(in_file)), "{name}");
            }
        }
    }
}

#[test]
fn a_base_without_a_node_is_told_of_it() {
    let base = yaml(&format!("static_resources: {{listeners: [{}]}}", listener_with(Vec::new()).to_json()));
    let codes = |options: &Options| {
        let problems = overlay(&base, &busy(), options).problems;
        problems.iter().map(|problem| problem.code.0).collect::<Vec<_>>()
    };
    assert_eq!(codes(&over_ads()), codes(&by_discovery()));
    assert!(codes(&over_ads()).contains(&NO_NODE) && !codes(&options()).contains(&NO_NODE));
}

#[test]
fn plugins_are_ours_whatever_they_are_of() {
    let policy = super::policies::of_every_class(&burgee_api::resolve::ClassPolicy {
        plugins: plugins(),
        ..burgee_api::resolve::ClassPolicy::default()
    });
    let mut found = 0;
    for edit in overlay(&base("tcp-beside-http.yaml"), &policy, &full(over_ads())).edits {
        assert!(edit.value.field("config_discovery").is_some(), "{}", edit.value.to_yaml());
        assert!(plugin::is_filter(&edit.value), "{}", edit.value.to_yaml());
        found += 1;
    }
    assert!(found > 8, "{found}");
}

/// A filter that comes over a proxy's stream under the name of a plugin of ours.
fn streamed(source: &str, types: &[String]) -> Value {
    yaml(&format!(
        "{{name: extensions.istio.io/trafficextension/shop.guard~istio-translated-wasmplugin, config_discovery: \
         {{config_source: {source}, type_urls: [{}]}}}}",
        types.join(", ")
    ))
}

#[test]
fn what_istio_streams_under_the_same_name_is_istio_s() {
    let ads = "{ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3}";
    let types = |names: &[(&str, &str)]| {
        names.iter().map(|(prefix, name)| format!("{prefix}.{name}")).collect::<Vec<_>>()
    };
    let (wasm, rbac) = ((HTTP, "wasm.v3.Wasm"), (HTTP, "rbac.v3.RBAC"));
    let (lua, idle) = ((HTTP, "lua.v3.Lua"), (HTTP, "header_mutation.v3.HeaderMutation"));
    for (source, names) in [
        (ads, &[wasm, rbac][..]),
        (ads, &[(NETWORK, "wasm.v3.Wasm"), (NETWORK, "rbac.v3.RBAC")]),
        (ads, &[lua]),
        (ads, &[]),
        (ads, &[idle]),
        (ads, &[rbac, idle]),
        (ads, &[(NETWORK, "wasm.v3.Wasm"), idle]),
        ("{api_config_source: {api_type: GRPC}, resource_api_version: V3}", &[wasm, lua, idle]),
    ] {
        let filter = streamed(source, &types(names));
        assert!(!plugin::is_filter(&filter), "{}", filter.to_yaml());
        let base = listener_with(vec![filter]);
        for options in super::policies::all_options() {
            assert_eq!(overlay(&base, &nothing(), &options).value, base);
            let once = overlay(&base, &everything(), &options);
            assert_eq!(overlay(&once.value, &nothing(), &options).value, base);
        }
    }
    let ours = streamed(ads, &types(&[wasm, lua, idle]));
    assert!(plugin::is_filter(&ours), "the same with our types");
    assert_eq!(overlay(&listener_with(vec![ours]), &nothing(), &options()).value, listener_with(Vec::new()));
}

#[test]
fn one_delivery_takes_the_place_of_another() {
    let policy = everywhere(vec![provider("first"), provider("second")]);
    for before in super::policies::all_options() {
        let first = overlay(&listener_with(Vec::new()), &policy, &before).value;
        let then = overlay(&first, &policy, &over_ads());
        assert_eq!(then, overlay(&listener_with(Vec::new()), &policy, &over_ads()));
        assert_eq!(dig(&then.value, FILTERS).items().len(), 4);
    }
}
