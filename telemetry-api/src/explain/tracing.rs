//! Why spans are what they are at one class of listeners.

use super::fields::{self, Leaf, LeafKind};
use super::model::{Cause, Fact, Remark, Section, Signal};
use super::{Here, losses, providers, tracers, values};
use crate::origin::{Origin, Traced};
use crate::problem::codes;
use crate::resolve::said::Decided;
use crate::resolve::tracers::Told;
use crate::resolve::tracing::{Settings, Spec, merge};
use crate::resolve::{ListenerClass, Tracing, TracingSettings, WorkloadKind};
use crate::resources::mesh_config::MeshTracer;

/// How most fields are decided.
const LAST: &str = "the last entry for this side that says it decides";
/// What holds where nothing says anything.
const DEFAULT: &str = "nothing says otherwise";

pub(super) fn section(here: &Here<'_>, class: ListenerClass) -> Section {
    let spec = merge(here.lookup.mesh, &here.telemetries, class);
    let policy = &here.effective.class(class).tracing;
    let (facts, remarks) = match &spec {
        None => (of_mesh(here, policy), Vec::new()),
        Some(spec) => (in_force(here, policy, spec), remarks(here, policy, spec, class)),
    };
    let mut section = Section { signal: Signal::Tracing, facts, lost: Vec::new(), remarks };
    for entry in here.telemetries.iter().flat_map(|telemetry| &telemetry.tracing) {
        for leaf in fields::of_tracing(entry) {
            losses::add(&mut section, class, leaf, |leaf| lost(policy, spec.as_ref(), leaf));
        }
    }
    section
}

/// What holds when no Telemetry and no default provider says anything.
fn of_mesh(here: &Here<'_>, policy: &Tracing) -> Vec<Fact> {
    let mesh = here.lookup.mesh;
    let why = "no Telemetry speaks of traces here and defaultProviders.tracing is empty, so the mesh's own settings \
               decide";
    let settings_facts = |settings| settings_facts(here, &Settings::of_mesh(here.lookup), settings, None);
    match policy {
        Tracing::Off(origin) => vec![Fact::new("enableTracing", values::flag(false), origin, why)],
        Tracing::Bootstrap(settings) => {
            let written = mesh.proxy_tracing.written.as_ref();
            let origin = match &mesh.enable_tracing.origin {
                origin @ Origin::Document { .. } => origin,
                rule @ Origin::Rule(_) => written.unwrap_or(rule),
            };
            let to = values::text("to where the proxy's bootstrap says");
            let mut facts = vec![Fact::new("tracing", to, origin, why)];
            facts.extend(settings_facts(settings));
            facts
        }
        Tracing::Provider { provider, tracer, settings } => {
            let mut facts = vec![Fact::new("provider", values::text(&provider.value), &provider.origin, why)];
            facts.extend(tracers::facts(here, provider, tracer));
            facts.extend(settings_facts(settings));
            facts
        }
        Tracing::LeftOut(provider) => {
            let is_at_node = |tracer: &Traced<MeshTracer>| tracer.value.host == MeshTracer::NODE;
            let unusable = match mesh.proxy_tracing.tracer.as_ref().is_some_and(is_at_node) {
                true => "it is on each machine, whose address is not known here",
                false => "tlsSettings ask for TLS, which this version does not speak to it",
            };
            let off = format!("the tracer of defaultConfig.tracing cannot be used: {unusable}");
            let fact = Fact::new("tracing", values::nothing("off"), &provider.origin, off);
            vec![fact.unmet(Cause::UnusableProvider)]
        }
        Tracing::Untouched => {
            let why = "no Telemetry speaks of traces here, and MeshConfig has none of defaultProviders.tracing, \
                       enableTracing and defaultConfig.tracing";
            let value = values::nothing("left as the proxy has it");
            vec![Fact::new("tracing", value, &Origin::Rule(DEFAULT), why)]
        }
    }
}

/// What holds where a Telemetry or a default provider says something.
fn in_force(here: &Here<'_>, policy: &Tracing, spec: &Spec<'_>) -> Vec<Fact> {
    let lookup = here.lookup;
    match policy {
        Tracing::Provider { provider, tracer, settings } => {
            let Ok(told) = lookup.tracer(&provider.value, here.workload) else { return Vec::new() };
            let said = Settings::of_provider(lookup, spec, told.own_sampler);
            let mut facts = vec![provider_fact(here, provider, spec)];
            facts.extend(tracers::facts(here, provider, tracer));
            facts.push(disabled_fact(spec));
            facts.extend(settings_facts(here, &said, settings, Some((provider, &told))));
            facts
        }
        Tracing::LeftOut(provider) => {
            let unusable = lookup.tracer(&provider.value, here.workload).err();
            let why = unusable
                .as_ref()
                .map(|unusable| providers::why(here.lookup.mesh, unusable))
                .unwrap_or_default();
            let off = Fact::new(
                "tracing",
                values::nothing("off"),
                &provider.origin,
                format!("provider {} cannot be used ({why}), and nothing stands in for it", provider.value),
            );
            let named = provider_fact(here, provider, spec);
            [off, named].map(|fact| fact.unmet(Cause::UnusableProvider)).into()
        }
        Tracing::Off(_) | Tracing::Untouched | Tracing::Bootstrap(_) => {
            let is_disabled = spec.disabled.in_force().is_some_and(|disabled| disabled.value);
            vec![if is_disabled { disabled_fact(spec) } else { no_provider(spec) }]
        }
    }
}

