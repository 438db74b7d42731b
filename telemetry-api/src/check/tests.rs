//! What `check` finds beyond Istio, and beyond the worked examples in `tests/cases`.

mod parity;
mod together;

use super::*;
use crate::problem::codes;
use crate::test;

fn telemetry(spec: &str) -> Checked {
    let text = format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: a}}\nspec: {spec}\n"
    );
    check(&[Source::new("t.yaml", text)])
}

/// The worst severity and its codes.
fn verdict(checked: &Checked) -> (Option<Severity>, Vec<&'static str>) {
    let worst = worst(&checked.problems).filter(|severity| *severity > Severity::Note);
    let mut codes: Vec<&str> = checked
        .problems
        .iter()
        .filter(|problem| Some(problem.severity) == worst)
        .map(|problem| problem.code.0)
        .collect();
    codes.dedup();
    (worst, codes)
}

#[test]
fn a_tag_is_the_label_that_envoy_makes_of_it() {
    let checked = telemetry(
        "{metrics: [{providers: [{name: prometheus}], overrides: [{tagOverrides: {\"a-b.c\": {value: request.method}, \
         1a: {value: request.method}, '': {value: request.method}}}]}]}",
    );
    let tags = &checked.resources.telemetries[0].metrics[0].overrides[0].tags;
    assert_eq!(tags.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a_b_c"]);
    let told: Vec<&str> = checked
        .problems
        .iter()
        .filter(|problem| problem.code == codes::BAD_TAG_NAME)
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "`a-b.c` cannot be a label of a metric: it is `a_b_c`",
            "`1a` cannot be a label of a metric: there will be none",
            "`` cannot be a label of a metric: there will be none",
        ]
    );
}

#[test]
fn a_tag_of_nothing_is_left_out_of_the_meshs_own_as_istio_does() {
    let text = "defaultConfig: {tracing: {customTags: {x: {}, y: {literal: {value: z}}}}}\n";
    let checked = check(&[Source::new("mesh.yaml", text)]);
    assert_eq!(verdict(&checked), (Some(Severity::Warning), vec![codes::BAD_CUSTOM_TAG.0]));
    let tags = &checked.resources.mesh_config.proxy_tracing.custom_tags;
    assert_eq!(tags.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["y"]);
}

#[test]
fn expressions_of_formats_are_judged_as_those_of_filters() {
    for (expression, expected) in [
        ("request.host", (None, vec![])),
        ("string(response.code)", (Some(Severity::Error), vec![codes::UNKNOWN_FUNCTION_OF_LOGS.0])),
        ("request.", (Some(Severity::Error), vec![codes::BAD_LOG_FORMAT.0])),
        ("request.hots", (Some(Severity::Warning), vec![codes::UNKNOWN_ATTRIBUTE.0])),
        ("'a' + request.host", (Some(Severity::Warning), vec![codes::JOINED_IN_LOGS.0])),
    ] {
        let text = format!("accessLogFile: /dev/stdout\naccessLogFormat: \"%CEL({expression})%\"\n");
        assert_eq!(verdict(&check(&[Source::new("mesh.yaml", text)])), expected, "{expression}");
    }
}

