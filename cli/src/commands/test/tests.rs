//! The command's reports, on a module that needs no compiler.

use clap::Parser;

use super::*;
use crate::args::{Args, Command};

/// Answers every request with 418 where it has a configuration, and traps where it has none.
const MODULE: &str = r#"(module
    (import "env" "proxy_send_local_response"
        (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (global $size (mut i32) (i32.const 0))
    (data (i32.const 0) "tea\00\00\00\00\00")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 65536))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (global.set $size (local.get 1)) (i32.const 1))
    (func $answer (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.eqz (global.get $size)) (then unreachable))
        (drop (call $log (i32.const 2) (i32.const 0) (i32.const 3)))
        (drop (call $reply (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3)
            (i32.const 0) (i32.const 0) (i32.const -1)))
        (i32.const 1)))"#;

fn args(arguments: &[&str]) -> TestArgs {
    let all = ["burgee", "test"].iter().chain(arguments);
    match Args::try_parse_from(all).expect("arguments parse").command {
        Command::Test(args) => args,
        other => panic!("not a test: {other:?}"),
    }
}

fn located(text: &str) -> Vec<Located> {
    let read = cases::read(&[burgee_api::document::Source::new("t.yaml", text)]);
    assert_eq!(read.problems, []);
    read.cases
}

fn found(arguments: &[&str], text: &str) -> Found {
    let module = Module::load(&wat::parse_str(MODULE).expect("a module")).expect("it loads");
    find(&args(arguments), &module, &located(text)).expect("it can be found out")
}

const CASES: &str = "
cases:
- name: tea
  config: x
  steps: [{request: {}, expect: {reply: {status: 418, body: tea}, logs: [{level: info, text: tea}]}}]
- name: coffee
  config: x
  steps: [{request: {}, expect: {reply: {status: 200}}}]
- name: nothing
  steps: [{request: {}}]
- name: nothing, as is known
  steps: [{request: {}}]
  expect: {trap: {contains: unreachable}}
";

#[test]
fn each_case_says_what_is_not_as_expected_and_where() {
    let found = found(&[], CASES);
    let failed: Vec<&str> =
        found.cases.iter().filter(|case| !case.is_passed()).map(|case| case.name.as_str()).collect();
    assert_eq!(failed, ["coffee", "nothing"]);
    let text: String = found.cases.iter().map(burgee_filter_test::report::case).collect();
    for expected in [
        "FAILED coffee (t.yaml:6:3)\n  steps[0].expect.reply.status  t.yaml:8:50\n    expected  200\n    got       418\n",
        "  the filter's log:\n    info: tea\n",
        "FAILED nothing (t.yaml:9:3)\n  expect.trap  t.yaml:9:3\n    expected  no trap\n",
        "  trap in proxy_on_request_headers: ",
        "in answer",
    ] {
        assert!(text.contains(expected), "{expected}\nin\n{text}");
    }
    assert_eq!(summary(&found), "2 of 4 cases failed");
}

#[test]
fn reports_for_programs_say_the_same() {
    let found = found(&[], CASES);
    let json = serde_json::to_value(TestOutput::new(&found)).expect("JSON");
    assert_eq!(json["cases"][1]["isPassed"], false);
    assert_eq!(json["cases"][1]["mismatches"][0]["place"], "t.yaml:8:50");
    assert_eq!(json["cases"][1]["mismatches"][0]["got"], "418");
    assert!(json["cases"][2]["trap"].as_str().is_some_and(|trap| trap.contains("proxy_on_request_headers")));
    let xml = junit::report(&found).expect("a report");
    assert!(xml.contains("tests=\"4\" skipped=\"0\" failures=\"2\""), "{xml}");
    assert!(xml.contains("steps[0].expect.reply.status: expected 200, got 418"), "{xml}");
}

#[test]
fn rules_and_costs_are_told_where_they_are_asked_for() {
    let found = found(&["--compliance", "--rule", "client-gone,memory", "--bench", "--time", "5"], CASES);
    let names: Vec<&str> = found.rules.iter().map(|result| result.rule.name).collect();
    assert_eq!(names, ["client-gone", "memory"]);
    // One of the cases has no configuration.
    assert!(found.rules[0].violation.is_some());
    let costs = found.costs.as_ref().expect("costs");
    let phase = costs.phases.iter().find(|phase| phase.callback == "proxy_on_request_headers").expect("it");
    assert!(phase.median_nanoseconds.is_some_and(|median| median > 0));
    assert!(phase.host_calls > 0.9 && phase.instructions > 1.0, "{phase:?}");
    assert!(summary(&found).contains("; 1 of 2 rules do not hold"), "{}", summary(&found));
}

#[test]
fn what_cannot_be_tested_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().to_string_lossy().into_owned();
    let failure = read(&args(&[&directory])).expect_err("no cases");
    assert!(failure.message.starts_with("there are no cases") && !failure.help.is_empty());
    assert!(read(&args(&[&directory, "--compliance"])).expect("none are needed").is_empty());

    std::fs::create_dir(folder.path().join("tests")).expect("a folder");
    std::fs::write(folder.path().join("tests/a.yaml"), "cases:\n- name: a\n  stps: []\n").expect("a file");
    let failure = read(&args(&[&directory])).expect_err("wrong cases");
    assert_eq!(failure.message, "the cases are wrong: 1 error");

    for none in ["cases: []\n", "# none yet\n"] {
        std::fs::write(folder.path().join("tests/a.yaml"), none).expect("a file");
        let failure = read(&args(&[&directory])).expect_err("none in it");
        assert_eq!(failure.message, "the cases are wrong: 1 error", "{none}");
    }
    // What cannot be read is not taken for nothing.
    let is_there = folder.path().join("tests");
    std::os::unix::fs::symlink("nowhere", is_there.join("b.yaml")).expect("a link");
    for arguments in [&[directory.as_str()][..], &[&directory, "--compliance"]] {
        let failure = read(&args(arguments)).expect_err("a link that leads nowhere");
        assert!(failure.message.ends_with("b.yaml is a link that leads nowhere"), "{}", failure.message);
    }
    std::fs::remove_file(is_there.join("b.yaml")).expect("a file");
    let documents =
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {a: 1}\n---\nkind: Pod\nb: 1\n";
    std::fs::write(folder.path().join("mesh.yaml"), documents).expect("a file");
    let failure = read(&args(&["-f", &format!("{directory}/mesh.yaml")])).expect_err("no cases");
    assert_eq!(failure.message, "the cases are wrong: 2 errors", "one for each document");
    let failure = read(&args(&[&format!("{directory}/nope")])).expect_err("no such folder");
    assert!(failure.message.ends_with("nope is no folder"), "{}", failure.message);

    std::fs::write(folder.path().join("tests/a.yaml"), "cases:\n- name: a\n").expect("a file");
    let failure = read(&args(&[&directory, "--filter", "b"])).expect_err("no such case");
    assert_eq!(failure.help, "the cases are: a");
    assert_eq!(read(&args(&[&directory, "--filter", "a"])).expect("it is there").len(), 1);
    let no_time = Args::try_parse_from(["burgee", "test", "--compliance", "--time", "0"]);
    assert!(no_time.expect_err("refused").to_string().contains("nothing can be tried in no time"));

    let module = Module::load(&wat::parse_str(MODULE).expect("a module")).expect("it loads");
    let failure =
        find(&args(&[&directory, "--compliance", "--rule", "luck"]), &module, &[]).err().expect("no rule");
    assert!(failure.help.starts_with("the rules are header-bytes, "), "{}", failure.help);
}
