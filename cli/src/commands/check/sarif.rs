//! What was found as SARIF 2.1.0, which code scanning reads: rules from the pages of codes, results with regions and
//! with fingerprints that stay when lines move.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::check::code_page::{headline, markdown};
use burgee_api::check::suppress::{Suppressed, SuppressedBy};
use burgee_api::document::OutlineIndex;
use burgee_api::origin::Place;
use burgee_api::problem::{Page, Problem, Severity, area};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactLocation, Invocation, Location, LogicalLocation, Message, MultiformatMessageString,
    PhysicalLocation, PropertyBag, Region, ReportingConfiguration, ReportingConfigurationLevel,
    ReportingDescriptor, Result, ResultLevel, Run, SCHEMA_URL, Sarif, Suppression, Tool, ToolComponent,
};

use super::fingerprint::Fingerprints;
use super::{Found, subject};
use crate::codes;

/// The name of our fingerprints, with the version of how they are made.
const FINGERPRINT: &str = "burgeeProblem/v1";

/// What stands in a path of a URL as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The report: one run.
pub(super) fn report(found: &Found) -> Sarif {
    let told = found.problems.iter().map(|problem| (problem, None));
    let ignored = found.ignored.iter().map(|ignored| (&ignored.problem, Some(ignored)));
    let all: Vec<(&Problem, Option<&Suppressed>)> = told.chain(ignored).collect();
    let rules = rules(&all);
    let index: BTreeMap<&str, i64> = (0..).zip(&rules).map(|(index, page)| (page.code.0, index)).collect();
    let outlines = OutlineIndex::new(&found.outlines);
    let mut fingerprints = Fingerprints::default();
    let results: Vec<Result> = all
        .iter()
        .map(|(problem, ignored)| {
            let subject = subject(&outlines, problem);
            let mut result = result(problem, &subject, index.get(problem.code.0).copied());
            let fingerprint = fingerprints.next(problem, &subject);
            result.partial_fingerprints = Some(BTreeMap::from([(FINGERPRINT.to_owned(), fingerprint)]));
            result.suppressions = Some(ignored.iter().map(|ignored| suppression(&ignored.by)).collect());
            result
        })
        .collect();
    let driver = ToolComponent::builder()
        .name("burgee")
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(rules.into_iter().map(rule).collect::<Vec<_>>())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .invocations(vec![Invocation::builder().execution_successful(true).build()])
        // A column is a character here, whatever it takes to encode it.
        .column_kind(json!("unicodeCodePoints"))
        .results(results)
        .build();
    Sarif::builder().schema(SCHEMA_URL).version(json!("2.1.0")).runs(vec![run]).build()
}

/// The pages of the codes that are told, or ignored, by code.
fn rules(all: &[(&Problem, Option<&Suppressed>)]) -> Vec<&'static Page> {
    let used: BTreeSet<&str> = all.iter().map(|(problem, _)| problem.code.0).collect();
    codes::pages().into_iter().filter(|page| used.contains(page.code.0)).collect()
}

fn rule(page: &Page) -> ReportingDescriptor {
    let text = |text: &str| MultiformatMessageString::builder().text(text).build();
    let level = match page.severity {
        Severity::Note => ReportingConfigurationLevel::Note,
        Severity::Warning => ReportingConfigurationLevel::Warning,
        Severity::Error => ReportingConfigurationLevel::Error,
    };
    // What code scanning of GitHub sorts by.
    let graded = match page.severity {
        Severity::Note => "recommendation",
        severity => severity.name(),
    };
    let markdown = markdown(page);
    let properties = PropertyBag::builder()
        .tags(vec![area(page.code.0).to_owned()])
        .additional_properties(BTreeMap::from([("problem.severity".to_owned(), json!(graded))]))
        .build();
    ReportingDescriptor::builder()
        .id(page.code.0)
        .short_description(text(headline(page.title)))
        .full_description(text(page.means))
        .help(MultiformatMessageString::builder().text(markdown.clone()).markdown(markdown).build())
        .default_configuration(ReportingConfiguration::builder().level(json!(level)).build())
        .properties(properties)
        .build()
}

fn result(problem: &Problem, subject: &str, rule_index: Option<i64>) -> Result {
    let level = match problem.severity {
        Severity::Note => ResultLevel::Note,
        Severity::Warning => ResultLevel::Warning,
        Severity::Error => ResultLevel::Error,
    };
    let text = match problem.help.as_str() {
        "" => problem.message.clone(),
        help => format!("{}\n\nHelp: {help}", problem.message),
    };
    let mut result = Result::builder()
        .rule_id(problem.code.0)
        .level(level)
        .message(Message::builder().text(text).build())
        .build();
    result.rule_index = rule_index;
    result.locations = problem.place.as_ref().map(|place| vec![location(place, subject)]);
    result
}

fn location(place: &Place, subject: &str) -> Location {
    let artifact = ArtifactLocation::builder().uri(uri(&place.file)).build();
    let region = Region::builder()
        .start_line(number(place.line))
        .start_column(number(place.column))
        .end_column(number(place.column + place.width))
        .build();
    let mut location = Location::builder()
        .physical_location(PhysicalLocation::builder().artifact_location(artifact).region(region).build())
        .build();
    if !subject.is_empty() {
        let field = LogicalLocation::builder().fully_qualified_name(subject).kind("member").build();
        location.logical_locations = Some(vec![field]);
    }
    location
}

/// A file's name as a reference, from where the command runs unless it is absolute.
fn uri(file: &str) -> String {
    let path = utf8_percent_encode(file.trim_start_matches("./"), PATH);
    if file.starts_with('/') { format!("file://{path}") } else { path.to_string() }
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn suppression(by: &SuppressedBy) -> Suppression {
    let kind = |kind: &str| -> Value { json!(kind) };
    match by {
        SuppressedBy::Document(place) => Suppression::builder()
            .kind(kind("inSource"))
            .location(location(place, ""))
            .justification("the annotation burgee.dev/ignore")
            .build(),
        SuppressedBy::Caller => {
            Suppression::builder().kind(kind("external")).justification("--ignore").build()
        }
    }
}
