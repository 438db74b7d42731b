//! `burgee render`: somebody's own Envoy configuration with policy laid over it, and a real Envoy's word on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burgee_api::document::Source;
use burgee_overlay::Value;
use tempfile::TempDir;

use crate::support::mesh::page;
use crate::support::program::{Ended, Program};
use crate::support::proxy::Proxy;
use crate::support::{envoy, module, one_service, root, tempdir};

/// The bases that every rule holds for.
pub(crate) fn bases() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/cases/bases")).expect("there are bases").flatten();
    let mut bases: Vec<_> = entries.map(|entry| entry.path()).collect();
    bases.sort();
    assert!(bases.len() >= 5, "{bases:?}");
    bases
}

pub(crate) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

/// A configuration as Envoy reads it.
pub(crate) fn read(path: &Path, text: &str) -> Value {
    let source = Source::new(name(path), text.to_owned());
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let value = if is_json { Value::from_json(&source) } else { Value::from_yaml(&source) };
    value.unwrap_or_else(|problems| panic!("{}: {problems:?}\n{text}", name(path)))
}

/// What `render` makes of a base, with more arguments.
pub(crate) fn render(base: &Path, more: &[&str]) -> String {
    let program = Program::new(["render".as_ref(), "--base".as_ref(), base.as_os_str()])
        .args(["--workload", "quickstart/hello-v1", "--labels", "app=hello,version=v1"])
        .args(["--module".as_ref(), module().as_os_str()])
        .args(more);
    program.run().expect_code(0).stdout
}

/// What it makes of a base with the documents of one service.
fn render_with_documents(base: &Path) -> String {
    render(base, &["-f", &one_service().to_string_lossy()])
}

/// Puts a text where a base was, under the same name.
pub(crate) fn put(folder: &TempDir, base: &Path, text: &str) -> PathBuf {
    let path = folder.path().join(name(base));
    fs::write(&path, text).expect("a file can be written");
    path
}

/// Has Envoy validate a configuration. A file of the listener discovery service is no bootstrap, so its listeners
/// are put into one.
pub(crate) fn validate(path: &Path, text: &str) {
    let folder = tempdir();
    let value = read(path, text);
    let file = match value.field("resources") {
        Some(resources) => {
            let listeners = resources.items().iter().map(plain).collect();
            let file = folder.path().join("bootstrap.yaml");
            fs::write(&file, bootstrap_of(Value::List(listeners)).to_yaml()).expect("a file can be written");
            file
        }
        None => put(&folder, path, text),
    };
    let mut command = Command::new(&envoy().path);
    command.args(["--mode", "validate", "--log-level", "warning", "--config-path"]).arg(file);
    let output = command.output().expect("Envoy can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Envoy refuses {}: {said}\n{text}", name(path));
    // One base has a deprecated field of its own.
    let of_ours = |line: &&str| line.contains("Deprecated") && !line.contains("max_requests_per_connection");
    assert_eq!(said.lines().find(of_ours), None, "{}", name(path));
}

/// A resource of a discovery response without what says its type and version.
pub(crate) fn plain(resource: &Value) -> Value {
    let inner = resource.field("resource").unwrap_or(resource);
    let Value::Map(fields) = inner else { panic!("no resource: {resource:?}") };
    Value::Map(fields.iter().filter(|(key, _)| key != "@type").cloned().collect())
}

/// A bootstrap that has listeners, and the control plane that they ask for their routes.
pub(crate) fn bootstrap_of(listeners: Value) -> Value {
    let dynamic =
        bases().into_iter().find(|base| name(base) == "dynamic.yaml").expect("a base with a control plane");
    let mut bootstrap = read(&dynamic, &fs::read_to_string(&dynamic).expect("a base"));
    let Some(Value::Map(fields)) = bootstrap.field_mut("static_resources") else {
        panic!("no static resources")
    };
    fields.push(("listeners".to_owned(), listeners));
    bootstrap
}

#[test]
fn a_real_envoy_takes_every_base_before_and_after() {
    for base in bases().iter().filter(|base| !name(base).contains("unknown")) {
        validate(base, &fs::read_to_string(base).expect("a base"));
        validate(base, &render_with_documents(base));
        let documents = one_service();
        validate(base, &render(base, &["-f", &documents.to_string_lossy(), "--metrics-engine", "native"]));
    }
}

