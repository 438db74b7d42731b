//! An Envoy's admin page, as far as a run needs it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::pages::Pages;

/// An Envoy's admin page.
#[derive(Clone, Debug)]
pub struct Admin {
    pages: Pages,
}

impl Admin {
    /// The page at an address.
    pub fn new(address: SocketAddr) -> Admin {
        Admin { pages: Pages::new(address) }
    }

    /// Where the page is.
    pub fn address(&self) -> SocketAddr {
        self.pages.address()
    }

    /// A page's text.
    ///
    /// # Errors
    /// What went wrong, when Envoy does not answer or not with 200.
    pub async fn page(&self, path: &str) -> Result<String, String> {
        self.pages.page(path).await
    }

    /// Whether Envoy is past its initialisation.
    pub async fn is_ready(&self) -> bool {
        self.page("/ready").await.is_ok()
    }

    /// Counters and gauges whose name matches a regular expression without characters that a URL escapes.
    ///
    /// # Errors
    /// When Envoy does not answer.
    pub async fn stats(&self, filter: &str) -> Result<BTreeMap<String, u64>, String> {
        let text = self.page(&format!("/stats?filter={filter}")).await?;
        // Distributions and texts are on the page too, and are no numbers.
        let read = |line: &str| {
            let (name, value) = line.rsplit_once(": ")?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        };
        Ok(text.lines().filter_map(read).collect())
    }

    /// The names of the listeners that are active.
    ///
    /// # Errors
    /// When Envoy does not answer, or with something else.
    pub async fn listeners(&self) -> Result<Vec<String>, String> {
        let text = self.page("/listeners?format=json").await?;
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let statuses = json["listener_statuses"].as_array().cloned().unwrap_or_default();
        Ok(statuses.iter().filter_map(|status| status["name"].as_str()).map(str::to_owned).collect())
    }

    /// The Prometheus page.
    ///
    /// # Errors
    /// When Envoy does not answer.
    pub async fn prometheus(&self) -> Result<String, String> {
        self.page("/stats/prometheus").await
    }

    /// The version of each extension configuration that Envoy last accepted, by name.
    ///
    /// # Errors
    /// When Envoy does not answer.
    pub async fn accepted_extensions(&self) -> Result<BTreeMap<String, String>, String> {
        let text = self.page("/stats?filter=extension_config_discovery.*version_text$").await?;
        Ok(text.lines().filter_map(accepted_extension).collect())
    }
}

/// A line such as `extension_config_discovery.http_filter.NAME.version_text: "VERSION"`, or one of a `network_filter`.
fn accepted_extension(line: &str) -> Option<(String, String)> {
    let (name, version) = line.rsplit_once(".version_text: ")?;
    let (_, name) = name.strip_prefix("extension_config_discovery.")?.split_once('.')?;
    Some((name.to_owned(), version.trim().trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_belongs_to_the_extension_of_exactly_that_name() {
        let line = r#"extension_config_discovery.http_filter.a.istio.io/b.version_text: "7f""#;
        assert_eq!(accepted_extension(line), Some(("a.istio.io/b".to_owned(), "7f".to_owned())));
        let line = r#"extension_config_discovery.network_filter.burgee.a.version_text: "8""#;
        assert_eq!(accepted_extension(line), Some(("burgee.a".to_owned(), "8".to_owned())));
        for line in ["", "extension_config_discovery.http_filter.a.version: 7", "x.version_text: \"7\""] {
            assert_eq!(accepted_extension(line), None, "{line}");
        }
    }
}
