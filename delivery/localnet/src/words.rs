//! What plugins say: their lines among those of an Envoy's log, and what Envoy says when one of them fails.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::live::{KEPT_WORDS, Live, PluginWords};
use crate::tail::Tail;

/// How often logs are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// What a line of a plugin's log begins with, after its level.
const OF_PLUGIN: &str = "wasm log ";
/// What a line about a plugin that failed begins with, after its level.
const OF_FAILURE: &str = "Function: ";
/// The levels, as Envoy writes them.
const LEVELS: [&str; 6] = ["trace", "debug", "info", "warning", "error", "critical"];
/// What the names of our own plugins begin with: what measures.
const OURS: &str = "burgee.";

/// Follows the logs of proxies, each with the proxy's name, and shows what plugins say in them.
pub(crate) async fn watch(logs: Vec<(String, PathBuf)>, live: Live) {
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

/// A plugin's `NAMESPACE/NAME` by its name in a proxy. None for our own.
fn plugin(name: &str) -> Option<String> {
    let (namespace, name) = name.split_once('.').filter(|_| !name.starts_with(OURS))?;
    Some(format!("{namespace}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plugins_say_is_told_from_what_envoy_says() {
        let log = "warning: There is no configured limit\n\
                   and more of it\n\
                   critical: wasm log istio-system.who-asks burgee.plugin.x.1: panicked at src/filter.rs:57:50:\n\
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
}