/// Documents that ask for something of every kind.
const EVERYTHING: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    extensionProviders:
    - {name: text, envoyFileAccessLog: {path: /dev/stdout}}
    - name: json
      envoyFileAccessLog:
        logFormat: {labels: {verb: "%REQ(:METHOD)%", path: "%REQ_WITHOUT_QUERY(:PATH)%", in: {zone: north}}}
        omitEmptyValues: true
    - name: logs
      envoyOtelAls: {service: collector.obs.internal, port: 4317, logFormat: {labels: {status: "%RESPONSE_CODE%"}}}
    - name: entries
      envoyHttpAls:
        service: collector.obs.internal
        port: 4317
        filterStateObjectsToLog: [wasm.upstream_peer]
        additionalRequestHeadersToLog: [x-tenant]
        additionalResponseHeadersToLog: [x-served-by]
        additionalResponseTrailersToLog: [grpc-message]
    - {name: connections, envoyTcpAls: {service: collector.obs.internal, port: 4317, logName: connections}}
    - {name: spans, opentelemetry: {service: collector.obs.internal, port: 4317}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: collector, namespace: obs}
spec:
  hosts: [collector.obs.internal]
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 10.0.0.9}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: everything, namespace: istio-system}
spec:
  metrics: [{providers: [{name: prometheus}]}]
  accessLogging:
  - providers: [{name: text}, {name: json}, {name: logs}, {name: entries}, {name: connections}]
    filter: {expression: "response.code >= 400 && !('x-quiet' in request.headers)"}
  tracing:
  - providers: [{name: spans}]
    randomSamplingPercentage: 33.5
    useRequestIdForTraceSampling: false
    customTags:
      canary: {literal: {value: "yes"}}
      home: {environment: {name: HOME, defaultValue: none}}
      tenant: {header: {name: x-tenant}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: guard, namespace: quickstart}
spec:
  url: file://MODULE
  pluginName: stats
  pluginConfig: {reporter: CLIENT}
  phase: AUTHN
  vmConfig: {env: [{name: MODE, value: strict}, {name: HOME, valueFrom: HOST}]}
"#;

#[test]
fn a_real_envoy_takes_everything_that_documents_can_ask_for() {
    let folder = tempdir();
    let documents = folder.path().join("everything.yaml");
    let text = EVERYTHING.replace("MODULE", &module().to_string_lossy());
    fs::write(&documents, text).expect("a file can be written");
    let documents = documents.to_string_lossy();
    for base in bases() {
        let once = render(&base, &["-f", &documents]);
        if name(&base) != "dynamic.yaml" {
            for expected in [
                "burgee.access_log.json",
                "burgee.tracing.spans",
                "trafficextension/quickstart.guard~istio-translated-wasmplugin",
            ] {
                assert!(once.contains(expected), "{} has no {expected}:\n{once}", name(&base));
            }
        }
        if !name(&base).contains("unknown") {
            validate(&base, &once);
        }
        let overlaid = put(&folder, &base, &once);
        assert_eq!(render(&overlaid, &["-f", &documents]), once, "{}", name(&base));
        let before = read(&base, &fs::read_to_string(&base).expect("a base"));
        assert_eq!(read(&base, &render(&overlaid, &[])), before, "{}", name(&base));
    }
}

/// Documents that have proxies report to collectors of each sort: at an address, by a name, at a Unix socket, and the
/// mesh's own access log service.
const COLLECTORS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    connectTimeout: 2s
    enableEnvoyAccessLogService: true
    defaultConfig: {envoyAccessLogService: {address: "als.obs.internal:9000", tcpKeepalive: {probes: 3, time: 30s, interval: 5s}}}
    extensionProviders:
    - {name: address, opentelemetry: {service: address.obs.internal, port: 4317}}
    - {name: name, envoyHttpAls: {service: name.obs.internal, port: 9001}}
    - {name: socket, envoyOtelAls: {service: socket.obs.internal, port: 4317}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: address, namespace: obs}
