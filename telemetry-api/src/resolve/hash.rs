//! The hash of a policy set: of everything that it says, and of nothing about where it stands.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};

use sha2::{Digest as _, Sha256};

use self::calls::Calls;
use super::control_plane::ControlPlane;
use super::policies::Policy;
use crate::origin::Traced;
use crate::resources::mesh_config::{ExtensionProvider, ProviderConfig, ProxyTracing};
use crate::resources::telemetry::{AccessLoggingEntry, MetricsEntry, Selector, TargetRef, TracingEntry};
use crate::resources::{MeshConfig, Meta, PullSecret, Telemetry, TrafficExtension};

/// What stands for a text: equal for equal texts alone.
pub(super) type Digest = [u8; 32];

/// The digest of a text.
pub(super) fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// A digest in lower-case hex.
pub(super) fn hex(digest: &Digest) -> String {
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Policy for Telemetry {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    fn targets(&self) -> &[TargetRef] {
        &self.target_refs
    }

    fn sort_name(&self) -> String {
        self.meta.id.name.to_string()
    }

    fn describe(&self, text: &mut String) {
        let Telemetry {
            meta,
            selector,
            target_refs,
            metrics_engine,
            peer_metadata,
            metrics,
            tracing,
            access_logging,
        } = self;
        describe_whom(meta, selector.as_ref(), target_refs, text);
        let _ = write!(text, "\n{:?} {:?}", value(metrics_engine.as_ref()), value(peer_metadata.as_ref()));
        metrics.iter().for_each(|entry| describe_metrics(entry, text));
        tracing.iter().for_each(|entry| describe_tracing(entry, text));
        access_logging.iter().for_each(|entry| describe_access_logging(entry, text));
    }
}

/// Which document it is, and whom it is for.
pub(super) fn describe_whom(
    meta: &Meta,
    selector: Option<&Selector>,
    targets: &[TargetRef],
    text: &mut String,
) {
    let _ = write!(text, "\n{:?} {:?} {:?}", meta.id, meta.created, meta.revision());
    let _ = write!(text, "\n{:?}", selector.map(|selector| &selector.match_labels));
    for target in targets {
        let _ = write!(text, "\n{:?} {:?} {:?}", target.group, target.kind, target.name);
    }
}

/// A value without its place, if there is one.
pub(super) fn value<T>(traced: Option<&Traced<T>>) -> Option<&T> {
    traced.map(|traced| &traced.value)
}

/// The credentials that plugins name, by their digest.
pub(super) fn describe_secrets(secrets: &[PullSecret], plugins: &[TrafficExtension], text: &mut String) {
    let named: BTreeSet<(&str, &str)> = plugins
        .iter()
        .filter_map(|plugin| {
            let secret = plugin.wasm()?.image_pull_secret.as_ref()?;
            Some((&*plugin.meta.id.namespace, secret.value.as_str()))
        })
        .collect();
    let of_plugins = secrets.iter().map(|secret| ((&*secret.id.namespace, &*secret.id.name), secret));
    let of_plugins: BTreeMap<(&str, &str), &PullSecret> =
        of_plugins.filter(|(name, _)| named.contains(name)).collect();
    for (name, secret) in of_plugins {
        let known = secret.credentials.as_ref().map(|credentials| hex(&digest(credentials.docker_config())));
        let _ = write!(text, "\n{name:?} {:?}", known.ok());
    }
}

fn values<T>(traced: &[Traced<T>]) -> Vec<&T> {
    traced.iter().map(|traced| &traced.value).collect()
}

fn named<T: Debug>(traced: &[(String, Traced<T>)]) -> Vec<(&String, &T)> {
    traced.iter().map(|(name, traced)| (name, &traced.value)).collect()
}

/// Everything that a mesh's configuration says, with what it takes from a control plane.
pub(super) fn describe_mesh(mesh: &MeshConfig, control_plane: &ControlPlane, text: &mut String) {
    let calls = Calls(control_plane);
    let MeshConfig {
        was_read: _,
        source: _,
        revision,
        root_namespace,
        default_metrics_providers,
        metrics_engine,
        peer_metadata,
        peer_labels,
        default_tracing_providers,
        default_access_logging_providers,
        connect_timeout,
        enable_tracing,
        access_log_file,
        access_log_format,
        access_log_encoding,
        enable_access_log_service,
        disable_listener_log,
        access_log_service,
        proxy_tracing,
        extension_providers,
    } = mesh;
    let _ = write!(text, "\n{revision:?} {:?} {:?}", root_namespace.value, connect_timeout.value);
    for names in [default_metrics_providers, default_tracing_providers, default_access_logging_providers] {
        let _ = write!(text, "\n{:?}", values(names));
    }
    let _ = write!(text, "\n{:?} {:?}", value(metrics_engine.as_ref()), value(peer_metadata.as_ref()));
    let _ = write!(text, " {:?}", value(peer_labels.as_ref()));
    // Whether tracing was spoken of at all decides whether proxies are left as they are.
    let is_written = matches!(enable_tracing.origin, crate::Origin::Document { .. });
    let _ = write!(text, "\n{:?} {is_written}", enable_tracing.value);
    let _ = write!(text, "\n{:?} {:?}", access_log_file.value, access_log_format.value);
    let _ = write!(text, "\n{:?}", access_log_encoding.value);
    let _ = write!(text, " {:?} {:?}", enable_access_log_service.value, disable_listener_log.value);
    let _ = write!(text, " {:?}", value(access_log_service.as_ref()));
    let ProxyTracing {
        written,
        tracer,
        needs_tls,
        sampling,
        custom_tags,
        max_path_tag_length,
        istio_tags,
        service_cluster,
        service_name,
        mesh_id,
    } = proxy_tracing;
    let _ = write!(text, "\n{} {:?} {:?}", written.is_some(), value(sampling.as_ref()), named(custom_tags));
    let _ = write!(text, "\n{:?} {:?}", value(max_path_tag_length.as_ref()), value(istio_tags.as_ref()));
    let _ = write!(text, "\n{:?} {:?}", value(service_cluster.as_ref()), value(service_name.as_ref()));
    let _ = write!(text, "\n{:?} {:?}", value(mesh_id.as_ref()), value(tracer.as_ref()));
    let _ = write!(text, " {}", needs_tls.is_some());
    for provider in extension_providers {
        let ExtensionProvider { name, kind, config, origin: _, written: _ } = provider;
        let _ = write!(text, "\n{name:?} {kind:?} ");
        let _ = match config {
            ProviderConfig::FileAccessLog(config) => write!(text, "{config:?}"),
            ProviderConfig::OtelAccessLog(config) => write!(text, "{config:?}"),
            ProviderConfig::HttpAccessLogService(config) | ProviderConfig::TcpAccessLogService(config) => {
                write!(text, "{config:?}")
            }
            ProviderConfig::Zipkin(config) => calls.zipkin(config, text),
            ProviderConfig::Datadog(config) => write!(text, "{config:?}"),
            ProviderConfig::Skywalking(config) => write!(text, "{config:?}"),
            ProviderConfig::Opentelemetry(config) => calls.opentelemetry(config, text),
            ProviderConfig::None => Ok(()),
        };
    }
}

fn describe_metrics(entry: &MetricsEntry, text: &mut String) {
    let MetricsEntry { origin: _, providers, overrides, reporting_interval } = entry;
    let _ = write!(text, "\n{:?} {:?}", values(providers), value(reporting_interval.as_ref()));
    for change in overrides {
        let disabled = value(change.disabled.as_ref());
        let tags = named(&change.tags);
        let _ = write!(text, "\n{:?} {:?} {disabled:?} {tags:?}", change.metric, change.mode);
    }
}

fn describe_tracing(entry: &TracingEntry, text: &mut String) {
    let TracingEntry {
        origin: _,
        mode,
        providers,
        sampling,
        disable_span_reporting,
        custom_tags,
        use_request_id,
        istio_tags,
        disable_context_propagation,
    } = entry;
    let _ = write!(text, "\n{mode:?} {:?} {:?}", values(providers), value(sampling.as_ref()));
    let _ = write!(text, " {:?}", named(custom_tags));
    for flag in [disable_span_reporting, use_request_id, istio_tags, disable_context_propagation] {
        let _ = write!(text, " {:?}", value(flag.as_ref()));
    }
}

fn describe_access_logging(entry: &AccessLoggingEntry, text: &mut String) {
    let AccessLoggingEntry { origin: _, mode, providers, disabled, filter } = entry;
    let (disabled, filter) = (value(disabled.as_ref()), value(filter.as_ref()));
    let _ = write!(text, "\n{mode:?} {:?} {disabled:?} {filter:?}", values(providers));
}
