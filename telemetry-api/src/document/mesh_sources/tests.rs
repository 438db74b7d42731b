//! What documents of every sort say of a mesh's configuration, and where each value comes from.

use std::collections::BTreeMap;

use crate::Origin;
use crate::document::{Documents, Source, read};
use crate::origin::Traced;
use crate::problem::codes;
use crate::resolve::{ListenerClass, PolicySet, Workload, WorkloadKind};
use crate::resources::MeshConfig;
use crate::resources::mesh_config::{Encoding, ProviderKind};
use crate::test;

fn read_text(text: &str) -> Documents {
    read(&[Source::new("t.yaml", text)])
}

/// The mesh's configuration, of documents that nothing is wrong with but names of providers.
fn mesh(text: &str) -> MeshConfig {
    let mut documents = read_text(text);
    documents.problems.retain(|problem| problem.code != codes::DUPLICATE_PROVIDER);
    assert!(documents.problems.is_empty(), "{text}: {:#?}", documents.problems);
    documents.resources.mesh_config
}

fn config_map(name: &str, mesh: &str) -> String {
    let indented: String = mesh.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\ndata:\n  mesh: |\n{indented}"
    )
}

fn operator(spec: &str) -> String {
    let indented: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n{indented}")
}

/// Providers as `NAME/KIND`.
fn providers(mesh: &MeshConfig) -> Vec<String> {
    let shown =
        |provider: &crate::resources::ExtensionProvider| format!("{}/{}", provider.name, provider.kind.key());
    mesh.extension_providers.iter().map(shown).collect()
}

fn names(list: &[Traced<String>]) -> Vec<&str> {
    list.iter().map(|name| name.value.as_str()).collect()
}

/// An origin without its place.
fn path(origin: &Origin) -> String {
    origin.to_string().split(" (").next().unwrap_or_default().to_owned()
}

#[test]
fn what_is_written_goes_over_istios_defaults() {
    let mesh = mesh(&config_map(
        "istio",
        "accessLogEncoding: JSON\n\
         defaultProviders: {accessLogging: [envoy]}\n\
         defaultConfig: {meshId: m, tracing: {sampling: 10}}\n\
         extensionProviders:\n\
         - {name: mine, prometheus: {}}\n\
         - {name: envoy, envoyFileAccessLog: {path: /e}}\n\
         - {name: Prometheus, prometheus: {}}\n\
         trustDomain: elsewhere",
    ));
    assert_eq!(
        (mesh.root_namespace.value.as_str(), mesh.access_log_encoding.value),
        ("istio-system", Encoding::Json)
    );
    assert_eq!(names(&mesh.default_access_logging_providers), ["envoy"]);
    assert_eq!(names(&mesh.default_metrics_providers), [""; 0]);
    assert!(mesh.enable_tracing.value && mesh.proxy_tracing.sampling.is_some());
    // By exact name, in place; others behind the built-in ones.
    assert_eq!(
        providers(&mesh),
        [
            "prometheus/prometheus",
            "stackdriver/stackdriver",
            "envoy/envoyFileAccessLog",
            "mine/prometheus",
            "Prometheus/prometheus"
        ]
    );
    let envoy = mesh.provider("envoy").expect("a provider");
    assert_eq!(envoy.kind, ProviderKind::EnvoyFileAccessLog);
    assert!(matches!(envoy.origin, Origin::Document { .. }));
}

