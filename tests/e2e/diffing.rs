//! `burgee diff`: what people see of a change before it is made, and that running proxies do what it said.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::mesh::{Mesh, page};
use crate::support::program::{Ended, Program};
use crate::support::{copy_of_one_service, one_service, tempdir};

/// Writes two versions of documents, as `old.yaml` and `new.yaml`.
fn versions(old: &str, new: &str) -> TempDir {
    let folder = tempdir();
    fs::write(folder.path().join("old.yaml"), old).expect("a file");
    fs::write(folder.path().join("new.yaml"), new).expect("a file");
    folder
}

fn diff(folder: &Path, more: &[&str]) -> Ended {
    Program::new(["diff", "-f", "old.yaml", "-f", "new.yaml"]).args(more).in_directory(folder).run()
}

fn json(folder: &Path, more: &[&str]) -> Value {
    let ended = diff(folder, &[more, &["-o", "json"]].concat()).expect_code(1);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

const WORKLOADS: &str = r"
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: web-v1, namespace: shop}
spec: {labels: {app: web, version: v1}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: cart-v1, namespace: shop}
spec: {labels: {app: cart, version: v1}}
---
";

const MESH: &str = r"
rootNamespace: istio-system
extensionProviders:
- {name: json, envoyFileAccessLog: {path: /dev/stdout, logFormat: {labels: {code: '%RESPONSE_CODE%'}}}}
- {name: spans, opentelemetry: {service: collector.observability.internal, port: 4317}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: collector, namespace: observability}
spec:
  hosts: [collector.observability.internal]
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  resolution: DNS
---
";

/// A Telemetry.
fn telemetry(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n---\n"
    )
}

/// What was, and what takes its place: a value, a label, a logger, spans.
fn a_bit_of_everything() -> TempDir {
    let old = telemetry(
        "shop",
        "{metrics: [{providers: [{name: prometheus}], overrides: [{match: {metric: REQUEST_COUNT}, \
         tagOverrides: {method: {value: request.method}}}]}]}",
    );
    let new = telemetry(
        "shop",
        "{metrics: [{providers: [{name: prometheus}], overrides: [{match: {metric: REQUEST_COUNT}, \
         tagOverrides: {method: {value: request.method}}}, {match: {metric: REQUEST_SIZE}, disabled: true}]}]}",
    ) + &telemetry(
        "web",
        "{selector: {matchLabels: {app: web}}, tracing: [{providers: [{name: spans}], randomSamplingPercentage: 5}], \
         accessLogging: [{match: {mode: SERVER}, providers: [{name: json}]}]}",
    );
    versions(&format!("{MESH}{WORKLOADS}{old}"), &format!("{MESH}{WORKLOADS}{new}"))
}

#[test]
fn each_group_of_workloads_is_told_what_changes_and_what_that_does() {
    let folder = a_bit_of_everything();
    let ended = diff(folder.path(), &[]).expect_code(1);
    insta::assert_snapshot!("diff_of_a_bit_of_everything", ended.stdout);
    let fixed = diff(folder.path(), &["--delivery", "static"]).expect_code(1).stdout;
    assert!(fixed.contains("2 workloads change: 2 with a restart"), "{fixed}");
    let cart = diff(folder.path(), &["shop/cart-v1"]).expect_code(1).stdout;
    assert!(cart.contains("REQUEST_SIZE") && !cart.contains("tracing"), "{cart}");
}

#[test]
fn a_workload_that_neither_side_has_is_doubted() {
    let folder = a_bit_of_everything();
    let ended = diff(folder.path(), &["shop/car-v1"]);
    assert!(ended.stderr.contains("BG0006") && ended.stderr.contains("shop/cart-v1"), "{}", ended.stderr);
    let ended = diff(folder.path(), &["shop/cart-v1"]);
    assert!(!ended.stderr.contains("BG0006"), "{}", ended.stderr);
}

