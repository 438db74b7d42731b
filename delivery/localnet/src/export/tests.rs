//! What the folder of a mesh holds: a gateway and two services, one of which calls the other.

use std::collections::BTreeSet;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_filter_config::declared::from_section;
use serde_json::Value;

use super::*;
use crate::site::LOGS_DIRECTORY;

const DOCUMENTS: &str = include_str!("tests/documents.yaml");

fn mk_modules() -> Modules {
    let module = |name: &str| Module {
        path: format!("/cache/{name}.wasm"),
        sha256: name.repeat(2),
        metrics: Vec::new(),
    };
    let metrics = from_section(
        br#"[{"name": "took", "kind": "histogram", "labels": ["tenant", "reporter"], "buckets": [1, 5]}]"#,
    );
    let headers = Module { metrics: metrics.expect("metrics"), ..module("headers") };
    let plugins = [
        ("istio-system/headers".to_owned(), PluginModule::Ready(headers)),
        ("istio-system/gone".to_owned(), PluginModule::Missing("it is gone".to_owned())),
    ];
    Modules { telemetry: module("stats"), plugins: plugins.into() }
}

fn exported(documents: &str) -> Export {
    let checked = check(&[Source::new("documents.yaml", documents)]);
    assert!(checked.is_valid(), "{:?}", checked.problems);
    let inputs = ExportInputs {
        resources: &checked.resources,
        policy: &PolicySet::new(checked.resources.clone()),
        modules: &mk_modules(),
        image: "envoyproxy/envoy:v1.40.0",
        command: "burgee export compose documents -o out",
    };
    export(inputs).expect("a mesh")
}

fn file<'a>(export: &'a Export, path: &str) -> &'a str {
    export.texts.get(path).unwrap_or_else(|| panic!("no {path} among {:?}", export.texts.keys()))
}

#[test]
fn the_folders_texts_are_as_people_read_them() {
    let export = exported(DOCUMENTS);
    for path in [COMPOSE_FILE, "prometheus.yml", "README.md"] {
        insta::assert_snapshot!(path, file(&export, path));
    }
}

#[test]
fn every_proxy_has_its_files_and_no_other_folder_is_named() {
    let export = exported(DOCUMENTS);
    for proxy in ["gateway", "hello-v1-proxy", "greeting-v1-proxy"] {
        for name in ["bootstrap.json", "cds.json", "lds.json"] {
            let text = file(&export, &format!("config/{proxy}/{name}"));
            serde_json::from_str::<Value>(text).expect("JSON");
        }
        assert!(file(&export, COMPOSE_FILE).contains(&format!("\"./config/{proxy}:/etc/burgee/config:ro\"")));
    }
    let folders: BTreeSet<&str> = export.texts.keys().filter_map(|path| path.split('/').nth(1)).collect();
    assert_eq!(folders, ["gateway", "greeting-v1-proxy", "hello-v1-proxy"].into());
}

