//! How tracing entries add up: Istio's algorithm, step by step, for one class of listener.

use super::control_plane::{ControlPlane, DEFAULT_SAMPLING, is_share};
use super::effective::{CustomTag, Tracing, TracingSettings};
use super::said::{Decided, Said};
use super::tracer::Tracer;
use super::tracers::{Lookup, Told};
use super::workload::{ListenerClass, Workload, WorkloadKind};
use crate::origin::{Origin, Traced};
use crate::resources::telemetry::TracingEntry;
use crate::resources::{MeshConfig, Telemetry};

/// The filter that leaves the results of policies that are tried out.
const AUTHORIZATION_FILTER: &str = "envoy.filters.http.rbac";
/// Istio's tags of those results, and the keys that the filter leaves them under.
const DRY_RUN_TAGS: [(&str, &str); 4] = [
    ("istio.authorization.dry_run.allow_policy.name", "istio_dry_run_allow_shadow_effective_policy_id"),
    ("istio.authorization.dry_run.allow_policy.result", "istio_dry_run_allow_shadow_engine_result"),
    ("istio.authorization.dry_run.deny_policy.name", "istio_dry_run_deny_shadow_effective_policy_id"),
    ("istio.authorization.dry_run.deny_policy.result", "istio_dry_run_deny_shadow_engine_result"),
];

type Tags = [(String, Traced<CustomTag>)];

/// What the entries add up to for one side: of every field everything that was said.
#[derive(Debug)]
pub(crate) struct Spec<'t> {
    /// What was said last of all, for this side if for any.
    pub last: &'t Origin,
    /// The provider's name, known or not; the mesh's default is the first.
    pub provider: Said<'t, Traced<String>>,
    /// Whether spans are kept back.
    pub disabled: Said<'t, Traced<bool>>,
    sampling: Said<'t, Traced<f64>>,
    /// Each replaces the one before it as a whole.
    custom_tags: Said<'t, Tags>,
    use_request_id: Said<'t, Traced<bool>>,
    /// Whether spans carry Istio's own tags.
    pub istio_tags: Said<'t, Traced<bool>>,
    disable_context_propagation: Said<'t, Traced<bool>>,
}

/// What the documents say of one class of listener; absent: nothing at all, and the mesh's own settings decide.
/// `telemetries` are in the order of contribution.
pub(crate) fn merge<'t>(
    mesh: &'t MeshConfig,
    telemetries: &[&'t Telemetry],
    class: ListenerClass,
) -> Option<Spec<'t>> {
    let entries: Vec<&TracingEntry> = telemetries.iter().flat_map(|telemetry| &telemetry.tracing).collect();
    let default = mesh.default_tracing_providers.first();
    let covering: Vec<&&TracingEntry> =
        entries.iter().filter(|entry| entry.mode.covers(class.is_client())).collect();
    let last = covering.last().copied().or(entries.last()).map(|entry| &entry.origin);
    let mut spec = Spec {
        last: last.or(default.map(|name| &name.origin))?,
        provider: Said::first(default),
        disabled: Said::default(),
        sampling: Said::default(),
        custom_tags: Said::default(),
        use_request_id: Said::default(),
        istio_tags: Said::default(),
        disable_context_propagation: Said::default(),
    };
    for entry in covering {
        spec.provider.add(entry.providers.first());
        spec.disabled.add(entry.disable_span_reporting.as_ref());
        spec.sampling.add(entry.sampling.as_ref());
        spec.custom_tags.add(Some(entry.custom_tags.as_slice()).filter(|tags| !tags.is_empty()));
        spec.use_request_id.add(entry.use_request_id.as_ref());
        spec.istio_tags.add(entry.istio_tags.as_ref());
        spec.disable_context_propagation.add(entry.disable_context_propagation.as_ref());
    }
    Some(spec)
}

