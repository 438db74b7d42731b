//! Which tags are told of, and what their series are counted from.

use super::*;
use crate::check::{Beside, Checked, judge, judge_beside};
use crate::document::{Source as Text, read};
use crate::resolve::DEFAULT_REVISION;
use crate::test;

/// A Telemetry for the whole mesh with these overrides and annotations.
fn checked(overrides: &str, sizes: &str, observed: Option<&Observed>) -> Checked {
    let text = format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata:\n  name: t\n  namespace: istio-system\n  \
         annotations: {{burgee.dev/label-sizes: \"{sizes}\"}}\nspec:\n  metrics:\n  - providers: [{{name: prometheus}}]\n    \
         overrides: [{overrides}]\n"
    );
    let text = if sizes.is_empty() {
        text.replace("  annotations: {burgee.dev/label-sizes: \"\"}\n", "")
    } else {
        text
    };
    let sources = [Text::new("t.yaml", text)];
    judge_beside(read(&sources), &sources, DEFAULT_REVISION, Beside { observed, ..Beside::default() })
}

fn told(checked: &Checked) -> Vec<String> {
    let one = |problem: &Problem| format!("{} {}", problem.severity.name(), problem.code);
    checked.problems.iter().map(one).collect()
}

const PATH: &str = "{match: {metric: REQUEST_COUNT}, tagOverrides: {path: {value: request.url_path}}}";

#[test]
fn a_tag_without_bound_is_told_with_what_a_value_makes() {
    let found = checked(PATH, "", None);
    let [problem] = found.problems.as_slice() else { panic!("{:#?}", found.problems) };
    assert_eq!((problem.code, problem.severity), (codes::UNBOUNDED_TAG, Severity::Warning));
    assert_eq!(
        problem.message,
        "the values of tag `path` have no bound: they come from `request.url_path`, which clients choose"
    );
    // At each side 5 x 5 x 2 sets of labels; three distributions without the tag, and one counter with it.
    let side = |side: &str, peer: &str| {
        let sets = format!("{side}: {peer} 5 x response_code 5 x response_flags 2");
        format!("{sets} x 3 distributions of 22 = 3,300; {sets} x path 1,000 x 1 counter = 50,000")
    };
    let words = format!(
        "with one value a workload has up to 6,700 series, with 1,000 values 106,600 ({}; {}); ",
        side("outbound", "destination_workload"),
        side("inbound", "source_workload")
    );
    assert!(problem.help.starts_with(&words), "{}", problem.help);
    assert_eq!(problem.path, "spec.metrics[0].overrides[0].tagOverrides.path.value");
}

#[test]
fn what_is_bounded_or_declared_is_not_told_as_unbounded() {
    let bounded = "{tagOverrides: {path: {value: \"request.path == '/' ? 'root' : 'other'\"}}}";
    assert_eq!(told(&checked(bounded, "", None)), Vec::<String>::new());
    assert_eq!(told(&checked(PATH, "path=200", None)), ["note BG0229"]);
    let everywhere = "{tagOverrides: {path: {value: request.url_path}}}";
    assert_eq!(told(&checked(everywhere, "path=200", None)), ["warning BG0229"]);
    assert_eq!(told(&checked(everywhere, "path=10", None)), ["note BG0229"]);
    // Many values in all, though each tag has few.
    let two = "{tagOverrides: {method: {value: request.method}, code: {value: response.code_details}}}";
    assert_eq!(told(&checked(two, "", None)), ["warning BG0229"]);
}

#[test]
fn the_estimate_is_the_product_of_sizes() {
    let series = |overrides: &str, sizes: &str| {
        let found = checked(overrides, sizes, None);
        let text = &found.problems.first().unwrap_or_else(|| panic!("nothing of {overrides}")).message;
        text.rsplit_once("up to ").expect("a number").1.trim_end_matches(" series").replace(',', "")
    };
    // (1 counter + 3 distributions of 22) x 50 sets, at both sides.
    assert_eq!(series("{tagOverrides: {m: {value: request.method}}}", "m=1"), (67 * 50 * 2).to_string());
    assert_eq!(series("{tagOverrides: {m: {value: request.method}}}", "m=3"), (67 * 50 * 2 * 3).to_string());
    assert_eq!(
        series("{tagOverrides: {m: {value: request.method}}}", "response_code=1,response_flags=1,m=3"),
        (67 * 5 * 2 * 3).to_string()
    );
    // Who calls is declared; whom a workload calls stays.
    assert_eq!(
        series("{tagOverrides: {m: {value: request.method}}}", "source_workload=20,m=1"),
        (67 * (200 + 50)).to_string()
    );
    // Only the server's side, and without the codes.
    let one_side = "{match: {mode: CLIENT}, disabled: true}, {match: {mode: SERVER}, tagOverrides: {m: {value: \
                    request.method}, response_code: {operation: REMOVE}}}";
    assert_eq!(series(one_side, "m=2"), (67 * 5 * 2 * 2).to_string());
    let off = "{tagOverrides: {m: {value: request.method}}}, {match: {metric: REQUEST_SIZE}, disabled: true}, {match: \
               {metric: RESPONSE_SIZE}, disabled: true}, {match: {metric: REQUEST_DURATION}, disabled: true}";
    assert_eq!(series(off, "m=4"), (50 * 2 * 4).to_string());
}

#[test]
fn a_page_says_how_many_series_there_are_and_how_many_values() {
    let line = |code: u64, path: &str| {
        format!("istio_requests_total{{reporter=\"source\",response_code=\"{code}\"{path}}} 1\n")
    };
    let page: String = (200..210).map(|code| line(code, "")).collect();
    let observed = Observed::read(&page).expect("a page");
    let found = checked(PATH, "path=30", Some(&observed));
    assert_eq!(found.problems[0].message, "the 10 series of the page become up to 300: 290 more");
    assert!(
        found.problems[0].help.contains("istio_requests_total 10 x path 30 = 300"),
        "{}",
        found.problems[0].help
    );

    let without_code = "{tagOverrides: {m: {value: \"'x'\"}, response_code: {operation: REMOVE}}}";
    let found = checked(without_code, "", Some(&observed));
    assert_eq!(found.problems[0].message, "the 10 series of the page become up to 1: 0 more");

    let page: String = (0..7).map(|path| line(200, &format!(",path=\"/{path}\""))).collect();
    let observed = Observed::read(&page).expect("a page");
    let found = checked(PATH, "", Some(&observed));
    assert!(found.problems[0].message.ends_with("; the page has 7 of them"), "{}", found.problems[0].message);
    // What is on the page already does not come on top of it.
    let found = checked(PATH, "path=30", Some(&observed));
    assert_eq!(found.problems[0].message, "the 7 series of the page become up to 7: 0 more");
}

#[test]
fn sizes_that_cannot_be_used_are_told_where_they_stand() {
    for (sizes, column) in [("path=20,pth=5", 8), ("path: 20", 0), ("path=0", 0), ("path=-1", 0), ("=1", 0)] {
        let found = checked(PATH, sizes, None);
        let bad: Vec<_> = found.problems.iter().filter(|it| it.code == codes::BAD_LABEL_SIZE).collect();
        let [problem] = bad.as_slice() else { panic!("{sizes}: {:#?}", found.problems) };
        let place = problem.place.as_ref().expect("a place");
        let first = "  annotations: {burgee.dev/label-sizes: '".len() + 1;
        assert_eq!((place.line, place.column), (6, first + column), "{sizes}");
    }
}

#[test]
fn the_mesh_declares_sizes_for_all_documents_and_a_document_its_own() {
    let mesh = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system, annotations: \
                {burgee.dev/label-sizes: 'path=20,nothing=1'}}\ndata: {mesh: 'rootNamespace: istio-system'}\n";
    let document = |annotations: &str| {
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: a{annotations}}}\nspec: \
             {{metrics: [{{providers: [{{name: prometheus}}], overrides: [{PATH}]}}]}}\n"
        )
    };
    let messages = |annotations: &str| -> Vec<String> {
        let sources = [Text::new("mesh.yaml", mesh), Text::new("t.yaml", document(annotations))];
        let found = judge(read(&sources), &sources, DEFAULT_REVISION);
        found.problems.iter().map(|problem| problem.message.clone()).collect()
    };
    let unknown = "`nothing` is no standard label, and no document sets a tag of that name";
    // 3 distributions of 22 at 50 sets, and one counter with the tag, at both sides.
    assert_eq!(messages(""), [unknown, "with the document's tags a workload has up to 8,600 series"]);
    assert_eq!(
        messages(", annotations: {burgee.dev/label-sizes: 'path=2'}"),
        [unknown, "with the document's tags a workload has up to 6,800 series"]
    );
}

