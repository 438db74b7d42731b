//! From what a provider of traces is told to a tracer, or why there is none.

use std::collections::BTreeMap;

use super::collector::{Collector, Protocol};
use super::control_plane::ControlPlane;
use super::providers::Unusable;
use super::service_name::{by_mesh, by_semantic_conventions};
use super::services::Services;
use super::tracer::{Exporter, Header, HeaderValue, HttpCall, ResourceDetector, Sampler, Secret, Tracer};
use super::workload::{Workload, WorkloadKind};
use crate::origin::Origin;
use crate::resources::mesh_config::{
    CallHeader, CollectorRef, DynatraceSampler, HTTP_EXPORT_TIMEOUT, HeaderSource, HttpExport, MeshTracer,
    MeshTracerKind, Opentelemetry, ProviderConfig, ServiceAttributes, TraceContext, ZIPKIN_PATH,
    ZIPKIN_TIMEOUT, Zipkin,
};
use crate::resources::{MeshConfig, ProviderKind};

/// Where Dynatrace is asked, at the place that spans go to.
const DYNATRACE_PATH: &str = "/api/v2/samplingConfiguration";

/// What names are looked up in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup<'m> {
    /// Providers.
    pub mesh: &'m MeshConfig,
    /// Collectors.
    pub services: &'m Services,
    /// Variables.
    pub control_plane: &'m ControlPlane,
}

/// A tracer, with what its provider says about spans.
#[derive(Debug)]
pub(crate) struct Told<'m> {
    /// Where spans go.
    pub tracer: Tracer,
    /// What decides about traces instead of any percentage.
    pub own_sampler: Option<&'m Origin>,
    /// How long a path may be in a tag; 0: as the proxy's configuration says.
    pub max_tag_length: u32,
}