spec:
  hosts: [address.obs.internal]
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 10.0.0.9}, {address: "fd00::9"}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: name, namespace: obs}
spec: {hosts: [name.obs.internal], resolution: DNS, ports: [{number: 9001, name: grpc, protocol: GRPC}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: socket, namespace: obs}
spec:
  hosts: [socket.obs.internal]
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: "unix:///run/otlp.sock"}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: reports, namespace: istio-system}
spec:
  tracing: [{providers: [{name: address}]}]
  accessLogging: [{match: {mode: CLIENT}, providers: [{name: name}, {name: socket}]}]
"#;

#[test]
fn a_real_envoy_takes_the_clusters_that_a_base_lacks() {
    const NAMES: [&str; 4] = [
        "outbound|4317||address.obs.internal",
        "outbound|9001||name.obs.internal",
        "outbound|4317||socket.obs.internal",
        "envoy_accesslog_service",
    ];
    let folder = tempdir();
    let documents = folder.path().join("collectors.yaml");
    fs::write(&documents, COLLECTORS).expect("a file can be written");
    let documents = documents.to_string_lossy();
    let sidecar = bases().into_iter().find(|base| name(base) == "captured.yaml").expect("a sidecar");
    let rendered = render(&sidecar, &["-f", &documents]);
    assert!(NAMES.iter().all(|name| rendered.contains(&format!("- name: {name}"))), "{rendered}");
    validate(&sidecar, &rendered);

    // The same in a file of clusters, put back into a bootstrap for Envoy to look at.
    let cluster = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    let file = folder.path().join("clusters.yaml");
    fs::write(&file, format!("type_url: {cluster}\nresources: [{{'@type': {cluster}, name: web}}]\n"))
        .expect("a file can be written");
    let rendered = render(&file, &["-f", &documents]);
    let value = read(&file, &rendered);
    let clusters: Vec<Value> =
        value.field("resources").map_or(&[][..], Value::items).iter().map(plain).collect();
    assert_eq!(clusters.len(), 1 + NAMES.len(), "{rendered}");
    let bootstrap =
        Value::map([("static_resources", Value::map([("clusters", Value::List(clusters.into()))]))]);
    validate(Path::new("bootstrap.yaml"), &bootstrap.to_yaml());

    // Whoever serves the clusters elsewhere is told of.
    let dynamic = bases().into_iter().find(|base| name(base) == "listeners-file.yaml").expect("a base");
    let ended = Program::new(["render".as_ref(), "--base".as_ref(), dynamic.as_os_str()])
        .args(["--workload", "quickstart/hello-v1", "-f", &documents])
        .args(["--module".as_ref(), module().as_os_str()])
        .run();
    ended.expect_code(0).expect_said(&["BG0631", NAMES[0], NAMES[1], "envoy_accesslog_service"]);
}

