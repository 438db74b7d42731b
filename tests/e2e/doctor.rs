//! `burgee doctor`: what it says of this machine, and of one where nothing is installed.

use std::net::TcpListener;

use serde_json::Value;

use crate::support::program::Program;
use crate::support::{envoy, tempdir};

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("checks");
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check of {name}: {report:#}"))
}

#[test]
fn a_machine_that_runs_these_tests_is_ready() {
    let ended = Program::new(["doctor", "-o", "json"]).env("ENVOY_BIN", &envoy().path).run();
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((ended.code, &report["ready"]), (Some(0), &Value::Bool(true)), "{report:#}");
    let said = check(&report, "envoy")["found"].as_str().expect("words").to_owned();
    assert!(said.starts_with(&format!("{}, named by ENVOY_BIN", envoy().version)), "{said}");
}

#[test]
fn where_nothing_is_installed_it_says_what_is_missing_and_leaves_nothing_behind() {
    let empty = tempdir();
    let cache = empty.path().join("cache");
    let ended = Program::new(["doctor"])
        .env("PATH", empty.path())
        .env("BURGEE_CACHE", &cache)
        .without_env("CARGO")
        .without_env("RUSTC")
        .without_env("ENVOY_BIN")
        .run();
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    for expected in [
        "  missing  rustc                      not found",
        "  missing  cargo                      not found",
        "-> curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
        "  missing  envoy                      Envoy 1.40.0 comes from a Python package, and `python3` was not found",
        "  note     docker                     not found",
        "does not work here yet",
    ] {
        assert!(ended.stdout.contains(expected), "{expected}\n{}", ended.stdout);
    }
    assert!(!cache.exists());
}

#[test]
fn a_port_that_somebody_has_is_missing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let ended = Program::new(["doctor", &port, "-o", "yaml"]).env("ENVOY_BIN", &envoy().path).run();
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("name: port {port}\n")), "{}", ended.stdout);
    assert!(ended.stdout.contains("ready: false"), "{}", ended.stdout);
}