#[test]
fn what_documents_hold_does_nothing_to_a_screen() {
    let spec = |text: &str| {
        telemetry(
            "web",
            &format!(
                "{{tracing: [{{customTags: {{tag: {{literal: {{value: \"{text}\"}}}}}}, providers: [{{name: spans}}]}}]}}"
            ),
        )
    };
    let side = |text: &str| format!("{MESH}{WORKLOADS}{}", spec(text));
    let folder = versions(&side("old"), &side("\\e[2Jnew"));
    let shown = diff(folder.path(), &[]).expect_code(1).stdout;
    assert!(shown.contains("[2Jnew") && !shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn programs_read_the_same() {
    let folder = a_bit_of_everything();
    let found = json(folder.path(), &[]);
    assert_eq!(found["summary"]["changed"], 2);
    assert_eq!(found["summary"]["drains"], 1);
    assert_eq!(found["summary"]["in_place"], 1);
    let groups = found["groups"].as_array().expect("groups");
    let of = |name: &str| {
        let has =
            |group: &&Value| group["workloads"].as_array().is_some_and(|names| names.contains(&name.into()));
        groups.iter().find(has).unwrap_or_else(|| panic!("{name} is in no group of {found}"))
    };
    assert_eq!(of("shop/cart-v1")["effect"], "in_place");
    let web = of("shop/web-v1");
    assert_eq!(web["effect"], "drains");
    let sampling = web["policy"].as_array().expect("changes").iter();
    let sampling: Vec<&Value> =
        sampling.filter(|change| change["field"] == "randomSamplingPercentage").collect();
    assert!(!sampling.is_empty(), "{web}");
    assert_eq!(sampling[0]["new"]["value"], 5.0);
    assert_eq!(sampling[0]["new"]["from"]["file"], "new.yaml");
    let configuration = web["configuration"].as_array().expect("changes");
    assert!(configuration.iter().all(|change| change["old"].is_object() || change["new"].is_object()));
}

#[test]
fn documents_that_say_the_same_elsewhere_change_nothing() {
    let (first, second) = (
        telemetry("a", "{selector: {matchLabels: {app: web}}, accessLogging: [{disabled: true}]}"),
        telemetry("b", "{}"),
    );
    let folder =
        versions(&format!("{WORKLOADS}{first}{second}"), &format!("# moved\n\n{second}{first}\n{WORKLOADS}"));
    let ended = diff(folder.path(), &[]).expect_code(0);
    assert_eq!(ended.stdout, "nothing changes for 2 workloads\n");
}

#[test]
fn workloads_that_come_and_go_are_named() {
    let other = WORKLOADS.replace("cart", "basket");
    let folder = versions(WORKLOADS, &other);
    let ended = diff(folder.path(), &[]).expect_code(1);
    assert!(ended.stdout.contains("comes: shop/basket-v1"), "{}", ended.stdout);
    assert!(ended.stdout.contains("goes: shop/cart-v1"), "{}", ended.stdout);
}

#[test]
fn documents_without_workloads_are_compared_for_such_as_they_are_written_for() {
    let old = telemetry(
        "web",
        "{selector: {matchLabels: {app: web}}, metrics: [{providers: [{name: prometheus}]}]}",
    );
    let new = old.replace("prometheus}]", "prometheus}], reportingInterval: 9s");
    let folder = versions(&old, &new);
    let found = json(folder.path(), &[]);
    assert_eq!(found["workloads_are_examples"], true);
    let names = found["groups"][0]["workloads"].as_array().expect("names");
    assert!(names.contains(&"any sidecar of namespace shop with app=web".into()), "{names:?}");
    assert!(!found.to_string().contains("any sidecar of namespace shop\""), "{found}");
}

#[test]
fn what_is_wrong_is_said_with_its_side_and_nothing_is_compared() {
    let right = telemetry("web", "{}");
    let folder = versions(&right, &telemetry("web", "{metrics: [{provders: []}]}"));
    let ended = diff(folder.path(), &[]).expect_code(1);
    assert_eq!(ended.stdout, "");
    for expected in ["new: 1 error", "provders", "new.yaml:4", "nothing is compared"] {
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    }
    let once = Program::new(["diff", "-f", "old.yaml"]).in_directory(folder.path()).run().expect_code(2);
    assert!(once.stderr.contains("-f OLD -f NEW"), "{}", once.stderr);
}

#[test]
fn warnings_that_only_the_new_documents_cause_are_told() {
    let old = telemetry("web", "{metrics: [{providers: [{name: prometheus}]}]}");
    let folder = versions(&old, &(old.clone() + &telemetry("zzz", "{metrics: [{reportingInterval: 1s}]}")));
    let ended = diff(folder.path(), &[]);
    assert!(ended.stderr.contains("BG0501"), "{}", ended.stderr);
    let same = versions(
        &fs::read_to_string(folder.path().join("new.yaml")).expect("a file"),
        &fs::read_to_string(folder.path().join("new.yaml")).expect("a file"),
    );
    let ended = diff(same.path(), &[]).expect_code(0);
    assert!(!ended.stderr.contains("BG0501"), "{}", ended.stderr);
}

#[test]
fn a_thousand_workloads_that_change_alike_are_one_group() {
    let mut workloads = String::new();
    for number in 0..1000 {
        let _ = write!(
            workloads,
            "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: w-{number}, namespace: shop}}\n\
             spec: {{labels: {{app: app-{number}}}}}\n---\n"
        );
    }
    let spec = |percent: u8| {
        telemetry(
            "shop",
            &format!("{{tracing: [{{providers: [{{name: spans}}], randomSamplingPercentage: {percent}}}]}}"),
        )
    };
    let folder = versions(&format!("{MESH}{workloads}{}", spec(1)), &format!("{MESH}{workloads}{}", spec(2)));
    let ended = diff(folder.path(), &[]).expect_code(1);
    assert!(ended.stdout.contains("1000 workloads: shop/w-0"), "{}", ended.stdout);
    assert!(ended.stdout.lines().count() < 30, "{}", ended.stdout);
}

/// What is said of a change when it is made.
const IN_FORCE: &str = "in force after";

/// How often the listeners of a proxy were changed.
fn listeners_modified(admin: &str) -> u64 {
    let stats = page(admin, "/stats?filter=listener_manager.listener_modified");
    let value = stats.lines().find_map(|line| line.strip_prefix("listener_manager.listener_modified: "));
    value.unwrap_or_else(|| panic!("no such counter: {stats}")).trim().parse().expect("a number")
}

/// What `diff` says of a new version of the mesh's telemetry: the gravest effect at the sidecar.
fn effect(new: &Path) -> String {
    let ended = Program::new(["diff", "quickstart/hello-v1", "-f"])
        .args([one_service().as_os_str(), "-f".as_ref(), new.as_os_str()])
        .args(["-o", "json"])
        .run()
        .expect_code(1);
    let found: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    found["groups"][0]["effect"].as_str().unwrap_or_else(|| panic!("no effect in {found}")).to_owned()
}

#[test]
fn running_proxies_do_what_was_said() {
    let folder = copy_of_one_service();
    let file = folder.path().join("telemetry.yaml");
    let original = fs::read_to_string(&file).expect("the documents");
    let mut mesh = Mesh::hold(folder.path(), 1);
    let admin = mesh.sidecar().admin.clone();
    let before = listeners_modified(&admin);

    // Another value of a metric goes by name.
    let in_place = original.replace("REQUEST_SIZE", "RESPONSE_SIZE");
    assert_ne!(in_place, original);
    mesh.change(&file, &in_place, IN_FORCE);
    assert_eq!(effect(folder.path()), "in_place");
    assert_eq!(listeners_modified(&admin), before);

    // A logger stands in the listener.
    let drains = original.clone()
        + "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: logs, namespace: quickstart}\n\
           spec: {selector: {matchLabels: {app: hello}}, accessLogging: [{providers: [{name: envoy}]}]}\n";
    mesh.change(&file, &drains, IN_FORCE);
    assert_eq!(effect(folder.path()), "drains");
    assert!(listeners_modified(&admin) > before, "the listener is another");

    // A label with a new name is cut out of names by the bootstrap.
    let restart = original.replace("request_method:", "tenant:");
    assert_ne!(restart, original);
    let said = mesh.change(&file, &restart, IN_FORCE);
    assert_eq!(effect(folder.path()), "restart");
    assert!(said.contains("tenant"), "{said}");
}