/// The `vm_id` and the file that are rendered for a plugin whose URL is a registry's; the run if it failed.
fn plugin_from_registry(annotation: &str, more: &[&str]) -> Result<(String, String), Ended> {
    let folder = tempdir();
    fs::copy(module(), folder.path().join("guard.wasm")).expect("a module");
    let document = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: guard\n  namespace: quickstart\n\
         \x20 annotations: {{{annotation}}}\nspec: {{url: \"oci://registry.example/guard:1\", pluginName: stats}}\n"
    );
    fs::write(folder.path().join("plugin.yaml"), document).expect("a document");
    let base = bases().into_iter().find(|base| name(base) == "front-proxy.yaml").expect("a front proxy");
    let ended =
        Program::new(["render", "--workload", "quickstart/hello-v1", "-o", "json", "-f", "plugin.yaml"])
            .args(["--base".as_ref(), base.as_os_str(), "--module".as_ref(), module().as_os_str()])
            .args(more)
            .in_directory(folder.path())
            .run();
    if ended.code != Some(0) {
        return Err(ended);
    }
    let after = |key: &str| {
        let (_, rest) = ended.stdout.split_once(key).unwrap_or_else(|| panic!("no {key}: {ended}"));
        rest.split('"').nth(1).unwrap_or_default().to_owned()
    };
    Ok((after("\"vm_id\":"), after("\"filename\":")))
}

#[test]
fn a_plugin_from_a_registry_is_rendered_once_its_module_is_found() {
    let digest = burgee_modules::digest_of_module(module()).expect("a file").expect("a module");
    let vm_id = format!("burgee.plugin.quickstart.guard~istio-translated-wasmplugin.{}", &digest[..16]);
    let annotation = "burgee.dev/module: guard.wasm";
    let there = "quickstart/guard=/etc/envoy/guard.wasm";
    // The path is the proxy's; the digest is that of the module at hand.
    for (annotation, more, path) in [
        (annotation, &[][..], digest.as_str()),
        (annotation, &["--plugin-path", there], "/etc/envoy/guard.wasm"),
        ("", &["--plugin-path", "quickstart/guard=guard.wasm"], "guard.wasm"),
    ] {
        let (found, file) = plugin_from_registry(annotation, more).unwrap_or_else(|ended| panic!("{ended}"));
        assert_eq!(found, vm_id, "{annotation} {more:?}");
        assert!(file.contains(path), "{file}");
    }
    // Nothing here says the digest, so the path stands for it.
    let (found, file) =
        plugin_from_registry("", &["--plugin-path", there]).unwrap_or_else(|ended| panic!("{ended}"));
    assert_eq!(file, "/etc/envoy/guard.wasm");
    assert!(
        found.starts_with("burgee.plugin.quickstart.guard~istio-translated-wasmplugin.") && found != vm_id,
        "{found}"
    );

    for (more, code, said) in [
        (&[][..], 1, &["BG0620", "burgee.dev/module", "file://", "--plugin-path quickstart/guard=PATH"][..]),
        (&["--plugin-path", "quickstart/gard=/a"], 2, &["did you mean `quickstart/guard`?"]),
    ] {
        let ended = plugin_from_registry("", more).expect_err("refused").expect_code(code).expect_said(said);
        assert_eq!(ended.stdout, "", "{ended}");
    }
}

#[test]
fn documents_change_every_base_that_has_http() {
    for base in bases() {
        let text = render_with_documents(&base);
        // The listeners of this one come from elsewhere; its bootstrap gets ready for them.
        let expected =
            if name(&base) == "dynamic.yaml" { "stats_tags" } else { "burgee.telemetry.prometheus" };
        assert!(text.contains(expected), "{}:\n{text}", name(&base));
        assert!(!text.contains("istio.stats"), "{}", name(&base));
    }
}

#[test]
fn without_documents_the_result_is_the_base() {
    for base in bases() {
        let before = read(&base, &fs::read_to_string(&base).expect("a base"));
        let after = read(&base, &render(&base, &[]));
        assert_eq!(after, before, "{}", name(&base));
    }
}

/// What an Envoy that runs a configuration says it read: the static resources, and the node's metadata.
fn read_by_envoy(configuration: &Path) -> (serde_json::Value, serde_json::Value) {
    let folder = tempdir();
    let proxy = Proxy::start(folder.path(), configuration);
    let dump: serde_json::Value = serde_json::from_str(&page(&proxy.admin, "/config_dump")).expect("JSON");
    let bootstrap = &dump["configs"][0]["bootstrap"];
    assert!(bootstrap["static_resources"]["listeners"].is_array(), "{dump}");
    (bootstrap["static_resources"].clone(), bootstrap["node"]["metadata"].clone())
}

#[test]
fn envoy_reads_the_result_without_documents_as_it_reads_the_base() {
    let folder = tempdir();
    // What two readers of YAML may disagree about: as written, and as values that leave no doubt.
    let dialect = fs::read_to_string(root().join("tests/cases/bases/dialect.yaml")).expect("a base");
    let metadata = "node: {id: node-1, cluster: web, metadata: {on: on, Off: Off, list: [0x10, 010, 1.5, 1e3, ~, 'yes', y]}}\n\
        admin: {address: {socket_address: {address: 127.0.0.1, port_value: 00}}}\n";
    let base = folder.path().join("base.yaml");
    fs::write(&base, format!("{dialect}{metadata}")).expect("a file can be written");
    let rendered = folder.path().join("rendered.json");
    fs::write(&rendered, render(&base, &["-o", "json"])).expect("a file can be written");
    let (resources, metadata) = read_by_envoy(&base);
    let port = &resources["listeners"][0]["address"]["socket_address"]["port_value"];
    assert_eq!(*port, 0o21000, "{resources}");
    assert_eq!(read_by_envoy(&rendered), (resources, metadata));
}

#[test]
fn rendering_twice_is_rendering_once() {
    let folder = tempdir();
    for base in bases() {
        let once = render_with_documents(&base);
        let twice = render_with_documents(&put(&folder, &base, &once));
        assert_eq!(twice, once, "{}", name(&base));
    }
}

#[test]
fn rendering_without_documents_gives_the_base_back() {
    let folder = tempdir();
    for base in bases() {
        let before = read(&base, &fs::read_to_string(&base).expect("a base"));
        let overlaid = put(&folder, &base, &render_with_documents(&base));
        assert_eq!(read(&base, &render(&overlaid, &[])), before, "{}", name(&base));
    }
}

#[test]
fn yaml_and_json_say_the_same() {
    // The other way round they need not: Envoy reads no fractions from YAML, only strings that look like them.
    for base in bases().into_iter().filter(|base| name(base).ends_with(".yaml")) {
        let documents = one_service();
        let printed = |format: &str| render(&base, &["-o", format, "-f", &documents.to_string_lossy()]);
        let yaml = read(Path::new("printed.yaml"), &printed("yaml"));
        let json = read(Path::new("printed.json"), &printed("json"));
        assert_eq!(yaml, json, "{}", name(&base));
    }
}

#[test]
fn a_class_by_hand_decides_what_a_listener_gets() {
    let base = bases().into_iter().find(|base| name(base) == "front-proxy.yaml").expect("a front proxy");
    let documents = one_service().join("telemetry.yaml").to_string_lossy().into_owned();
    let render = |class: &[&str]| render(&base, &[class, &["-f", &documents]].concat());
    let (gateway, inbound) = (render(&[]), render(&["--class", "front=inbound"]));
    assert_ne!(gateway, inbound);
    assert_eq!(render(&["--class", "front=gateway"]), gateway);
}

#[test]
fn the_base_comes_from_standard_input_too() {
    let base = bases().into_iter().find(|base| name(base) == "front-proxy.yaml").expect("a front proxy");
    let text = fs::read_to_string(&base).expect("a base");
    let program = Program::new(["render", "--base", "-", "--workload", "quickstart/hello-v1"]).input(&text);
    let ended = program.args(["--module".as_ref(), module().as_os_str()]).run().expect_code(0);
    assert_eq!(read(&base, &ended.stdout), read(&base, &text));
}

#[test]
fn edits_name_their_place_and_the_document_that_asks_for_them() {
    let base = bases().into_iter().find(|base| name(base) == "front-proxy.yaml").expect("a front proxy");
    let documents = one_service();
    let text = render(&base, &["--edits", "-o", "json", "-f", &documents.to_string_lossy()]);
    let edits: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let edits = edits.as_array().expect("a list");
    let owned = |edit: &&serde_json::Value| edit["owners"].to_string().contains("mesh-default");
    assert!(edits.iter().any(|edit| owned(&edit)), "{text}");
    let is_placed =
        |edit: &serde_json::Value| edit["insert_at"].as_str().is_some_and(|path| !path.is_empty());
    assert!(edits.iter().all(is_placed), "{text}");
}

#[test]
fn a_base_or_documents_that_are_wrong_render_nothing() {
    let folder = tempdir();
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file can be written");
    write("base.yaml", "static_resources: {listeners: []}\n");
    write("broken.yaml", "static_resources: {listeners: [}\n");
    write(
        "wrong.yaml",
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t}\nspec: {metrix: []}\n",
    );
    let render = |arguments: &[&str]| {
        let program =
            Program::new(["render", "--workload", "a/b"]).args(arguments).in_directory(folder.path());
        program.args(["--module".as_ref(), module().as_os_str()]).run()
    };
    for (arguments, code, said) in [
        (
            ["--base", "broken.yaml", "-f", "wrong.yaml"],
            1,
            &["broken.yaml:1:", "nothing is rendered"] as &[&str],
        ),
        (["--base", "base.yaml", "-f", "wrong.yaml"], 1, &["wrong.yaml:4:8", "did you mean `metrics`?"]),
        (["--base", "nowhere.yaml", "-f", "wrong.yaml"], 2, &["nowhere.yaml is not there", "help: "]),
        (["--base", "base.yaml", "-f", "nowhere.yaml"], 2, &["nowhere.yaml is not there", "help: "]),
        (["--base", "base.yaml", "--class", "front=up"], 2, &["there is no class `up`", "help: "]),
    ] {
        let ended = render(&arguments).expect_code(code).expect_said(said);
        assert_eq!(ended.stdout, "", "{ended}");
    }
}

