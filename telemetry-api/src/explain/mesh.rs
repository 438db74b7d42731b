//! What comes of each field of the mesh's configuration at one workload.

use super::Here;
use super::answer::{FieldAnswer, What};
use super::model::{Cause, ClassExplanation, Explanation, Signal, Value};
use super::why_not::{always, field, section};
use super::{providers, values};
use crate::origin::{Origin, Traced};
use crate::resolve::providers::{Unusable, sink};
use crate::resolve::{ListenerClass, Tracing};
use crate::resources::mesh_config::{Encoding, ExtensionProvider};
use crate::resources::{MeshConfig, ProviderKind};

/// A field that is written.
struct Written {
    signal: Signal,
    origin: Origin,
    value: Value,
    kind: Kind,
}

/// What a field is for, as far as its effect depends on it.
enum Kind {
    DefaultProvider(String),
    /// What makes metrics.
    Engine,
    /// A default provider of traces after the first.
    FurtherTracer,
    EnableTracing,
    /// The tracer that proxies start with.
    MeshTracer,
    MeshFile,
    MeshService,
    OfSpans,
    /// It says what holds by default.
    ByDefault,
    /// Whether there are Istio's own tags where no provider is in force.
    IstioTags,
}

/// What comes of each field.
pub(super) fn fields(here: &Here<'_>, explanation: &Explanation) -> Vec<FieldAnswer> {
    let mesh = here.lookup.mesh;
    let mut answers = Vec::new();
    let is_written = |origin: &Origin| matches!(origin, Origin::Document { .. });
    let root = &mesh.root_namespace;
    if is_written(&root.origin) {
        let what = "the root namespace, whose documents are for the whole mesh";
        answers.push(always(explanation, root.origin.clone(), values::text(&root.value), what));
    }
    for Written { signal, origin, value, kind } in
        written(mesh).into_iter().filter(|field| is_written(&field.origin))
    {
        let mut answer = field(explanation, signal, origin, value);
        for class in &mut answer.classes {
            if class.in_force.is_empty() && class.overridden.is_empty() && class.lost.is_none() {
                class.lost = Some(lost(here, class.class, &kind, &answer.value));
            }
        }
        answers.push(answer);
    }
    answers.extend(connect_timeout(here, explanation));
    answers.extend(mesh_id(here, explanation));
    answers.extend(
        mesh.extension_providers
            .iter()
            .filter(|provider| is_written(&provider.origin))
            .map(|provider| extension_provider(here, explanation, provider)),
    );
    answers
}

