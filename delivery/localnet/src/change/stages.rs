//! A change in stages, so that nobody is sent to a listener that is not there yet, or no longer: first what comes is
//! added, then everybody changes over, then what goes is taken away, listeners before clusters. Pure.
//!
//! All proxies go through a stage together. For most changes nothing comes and nothing goes; then the stages but the
//! second change nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::render::{self, ExtensionFile, Files};

/// How many stages a change has.
pub(super) const STAGES: usize = 4;

/// The files of one proxy at the end of each stage. The last are those that are wanted.
pub(super) fn stages(before: &Files, after: &Files) -> [Files; STAGES] {
    let changed_over = with_what_goes(before, after);
    // A request that a listener has taken still needs its cluster: clusters go when the listener's connections are over.
    let without_listeners = Files { clusters: changed_over.clusters.clone(), ..after.clone() };
    [with_what_comes(before, after), changed_over, without_listeners, after.clone()]
}

/// What was there, and the listeners that are wanted and were not there, with what they lean on.
fn with_what_comes(before: &Files, after: &Files) -> Files {
    let Some(listeners) = with_others(&before.listeners, &after.listeners) else {
        return before.clone();
    };
    let clusters = with_others(&before.clusters, &after.clusters).unwrap_or_else(|| before.clusters.clone());
    let is_named = |extension: &&ExtensionFile| listeners.contains(&format!("\"{}\"", extension.name));
    let named: Vec<&ExtensionFile> = after.extensions.iter().filter(is_named).collect();
    let is_kept = |old: &&ExtensionFile| named.iter().all(|one| one.file_name != old.file_name);
    let kept = before.extensions.iter().filter(is_kept);
    Files { extensions: named.iter().copied().chain(kept).cloned().collect(), clusters, listeners }
}

/// What is wanted, and the listeners and clusters that were there and are not wanted.
fn with_what_goes(before: &Files, after: &Files) -> Files {
    let with = |after: &String, before| with_others(after, before).unwrap_or_else(|| after.clone());
    Files {
        extensions: after.extensions.clone(),
        clusters: with(&after.clusters, &before.clusters),
        listeners: with(&after.listeners, &before.listeners),
    }
}

/// A response with those resources of another whose names it does not have; nothing when there are none.
fn with_others(response: &str, other: &str) -> Option<String> {
    let mut response: Value = serde_json::from_str(response).ok()?;
    let other: Value = serde_json::from_str(other).ok()?;
    let resources = response["resources"].as_array_mut()?;
    let names: BTreeSet<_> = resources.iter().map(|resource| resource["name"].to_string()).collect();
    let others = other["resources"].as_array()?.iter();
    let others: Vec<_> =
        others.filter(|resource| !names.contains(&resource["name"].to_string())).cloned().collect();
    if others.is_empty() {
        return None;
    }
    resources.extend(others);
    Some(render::response(response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Resources by name and content; each listener refers to the extension of its content.
    fn mk_files(clusters: &[(&str, &str)], listeners: &[(&str, &str)], extensions: &[(&str, &str)]) -> Files {
        let response = |resources: &[(&str, &str)]| {
            let resources: Vec<_> =
                resources.iter().map(|(name, content)| json!({"name": name, "is": content})).collect();
            render::response(json!({"version_info": "1", "resources": resources}))
        };
        let extension = |(name, text): &(&str, &str)| ExtensionFile {
            name: (*name).to_owned(),
            file_name: format!("{name}.json"),
            text: (*text).to_owned(),
        };
        Files {
            extensions: extensions.iter().map(extension).collect(),
            clusters: response(clusters),
            listeners: response(listeners),
        }
    }

    #[test]
    fn what_only_changes_is_changed_at_once() {
        let before = mk_files(&[("a", "1")], &[("in", "x")], &[("x", "1")]);
        let after = mk_files(&[("a", "2")], &[("in", "y")], &[("y", "2")]);
        assert_eq!(stages(&before, &after), [before, after.clone(), after.clone(), after]);
    }

    #[test]
    fn a_listener_comes_before_anything_else_changes_and_goes_after_it() {
        let before = mk_files(&[("a", "1"), ("old", "1")], &[("in_1", "x"), ("out", "1")], &[("x", "1")]);
        let after = mk_files(&[("a", "2"), ("new", "1")], &[("in_2", "y"), ("out", "2")], &[("y", "1")]);
        let [first, second, third, fourth] = stages(&before, &after);
        let clusters = &[("a", "1"), ("old", "1"), ("new", "1")];
        let listeners = &[("in_1", "x"), ("out", "1"), ("in_2", "y")];
        assert_eq!(first, mk_files(clusters, listeners, &[("y", "1"), ("x", "1")]));
        let clusters = &[("a", "2"), ("new", "1"), ("old", "1")];
        let listeners = &[("in_2", "y"), ("out", "2"), ("in_1", "x")];
        assert_eq!(second, mk_files(clusters, listeners, &[("y", "1")]));
        let clusters = &[("a", "2"), ("new", "1"), ("old", "1")];
        assert_eq!(third, mk_files(clusters, &[("in_2", "y"), ("out", "2")], &[("y", "1")]));
        assert_eq!(fourth, after);
    }

    #[test]
    fn a_cluster_goes_when_no_listener_leads_to_it_any_more() {
        let before = mk_files(&[("a", "1"), ("old", "1")], &[("out", "old")], &[]);
        let after = mk_files(&[("a", "1")], &[("out", "a")], &[]);
        let kept = mk_files(&[("a", "1"), ("old", "1")], &[("out", "a")], &[]);
        assert_eq!(stages(&before, &after), [before, kept.clone(), kept, after]);
    }

    #[test]
    fn files_that_cannot_be_read_are_replaced_as_they_are() {
        let (before, after) = (Files::default(), mk_files(&[], &[], &[]));
        assert_eq!(stages(&before, &after), [before, after.clone(), after.clone(), after]);
    }
}
