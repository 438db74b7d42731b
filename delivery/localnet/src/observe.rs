//! Traffic through a running mesh, and what the proxies counted of it.
//!
//! Between two looks is a window: what grew in it is held against the policy that was in force in it, so that a
//! change of documents does not have to answer for what was counted before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use burgee_api::problem::{self, Severity};
use burgee_api::resolve::{ClassPolicy, ListenerClass, Tracer, Tracing, WorkloadKind};
use burgee_api::resources::workload_entry::Call;
use burgee_api::{Origin, Problem};
use burgee_overlay::codes::REFUSES_EVERYTHING;
use burgee_stub::protocol::Served;

use crate::base;
use crate::codes::{PLUGIN_TRAPPED, REQUESTS_FAILED};
use crate::error::LocalnetError;
use crate::expect::{self, Asked, Tally, Through};
use crate::gateway_hosts::example_host;
use crate::mesh::SidecarProxy;
use crate::parts;
use crate::run::{Localnet, Proxy};
use crate::scrape;
use crate::summary::{
    self, MetricSummary, PluginSummary, ProblemSummary, ProxySummary, RequestsSummary, Summary,
};
use crate::traffic::{self, Asking, Target};
use crate::watch::locked;
use crate::words::{self, Trap};

/// How long the proxies may take to show what the documents ask for: a few flushes.
const OBSERVE_TIMEOUT: Duration = Duration::from_secs(8);
const OBSERVE_INTERVAL: Duration = Duration::from_millis(100);
/// How long what proxies count, log and report may take until it is seen: the longest flush interval, a look, and a bit.
const FLUSH: Duration = Duration::from_millis(1600);
/// The same where spans go to Datadog: nothing makes that tracer flush sooner than every two seconds.
const DATADOG_FLUSH: Duration = Duration::from_millis(2600);
/// How long nothing must have been logged or reported before nothing more is on its way.
const QUIET: Duration = Duration::from_millis(600);
/// The counts of requests that a proxy's listeners took.
const TAKEN: &str = "^http.(inbound|outbound)_.*downstream_rq_total$";
/// How long it may take until it is known that a process has just been killed, as the system takes its memory back
/// first, or that it does not answer: a few looks.
const END_KNOWN: Duration = Duration::from_secs(6);
/// How long the logs of proxies may take to be read: some looks.
const HEARD_TIMEOUT: Duration = Duration::from_secs(2);
const END_INTERVAL: Duration = Duration::from_millis(20);

/// What came of the requests of one [`Localnet::drive`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// How many were sent.
    pub sent: u64,
    /// How many of them were not answered as they asked.
    pub failed: u64,
    /// What the first of those met, such as `hello.shop answered 503 Service Unavailable`.
    pub first_failure: Option<String>,
}

/// What was sent and seen so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    requests: RequestsSummary,
    last_batch: Batch,
    metrics: Vec<MetricSummary>,
    pub(crate) plugins: Vec<PluginSummary>,
    misses: Vec<Problem>,
    unexercised: Vec<String>,
    /// What each app had counted when everything was last read to the end.
    served: BTreeMap<String, Served>,
    window: Window,
}

/// Traffic between two looks, and what there was before it.
#[derive(Debug, Default)]
struct Window {
    is_open: bool,
    sent: BTreeMap<String, u64>,
    failed: u64,
    first_failure: Option<String>,
    served_before: BTreeMap<String, Served>,
    taken_before: BTreeMap<String, u64>,
    metrics_before: Vec<MetricSummary>,
    logs_before: Tally,
    spans_before: Tally,
    /// The proxies that did not answer when it was opened.
    left_out: BTreeSet<String>,
    /// When the last request was answered.
    ended: Option<Instant>,
}

