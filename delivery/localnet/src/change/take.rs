//! How one Envoy is made to take changed files, and how it is known whether it did.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base;
use crate::error::LocalnetError;
use crate::process::EnvoyProcess;
use crate::render::Files;
use crate::run::Proxy;
use crate::run_directory;
use crate::site::EXTENSIONS_DIRECTORY;

/// How long an Envoy may take to say whether it takes a changed file.
const TAKE_TIMEOUT: Duration = Duration::from_secs(15);
const TAKE_INTERVAL: Duration = Duration::from_millis(20);
const TAKEN_FILTER: &str = "(listener_manager.lds|cluster_manager.cds|extension_config_discovery.*).(update_success|update_time|update_rejected|update_failure|config_fail)$";

/// A file that differs, what it is to Envoy, and its text before and after.
struct Changed {
    path: PathBuf,
    /// How the names of Envoy's counters for it end, without their last part.
    counter: String,
    before: Option<String>,
    after: String,
}

/// Has one proxy take the files that differ, in the order in which they lean on each other. If it refuses one, those
/// that were written are put back, and its words are returned.
pub(super) async fn take(
    proxy: &Proxy,
    before: &Files,
    after: &Files,
) -> Result<Option<String>, LocalnetError> {
    let mut written: Vec<Changed> = Vec::new();
    let mut unseen = Vec::new();
    let mut refused = None;
    for changed in changes(before, after, &proxy.directory) {
        let mark = Mark::set(&proxy.process, &changed.counter).await;
        run_directory::replace(&changed.path, &changed.after)?;
        if changed.before.is_some() && mark.counted.is_some() {
            refused = wait(&proxy.process, &changed.counter, &mark).await;
        } else if is_used(&changed, after) {
            unseen.push((changed.counter.clone(), mark));
        }
        written.push(changed);
        if refused.is_some() {
            break;
        }
    }
    // An extension that no listener referred to before. Listeners are taken even when it is refused, and run without
    // it, so their count does not say.
    for (counter, mark) in &unseen {
        if refused.is_none() {
            refused = wait(&proxy.process, counter, mark).await;
        }
    }
    if refused.is_some() {
        for changed in written.into_iter().rev() {
            put_back(&proxy.process, changed).await?;
        }
    }
    Ok(refused)
}

/// Writes the files that differ, for a proxy that reads them when it can.
pub(super) fn write(directory: &Path, before: &Files, after: &Files) -> Result<(), LocalnetError> {
    changes(before, after, directory).iter().try_for_each(|one| run_directory::replace(&one.path, &one.after))
}

/// Whether Envoy will read a file: an extension only when a listener refers to it, and those of a class that the proxy
/// has no listener of are written too.
fn is_used(changed: &Changed, files: &Files) -> bool {
    match changed.counter.strip_prefix('.') {
        Some(extension) => files.listeners.contains(&format!("\"{extension}\"")),
        None => true,
    }
}

async fn put_back(process: &EnvoyProcess, changed: Changed) -> Result<(), LocalnetError> {
    match changed.before {
        Some(text) => {
            // Waited for, so that its count is not taken for that of the next change. Envoy has not let go of it.
            let mark = Mark::set(process, &changed.counter).await;
            run_directory::replace(&changed.path, &text)?;
            if mark.counted.is_some() {
                wait(process, &changed.counter, &mark).await;
            }
        }
        None => {
            // The listeners that refer to it, if any do, have been put back.
            let _ = fs::remove_file(&changed.path);
        }
    }
    Ok(())
}

