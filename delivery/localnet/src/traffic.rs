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
    /// Requests answered with a status below 400.
    pub(crate) ok: u64,
    /// All others.
    pub(crate) failed: u64,
    /// What the first failed request met.
    pub(crate) first_failure: Option<String>,
}

/// Sends `count` requests, spread evenly over the targets: request `i` goes to target `i` modulo their number.
pub(crate) async fn send(targets: &[Target], count: u64) -> Outcome {
    let mut outcome = Outcome { sent: vec![0; targets.len()], ..Outcome::default() };
    if targets.is_empty() {
        return outcome;
    }
    let targets: Arc<[Target]> = targets.into();
    let next = Arc::new(AtomicU64::new(0));
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut workers = JoinSet::new();
    for _ in 0..CONCURRENCY.min(count) {
        let (targets, next, client) = (targets.clone(), next.clone(), client.clone());
        workers.spawn(async move { work(&client, &targets, &next, count).await });
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

async fn work(
    client: &Client<HttpConnector, Empty<Bytes>>,
    targets: &[Target],
    next: &AtomicU64,
    count: u64,
) -> Outcome {
    let mut outcome = Outcome { sent: vec![0; targets.len()], ..Outcome::default() };
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return outcome;
        }
        let index = (number % targets.len() as u64) as usize;
        outcome.sent[index] += 1;
        match one(client, &targets[index]).await {
            Ok(status) if status.as_u16() < 400 => outcome.ok += 1,
            Ok(status) => outcome.fail(format!("{} answered {status}", targets[index].host)),
            Err(message) => outcome.fail(format!("{}: {message}", targets[index].host)),
        }
    }
}

impl Outcome {
    fn fail(&mut self, message: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(message);
    }
}

async fn one(client: &Client<HttpConnector, Empty<Bytes>>, target: &Target) -> Result<StatusCode, String> {
    let request = Request::get(format!("http://{}/", target.address))
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
mod tests {
    use super::*;
    use crate::app::App;

    fn mk_target(address: SocketAddr, host: &str) -> Target {
        Target { gateway: "istio-system/gateway".to_owned(), address, host: host.to_owned() }
    }

    #[tokio::test]
    async fn requests_are_spread_evenly_and_counted_on_both_sides() {
        let (one, other) = (App::start("one").await.unwrap(), App::start("other").await.unwrap());
        let targets = [mk_target(one.address(), "one"), mk_target(other.address(), "other")];
        let outcome = send(&targets, 21).await;
        assert_eq!((outcome.ok, outcome.failed, outcome.sent), (21, 0, vec![11, 10]));
        assert_eq!((one.served(), other.served()), (11, 10));
    }

    #[tokio::test]
    async fn an_app_that_is_gone_fails_requests_and_the_first_failure_is_told() {
        let app = App::start("app").await.unwrap();
        let target = mk_target(app.address(), "app");
        drop(app);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let outcome = send(&[target], 3).await;
        assert_eq!((outcome.ok, outcome.failed), (0, 3));
        assert!(outcome.first_failure.unwrap().starts_with("app: "));
    }
}