/// What is traced at one class of listener of a workload.
pub(super) fn resolve(
    lookup: Lookup<'_>,
    telemetries: &[&Telemetry],
    workload: &Workload,
    class: ListenerClass,
) -> Tracing {
    let Some(spec) = merge(lookup.mesh, telemetries, class) else { return legacy(lookup, workload) };
    if let Some(disabled) = spec.disabled.in_force().filter(|disabled| disabled.value) {
        return Tracing::Off(disabled.origin.clone());
    }
    let Some(provider) = spec.provider.in_force() else { return Tracing::Off(spec.last.clone()) };
    match lookup.tracer(&provider.value, workload) {
        // An unknown or unsuitable provider ends tracing, as in Istio; `check` says so.
        Err(_) => Tracing::LeftOut(provider.clone()),
        Ok(Told { tracer, own_sampler, max_tag_length }) => {
            let settings = Settings::of_provider(lookup, &spec, own_sampler);
            // Without a span for the request to the upstream, SkyWalking shows no topology.
            let spawns =
                workload.kind == WorkloadKind::Gateway || matches!(tracer, Tracer::Skywalking { .. });
            Tracing::Provider {
                provider: provider.clone(),
                tracer,
                settings: settings.in_force(lookup.mesh, workload, max_tag_length, spawns),
            }
        }
    }
}

/// What holds when no Telemetry and no default provider says anything: the mesh's own settings, if any is written.
fn legacy(lookup: Lookup<'_>, workload: &Workload) -> Tracing {
    let mesh = lookup.mesh;
    let is_written = matches!(mesh.enable_tracing.origin, Origin::Document { .. });
    if !is_written && mesh.proxy_tracing.written.is_none() {
        return Tracing::Untouched;
    }
    if !mesh.enable_tracing.value {
        return Tracing::Off(mesh.enable_tracing.origin.clone());
    }
    let settings = Settings::of_mesh(lookup).in_force(mesh, workload, 0, false);
    let Some(tracer) = &mesh.proxy_tracing.tracer else { return Tracing::Bootstrap(settings) };
    let provider = Traced { value: Tracing::MESH_TRACER.to_owned(), origin: tracer.origin.clone() };
    match lookup.of_mesh(&tracer.value, workload) {
        None => Tracing::LeftOut(provider),
        Some(tracer) => Tracing::Provider { provider, tracer, settings },
    }
}

/// Of what documents can say of spans everything that was said.
#[derive(Debug)]
pub(crate) struct Settings<'t> {
    /// Which share of new traces is kept, in percent.
    pub sampling: Decided<f64>,
    /// Whether a request's id decides about sampling.
    pub use_request_id: Decided<bool>,
    /// Whether trace headers are kept from upstreams.
    pub disable_context_propagation: Decided<bool>,
    /// Whether spans carry Istio's own tags.
    pub istio_tags: Decided<bool>,
    /// The tags of documents: the proxy's configuration, then the Telemetries. Each replaces those before it as a whole.
    pub custom_tags: Said<'t, Tags>,
}

impl<'t> Settings<'t> {
    /// What the mesh's own settings say.
    pub fn of_mesh(lookup: Lookup<'t>) -> Settings<'t> {
        let proxy = &lookup.mesh.proxy_tracing;
        let sampling = sampling(None, &Said::default(), proxy.sampling.as_ref(), lookup.control_plane);
        let mut settings = Settings::by_default(lookup.mesh, sampling);
        settings.istio_tags.add(proxy.istio_tags.clone());
        settings
    }

    /// What the documents say where a provider is in force.
    pub fn of_provider(lookup: Lookup<'t>, spec: &Spec<'t>, own_sampler: Option<&Origin>) -> Settings<'t> {
        let of_proxy = lookup.mesh.proxy_tracing.sampling.as_ref();
        let sampling = sampling(own_sampler, &spec.sampling, of_proxy, lookup.control_plane);
        let settings = Settings::by_default(lookup.mesh, sampling);
        Settings {
            use_request_id: settings.use_request_id.then(&spec.use_request_id),
            disable_context_propagation: settings
                .disable_context_propagation
                .then(&spec.disable_context_propagation),
            istio_tags: settings.istio_tags.then(&spec.istio_tags),
            custom_tags: settings.custom_tags.then(&spec.custom_tags),
            ..settings
        }
    }

