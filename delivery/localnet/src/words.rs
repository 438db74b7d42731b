//! What plugins say: their lines among those of an Envoy's log, and what Envoy says when one of them fails.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::live::{KEPT_WORDS, Live, PluginWords};
use crate::tail::Tail;
use crate::watch::{SharedRecord, locked};

/// How often logs are looked at.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// What a line of a plugin's log begins with, after its level.
const OF_PLUGIN: &str = "wasm log ";
/// What a line about a plugin that failed begins with, after its level.
const OF_FAILURE: &str = "Function: ";
/// What stands between the function that failed and why.
const FAILED: &str = " failed: ";
/// What a panic of Rust says first, with the kit and with the plain SDK.
const PANICKED: &str = "panicked at ";
/// How many traps are told: whoever has more looks at the first ones anyway.
const MOST_TRAPS: usize = 20;
/// The levels, as Envoy writes them.
const LEVELS: [&str; 6] = ["trace", "debug", "info", "warning", "error", "critical"];
/// What the names of our own plugins begin with: what measures.
const OURS: &str = "burgee.";

/// A plugin that has trapped, which ends its virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trap {
    /// The proxy, as `namespace/name`.
    pub(crate) proxy: String,
    /// The plugin, as `namespace/name`; none where the log does not say which.
    pub(crate) plugin: Option<String>,
    /// The callback that it was in.
    pub(crate) callback: String,
    /// What the plugin said of it, else the proxy; a panic has its file and line.
    pub(crate) why: String,
    /// How often that happened.
    pub(crate) times: u64,
}

/// The traps that logs tell of, each once.
#[derive(Debug, Default)]
pub(crate) struct Traps {
    found: Vec<Trap>,
    /// The last panic of each proxy after which nothing has failed yet.
    panics: BTreeMap<String, PluginWords>,
    /// How often the logs were looked at.
    looks: u64,
}

impl Traps {
    /// Learns from what was said since the last look.
    fn take(&mut self, said: &[PluginWords]) {
        self.looks += 1;
        for words in said {
            if words.text.starts_with(PANICKED) {
                self.panics.insert(words.proxy.clone(), words.clone());
                continue;
            }
            // Who says it about itself has not failed.
            let failure = words.text.strip_prefix(OF_FAILURE).filter(|_| words.plugin.is_none());
            let Some((callback, why)) = failure.and_then(|failure| failure.split_once(FAILED)) else {
                continue;
            };
            let panic = self.panics.remove(&words.proxy);
            let why = panic.as_ref().map_or(why.lines().next().unwrap_or_default(), |panic| &panic.text);
            let why = why.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            let trap = Trap {
                proxy: words.proxy.clone(),
                plugin: panic.and_then(|panic| panic.plugin),
                callback: callback.to_owned(),
                why,
                times: 1,
            };
            let is_same = |other: &&mut Trap| Trap { times: 1, ..(*other).clone() } == trap;
            let has_room = self.found.len() < MOST_TRAPS;
            match self.found.iter_mut().find(is_same) {
                Some(known) => known.times += 1,
                None if has_room => self.found.push(trap),
                None => {}
            }
        }
    }

    /// What was found.
    pub(crate) fn found(&self) -> &[Trap] {
        &self.found
    }

    /// How often the logs were looked at.
    pub(crate) fn looks(&self) -> u64 {
        self.looks
    }

    /// Forgets what was found, as other modules are in force.
    pub(crate) fn forget(&mut self) {
        self.found.clear();
        self.panics.clear();
    }
}

/// Follows the logs of proxies, each with the proxy's name, and shows what plugins say in them.
pub(crate) async fn watch(logs: Vec<(String, PathBuf)>, record: SharedRecord, live: Live) {
    let mut tails: Vec<(String, Tail)> =
        logs.into_iter().map(|(proxy, log)| (proxy, Tail::new(&log))).collect();
    let mut ticks = interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut said = Vec::new();
        for (proxy, tail) in &mut tails {
            // A log that cannot be read has nothing to tell, and is given up.
            said.extend(words(proxy, &tail.lines().unwrap_or_default()));
        }
        locked(&record).traps.take(&said);
        live.update_if(|snapshot| {
            let is_news = !said.is_empty();
            snapshot.words_seen += said.len() as u64;
            snapshot.words.extend(said);
            let surplus = snapshot.words.len().saturating_sub(KEPT_WORDS);
            snapshot.words.drain(..surplus);
            is_news
        });
    }
}

