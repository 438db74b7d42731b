//! Tracing entries that end tracing, or do not begin it, where that is not what they say.

use crate::check::situations::View;
use crate::check::telemetry::at;
use crate::origin::Origin;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::ListenerClass;
use crate::resolve::tracing::{is_own_tag, merge};
use crate::resources::MeshConfig;
use crate::resources::telemetry::TracingEntry;

pub(super) fn check(view: &View<'_, '_>, class: ListenerClass) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (telemetry, mesh) = (view.telemetry(), view.here.mesh);
    let covering: Vec<&TracingEntry> =
        telemetry.tracing.iter().filter(|entry| entry.mode.covers(class.is_client())).collect();
    let spec = merge(mesh, &view.here.all, class);
    let (Some(first), Some(spec)) = (covering.first(), spec) else { return problems };
    let is_disabled = spec.disabled.in_force().is_some_and(|disabled| disabled.value);
    if spec.provider.in_force().is_none() && !is_disabled && mesh.was_read {
        let also = match mesh.enable_tracing.value {
            true => ", that of a proxy's own bootstrap too",
            false => "",
        };
        problems.push(at(
            &first.origin,
            Severity::Warning,
            codes::TRACING_ENDED,
            format!("no tracing provider is in force here, so this switches tracing off{also}"),
            "name one (`providers: [{name: NAME}]`) here or above, or set defaultProviders.tracing in MeshConfig"
                .to_owned(),
        ));
    }
    if spec.istio_tags.in_force().is_none_or(|wanted| wanted.value) && !is_disabled {
        let entries = covering.iter().flat_map(|entry| &entry.custom_tags);
        problems.extend(entries.filter_map(|(name, tag)| twice(name, &tag.origin)));
    }
    // What a later document says is that one's matter.
    let inherited = merge(mesh, view.before(), class).and_then(|spec| spec.disabled.in_force());
    let disabled = inherited.filter(|disabled| disabled.value && is_disabled);
    problems.extend(disabled.and_then(|disabled| still_disabled(&covering, &disabled.origin)));
    problems
}

/// Tags of the proxy's configuration that Istio has too.
pub(super) fn tags_of_mesh(mesh: &MeshConfig, problems: &mut Vec<Problem>) {
    let proxy = &mesh.proxy_tracing;
    if proxy.istio_tags.as_ref().is_none_or(|wanted| wanted.value) {
        problems.extend(proxy.custom_tags.iter().filter_map(|(name, tag)| twice(name, &tag.origin)));
    }
}

/// A tag that Istio has under the same name.
fn twice(name: &str, origin: &Origin) -> Option<Problem> {
    is_own_tag(name).then(|| {
        let message = format!("Istio has a tag `{name}` too, and of the two spans carry Istio's");
        let help = "name it otherwise, or switch Istio's own tags off with `enableIstioTags: false`";
        at(origin, Severity::Warning, codes::TAG_TWICE, message, help.to_owned())
    })
}

/// A provider is named and spans are kept back all the same, because of what is said elsewhere.
fn still_disabled(covering: &[&TracingEntry], disabled: &Origin) -> Option<Problem> {
    if covering.iter().any(|entry| entry.disable_span_reporting.is_some()) {
        return None;
    }
    let name = covering.iter().find_map(|entry| entry.providers.first())?;
    Some(at(
        &name.origin,
        Severity::Warning,
        codes::STILL_DISABLED,
        "spans are kept back here all the same: naming a provider does not switch tracing on again"
            .to_owned(),
        format!("write `disableSpanReporting: false` beside it; switched off by {disabled}"),
    ))
}