#[test]
fn proxies_find_each_other_by_name_and_everything_else_where_containers_have_it() {
    let export = exported(DOCUMENTS);
    let clusters: Value =
        serde_json::from_str(file(&export, "config/hello-v1-proxy/cds.json")).expect("JSON");
    let address = |name: &str| {
        let clusters = clusters["resources"].as_array().expect("clusters");
        let cluster =
            clusters.iter().find(|cluster| cluster["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        let socket = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let socket = cluster.pointer(socket).unwrap_or_else(|| panic!("no endpoint: {cluster}"));
        (
            cluster["cluster_type"].get("name").unwrap_or(&cluster["type"]).clone(),
            format!("{}:{}", socket["address"].as_str().expect("text"), socket["port_value"]),
        )
    };
    for (name, kind, expected) in [
        ("outbound|80||greeting.shop", "envoy.cluster.dns", "greeting-v1:18080"),
        ("inbound|8080||", "STATIC", "127.0.0.1:9900"),
        ("outbound|4317||collector.shop", "envoy.cluster.dns", "receiver:4317"),
    ] {
        assert_eq!(address(name), (kind.into(), expected.to_owned()), "{name}");
    }
    // Nothing of this machine is in any file of a proxy.
    for (path, text) in export.texts.iter().filter(|(path, _)| path.starts_with("config/")) {
        assert!(!text.contains("/cache/"), "{path}");
    }
}

#[test]
fn modules_are_files_named_by_their_digest_and_missing_ones_are_not_there() {
    let export = exported(DOCUMENTS);
    let modules: Vec<(&str, &str)> =
        export.modules.iter().map(|(path, from)| (path.as_str(), from.as_str())).collect();
    assert_eq!(
        modules,
        [
            ("modules/headersheaders.wasm", "/cache/headers.wasm"),
            ("modules/statsstats.wasm", "/cache/stats.wasm"),
        ]
    );
    let extensions = export.texts.iter().filter(|(path, _)| path.contains("/extensions/"));
    let texts: String = extensions.map(|(_, text)| text.as_str()).collect();
    assert!(texts.contains("/etc/burgee/modules/statsstats.wasm"), "{texts}");
}

#[test]
fn a_log_file_that_containers_have_no_place_for_is_one_of_their_own() {
    for (path, expected) in [
        ("/dev/stdout", "\"/dev/stdout\""),
        ("/srv/logs/access.log", "\"/var/log/burgee/inbound.text-log.log\""),
    ] {
        let export = exported(&DOCUMENTS.replace("/dev/stdout", path));
        let listeners = file(&export, "config/hello-v1-proxy/lds.json");
        assert!(listeners.contains(expected), "{path}: {listeners}");
        assert!(!listeners.contains(LOGS_DIRECTORY) || path != "/dev/stdout", "{listeners}");
    }
}

#[test]
fn the_same_documents_give_the_same_folder() {
    let (one, other) = (exported(DOCUMENTS), exported(DOCUMENTS));
    assert_eq!((one.texts, one.modules), (other.texts, other.modules));
}

#[test]
fn files_are_written_in_the_order_in_which_proxies_lean_on_them() {
    let mut paths = [
        "compose.yaml",
        "config/a/lds.json",
        "config/a/cds.json",
        "config/a/extensions/stats.json",
        "modules/x.wasm",
        "config/a/bootstrap.json",
    ];
    paths.sort_by_key(|path| Export::order(path));
    assert_eq!(
        paths,
        [
            "modules/x.wasm",
            "config/a/extensions/stats.json",
            "config/a/cds.json",
            "config/a/lds.json",
            "compose.yaml",
            "config/a/bootstrap.json",
        ]
    );
}

#[test]
fn documents_without_a_gateway_are_told() {
    let checked = check(&[]);
    let modules = mk_modules();
    let policy = PolicySet::new(checked.resources.clone());
    let inputs = ExportInputs {
        resources: &checked.resources,
        policy: &policy,
        modules: &modules,
        image: "",
        command: "",
    };
    let problems = export(inputs).expect_err("no mesh");
    assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{problems:?}");
}

#[test]
fn bootstraps_have_the_labels_and_buckets_that_modules_declare() {
    let export = exported(DOCUMENTS);
    let bootstraps = export.texts.iter().filter(|(path, _)| path.ends_with(BOOTSTRAP_FILE));
    let mut count = 0;
    for (path, text) in bootstraps {
        count += 1;
        let bootstrap: Value = serde_json::from_str(text).expect("JSON");
        let stats = &bootstrap["stats_config"];
        let tags = stats["stats_tags"].as_array().expect("tags");
        for (label, expected) in [("tenant", 1), ("reporter", 1), ("verdict", 0)] {
            assert_eq!(
                tags.iter().filter(|tag| tag["tag_name"] == label).count(),
                expected,
                "{path}: {label}"
            );
        }
        assert_eq!(stats["histogram_bucket_settings"][0]["buckets"], serde_json::json!([1, 5]), "{path}");
    }
    assert_eq!(count, 3);
}
