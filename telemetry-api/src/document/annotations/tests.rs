//! URLs to call, and annotations that mean nothing.

use proptest::prelude::*;

use super::call;
use crate::document::{Source, read};
use crate::problem::{Severity, codes};
use crate::resources::{MetricsEngine, PeerMetadata};
use crate::test;

#[test]
fn urls_to_call() {
    for (url, shown) in [
        ("http://greeting", Ok("http://greeting/")),
        ("http://greeting.shop.example:8080", Ok("http://greeting.shop.example:8080/")),
        ("HTTP://Greeting:80/a/b?c=d", Ok("http://greeting/a/b?c=d")),
        ("http://a?b=c", Ok("http://a/?b=c")),
        ("http://127.0.0.1:1/", Ok("http://127.0.0.1:1/")),
        ("h2c://a:8080/b", Ok("h2c://a:8080/b")),
        ("grpc://a", Ok("grpc://a/burgee.Stub/Hello")),
        ("GRPC://a:90/shop.Cart/Add", Ok("grpc://a:90/shop.Cart/Add")),
        ("tcp://a:80", Ok("tcp://a:80")),
        ("tcp://a:5432/", Ok("tcp://a:5432")),
        ("tcp://a", Err("needs a port")),
        ("tcp://a:1/b", Err("has no path")),
        ("", Err("empty")),
        ("greeting", Err("does not begin")),
        ("https://a", Err("only `http`")),
        ("http://", Err("not a host")),
        ("http://a..b", Err("not a host")),
        ("http://*.a", Err("not a host")),
        ("http://me@a", Err("not a host")),
        ("http://a:0", Err("not a port")),
        ("http://a:65536", Err("not a port")),
        ("http://a:+80", Err("not a port")),
        ("http://a:", Err("not a port")),
        ("http://a/b c", Err("' '")),
        ("http://a/#b", Err("'#'")),
        ("http://ä", Err("'ä'")),
    ] {
        match (call(url), shown) {
            (Ok(call), Ok(shown)) => assert_eq!(call.to_string(), shown),
            (Err(fault), Err(part)) => assert!(fault.contains(part), "{url}: {fault}"),
            (found, _) => panic!("{url}: {found:?}"),
        }
    }
}

fn workload(calls: &str) -> crate::document::Documents {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: a\n  annotations:\n    \
         burgee.dev/calls: {calls}\nspec: {{address: 10.0.0.1}}\n"
    );
    read(&[Source::new("w.yaml", text)])
}

#[test]
fn each_call_has_its_place() {
    for (calls, columns) in [
        ("http://b, http://c:81/d", [(23, 8), (33, 13)]),
        ("\"http://b,http://c:81/d\"", [(24, 8), (33, 13)]),
    ] {
        let read = workload(calls);
        assert_eq!(read.problems, []);
        let found: Vec<_> = read.resources.workload_entries[0]
            .calls
            .iter()
            .map(|call| match &call.origin {
                crate::Origin::Document { place, path, .. } => {
                    assert_eq!(&**path, "metadata.annotations[\"burgee.dev/calls\"]");
                    (place.column, place.width)
                }
                crate::Origin::Rule(rule) => panic!("{rule}"),
            })
            .collect();
        assert_eq!(found, columns, "{calls}");
    }
}

#[test]
fn a_url_that_cannot_be_called_is_said_with_its_place() {
    let read = workload("http://b, ftp://c");
    let [problem] = read.problems.as_slice() else { panic!("{:#?}", read.problems) };
    assert_eq!((problem.code, problem.place.as_ref().map(|place| place.column)), (codes::BAD_CALL, Some(33)));
    assert_eq!(read.resources.workload_entries[0].calls.len(), 1);
}

#[test]
fn annotations_that_mean_nothing_are_said() {
    let text = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: a\n  annotations:\n    \
                burgee.dev/call: http://b\n    burgee.dev/module: x\n    burgee.dev/zzz: x\n    other.dev/x: z\n\
                spec: {address: 10.0.0.1}\n";
    let found: Vec<_> = read(&[Source::new("w.yaml", text)])
        .problems
        .into_iter()
        .map(|problem| (problem.code, problem.help))
        .collect();
    let help = |text: &str| (codes::UNKNOWN_ANNOTATION, text.to_owned());
    assert_eq!(
        found,
        [
            help("did you mean `burgee.dev/calls`?"),
            help("it belongs to WasmPlugin, TrafficExtension; take it out here"),
            help(
                "allowed: burgee.dev/module (WasmPlugin, TrafficExtension), burgee.dev/calls (WorkloadEntry), burgee.dev/label-sizes (Telemetry), burgee.dev/metrics-engine (Telemetry), burgee.dev/peer-metadata (Telemetry), burgee.dev/peer-labels (the mesh's configuration), burgee.dev/ignore (any kind)"
            ),
        ]
    );
}

