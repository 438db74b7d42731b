//! Which plugins a proxy is to run, and what proves that it does.

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::PolicySet;
use burgee_overlay::Module;

use super::*;
use crate::mesh;

const MESH: &str = include_str!("../../../../tests/e2e/meshes/one-service/services.yaml");
const GATEWAY: &str = "istio-system/istio-ingressgateway";

fn mk_plugin(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
         metadata: {{name: {name}, namespace: istio-system}}\nspec: {{url: 'oci://x/{name}:1', {spec}}}\n"
    )
}

/// The mesh and the policy of the gateway with such plugins.
fn mk_gateway(plugins: &str) -> (Mesh, Effective) {
    let checked = check(&[Source { name: "mesh.yaml".into(), text: format!("{MESH}{plugins}").into() }]);
    assert!(checked.is_valid(), "{:?}", checked.problems);
    let (mesh, _) = mesh::plan(&checked.resources);
    let policy = PolicySet::new(checked.resources);
    let gateway = mesh.workloads().map(|(workload, _)| workload).find(|one| one.to_string() == GATEWAY);
    let policy = policy.resolve(gateway.expect("the gateway"));
    (mesh, policy)
}

fn mk_modules(plugin: &str, module: PluginModule) -> Modules {
    let telemetry = Module { path: "stats.wasm".to_owned(), sha256: String::new(), metrics: Vec::new() };
    Modules { telemetry, plugins: BTreeMap::from([(plugin.to_owned(), module)]) }
}

#[test]
fn plugins_of_ports_that_the_proxy_has_are_asked_for_once_in_the_order_of_the_chain() {
    let plugins = [
        mk_plugin("last", ""),
        mk_plugin("first", "phase: AUTHN, priority: 7"),
        mk_plugin("second", "phase: AUTHN, priority: -1"),
        mk_plugin("elsewhere", "match: [{ports: [{number: 9999}]}]"),
        mk_plugin("here", "match: [{ports: [{number: 80}]}], phase: STATS"),
    ];
    let (mesh, policy) = mk_gateway(&plugins.concat());
    let names: Vec<_> = asked(&policy, &mesh).into_iter().map(|plugin| plugin.name.as_str()).collect();
    let of_sidecars = names.iter().filter(|name| **name == "elsewhere").count();
    assert_eq!(
        (names.first(), names.last(), of_sidecars, names.len()),
        (Some(&"first"), Some(&"last"), 0, 4)
    );
}

#[test]
fn only_the_version_that_was_accepted_last_runs() {
    let mk_file = |name: &str, version: &str| ExtensionFile {
        name: name.to_owned(),
        file_name: format!("{name}.json"),
        text: serde_json::json!({"version_info": version}).to_string(),
    };
    let extensions = vec![mk_file("taken", "2"), mk_file("refused", "2"), mk_file("unknown", "2")];
    let files = Files { extensions, ..Files::default() };
    let accepted = [("taken", "2"), ("refused", "1"), ("other", "2")];
    let accepted = accepted.map(|(name, version)| (name.to_owned(), version.to_owned())).into();
    assert_eq!(running(&files, &accepted).into_keys().collect::<Vec<_>>(), ["taken"]);
}

#[test]
fn a_plugin_runs_when_the_proxy_has_the_very_module() {
    let (mesh, policy) = mk_gateway(&mk_plugin("headers", ""));
    let plugin = asked(&policy, &mesh)[0];
    let ready = PluginModule::Ready(Module {
        path: "/m/new.wasm".to_owned(),
        sha256: "abc123".to_owned(),
        metrics: Vec::new(),
    });
    let missing = PluginModule::Missing("not fetched".to_owned());
    let name = "extensions.istio.io/trafficextension/istio-system.headers~istio-translated-wasmplugin";
    for (module, running, expected) in [
        (&ready, vec![(name, "vm_id: burgee.plugin.abc123")], true),
        (&ready, vec![(name, "vm_id: burgee.plugin.older")], false),
        (&ready, vec![("extensions.istio.io/trafficextension/istio-system.headers", "abc123")], false),
        (&ready, vec![], false),
        (&missing, vec![(name, "rules: {}")], false),
    ] {
        let running: BTreeMap<String, String> =
            running.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let modules = mk_modules("istio-system/headers", module.clone());
        let summary = summary(plugin, GATEWAY, &modules, &running);
        assert_eq!(summary.loaded, expected, "{running:?}");
        assert_eq!((&*summary.url, &*summary.phase), ("oci://x/headers:1", "unspecified"));
        let sha256 = if *module == ready { Some("abc123") } else { None };
        assert_eq!(summary.sha256.as_deref(), sha256);
        assert_eq!(summary.asked_by.unwrap().line, Some(line_of_plugin()));
    }
}

#[test]
fn a_script_runs_when_the_proxy_has_the_very_script() {
    let script = "---\napiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\n\
                  metadata: {name: mark, namespace: istio-system}\n\
                  spec: {lua: {inlineCode: \"function envoy_on_request(h) h:logInfo('x') end\"}}\n";
    let (mesh, policy) = mk_gateway(script);
    let plugin = asked(&policy, &mesh)[0];
    let modules = mk_modules("other", PluginModule::Missing(String::new()));
    let name = "extensions.istio.io/trafficextension/istio-system.mark";
    for (text, expected) in [
        (r#"{"inline_string": "function envoy_on_request(h) h:logInfo('x') end"}"#, true),
        (r#"{"inline_string": "function envoy_on_request(h) h:respond() end"}"#, false),
    ] {
        let running = BTreeMap::from([(name.to_owned(), text.to_owned())]);
        let summary = summary(plugin, GATEWAY, &modules, &running);
        assert_eq!((summary.loaded, summary.module.as_deref()), (expected, Some("inline")));
        assert_eq!(summary.plugin, "TrafficExtension/istio-system/mark");
    }
    assert!(!summary(plugin, GATEWAY, &modules, &BTreeMap::new()).loaded);
}

/// Where the plugin's document begins.
fn line_of_plugin() -> usize {
    MESH.lines().count() + 2
}
