//! What becomes of plugins' VMs in proxies, by the counters that each sends every few seconds: the sink that
//! [`crate::bootstrap`] writes drops all others.
//!
//! A trap is seen by the fresh start after it, which only plugins get that fail by reloading: where one fails open or closed
//! no counter of Envoy's tells of it.

mod wire;

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::Arc;

use burgee_api::resolve::Workload;
use burgee_overlay::PLUGIN_PREFIX;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use self::wire::{Answer, Export, Metric};
use crate::fleet::Fleet;
use crate::peer::Peer;
use crate::plugin_state::PluginState;

/// The path that counters are sent to.
pub const PATH: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// The header that says whose counters they are: the id of the proxy's node.
pub const NODE_HEADER: &str = "x-burgee-node";
/// What the names of the counters begin with that are of use.
pub const PREFIXES: [&str; 2] = [WASM, DISCOVERY];

const WASM: &str = "wasm.";
const DISCOVERY: &str = "extension_config_discovery.";
/// How large a message may be, in bytes: some thousand counters.
const MOST_BYTES: usize = 1 << 20;
/// How many plugins of a proxy are known by name. A proxy has a handful; one that never stops naming others is broken.
const MOST_PLUGINS: usize = 1000;
/// How long the name of a plugin may be, in bytes.
const MOST_NAME: usize = 512;

/// Who is told.
pub trait VmReports: Send + Sync {
    /// Takes what a proxy counted since it started.
    ///
    /// # Errors
    ///
    /// The other end may not speak for that proxy.
    fn report(&self, node_id: &str, peer: &Peer, states: Vec<PluginState>) -> Result<(), Status>;
}

impl VmReports for Arc<Fleet> {
    /// With authentication, a proxy speaks for the namespace of its certificate, which is the one in the id of its node, and for
    /// the service account of it, where a proxy of that id is connected.
    fn report(&self, node_id: &str, peer: &Peer, states: Vec<PluginState>) -> Result<(), Status> {
        if peer.identities.is_some() {
            let node = serde_json::json!({"id": node_id});
            let workload = Workload::from_node(&node).map_err(|problem| {
                Status::permission_denied(format!("{}; {}", problem.message, problem.help))
            })?;
            // Those that are connected have said more of themselves than their id does.
            let connected = self.of_node(node_id);
            let workloads = connected.iter().map(|proxy| &*proxy.workload).chain([&workload]);
            for workload in workloads {
                peer.may_serve(workload).map_err(|error| Status::permission_denied(error.to_string()))?;
            }
        }
        self.tell_of_plugins(node_id, states);
        Ok(())
    }
}

/// Answers a request to [`PATH`] of a peer.
pub async fn answer<B>(
    request: http::Request<B>,
    peer: Peer,
    reports: Arc<dyn VmReports>,
) -> http::Response<Body>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let codec = ProstCodec::<Answer, Export>::default();
    let mut grpc = Grpc::new(codec).max_decoding_message_size(MOST_BYTES);
    grpc.unary(Reporting { peer, reports }, request).await
}

/// One request's answer.
struct Reporting {
    peer: Peer,
    reports: Arc<dyn VmReports>,
}

impl UnaryService<Export> for Reporting {
    type Response = Answer;
    type Future = Ready<Result<Response<Answer>, Status>>;

    fn call(&mut self, request: Request<Export>) -> Self::Future {
        let node_id = request.metadata().get(NODE_HEADER).and_then(|value| value.to_str().ok());
        let done = match node_id.map(str::to_owned) {
            Some(node_id) => self.reports.report(&node_id, &self.peer, states(request.get_ref())),
            None => Err(Status::invalid_argument(format!(
                "nothing says whose counters these are; send the node's id as {NODE_HEADER}, as the sink of `burgee \
                 bootstrap` does"
            ))),
        };
        ready(done.map(|()| Response::new(Answer {})))
    }
}

