//! How changes went, told when the last proxy has one: what traces are made of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burgee_api::resolve::Workload;

use super::{Concerned, Proxy};
use crate::resource::Version;

/// How many pushes a report has of those that were taken, and how many of those that were refused.
pub const MOST_PUSHES: usize = 100;
/// How many reports may wait for whoever makes something of them.
pub(super) const WAITING: usize = 16;
/// After how long a change is reported that some proxy has not taken.
pub(super) const OVERDUE: Duration = Duration::from_secs(60);
/// How many refusals a push remembers.
const MOST_REFUSALS: usize = 4;

/// A part of what the server does with a change.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What it is: `read`, `modules`, `compute`.
    pub name: &'static str,
    /// When it began.
    pub begun: Instant,
    /// When it was done.
    pub ended: Instant,
}

impl Step {
    /// A step that ends now.
    pub fn since(name: &'static str, begun: Instant) -> Step {
        Step { name, begun, ended: Instant::now() }
    }
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeEnd {
    /// Every proxy that it concerned has it, or what it got in its place.
    Complete,
    /// The next change came before that.
    Superseded,
    /// Some proxy has not taken it for a minute.
    Overdue,
}

/// How a change went.
#[derive(Clone, Debug)]
pub struct ChangeReport {
    /// Which one it was, and whom it concerned.
    pub change: Concerned,
    /// The hash of what is in force by it.
    pub in_force: Version,
    /// Whether it was one of bases rather than of documents.
    pub is_of_bases: bool,
    /// What the server did, in order. The first begins the change.
    pub steps: Vec<Step>,
    /// How it ended.
    pub end: ChangeEnd,
    /// When it ended.
    pub ended: Instant,
    /// What became of it in proxies: those that refused it first, then the slowest; at most [`MOST_PUSHES`] of either.
    pub pushes: Vec<PushReport>,
    /// How many more proxies got something else.
    pub left_out: usize,
}

/// What became of a change in one proxy.
#[derive(Clone, Debug)]
pub struct PushReport {
    /// The id of the proxy's node.
    pub node_id: Arc<str>,
    /// Its workload.
    pub workload: Arc<Workload>,
    /// What was sent, and what was said of it.
    pub push: Push,
}

/// Something else that a proxy is to have, from when that was known until it had it.
#[derive(Clone, Debug)]
pub struct Push {
    /// When it was known.
    pub begun: Instant,
    /// When the proxy had everything; none: it has not.
    pub ended: Option<Instant>,
    /// How many responses it took.
    pub responses: u64,
    /// How many resources were in them.
    pub resources: u64,
    /// How many bytes those were.
    pub bytes: u64,
    /// What it refused of it, with its own words.
    pub refused: Vec<RefusedPush>,
}

/// A response that a proxy refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPush {
    /// When.
    pub at: Instant,
    /// The type of what was refused.
    pub type_url: Arc<str>,
    /// Why, in Envoy's words.
    pub error: String,
}

impl Push {
    pub(super) fn begin() -> Push {
        Push { begun: Instant::now(), ended: None, responses: 0, resources: 0, bytes: 0, refused: Vec::new() }
    }

    /// A response goes out.
    pub(super) fn sent(&mut self, resources: usize, bytes: usize) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.responses += 1;
        self.resources += count(resources);
        self.bytes += count(bytes);
    }

    pub(super) fn refuse(&mut self, type_url: &Arc<str>, error: &str) {
        if self.refused.len() < MOST_REFUSALS {
            let refused =
                RefusedPush { at: Instant::now(), type_url: type_url.clone(), error: error.to_owned() };
            self.refused.push(refused);
        }
    }

    /// How long it took, or has taken until then.
    fn took(&self, until: Instant) -> Duration {
        self.ended.unwrap_or(until).saturating_duration_since(self.begun)
    }
}

/// The pushes of a change that a report has, and how many there are beside.
pub(super) fn pushes(proxies: &[Arc<Proxy>], change: Concerned, until: Instant) -> (Vec<PushReport>, usize) {
    let of = |proxy: &Arc<Proxy>| {
        Some(PushReport {
            node_id: proxy.node_id.clone(),
            workload: proxy.workload.clone(),
            push: proxy.push(change.number)?,
        })
    };
    let all: Vec<PushReport> = proxies.iter().filter_map(of).collect();
    shown(all, change.changed, until)
}

fn shown(all: Vec<PushReport>, changed: usize, until: Instant) -> (Vec<PushReport>, usize) {
    let (mut refused, mut taken): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|report| !report.push.refused.is_empty());
    for part in [&mut refused, &mut taken] {
        part.sort_by_key(|report| std::cmp::Reverse(report.push.took(until)));
        part.truncate(MOST_PUSHES);
    }
    refused.append(&mut taken);
    let left_out = changed.saturating_sub(refused.len());
    (refused, left_out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burgee_api::resolve::WorkloadKind;

    use super::*;

    #[test]
    fn a_report_has_those_that_refused_and_the_slowest() {
        let now = Instant::now();
        let workload = Arc::new(Workload::new(WorkloadKind::Sidecar, "ns", "app", BTreeMap::new()));
        let report = |id: &str, milliseconds: Option<u64>, is_refused: bool| {
            let mut push = Push { begun: now, ..Push::begin() };
            push.sent(2, 100);
            push.ended = milliseconds.map(|after| now + Duration::from_millis(after));
            if is_refused {
                push.refuse(&"type".into(), "no");
            }
            PushReport { node_id: id.into(), workload: workload.clone(), push }
        };
        let mut all: Vec<PushReport> = (0..150).map(|at| report("quick", Some(at), false)).collect();
        all.push(report("never", None, false));
        all.push(report("refused", Some(1), true));
        let until = now + Duration::from_secs(9);
        let (shown, left_out) = shown(all, 160, until);
        let ids: Vec<&str> = shown.iter().take(3).map(|report| &*report.node_id).collect();
        assert_eq!(ids, ["refused", "never", "quick"]);
        assert_eq!((shown.len(), left_out), (1 + MOST_PUSHES, 160 - 1 - MOST_PUSHES));
        assert_eq!(shown[2].push.took(until), Duration::from_millis(149));
    }
}
