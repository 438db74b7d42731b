//! Whom a comparison may pass over: those for whom the documents say the same, whatever documents changed.

use std::collections::BTreeSet;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_tests::generate::{self, Chance};

use super::*;
use crate::commands::diff::workloads::subjects;
use crate::plan::DiffPlan;
use crate::workload::WorkloadPlan;

/// What documents can say beside those of `generate`: each may be there in any of these ways, or not at all.
const OTHERS: &[&[&str]] = &[
    &[
        "{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: reviews-v1, namespace: bookinfo}, \
         spec: {labels: {app: reviews, version: v1}}}",
        "{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: reviews-v1, namespace: bookinfo}, \
         spec: {labels: {app: reviews, version: v2}}}",
        "{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: reviews-v1, namespace: bookinfo}, \
         spec: {labels: {app: reviews, version: v1, istio.io/rev: canary}}}",
    ],
    &[
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: shop}, spec: {template: {metadata: \
         {labels: {app: a, version: x1}}, spec: {containers: [{name: cart}]}}}}",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: shop}, spec: {template: {metadata: \
         {labels: {app: a, version: x1}, annotations: {inject.istio.io/templates: gateway}}, spec: {containers: []}}}}",
    ],
    &[
        "{apiVersion: v1, kind: Pod, metadata: {name: a-1, namespace: bookinfo, labels: {app: a}}, \
         spec: {serviceAccountName: one}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a-1, namespace: bookinfo, labels: {app: a}}, \
         spec: {serviceAccountName: other}}",
    ],
    &[
        "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: entry, namespace: istio-system}, \
         spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}}",
        "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: entry, namespace: istio-system}, \
         spec: {selector: {app: a}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}}",
    ],
    &[
        "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: bookinfo-gateway, namespace: bookinfo}, \
         spec: {gatewayClassName: istio, listeners: []}}",
        "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: bookinfo-gateway, namespace: bookinfo}, \
         spec: {gatewayClassName: istio-waypoint, listeners: []}}",
    ],
    &["{apiVersion: v1, kind: Namespace, metadata: {name: bookinfo, labels: {istio.io/rev: canary}}}"],
    &[
        "{apiVersion: v1, kind: Service, metadata: {name: collector, namespace: shop}, spec: {ports: [{port: 4317}]}}",
        "{apiVersion: v1, kind: Service, metadata: {name: collector, namespace: observability}, spec: {ports: [{port: 4317}]}}",
    ],
    &["{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: again, namespace: shop}, \
       spec: {hosts: [collector.observability.svc.cluster.local], ports: [{number: 4317, name: grpc, protocol: GRPC}], \
       resolution: STATIC, endpoints: [{address: 127.0.0.2}]}}"],
    &[
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio-canary, namespace: istio-system}, \
         data: {mesh: 'defaultProviders: {metrics: [prometheus]}'}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio-canary, namespace: istio-system}, \
         data: {mesh: 'rootNamespace: shop'}}",
    ],
    &[
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: istiod, namespace: istio-system}, spec: {template: {spec: \
         {containers: [{name: discovery, env: [{name: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY, value: 'false'}]}]}}}}",
    ],
    &[
        "{apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {name: canary, namespace: bookinfo, \
         labels: {istio.io/rev: canary}}, spec: {accessLogging: [{providers: [{name: envoy}]}]}}",
        "{apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {name: canary, namespace: bookinfo}, \
         spec: {accessLogging: [{disabled: true}]}}",
    ],
    &[
        "{apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {name: all, namespace: istio-system}, \
         spec: {metrics: [{providers: [{name: prometheus}]}]}}",
        "{apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {name: all, namespace: istio-system, \
         creationTimestamp: '2020-05-01T09:00:00Z'}, spec: {metrics: [{providers: [{name: prom}]}]}}",
    ],
];

/// Documents, each in a file of its own, so that it stands at the same place whatever is beside it.
type Files = BTreeMap<String, String>;

/// The documents that belong to a number.
fn documents(number: u64) -> Files {
    // Even numbers make valid documents, most of which are accepted.
    let mut chance = Chance::of_number(2 * number);
    let mut files = Files::new();
    for source in generate::documents(&mut chance) {
        let documents = source.text.split("\n---\n").enumerate();
        files.extend(documents.map(|(index, text)| (format!("{index}-{}", source.name), text.to_owned())));
    }
    for (index, ways) in OTHERS.iter().enumerate() {
        let way = usize::try_from(chance.below(ways.len() as u64 + 1)).expect("a small number");
        files.extend(ways.get(way).map(|text| (format!("other-{index}.yaml"), (*text).to_owned())));
    }
    files
}

