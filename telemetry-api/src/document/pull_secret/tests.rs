//! Which Secrets hold credentials, and that none of them is ever shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::check::check;
use crate::document::{Source, read};
use crate::resolve::PolicySet;
use crate::resources::PullSecret;
use crate::test;

/// What must be seen nowhere.
const SECRET: &str = "c2VjcmV0OnBhc3N3b3Jk";

fn config() -> String {
    format!("{{\"auths\": {{\"registry.example\": {{\"auth\": \"{SECRET}\"}}}}}}")
}

fn document(rest: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: a}}\n{rest}\n")
}

fn secret(rest: &str) -> PullSecret {
    let mut found = read(&[Source::new("s.yaml", document(rest))]).resources.pull_secrets;
    found.pop().expect("a Secret")
}

const TYPE: &str = "type: kubernetes.io/dockerconfigjson\n";

#[test]
fn credentials_are_read_from_both_fields() {
    let encoded = format!("{TYPE}data: {{.dockerconfigjson: {:?}}}", STANDARD.encode(config()));
    let written = format!("{TYPE}stringData: {{.dockerconfigjson: {:?}}}", config());
    for rest in [&encoded, &written, &format!("{encoded}\nstringData: {{.dockerconfigjson: {:?}}}", config())]
    {
        let found = secret(rest);
        let credentials = found.credentials.expect("credentials");
        assert_eq!(credentials.docker_config(), config());
        let (name, namespace) = (&*found.id.name, &*found.id.namespace);
        assert_eq!((name, namespace), ("s", "a"));
    }
}

#[test]
fn what_is_no_credentials_says_why() {
    let data = |text: &str| format!("{TYPE}data: {{.dockerconfigjson: {text:?}}}");
    for (rest, part) in [
        ("type: Opaque\ndata: {token: YQ==}".to_owned(), "type"),
        (String::new(), "type"),
        (TYPE.to_owned(), "no `data"),
        (format!("{TYPE}data: {{other: YQ==}}"), "no `data"),
        (data("?"), "not base64"),
        (data(&STANDARD.encode([0xff_u8])), "not text"),
        (data(&STANDARD.encode("{}")), "auths"),
        (data(&STANDARD.encode("{\"auths\": {\"a\": 1}}")), "auths"),
        (data(&STANDARD.encode(SECRET)), "auths"),
    ] {
        let why = secret(&rest).credentials.expect_err(&rest);
        assert!(why.contains(part), "{rest}: {why}");
        assert!(!why.contains(SECRET), "{why}");
    }
}

#[test]
fn no_value_is_shown_and_the_hash_knows_it() {
    let plugin = "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: p, namespace: a}\n\
                  spec: {url: 'oci://registry.example/p:1', imagePullSecret: s}\n";
    let hash = |value: &str| {
        let config = config().replace(SECRET, value);
        // A list for the value and the value as a key: nothing that is wrong shows it either.
        let text =
            document(&format!("{TYPE}stringData: {{.dockerconfigjson: {config:?}, {value}: [{value}]}}"))
                + plugin;
        let sources = [Source::new("s.yaml", text)];
        let checked = check(&sources);
        assert!(checked.is_valid(), "{:?}", checked.problems);
        let shown = format!("{:?} {:?} {:?}", checked.problems, checked.resources, checked.outlines);
        assert!(!shown.contains(value), "{shown}");
        let set = PolicySet::new(checked.resources);
        assert!(!format!("{set:?}").contains(value));
        set.hash().to_owned()
    };
    assert_eq!(hash(SECRET), hash(SECRET));
    assert_ne!(hash(SECRET), hash("b3RoZXI6cGFzc3dvcmQ"));
}

proptest! {
    #[test]
    fn no_secret_makes_it_panic(text in "(data|stringData|type|: |\\{|\\}|,|\\[|\\]|\"|.dockerconfigjson|YQ==|\n){0,16}") {
        let _ = read(&[Source::new("s.yaml", document(&text))]);
    }
}
