//! Single requests beside the load: to Envoy's admin page, and to see what an answer carries.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use super::error::RequestsError;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Asks one thing at a time.
#[derive(Debug)]
pub(crate) struct Web {
    runtime: Runtime,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Web {
    pub fn new() -> Result<Web, RequestsError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(RequestsError::io("start", "the runtime of tokio"))?;
        // Connections are not kept: they would be closed while nobody looks after them.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Ok(Web { runtime, client })
    }

    /// Does work that has to wait.
    pub fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The headers and the body of an answer with 200; what went wrong otherwise.
    pub fn get(&self, port: u16, path: &str) -> Result<(HeaderMap, String), String> {
        let uri =
            format!("http://127.0.0.1:{port}{path}").parse().map_err(|error| format!("{path}: {error}"))?;
        let asked = async {
            let answer = self.client.get(uri).await.map_err(|error| format!("{path}: {error}"))?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| format!("{path}: {error}"))?.to_bytes();
            match head.status.as_u16() {
                200 => Ok((head.headers, String::from_utf8_lossy(&body).into_owned())),
                status => Err(format!("{path} is answered with {status}")),
            }
        };
        let answer = self.runtime.block_on(async { tokio::time::timeout(TIMEOUT, asked).await });
        answer.unwrap_or_else(|_| Err(format!("{path} is not answered within {} s", TIMEOUT.as_secs())))
    }

    /// A page's text.
    pub fn page(&self, port: u16, path: &str) -> Result<String, String> {
        self.get(port, path).map(|(_, body)| body)
    }
}
