//! Traffic through a running mesh, and what the proxies counted of it.
//!
//! Between two looks is a window: what grew in it is held against the policy that was in force in it, so that a
//! change of documents does not have to answer for what was counted before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burgee_api::Problem;
use burgee_api::problem::{self, Code, Severity};
use burgee_api::resolve::{ClassPolicy, ListenerClass, WorkloadKind};

use crate::error::LocalnetError;
use crate::expect::{self, Asked};
use crate::run::{Localnet, Proxy};
use crate::scrape;
use crate::summary::{self, MetricSummary, ProblemSummary, RequestsSummary, Summary};
use crate::traffic;

/// Requests were not answered as they should have been.
pub const REQUESTS_FAILED: Code = Code("BG0455");

/// How long the proxies may take to show what the documents ask for: a few flushes.
const OBSERVE_TIMEOUT: Duration = Duration::from_secs(6);
const OBSERVE_INTERVAL: Duration = Duration::from_millis(100);
/// A flush interval and a bit.
const FLUSH: Duration = Duration::from_millis(1300);

/// What was sent and seen so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    requests: RequestsSummary,
    metrics: Vec<MetricSummary>,
    misses: Vec<Problem>,
    unexercised: Vec<String>,
    /// How many requests each app had answered when the metrics were last read to the end.
    served: BTreeMap<String, u64>,
    window: Window,
}

/// Traffic between two looks, and what there was before it.
#[derive(Debug, Default)]
struct Window {
    is_open: bool,
    sent: BTreeMap<String, u64>,
    failed: u64,
    first_failure: Option<String>,
    served_before: BTreeMap<String, u64>,
    metrics_before: Vec<MetricSummary>,
}

impl Localnet {
    /// Sends requests from outside the mesh, spread evenly over the hosts that the gateways answer for.
    ///
    /// # Errors
    /// When an Envoy has ended.
    pub async fn drive(&mut self, count: u64) -> Result<(), LocalnetError> {
        self.check_running()?;
        if !self.seen.window.is_open {
            self.open_window().await?;
        }
        let targets = self.targets();
        let outcome = traffic::send(&targets, count).await;
        for (target, sent) in targets.iter().zip(&outcome.sent) {
            *self.seen.window.sent.entry(target.gateway.clone()).or_default() += sent;
        }
        self.seen.requests.sent += outcome.ok + outcome.failed;
        self.seen.requests.ok += outcome.ok;
        self.seen.requests.failed += outcome.failed;
        self.seen.window.failed += outcome.failed;
        let first = self.seen.window.first_failure.take();
        self.seen.window.first_failure = first.or(outcome.first_failure);
        self.check_running()
    }

    /// Reads what the proxies counted and holds it against what the documents ask for; waits a few flushes for it.
    /// What is missing afterwards is among the summary's problems.
    ///
    /// # Errors
    /// When an Envoy has ended or does not answer.
    pub async fn observe(&mut self) -> Result<(), LocalnetError> {
        let deadline = Instant::now() + OBSERVE_TIMEOUT;
        let served = self.served();
        let policies = self.policies();
        let requests: Vec<_> = self.proxies.iter().map(|proxy| self.requests_through(proxy)).collect();
        let asked: Vec<_> = policies
            .iter()
            .zip(requests)
            .map(|((proxy, policy), requests)| Asked { proxy, policy, requests })
            .collect();
        let sent = self.seen.window.sent.values().sum();
        let unreached = expect::unreached(&asked, sent);
        let unexercised = expect::unexercised(&asked).into_iter().map(str::to_owned).collect();
        if !expect::shows_a_flush(&asked) {
            // Nothing that is waited for below would show that what must not be there is not there.
            tokio::time::sleep(FLUSH).await;
        }
        loop {
            self.check_running()?;
            let metrics = self.scrape().await?;
            let grown = expect::growth(&self.seen.window.metrics_before, &metrics);
            let mut misses = expect::misses(&asked, &grown);
            if misses.is_empty() || Instant::now() > deadline {
                misses.extend(unreached);
                (self.seen.metrics, self.seen.misses) = (metrics, misses);
                self.seen.unexercised = unexercised;
                self.seen.window.is_open = false;
                self.seen.served = served;
                return Ok(());
            }
            tokio::time::sleep(OBSERVE_INTERVAL).await;
        }
    }