#[test]
fn every_value_knows_the_path_of_its_document() {
    let provider = "extensionProviders:\n- {name: mine, prometheus: {}}";
    for (text, expected) in [
        (config_map("istio", provider), "ConfigMap istio-system/istio data.mesh: extensionProviders[0]"),
        (provider.to_owned(), "MeshConfig mesh extensionProviders[0]"),
        (
            operator("meshConfig:\n  extensionProviders: [{name: mine, prometheus: {}}]"),
            "IstioOperator unnamed spec.meshConfig.extensionProviders[0]",
        ),
        (
            operator("values:\n  meshConfig:\n    extensionProviders: [{name: mine, prometheus: {}}]"),
            "IstioOperator unnamed spec.values.meshConfig.extensionProviders[0]",
        ),
        (
            "meshConfig: {extension_providers: [{name: mine, prometheus: {}}]}".to_owned(),
            "values mesh meshConfig.extension_providers[0]",
        ),
        (
            format!("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: istio}}\n  data: {{mesh: '{provider}'}}")
                .replace("\n- {name", " [{name")
                .replace("}}'", "}}]'"),
            "ConfigMap default/istio items[0].data.mesh: extensionProviders[0]",
        ),
    ] {
        let mesh = mesh(&text);
        let mine = mesh.provider("mine").unwrap_or_else(|| panic!("{text}"));
        assert_eq!(path(&mine.origin), expected, "{text}");
    }
    let map = mesh(&config_map("istio", "rootNamespace: root"));
    let Origin::Document { place, .. } = &map.root_namespace.origin else { panic!("a document") };
    assert_eq!((place.line, place.column), (6, 20));
    assert_eq!(path(&map.source), "ConfigMap istio-system/istio data.mesh");
}

#[test]
fn names_in_snake_case_count_as_in_istio() {
    let mesh = mesh(
        "root_namespace: root\naccess_log_file: /a\ndefault_providers: {access_logging: [envoy]}\n\
         default_config: {mesh_id: m}\n\
         extension_providers: [{name: als, envoy_http_als: {service: a.b, port: 1, log_name: l}}]",
    );
    assert_eq!((mesh.root_namespace.value.as_str(), mesh.access_log_file.value.as_str()), ("root", "/a"));
    assert_eq!(names(&mesh.default_access_logging_providers), ["envoy"]);
    assert_eq!(mesh.proxy_tracing.mesh_id.map(|id| id.value).as_deref(), Some("m"));
    let problems = read_text("rootNamespace: a\nroot_namespace: b").problems;
    assert_eq!(problems.iter().map(|it| it.code).collect::<Vec<_>>(), [codes::DUPLICATE_KEY]);
}

#[test]
fn the_chart_makes_prometheus_the_default_unless_values_say_otherwise() {
    for (spec, metrics, logging) in [
        ("meshConfig: {accessLogFile: /a}", &["prometheus"][..], &[][..]),
        ("meshConfig: {defaultProviders: {}}", &["prometheus"], &[]),
        ("meshConfig: {defaultProviders: {metrics: []}}", &[], &[]),
        ("meshConfig: {defaultProviders: {metrics: [mine], accessLogging: [envoy]}}", &["mine"], &["envoy"]),
        ("values: {telemetry: {enabled: true}}", &["prometheus"], &[]),
        ("values: {telemetry: {enabled: false}}", &[], &[]),
        ("values: {telemetry: {v2: {enabled: false}}}", &[], &[]),
        ("values: {telemetry: {v2: {prometheus: {enabled: false}}}}", &[], &[]),
        (
            "values: {telemetry: {v2: {stackdriver: {enabled: true}}}}",
            &["prometheus", "stackdriver"],
            &["stackdriver"],
        ),
        ("values: {meshConfig: {}, telemetry: {v2: {prometheus: {enabled: true}}}}", &["prometheus"], &[]),
    ] {
        let mesh = mesh(&operator(spec));
        assert_eq!(names(&mesh.default_metrics_providers), metrics, "{spec}");
        assert_eq!(names(&mesh.default_access_logging_providers), logging, "{spec}");
    }
    let lost = read_text(&operator("values: {meshConfig: {defaultProviders: {tracing: [otel]}}}"));
    let [problem] = lost.problems.as_slice() else { panic!("{:#?}", lost.problems) };
    assert_eq!(
        (problem.code, problem.path.as_str()),
        (codes::CHART_DEFAULT_LOST, "spec.values.meshConfig.defaultProviders")
    );
    let off = "values: {meshConfig: {defaultProviders: {tracing: [otel]}}, telemetry: {enabled: false}}";
    assert!(read_text(&operator(off)).problems.is_empty());
}

