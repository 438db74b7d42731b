//! The loggers of metrics of a plan, and what is told of the two engines.

use burgee_api::Severity;
use burgee_api::resolve::{Effective, ListenerClass, ProviderMetrics};

use super::listener::has_place;
use super::made::What;
use super::{Plan, placed, problem};
use crate::Options;
use crate::codes;
use crate::edit::Edit;
use crate::engine::{self, NativeException};
use crate::facts::Facts;
use crate::lower::{self, native, peer_metadata};
use crate::mark::{ACCESS_LOG, Before};
use crate::view::Part;

/// Plans the loggers of metrics of one manager, behind the base's own access logs. How many there are.
pub(super) fn plan(
    manager: &Part<'_>,
    class: ListenerClass,
    policy: &Effective,
    options: &Options,
    plan: &mut Plan,
) -> usize {
    let may_have_peers = !peer_metadata::is_done(manager.http_filters());
    let before = Before::of(manager.config, ACCESS_LOG);
    let present = manager.list(ACCESS_LOG).len();
    let mut count = 0;
    for (number, provider) in policy.class(class).metrics.iter().enumerate() {
        let facts = Facts {
            has_peers: may_have_peers && peer_metadata::is_asked_by(provider),
            have_clusters_a_say: plan.have_clusters_a_say,
            may_callers_have_certificates: manager.has_transport,
        };
        let what = What::MetricsLog(class, before, number, facts);
        // The same is told of every manager.
        if !plan.made.has(&what) {
            tell(policy, class, provider, plan);
        }
        let make = || {
            let logger = native::logger(policy, class, provider, before, facts, options)?;
            Some((lower::filter_owner(provider), logger))
        };
        let Some((owner, value)) = plan.made.get(what, make) else {
            continue;
        };
        if !has_place(manager, plan) {
            return 0;
        }
        plan.edits.push(Edit { path: manager.path.field(ACCESS_LOG).index(present + count), owner, value });
        count += 1;
    }
    count
}

/// Says where the native engine differs, and which metrics stay with the filter.
fn tell(policy: &Effective, class: ListenerClass, provider: &ProviderMetrics, plan: &mut Plan) {
    let Some(asked) = &provider.engine else { return };
    let made = engine::of_provider(policy, class, provider);
    if made.iter().any(|made| made.is_native()) {
        let message = format!(
            "Envoy itself makes the metrics of {}, which needs Envoy {} and differs from the filter in {} respects",
            provider.provider.value,
            engine::LEAST_ENVOY,
            NativeException::ALL.len(),
        );
        let help =
            "docs/metrics-engines.md lists them; `burgee.dev/metrics-engine: wasm` has the filter make them";
        let told = problem(Severity::Note, codes::NATIVE_METRICS, String::new(), message, help);
        plan.say(placed(told, &asked.origin));
    }
    for made in made.iter().filter(|made| made.stays()) {
        let help = "write the expression so that it plainly gives a text, a whole number or a boolean, and without \
                    `+`, `%` and macros; or leave it: both engines give the same series";
        let told = problem(
            Severity::Note,
            codes::STAYS_WITH_WASM,
            String::new(),
            made.text(made.metric.api_name()),
            help,
        );
        plan.say(placed(told, made.origin.as_ref().unwrap_or(&asked.origin)));
    }
}
