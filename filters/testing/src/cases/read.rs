//! Reads texts of cases: their shape first, then what no shape says.

use std::collections::HashMap;
use std::sync::LazyLock;

use burgee_api::document::Source;
use burgee_api::document::tree::{Node, NodeValue, parse};
use burgee_api::origin::Place;
use burgee_api::problem::{Problem, Severity, codes};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde::Deserialize;
use serde_json::Value;

use super::format::{Case, CaseFile};
use super::shape::{self, Shaped};
use crate::codes::{NO_STEPS, NOT_CASES, SAME_NAME};

/// Every case of some texts, and what is wrong with them.
#[derive(Debug, Default)]
pub struct Cases {
    /// The cases, in the order of the texts. Where something is wrong with a text, it has none here.
    pub cases: Vec<Located>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// A case, and where each thing that it says stands.
#[derive(Debug)]
pub struct Located {
    /// The case, with the defaults of its file.
    pub case: Case,
    /// Where it begins.
    pub place: Place,
    places: HashMap<String, Place>,
}

impl Located {
    /// A case that stands in no text.
    pub(crate) fn made(case: Case) -> Located {
        let place = Place { file: "".into(), line: 1, column: 1, width: 1 };
        Located { case, place, places: HashMap::new() }
    }

    /// Where a field of the case stands, by its path within the case, such as `steps[0].expect.reply.status`; a field
    /// that is not written stands where the nearest one around it does.
    pub fn place_of(&self, path: &str) -> &Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return place;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.places.get(path).unwrap_or(&self.place),
            }
        }
    }
}

/// The JSON Schema of a file of cases.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = SchemaSettings::default().into_generator().into_root_schema_for::<CaseFile>();
        // A field that is not known is a mistake, also where serde puts the fields of two types together.
        let mut close = RecursiveTransform(|schema: &mut Schema| {
            if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
                schema.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        });
        close.transform(&mut schema);
        schema.to_value()
    });
    &SCHEMA
}

/// Reads texts. Everything that is wrong is told at once.
pub fn read(sources: &[Source]) -> Cases {
    let mut cases = Cases::default();
    for source in sources {
        let (documents, problems) = parse(source);
        cases.problems.extend(problems);
        for document in &documents {
            if let Some(problem) = of_kubernetes(document) {
                // What else does not fit there would be every field of it.
                cases.problems.push(problem);
                continue;
            }
            let shaped = shape::read(document, schema());
            match of_shape(shaped) {
                Ok(read) => cases.cases.extend(read),
                Err(problems) => cases.problems.extend(problems),
            }
        }
        if documents.is_empty() && cases.problems.is_empty() {
            let place = Place { file: source.name.clone(), line: 1, column: 1, width: 1 };
            cases.problems.push(
                Problem::new(Severity::Error, codes::MISSING_FIELD, "`cases` is missing")
                    .at(place, "cases")
                    .help("write `cases:` and, below it, `- name: …`"),
            );
        }
    }
    cases.problems.sort();
    cases
}

/// That a document is none of cases but one of Kubernetes.
fn of_kubernetes(document: &Node) -> Option<Problem> {
    let NodeValue::Map(entries) = &document.value else { return None };
    let is = |key: &Node, name: &str| matches!(&key.value, NodeValue::Scalar { text, .. } if text == name);
    let has = |name: &str| entries.iter().any(|(key, _)| is(key, name));
    if has("cases") || !has("kind") && !has("apiVersion") {
        return None;
    }
    let message = "this is a document of Kubernetes and has no cases";
    let problem = Problem::new(Severity::Error, NOT_CASES, message).at(document.place.clone(), "");
    Some(problem.help("name the file of the cases; documents are for `burgee check`"))
}

fn of_shape(shaped: Shaped) -> Result<Vec<Located>, Vec<Problem>> {
    let Shaped { tree, places, mut problems } = shaped;
    if !problems.is_empty() {
        // Whoever mends the shape wants to know the rest too, but what of it is true cannot be said yet.
        return Err(problems);
    }
    let root = places.get("").cloned();
    let file = match CaseFile::deserialize(tree) {
        Ok(file) => file,
        Err(error) => {
            let problem = Problem::new(Severity::Error, codes::BAD_VALUE, error.to_string());
            problems.push(match root {
                Some(place) => problem.at(place, ""),
                None => problem,
            });
            return Err(problems);
        }
    };
    let cases = located(file, &places);
    let mut names: HashMap<&str, &Place> = HashMap::new();
    for located in &cases {
        check(located, &mut problems);
        if let Some(first) = names.insert(&located.case.name, located.place_of("name")) {
            let message = format!("there is another case of the name `{}`, at {first}", located.case.name);
            let place = located.place_of("name").clone();
            problems.push(
                Problem::new(Severity::Error, SAME_NAME, message)
                    .at(place, "name")
                    .help("give it another one"),
            );
        }
    }
    if problems.is_empty() { Ok(cases) } else { Err(problems) }
}

/// The cases of a file, each with its own places.
fn located(file: CaseFile, places: &HashMap<String, Place>) -> Vec<Located> {
    let CaseFile { defaults, cases } = file;
    let mut of_case: Vec<HashMap<String, Place>> = vec![HashMap::new(); cases.len()];
    for (path, place) in places {
        let Some((index, rest)) = path.strip_prefix("cases[").and_then(|rest| rest.split_once(']')) else {
            continue;
        };
        let map = index.parse::<usize>().ok().and_then(|index| of_case.get_mut(index));
        map.into_iter().for_each(|map| {
            map.insert(rest.trim_start_matches('.').to_owned(), place.clone());
        });
    }
    cases
        .into_iter()
        .zip(of_case)
        .filter_map(|(mut case, places)| {
            case.setup = case.setup.over(&defaults);
            Some(Located { case, place: places.get("")?.clone(), places })
        })
        .collect()
}

/// What no shape says.
fn check(located: &Located, problems: &mut Vec<Problem>) {
    let Located { case, .. } = located;
    if case.expect.refused && !case.steps.is_empty() {
        let message = "a filter that refuses its configuration has no streams";
        problems.push(
            Problem::new(Severity::Error, NO_STEPS, message)
                .at(located.place_of("steps").clone(), "steps")
                .help("take `steps` out, or `refused`"),
        );
    }
}

#[cfg(test)]
mod tests;
