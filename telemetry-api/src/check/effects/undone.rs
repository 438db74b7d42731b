//! Metrics that another document switches off as a whole and this one switches on again by changing a single one.

use super::Levels;
use crate::check::telemetry::at;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::metrics::merge;
use crate::resolve::{ListenerClass, PolicySet};
use crate::resources::Telemetry;
use crate::resources::telemetry::MetricMatch;

pub(super) fn check(
    set: &PolicySet,
    telemetry: &Telemetry,
    levels: Levels<'_>,
    class: ListenerClass,
) -> Vec<Problem> {
    let mesh = set.mesh_config();
    let (before, all) = (merge(mesh, levels.before, class), merge(mesh, levels.all, class));
    let mut found = Vec::new();
    for (name, provider) in before.collected.iter().filter(|(_, provider)| provider.is_all_off()) {
        let Some(off) = provider.switches.in_force() else { continue };
        // Entries that the document has of this provider; what they inherit was settled before it.
        let own = all.entries.iter().filter(|(entry, about)| {
            telemetry.metrics.contains(entry) && about.iter().any(|other| other.value == **name)
        });
        let mut changes = own.flat_map(|(entry, _)| &entry.overrides);
        let Some(change) = changes.find(|change| change.mode.covers(class.is_client())) else { continue };
        // Who selects all of them knows that it is about all of them.
        if change.metric == MetricMatch::All || !all.collected.contains_key(name) {
            continue;
        }
        found.push(at(
            &change.origin,
            Severity::Warning,
            codes::DISABLE_UNDONE,
            format!("this switches all metrics of `{name}` on again, not the one alone that it names"),
            format!(
                "another document switches them off: {}; Istio does so too. To keep them off, switch each one off \
                 beside this",
                off.origin
            ),
        ));
    }
    found
}
