//! Sets: the index finds what a scan finds, and changes concern whom they say.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::document::{Source, read};
use crate::resolve::{GATEWAY_NAME_LABEL, WorkloadIndex, WorkloadKind, affected};
use crate::test;

/// A document by chance: what it is called, and what it says.
#[derive(Clone, Debug)]
struct Written {
    kind: &'static str,
    namespace: &'static str,
    name: usize,
    created: usize,
    revision: &'static str,
    labels: Vec<(&'static str, &'static str)>,
    targets: Vec<&'static str>,
    says: usize,
}

const NAMESPACES: [&str; 3] = ["root", "a", "b"];
const LABELS: [(&str, &str); 4] = [("app", "x"), ("app", "y"), ("v", "1"), ("tier", "web")];

fn written() -> impl Strategy<Value = Written> {
    let whom = (subsequence(LABELS.to_vec(), 0..=2), subsequence(vec!["g", "h"], 0..=1), 0..6_usize);
    let what =
        (prop_oneof![Just("Telemetry"), Just("WasmPlugin")], 0..3_usize, 0..4_usize, 0..3_usize, 0..3_usize);
    (what, whom).prop_map(|((kind, namespace, name, created, says), (labels, targets, more))| Written {
        kind,
        namespace: NAMESPACES[namespace],
        name,
        created,
        revision: if more == 0 { "canary" } else { "" },
        // Most have one or the other; an admission webhook may be absent.
        labels: if targets.is_empty() || more == 1 { labels } else { Vec::new() },
        targets,
        says,
    })
}

impl Written {
    fn id(&self) -> DocumentId {
        let name = format!("t{}", self.name);
        DocumentId { kind: self.kind.into(), namespace: self.namespace.into(), name: name.as_str().into() }
    }

    /// The document in a file of its own, so that its place is the same wherever it is among others.
    fn source(&self) -> Source {
        let (group, says) = match self.kind {
            "Telemetry" => (
                "telemetry.istio.io/v1",
                [
                    "accessLogging: [{providers: [{name: envoy}]}]",
                    "metrics: [{overrides: [{tagOverrides: {t: {value: \"'x'\"}}}]}]",
                    "accessLogging: [{disabled: true}]",
                ][self.says]
                    .to_owned(),
            ),
            _ => ("extensions.istio.io/v1alpha1", format!("url: \"file:///{}.wasm\"", self.says)),
        };
        let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
        labels.extend(self.labels.iter().copied());
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}: \"{value}\"")).collect();
        let targets = self.targets.iter();
        let targets: Vec<String> = targets
            .map(|name| format!("{{group: gateway.networking.k8s.io, kind: Gateway, name: {name}}}"))
            .collect();
        let revision =
            if self.revision.is_empty() { String::new() } else { format!("istio.io/rev: {}", self.revision) };
        let mut spec = vec![says];
        if !labels.is_empty() {
            spec.push(format!("selector: {{matchLabels: {{{}}}}}", labels.join(", ")));
        }
        if !targets.is_empty() {
            spec.push(format!("targetRefs: [{}]", targets.join(", ")));
        }
        let id = self.id();
        let text = format!(
            "apiVersion: {group}\nkind: {}\nmetadata: {{name: {}, namespace: {}, creationTimestamp: \
             \"2026-01-0{}T00:00:00Z\", labels: {{{revision}}}}}\nspec: {{{}}}\n",
            self.kind,
            id.name,
            id.namespace,
            self.created + 1,
            spec.join(", ")
        );
        Source::new(format!("{}-{}-{}.yaml", self.kind, id.namespace, id.name), text)
    }

    fn change(&self) -> Change {
        let mut resources = read(&[self.source()]).resources;
        match (resources.telemetries.pop(), resources.extensions.pop()) {
            (Some(telemetry), _) => Change::Telemetry(Box::new(telemetry)),
            (None, Some(plugin)) => Change::Extension(Box::new(plugin)),
            (None, None) => panic!("{self:?}"),
        }
    }
}

/// Documents of which no two have the same name.
fn documents() -> impl Strategy<Value = Vec<Written>> {
    proptest::collection::vec(written(), 0..14).prop_map(|documents| {
        let named: BTreeMap<String, Written> =
            documents.into_iter().map(|document| (document.id().to_string(), document)).collect();
        named.into_values().collect()
    })
}

/// The set of documents, in this order. Gateways' labels do not count in revision `canary`.
fn set(documents: &[Written]) -> PolicySet {
    let mesh = "rootNamespace: root\ndefaultProviders: {metrics: [prometheus], accessLogging: [envoy]}\n---\n\
                apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod}\nspec: {template: {spec: {containers: \
                [{name: discovery, env: [{name: REVISION, value: canary}, {name: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY, \
                value: \"false\"}]}]}}}\n";
    let mut sources = vec![Source::new("mesh.yaml", mesh)];
    sources.extend(documents.iter().map(Written::source));
    PolicySet::new(read(&sources).resources)
}