/// What counters say of plugins, ordered by name. What says nothing of any is left out, and so is what is beyond bounds.
fn states(export: &Export) -> Vec<PluginState> {
    let mut states = BTreeMap::<String, Counted>::new();
    let scopes = export.resources.iter().flat_map(|resource| &resource.scopes);
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        let (Some((name, counter)), Some(value)) = (read(&metric.name), value_of(metric)) else { continue };
        if name.len() > MOST_NAME || states.len() >= MOST_PLUGINS && !states.contains_key(&name) {
            continue;
        }
        states.entry(name).or_default().note(counter, value);
    }
    states.into_iter().map(|(name, counted)| counted.state(name)).collect()
}

/// The counters of one plugin that are of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    /// Fresh starts after a trap.
    Started,
    /// Fresh starts after a trap that failed.
    NotStarted,
    /// Requests that were refused since the last trap is too short ago for a fresh start.
    TooEarly,
    /// Configurations by name that were taken.
    Taken,
    /// Configurations by name that could not be used.
    Failed,
    /// Configurations by name that were refused when they came.
    Rejected,
}

/// What a counter is of, and what it counts; none for one that is of no use.
fn read(name: &str) -> Option<(String, Counter)> {
    if let Some(rest) = name.strip_prefix(WASM) {
        let (plugin, counter) = rest.rsplit_once('.')?;
        let counter = match counter {
            "vm_reload_success" => Counter::Started,
            "vm_reload_failure" => Counter::NotStarted,
            "vm_reload_backoff" => Counter::TooEarly,
            _ => return None,
        };
        return Some((resource_name(plugin), counter));
    }
    // What kind of filter it is, its name, the counter.
    let (_, rest) = name.strip_prefix(DISCOVERY)?.split_once('.')?;
    let (name, counter) = rest.rsplit_once('.')?;
    let counter = match counter {
        "config_reload" => Counter::Taken,
        "config_fail" => Counter::Failed,
        "update_rejected" => Counter::Rejected,
        _ => return None,
    };
    (!name.is_empty()).then(|| (name.to_owned(), counter))
}

/// The name of a plugin's extension configuration, by the name of the plugin in its own counters. Filters of ours, of which
/// several have one name there, are called by that.
fn resource_name(plugin: &str) -> String {
    match plugin.starts_with("burgee.") {
        true => plugin.to_owned(),
        false => format!("{PLUGIN_PREFIX}{plugin}"),
    }
}

/// The value of a counter or a gauge; none if it has none.
fn value_of(metric: &Metric) -> Option<u64> {
    let points = metric.sum.as_ref().map(|sum| &sum.points);
    let point = points.or(metric.gauge.as_ref().map(|gauge| &gauge.points))?.last()?;
    match point.value? {
        wire::Number::Int(value) => u64::try_from(value).ok(),
        wire::Number::Double(value) if value >= 0.0 => Some(value as u64),
        wire::Number::Double(_) => None,
    }
}

/// What was counted of a plugin.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    started: u64,
    not_started: u64,
    too_early: u64,
    taken: u64,
    failed: u64,
    rejected: u64,
}

impl Counted {
    fn note(&mut self, counter: Counter, value: u64) {
        let counted = match counter {
            Counter::Started => &mut self.started,
            Counter::NotStarted => &mut self.not_started,
            Counter::TooEarly => &mut self.too_early,
            Counter::Taken => &mut self.taken,
            Counter::Failed => &mut self.failed,
            Counter::Rejected => &mut self.rejected,
        };
        *counted = counted.saturating_add(value);
    }

    fn state(self, name: String) -> PluginState {
        // Each start follows a trap, and who is refused for being too early is so after one.
        let traps = self.started.saturating_add(self.not_started).max(self.too_early.min(1));
        PluginState {
            name,
            traps,
            reloads: self.started,
            config_reloads: self.taken,
            // What is refused when it comes is counted as unusable as well.
            config_failures: self.failed.max(self.rejected),
        }
    }
}

#[cfg(test)]
mod tests;
