//! Which variables are told of, and that none of their values is.

use std::collections::BTreeMap;

use super::*;
use crate::document::{Source, read};
use crate::test;

/// The fields that are told of, where the environment has these variables.
fn told(mesh: &str, environment: Option<&[(&str, &str)]>) -> Vec<(&'static str, String)> {
    let resources = read(&[Source::new("m.yaml", mesh)]).resources;
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment: Option<BTreeMap<_, _>> = environment.map(|known| known.iter().map(text).collect());
    let plane = ControlPlane { environment, ..ControlPlane::default() };
    let problems = judge_variables(&resources, &plane);
    assert!(problems.iter().all(|problem| !format!("{problem:?}").contains("s3cret")), "{problems:#?}");
    problems.into_iter().map(|problem| (problem.code.0, problem.path)).collect()
}

fn provider(body: &str) -> String {
    format!("extensionProviders: [{{name: p, {body}}}]\ndefaultProviders: {{tracing: [P]}}\n")
}

#[test]
fn a_variable_that_is_not_set_is_told_where_it_is_used() {
    let zipkin = |headers: &str| provider(&format!("zipkin: {{service: z, port: 1, headers: [{headers}]}}"));
    let one = zipkin("{name: a, value: b}, {name: c, envName: TOKEN}");
    let at = |code| vec![(code, "extensionProviders[0].zipkin.headers[1]".to_owned())];
    assert_eq!(told(&one, Some(&[])), at("BG0321"));
    assert_eq!(told(&one, Some(&[("TOKEN", "")])), []);
    assert_eq!(told(&one, Some(&[("TOKEN", "s3cret")])), []);
    assert_eq!(told(&one, Some(&[("TOKEN", "s3cret\n")])), at("BG0322"));
    assert_eq!(told(&one, None), [], "an environment that is not known says nothing");
    assert_eq!(told(&one.replace("[P]", "[]"), Some(&[])), [], "nobody uses it");
}

#[test]
fn every_header_that_is_sent_is_looked_at() {
    let otel = |body: &str| provider(&format!("opentelemetry: {{service: o, port: 1, {body}}}"));
    let header = "[{name: a, envName: X}]";
    let sampler = |http: &str| {
        format!(
            "dynatraceSampler: {{tenant: t, clusterId: 1, httpService: {{service: d, port: 1, http: {{path: /, {http}}}}}}}"
        )
    };
    for (body, expected) in [
        (format!("grpc: {{initialMetadata: {header}}}"), vec!["grpc.initialMetadata[0]"]),
        (format!("http: {{path: /, headers: {header}}}"), vec!["http.headers[0]"]),
        // What `grpc` says has no effect beside `http`.
        (format!("http: {{path: /}}, grpc: {{initialMetadata: {header}}}"), vec![]),
        (sampler(&format!("headers: {header}")), vec!["dynatraceSampler.httpService.http.headers[0]"]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|path| ("BG0321", format!("extensionProviders[0].opentelemetry.{path}")))
            .collect();
        assert_eq!(told(&otel(&body), Some(&[])), expected, "{body}");
    }
}
