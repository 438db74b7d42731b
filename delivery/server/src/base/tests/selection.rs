//! Which class a proxy is of.

use std::collections::BTreeMap;

use burgee_api::resolve::{Workload, WorkloadKind};

use super::support::{cluster, good, load, told};

/// Classes that say this of whom they are for; none: no `class.yaml`.
fn classes(said: &[(&str, Option<&str>)]) -> super::super::Classes {
    good(&files(said).iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect::<Vec<_>>())
}

fn files(said: &[(&str, Option<&str>)]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (name, said) in said {
        files.extend(said.map(|said| (format!("{name}/class.yaml"), said.to_owned())));
        files.push((format!("{name}/a.yaml"), cluster(name)));
    }
    files
}

fn workload(kind: WorkloadKind, namespace: &str, name: &str, labels: &[(&str, &str)]) -> Workload {
    let labels: BTreeMap<String, String> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Workload::new(kind, namespace, name, labels)
}

#[test]
fn the_narrowest_class_that_fits_counts() {
    use WorkloadKind::{Gateway, Sidecar};
    let classes = classes(&[
        ("sidecar", None),
        ("gateway", None),
        ("special", None),
        ("shop", Some("namespace: shop")),
        ("shop-sidecar", Some("{namespace: shop, kind: sidecar}")),
        ("canary", Some("{kind: sidecar, revision: canary}")),
        ("web", Some("labels: {app: web}")),
        ("web-front", Some("labels: {app: web, tier: front}")),
        ("one", Some("workload: web-v1")),
        ("bank", Some("{namespace: bank, labels: {app: vault}}")),
    ]);
    let table = [
        (Sidecar, "dev", "a", &[][..], None, Some("sidecar")),
        (Gateway, "dev", "a", &[], None, Some("gateway")),
        (Gateway, "shop", "a", &[], None, Some("shop")),
        (Sidecar, "shop", "a", &[], None, Some("shop-sidecar")),
        (Sidecar, "shop", "a", &[("app", "web")], None, Some("web")),
        (Sidecar, "shop", "a", &[("app", "web"), ("tier", "front")], None, Some("web-front")),
        (Sidecar, "shop", "web-v1", &[("app", "web"), ("tier", "front")], None, Some("one")),
        (Sidecar, "bank", "a", &[("app", "vault")], None, Some("bank")),
        (Sidecar, "dev", "a", &[("app", "vault")], None, Some("sidecar")),
        (Sidecar, "dev", "a", &[], Some("special"), Some("special")),
        (Sidecar, "shop", "web-v1", &[], Some("special"), Some("special")),
        (Sidecar, "shop", "web-v1", &[], Some("sidecar"), Some("sidecar")),
        // Nobody is given what is for others, nor something else than it asked for.
        (Sidecar, "dev", "a", &[], Some("gateway"), None),
        (Sidecar, "dev", "a", &[], Some("bank"), None),
        (Sidecar, "dev", "a", &[], Some("specail"), None),
    ];
    for (kind, namespace, name, labels, named, expected) in table {
        let workload = workload(kind, namespace, name, labels);
        let class = classes.of(&workload, named).map(|class| class.name.to_string());
        assert_eq!(class.as_deref(), expected, "{workload} {labels:?} {named:?}");
    }
    let mut canary = workload(Sidecar, "dev", "a", &[]);
    canary.revision = "canary".to_owned();
    assert_eq!(classes.of(&canary, None).map(|class| class.name.to_string()).as_deref(), Some("canary"));
}

#[test]
fn a_folder_without_folders_is_for_everyone() {
    let classes = good(&[("a.yaml", cluster("web").as_bytes())]);
    for named in [None, Some("anything")] {
        let one = workload(WorkloadKind::Gateway, "a", "b", &[]);
        assert_eq!(classes.of(&one, named).map(|class| class.name.to_string()).as_deref(), Some("all"));
    }
}

#[test]
fn classes_that_nothing_tells_apart_are_told() {
    let table: [(&str, &str, bool); 8] = [
        ("labels: {app: web}", "labels: {tier: front}", true),
        ("labels: {app: web}", "labels: {app: web}", true),
        ("labels: {app: web}", "labels: {app: api}", false),
        ("kind: sidecar", "kind: gateway", false),
        ("kind: sidecar", "{}", false),
        ("namespace: a", "namespace: b", false),
        ("workload: a", "workload: a", true),
        ("{namespace: a, kind: sidecar}", "{namespace: a, revision: x}", false),
    ];
    for (one, other, is_tie) in table {
        let files = files(&[("one", Some(one)), ("other", Some(other))]);
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        let (classes, problems) = load(&files);
        assert_eq!(classes.iter().count(), 2);
        let expected = "error BG0805: the classes one and other can be for the same proxy";
        assert_eq!(told(&problems).starts_with(expected), is_tie, "{one} {other}: {problems:?}");
        assert_eq!(problems.is_empty(), !is_tie, "{one} {other}");
    }
    let ties = files(&[("b", Some("{}")), ("a", Some("{}"))]);
    let ties: Vec<_> = ties.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let first = load(&ties).0;
    let of = first.of(&workload(WorkloadKind::Sidecar, "a", "b", &[]), None);
    assert_eq!(of.map(|class| class.name.to_string()).as_deref(), Some("a"), "until it is decided");
}

#[test]
fn a_class_file_that_says_something_else_is_refused() {
    let table = [
        ("", "1:1  error BG0804: nothing says for whom this class is"),
        ("[]", "1:1  error BG0804: this does not say for whom a class is"),
        ("kind: ingress", "1:7  error BG0804: kind: no such kind\n  help: sidecar or gateway"),
        (
            "label: {app: web}",
            "1:1  error BG0804: label: a class has no field \"label\"\n  help: did you mean labels?",
        ),
        (
            "port: 80",
            "1:1  error BG0804: port: a class has no field \"port\"\n  help: there are kind, namespace",
        ),
        ("labels: [app]", "1:9  error BG0804: labels: this is no label"),
        ("labels: {app: [web]}", "1:15  error BG0804: labels: this is no label"),
        ("namespace:", "1:10  error BG0804: namespace: this is no name"),
        ("workload: [a]", "1:11  error BG0804: workload: this is no name"),
    ];
    for (text, expected) in table {
        let (classes, problems) =
            load(&[("x/class.yaml", text.as_bytes()), ("x/a.yaml", cluster("a").as_bytes())]);
        let told = told(&problems);
        assert!(told.starts_with(&format!("bases/x/class.yaml:{expected}")), "{text}: {told}");
        assert_eq!((problems.len(), classes.iter().count()), (1, 0), "{text}: {told}");
    }
}
