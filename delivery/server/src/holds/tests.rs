//! What is held back, and let go.

use std::sync::Arc;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::PolicySet;
use burgee_overlay::{Delivery, Identity, Module, Options};

use super::*;

fn telemetry(name: &str, percentage: u32) -> String {
    format!(
        "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: shop}}\nspec: \
         {{tracing: [{{randomSamplingPercentage: {percentage}}}]}}\n"
    )
}

fn plugin(name: &str, config: u32) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}, namespace: \
         shop}}\nspec: {{url: oci://registry.example/x:1, pluginConfig: {{say: {config}}}}}\n"
    )
}

fn in_force(documents: &str, digest: char) -> InForce {
    let resources = check(&[Source::new("d.yaml", documents.to_owned())]).resources;
    let module = |digest: char| Module {
        path: "/m".into(),
        sha256: digest.to_string().repeat(64),
        metrics: Vec::new(),
    };
    let plugins = resources.extensions.iter();
    let plugins = plugins.map(|it| (it.key(), PluginModule::Ready(module(digest)))).collect();
    let options = Options { plugins, ..Options::new(module('0'), Delivery::Aggregated, Identity::Node) };
    InForce { policies: Arc::new(PolicySet::new(resources)), options: Arc::new(options), texts: Arc::new([]) }
}

fn id(kind: &str, name: &str) -> DocumentId {
    DocumentId { kind: kind.into(), namespace: "shop".into(), name: name.into() }
}

fn hold(document: Option<DocumentId>, now: &InForce, kept: Option<InForce>) -> Hold {
    let refused = match &document {
        Some(id) => now.version_of(id).expect("it is there"),
        None => now.version(),
    };
    Hold { document, refused, kept, error: "no".to_owned(), since: SystemTime::UNIX_EPOCH }
}

#[test]
fn a_proxy_has_the_good_version_of_what_it_refused_and_the_rest_as_it_is() {
    let before = in_force(&(telemetry("t", 1) + &plugin("p", 1) + &plugin("q", 1)), '1');
    let now = in_force(&(telemetry("t", 2) + &plugin("p", 2) + &plugin("q", 2)), '2');
    let mut holds = Holds::default();
    let (t, p, q) = (id("Telemetry", "t"), id("WasmPlugin", "p"), id("WasmPlugin", "q"));
    holds.add("one", hold(Some(t.clone()), &now, Some(before.clone())));
    holds.add("one", hold(Some(p.clone()), &now, Some(before.clone())));
    let has = holds.apply("one", &now);
    for (id, from) in [(&t, &before), (&p, &before), (&q, &now)] {
        assert_eq!(has.version_of(id), from.version_of(id), "{id}");
    }
    // Others have what is in force; and what was made once is not made again.
    assert_eq!(holds.apply("other", &now).version(), now.version());
    assert!(Arc::ptr_eq(&holds.apply("one", &now).policies, &has.policies));
}

#[test]
fn what_was_never_good_stands_for_nothing_or_for_what_its_document_says() {
    let now = in_force(&(telemetry("t", 2) + &plugin("p", 2)), '2');
    let mut holds = Holds::default();
    let (t, p) = (id("Telemetry", "t"), id("WasmPlugin", "p"));
    holds.add("one", hold(Some(t.clone()), &now, None));
    holds.add("one", hold(Some(p.clone()), &now, None));
    let has = holds.apply("one", &now);
    assert_eq!(has.version_of(&t), None);
    let missing = has.options.plugins.values().next().expect("a module");
    assert!(matches!(missing, PluginModule::Missing(why) if why.contains("refuses it: no")), "{missing:?}");
}

#[test]
fn what_is_another_by_now_is_tried_again() {
    let before = in_force(&(telemetry("t", 1) + &plugin("p", 1)), '1');
    let now = in_force(&(telemetry("t", 2) + &plugin("p", 2)), '2');
    let (t, p) = (id("Telemetry", "t"), id("WasmPlugin", "p"));
    let mut holds = Holds::default();
    holds.add("one", hold(Some(t.clone()), &now, Some(before.clone())));
    holds.add("two", hold(Some(p.clone()), &now, Some(before.clone())));
    holds.add("three", hold(None, &now, Some(before.clone())));
    assert_eq!(holds.apply("three", &now).version(), before.version());
    // The same again lets nothing go.
    assert!(holds.let_go(&now).is_empty());
    // A module is another without its document being so.
    let module = in_force(&(telemetry("t", 2) + &plugin("p", 2)), '3');
    assert_eq!(holds.let_go(&module).into_iter().collect::<Vec<_>>(), ["three", "two"]);
    let gone = in_force(&plugin("p", 2), '3');
    assert_eq!(holds.let_go(&gone).into_iter().collect::<Vec<_>>(), ["one"]);
    assert_eq!(holds.all().count(), 0);
}

#[test]
fn of_too_many_proxies_the_oldest_are_forgotten() {
    let now = in_force(&telemetry("t", 2), '2');
    let mut holds = Holds::default();
    for number in 0..=MOST_PROXIES {
        let since = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64);
        holds.add(&number.to_string(), Hold { since, ..hold(Some(id("Telemetry", "t")), &now, None) });
    }
    assert_eq!(holds.all().count(), MOST_PROXIES);
    assert!(holds.of("0").is_empty() && !holds.of("1").is_empty());
}
