//! What one listener gets and the next one too: lowered once.

use burgee_api::resolve::ListenerClass;

use crate::edit::Owner;
use crate::facts::Facts;
use crate::lower::access_log::Place;
use crate::lower::tracing::Found;
use crate::mark::Before;
use crate::value::Value;

/// All that tells apart what listeners get.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The filter for the provider of metrics of that number.
    Metrics(ListenerClass, usize),
    /// The filter of connections for the provider of metrics of that number.
    Connections(ListenerClass, usize),
    /// The filter that counts messages of gRPC.
    GrpcStats(ListenerClass),
    /// The filter that tells and learns who is at the other end.
    Peers(ListenerClass),
    /// The logger of metrics for the provider of that number.
    MetricsLog(ListenerClass, Before, usize, Facts),
    /// The log of the logger of that number.
    Log(ListenerClass, Place, Before, usize),
    /// Spans.
    Spans(ListenerClass, Found),
}

/// What was lowered so far, with its owner. A proxy has a few of these for all of its listeners.
#[derive(Default)]
pub(super) struct Made(Vec<(What, Option<(Owner, Value)>)>);

impl Made {
    /// Whether it was made before, or found to be nothing.
    pub fn has(&self, what: &What) -> bool {
        self.0.iter().any(|(known, _)| known == what)
    }

    /// What was made before, or what is made now; copies have their values in common.
    pub fn get(
        &mut self,
        what: What,
        make: impl FnOnce() -> Option<(Owner, Value)>,
    ) -> Option<(Owner, Value)> {
        if let Some((_, made)) = self.0.iter().find(|(other, _)| *other == what) {
            return made.clone();
        }
        let made = make();
        self.0.push((what, made.clone()));
        made
    }
}
