//! What is asked and played, as `filters/harness/facts` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

/// The folder of the tables.
pub(crate) fn facts() -> PathBuf {
    burgee_tests::workspace().join("filters/harness/facts")
}

/// An attribute that is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Attribute {
    /// The type that Envoy documents.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Its path, where that is not its name, split at dots.
    path: Option<Vec<String>>,
}

impl Attribute {
    /// The parts of its path.
    pub(crate) fn parts(&self, name: &str) -> Vec<String> {
        self.path.clone().unwrap_or_else(|| name.split('.').map(str::to_owned).collect())
    }
}

/// How the probe is run.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Plugin {
    Http,
    Network,
    HttpLog,
    TcpLog,
}

impl Plugin {
    /// Whether there is a context for each request or connection. Loggers have the root's only.
    pub(crate) fn has_streams(self) -> bool {
        matches!(self, Plugin::Http | Plugin::Network)
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Traffic {
    /// A request with a body and trailers.
    Post,
    /// A request without either, answered without trailers.
    Get,
    /// A request that has no route.
    NotFound,
    /// Bytes that come back.
    Tcp,
}

/// A scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) plugin: Plugin,
    pub(crate) traffic: Traffic,
    #[serde(default)]
    pub(crate) tls: bool,
    #[serde(default)]
    attributes: bool,
    #[serde(default)]
    pub(crate) cases: BTreeMap<String, Value>,
    #[serde(default)]
    returns: BTreeMap<String, u32>,
    /// Whether it has an Envoy of its own, since it ends it.
    #[serde(default)]
    pub(crate) alone: bool,
    /// Phases that must have been seen before the scenario ends.
    #[serde(default)]
    pub(crate) until: Vec<String>,
}

impl Scenario {
    /// The cases that have a request of their own.
    pub(crate) fn own_cases(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().filter(|(_, case)| case["request"] == "own").map(|(name, _)| name.as_str())
    }

    /// The phases that end it, and how often each has to begin.
    pub(crate) fn awaited(&self, streams: usize) -> impl Iterator<Item = (&str, usize)> {
        let ends = self.plugin.has_streams().then_some(("delete", streams));
        self.until.iter().map(|phase| (phase.as_str(), 1)).chain(ends)
    }

    /// What the probe is told.
    pub(crate) fn script(&self) -> String {
        let paths: Vec<Vec<String>> = if self.attributes { paths() } else { Vec::new() };
        let mut script = json!({"cases": self.cases, "returns": self.returns});
        if !paths.is_empty() {
            script["attributes"] = json!(paths);
        }
        script.to_string()
    }
}

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let file = facts().join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every attribute by its name.
pub(crate) fn attributes() -> BTreeMap<String, Attribute> {
    read("attributes.json")
}

/// Every scenario by its name.
pub(crate) fn scenarios() -> BTreeMap<String, Scenario> {
    read("scenarios.json")
}

/// The attributes' paths, in the order of their names.
fn paths() -> Vec<Vec<String>> {
    attributes().into_iter().map(|(name, attribute)| attribute.parts(&name)).collect()
}
