//! What changes between two sets of documents, and what each change does.

use burgee_api::document::{Source, read};
use burgee_api::resolve::{Effective, PolicySet};

use super::support::{base, by_discovery, options, over_ads, workload};
use crate::{Change, Laying, Options, PluginModule, changes};

/// A mesh with providers of every sort, and services for those that need one.
const MESH: &str = r#"
rootNamespace: istio-system
extensionProviders:
- {name: text, envoyFileAccessLog: {path: /dev/stdout}}
- {name: spans, opentelemetry: {service: collector.observability.internal, port: 4317}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: collector, namespace: observability}
spec:
  hosts: [collector.observability.internal]
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.9}]
"#;

/// The policy of the tests' workload under a Telemetry with this `spec`, and further documents.
fn policy(spec: &str, more: &str) -> Effective {
    let telemetry = format!(
        "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: web, namespace: shop}}\nspec: {spec}\n"
    );
    let documents = read(&[Source::new("d.yaml", format!("{MESH}{telemetry}{more}"))]);
    let refused: Vec<_> =
        documents.problems.iter().filter(|problem| problem.severity == burgee_api::Severity::Error).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    PolicySet::new(documents.resources).resolve(&workload())
}

fn with_modules(options: Options) -> Options {
    let ready = |name: &str| (name.to_owned(), PluginModule::Ready(options.module.clone()));
    let plugins = [ready("shop/first"), ready("shop/second")].into();
    Options { plugins, ..options }
}

fn plugin(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{url: 'file:///etc/{name}.wasm'{more}}}\n"
    )
}

fn found(old: &Effective, new: &Effective, options: Options) -> Vec<Change> {
    let options = &with_modules(options);
    changes(&base("sidecar.yaml"), Laying { policy: old, options }, Laying { policy: new, options })
}

/// A change in a line: what it does, how it differs, what it is.
fn shown(changes: &[Change]) -> Vec<String> {
    let line =
        |change: &Change| format!("{} {} {}", change.effect.name(), change.difference.name(), change.subject);
    changes.iter().map(line).collect()
}

const METRICS: &str = "{metrics: [{providers: [{name: prometheus}]}]}";

#[test]
fn the_same_policy_changes_nothing() {
    let spec = "{metrics: [{providers: [{name: prometheus}]}], tracing: [{providers: [{name: spans}]}], \
                accessLogging: [{providers: [{name: text}]}]}";
    let policy = policy(spec, &plugin("first", ""));
    for options in [options(), by_discovery(), over_ads()] {
        assert_eq!(shown(&found(&policy, &policy, options)), Vec::<String>::new());
    }
}

#[test]
fn what_goes_by_name_changes_in_place() {
    let old = policy(METRICS, &plugin("first", ""));
    let new = policy(
        "{metrics: [{providers: [{name: prometheus}], overrides: [{match: {metric: REQUEST_SIZE}, disabled: true}]}]}",
        &plugin("first", ", pluginConfig: {a: 1}"),
    );
    for options in [by_discovery(), over_ads()] {
        assert_eq!(
            shown(&found(&old, &new, options)),
            [
                "in_place changed extension burgee.stats_tcp.inbound.prometheus",
                "in_place changed extension burgee.telemetry.gateway.prometheus",
                "in_place changed extension burgee.telemetry.inbound.prometheus",
                "in_place changed extension burgee.telemetry.outbound.prometheus",
                "in_place changed extension extensions.istio.io/trafficextension/shop.first~istio-translated-wasmplugin",
            ]
        );
    }
}

#[test]
fn a_proxy_with_a_file_of_its_own_has_to_be_started_anew_for_everything() {
    let old = policy(METRICS, "");
    let new = policy("{metrics: [{providers: [{name: prometheus}], reportingInterval: 1s}]}", "");
    let changes = found(&old, &new, options());
    assert!(!changes.is_empty());
    assert!(changes.iter().all(|change| change.effect == crate::Effect::Restart), "{:?}", shown(&changes));
}

#[test]
fn a_label_with_a_new_name_takes_a_restart_and_one_that_goes_does_not() {
    let with_label = "{metrics: [{providers: [{name: prometheus}], overrides: [{tagOverrides: {tenant: {value: request.host}}}]}]}";
    let (old, new) = (policy(METRICS, ""), policy(with_label, ""));
    for options in [by_discovery(), over_ads()] {
        let there = shown(&found(&old, &new, options.clone()));
        assert!(there.contains(&"restart added stats tag tenant".to_owned()), "{there:?}");
        let back = shown(&found(&new, &old, options));
        assert!(back.contains(&"in_place removed stats tag tenant".to_owned()), "{back:?}");
    }
}

#[test]
fn access_logs_and_spans_change_their_listeners_and_bring_their_clusters() {
    let new = policy(
        "{tracing: [{match: {mode: SERVER}, providers: [{name: spans}]}], \
         accessLogging: [{match: {mode: CLIENT}, providers: [{name: text}]}]}",
        "",
    );
    let lines = shown(&found(&policy("{}", ""), &new, by_discovery()));
    assert_eq!(shown(&found(&policy("{}", ""), &new, over_ads())), lines);
    for expected in [
        "drains added listener outbound_80, access log burgee.access_log.text",
        "drains added listener virtualInbound, filter chain http, tracing",
        "drains added listener virtualInbound, filter chain 1, tracing",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} is not in {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("restart")), "{lines:#?}");
}

#[test]
fn only_what_was_moved_is_told_when_plugins_change_places() {
    let both = |first: &str, second: &str| {
        policy("{}", &format!("{}{}", plugin("first", first), plugin("second", second)))
    };
    let old = both(", priority: 2", ", priority: 1");
    let new = both(", priority: 1", ", priority: 2");
    let lines = shown(&found(&old, &new, by_discovery()));
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| line.starts_with("drains moved listener ")), "{lines:#?}");
    // One that comes in front of another has not moved it.
    let alone = policy("{}", &plugin("second", ", priority: 1"));
    let lines = shown(&found(&alone, &old, by_discovery()));
    assert!(lines.iter().all(|line| line.contains(" added ")), "{lines:#?}");
}

#[test]
fn each_side_says_who_asked() {
    let new = policy("{accessLogging: [{providers: [{name: text}]}]}", "");
    let changes = found(&policy("{}", ""), &new, by_discovery());
    for change in &changes {
        assert!(change.old.is_none());
        let side = change.new.as_ref().expect("it is added");
        assert!(side.owner.origins.iter().any(|origin| origin.to_string().contains("d.yaml:")), "{side:?}");
    }
}