fn changes(before: &Files, after: &Files, directory: &Path) -> Vec<Changed> {
    let extensions = directory.join(EXTENSIONS_DIRECTORY);
    let mut changes = Vec::new();
    for file in &after.extensions {
        let old = before.extensions.iter().find(|old| old.file_name == file.file_name);
        if old.is_none_or(|old| old.text != file.text) {
            changes.push(Changed {
                path: extensions.join(&file.file_name),
                counter: format!(".{}", file.name),
                before: old.map(|old| old.text.clone()),
                after: file.text.clone(),
            });
        }
    }
    for (file, counter, old, new) in [
        (base::CLUSTERS_FILE, "cluster_manager.cds", &before.clusters, &after.clusters),
        (base::LISTENERS_FILE, "listener_manager.lds", &before.listeners, &after.listeners),
    ] {
        if old != new {
            changes.push(Changed {
                path: directory.join(file),
                counter: counter.to_owned(),
                before: Some(old.clone()),
                after: new.clone(),
            });
        }
    }
    changes
}

/// What Envoy has counted for one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    taken: u64,
    refused: u64,
    /// When it last took the file, in milliseconds since 1970.
    taken_at: u64,
}

impl Counted {
    /// Nothing, when no listener refers to the file.
    fn of(stats: &BTreeMap<String, u64>, counter: &str) -> Option<Counted> {
        let mut counted: Option<Counted> = None;
        for (name, count) in stats {
            let Some((_, kind)) = name.rsplit_once('.').filter(|(of, _)| of.ends_with(counter)) else {
                continue;
            };
            let counted = counted.get_or_insert_default();
            match kind {
                "update_success" => counted.taken += count,
                "update_time" => counted.taken_at = counted.taken_at.max(*count),
                _ => counted.refused += count,
            }
        }
        counted
    }
}

/// What Envoy had counted and said, and when, before a file was written.
struct Mark {
    counted: Option<Counted>,
    log_length: u64,
    at: u64,
}

impl Mark {
    async fn set(process: &EnvoyProcess, counter: &str) -> Mark {
        let counted = read(process, counter).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Mark { counted, log_length: process.log_length(), at }
    }

    /// Whether the file was refused (`Some(false)`) or taken since; nothing is known yet otherwise.
    fn outcome(&self, now: Counted) -> Option<bool> {
        // The counters of an extension begin anew when listeners begin to refer to it again.
        let before = self.counted.filter(|before| before.taken <= now.taken && before.refused <= now.refused);
        let before = before.unwrap_or_default();
        if now.refused > before.refused {
            return Some(false);
        }
        (now.taken > before.taken || now.taken_at >= self.at).then_some(true)
    }
}

async fn read(process: &EnvoyProcess, counter: &str) -> Option<Counted> {
    let stats = process.admin().stats(TAKEN_FILTER).await.ok()?;
    Counted::of(&stats, counter)
}

/// Waits until Envoy took a file that was written after the mark; returns its words if it did not.
async fn wait(process: &EnvoyProcess, counter: &str, mark: &Mark) -> Option<String> {
    let deadline = Instant::now() + TAKE_TIMEOUT;
    loop {
        if process.ended().is_some() {
            // That it ended is told elsewhere; it refused nothing.
            return None;
        }
        match read(process, counter).await.and_then(|now| mark.outcome(now)) {
            Some(false) => {
                // The counter can be seen a moment before the log has the words.
                tokio::time::sleep(TAKE_INTERVAL).await;
                let words = process.complaints_since(mark.log_length);
                return Some(if words.is_empty() { "without a word".to_owned() } else { words });
            }
            Some(true) if is_settled(process).await => return None,
            _ => {}
        }
        if Instant::now() > deadline {
            let seconds = TAKE_TIMEOUT.as_secs();
            let words = process.complaints_since(mark.log_length);
            return Some(format!("it was not taken within {seconds} s {words}").trim_end().to_owned());
        }
        tokio::time::sleep(TAKE_INTERVAL).await;
    }
}

