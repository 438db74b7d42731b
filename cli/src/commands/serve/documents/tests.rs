//! What is read, what goes on of what was, and what is kept of it.

use std::fs;

use burgee_api::check::check;

use super::*;

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: a}\nstringData: {x: HIDDEN}\n";

fn telemetry(name: &str, value: &str) -> String {
    format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{tracing: \
         [{{randomSamplingPercentage: {value}}}]}}\n"
    )
}

#[test]
fn a_text_is_kept_without_its_secrets_and_everything_else_where_it_was() {
    let one = telemetry("one", "1");
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"s\"}, \"stringData\": {\"x\": \"HIDDEN\"}}";
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}\n", SECRET.trim_end().replace('\n', "\n  "));
    for (text, keeps) in [
        (one.clone(), true),
        (SECRET.to_owned(), false),
        (format!("{SECRET}---\n{one}"), true),
        (format!("{one}---\n{SECRET}"), true),
        (format!("# a comment\n---\n{one}---\n{SECRET}---\n{}", telemetry("two", "2")), true),
        (json.to_owned(), false),
        (list.clone(), false),
        (format!("{one}---\n{list}"), true),
        (format!("{one}---\n{}--- # credentials\n{SECRET}", telemetry("two", "2")), true),
        (format!("{one}---\t\n{SECRET}...\n---\n{SECRET}"), true),
        (format!("{one}--- {json}\n"), true),
        (format!("{one}---\n{SECRET}").replace('\n', "\r\n"), true),
        (format!("{one}---\n{SECRET}").replace('\n', "\r"), false),
        (format!("# first\n{SECRET}--- !!map\n{one}"), true),
    ] {
        let source = Source::new("d.yaml", text.clone());
        let checked = check(std::slice::from_ref(&source));
        let kept = without_secrets(&source, &checked.outlines);
        assert!(!kept.contains("HIDDEN"), "{text}\n{kept}");
        assert_eq!(kept.contains("name: one"), keeps, "{text}\n{kept}");
        let line = |text: &str| text.lines().position(|line| line.contains("name: one"));
        assert!(!keeps || line(&kept) == line(&text), "{text}\n{kept}");
    }
}

/// The percentages in force after reading a folder, by name; and what is told of them.
fn read(documents: &mut Documents, folder: &std::path::Path) -> (Vec<String>, usize) {
    let read = documents.read(&[folder.to_owned()]).unwrap_or_else(|failure| panic!("{}", failure.message));
    let mut said: Vec<String> = read
        .usable
        .resources
        .telemetries
        .iter()
        .map(|it| {
            let value = it.tracing.iter().find_map(|entry| entry.sampling.as_ref());
            format!("{}={}", it.meta.id.name, value.map_or(-1.0, |value| value.value))
        })
        .collect();
    said.sort();
    let kept = read.problems.iter().filter(|problem| problem.code == KEPT_DOCUMENT).count();
    documents.in_force(read.usable.resources, &read.texts);
    (said, kept)
}

#[test]
fn what_was_good_goes_on_and_what_is_removed_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    write("a.yaml", &telemetry("one", "1"));
    write("b.yaml", &telemetry("two", "2"));
    let mut documents = Documents::default();
    let now = |documents: &mut Documents| {
        let (said, kept) = read(documents, folder.path());
        (said.join(" "), kept)
    };
    assert_eq!(now(&mut documents), ("one=1 two=2".to_owned(), 0));
    // Refused, and not YAML at all; the rest takes effect, and what was good outlives the server.
    write("a.yaml", &telemetry("one", "1000"));
    write("b.yaml", &telemetry("two", "22"));
    assert_eq!(now(&mut documents), ("one=1 two=22".to_owned(), 1));
    write("a.yaml", "kind: [");
    assert_eq!(now(&mut documents), ("one=1 two=22".to_owned(), 1));
    let good = documents.texts_in_force(&[]);
    assert!(good.iter().any(|(_, text)| text.contains("randomSamplingPercentage: 1}")), "{good:?}");
    let mut later = Documents::default();
    let sources: Vec<Source> =
        good.iter().map(|(name, text)| Source::new(name.as_str(), text.clone())).collect();
    later.restored(check(&sources).resources, good);
    assert_eq!(now(&mut later), ("one=1 two=22".to_owned(), 1));
    // Emptied, it is not written yet.
    write("a.yaml", "");
    assert_eq!(now(&mut documents), ("one=1 two=22".to_owned(), 1));
    fs::remove_file(folder.path().join("a.yaml")).expect("it is there");
    assert_eq!(now(&mut documents), ("two=22".to_owned(), 0));
    assert_eq!(documents.texts_in_force(&[]).len(), 1);
    fs::remove_file(folder.path().join("b.yaml")).expect("it is there");
    assert_eq!(now(&mut documents), (String::new(), 0));
}