/// The same documents but for a few, which are those of another number: others, or there on one side alone.
fn changed(old: &Files, number: u64) -> Files {
    let other = documents(number + 10_000);
    let names: BTreeSet<&String> = old.keys().chain(other.keys()).collect();
    let names: Vec<&String> = names.into_iter().collect();
    let mut new = old.clone();
    let mut chance = Chance::of_number(number);
    for _ in 0..=chance.below(3) {
        let index = usize::try_from(chance.below(names.len() as u64)).expect("a small number");
        let name = names[index];
        match other.get(name) {
            Some(text) => new.insert(name.clone(), text.clone()),
            None => new.remove(name),
        };
    }
    new
}

fn checked(files: &Files) -> Checked {
    check(&files.iter().map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect::<Vec<_>>())
}

fn whom(old: &Checked, new: &Checked, sides: &Sides<'_>) -> Vec<Subject> {
    let workload = WorkloadPlan { named: None, labels: BTreeMap::new(), revision: None };
    let (delivery, output) = (ProxyDelivery::Xds, crate::args::Format::Text);
    let plan =
        DiffPlan { workload, server: None, old: Vec::new(), new: Vec::new(), base: None, delivery, output };
    subjects(&plan, [&old.resources, &new.resources], sides.policies())
        .unwrap_or_else(|failure| panic!("{}", failure.message))
        .all
}

fn sides<'c>(old: &'c Checked, new: &'c Checked) -> Sides<'c> {
    let (old, new) = (Explainer::new(old), Explainer::new(new));
    Sides { delivery: ProxyDelivery::Xds, base: None, old, new }
}

/// How many subjects are passed over, and how many others change. None that is passed over changes.
fn passed_over_and_changed(old: &Files, new: &Files) -> (usize, usize) {
    let (old, new) = (checked(old), checked(new));
    let sides = sides(&old, &new);
    let subjects = whom(&old, &new, &sides);
    let (mut passed_over, mut changed) = (0, 0);
    for (subject, is_concerned) in subjects.iter().zip(sides.concerned(&subjects)) {
        let (Some(before), Some(after)) = (&subject.old, &subject.new) else { continue };
        let (policy, configuration) = sides.changes(before, after);
        // Whose policy is told to be the same is not even looked at again, so that must be true.
        let configuration =
            if policy.is_empty() { sides.configuration(before, after) } else { configuration };
        assert!(!policy.is_empty() || configuration.is_empty(), "{}: {configuration:#?}", subject.name);
        let changes = !policy.is_empty();
        assert!(is_concerned || !changes, "{} is passed over and changes: {policy:#?}", subject.name);
        passed_over += usize::from(!is_concerned);
        changed += usize::from(changes);
    }
    (passed_over, changed)
}

#[test]
fn whoever_is_passed_over_does_not_change() {
    let (mut passed_over, mut changed_ones) = (0, 0);
    for number in 0..150 {
        let old = documents(number);
        let found = passed_over_and_changed(&old, &changed(&old, number));
        passed_over += found.0;
        changed_ones += found.1;
    }
    assert!(passed_over > 100, "{passed_over} passed over");
    assert!(changed_ones > 100, "{changed_ones} changed");
}

#[test]
fn one_document_concerns_those_that_it_selects() {
    let entry = |number: usize| {
        let text = format!(
            "{{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {{name: w{number}, namespace: shop}}, \
             spec: {{labels: {{app: a{}}}}}}}",
            number / 2
        );
        (format!("{number}.yaml"), text)
    };
    let mut files: Files = (0..1000).map(entry).collect();
    let telemetry = |disabled: bool| {
        format!(
            "{{apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {{name: t, namespace: shop}}, spec: \
             {{selector: {{matchLabels: {{app: a7}}}}, accessLogging: [{{providers: [{{name: envoy}}], disabled: \
             {disabled}}}]}}}}"
        )
    };
    files.insert("telemetry.yaml".to_owned(), telemetry(false));
    let old = files.clone();
    files.insert("telemetry.yaml".to_owned(), telemetry(true));
    assert_eq!(passed_over_and_changed(&old, &files), (998, 2));
    assert_eq!(passed_over_and_changed(&old, &old), (1000, 0));
    // Another one altogether: it is compared, whatever the documents say.
    files.clone_from(&old);
    files.insert("0.yaml".to_owned(), entry(14).1.replace("w14", "w0"));
    assert_eq!(passed_over_and_changed(&old, &files), (999, 1));
}