#[test]
fn what_would_come_to_nothing_is_said() {
    let quickstart = one_service();
    let base = |name: &str| root().join("tests/cases/bases").join(name);
    let render = |base: &std::path::Path, workload: &str| {
        Program::new(["render", "--workload", workload])
            .args(["--base".as_ref(), base.as_os_str(), "-f".as_ref(), quickstart.as_os_str()])
            .args(["--module".as_ref(), module().as_os_str()])
            .run()
    };
    let folder = tempdir();
    let misspelt = folder.path().join("misspelt.yaml");
    fs::write(&misspelt, "static_resource: {listeners: []}\n").expect("a file can be written");
    let no_object = folder.path().join("list.yaml");
    fs::write(&no_object, "- a\n").expect("a file can be written");

    let hello = "quickstart/hello-v1";
    render(&base("listeners-file.yaml"), hello).expect_code(0).expect_said(&["BG0007", "bootstrap"]);
    render(&misspelt, hello).expect_code(0).expect_said(&["BG0008", "nothing is measured"]);
    render(&base("front-proxy.yaml"), "quickstart/helo-v1")
        .expect_code(0)
        .expect_said(&["BG0006", "did you mean `quickstart/hello-v1`?"]);
    render(&no_object, hello).expect_code(2).expect_said(&["not an object", "help: "]);
    let right = render(&base("front-proxy.yaml"), hello).expect_code(0);
    assert!(!right.stderr.contains("BG00"), "{right}");
}