    fn by_default(mesh: &'t MeshConfig, sampling: Decided<f64>) -> Settings<'t> {
        let flag = |value, rule| Decided::by_default(Traced { value, origin: Origin::Rule(rule) });
        let tags = mesh.proxy_tracing.custom_tags.as_slice();
        Settings {
            sampling,
            use_request_id: flag(true, "Istio's default"),
            disable_context_propagation: flag(false, "Istio's default"),
            istio_tags: flag(true, "Istio's own tags, unless enableIstioTags is false"),
            custom_tags: Said::first(Some(tags).filter(|tags| !tags.is_empty())),
        }
    }

    /// What is in force. A provider says how long a path may be in a tag, or else, where it says 0, the proxy's
    /// configuration does.
    fn in_force(
        self,
        mesh: &MeshConfig,
        workload: &Workload,
        max_tag_length: u32,
        spawn_upstream_span: bool,
    ) -> TracingSettings {
        let of_proxy = mesh.proxy_tracing.max_path_tag_length.as_ref().map_or(0, |length| length.value);
        TracingSettings {
            custom_tags: self.every_tag(mesh, workload),
            sampling: self.sampling.in_force,
            use_request_id: self.use_request_id.in_force,
            disable_context_propagation: self.disable_context_propagation.in_force,
            max_path_tag_length: [max_tag_length, of_proxy].into_iter().find(|length| *length > 0),
            spawn_upstream_span,
        }
    }

    /// Istio's own tags unless they are switched off, then those of documents; ordered by name. Two of one name both
    /// stay, as in Istio.
    fn every_tag(&self, mesh: &MeshConfig, workload: &Workload) -> Vec<(String, Traced<CustomTag>)> {
        let mut tags = Vec::new();
        let istio_tags = &self.istio_tags.in_force;
        if istio_tags.value {
            let traced = |value| Traced { value, origin: istio_tags.origin.clone() };
            tags.extend(own_tags(mesh, workload).map(|(name, value)| (name.to_owned(), traced(value))));
        }
        tags.extend_from_slice(self.custom_tags.in_force().unwrap_or_default());
        tags.sort_by(|a, b| a.0.cmp(&b.0));
        tags
    }
}

/// Which share of new traces is kept, in percent: all of them for a sampler of the provider's own; else what a
/// Telemetry says, 0 too; else what the proxy's configuration says, unless that is 0; else the control plane's.
fn sampling(
    own_sampler: Option<&Origin>,
    telemetry: &Said<'_, Traced<f64>>,
    proxy: Option<&Traced<f64>>,
    control_plane: &ControlPlane,
) -> Decided<f64> {
    let in_range = |percent: f64| if is_share(percent) { percent } else { DEFAULT_SAMPLING };
    let value = in_range(control_plane.trace_sampling);
    let is_usual = (value - DEFAULT_SAMPLING).abs() < f64::EPSILON;
    let rule = match is_usual {
        true => "Istio's default: 1 % of new traces",
        false => "the control plane's PILOT_TRACE_SAMPLING",
    };
    let mut sampling = Decided::by_default(Traced { value, origin: Origin::Rule(rule) });
    let of_proxy = proxy.filter(|percent| percent.value != 0.0);
    sampling.add(of_proxy.map(|percent| Traced { value: in_range(percent.value), ..percent.clone() }));
    let mut sampling = sampling.then(telemetry);
    sampling.add(own_sampler.map(|origin| Traced { value: 100.0, origin: origin.clone() }));
    sampling
}

/// Istio's tags of who the workload is.
const SERVICE_TAGS: [&str; 5] = [
    "istio.canonical_revision",
    "istio.canonical_service",
    "istio.cluster_id",
    "istio.mesh_id",
    "istio.namespace",
];

/// Whether Istio has a tag of that name.
pub(crate) fn is_own_tag(name: &str) -> bool {
    SERVICE_TAGS.contains(&name) || DRY_RUN_TAGS.iter().any(|(known, _)| *known == name)
}

/// Istio's own tags: who the workload is, and the results of authorization policies that are tried out.
fn own_tags(mesh: &MeshConfig, workload: &Workload) -> impl Iterator<Item = (&'static str, CustomTag)> {
    let identity = workload.identity();
    let of_mesh = mesh.proxy_tracing.mesh_id.as_ref().map(|id| &id.value);
    let mesh_id = workload.mesh_id.as_ref().or(of_mesh).filter(|id| !id.is_empty()).cloned();
    let values = [
        identity.canonical_revision,
        identity.canonical_service,
        workload.cluster.clone(),
        mesh_id.unwrap_or_else(|| "unknown".to_owned()),
        workload.namespace.clone(),
    ];
    let dry_run = DRY_RUN_TAGS.into_iter().map(|(name, key)| {
        (name, CustomTag::Metadata { filter: AUTHORIZATION_FILTER.to_owned(), key: key.to_owned() })
    });
    let service_tags = SERVICE_TAGS.into_iter().zip(values.map(CustomTag::Literal));
    service_tags.chain(dry_run)
}

#[cfg(test)]
mod tests;