#[test]
fn an_operator_says_more_than_its_values() {
    let both = mesh(&operator(
        "revision: canary\nnamespace: control\nprofile: default\nvalues:\n  global: {meshID: one, hub: x}\n  pilot: {}\n  \
         meshConfig:\n    accessLogFile: /values\n    accessLogFormat: f\n    defaultConfig: {serviceCluster: c, tracing: {sampling: 5}}\n    \
         extensionProviders: [{name: a, prometheus: {}}, {name: prometheus, zipkin: {service: z.z, port: 1}}]\n\
         meshConfig:\n  accessLogFile: /spec\n  defaultConfig: {tracing: {maxPathTagLength: 9}}\n  \
         extensionProviders: [{name: b, prometheus: {}}]",
    ));
    assert_eq!((both.access_log_file.value.as_str(), both.access_log_format.value.as_str()), ("/spec", "f"));
    assert_eq!((both.root_namespace.value.as_str(), both.revision.as_str()), ("control", "canary"));
    // A later list takes the place of an earlier one as a whole.
    assert_eq!(
        providers(&both),
        ["prometheus/prometheus", "stackdriver/stackdriver", "envoy/envoyFileAccessLog", "b/prometheus"]
    );
    let tracing = &both.proxy_tracing;
    let id = tracing.mesh_id.as_ref().expect("an id");
    assert_eq!(
        (id.value.as_str(), path(&id.origin).as_str()),
        ("one", "IstioOperator unnamed spec.values.global.meshID")
    );
    assert_eq!(tracing.sampling.as_ref().map(|it| it.value), Some(5.0));
    assert_eq!(tracing.max_path_tag_length.as_ref().map(|it| it.value), Some(9));
    assert_eq!(tracing.service_cluster.as_ref().map(|it| it.value.as_str()), Some("c"));
    let named = "values: {global: {istioNamespace: a}, meshConfig: {rootNamespace: b}}\nnamespace: c";
    assert_eq!(mesh(&operator(named)).root_namespace.value, "b");
    let in_values = "values: {global: {istioNamespace: a}, revision: r, meshConfig: {}}\nnamespace: c";
    let in_values = mesh(&operator(in_values));
    assert_eq!((in_values.root_namespace.value.as_str(), in_values.revision.as_str()), ("a", "r"));
}

#[test]
fn an_operator_for_gateways_alone_says_nothing() {
    for spec in ["profile: empty\ncomponents: {ingressGateways: []}", "values: {gateways: {}}"] {
        let mesh = mesh(&operator(spec));
        assert!(!mesh.was_read, "{spec}");
    }
    let text = format!("{}---\n{}", operator("meshConfig: {accessLogFile: /a}"), operator("components: {}"));
    assert_eq!(mesh(&text).access_log_file.value, "/a");
}

#[test]
fn the_tracer_of_values_is_the_meshs() {
    for (global, expected) in [
        ("{proxy: {tracer: none}}", None),
        ("{proxy: {tracer: zipkin}}", Some(("zipkin.istio-system", 9411))),
        ("{istioNamespace: c, proxy: {tracer: zipkin}}", Some(("zipkin.c", 9411))),
        (
            "{proxy: {tracer: zipkin}, tracer: {zipkin: {address: 'z.obs:99'}, datadog: {address: x}}}",
            Some(("z.obs", 99)),
        ),
        ("{proxy: {tracer: datadog}, tracer: {datadog: {address: 'd.obs:8126'}}}", Some(("d.obs", 8126))),
    ] {
        let mesh = mesh(&operator(&format!("values: {{meshConfig: {{}}, global: {global}}}")));
        let tracer =
            mesh.proxy_tracing.tracer.as_ref().map(|tracer| (tracer.value.host.as_str(), tracer.value.port));
        assert_eq!(tracer, expected, "{global}");
        assert_eq!(mesh.proxy_tracing.written.is_some(), expected.is_some(), "{global}");
    }
    let gone = read_text(&operator("values: {meshConfig: {}, global: {proxy: {tracer: lightstep}}}"));
    assert_eq!(gone.problems.iter().map(|it| it.code).collect::<Vec<_>>(), [codes::MESH_TRACER]);
}

