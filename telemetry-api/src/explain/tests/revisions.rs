//! Workloads of several revisions, each of which has a mesh's configuration of its own.

use super::*;
use crate::test;

const MESHES: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n\
    data: {mesh: 'rootNamespace: istio-system\n\n  accessLogFile: /default\n\n  extensionProviders: \
    [{name: f, envoyFileAccessLog: {path: /default}}, {name: zip, opentelemetry: {service: nowhere.obs, port: 1}}]'}\n\
    ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-canary, namespace: istio-system}\n\
    data: {mesh: 'rootNamespace: other-root\n\n  accessLogFile: /canary\n\n  defaultProviders: {metrics: [prom]}\n\n  \
    extensionProviders: [{name: f, envoyFileAccessLog: {path: /canary}}, {name: prom, prometheus: {}}]'}\n\
    ---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
    metadata: {name: all, namespace: other-root, labels: {istio.io/rev: canary}}\n\
    spec: {accessLogging: [{providers: [{name: f}]}], metrics: [{overrides: [{tagOverrides: {a: {value: \"'b'\"}}}]}]}\n";

fn explained(checked: &Checked, revision: &str) -> Explanation {
    Explainer::new(checked).explain(&workload().of_revision(revision))
}

#[test]
fn a_workload_is_told_of_the_mesh_of_its_own_revision() {
    let checked = checked(MESHES);
    let canary = explained(&checked, "canary");
    let logs = section_of(&canary, ListenerClass::Inbound, Signal::AccessLogging);
    assert_eq!(facts(logs, "provider"), ["f f@all"]);
    assert_eq!(facts(logs, "path"), ["f /canary@istio-canary"]);
    let metrics = section_of(&canary, ListenerClass::Inbound, Signal::Metrics);
    assert_eq!(facts(metrics, "provider"), ["prom prom@istio-canary"]);
    let documents: Vec<&str> = canary.documents.iter().map(|found| &*found.document.name).collect();
    assert_eq!(documents, ["istio-canary", "all"]);
    let stable = explained(&checked, "default");
    let logs = section_of(&stable, ListenerClass::Inbound, Signal::AccessLogging);
    assert_eq!(facts(logs, "accessLogFile"), ["mesh /default@istio"]);
    let documents: Vec<&str> = stable.documents.iter().map(|found| &*found.document.name).collect();
    assert_eq!(documents, ["istio"]);
}

#[test]
fn a_mesh_is_asked_about_by_the_workloads_revision() {
    let checked = checked(MESHES);
    let explainer = Explainer::new(&checked);
    let answer = |asked: &str, revision: &str| {
        let asked = Asked::parse(asked).expect("a name");
        explainer.why_not(&asked, &workload().of_revision(revision)).remove(0)
    };
    assert_eq!(&*answer("MeshConfig", "canary").document.name, "istio-canary");
    assert_eq!(&*answer("MeshConfig", "default").document.name, "istio");
    let other = answer("ConfigMap/istio-system/istio", "canary");
    assert_eq!(other.effect, Effect::NotForIt);
    assert_eq!(other.reasons[0].kind, ReasonKind::OtherRevision);
    assert!(other.reasons[0].text.contains("for revision default, and the workload is of revision canary"));
    assert_ne!(answer("ConfigMap/istio-system/istio-canary", "canary").effect, Effect::NotForIt);
}
