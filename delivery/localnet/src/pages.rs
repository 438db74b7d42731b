//! Pages of a process of ours on loopback: an Envoy's admin pages, an app's counter.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How long a page may take; longer than any does, even under load on one core.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pages of one address.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    address: SocketAddr,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Pages {
    /// The pages at an address.
    pub(crate) fn new(address: SocketAddr) -> Pages {
        Pages { address, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Where they are.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A page's text.
    ///
    /// # Errors
    /// What went wrong, when nobody answers or not with 200.
    pub(crate) async fn page(&self, path: &str) -> Result<String, String> {
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
}