impl Localnet {
    /// Sends requests from outside the mesh, spread evenly over the hosts that the gateways answer for: request `i` asks
    /// for path `i` modulo their number.
    ///
    /// # Errors
    /// When an Envoy answers with something else than its counts.
    pub async fn drive(&mut self, count: u64, asking: &Asking) -> Result<(), LocalnetError> {
        if !self.seen.window.is_open {
            self.open_window().await?;
        }
        let targets = self.targets();
        let calls: Vec<_> = targets.iter().map(|target| self.calls_behind(target)).collect();
        let outcome = traffic::send(&targets, &calls, asking, count).await;
        self.seen.last_batch = Batch {
            sent: outcome.ok + outcome.failed,
            failed: outcome.failed,
            first_failure: outcome.first_failure.clone(),
        };
        for (target, sent) in targets.iter().zip(&outcome.sent) {
            *self.seen.window.sent.entry(target.gateway.clone()).or_default() += sent;
        }
        self.seen.requests.sent += outcome.ok + outcome.failed;
        self.seen.requests.ok += outcome.ok;
        self.seen.requests.failed += outcome.failed;
        self.seen.window.failed += outcome.failed;
        self.seen.window.ended = Some(Instant::now());
        let first = self.seen.window.first_failure.take();
        self.seen.window.first_failure = first.or(outcome.first_failure);
        Ok(())
    }

    /// Reads what the proxies counted, logged and reported, and holds it against what the documents ask for; waits a few
    /// flushes for it. What is missing afterwards is among the summary's problems. What has ended or does not
    /// answer is left out: that is a problem of its own.
    ///
    /// # Errors
    /// When an Envoy answers with something else than its counts.
    pub async fn observe(&mut self) -> Result<(), LocalnetError> {
        let deadline = Instant::now() + OBSERVE_TIMEOUT;
        let served = self.served().await;
        let through = self.through(&served, &self.taken().await);
        let sent = self.seen.window.sent.values().sum();
        if !expect::shows_a_flush(&self.asked(&through)) {
            // Nothing that is waited for below would show that what must not be there is not there.
            tokio::time::sleep(self.flush()).await;
        }
        loop {
            let (metrics, left_out) = self.scrape().await?;
            self.seen.window.left_out.extend(left_out);
            self.look_at_plugins().await;
            let through = self.through(&served, &self.taken().await);
            let asked = self.asked(&through);
            let (mut misses, is_settled) = self.misses(&asked, &metrics);
            if (misses.is_empty() && is_settled) || Instant::now() > deadline {
                if !self.problems.iter().any(|problem| problem.code == REFUSES_EVERYTHING) {
                    // Else more requests would not get through either, and why has been told.
                    misses.extend(expect::unreached(&asked, sent));
                }
                let unexercised = expect::unexercised(&asked).into_iter().map(str::to_owned).collect();
                (self.seen.metrics, self.seen.misses) = (metrics, misses);
                self.seen.unexercised = unexercised;
                self.seen.window.is_open = false;
                self.seen.served = served;
                self.hear().await;
                return Ok(());
            }
            tokio::time::sleep(OBSERVE_INTERVAL).await;
        }
    }

    /// Waits until what plugins have said up to now has been read.
    async fn hear(&self) {
        // The look that is under way may have passed a log already.
        let enough = locked(&self.record).traps.looks() + 2;
        let deadline = Instant::now() + HEARD_TIMEOUT;
        while locked(&self.record).traps.looks() < enough && Instant::now() < deadline {
            tokio::time::sleep(words::LOOK_INTERVAL / 5).await;
        }
    }

    /// The requests that were sent from outside the mesh by [`Localnet::drive`].
    pub fn requests(&self) -> &RequestsSummary {
        &self.seen.requests
    }

    /// What came of the last [`Localnet::drive`]; nothing sent before the first.
    pub fn last_batch(&self) -> &Batch {
        &self.seen.last_batch
    }