#[test]
fn a_base_says_itself_which_workload_it_is_for() {
    let folder = tempdir();
    let telemetry = |name: &str, revision: &str, tag: &str| {
        format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
             metadata: {{name: {name}, namespace: shop, labels: {{{revision}}}}}\n\
             spec:\n  selector: {{matchLabels: {{app: web, version: v1}}}}\n  metrics:\n  \
             - providers: [{{name: prometheus}}]\n    overrides: [{{tagOverrides: {{{tag}: {{value: request.host}}}}}}]\n"
        )
    };
    let documents =
        telemetry("any", "", "for_any") + &telemetry("canary", "istio.io/rev: canary", "for_canary");
    fs::write(folder.path().join("t.yaml"), documents).expect("a file can be written");
    let base = |name: &str| root().join("tests/cases/bases").join(name);
    let render = |base: &Path, more: &[&str]| {
        Program::new(["render", "-f", "t.yaml", "--base"])
            .args([base.as_os_str(), "--module".as_ref(), module().as_os_str()])
            .args(more)
            .in_directory(folder.path())
            .run()
    };
    let sidecar = base("sidecar.yaml");
    let ended = render(&sidecar, &[]).expect_code(0).expect_said(&["BG0509"]);
    assert!(ended.stdout.contains("for_any") && !ended.stdout.contains("for_canary"), "{ended}");
    let ended = render(&sidecar, &["--revision", "canary"]).expect_code(0);
    assert!(ended.stdout.contains("for_any") && ended.stdout.contains("for_canary"), "{ended}");
    assert!(!ended.stderr.contains("BG0509"), "{ended}");
    let ended = render(&sidecar, &["--labels", "version=v2"]).expect_code(0);
    assert!(!ended.stdout.contains("for_any"), "{ended}");

    render(&sidecar, &["--workload", "shop/cart"]).expect_code(0).expect_said(&["BG0015", "shop/web-v1"]);
    for (name, code) in [("by-hand.yaml", "BG0120"), ("front-proxy.yaml", "BG0016")] {
        let ended = render(&base(name), &[]);
        ended.expect_code(1).expect_said(&[code, "help: ", "nothing is rendered"]);
    }
    let waypoint = fs::read_to_string(&sidecar).expect("a base").replace("id: sidecar~", "id: waypoint~");
    fs::write(folder.path().join("waypoint.yaml"), waypoint).expect("a file can be written");
    let waypoint = folder.path().join("waypoint.yaml");
    render(&waypoint, &["--workload", "shop/web-v1"]).expect_code(1).expect_said(&["BG0121", "waypoint"]);
}
