//! `burgee doctor`: what it says of this machine, and of one where nothing is installed.

use std::net::TcpListener;

use serde_json::Value;

use crate::bad_input::write_program;
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
        "  missing  cc                         not found; rustc links with it",
        "-> curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
        "  missing  envoy                      Envoy comes from a Python package, and `python3` was not found",
        "  note     docker                     not found",
        "does not work here yet",
    ] {
        assert!(ended.stdout.contains(expected), "{expected}\n{}", ended.stdout);
    }
    assert!(!cache.exists());
}

/// What it says of a machine whose programs are these scripts, and nothing else but the shell's.
fn report_with(programs: &[(&str, &str)]) -> Value {
    let folder = tempdir();
    for (name, script) in programs {
        write_program(&folder.path().join(name), &format!("#!/bin/sh\n{script}\n"));
    }
    let path = std::env::join_paths([folder.path(), "/usr/bin".as_ref(), "/bin".as_ref()]).expect("a PATH");
    let program = Program::new(["doctor", "-o", "json"]).in_directory(folder.path()).env("PATH", path);
    let ended = ["CARGO", "RUSTC", "ENVOY_BIN"].into_iter().fold(program, Program::without_env).run();
    serde_json::from_str(&ended.stdout).expect("JSON")
}

#[test]
fn compose_is_the_command_that_works_here_and_whether_it_can_wait() {
    let no_plugin = "case $1 in compose) echo unknown command >&2; exit 1;; *) echo Docker 28;; esac";
    let plugin = "case \"$*\" in 'compose up --help') echo '      --wait   Wait';; *) echo Compose v2;; esac";
    let old = "case $1 in up) echo '    --no-color  as with --wait';; *) echo compose 1.29.2;; esac";
    for (docker, expected) in [
        (no_plugin, "compose 1.29.2; type `docker-compose up -d`: it does not know --wait"),
        (plugin, "Compose v2; `docker compose up -d --wait` works"),
    ] {
        let report = report_with(&[("docker", docker), ("docker-compose", old)]);
        assert_eq!(check(&report, "compose")["found"], expected);
    }
}

#[test]
fn another_envoy_on_the_path_is_told_of() {
    envoy();
    let report = report_with(&[("envoy", "echo Laravel Envoy 2.8.1")]);
    let check = check(&report, "envoy on PATH");
    assert_eq!(check["state"], "note");
    let said = check["found"].as_str().expect("words");
    assert!(said.ends_with("envoy is passed over: it says `Laravel Envoy 2.8.1`"), "{said}");
}

#[test]
fn programs_are_asked_at_once() {
    let folder = tempdir();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    // Each end waits for the other: asked one after the other, neither would answer.
    let rustc = format!("[ $1 = --version ] && echo rustc 1.0 > '{0}' && echo rustc 1.0", pipe.display());
    let docker = format!("[ $1 = --version ] && cat '{}'", pipe.display());
    let report = report_with(&[("rustc", &rustc), ("docker", &docker)]);
    for name in ["rustc", "docker"] {
        assert_eq!(check(&report, name)["found"], "rustc 1.0", "{report:#}");
    }
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
