//! Asks a running server over HTTP.

use std::time::Duration;

use burgee_api::document::Source;
use burgee_api::resolve::{Workload, WorkloadKind};
use burgee_server::admin::{KnownWorkload, Texts, paths};
use burgee_server::upstream::words;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::Failure;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How large it may be. Ten thousand proxies come to some megabytes.
const MOST_BYTES: usize = 256 << 20;

/// Where a server answers unless it is told otherwise.
pub(crate) const DEFAULT: &str = "127.0.0.1:15014";

/// What is in force at a server.
pub(crate) struct Running {
    /// The documents in force.
    pub texts: Vec<Source>,
    /// The workloads whose proxies are connected, each with the number of these.
    pub workloads: Vec<(Workload, usize)>,
}

/// A server that is asked.
pub(crate) struct Server<'a> {
    /// What was given, with or without `http://`.
    address: &'a str,
}

impl Server<'_> {
    /// The server at this address.
    pub(crate) fn at(address: &str) -> Server<'_> {
        Server { address }
    }

    /// What it answers.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        let pairs: Vec<String> = query
            .iter()
            .map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        let address = self.address.trim_end_matches('/').trim_start_matches("http://");
        let mark = if pairs.is_empty() { "" } else { "?" };
        let url = format!("http://{address}{path}{mark}{}", pairs.join("&"));
        let body = self.fetch(&url)?;
        serde_json::from_slice(&body).map_err(|error| {
            Failure::new(
                format!("{} does not answer as a server of Burgee does: {error}", self.address),
                "name the --admin address of `burgee serve`",
            )
        })
    }

    /// What is in force there, and for whom.
    pub(crate) fn running(&self) -> Result<Running, Failure> {
        let texts: Texts = self.get(paths::TEXTS, &[])?;
        let known: Vec<KnownWorkload> = self.get(paths::WORKLOADS, &[])?;
        let workload = |known: KnownWorkload| {
            let kind = match known.kind.as_str() {
                "gateway" => WorkloadKind::Gateway,
                _ => WorkloadKind::Sidecar,
            };
            let workload = Workload::new(kind, known.namespace, known.name, known.labels);
            (workload.of_revision(&known.revision), known.proxies)
        };
        Ok(Running {
            texts: texts.texts.into_iter().map(|text| Source::new(text.name, text.text)).collect(),
            workloads: known.into_iter().map(workload).collect(),
        })
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, Failure> {
        let failed = |why: String| {
            Failure::new(
                format!("the server at {} cannot be asked: {why}", self.address),
                "is it running? name the --admin address of `burgee serve` with --server",
            )
        };
        let uri: hyper::Uri = url.parse().map_err(|error| failed(format!("{error}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        runtime.block_on(async {
            let work = async {
                let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
                let response = client.get(uri).await.map_err(|error| failed(words(&error)))?;
                let status = response.status();
                let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
                let body = body.map_err(|error| failed(error.to_string()))?.to_bytes().to_vec();
                if !status.is_success() {
                    return Err(failed(format!("{status}: {}", String::from_utf8_lossy(&body).trim())));
                }
                Ok(body)
            };
            tokio::time::timeout(WITHIN, work)
                .await
                .unwrap_or_else(|_| Err(failed(format!("no answer within {} s", WITHIN.as_secs()))))
        })
    }
}