fn written(mesh: &MeshConfig) -> Vec<Written> {
    let mut fields = Vec::new();
    let mut add = |signal, origin: &Origin, value, kind| {
        fields.push(Written { signal, origin: origin.clone(), value, kind });
    };
    let default = |name: &Traced<String>| Kind::DefaultProvider(name.value.clone());
    for name in &mesh.default_metrics_providers {
        add(Signal::Metrics, &name.origin, values::text(&name.value), default(name));
    }
    if let Some(engine) = &mesh.metrics_engine {
        add(Signal::Metrics, &engine.origin, values::text(engine.value.name()), Kind::Engine);
    }
    if let Some(peers) = &mesh.peer_metadata {
        add(Signal::Metrics, &peers.origin, values::text(peers.value.name()), Kind::Engine);
    }
    if let Some(labels) = &mesh.peer_labels {
        add(Signal::Metrics, &labels.origin, values::text(&labels.value.join(", ")), Kind::Engine);
    }
    for (index, name) in mesh.default_tracing_providers.iter().enumerate() {
        let kind = if index == 0 { default(name) } else { Kind::FurtherTracer };
        add(Signal::Tracing, &name.origin, values::text(&name.value), kind);
    }
    for name in &mesh.default_access_logging_providers {
        add(Signal::AccessLogging, &name.origin, values::text(&name.value), default(name));
    }
    let enabled = &mesh.enable_tracing;
    add(Signal::Tracing, &enabled.origin, values::flag(enabled.value), Kind::EnableTracing);
    for text in [&mesh.access_log_file, &mesh.access_log_format] {
        add(Signal::AccessLogging, &text.origin, values::text(&text.value), Kind::MeshFile);
    }
    let encoding = &mesh.access_log_encoding;
    add(Signal::AccessLogging, &encoding.origin, self::encoding(encoding.value), Kind::MeshFile);
    let service = &mesh.enable_access_log_service;
    add(Signal::AccessLogging, &service.origin, values::flag(service.value), Kind::MeshService);
    if let Some(service) = &mesh.access_log_service {
        let shown = values::text(&format!("{}:{}", service.value.host, service.value.port));
        add(Signal::AccessLogging, &service.origin, shown, Kind::MeshService);
    }
    let quiet = &mesh.disable_listener_log;
    add(Signal::AccessLogging, &quiet.origin, values::flag(quiet.value), Kind::ByDefault);
    let proxy = &mesh.proxy_tracing;
    if let Some(tracer) = &proxy.tracer {
        let shown = values::text(&format!("{}:{}", tracer.value.host, tracer.value.port));
        add(Signal::Tracing, &tracer.origin, shown, Kind::MeshTracer);
    }
    if let Some(sampling) = &proxy.sampling {
        add(Signal::Tracing, &sampling.origin, values::percent(sampling.value), Kind::OfSpans);
    }
    for (_, tag) in &proxy.custom_tags {
        add(Signal::Tracing, &tag.origin, values::custom_tag(&tag.value), Kind::OfSpans);
    }
    if let Some(length) = &proxy.max_path_tag_length {
        add(Signal::Tracing, &length.origin, values::number(length.value), Kind::OfSpans);
    }
    if let Some(tags) = &proxy.istio_tags {
        add(Signal::Tracing, &tags.origin, values::flag(tags.value), Kind::IstioTags);
    }
    if let Some(cluster) = &proxy.service_cluster {
        add(Signal::Tracing, &cluster.origin, values::text(&cluster.value), Kind::OfSpans);
    }
    fields
}

pub(super) fn encoding(encoding: Encoding) -> Value {
    values::text(match encoding {
        Encoding::Text => "TEXT",
        Encoding::Json => "JSON",
    })
}

/// Why a field comes to nothing at a class of listeners.
fn lost(here: &Here<'_>, class: ListenerClass, kind: &Kind, value: &Value) -> (Cause, String) {
    let policy = here.effective.class(class);
    let is_traced = matches!(policy.tracing, Tracing::Provider { .. } | Tracing::Bootstrap(_));
    let (cause, why) = match kind {
        Kind::DefaultProvider(name) => return default_lost(here, name),
        Kind::Engine => (Cause::NoProvider, "nothing is measured here"),
        Kind::FurtherTracer => (Cause::Ignored, "of the default providers of traces only the first counts"),
        Kind::EnableTracing | Kind::MeshTracer => (
            Cause::Replaced,
            "it decides only where no Telemetry speaks of traces and defaultProviders.tracing is empty",
        ),
        Kind::MeshFile if here.lookup.mesh.access_log_file.value.is_empty() => {
            (Cause::Ignored, "accessLogFile is empty, so nothing is written to it")
        }
        Kind::MeshService if !here.lookup.mesh.enable_access_log_service.value => {
            (Cause::Ignored, "enableEnvoyAccessLogService is not true, so nothing is sent to it")
        }
        Kind::ByDefault => (Cause::Ignored, "it says what holds by default"),
        Kind::MeshFile | Kind::MeshService => {
            (Cause::Replaced, "it decides only where no usable provider of access logs is in force")
        }
        Kind::OfSpans | Kind::IstioTags if !is_traced => (Cause::SwitchedOff, "nothing is traced here"),
        Kind::IstioTags => {
            (Cause::Ignored, "it counts only where no Telemetry speaks of traces and no provider is in force")
        }
        Kind::OfSpans if value.json == 0 || value.json == 0.0 => {
            (Cause::Ignored, "0 stands for nothing said")
        }
        Kind::OfSpans => (Cause::Replaced, "something that was said later stands in its place"),
    };
    (cause, why.to_owned())
}