#[test]
fn what_the_control_plane_reads_counts() {
    let map = config_map("istio", "accessLogFile: /map");
    let installed = operator("meshConfig: {accessLogFile: /operator}");
    for texts in [[&map, &installed], [&installed, &map]] {
        let documents = read_text(&texts.map(String::as_str).join("\n---\n"));
        assert_eq!(documents.resources.mesh_config.access_log_file.value, "/map");
        let [problem] = documents.problems.as_slice() else { panic!("{:#?}", documents.problems) };
        assert_eq!(problem.code, codes::MESH_SOURCE_NOT_USED);
        assert!(problem.message.contains("ConfigMap istio-system/istio"), "{problem}");
    }
    for second in [config_map("istio", "accessLogFile: /b"), "accessLogFile: /b".to_owned()] {
        let documents = read_text(&format!("{map}---\n{second}"));
        assert_eq!(documents.resources.mesh_config.access_log_file.value, "/map");
        assert_eq!(
            documents.problems.iter().map(|it| it.code).collect::<Vec<_>>(),
            [codes::SEVERAL_MESH_CONFIGS]
        );
    }
    let twice = read_text(&format!("{installed}---\n{installed}"));
    assert_eq!(twice.problems.iter().map(|it| it.code).collect::<Vec<_>>(), [codes::SEVERAL_MESH_CONFIGS]);
    // Of different revisions both count.
    let canary = operator("revision: canary\nmeshConfig: {accessLogFile: /operator}");
    assert!(read_text(&format!("{map}---\n{canary}")).problems.is_empty());
}

#[test]
fn a_workload_has_the_configuration_of_its_revision() {
    let of = |mesh: &str| config_map(mesh, &format!("rootNamespace: root\naccessLogFile: /{mesh}"));
    let file = |text: &str, revision: &str| {
        let set = PolicySet::new(read_text(text).resources);
        let mut workload = Workload::new(WorkloadKind::Sidecar, "a", "x", BTreeMap::new());
        revision.clone_into(&mut workload.revision);
        let effective = set.resolve(&workload);
        let logs = effective.class(ListenerClass::Inbound).access_logs.as_slice();
        logs.iter()
            .map(|logger| match &logger.sink {
                crate::resolve::LogSink::File { path, .. } => path.clone(),
                other => panic!("{other:?}"),
            })
            .collect::<String>()
    };
    let all = [of("istio-b"), of("istio"), of("istio-a")].join("---\n");
    for (revision, expected) in
        [("default", "/istio"), ("a", "/istio-a"), ("b", "/istio-b"), ("unknown", "/istio")]
    {
        assert_eq!(file(&all, revision), expected, "{revision}");
    }
    // Without one of the default revision the first by name is everybody's who has none.
    let canaries = [of("istio-b"), of("istio-a")].join("---\n");
    for (revision, expected) in [("default", "/istio-a"), ("a", "/istio-a"), ("b", "/istio-b")] {
        assert_eq!(file(&canaries, revision), expected, "{revision}");
    }
    let hash = |text: &str| PolicySet::new(read_text(text).resources).hash().to_owned();
    assert_ne!(hash(&of("istio-a")), hash(&of("istio-b")));
    assert_ne!(hash(&all), hash(&canaries));
    assert_eq!(hash(&canaries), hash(&[of("istio-a"), of("istio-b")].join("---\n")));
    let mut chosen = read_text(&all).resources;
    chosen.choose_revision("b");
    let others: Vec<&str> = chosen.other_meshes.iter().map(|mesh| mesh.revision.as_str()).collect();
    assert_eq!((chosen.mesh_config.revision.as_str(), others), ("b", vec!["a", "default"]));
}
