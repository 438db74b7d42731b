//! What rules may say, where it stands, and what is wrong with others.

use proptest::prelude::*;

use crate::document::{Documents, Source, read};
use crate::problem::{Code, codes};
use crate::test;

fn config_map(data: &str) -> Documents {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: burgee-modules, namespace: root}}\n{data}"
    );
    read(&[Source::new("rules.yaml", text)])
}

#[test]
fn every_field_is_read_with_its_place() {
    let read = config_map(
        "data:\n  rules: |\n    - namespaces: [\"team-*\"]\n      allow: [\"oci://ghcr.io/acme/*\"]\n      deny: [http://a/*]\n      \
         maxModuleBytes: 1000\n      maxPlugins: 3\n      requireDigest: true\n      verificationKey: k\n      lua: false\n    - {}\n",
    );
    assert_eq!(read.problems, []);
    let [rules] = read.resources.module_rules.as_slice() else { panic!("{:?}", read.resources.module_rules) };
    let [first, second] = rules.rules.as_slice() else { panic!("{rules:?}") };
    let value = first.max_module_bytes.as_ref().expect("a bound");
    let crate::Origin::Document { document, path, place } = &value.origin else { panic!("{value:?}") };
    assert_eq!(
        (&*document.name, &**path, place.line, place.column),
        ("burgee-modules", "data.rules:[0].maxModuleBytes", 9, 23)
    );
    assert_eq!((value.value, first.max_plugins.as_ref().map(|it| it.value)), (1000, Some(3)));
    assert_eq!(first.namespaces.as_ref().map(Vec::len), Some(1));
    assert_eq!((first.allow.as_ref().map(Vec::len), first.deny.len()), (Some(1), 1));
    assert_eq!(first.require_digest.as_ref().map(|it| it.value), Some(true));
    assert_eq!(first.lua.as_ref().map(|it| it.value), Some(false));
    assert!(second.namespaces.is_none() && second.allow.is_none() && second.lua.is_none());
}

#[test]
fn what_is_wrong_with_rules_is_said() {
    let rules = |text: &str| format!("data: {{rules: {text:?}}}\n");
    for (data, code) in [
        (rules("[]"), None),
        (rules(""), None),
        ("data: null\n".to_owned(), Some(codes::MISSING_FIELD)),
        ("data: {}\n".to_owned(), Some(codes::MISSING_FIELD)),
        ("data: {rules: []}\n".to_owned(), Some(codes::WRONG_TYPE)),
        ("data: {rules: '', others: ''}\n".to_owned(), Some(codes::UNKNOWN_FIELD)),
        (rules("{}"), Some(codes::WRONG_TYPE)),
        (rules("- 1"), Some(codes::WRONG_TYPE)),
        (rules("- {alow: []}"), Some(codes::UNKNOWN_FIELD)),
        (rules("- {allow: [1]}"), Some(codes::WRONG_TYPE)),
        (rules("- {allow: ['ftp://a/*']}"), Some(codes::BAD_MODULE_URL)),
        (rules("- {deny: ['']}"), Some(codes::BAD_MODULE_URL)),
        (rules("- {namespaces: a}"), Some(codes::WRONG_TYPE)),
        (rules("- {maxPlugins: -1}"), Some(codes::OUT_OF_RANGE)),
        (rules("- {maxModuleBytes: many}"), Some(codes::WRONG_TYPE)),
        (rules("- {lua: 'no'}"), Some(codes::WRONG_TYPE)),
        (rules("- {a: ["), Some(codes::SYNTAX)),
    ] {
        let read = config_map(&data);
        let found: Vec<Code> = read.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(found, code.into_iter().collect::<Vec<_>>(), "{data}\n{:#?}", read.problems);
    }
}

#[test]
fn two_of_a_name_are_one_too_many() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: burgee-modules, namespace: root}\ndata: {rules: ''}\n";
    let read = read(&[Source::new("rules.yaml", format!("{text}---\n{text}"))]);
    let found: Vec<Code> = read.problems.iter().map(|problem| problem.code).collect();
    assert_eq!((found, read.resources.module_rules.len()), (vec![codes::DUPLICATE_DOCUMENT], 1));
}

proptest! {
    #[test]
    fn no_rules_make_it_panic(text in "(- |allow|namespaces|: |\\[|\\]|\\{|\\}|,|\\*|a|1|\n|\"|  ){0,20}") {
        let _ = config_map(&format!("data: {{rules: {text:?}}}\n"));
    }
}
