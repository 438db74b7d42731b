//! `burgee explain`: what is in force and why, why not, and exit codes.

use std::fs;

use crate::support::program::Program;
use crate::support::{root, tempdir};

fn explain(arguments: &[&str]) -> Program {
    Program::new(["explain"]).args(arguments)
}

/// What stands in a page between a command and the end of the block after it.
fn captured(page: &str, command: &str) -> String {
    let text = fs::read_to_string(root().join(page)).expect("the page");
    let after = text.split_once(&format!("{command}\n```\n")).map(|(_, after)| after);
    let after = after.unwrap_or_else(|| panic!("{page} has no `{command}`"));
    let block =
        after.split_once("```text\n").and_then(|(_, block)| block.split_once("```")).expect("a block");
    block.0.to_owned()
}

#[test]
fn every_value_has_its_line_and_what_it_overrode() {
    let arguments = ["quickstart/hello-v1", "-f", "examples/quickstart"];
    let text = explain(&arguments).run().expect_code(0).stdout;
    for expected in [
        "quickstart/hello-v1: sidecar of revision default, app=hello, version=v1",
        "TRACING (inbound and outbound)",
        "ACCESS LOGGING (inbound)",
        "over text-log, examples/quickstart/telemetry.yaml:24:17,",
        "disabled of REQUEST_SIZE: true",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{text}");

    let json = explain(&arguments).args(["-o", "json"]).run().expect_code(0).json();
    let facts = json["classes"][1]["tracing"]["facts"].as_array().expect("facts");
    let sampling =
        facts.iter().find(|fact| fact["field"] == "randomSamplingPercentage").expect("a percentage");
    assert_eq!((&sampling["value"], &sampling["from"]["line"]), (&100.0.into(), &29.into()));
    let yaml = explain(&arguments).args(["-o", "yaml"]).run().expect_code(0).stdout;
    let read: serde_json::Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(read, json);
}

#[test]
fn a_gateway_has_its_own_class() {
    let arguments = ["istio-system/istio-ingressgateway", "-f", "examples/quickstart"];
    let ended = explain(&arguments).args(["--signal", "plugins"]).run().expect_code(0);
    assert!(ended.stdout.contains("PLUGINS (gateway)\n  plugin: istio-system/headers\n"), "{ended}");
    assert!(!ended.stdout.contains("METRICS"), "{ended}");
    explain(&arguments)
        .args(["--class", "inbound"])
        .run()
        .expect_code(2)
        .expect_said(&["is a gateway and has no such listeners", "its classes: gateway"]);
}

#[test]
fn the_pages_show_what_the_program_prints() {
    for (page, command) in [
        (
            "README.md",
            "explain quickstart/hello-v1 -f examples/quickstart --signal access-logging --class outbound",
        ),
        (
            "README.md",
            "explain quickstart/hello-v1 -f examples/quickstart --why-not quickstart/namespace-default",
        ),
    ] {
        let ended = Program::new(command.split(' ')).run().expect_code(0);
        assert_eq!(captured(page, &format!("cargo burgee {command}")), ended.stdout, "{page}: {command}");
    }
}

#[test]
fn a_refused_document_is_left_out_and_told_and_the_rest_is_explained() {
    let folder = tempdir();
    let telemetry = |name: &str, spec: &str| {
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n---\n"
        )
    };
    let text = telemetry("good", "{metrics: [{providers: [{name: prometheus}]}]}")
        + &telemetry(
            "bad",
            "{selector: {matchLabels: {app: web}}, tracing: [{randomSamplingPercentage: 200}]}",
        );
    fs::write(folder.path().join("t.yaml"), text).expect("a document can be written");
    let ask = |arguments: &[&str]| {
        explain(&["shop/web", "--labels", "app=web", "-f", "t.yaml"])
            .args(arguments)
            .in_directory(folder.path())
    };
    let ended = ask(&[]).run().expect_code(1).expect_said(&["BG0111", "taken as if it were not there"]);
    assert!(ended.stdout.contains("provider: prometheus"), "{ended}");
    assert!(ended.stdout.contains("Telemetry shop/bad, t.yaml:6:1\n     `check` refuses it"), "{ended}");
    let ended = ask(&["--why-not", "shop/bad"]).run().expect_code(1);
    assert!(ended.stdout.contains("has no effect on shop/web:"), "{ended}");
    assert!(ended.stdout.contains("BG0111: spec.tracing[0].randomSamplingPercentage"), "{ended}");
    let json = ask(&["--why-not", "shop/bad", "-o", "json"]).run().expect_code(1).json();
    assert_eq!(json["answers"][0]["reasons"][0]["kind"], "refused");
}

#[test]
fn what_cannot_be_asked_says_what_can() {
    let quickstart = ["quickstart/hello-v1", "-f", "examples/quickstart"];
    let ended = explain(&quickstart).args(["--why-not", "quickstart/helo"]).run().expect_code(1);
    assert!(ended.stdout.contains("did you mean quickstart/hello?"), "{ended}");
    for (arguments, said) in [
        (&["quickstart/hello-v1"][..], "no documents are named"),
        (&["hello-v1", "-f", "examples/quickstart"], "no namespace and name"),
        (
            &["quickstart/hello-v1", "-f", "examples/quickstart", "--why-not", "hello"],
            "not a document's name",
        ),
        (
            &[
                "a/w",
                "--labels",
                "gateway.istio.io/managed=istio.io-mesh-controller",
                "-f",
                "examples/quickstart",
            ],
            "waypoint",
        ),
    ] {
        explain(arguments).run().expect_code(2).expect_said(&[said]);
    }
    explain(&["quickstart/helo-v1", "-f", "examples/quickstart"])
        .run()
        .expect_code(0)
        .expect_said(&["BG0006"]);
}
