//! The environment of the command, which stands for that of a control plane: what documents leave to it.

use std::collections::BTreeMap;

use burgee_api::Problem;
use burgee_api::check::{Checked, judge_variables};
use burgee_api::explain::Explainer;
use burgee_api::resolve::{ControlPlane, PolicySet};
use burgee_api::resources::Resources;

use crate::args::MetricsChoice;

/// The policies among resources, with what this command's environment says. What arguments say of metrics goes before what
/// documents say of it.
pub(crate) fn policies(mut resources: Resources, metrics: MetricsChoice) -> PolicySet {
    if let Some(engine) = metrics.engine {
        resources = resources.with_metrics_engine(engine, "--metrics-engine");
    }
    if let Some(peers) = metrics.peers {
        resources = resources.with_peer_metadata(peers, "--peer-metadata");
    }
    PolicySet::of(resources, control_plane().0)
}

/// Documents to ask about, with what this command's environment says.
pub(crate) fn explainer(checked: &Checked) -> Explainer<'_> {
    Explainer::of(checked, control_plane().0)
}

/// What this command's environment says, with the name of each variable in the place of its value: for results in which no
/// secret may stand.
pub(crate) fn without_values() -> ControlPlane {
    let ControlPlane { trace_sampling, environment } = control_plane().0;
    let named = |environment: BTreeMap<String, String>| -> BTreeMap<String, String> {
        environment.into_keys().map(|name| (name.clone(), format!("${name}"))).collect()
    };
    ControlPlane { trace_sampling, environment: environment.map(named) }
}

/// What resources want of the environment and do not get.
pub(crate) fn doubts(resources: &Resources) -> Vec<Problem> {
    let (control_plane, problem) = control_plane();
    problem.into_iter().chain(judge_variables(resources, &control_plane)).collect()
}

/// Variables that are no text are as good as not set.
fn control_plane() -> (ControlPlane, Option<Problem>) {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    ControlPlane::new(std::env::vars_os().filter_map(text).collect::<BTreeMap<_, _>>())
}
