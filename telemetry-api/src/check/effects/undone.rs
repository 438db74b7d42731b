//! Metrics that are switched off as a whole and switched on again by changing a single one: in Istio any later override
//! of a provider ends its switch-off, even one that switches more off.

use std::collections::HashMap;

use crate::check::situations::View;
use crate::check::telemetry::at;
use crate::origin::{Origin, Traced};
use crate::problem::{Problem, Severity, codes};
use crate::resolve::ListenerClass;
use crate::resolve::metrics::{merge, switches_all_off};
use crate::resources::Telemetry;
use crate::resources::telemetry::MetricMatch;

/// Within a document. What is in force depends on others too, but who writes both means something else than that.
pub(super) fn alone(telemetry: &Telemetry) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    let named = telemetry.metrics.iter().rev().find(|entry| !entry.providers.is_empty());
    let in_force = named.map(|entry| names(&entry.providers));
    for is_client in [true, false] {
        // By provider; those that are inherited have no name here.
        let mut off: HashMap<Option<&str>, &Origin> = HashMap::new();
        let mut about = vec![None];
        for entry in &telemetry.metrics {
            if !entry.providers.is_empty() {
                about = names(&entry.providers);
            }
            let about =
                about.iter().filter(|name| in_force.as_ref().is_none_or(|names| names.contains(name)));
            for change in entry.overrides.iter().filter(|change| change.mode.covers(is_client)) {
                if switches_all_off(change) {
                    off.extend(about.clone().map(|name| (*name, &change.origin)));
                    continue;
                }
                let Some(origin) = about.clone().filter_map(|name| off.remove(name)).last() else { continue };
                let problem = at(
                    &change.origin,
                    Severity::Warning,
                    codes::DISABLE_UNDONE,
                    "this override switches every metric on again that an earlier one switched off"
                        .to_owned(),
                    format!("earlier: {origin}; Istio does so too. To keep them off, name each metric"),
                );
                // Both sides may have the same problem.
                if !found.contains(&problem) {
                    found.push(problem);
                }
            }
        }
    }
    found
}

fn names(providers: &[Traced<String>]) -> Vec<Option<&str>> {
    providers.iter().map(|name| Some(name.value.as_str())).collect()
}

/// Across documents.
pub(super) fn check(view: &View<'_, '_>, class: ListenerClass) -> Vec<Problem> {
    let (telemetry, mesh) = (view.telemetry(), view.here.mesh);
    let before = merge(mesh, view.before(), class);
    let off: Vec<_> = before.collected.iter().filter(|(_, provider)| provider.is_all_off()).collect();
    if telemetry.metrics.is_empty() || off.is_empty() {
        return Vec::new();
    }
    let all = merge(mesh, &view.here.all, class);
    let mut found = Vec::new();
    for (name, provider) in off {
        let Some(off) = provider.switches.in_force() else { continue };
        // Entries that the document has of this provider; what they inherit was settled before it.
        let own = all.entries.iter().filter(|(entry, about)| {
            telemetry.metrics.iter().any(|own| std::ptr::eq(own, *entry))
                && about.iter().any(|other| other.value == **name)
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
