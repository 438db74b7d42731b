//! An Envoy's admin page, as far as a run needs it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How long a page may take; longer than any does, even under load on one core.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// An Envoy's admin page.
#[derive(Clone, Debug)]
pub struct Admin {
    address: SocketAddr,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Admin {
    /// The page at an address.
    pub fn new(address: SocketAddr) -> Admin {
        Admin { address, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Where the page is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A page's text.
    ///
    /// # Errors
    /// What went wrong, when Envoy does not answer or not with 200.
    pub async fn page(&self, path: &str) -> Result<String, String> {
        let uri = format!("http://{}{path}", self.address).parse().map_err(|error| format!("{error}"))?;
        let whole = async {
            let response = self.client.get(uri).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            if status.is_success() { Ok(text) } else { Err(format!("{status}: {}", text.trim())) }
        };
        tokio::time::timeout(PAGE_TIMEOUT, whole)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", PAGE_TIMEOUT.as_secs())))
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
}