    /// What is called by the apps that serve a target.
    fn calls_behind(&self, target: &Target) -> Vec<Call> {
        let gateways = self.mesh.gateways.iter().filter(|one| one.workload.to_string() == target.gateway);
        let routes = gateways.flat_map(|gateway| &gateway.listeners).flat_map(|listener| &listener.routes);
        let serving: BTreeSet<&str> = routes
            .filter(|route| example_host(&route.host) == target.host)
            .flat_map(|route| route.endpoints.iter().map(|(name, _)| name.as_str()))
            .collect();
        let serves = |sidecar: &&SidecarProxy| serving.contains(sidecar.workload.to_string().as_str());
        let of_sidecars = self.mesh.sidecars.iter().filter(serves).flat_map(|sidecar| sidecar.calls.clone());
        let bare = self.mesh.bare.iter().filter(|bare| serving.contains(bare.workload.to_string().as_str()));
        of_sidecars.chain(bare.flat_map(|bare| bare.calls.iter().map(|(call, _)| call.clone()))).collect()
    }

    /// What was seen so far.
    pub fn summary(&self) -> Summary {
        let problems = self.problems().iter().map(ProblemSummary::from).collect();
        let record = locked(&self.record);
        let (mut access_logs, mut spans) = (record.logs_since(0), record.spans_since(0));
        drop(record);
        summary::sort_access_logs(&mut access_logs);
        summary::sort_spans(&mut spans);
        Summary {
            version: summary::VERSION,
            proxies: self.proxies(),
            without_sidecar: self.mesh.bare.iter().map(|bare| bare.workload.to_string()).collect(),
            requests: self.seen.requests.clone(),
            metrics: self.seen.metrics.clone(),
            access_logs,
            spans,
            plugins: self.seen.plugins.clone(),
            problems,
        }
    }

    /// The proxies of the summary, alone: a summary copies every line and span that is kept.
    pub fn proxies(&self) -> Vec<ProxySummary> {
        self.proxies.iter().map(|proxy| self.proxy_summary(proxy)).collect()
    }

    /// Every problem of the summary, with its place.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        problems.extend(self.refused.iter().cloned());
        problems.extend(self.watch.processes().iter().filter_map(|process| process.problem()));
        let silent = self.watch.silent();
        problems.extend(silent.iter().map(|(kind, name)| parts::silent(*kind, name)));
        problems.extend(locked(&self.record).traps.found().iter().map(|trap| self.trap_problem(trap)));
        problems.extend(self.request_problem());
        problems.extend(self.seen.misses.iter().cloned());
        problems.extend(locked(&self.record).problems());
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

    /// What the documents ask of each proxy, by workload: the policy of each class of listener that it has.
    pub fn policies(&self) -> Vec<(String, ListenerClass, ClassPolicy)> {
        let mut policies = Vec::new();
        for proxy in &self.proxies {
            let listeners = base::listeners_of(&self.mesh, &proxy.workload);
            let has = |class: &ListenerClass| listeners.iter().any(|one| one.class == *class);
            let policy = |class| (proxy.workload.to_string(), class, proxy.policy.class(class).clone());
            policies.extend(ListenerClass::ALL.into_iter().filter(has).map(policy));
        }
        policies
    }

    /// Ends the current window: traffic from now on is held against the policy of now.
    pub(crate) fn close_window(&mut self) {
        self.seen.window.is_open = false;
        self.seen.window.first_failure = None;
        self.seen.misses.clear();
        self.seen.unexercised.clear();
        locked(&self.record).traps.forget();
    }

    async fn open_window(&mut self) -> Result<(), LocalnetError> {
        let served = self.served().await;
        let before = |name: &String| self.seen.served.get(name).copied().unwrap_or(NOTHING);
        if served.iter().any(|(name, count)| *count != before(name)) {
            // What came in since, from whoever, must be in the values that growth is counted from.
            tokio::time::sleep(self.flush()).await;
        }
        let (metrics_before, left_out) = self.scrape().await?;
        let taken_before = self.taken().await;
        let record = locked(&self.record);
        let (logs_before, spans_before) = (record.log_tally().clone(), record.span_tally().clone());
        drop(record);
        self.seen.window = Window {
            is_open: true,
            served_before: served,
            taken_before,
            metrics_before,
            logs_before,
            spans_before,
            left_out,
            ..Window::default()
        };
        Ok(())
    }

