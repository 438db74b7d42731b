//! What the probe wrote down, as a table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::scenarios::{Scenario, attributes};
use crate::words;

/// What was seen from outside of one request or connection.
pub(crate) struct Seen {
    /// The case that has it for its own.
    pub(crate) case: Option<String>,
    pub(crate) client: String,
    pub(crate) upstream: Option<String>,
}

/// A line of the probe.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) scenario: String,
    pub(crate) line: Value,
    /// What a case led to that is no answer.
    pub(crate) end: Option<String>,
}

impl Event {
    fn phase(&self) -> &str {
        self.line["at"].as_str().unwrap_or("?")
    }

    fn number(&self, name: &str) -> u64 {
        self.line[name].as_u64().unwrap_or(0)
    }

    /// The arguments of the callback that begins.
    fn arguments(&self) -> Option<Vec<u64>> {
        let arguments = self.line["args"].as_array()?;
        Some(arguments.iter().map(|argument| argument.as_u64().unwrap_or(0)).collect())
    }

    /// The callback with its arguments; numbers that the host chooses are placeholders.
    fn words(&self) -> Option<String> {
        let arguments = self.arguments()?;
        let phase = self.phase();
        let is_id = |at: usize| {
            at == 0 && (phase.contains("call_response") || phase.contains("grpc") || phase == "queue_ready")
        };
        let word = |(at, argument): (usize, &u64)| match (phase, is_id(at)) {
            (_, true) => "<id>".to_owned(),
            ("vm_start", _) => "<size>".to_owned(),
            _ => argument.to_string(),
        };
        let told = if self.line["told"] == self.line["context"] { "" } else { ", told to the root" };
        Some(format!(
            "{phase}({}){told}",
            arguments.iter().enumerate().map(word).collect::<Vec<_>>().join(", ")
        ))
    }
}

/// The table of a run.
pub(crate) fn table(
    version: &str,
    scenarios: &BTreeMap<String, Scenario>,
    events: &[Event],
    seen: &BTreeMap<String, Vec<Seen>>,
) -> Value {
    let names: Vec<(String, String)> =
        attributes().into_iter().map(|(name, attribute)| (name, attribute.kind)).collect();
    let (mut by_scenario, mut by_attribute, mut calls) = (Map::new(), Map::new(), Map::new());
    for (name, scenario) in scenarios {
        let of_scenario: Vec<&Event> = events.iter().filter(|event| event.scenario == *name).collect();
        let Some(vm) = vm_with_traffic(&of_scenario) else {
            by_scenario.insert(name.clone(), json!({"callbacks": "none"}));
            continue;
        };
        let (of_vm, others): (Vec<&Event>, Vec<&Event>) =
            of_scenario.into_iter().partition(|event| event.number("vm") == vm);
        let seen = seen.get(name).map_or(&[][..], Vec::as_slice);
        if !scenario.alone {
            by_scenario.insert(name.clone(), callbacks(&of_vm, &others, seen));
        }
        note_attributes(&mut by_attribute, name, &names, &of_vm);
        let of_cases = cases(&of_vm);
        if !of_cases.is_empty() {
            calls.insert(name.clone(), Value::Object(of_cases));
        }
    }
    json!({"envoy": version, "scenarios": by_scenario, "attributes": by_attribute, "calls": calls})
}

/// How often each of these phases has begun in the VM that has the traffic; nothing while there is none.
pub(crate) fn begun(events: &[Event], scenario: &str, phases: &[&str]) -> Option<Vec<usize>> {
    let of_scenario: Vec<&Event> = events.iter().filter(|event| event.scenario == scenario).collect();
    let vm = of_scenario.iter().find(has_traffic)?.number("vm");
    let is_of = |event: &Event, phase: &str| {
        event.number("vm") == vm && event.phase() == phase && event.arguments().is_some()
    };
    let count = |phase: &&str| of_scenario.iter().filter(|event| is_of(event, phase)).count();
    Some(phases.iter().map(count).collect())
}

fn has_traffic(event: &&&Event) -> bool {
    matches!(event.phase(), "create" | "root_log")
}

/// The VM that had the traffic, or the last one.
fn vm_with_traffic(events: &[&Event]) -> Option<u64> {
    let with_traffic = events.iter().find(has_traffic).or(events.last())?;
    Some(with_traffic.number("vm"))
}

/// The contexts of streams in the order in which they came.
fn streams(events: &[&Event]) -> Vec<u64> {
    let created = events.iter().filter(|event| event.phase() == "create" && event.arguments().is_some());
    created.map(|event| event.number("context")).collect()
}