#[test]
fn telemetry_documents_are_judged_field_by_field() {
    let ok: (Option<Severity>, Option<crate::problem::Code>) = (None, None);
    let error = |code| (Some(Severity::Error), Some(code));
    let warning = |code| (Some(Severity::Warning), Some(code));
    let metrics = |change: &str| format!("{{metrics: [{{overrides: [{change}]}}]}}");
    let tag = |body: &str| format!("{{tracing: [{{customTags: {{x: {body}}}}}]}}");
    let filter = |text: &str| {
        format!("{{accessLogging: [{{providers: [{{name: envoy}}], filter: {{expression: \"{text}\"}}}}]}}")
    };
    // An override without a provider in force is a warning of ours; these rows are about something else.
    let provided =
        |change: &str| format!("{{metrics: [{{providers: [{{name: prometheus}}], overrides: [{change}]}}]}}");
    let rows = [
        ("V21 two", tag("{literal: {value: x}, header: {name: y}}"), error(codes::BAD_CUSTOM_TAG)),
        ("V21 empty", tag("{literal: {value: \"\"}}"), error(codes::BAD_CUSTOM_TAG)),
        ("V21 header", tag("{header: {name: \"x\\ny\"}}"), error(codes::BAD_VALUE)),
        ("V21 right", tag("{environment: {name: E, defaultValue: x}}"), ok),
        ("V29 empty", "{accessLogging: [{filter: {}}]}".to_owned(), error(codes::MISSING_FIELD)),
        ("V30 5", "{metrics: [{reportingInterval: 5}]}".to_owned(), error(codes::WRONG_TYPE)),
        ("null entry", "{metrics: [null]}".to_owned(), error(codes::WRONG_TYPE)),
        ("null tag", metrics("{tagOverrides: {t: null}}"), error(codes::WRONG_TYPE)),
        ("mode", metrics("{match: {mode: client}}"), error(codes::BAD_VALUE)),
        (
            "two metrics",
            metrics("{match: {metric: REQUEST_COUNT, customMetric: x}}"),
            error(codes::TWO_METRICS),
        ),
        (
            "tag name",
            provided("{tagOverrides: {a-b: {value: request.method}}}"),
            warning(codes::BAD_TAG_NAME),
        ),
        (
            "tag's digit",
            provided("{tagOverrides: {1a: {value: request.method}}}"),
            warning(codes::BAD_TAG_NAME),
        ),
        (
            "no tag name",
            provided("{tagOverrides: {'': {value: request.method}}}"),
            warning(codes::BAD_TAG_NAME),
        ),
        (
            "function of a tag",
            provided("{tagOverrides: {t: {value: \"request.method.lowerAscii()\"}}}"),
            warning(codes::UNKNOWN_FUNCTION),
        ),
        (
            "filter's function",
            filter("request.host.lowerAscii() == 'a'"),
            error(codes::UNKNOWN_FUNCTION_OF_LOGS),
        ),
        ("filter's text", filter("string(response.code) == '200'"), error(codes::UNKNOWN_FUNCTION_OF_LOGS)),
        ("filter's macro", filter("[1].exists(x, x == 1)"), error(codes::UNKNOWN_FUNCTION_OF_LOGS)),
        ("filter's joined texts", filter("'a' + request.host == 'ab'"), warning(codes::JOINED_IN_LOGS)),
        ("tag of nothing", tag("{}"), error(codes::BAD_CUSTOM_TAG)),
        ("expression", metrics("{tagOverrides: {t: {value: 'request.'}}}"), error(codes::BAD_EXPRESSION)),
        (
            "bare word",
            provided("{tagOverrides: {t: {value: production}}}"),
            warning(codes::UNKNOWN_ATTRIBUTE),
        ),
        (
            "remove unknown",
            provided("{tagOverrides: {reporterr: {operation: REMOVE}}}"),
            warning(codes::REMOVE_UNKNOWN_TAG),
        ),
        ("custom", provided("{match: {customMetric: my_metric}}"), warning(codes::CUSTOM_METRIC)),
        ("no provider", metrics("{disabled: true}"), warning(codes::NO_PROVIDER)),
        ("boolean", metrics("{disabled: \"true\"}"), error(codes::WRONG_TYPE)),
        ("plain on is a boolean", provided("{disabled: off}"), ok),
    ];
    for (row, spec, (severity, code)) in rows {
        let checked = telemetry(&spec);
        let expected =
            (severity, code.map(|code: crate::problem::Code| code.0).into_iter().collect::<Vec<_>>());
        assert_eq!(verdict(&checked), expected, "{row}: {spec}\n{:#?}", checked.problems);
    }
}

#[test]
fn every_problem_is_found_in_one_run() {
    let checked = telemetry(
        "{selecter: {}, metrics: [{providers: [{nam: prometheus}], overrides: [{match: {metric: request_count, mode: CLIENTS}, \
         disabled: 1, tagOverrides: {t: {value: 'a b', operation: ADD}}}], reportingInterval: soon}]}",
    );
    let paths: Vec<&str> = checked.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "spec.selecter",
            "spec.metrics[0].providers[0].name",
            "spec.metrics[0].providers[0].nam",
            "spec.metrics[0].overrides[0].match.metric",
            "spec.metrics[0].overrides[0].match.mode",
            "spec.metrics[0].overrides[0].disabled",
            "spec.metrics[0].overrides[0].tagOverrides.t.operation",
            "spec.metrics[0].reportingInterval",
        ],
        "{:#?}",
        checked.problems
    );
}

#[test]
fn the_order_of_files_does_not_change_what_is_found() {
    let mesh = Source::new("mesh.yaml", "defaultProviders: {metrics: [prometheus]}\n");
    let document = Source::new(
        "t.yaml",
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t}\nspec: {metrics: [{providers: [{name: promtheus}]}]}\n",
    );
    let one = check(&[mesh.clone(), document.clone()]);
    let other = check(&[document, mesh]);
    assert_eq!(one.problems, other.problems);
    assert_eq!(one.problems.len(), 1);
    assert!(one.problems[0].help.starts_with("did you mean `prometheus`?"), "{}", one.problems[0].help);
}

#[test]
fn what_is_for_another_revision_depends_on_the_revision_here() {
    let document = |name: &str, labels: &str| {
        format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: a, labels: \
             {{{labels}}}}}\nspec: {{selector: {{matchLabels: {{app: x}}}}, metrics: [{{}}]}}\n"
        )
    };
    let workload = "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
                    metadata: {name: x, namespace: a}\nspec: {labels: {app: x}}\n";
    let text = [&document("t-canary", "istio.io/rev: canary"), &document("t-any", ""), workload].concat();
    let said = |revision: &str| -> Vec<&str> {
        let checked = check_revision(&[Source::new("t.yaml", text.as_str())], revision);
        checked.problems.iter().map(|problem| problem.code.0).collect()
    };
    assert_eq!(said("canary"), [codes::STACKED_DOCUMENTS.0]);
    assert_eq!(said(DEFAULT_REVISION), [codes::OTHER_REVISION.0], "and nothing else is said of it");
}

proptest::proptest! {
    #[test]
    fn no_document_makes_it_panic(
        body in "(\\{|\\}|\\[|\\]|,|: |\n|  |- |metrics|overrides|match|metric|mode|providers|name|disabled|tagOverrides|value|operation|REMOVE|true|1|x|'|\\*){0,40}"
    ) {
        let _ = telemetry(&body);
    }
}
