//! Sends requests to gateways, each under the host name of a service, and counts what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use burgee_api::resources::workload_entry::Call;
use burgee_stub::query;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
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

/// What requests ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// The paths, with their queries, which take turns. Empty: [`DEFAULT_PATHS`].
    pub paths: Vec<String>,
    /// What every request has beside Host.
    headers: HeaderMap,
}

/// Why a header cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name is none that HTTP has.
    #[error("this is not the name of a header")]
    Name,
    /// The value has a line feed or another byte that HTTP cannot carry.
    #[error("the value has a byte that HTTP cannot carry")]
    Value,
    /// It says where a request goes, or where it ends, which is not for who asks to say.
    #[error("that header is set by who sends the request")]
    Ours,
}

/// The headers that say where a request goes, and where it ends.
const OURS: [HeaderName; 7] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE, TE, TRAILER];

impl Asking {
    /// Requests for these paths without headers of their own.
    pub fn new(paths: Vec<String>) -> Asking {
        Asking { paths, headers: HeaderMap::new() }
    }

    /// Adds a header that every request has. Host, which says which service a request is for, is not to be set, nor is
    /// what says where a request ends.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn add_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeaderError> {
        let name = HeaderName::from_bytes(name).map_err(|_| HeaderError::Name)?;
        if OURS.contains(&name) {
            return Err(HeaderError::Ours);
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| HeaderError::Value)?;
        self.headers.append(name, value);
        Ok(())
    }
}

/// What came of a number of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Requests sent, per target.
    pub(crate) sent: Vec<u64>,
    /// Requests answered with the status that they asked for, 502 if they asked a call to fail, or below 400 if they asked
    /// for nothing.
    pub(crate) ok: u64,
    /// All others.
    pub(crate) failed: u64,
    /// What the first failed request met.
    pub(crate) first_failure: Option<String>,
}

/// What an app answers when a call of its failed.
const CALL_FAILED: u16 = 502;
/// The path that needs no mention.
const ANY_PATH: &str = "/";
/// What is asked for when nobody names a path: of ten requests one fails, so that there is a failure to look at.
pub const DEFAULT_PATHS: [&str; 10] =
    ["/", "/", "/", "/", "/", "/", "/", "/", "/", "/?status=503&delay=20ms"];

/// What is sent.
#[derive(Debug)]
struct Plan {
    targets: Vec<Target>,
    paths: Vec<String>,
    headers: HeaderMap,
    /// The status that each path asks of each target, if it does: by target, then by path.
    statuses: Vec<Vec<Option<u16>>>,
    count: u64,
    next: AtomicU64,
}

/// Sends `count` requests, spread evenly over the targets: request `i` goes to target `i` modulo their number, and asks
/// for path `i` modulo theirs. `calls` are what the apps behind each target call.
pub(crate) async fn send(targets: &[Target], calls: &[Vec<Call>], asking: &Asking, count: u64) -> Outcome {
    let mut outcome = Outcome { sent: vec![0; targets.len()], ..Outcome::default() };
    if targets.is_empty() {
        return outcome;
    }
    let usual = DEFAULT_PATHS.map(str::to_owned);
    let paths = if asking.paths.is_empty() { &usual[..] } else { &asking.paths };
    let statuses = (0..targets.len()).map(|index| {
        let calls = calls.get(index).map_or(&[][..], Vec::as_slice);
        paths.iter().map(|path| asked_status(path, calls)).collect()
    });
    let plan = Plan {
        targets: targets.to_vec(),
        paths: paths.to_vec(),
        headers: asking.headers.clone(),
        statuses: statuses.collect(),
        count,
        next: AtomicU64::new(0),
    };
    let plan = Arc::new(plan);
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
        let path_index = (number % plan.paths.len() as u64) as usize;
        let (path, status) = (&plan.paths[path_index], plan.statuses[index][path_index]);
        let target = &plan.targets[index];
        outcome.sent[index] += 1;
        let what = if path == ANY_PATH { target.host.clone() } else { format!("{}{path}", target.host) };
        match (one(client, target, path, &plan.headers).await, status) {
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

/// The status that a path's query asks of an app that makes calls: its own, else that of an app whose call fails, when
/// a call is to be answered so.
fn asked_status(path: &str, calls: &[Call]) -> Option<u16> {
    let query = |path: &str| path.split_once('?').map(|(_, query)| query.to_owned());
    let asked = query::Asked::from_query(&query(path).unwrap_or_default()).ok()?;
    let fails = |call: &Call| {
        let label = call.host.split('.').next().unwrap_or_default();
        let of_call = query::Asked::from_query(&asked.query_for(label, query(&call.path).as_deref()));
        of_call.is_ok_and(|of_call| of_call.status.is_some_and(|status| status >= 500))
    };
    let mut calls = calls.iter().filter(|call| call.scheme.is_http());
    asked.status.or_else(|| calls.any(fails).then_some(CALL_FAILED))
}

async fn one(
    client: &Client<HttpConnector, Empty<Bytes>>,
    target: &Target,
    path: &str,
    headers: &HeaderMap,
) -> Result<StatusCode, String> {
    let mut request = Request::get(format!("http://{}{path}", target.address))
        .header(HOST, &target.host)
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    request.headers_mut().extend(headers.clone());
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