/// Workloads of every namespace, with every pair of labels, at gateways and not, of both revisions.
fn workloads() -> Vec<Workload> {
    let mut workloads = Vec::new();
    for namespace in NAMESPACES {
        for (gateway, revision) in [("", "default"), ("g", "default"), ("g", "canary"), ("", "canary")] {
            for (first, second) in [(0, 2), (0, 3), (1, 2), (3, 3)] {
                let mut labels: BTreeMap<String, String> =
                    [LABELS[first], LABELS[second]].map(|(name, value)| (name.into(), value.into())).into();
                if !gateway.is_empty() {
                    labels.insert(GATEWAY_NAME_LABEL.to_owned(), gateway.to_owned());
                }
                let name = format!("w{}", workloads.len());
                let workload = Workload::new(WorkloadKind::Sidecar, namespace, name, labels);
                workloads.push(workload.of_revision(revision));
            }
        }
    }
    workloads
}

/// What a workload gets by the rules as they are written, each document looked at.
fn by_scan(documents: &[Written], workload: &Workload) -> (Vec<String>, Vec<String>) {
    let gateway = workload.labels.get(GATEWAY_NAME_LABEL);
    let labels_count = gateway.is_none() || workload.revision != "canary";
    let seen = |document: &&Written| document.revision.is_empty() || document.revision == workload.revision;
    let is_wide = |document: &&Written| document.labels.is_empty() && document.targets.is_empty();
    let selects = |document: &Written| match document.targets.is_empty() {
        true => {
            let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
            wanted.extend(document.labels.iter().copied());
            labels_count
                && wanted
                    .iter()
                    .all(|(name, value)| workload.labels.get(*name).is_some_and(|has| has == value))
        }
        false => {
            document.namespace == workload.namespace
                && gateway.is_some_and(|gateway| document.targets.contains(&gateway.as_str()))
        }
    };
    let of = |kind: &str, namespace: &str| -> Vec<&Written> {
        let mut found: Vec<&Written> = documents
            .iter()
            .filter(|document| document.kind == kind && document.namespace == namespace)
            .filter(seen)
            .collect();
        found.sort_by_key(|document| (document.created, document.name));
        found
    };
    let own = workload.namespace.as_str();
    let mut telemetries: Vec<&Written> = Vec::new();
    if own != "root" {
        telemetries.extend(of("Telemetry", "root").into_iter().find(is_wide));
    }
    telemetries.extend(of("Telemetry", own).into_iter().find(is_wide));
    telemetries
        .extend(of("Telemetry", own).into_iter().filter(|document| !is_wide(document) && selects(document)));
    let mut plugins = of("WasmPlugin", own);
    if own != "root" {
        plugins.extend(of("WasmPlugin", "root"));
    }
    plugins.retain(|document| selects(document));
    let names = |of: Vec<&Written>| of.into_iter().map(|document| document.id().to_string()).collect();
    (names(telemetries), names(plugins))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_index_finds_what_a_scan_finds(documents in documents()) {
        let set = set(&documents);
        for workload in workloads() {
            let telemetries = set.contributions(&workload).into_iter().map(|of| of.meta.id.to_string()).collect();
            let plugins = set.plugins(&workload).into_iter().map(|of| of.meta.id.to_string()).collect();
            prop_assert_eq!((telemetries, plugins), by_scan(&documents, &workload), "{}", workload);
        }
    }

    #[test]
    fn the_order_of_documents_changes_nothing(documents in documents(), seed in any::<u64>()) {
        let mut turned = documents.clone();
        for index in (1..turned.len()).rev() {
            turned.swap(index, usize::try_from(seed.wrapping_mul(index as u64 + 7) >> 33).unwrap_or(0) % (index + 1));
        }
        let (one, other) = (set(&documents), set(&turned));
        prop_assert_eq!(one.hash(), other.hash());
        for workload in workloads() {
            prop_assert_eq!(one.resolve(&workload), other.resolve(&workload));
        }
    }

    #[test]
    fn a_changed_set_is_the_set_of_what_is_there(documents in documents(), change in written()) {
        let old = set(&documents);
        let mut there: Vec<Written> =
            documents.iter().filter(|document| document.id() != change.id()).cloned().collect();
        let without = old.changed([Change::Without(change.id())]);
        let others = set(&there);
        prop_assert_eq!(without.hash(), others.hash());
        there.push(change.clone());
        let with = old.changed([change.change()]);
        let again = set(&there);
        prop_assert_eq!(with.hash(), again.hash());
        for workload in workloads() {
            prop_assert_eq!(with.resolve(&workload), again.resolve(&workload));
        }
        // Taken back, nothing has changed.
        let back = match documents.iter().find(|document| document.id() == change.id()) {
            Some(document) => with.changed([document.change()]),
            None => with.changed([Change::Without(change.id())]),
        };
        prop_assert_eq!(back.hash(), old.hash());
        for workload in workloads() {
            prop_assert_eq!(back.resolve(&workload), old.resolve(&workload));
        }
    }

    #[test]
    fn a_change_concerns_nobody_else(documents in documents(), change in written(), is_taken_out: bool) {
        let old = set(&documents);
        let new = old.changed([if is_taken_out { Change::Without(change.id()) } else { change.change() }]);
        let index = WorkloadIndex::new(workloads());
        let concerned = affected(&old, &new, &index);
        prop_assert!(concerned.is_sorted());
        for (number, workload) in index.workloads().iter().enumerate() {
            if !concerned.contains(&number) {
                prop_assert_eq!(old.resolve(workload), new.resolve(workload), "{}", workload);
            }
        }
    }
}