#[test]
fn sizes_of_another_revisions_mesh_do_not_count() {
    let mesh = |name: &str, size: u64| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system, annotations: \
             {{burgee.dev/label-sizes: 'path={size}'}}}}\ndata: {{mesh: 'rootNamespace: istio-system'}}\n---\n"
        )
    };
    let text = format!(
        "{}{}apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: a}}\nspec: {{metrics: \
         [{{providers: [{{name: prometheus}}], overrides: [{PATH}]}}]}}\n",
        mesh("istio", 20),
        mesh("istio-canary", 2)
    );
    let sources = [Text::new("mesh.yaml", text)];
    for (revision, series) in [(DEFAULT_REVISION, "8,600"), ("canary", "6,800")] {
        let found = judge(read(&sources), &sources, revision);
        let message = format!("with the document's tags a workload has up to {series} series");
        assert!(found.problems.iter().any(|it| it.message == message), "{revision}: {:#?}", found.problems);
    }
}

#[test]
fn a_document_that_no_provider_hears_of_makes_no_series() {
    let text = format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: a}}\nspec: {{metrics: \
         [{{overrides: [{PATH}]}}]}}\n"
    );
    let sources = [Text::new("t.yaml", text)];
    let found = judge(read(&sources), &sources, DEFAULT_REVISION);
    assert_eq!(told(&found), ["warning BG0504"]);
}

#[test]
fn numbers_are_readable() {
    for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(thousands(number), text);
    }
}