/// What plugins say in some lines. A line without a level goes on with the one before it.
fn words(proxy: &str, lines: &[String]) -> Vec<PluginWords> {
    let mut words: Vec<PluginWords> = Vec::new();
    let mut is_said = false;
    for line in lines {
        match line.split_once(": ").filter(|(level, _)| LEVELS.contains(level)) {
            Some((level, text)) => {
                let said = said(proxy, level, text);
                is_said = said.is_some();
                words.extend(said);
            }
            None if is_said => {
                if let Some(last) = words.last_mut() {
                    last.text.push('\n');
                    last.text.push_str(line);
                }
            }
            None => {}
        }
    }
    words
}

/// What a plugin says in a line, or Envoy of one.
fn said(proxy: &str, level: &str, text: &str) -> Option<PluginWords> {
    let (plugin, text) = match text.strip_prefix(OF_PLUGIN) {
        Some(rest) => {
            // Its name, its root id and its virtual machine, as far as it has them.
            let (names, text) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
            (plugin(names.split(' ').next()?), text)
        }
        None if text.starts_with(OF_FAILURE) => (None, text),
        None => return None,
    };
    let (proxy, level, text) = (proxy.to_owned(), level.to_owned(), text.to_owned());
    Some(PluginWords { proxy, plugin, level, text })
}

/// Which plugin it is by its name in a proxy, as documents have it. None for our own.
fn plugin(name: &str) -> Option<String> {
    if name.starts_with(OURS) { None } else { burgee_overlay::plugin_id(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plugins_say_is_told_from_what_envoy_says() {
        let log = "warning: There is no configured limit\n\
                   and more of it\n\
                   critical: wasm log istio-system.who-asks~istio-translated-wasmplugin burgee.plugin.x.1: panicked at src/filter.rs:57:50:\n\
                   called `Option::unwrap()` on a `None` value\n\
                   error: Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable\n\
                   warning: wasm log burgee.stats: a label\n\
                   info: wasm log odd\n";
        let lines: Vec<String> = log.lines().map(str::to_owned).collect();
        let words = words("ns/gw", &lines);
        let found: Vec<_> =
            words.iter().map(|said| (said.plugin.as_deref(), &*said.level, &*said.text)).collect();
        assert_eq!(
            found,
            [
                (
                    Some("istio-system/who-asks"),
                    "critical",
                    "panicked at src/filter.rs:57:50:\ncalled `Option::unwrap()` on a `None` value"
                ),
                (
                    None,
                    "error",
                    "Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable"
                ),
                (None, "warning", "a label"),
            ]
        );
    }

    #[test]
    fn what_has_trapped_is_told_once_with_the_words_of_its_panic() {
        let words = |proxy: &str, plugin: Option<&str>, text: &str| PluginWords {
            proxy: proxy.to_owned(),
            plugin: plugin.map(str::to_owned),
            level: "critical".to_owned(),
            text: text.to_owned(),
        };
        let mut traps = Traps::default();
        let failed =
            "Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable\nbacktrace";
        // A panic and the failure after it may come in two looks.
        traps.take(&[words("ns/gw", Some("ns/p"), "panicked at src/filter.rs:57:50:\n  none")]);
        assert_eq!(traps.found(), []);
        traps.take(&[words("ns/app", None, failed), words("ns/gw", None, failed)]);
        // A plugin that says what Envoy would.
        traps.take(&[words("ns/gw", Some("ns/p"), failed)]);
        for _ in 0..2 {
            traps.take(&[words("ns/gw", Some("ns/p"), "panicked at src/filter.rs:57:50:\n  none")]);
            traps.take(&[words("ns/gw", None, failed)]);
        }
        let found: Vec<_> = traps
            .found()
            .iter()
            .map(|trap| (&*trap.proxy, trap.plugin.as_deref(), &*trap.callback, &*trap.why, trap.times))
            .collect();
        let callback = "proxy_on_request_headers";
        assert_eq!(
            found,
            [
                ("ns/app", None, callback, "Uncaught RuntimeError: unreachable", 1),
                ("ns/gw", Some("ns/p"), callback, "panicked at src/filter.rs:57:50: none", 3),
            ]
        );
        traps.forget();
        assert_eq!(traps.found(), []);
    }
}