fn no_provider(spec: &Spec<'_>) -> Fact {
    let why = "a Telemetry speaks of traces here, no entry for this side names a provider, and \
               defaultProviders.tracing is empty: in Istio that ends tracing, that of the proxy's bootstrap too";
    Fact::new("provider", values::nothing("none, so nothing is traced"), spec.last, why)
}

fn provider_fact(here: &Here<'_>, provider: &Traced<String>, spec: &Spec<'_>) -> Fact {
    let is_default = here.lookup.mesh.default_tracing_providers.first() == Some(provider);
    let why = match is_default {
        true => "no entry for this side names a provider, so the first of defaultProviders.tracing holds",
        false => "the last entry for this side that names a provider decides",
    };
    Fact::new("provider", values::text(&provider.value), &provider.origin, why)
        .over(values::overridden(spec.provider.overridden().iter().copied(), |name| values::text(name)))
}

fn disabled_fact(spec: &Spec<'_>) -> Fact {
    let said = spec.disabled.in_force();
    let default = Origin::Rule("Istio's default");
    let (value, origin) = said.map_or((false, &default), |said| (said.value, &said.origin));
    let why = if said.is_some() { LAST } else { DEFAULT };
    Fact::new("disableSpanReporting", values::flag(value), origin, why)
        .over(values::overridden(spec.disabled.overridden().iter().copied(), |flag| values::flag(*flag)))
}