/// The callbacks of a context. Of ticks only the first is told of, where it could come first: how many there are and
/// what comes before them is a matter of time.
fn callbacks_of(events: &[&Event], is_meant: impl Fn(u64) -> bool) -> Vec<String> {
    let callbacks = events.iter().filter(|event| is_meant(event.number("context")));
    let (ticks, others): (Vec<&Event>, Vec<&Event>) = callbacks.partition(|event| event.phase() == "tick");
    let is_configured = |event: &&Event| event.phase() == "configure" && event.arguments().is_some();
    let first = others.iter().position(is_configured).map_or(0, |configured| configured + 1);
    let (before, behind) = others.split_at(first);
    let tick = ticks.into_iter().find_map(Event::words);
    let words = |events: &[&Event]| events.iter().filter_map(|event| event.words()).collect::<Vec<_>>();
    [words(before), tick.into_iter().collect(), words(behind)].concat()
}

fn callbacks(of_vm: &[&Event], others: &[&Event], seen: &[Seen]) -> Value {
    let streams = streams(of_vm);
    let mut of_others: Vec<String> = Vec::new();
    let vms: BTreeSet<u64> = others.iter().map(|event| event.number("vm")).collect();
    for vm in vms {
        let of_one: Vec<&Event> = others.iter().copied().filter(|event| event.number("vm") == vm).collect();
        let phases = callbacks_of(&of_one, |_| true);
        of_others.push(
            phases.into_iter().filter(|phase| !phase.starts_with("tick")).collect::<Vec<_>>().join(" "),
        );
    }
    of_others.sort();
    let mut told = json!({
        "root": callbacks_of(of_vm, |context| !streams.contains(&context)),
        "other VMs": of_others,
    });
    for (at, seen) in seen.iter().enumerate() {
        let mut of_stream = json!({"client": lines(&seen.client)});
        if let Some(stream) = streams.get(at) {
            of_stream["callbacks"] = json!(callbacks_of(of_vm, |context| context == *stream));
        }
        if let Some(upstream) = &seen.upstream {
            of_stream["upstream"] = lines(upstream);
        }
        match &seen.case {
            Some(case) => told["own"][case] = of_stream,
            None => told["stream"] = of_stream,
        }
    }
    told
}

fn lines(text: &str) -> Value {
    let lines = text.split('\n').map(|line| words::normal(line.trim_end_matches('\r')));
    json!(lines.collect::<Vec<_>>())
}

/// Answers with the phases in which they came.
fn note(answers: &mut Value, answer: &str, phase: &str) {
    let phases = &mut answers[answer];
    if phases.is_null() {
        *phases = json!([]);
    }
    if let Some(phases) = phases.as_array_mut().filter(|phases| !phases.contains(&json!(phase))) {
        phases.push(json!(phase));
        phases.sort_by_key(|phase| PHASES.iter().position(|known| phase == known));
    }
}

/// Every phase, in the order in which tables have them: what is of the root and of a stream comes in any order.
const PHASES: [&str; 33] = [
    "root_create",
    "vm_start",
    "configure",
    "tick",
    "queue_ready",
    "root_http_call_response",
    "root_grpc_receive_initial_metadata",
    "root_grpc_receive",
    "root_grpc_receive_trailing_metadata",
    "root_grpc_close",
    "root_log",
    "create",
    "new_connection",
    "request_headers",
    "http_call_response",
    "grpc_receive_initial_metadata",
    "grpc_receive",
    "grpc_receive_trailing_metadata",
    "grpc_close",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "downstream_data",
    "upstream_data",
    "upstream_connection_close",
    "downstream_connection_close",
    "log",
    "done",
    "delete",
    "root_done",
    "root_delete",
];

fn note_attributes(
    by_attribute: &mut Map<String, Value>,
    scenario: &str,
    names: &[(String, String)],
    events: &[&Event],
) {
    let first = streams(events).first().copied();
    for event in events {
        // Of the root, which is older than every stream, or of the first stream.
        let is_meant = first.is_none_or(|first| event.number("context") <= first);
        let Some(answers) = event.line["attributes"].as_array().filter(|_| is_meant) else { continue };
        for ((name, kind), answer) in names.iter().zip(answers) {
            let of_name = by_attribute.entry(name.clone()).or_insert_with(|| json!({}));
            let answer = words::attribute(name, kind, answer);
            if answer != "NotFound" {
                note(&mut of_name[scenario], &answer, event.phase());
            }
        }
    }
}

fn cases(events: &[&Event]) -> Map<String, Value> {
    let mut found = Map::new();
    for event in events {
        let Some(case) = event.line["case"].as_str() else { continue };
        let answered = words::answers(&event.line["answers"]);
        let answer = match &event.end {
            Some(end) if answered.is_empty() => end.clone(),
            Some(end) => format!("{answered}; {end}"),
            None if event.line["begins"].is_boolean() => continue,
            None => answered,
        };
        let of_case = found.entry(case.to_owned()).or_insert_with(|| json!({}));
        note(of_case, &answer, event.phase());
    }
    found
}
