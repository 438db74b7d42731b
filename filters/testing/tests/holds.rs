//! The cases of filters hold: of ours, and of some that others could have written with the plain SDK.

mod support;

use std::path::Path;

use burgee_api::document::Source;
use burgee_filter_test::cases;
use burgee_filter_test::run::{Limits, run};
use support::{failures, module};

fn assert_cases(folder: &Path) {
    let cases = support::cases(&folder.join("tests"));
    assert!(cases.len() >= 3, "{} has cases", folder.display());
    let results = run(&module(folder), &cases, &Limits::default());
    assert_eq!(results.len(), cases.len());
    let failures = failures(&results);
    assert!(failures.is_empty(), "{}:\n{failures}", folder.display());
}

#[test]
fn the_cases_of_strangers_hold() {
    for name in ["broker", "gatekeeper", "journal", "rewriter", "meter"] {
        assert_cases(&support::stranger(name));
    }
}

#[test]
fn the_cases_of_our_filters_hold() {
    for name in ["headers", "stats", "peer-metadata"] {
        assert_cases(&support::ours(name));
    }
}

#[test]
fn the_cases_of_the_tutorial_hold() {
    let page = burgee_tests::workspace().join("docs/testing-filters.md");
    let text = std::fs::read_to_string(&page).expect("the page");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut count = 0;
    for block in blocks {
        let read = cases::read(&[Source::new("testing-filters.md", block)]);
        assert_eq!(read.problems, [], "{block}");
        let name = match block {
            block if block.contains("journal") => "journal",
            block if block.contains("prices") => "broker",
            _ => "gatekeeper",
        };
        let results = run(&module(&support::stranger(name)), &read.cases, &Limits::default());
        assert_eq!(failures(&results), "", "{block}");
        count += results.len();
    }
    assert!(count >= 4, "the page has cases: {count}");
}

#[test]
fn what_is_not_so_fails_and_what_cannot_happen_is_told() {
    let module = module(&support::stranger("rewriter"));
    for (steps, expected) in [
        ("[{request: {}, expect: {outcome: pause}}]", "outcome"),
        ("[{request: {headers: {a: 1}}, expect: {request: {headers: {set: {a: 2}}}}}]", "headers.set.a"),
        ("[{request: {headers: {a: 1}}, expect: {request: {headers: {set: {a: [1, 1]}}}}}]", "headers.set.a"),
        ("[{request: {headers: {a: 1}}, expect: {request: {headers: {added: {a: 1}}}}}]", "headers.added.a"),
        ("[{request: {headers: {a: 1}}, expect: {request: {headers: {removed: [a]}}}}]", "headers.removed"),
        ("[{request: {}, expect: {request: {headers: {removed: [a]}}}}]", "headers.removed"),
        ("[{request: {headers: {a: 1}}, expect: {request: {headers: {absent: [a]}}}}]", "headers.absent"),
        ("[{request: {}, expect: {request: {headers: {exact: {a: 1}}}}}]", "headers.exact"),
        ("[{request: {body: a}, expect: {request: {body: b}}}]", "request.body"),
        ("[{request: {trailers: {a: 1}}, expect: {request: {trailers: {set: {a: 2}}}}}]", "trailers.set.a"),
        ("[{request: {}, expect: {reply: {}}}]", "expect.reply"),
        ("[{request: {}, expect: {response: {headers: {}}}}]", "response.headers"),
        ("[{request: {}, expect: {logs: [{level: info}]}}]", "logs[0]"),
        ("[{request: {}, expect: {metrics: [{name: a}]}}]", "metrics[0]"),
        ("[{request: {}, expect: {callouts: [{}]}}]", "callouts"),
        ("[{request: {}, expect: {sharedData: {a: b}}}]", "sharedData.a"),
        ("[{request: {}, expect: {properties: {a: b}}}]", "properties.a"),
        ("[{request: {}, expect: {upstream: a}}]", "expect.upstream"),
        ("[{answer: {}}]", "steps[0].answer"),
        ("[{close: client}]", "steps[0].close"),
        ("[{request: {}}, {request: {headers: {a: 1}}}, {request: {}}]", "steps[1]"),
        ("[{request: {}}, {downstream: {}}]", "steps[1]"),
    ] {
        let text = format!("cases:\n- name: a\n  config: {{words: []}}\n  steps: {steps}\n");
        let read = cases::read(&[Source::new("t.yaml", text)]);
        assert_eq!(read.problems, [], "{steps}");
        let results = run(&module, &read.cases, &Limits::default());
        let told = results[0].mismatches.first().map(|mismatch| mismatch.path.clone()).unwrap_or_default();
        assert!(told.ends_with(expected), "{steps}: {told}");
    }
    for (case, expected) in [
        ("  config: {words: []}\n  expect: {refused: true}\n", "expect.refused"),
        ("  config: {words: []}\n  expect: {trap: {}}\n", "expect.trap"),
        ("  config: {words: 1}\n", "config"),
    ] {
        let read = cases::read(&[Source::new("t.yaml", format!("cases:\n- name: a\n{case}"))]);
        let results = run(&module, &read.cases, &Limits::default());
        let told: Vec<&str> = results[0].mismatches.iter().map(|mismatch| mismatch.path.as_str()).collect();
        assert_eq!(told, [expected], "{case}");
    }
}

#[test]
fn what_cannot_happen_and_what_is_of_another_kind_is_told() {
    let text = "
defaults: {clusters: [prices]}
cases:
- name: an answer of HTTP to a call of gRPC
  steps:
  - request: {}
  - answer: {status: 200, body: a}
- name: a callout of HTTP is expected
  steps:
  - request: {}
    expect: {callouts: [{messages: [a], closed: true}]}
- name: a response to a request that is held
  steps:
  - request: {}
  - response: {}
- name: more of a request that was answered
  steps:
  - request: {end: false}
  - answer: {grpcStatus: 1}
  - request: {body: more}
    expect: {}
- name: a response to a request that was answered
  steps:
  - request: {}
  - answer: {grpcStatus: 1}
  - response: {}
    expect: {response: {headers: {set: {x-a: b}}}}
- name: more after the end
  steps:
  - request: {}
  - close: client
  - request: {trailers: {a: b}}
";
    let read = cases::read(&[Source::new("t.yaml", text)]);
    assert_eq!(read.problems, []);
    let results = run(&module(&support::stranger("broker")), &read.cases, &Limits::default());
    let told: Vec<String> = results
        .iter()
        .map(|result| {
            let paths = result.mismatches.iter().map(|one| format!("{} {}", one.path, one.got));
            paths.collect::<Vec<_>>().join("; ")
        })
        .collect();
    let answered = "the filter has answered the request itself, and nothing more comes of this stream";
    let expected = [
        "steps[1].answer.status the callout is of gRPC: write `grpcStatus`".to_owned(),
        "steps[0].expect.callouts[0].messages no stream of gRPC".to_owned(),
        "steps[1].response the filter holds the request, so that there is no service that could have answered it"
            .to_owned(),
        format!("steps[2].request {answered}"),
        format!("steps[2].response {answered}; steps[2].expect.response.headers.set.x-a nothing"),
        "steps[2].request its stream was over before".to_owned(),
    ];
    for (told, expected) in told.iter().zip(&expected) {
        assert!(told.starts_with(expected), "{told}\nis not\n{expected}");
    }
    assert_eq!(told.len(), expected.len());
}
