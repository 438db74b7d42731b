//! Sends requests to gateways, each under the host name of a service, and counts what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

/// How many requests are under way at once: enough to use more than one connection, few enough for a laptop.
const CONCURRENCY: u64 = 8;
/// How long one request may take. Longer than the routes' own timeout, so that Envoy answers first.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Where requests go: a gateway's listener, and the host name that they carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The gateway, as `namespace/name`.
    pub gateway: String,
    /// The listener's address.
    pub address: SocketAddr,
    /// The Host header.
    pub host: String,
}

/// What came of a number of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Requests sent, per target.
    pub(crate) sent: Vec<u64>,
    /// Requests answered with the status that they asked for, or below 400 if they asked for none.
    pub(crate) ok: u64,
    /// All others.
    pub(crate) failed: u64,
    /// What the first failed request met.
    pub(crate) first_failure: Option<String>,
}

/// The path that needs no mention.
const ANY_PATH: &str = "/";
/// What is asked for when nobody names a path: of ten requests one fails, so that there is a failure to look at.
pub const DEFAULT_PATHS: [&str; 10] =
    ["/", "/", "/", "/", "/", "/", "/", "/", "/", "/?status=503&delay=20ms"];

/// What is sent.
#[derive(Debug)]
struct Plan {
    targets: Vec<Target>,
    /// Each with the status that it asks for, if it does.
    paths: Vec<(String, Option<u16>)>,
    count: u64,
    next: AtomicU64,
}

/// Sends `count` requests, spread evenly over the targets: request `i` goes to target `i` modulo their number, and asks
/// for path `i` modulo theirs; without a path, one of [`DEFAULT_PATHS`].
pub(crate) async fn send(targets: &[Target], paths: &[String], count: u64) -> Outcome {
    let mut outcome = Outcome { sent: vec![0; targets.len()], ..Outcome::default() };
    if targets.is_empty() {
        return outcome;
    }
    let usual = DEFAULT_PATHS.map(str::to_owned);
    let paths = if paths.is_empty() { &usual } else { paths };
    let paths = paths.iter().map(|path| (path.clone(), asked_status(path))).collect();
    let plan = Arc::new(Plan { targets: targets.to_vec(), paths, count, next: AtomicU64::new(0) });
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut workers = JoinSet::new();
    for _ in 0..CONCURRENCY.min(count) {
        let (plan, client) = (plan.clone(), client.clone());
        workers.spawn(async move { work(&client, &plan).await });
    }
    while let Some(result) = workers.join_next().await {
        let Ok(part) = result else { continue };
        outcome.ok += part.ok;
        outcome.failed += part.failed;
        outcome.first_failure = outcome.first_failure.or(part.first_failure);
        for (sum, sent) in outcome.sent.iter_mut().zip(part.sent) {
            *sum += sent;
        }
    }
    outcome
}

async fn work(client: &Client<HttpConnector, Empty<Bytes>>, plan: &Plan) -> Outcome {
    let mut outcome = Outcome { sent: vec![0; plan.targets.len()], ..Outcome::default() };
    loop {
        let number = plan.next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.count {
            return outcome;
        }
        let index = (number % plan.targets.len() as u64) as usize;
        let (path, status) = &plan.paths[(number % plan.paths.len() as u64) as usize];
        let target = &plan.targets[index];
        outcome.sent[index] += 1;
        let what = if path == ANY_PATH { target.host.clone() } else { format!("{}{path}", target.host) };
        match (one(client, target, path).await, *status) {
            (Ok(answered), Some(asked)) if answered.as_u16() == asked => outcome.ok += 1,
            (Ok(answered), None) if answered.as_u16() < 400 => outcome.ok += 1,
            (Ok(answered), _) => outcome.fail(format!("{what} answered {answered}")),
            (Err(message), _) => outcome.fail(format!("{what}: {message}")),
        }
    }
}

impl Outcome {
    fn fail(&mut self, message: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(message);
    }
}

/// The status that a path's query asks of the app.
fn asked_status(path: &str) -> Option<u16> {
    let (_, query) = path.split_once('?')?;
    query.split('&').find_map(|parameter| parameter.strip_prefix("status=")?.parse().ok())
}

async fn one(
    client: &Client<HttpConnector, Empty<Bytes>>,
    target: &Target,
    path: &str,
) -> Result<StatusCode, String> {
    let request = Request::get(format!("http://{}{path}", target.address))
        .header(HOST, &target.host)
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    let whole = async {
        let response = client.request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok(status)
    };
    tokio::time::timeout(REQUEST_TIMEOUT, whole)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs())))
}

#[cfg(test)]
mod tests;