fn a_document(
    kind: &'static str,
    namespace: &'static str,
    labels: &[(&'static str, &'static str)],
) -> Written {
    let (labels, targets) = (labels.to_vec(), Vec::new());
    Written { kind, namespace, name: 0, created: 0, revision: "", labels, targets, says: 0 }
}

#[test]
fn a_change_concerns_those_that_it_selects() {
    let index = WorkloadIndex::new(workloads());
    let count = |namespace: Option<&str>, labels: &[(&str, &str)]| {
        let of_namespace =
            |workload: &&Workload| namespace.is_none_or(|namespace| workload.namespace == namespace);
        let has = |workload: &&Workload| {
            labels.iter().all(|(name, value)| workload.labels.get(*name).is_some_and(|has| has == value))
        };
        index.workloads().iter().filter(of_namespace).filter(has).count()
    };
    let nothing = set(&[]);
    for (kind, namespace, labels, expected) in [
        ("Telemetry", "a", &[][..], count(Some("a"), &[])),
        ("Telemetry", "root", &[], count(None, &[])),
        ("Telemetry", "a", &LABELS[..1], count(Some("a"), &LABELS[..1])),
        ("Telemetry", "root", &LABELS[..1], count(Some("root"), &LABELS[..1])),
        ("WasmPlugin", "a", &LABELS[2..], count(Some("a"), &LABELS[2..])),
        ("WasmPlugin", "root", &LABELS[..1], count(None, &LABELS[..1])),
        ("WasmPlugin", "root", &[], count(None, &[])),
    ] {
        let document = a_document(kind, namespace, labels);
        let with = nothing.changed([document.change()]);
        assert_eq!(affected(&nothing, &with, &index).len(), expected, "{document:?}");
        assert_eq!(affected(&with, &nothing, &index).len(), expected, "{document:?}");
    }
    // What is hidden concerns nobody.
    let first = set(&[a_document("Telemetry", "a", &[])]);
    let second = Written { name: 1, created: 1, ..a_document("Telemetry", "a", &[]) };
    assert!(affected(&first, &first.changed([second.change()]), &index).is_empty());
    // At a gateway, whoever serves it.
    let at_gateway = Written { targets: vec!["g"], ..a_document("Telemetry", "b", &[]) };
    assert_eq!(affected(&nothing, &nothing.changed([at_gateway.change()]), &index).len(), 8);
}

#[test]
fn the_mesh_s_own_changes_concern_everybody_and_places_nobody() {
    let index = WorkloadIndex::new(workloads());
    let read = |mesh: &str| PolicySet::new(read(&[Source::new("mesh.yaml", mesh)]).resources);
    let (one, moved, other) =
        (read("rootNamespace: root\n"), read("\n\nrootNamespace: root\n"), read("rootNamespace: other\n"));
    assert!(affected(&one, &moved, &index).is_empty());
    assert_eq!(affected(&one, &other, &index).len(), index.workloads().len());
    assert_ne!(one.hash(), other.hash());
}

#[test]
fn what_did_not_change_is_shared() {
    let documents = [a_document("Telemetry", "a", &[]), a_document("WasmPlugin", "b", &[])];
    let old = set(&documents);
    let new = old.changed([a_document("Telemetry", "b", &[]).change()]);
    assert!(Arc::ptr_eq(&old.namespaces["a"], &new.namespaces["a"]));
    assert!(Arc::ptr_eq(&old.namespaces["b"].plugins, &new.namespaces["b"].plugins));
    assert!(Arc::ptr_eq(&old.common, &new.common));
}