    /// What is asked of the proxies of which it is known how many requests went through them.
    fn asked<'a>(&'a self, through: &BTreeMap<String, Through>) -> Vec<Asked<'a>> {
        let is_known = |proxy: &&Proxy| {
            let name = proxy.workload.to_string();
            self.answers(proxy) && !self.seen.window.left_out.contains(&name) && through.contains_key(&name)
        };
        let policies = self.proxies.iter().filter(is_known).map(|proxy| &proxy.policy);
        expect::asked(&self.mesh, policies, through)
    }

    /// What was asked for and not seen so far, and whether nothing more is to be expected.
    fn misses(&self, asked: &[Asked<'_>], metrics: &[MetricSummary]) -> (Vec<Problem>, bool) {
        let window = &self.seen.window;
        let record = locked(&self.record);
        let (logs, spans) = (record.log_tally(), record.span_tally());
        let (logs, spans) = (logs.since(&window.logs_before), spans.since(&window.spans_before));
        let last = record.last();
        drop(record);
        let grown = expect::growth(&window.metrics_before, metrics);
        let seen = expect::Seen { grown: &grown, logs: &logs, spans: &spans, plugins: &self.seen.plugins };
        let reports = |one: &Asked<'_>| {
            one.requests + one.connections > 0 && (traces(one.policy) || !one.policy.access_logs.is_empty())
        };
        // Of what is filtered or sampled nobody knows how much there will be.
        let is_over =
            |since: Option<Instant>, time: Duration| since.is_none_or(|since| since.elapsed() >= time);
        let is_settled =
            !asked.iter().any(reports) || (is_over(last, QUIET) && is_over(window.ended, self.flush()));
        (expect::misses(asked, seen), is_settled)
    }

    /// How long what proxies tell may take until it is seen.
    fn flush(&self) -> Duration {
        let classes = self.proxies.iter().flat_map(|proxy| proxy.policy.classes.values());
        let is_datadog = |class: &ClassPolicy| {
            matches!(&class.tracing, Tracing::Provider { tracer: Tracer::Datadog { .. }, .. })
        };
        if classes.into_iter().any(is_datadog) { DATADOG_FLUSH } else { FLUSH }
    }

    /// What each app has counted, as far as they answer.
    async fn served(&self) -> BTreeMap<String, Served> {
        let mut served = BTreeMap::new();
        for (name, app) in self.apps.iter().filter(|(name, _)| !self.watch.is_silent(name, true)) {
            if let Some(counted) = app.served().await {
                served.insert(name.clone(), counted);
            }
        }
        served
    }

    /// How many requests each proxy's listeners for those who are sent took since it was started, as far as they answer.
    async fn taken(&self) -> BTreeMap<String, u64> {
        let mut taken = BTreeMap::new();
        for proxy in self.proxies.iter().filter(|proxy| self.answers(proxy)) {
            let prefix = match proxy.workload.kind {
                WorkloadKind::Gateway => "http.outbound_",
                WorkloadKind::Sidecar => "http.inbound_",
            };
            let Ok(stats) = proxy.process.admin().stats(TAKEN).await else { continue };
            let counts = stats.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, count)| count);
            taken.insert(proxy.workload.to_string(), counts.sum());
        }
        taken
    }

    /// How many requests of this window went through each proxy, as far as that is known: a gateway was sent them, an app
    /// answered or made them. Those that a proxy says it took and that nobody else knows of count too: others send
    /// requests, and filters answer some that an app never sees.
    fn through(
        &self,
        served: &BTreeMap<String, Served>,
        taken: &BTreeMap<String, u64>,
    ) -> BTreeMap<String, Through> {
        let window = &self.seen.window;
        let of = |proxy: &Proxy| {
            let name = proxy.workload.to_string();
            let count = |counts: &BTreeMap<String, u64>| counts.get(&name).copied().unwrap_or_default();
            let taken = count(taken).saturating_sub(count(&window.taken_before));
            let through = match proxy.workload.kind {
                WorkloadKind::Gateway => {
                    Through { received: count(&window.sent).max(taken), ..Through::default() }
                }
                WorkloadKind::Sidecar => {
                    let before = window.served_before.get(&name)?;
                    let after = served.get(&name)?;
                    Through {
                        received: after.served.saturating_sub(before.served).max(taken),
                        called: after.called.saturating_sub(before.called),
                        taken: after.taken.saturating_sub(before.taken),
                        opened: after.opened.saturating_sub(before.opened),
                    }
                }
            };
            Some((name, through))
        };
        self.proxies.iter().filter_map(of).collect()
    }

    /// Whether a proxy runs and is not known to be silent.
    pub(crate) fn answers(&self, proxy: &Proxy) -> bool {
        proxy.process.ended().is_none() && !self.watch.is_silent(&proxy.workload.to_string(), false)
    }

    /// Every series of ours at the proxies that answer, and the proxies that do not.
    async fn scrape(&self) -> Result<(Vec<MetricSummary>, BTreeSet<String>), LocalnetError> {
        let (mut metrics, mut left_out) = (Vec::new(), BTreeSet::new());
        for proxy in &self.proxies {
            let name = proxy.workload.to_string();
            if !self.answers(proxy) {
                left_out.insert(name);
                continue;
            }
            let text = match proxy.process.admin().prometheus().await {
                Ok(text) => text,
                Err(message) => {
                    if self.has_just_fallen_silent(proxy).await {
                        left_out.insert(name);
                        continue;
                    }
                    return Err(LocalnetError::Admin { proxy: name, message });
                }
            };
            let samples = scrape::samples(&text, "istio_").into_iter().filter(|s| s.value.is_finite());
            metrics.extend(samples.map(|sample| MetricSummary {
                proxy: name.clone(),
                name: sample.name,
                labels: sample.labels,
                value: sample.value,
            }));
        }
        summary::sort_metrics(&mut metrics);
        Ok((metrics, left_out))
    }

    /// Whether a proxy that did not answer is ending, or does not answer at all.
    async fn has_just_fallen_silent(&self, proxy: &Proxy) -> bool {
        let deadline = Instant::now() + END_KNOWN;
        while self.answers(proxy) {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(END_INTERVAL).await;
        }
        true
    }

    fn trap_problem(&self, trap: &Trap) -> Problem {
        let Trap { proxy, plugin, callback, why, times } = trap;
        let name = plugin.as_ref().map_or("a plugin".to_owned(), |name| format!("the plugin {name}"));
        let times = if *times > 1 { format!(" ({times} times)") } else { String::new() };
        let message = format!("{name} trapped in {callback} at {proxy}: {why}{times}");
        let of_proxy = self.proxies.iter().filter(|one| one.workload.to_string() == *proxy);
        let mut plugins =
            of_proxy.flat_map(|one| one.policy.classes.values()).flat_map(|class| &class.plugins);
        let help = "mend it there; its virtual machine has ended, and until there is another module what it covers is \
                    answered with 503, or goes past it where its `failStrategy` is FAIL_OPEN";
        let problem = Problem::new(Severity::Error, PLUGIN_TRAPPED, message).help(help);
        match plugins.find(|one| Some(one.id()) == *plugin).map(|one| &one.origin) {
            Some(Origin::Document { place, path, .. }) => problem.at(place.clone(), path.to_string()),
            Some(Origin::Rule(_)) | None => problem,
        }
    }

    fn request_problem(&self) -> Option<Problem> {
        let first = self.seen.window.first_failure.as_ref()?;
        let (failed, sent) = (self.seen.window.failed, self.seen.window.sent.values().sum::<u64>());
        let message = format!("{failed} of {sent} requests failed; the first: {first}");
        Some(Problem::new(Severity::Error, REQUESTS_FAILED, message))
    }
}

const NOTHING: Served = Served { served: 0, called: 0, taken: 0, opened: 0 };

fn traces(policy: &ClassPolicy) -> bool {
    matches!(policy.tracing, Tracing::Provider { .. })
}