fn default_lost(here: &Here<'_>, name: &str) -> (Cause, String) {
    let (mesh, services) = (here.lookup.mesh, here.lookup.services);
    let Some(known) = mesh.provider(name) else {
        return (Cause::UnusableProvider, providers::why(mesh, &Unusable::Unknown));
    };
    let unusable = match known.kind {
        ProviderKind::Prometheus => None,
        _ => match (here.lookup.tracer(name, here.workload), sink(mesh, services, name)) {
            (Ok(_), _) | (_, Ok(_)) => None,
            (Err(unusable @ Unusable::Collector(_)), _) | (_, Err(unusable)) => Some(unusable),
        },
    };
    match unusable {
        Some(unusable) => (Cause::UnusableProvider, providers::why(mesh, &unusable)),
        None => (
            Cause::Replaced,
            "a document has accessLogging, and none of its entries for this side is about it".to_owned(),
        ),
    }
}

/// How long connections to services may take, whoever reports to them.
fn connect_timeout(here: &Here<'_>, explanation: &Explanation) -> Option<FieldAnswer> {
    let timeout = &here.lookup.mesh.connect_timeout;
    if !matches!(timeout.origin, Origin::Document { .. }) {
        return None;
    }
    let mut answer =
        field(explanation, Signal::Tracing, timeout.origin.clone(), values::duration(timeout.value));
    for (class, of) in answer.classes.iter_mut().zip(&explanation.classes) {
        let of_logs = section(of, Signal::AccessLogging).map_or(&[][..], |section| &section.facts);
        class.in_force.extend(of_logs.iter().filter(|fact| fact.origin == timeout.origin).map(What::from));
        if class.in_force.is_empty() {
            class.lost = Some((Cause::Ignored, "no service is reported to here".to_owned()));
        }
    }
    Some(answer)
}

/// The mesh's id, which is one of Istio's own tags.
fn mesh_id(here: &Here<'_>, explanation: &Explanation) -> Option<FieldAnswer> {
    let id = here.lookup.mesh.proxy_tracing.mesh_id.as_ref()?;
    let mut answer = field(explanation, Signal::Tracing, id.origin.clone(), values::text(&id.value));
    for (class, of) in answer.classes.iter_mut().zip(&explanation.classes) {
        let tag = "customTags.istio.mesh_id";
        let facts = section(of, Signal::Tracing).map_or(&[][..], |section| &section.facts);
        match facts.iter().find(|fact| fact.field == tag) {
            Some(fact) => class.in_force.push(What::from(fact)),
            None => class.lost = Some((Cause::SwitchedOff, "spans carry no tags of Istio's here".to_owned())),
        }
    }
    Some(answer)
}

fn extension_provider(
    here: &Here<'_>,
    explanation: &Explanation,
    provider: &ExtensionProvider,
) -> FieldAnswer {
    let value = values::text(&format!("{}, of kind {}", provider.name, provider.kind.key()));
    let mut answer = field(explanation, Signal::Plugins, provider.origin.clone(), value);
    for (class, of) in answer.classes.iter_mut().zip(&explanation.classes) {
        class.in_force = uses(of, provider);
        if class.in_force.is_empty() {
            class.lost = Some(match unusable(here, class.class, provider) {
                Some(why) => (Cause::UnusableProvider, why),
                None => (Cause::OutOfScope, "no provider of this name is in force here".to_owned()),
            });
        }
    }
    answer
}

/// What a provider is in force of. Names are looked up without regard to case.
fn uses(class: &ClassExplanation, provider: &ExtensionProvider) -> Vec<What> {
    let facts = class.sections.iter().flat_map(|section| &section.facts);
    let facts = facts.filter(|fact| fact.unmet.is_none());
    let is_named = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(&provider.name));
    let named = facts.filter(|fact| fact.field == "provider" && is_named(fact.value.json.as_str()));
    named.map(What::from).collect()
}

/// Why a provider is not used that is named.
fn unusable(here: &Here<'_>, class: ListenerClass, provider: &ExtensionProvider) -> Option<String> {
    match &here.effective.class(class).tracing {
        Tracing::LeftOut(name) if name.value.eq_ignore_ascii_case(&provider.name) => {
            let unusable = here.lookup.tracer(&name.value, here.workload).err();
            unusable.as_ref().map(|unusable| providers::why(here.lookup.mesh, unusable))
        }
        _ => None,
    }
}