impl<'m> Lookup<'m> {
    /// The tracer of the provider of that name.
    pub(crate) fn tracer(self, name: &str, workload: &Workload) -> Result<Told<'m>, Unusable> {
        let provider = self.mesh.provider(name).ok_or(Unusable::Unknown)?;
        let service_name = || by_mesh(self.mesh, workload);
        let without_sampler = |tracer, max_tag_length| Told { tracer, own_sampler: None, max_tag_length };
        match &provider.config {
            ProviderConfig::Zipkin(config) => {
                Ok(without_sampler(self.zipkin(config)?, config.max_tag_length))
            }
            ProviderConfig::Datadog(config) => {
                let collector = self.find(&config.collector, Protocol::Http1)?;
                let tracer = Tracer::Datadog { collector, service_name: service_name() };
                Ok(without_sampler(tracer, config.max_tag_length))
            }
            ProviderConfig::Skywalking(config) => {
                let collector = self.find(&config.collector, Protocol::Http2)?;
                Ok(without_sampler(Tracer::Skywalking { collector, service_name: service_name() }, 0))
            }
            ProviderConfig::Opentelemetry(config) => Ok(Told {
                tracer: self.opentelemetry(config, workload)?,
                own_sampler: config.sampler.as_ref().map(|sampler| &sampler.origin),
                max_tag_length: config.max_tag_length,
            }),
            _ if is_gone(provider.kind) => Err(Unusable::Gone(provider.kind)),
            _ => Err(Unusable::Unsuitable(provider.kind)),
        }
    }

    /// The tracer that Istio has the bootstrap of every proxy start with; none where its place is not known, or where
    /// it must not be called in clear text.
    pub(super) fn of_mesh(self, tracer: &MeshTracer, workload: &Workload) -> Option<Tracer> {
        if tracer.host == MeshTracer::NODE || self.mesh.proxy_tracing.needs_tls.is_some() {
            return None;
        }
        let wanted = CollectorRef { service: tracer.host.clone(), port: tracer.port };
        let collector = self.services.find(&wanted, Protocol::Http1).unwrap_or_else(|_| {
            let mut outside = Collector::new("", &*tracer.host, tracer.port, Protocol::Http1);
            outside.connect_timeout = self.mesh.connect_timeout.value;
            outside
        });
        Some(match tracer.kind {
            MeshTracerKind::Datadog => {
                Tracer::Datadog { collector, service_name: by_mesh(self.mesh, workload) }
            }
            MeshTracerKind::Zipkin => Tracer::Zipkin {
                call: HttpCall {
                    collector,
                    path: ZIPKIN_PATH.to_owned(),
                    timeout: ZIPKIN_TIMEOUT,
                    headers: Vec::new(),
                },
                short_trace_ids: false,
                trace_context: TraceContext::B3,
            },
        })
    }

    fn find(self, wanted: &CollectorRef, protocol: Protocol) -> Result<Collector, Unusable> {
        self.services.find(wanted, protocol).map_err(Unusable::Collector)
    }

    fn zipkin(self, config: &Zipkin) -> Result<Tracer, Unusable> {
        let path = if config.path.is_empty() { ZIPKIN_PATH } else { &config.path };
        Ok(Tracer::Zipkin {
            call: HttpCall {
                collector: self.find(&config.collector, Protocol::Http1)?,
                path: with_slash(path),
                timeout: config.timeout.as_ref().map_or(ZIPKIN_TIMEOUT, |timeout| timeout.value),
                headers: self.headers(&config.headers),
            },
            short_trace_ids: config.short_trace_ids,
            trace_context: config.trace_context,
        })
    }

    fn opentelemetry(self, config: &Opentelemetry, workload: &Workload) -> Result<Tracer, Unusable> {
        let exporter = match &config.http {
            Some(http) => Exporter::Http(self.call(&config.collector, &http.value)?),
            None => {
                let grpc = config.grpc.as_ref().map(|grpc| &grpc.value);
                Exporter::Grpc {
                    collector: self.find(&config.collector, Protocol::Http2)?,
                    timeout: grpc.and_then(|grpc| grpc.timeout).filter(|timeout| !timeout.is_zero()),
                    metadata: grpc.map(|grpc| self.headers(&grpc.metadata)).unwrap_or_default(),
                }
            }
        };
        let sampler =
            config.sampler.as_ref().map(|sampler| self.sampler(&sampler.value, &exporter).map(Box::new));
        let mut detectors = config.detectors.clone();
        let service_name = match config.service_attributes {
            ServiceAttributes::IstioCanonical => by_mesh(self.mesh, workload),
            ServiceAttributes::OtelSemanticConventions => {
                if !detectors.contains(&ResourceDetector::Environment) {
                    detectors.push(ResourceDetector::Environment);
                }
                by_semantic_conventions(workload)
            }
        };
        Ok(Tracer::Opentelemetry { exporter, service_name, detectors, sampler: sampler.transpose()? })
    }

    /// Without a place of its own, Dynatrace is asked where spans go.
    fn sampler(self, config: &DynatraceSampler, exporter: &Exporter) -> Result<Sampler, Unusable> {
        let call = match (&config.service, exporter) {
            (Some(service), _) => self.call(&service.collector, &service.http)?,
            (None, Exporter::Http(call)) => HttpCall { path: DYNATRACE_PATH.to_owned(), ..call.clone() },
            (None, Exporter::Grpc { .. }) => return Err(Unusable::SamplerWithoutService),
        };
        Ok(Sampler {
            tenant: config.tenant.clone(),
            cluster_id: config.cluster_id,
            root_spans_per_minute: config.root_spans_per_minute,
            call,
        })
    }

    /// A question mark and a number sign are letters of the path, as in Istio.
    fn call(self, collector: &CollectorRef, http: &HttpExport) -> Result<HttpCall, Unusable> {
        Ok(HttpCall {
            collector: self.find(collector, Protocol::Http1)?,
            path: with_slash(&http.path).replace('?', "%3F").replace('#', "%23"),
            timeout: http.timeout.unwrap_or(HTTP_EXPORT_TIMEOUT),
            headers: self.headers(&http.headers),
        })
    }

    fn headers(self, headers: &[CallHeader]) -> Vec<Header> {
        let value = |source: &HeaderSource| match source {
            HeaderSource::Written(text) => HeaderValue::Written(text.clone()),
            HeaderSource::Environment(variable) => HeaderValue::Environment {
                variable: variable.clone(),
                value: Secret(self.control_plane.variable(variable)),
            },
        };
        headers
            .iter()
            .map(|header| Header { name: header.name.clone(), value: value(&header.value) })
            .collect()
    }
}

/// Why no spans can be sent with a provider, for what is wrong with its name alone.
pub(crate) fn fault(mesh: &MeshConfig, name: &str) -> Option<Unusable> {
    let (services, control_plane) = (Services::default(), ControlPlane::default());
    let anybody = Workload::new(WorkloadKind::Sidecar, "", "", BTreeMap::new());
    Lookup { mesh, services: &services, control_plane: &control_plane }.tracer(name, &anybody).err()
}

/// Whether Envoy once had a tracer for a kind of provider, and has it no more.
pub(crate) const fn is_gone(kind: ProviderKind) -> bool {
    matches!(kind, ProviderKind::Lightstep | ProviderKind::Opencensus | ProviderKind::Stackdriver)
}

fn with_slash(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests;
