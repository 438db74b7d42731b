//! The hash of a policy set: of everything that it says, and of nothing about where it stands.

mod calls;

use std::fmt::{Debug, Write as _};

use sha2::{Digest, Sha256};

use self::calls::Calls;
use super::control_plane::ControlPlane;
use super::plugins::Plugins;
use super::services::Services;
use crate::origin::Traced;
use crate::resources::mesh_config::{ExtensionProvider, ProviderConfig, ProxyTracing};
use crate::resources::telemetry::{AccessLoggingEntry, MetricsEntry, Selector, TargetRef, TracingEntry};
use crate::resources::{MeshConfig, Meta, Telemetry};

/// A hash in lower-case hex. Values are taken without their places: where a document stands in a file is no part of
/// what it says.
pub(super) fn hash<'m>(
    meshes: impl Iterator<Item = &'m MeshConfig>,
    telemetries: &[Telemetry],
    plugins: &Plugins,
    services: &Services,
    control_plane: &ControlPlane,
) -> String {
    let mut text = format!("{:?}", control_plane.trace_sampling);
    meshes.for_each(|mesh| describe_mesh(mesh, Calls(control_plane), &mut text));
    for telemetry in telemetries {
        let Telemetry { meta, selector, target_refs, metrics, tracing, access_logging } = telemetry;
        describe_whom(meta, selector.as_ref(), target_refs, &mut text);
        metrics.iter().for_each(|entry| describe_metrics(entry, &mut text));
        tracing.iter().for_each(|entry| describe_tracing(entry, &mut text));
        access_logging.iter().for_each(|entry| describe_access_logging(entry, &mut text));
    }
    plugins.describe(&mut text);
    services.describe(&mut text);
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
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

fn values<T>(traced: &[Traced<T>]) -> Vec<&T> {
    traced.iter().map(|traced| &traced.value).collect()
}

fn named<T: Debug>(traced: &[(String, Traced<T>)]) -> Vec<(&String, &T)> {
    traced.iter().map(|(name, traced)| (name, &traced.value)).collect()
}

fn describe_mesh(mesh: &MeshConfig, calls: Calls<'_>, text: &mut String) {
    let MeshConfig {
        was_read: _,
        source: _,
        revision,
        root_namespace,
        default_metrics_providers,
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
    let _ = write!(text, "\n{:?} {service_name:?}", value(service_cluster.as_ref()));
    let _ = write!(text, "\n{:?} {:?}", value(mesh_id.as_ref()), value(tracer.as_ref()));
    let _ = write!(text, " {}", needs_tls.is_some());
    for provider in extension_providers {
        let ExtensionProvider { name, kind, config, origin: _ } = provider;
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