/// The settings of spans. Where a provider is in force, it and what it is told.
fn settings_facts(
    here: &Here<'_>,
    said: &Settings<'_>,
    settings: &TracingSettings,
    provider: Option<(&Traced<String>, &Told<'_>)>,
) -> Vec<Fact> {
    let TracingSettings {
        sampling,
        custom_tags: _,
        use_request_id,
        disable_context_propagation,
        max_path_tag_length,
        spawn_upstream_span,
    } = settings;
    let flag_fact = |field: &str, value: &Traced<bool>, decided: &Decided<bool>| {
        let why = match &value.origin {
            Origin::Rule(_) => DEFAULT,
            Origin::Document { .. } => LAST,
        };
        Fact::new(field, values::flag(value.value), &value.origin, why)
            .over(values::overridden(&decided.overridden, |flag| values::flag(*flag)))
    };
    let mut facts = vec![sampling_fact(here, said, sampling, provider.map(|(_, told)| told))];
    facts.push(flag_fact("enableIstioTags", &said.istio_tags.in_force, &said.istio_tags));
    facts.extend(tag_facts(said, settings));
    facts.push(flag_fact("useRequestIdForTraceSampling", use_request_id, &said.use_request_id));
    facts.push(flag_fact(
        "disableContextPropagation",
        disable_context_propagation,
        &said.disable_context_propagation,
    ));
    facts.push(path_length_fact(here, *max_path_tag_length, provider));
    let rule = Origin::Rule(match (spawn_upstream_span, here.workload.kind) {
        (false, _) => "only gateways with a provider have one",
        (true, WorkloadKind::Gateway) => "gateways have one",
        (true, WorkloadKind::Sidecar) => "SkyWalking shows no topology without",
    });
    let why = "whether the request to the upstream has a span of its own";
    facts.push(Fact::new("spawnUpstreamSpan", values::flag(*spawn_upstream_span), &rule, why));
    facts
}

fn sampling_fact(
    here: &Here<'_>,
    said: &Settings<'_>,
    sampling: &Traced<f64>,
    told: Option<&Told<'_>>,
) -> Fact {
    let is = |origin: Option<&Origin>| origin == Some(&sampling.origin);
    let of_proxy = here.lookup.mesh.proxy_tracing.sampling.as_ref().map(|sampling| &sampling.origin);
    let why = if is(told.and_then(|told| told.own_sampler)) {
        "the provider has a sampler of its own, which every trace is offered to"
    } else if is(of_proxy) {
        "no Telemetry says a percentage, so the proxy's configuration decides"
    } else if matches!(sampling.origin, Origin::Rule(_)) {
        DEFAULT
    } else {
        LAST
    };
    Fact::new("randomSamplingPercentage", values::percent(sampling.value), &sampling.origin, why)
        .over(values::overridden(&said.sampling.overridden, |percent| values::percent(*percent)))
}

fn tag_facts(said: &Settings<'_>, settings: &TracingSettings) -> Vec<Fact> {
    let of_istio = &said.istio_tags.in_force.origin;
    let fact = |(name, tag): &(String, Traced<crate::resolve::CustomTag>)| {
        let why = match &tag.origin == of_istio {
            true => "spans carry Istio's own tags unless enableIstioTags is false",
            false => "the last entry for this side that says customTags replaces all before it",
        };
        let before = said.custom_tags.overridden().iter().flat_map(|tags| tags.iter());
        let of_name =
            before.filter(|(other, _)| other == name && &tag.origin != of_istio).map(|(_, tag)| tag);
        Fact::new(format!("customTags.{name}"), values::custom_tag(&tag.value), &tag.origin, why)
            .over(values::overridden(of_name, values::custom_tag))
    };
    settings.custom_tags.iter().map(fact).collect()
}

fn path_length_fact(
    here: &Here<'_>,
    length: Option<u32>,
    provider: Option<(&Traced<String>, &Told<'_>)>,
) -> Fact {
    let mesh = here.lookup.mesh;
    let Some(length) = length else {
        let value = values::nothing("Envoy's own limit");
        return Fact::new("maxPathTagLength", value, &Origin::Rule("Envoy's default"), DEFAULT);
    };
    let of_provider = provider.filter(|(_, told)| told.max_tag_length > 0);
    let of_provider = of_provider.and_then(|(name, _)| mesh.provider(&name.value));
    let of_provider = of_provider.map(|known| known.written.origin("maxTagLength").unwrap_or(&known.origin));
    let of_proxy = mesh.proxy_tracing.max_path_tag_length.as_ref();
    let rule = Origin::Rule("Envoy's default");
    let (origin, why, over) = match (of_provider, of_proxy) {
        (Some(origin), of_proxy) => (origin, "the provider's maxTagLength goes first", of_proxy),
        (None, Some(of_proxy)) => (&of_proxy.origin, "the proxy's configuration says so", None),
        (None, None) => (&rule, DEFAULT, None),
    };
    Fact::new("maxPathTagLength", values::number(length), origin, why)
        .over(values::overridden(over, |length| values::number(*length)))
}

/// Why a field comes to nothing that is neither in force nor overridden.
fn lost(policy: &Tracing, spec: Option<&Spec<'_>>, leaf: &Leaf) -> (Cause, String) {
    if matches!(leaf.kind, LeafKind::Provider(1..)) {
        return (Cause::Ignored, "of the providers of an entry only the first counts".to_owned());
    }
    match (policy, spec) {
        (Tracing::LeftOut(provider), _) => {
            let why = format!("nothing is traced here, because provider {} cannot be used", provider.value);
            (Cause::UnusableProvider, why)
        }
        (Tracing::Off(_), Some(spec)) => match spec.disabled.in_force().filter(|disabled| disabled.value) {
            Some(disabled) => (Cause::SwitchedOff, format!("spans are kept back by {}", disabled.origin)),
            None => (Cause::NoProvider, "no provider of traces is in force here".to_owned()),
        },
        _ if leaf.kind == LeafKind::Tag => {
            (Cause::Replaced, "customTags that are said later replace all of those before".to_owned())
        }
        _ => (Cause::Ignored, "it changes nothing where a provider is in force".to_owned()),
    }
}

fn remarks(here: &Here<'_>, policy: &Tracing, spec: &Spec<'_>, class: ListenerClass) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let disabled = spec.disabled.in_force().filter(|disabled| disabled.value);
    if let (Tracing::Off(_), Some(disabled)) = (policy, disabled) {
        let covering = here.telemetries.iter().flat_map(|telemetry| &telemetry.tracing);
        let covering = covering.filter(|entry| entry.mode.covers(class.is_client()));
        let after =
            covering.skip_while(|entry| entry.disable_span_reporting.as_ref() != Some(disabled)).skip(1);
        for name in after.filter_map(|entry| entry.providers.first()) {
            remarks.push(Remark {
                text: format!("naming provider {} does not switch tracing on again", name.value),
                code: Some(codes::STILL_DISABLED),
                origin: Some(name.origin.clone()),
            });
        }
    }
    if matches!(policy, Tracing::Off(_)) && disabled.is_none() {
        remarks.push(Remark {
            text: "name a provider (`providers:`) wherever tracing is changed, or set defaultProviders.tracing: \
                   without one every tracing entry switches tracing off"
                .to_owned(),
            code: Some(codes::TRACING_ENDED),
            origin: Some(spec.last.clone()),
        });
    }
    remarks
}