/// Whether no listener waits for what it needs before it can take over, and none of before still has connections:
/// those would go on with the filters of before.
async fn is_settled(process: &EnvoyProcess) -> bool {
    let stats = process.admin().stats("total_.*_(warming|draining)$").await.unwrap_or_default();
    !stats.is_empty() && stats.values().all(|count| *count == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::ExtensionFile;

    #[test]
    fn only_files_that_differ_are_written_and_what_leans_on_others_comes_last() {
        let mk_files = |extension: &str, clusters: &str, listeners: &str| Files {
            extensions: vec![ExtensionFile {
                name: "stats".to_owned(),
                file_name: "stats.json".to_owned(),
                text: extension.to_owned(),
            }],
            clusters: clusters.to_owned(),
            listeners: listeners.to_owned(),
        };
        let paths = |after: &Files| -> Vec<String> {
            let changes = changes(&mk_files("e", "c", "l"), after, Path::new("/d"));
            changes.iter().map(|change| change.path.display().to_string()).collect()
        };
        assert_eq!(paths(&mk_files("e", "c", "l")), [""; 0]);
        assert_eq!(paths(&mk_files("E", "c", "l")), ["/d/extensions/stats.json"]);
        let all = ["/d/extensions/stats.json", "/d/cds.json", "/d/lds.json"];
        assert_eq!(paths(&mk_files("E", "C", "L")), all);
    }

    #[test]
    fn an_extension_is_waited_for_when_a_listener_refers_to_it() {
        let changed = |name: &str| Changed {
            path: PathBuf::new(),
            counter: format!(".{name}"),
            before: None,
            after: String::new(),
        };
        let listeners = r#"{"name": "burgee.stats.inbound.prometheus"}"#.to_owned();
        let files = Files { listeners, ..Files::default() };
        assert!(is_used(&changed("burgee.stats.inbound.prometheus"), &files));
        assert!(!is_used(&changed("burgee.stats.outbound.prometheus"), &files));
        assert!(!is_used(&changed("burgee.stats.inbound"), &files));
    }

    fn mk_stats(stats: &[(&str, u64)]) -> BTreeMap<String, u64> {
        stats.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn counters_belong_to_the_extension_of_exactly_that_name() {
        let stats = mk_stats(&[
            ("extension_config_discovery.http_filter.stats.a.update_success", 1),
            ("extension_config_discovery.http_filter.stats.a.update_time", 70),
            ("extension_config_discovery.http_filter.stats.a.b.update_success", 10),
            ("extension_config_discovery.http_filter.stats.a.b.update_rejected", 2),
            ("extension_config_discovery.http_filter.stats.a.b.config_fail", 3),
        ]);
        assert_eq!(Counted::of(&stats, ".stats.a"), Some(Counted { taken: 1, refused: 0, taken_at: 70 }));
        assert_eq!(Counted::of(&stats, ".stats.a.b"), Some(Counted { taken: 10, refused: 5, taken_at: 0 }));
        assert_eq!(Counted::of(&stats, ".stats"), None);
    }

    #[test]
    fn what_became_of_a_file_is_known_even_when_counters_begin_anew() {
        let counted = |taken, refused, taken_at| Counted { taken, refused, taken_at };
        let outcome = |counted, now| Mark { counted, log_length: 0, at: 100 }.outcome(now);
        for (before, now, expected) in [
            (None, counted(0, 0, 0), None),
            (None, counted(1, 0, 120), Some(true)),
            (None, counted(0, 1, 0), Some(false)),
            (Some(counted(1, 0, 50)), counted(1, 0, 50), None),
            (Some(counted(1, 0, 50)), counted(2, 0, 120), Some(true)),
            (Some(counted(1, 0, 50)), counted(1, 1, 50), Some(false)),
            (Some(counted(1, 1, 50)), counted(1, 1, 50), None),
            // Anew.
            (Some(counted(1, 0, 50)), counted(0, 0, 0), None),
            (Some(counted(1, 0, 50)), counted(1, 0, 120), Some(true)),
            (Some(counted(1, 0, 50)), counted(0, 1, 0), Some(false)),
        ] {
            assert_eq!(outcome(before, now), expected, "{before:?}, then {now:?}");
        }
    }
}
