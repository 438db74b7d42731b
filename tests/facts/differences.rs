//! What differs between two tables, answer by answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Each answer that is another one now, and each that only one of the two tables has.
pub(crate) fn between(recorded: &Value, now: &Value) -> Vec<String> {
    let (recorded, now) = (answers(recorded), answers(now));
    let places: BTreeSet<&String> = recorded.keys().chain(now.keys()).collect();
    let said = |answer: Option<&String>| answer.map_or("nothing".to_owned(), |answer| format!("`{answer}`"));
    places
        .into_iter()
        .filter(|place| recorded.get(*place) != now.get(*place))
        .map(|place| format!("{place}: recorded {}, now {}", said(recorded.get(place)), said(now.get(place))))
        .collect()
}

/// A table's answers by their places, in words.
pub(crate) fn answers(table: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (part, what) in table.as_object().into_iter().flatten() {
        match part.as_str() {
            // Name, scenario, answer, phases; or scenario, name, answer, phases.
            "attributes" | "calls" => {
                for (outer, inner) in what.as_object().into_iter().flatten() {
                    for (inner, by_answer) in inner.as_object().into_iter().flatten() {
                        by_phase(&format!("{part}: {outer}, {inner}"), by_answer, &mut found);
                    }
                }
            }
            _ => flat(part, what, &mut found),
        }
    }
    found
}

fn by_phase(place: &str, by_answer: &Value, found: &mut BTreeMap<String, String>) {
    for (answer, phases) in by_answer.as_object().into_iter().flatten() {
        for phase in phases.as_array().into_iter().flatten() {
            found.insert(format!("{place}, in {}", phase.as_str().unwrap_or("?")), answer.clone());
        }
    }
}

fn flat(place: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| flat(&format!("{place}, {name}"), field, found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| flat(&format!("{place}, {}", at + 1), item, found));
        }
        Value::String(text) => _ = found.insert(place.to_owned(), text.clone()),
        other => _ = found.insert(place.to_owned(), other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_names_the_attribute_the_scenario_and_the_phase() {
        let table =
            |answer: &str| json!({"attributes": {"request.path": {"http": {answer: ["log", "done"]}}}});
        assert_eq!(between(&table("NotFound"), &table("NotFound")), Vec::<String>::new());
        assert_eq!(
            between(&table("NotFound"), &table("Ok text:/")),
            [
                "attributes: request.path, http, in done: recorded `NotFound`, now `Ok text:/`",
                "attributes: request.path, http, in log: recorded `NotFound`, now `Ok text:/`",
            ]
        );
        let lists = (json!({"scenarios": {"http": ["a", "b"]}}), json!({"scenarios": {"http": ["a"]}}));
        assert_eq!(between(&lists.0, &lists.1), ["scenarios, http, 2: recorded `b`, now nothing"]);
    }
}
