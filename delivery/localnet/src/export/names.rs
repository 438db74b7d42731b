//! Names of containers, made of names in documents: unique, and of characters that compose files, hosts and folders
//! all allow. Pure.

use std::collections::BTreeSet;

/// What beside workloads has a container.
pub(super) const RECEIVER: &str = "receiver";
/// The container that scrapes.
pub(super) const PROMETHEUS: &str = "prometheus";
/// What the container of a proxy beside an app is called after the app's.
const PROXY_SUFFIX: &str = "-proxy";

/// Gives names, each once.
#[derive(Debug)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// No workload has a name yet.
    pub(super) fn new() -> Names {
        Names { taken: [RECEIVER, PROMETHEUS].map(str::to_owned).into() }
    }

    /// The name of a workload's container: the workload's, with its namespace if that is taken, with a number if that
    /// is taken too. The proxy's goes with it.
    pub(super) fn give(&mut self, namespace: &str, name: &str) -> String {
        let (name, namespace) = (safe(name), safe(namespace));
        let wide = format!("{name}.{namespace}");
        let numbered = (2..).map(|number| format!("{wide}.{number}"));
        let given = [name, wide.clone()]
            .into_iter()
            .chain(numbered)
            .find(|name| !self.taken.contains(name) && !self.taken.contains(&proxy_of(name)))
            .unwrap_or(wide);
        self.taken.extend([given.clone(), proxy_of(&given)]);
        given
    }
}

/// The name of the proxy beside an app.
pub(super) fn proxy_of(app: &str) -> String {
    format!("{app}{PROXY_SUFFIX}")
}

/// Lower-case letters, digits, dashes and dots within; begins with a letter or digit; as long as a host's name.
fn safe(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let lower = text.to_ascii_lowercase();
    let name: String =
        lower.chars().map(|c| if is_plain(c) || c == '.' { c } else { '-' }).take(40).collect();
    let name = name.trim_matches(|c| !is_plain(c)).replace("..", ".");
    if name.is_empty() { "workload".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_where_they_can_be_and_never_given_twice() {
        let mut names = Names::new();
        for (namespace, name, expected) in [
            ("shop", "web", "web"),
            ("other", "web", "web.other"),
            ("other", "web", "web.other.2"),
            ("shop", "web-proxy", "web-proxy.shop"),
            ("shop", "receiver", "receiver.shop"),
            ("shop", "../../etc/Pass wd", "etc-pass-wd"),
            ("shop", "§", "workload"),
        ] {
            assert_eq!(names.give(namespace, name), expected);
        }
    }

    #[test]
    fn every_name_is_one_that_a_folder_can_have() {
        for text in ["..", ".", "a/b", "-a-", "a..b", "\u{0}", "ÄÖ", &"x".repeat(300)] {
            let name = safe(text);
            assert!(!name.contains(['/', '\0']) && !name.contains("..") && name.len() <= 40, "{name}");
            assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
        }
    }
}