    /// What was seen so far.
    pub fn summary(&self) -> Summary {
        let problems = self.problems().iter().map(ProblemSummary::from).collect();
        Summary {
            version: summary::VERSION,
            proxies: self.proxies.iter().map(|proxy| self.proxy_summary(proxy)).collect(),
            requests: self.seen.requests.clone(),
            metrics: self.seen.metrics.clone(),
            problems,
        }
    }

    /// Every problem of the summary, with its place.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        problems.extend(self.refused.iter().cloned());
        problems.extend(self.request_problem());
        problems.extend(self.seen.misses.iter().cloned());
        problems
    }

    /// Whether nothing that the documents ask for was missed, as of the last [`Localnet::observe`]. After no request at
    /// all nothing could be missed; [`Localnet::unexercised`] tells that from having seen everything.
    pub fn is_as_asked(&self) -> bool {
        problem::worst(&self.problems()) != Some(Severity::Error)
    }

    /// The workloads whose proxies are asked for something that nothing could show, because no request reached them
    /// before the last [`Localnet::observe`]. Empty and [`Localnet::is_as_asked`]: all of it was seen.
    pub fn unexercised(&self) -> &[String] {
        &self.seen.unexercised
    }

    /// Ends the current window: traffic from now on is held against the policy of now.
    pub(crate) fn close_window(&mut self) {
        self.seen.window.is_open = false;
        self.seen.window.first_failure = None;
        self.seen.misses.clear();
        self.seen.unexercised.clear();
    }

    async fn open_window(&mut self) -> Result<(), LocalnetError> {
        let served = self.served();
        if served.iter().any(|(name, count)| *count != self.seen.served.get(name).copied().unwrap_or(0)) {
            // What came in since, from whoever, must be in the values that growth is counted from.
            tokio::time::sleep(FLUSH).await;
        }
        let metrics_before = self.scrape().await?;
        self.seen.window =
            Window { is_open: true, served_before: served, metrics_before, ..Window::default() };
        Ok(())
    }

    /// How many requests each app has answered.
    fn served(&self) -> BTreeMap<String, u64> {
        self.apps.iter().map(|(name, app)| (name.clone(), app.served())).collect()
    }

    /// How many requests of this window went through a proxy: a gateway was sent them, an app answered them.
    fn requests_through(&self, proxy: &Proxy) -> u64 {
        let name = proxy.workload.to_string();
        match proxy.workload.kind {
            WorkloadKind::Gateway => self.seen.window.sent.get(&name).copied().unwrap_or_default(),
            WorkloadKind::Sidecar => {
                let before = self.seen.window.served_before.get(&name).copied().unwrap_or_default();
                self.apps.get(&name).map_or(0, |app| app.served().saturating_sub(before))
            }
        }
    }

    /// What the documents ask of each proxy, by workload: the policy of the class of listener that its traffic goes
    /// through here.
    pub fn policies(&self) -> Vec<(String, ClassPolicy)> {
        let class = |proxy: &Proxy| proxy.policy.class(class_of(proxy.workload.kind)).clone();
        self.proxies.iter().map(|proxy| (proxy.workload.to_string(), class(proxy))).collect()
    }

    async fn scrape(&self) -> Result<Vec<MetricSummary>, LocalnetError> {
        let mut metrics = Vec::new();
        for proxy in &self.proxies {
            let name = proxy.workload.to_string();
            let page = proxy.process.admin().prometheus().await;
            let text = page.map_err(|message| LocalnetError::Admin { proxy: name.clone(), message })?;
            let samples = scrape::samples(&text, "istio_").into_iter().filter(|s| s.value.is_finite());
            metrics.extend(samples.map(|sample| MetricSummary {
                proxy: name.clone(),
                name: sample.name,
                labels: sample.labels,
                value: sample.value,
            }));
        }
        summary::sort_metrics(&mut metrics);
        Ok(metrics)
    }

    fn request_problem(&self) -> Option<Problem> {
        let first = self.seen.window.first_failure.as_ref()?;
        let (failed, sent) = (self.seen.window.failed, self.seen.window.sent.values().sum::<u64>());
        let message = format!("{failed} of {sent} requests failed; the first: {first}");
        Some(Problem::new(Severity::Error, REQUESTS_FAILED, message))
    }
}

/// The class of listener that a proxy's traffic goes through here.
fn class_of(kind: WorkloadKind) -> ListenerClass {
    match kind {
        WorkloadKind::Gateway => ListenerClass::Gateway,
        WorkloadKind::Sidecar => ListenerClass::Inbound,
    }
}
