//! Pages made of the tables: what each attribute has where, and what differs between two Envoys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use burgee_tests::{golden, workspace};
use serde_json::Value;

use crate::differences::answers;
use crate::file_of;
use crate::scenarios::{attributes, facts};

/// The callbacks outside of streams, of a request, and of a connection, each in order.
const OUTSIDE: &[&str] =
    &["root_create", "vm_start", "configure", "tick", "queue_ready", "root_done", "root_delete"];
const REQUEST: &[&str] = &[
    "create",
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "log",
    "done",
    "delete",
];
const CONNECTION: &[&str] = &[
    "create",
    "new_connection",
    "downstream_data",
    "upstream_data",
    "upstream_connection_close",
    "downstream_connection_close",
    "done",
    "log",
    "delete",
];
/// The scenarios of each kind of plugin, in which an attribute may have a value.
const HTTP: &[&str] = &["http", "http over TLS", "http without bodies", "http without a route"];
const HTTP_LOG: &[&str] = &["http log", "http log without a route"];
const NETWORK: &[&str] = &["network", "network over TLS"];
const TCP_LOG: &[&str] = &["tcp log"];

fn table(version: &str) -> Value {
    let file = file_of(version);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"))
}

/// The phases in which an attribute has a value that is not empty.
fn phases_with_value(of_name: &Value, scenarios: &[&str]) -> BTreeSet<String> {
    let answers = scenarios.iter().filter_map(|scenario| of_name[scenario].as_object()).flatten();
    let valued = answers.filter(|(answer, _)| {
        answer.starts_with("Ok ") && !["Ok none", "Ok pairs:{}"].contains(&answer.as_str())
    });
    valued
        .flat_map(|(_, phases)| phases.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Phases in few words: all, from one on, or their names.
fn words(found: &BTreeSet<String>, all: &[&str]) -> String {
    let places: Vec<usize> = (0..all.len()).filter(|at| found.contains(all[*at])).collect();
    let name = |at: usize| format!("`{}`", all[at].trim_start_matches("root_"));
    match places.as_slice() {
        [] => String::new(),
        [first, ..] if places.len() == all.len() && *first == 0 => "all".to_owned(),
        [first, ..] if places.len() == all.len() - first && places.len() > 1 => {
            format!("from {} on", name(*first))
        }
        places => places.iter().map(|at| name(*at)).collect::<Vec<_>>().join(", "),
    }
}

/// The page of attributes. Names that a part is asked of are left out: they are where the whole is.
fn attributes_page(now: &Value, older: &Value) -> String {
    let mut page = format!(
        "# Attributes\n\nWhat `proxy_get_property` gave in Envoy {}, by callback; the names of callbacks are without \
         `proxy_on_`. It is made of [what real Envoys answered](../filters/harness/facts/README.md), where every answer is. \
         A cell is empty where nothing, an empty text or an empty map was found; numbers may be 0. *Outside* are callbacks that are for no stream; answers to \
         calls are as the stream that has called, or as *outside*. A logger has one callback, `proxy_on_log`.\n\n\
         | attribute | type | request | connection | logger of HTTP, of TCP | outside | in Envoy {} |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
        now["envoy"].as_str().unwrap_or("?"),
        older["envoy"].as_str().unwrap_or("?"),
    );
    for (name, attribute) in attributes() {
        let row = row(&now["attributes"][&name]);
        let before = self::row(&older["attributes"][&name]);
        if row.iter().all(String::is_empty) && before.iter().all(String::is_empty) {
            continue;
        }
        let difference = match () {
            () if row == before => "the same",
            () if before.iter().all(String::is_empty) => "not there",
            () => "in other callbacks",
        };
        // Writing to a text cannot fail.
        let _ = writeln!(page, "| `{name}` | {} | {} | {difference} |", attribute.kind, row.join(" | "));
    }
    let nowhere: Vec<String> = attributes()
        .into_keys()
        .filter(|name| {
            row(&now["attributes"][name]).iter().all(String::is_empty) && !name.contains([' ', '('])
        })
        .map(|name| format!("`{name}`"))
        .collect();
    let _ = writeln!(page, "\nAsked for, and without a value everywhere: {}.", nowhere.join(", "));
    page
}

fn row(of_name: &Value) -> [String; 4] {
    let http = phases_with_value(of_name, HTTP);
    let network = phases_with_value(of_name, NETWORK);
    let logs =
        [HTTP_LOG, TCP_LOG].map(|scenarios| phases_with_value(of_name, scenarios).contains("root_log"));
    let logger = match logs {
        [true, true] => "both",
        [true, false] => "HTTP",
        [false, true] => "TCP",
        [false, false] => "",
    };
    let outside = http.union(&network).cloned().collect();
    [words(&http, REQUEST), words(&network, CONNECTION), logger.to_owned(), words(&outside, OUTSIDE)]
}

/// The page of differences: each answer that changed, with where.
fn versions_page(now: &Value, older: &Value) -> String {
    let version = |table: &Value| table["envoy"].as_str().unwrap_or("?").to_owned();
    let mut page = format!(
        "# What differs between Envoy {} and {}\n\nMade of the tables; answers that came in the same places are told once.\n\n\
         | what | {} | {} |\n| --- | --- | --- |\n",
        version(older),
        version(now),
        version(older),
        version(now),
    );
    let (now, older) = (answers(now), answers(older));
    let places: BTreeSet<&String> =
        now.keys().chain(older.keys()).filter(|place| *place != "envoy").collect();
    let mut changes: BTreeMap<(String, &str, &str), BTreeSet<String>> = BTreeMap::new();
    for place in places.into_iter().filter(|place| now.get(*place) != older.get(*place)) {
        let before = older.get(place).map_or("nothing", String::as_str);
        let after = now.get(place).map_or("nothing", String::as_str);
        let (what, phase) = place.rsplit_once(", in ").unwrap_or((place, ""));
        changes.entry((what.to_owned(), before, after)).or_default().insert(phase.to_owned());
    }
    for ((what, before, after), phases) in changes {
        let phases: Vec<String> = phases.into_iter().filter(|phase| !phase.is_empty()).collect();
        let at = if phases.is_empty() { String::new() } else { format!("; in {}", phases.join(", ")) };
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(page, "| {}{at} | `{}` | `{}` |", cell(&what), cell(before), cell(after));
    }
    page
}

#[test]
fn the_pages_are_of_the_tables() {
    let (now, older) = (table(burgee_localnet::envoy::VERSION), table(burgee_localnet::envoy::OLDER_VERSION));
    for (file, text) in [
        (workspace().join("docs/attributes.md"), attributes_page(&now, &older)),
        (facts().join("versions.md"), versions_page(&now, &older)),
    ] {
        golden(&file, &text).unwrap_or_else(|error| panic!("{error}"));
    }
}