proptest! {
    #[test]
    fn what_can_be_called_is_read_as_it_is_shown(
        host in "[a-z0-9_-]{1,10}(\\.[a-z0-9]{1,10}){0,3}",
        port in prop::option::of(1_u16..),
        path in "(/[a-zA-Z0-9%?=&/.-]{0,20})?",
    ) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let read = call(&format!("http://{host}{port}{path}")).expect("a URL");
        prop_assert_eq!(&read.host, &host);
        prop_assert_eq!(call(&read.to_string()), Ok(read));
    }

    #[test]
    fn no_calls_make_it_panic(calls in "(http://|a|\\.|:|1|/|,| |é|%|\\?|\n|\\|\"){0,20}") {
        let text = serde_json::Value::String(calls).to_string();
        let _ = workload(&text);
    }
}

#[test]
fn an_engine_that_there_is_not_is_an_error_at_its_place() {
    let telemetry = |engine: &str| {
        let text = format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata:\n  name: a\n  namespace: b\n  annotations: \
             {{burgee.dev/metrics-engine: {engine}}}\nspec: {{}}\n"
        );
        read(&[Source::new("t.yaml", text)])
    };
    let documents = telemetry("native");
    assert_eq!(documents.problems, []);
    let engine = documents.resources.telemetries[0].metrics_engine.clone();
    assert_eq!(engine.map(|engine| engine.value), Some(MetricsEngine::Native));

    let documents = telemetry("nativ");
    let [problem] = documents.problems.as_slice() else { panic!("{:?}", documents.problems) };
    assert_eq!((problem.code, problem.severity), (codes::BAD_VALUE, Severity::Error));
    assert_eq!(problem.help, "did you mean `native`? allowed: auto, wasm, native");
    assert_eq!(documents.resources.telemetries[0].metrics_engine, None);
}

#[test]
fn an_engine_stands_where_the_configuration_of_the_mesh_is_and_on_no_other_config_map() {
    let map = |name: &str| {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: istio-system\n  annotations: \
             {{burgee.dev/metrics-engine: native}}\ndata: {{mesh: 'rootNamespace: istio-system'}}\n"
        );
        read(&[Source::new("m.yaml", text)])
    };
    let documents = map("istio");
    assert_eq!(documents.problems, []);
    let engine = documents.resources.mesh_config.metrics_engine.map(|engine| engine.value);
    assert_eq!(engine, Some(MetricsEngine::Native));
    let documents = map("istio-canary");
    assert_eq!(
        documents.resources.mesh_config.metrics_engine.map(|it| it.value),
        Some(MetricsEngine::Native)
    );
    let documents = map("other");
    assert!(documents.problems.iter().any(|problem| problem.code == codes::UNKNOWN_ANNOTATION));
    assert_eq!(documents.resources.mesh_config.metrics_engine, None);
}

#[test]
fn the_exchange_of_peers_is_switched_by_a_word_in_quotes() {
    let telemetry = |switch: &str| {
        let text = format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata:\n  name: a\n  namespace: b\n  annotations: \
             {{burgee.dev/peer-metadata: {switch}}}\nspec: {{}}\n"
        );
        read(&[Source::new("t.yaml", text)])
    };
    for (written, expected) in [("'off'", PeerMetadata::Off), ("\"on\"", PeerMetadata::On)] {
        let documents = telemetry(written);
        assert_eq!(documents.problems, []);
        let peers = documents.resources.telemetries[0].peer_metadata.clone();
        assert_eq!(peers.map(|peers| peers.value), Some(expected));
    }
    for (written, code, help) in [
        ("none", codes::BAD_VALUE, "allowed: on, off"),
        ("off", codes::WRONG_TYPE, "put it in quotes: \"off\" (Kubernetes does not read it as text without)"),
    ] {
        let documents = telemetry(written);
        let [problem] = documents.problems.as_slice() else { panic!("{:?}", documents.problems) };
        assert_eq!((problem.code, problem.help.as_str()), (code, help));
        assert_eq!(documents.resources.telemetries[0].peer_metadata, None);
    }
}

#[test]
fn labels_that_proxies_tell_each_other_stand_where_the_configuration_of_the_mesh_is() {
    let map = |name: &str, labels: &str| {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: istio-system\n  annotations: \
             {{burgee.dev/peer-labels: \"{labels}\"}}\ndata: {{mesh: 'rootNamespace: istio-system'}}\n"
        );
        read(&[Source::new("m.yaml", text)])
    };
    for (labels, expected, wrong) in [
        ("team", &["team"][..], 0),
        ("team, example.com/role,team", &["team", "example.com/role"], 0),
        ("team, two words, ", &["team"], 2),
    ] {
        let documents = map("istio", labels);
        let found = documents.resources.mesh_config.peer_labels.map(|labels| labels.value);
        assert_eq!(found.unwrap_or_default(), expected, "{labels}");
        let places: Vec<_> = documents.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(places, vec![codes::BAD_VALUE; wrong], "{labels}");
    }
    let documents = map("other", "team");
    assert!(documents.problems.iter().any(|problem| problem.code == codes::UNKNOWN_ANNOTATION));
    assert_eq!(documents.resources.mesh_config.peer_labels, None);
}
