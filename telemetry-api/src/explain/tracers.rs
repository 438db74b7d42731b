//! Where spans go and how, field by field.

use super::model::Fact;
use super::provider_fields::{ProviderFields, shown_headers};
use super::{Here, values};
use crate::origin::{Origin, Traced};
use crate::resolve::{Exporter, ResourceDetector, Sampler, TraceContext, Tracer};
use crate::resources::mesh_config::{Opentelemetry, ProviderConfig, ServiceAttributes, ServiceName};

/// Where the rule for the name of spans stands in a provider.
const ATTRIBUTES: &str = "serviceAttributeEnrichment";
/// Where Dynatrace's sampler stands in a provider.
const SAMPLER: &str = "dynatraceSampler";

/// Where spans go and how.
pub(super) fn facts(here: &Here<'_>, provider: &Traced<String>, tracer: &Tracer) -> Vec<Fact> {
    let mesh = here.lookup.mesh;
    let is_of_mesh = mesh.proxy_tracing.tracer.as_ref().is_some_and(|own| own.origin == provider.origin);
    let known = mesh.provider(&provider.value).filter(|_| !is_of_mesh);
    let mut fields = match known {
        Some(known) => ProviderFields::of(here.lookup, known),
        None => ProviderFields::of_line(here.lookup, &provider.origin),
    };
    match tracer {
        Tracer::Zipkin { call, short_trace_ids, trace_context } => {
            fields.collector("", &call.collector);
            fields.call("", call);
            fields.add("enable64bitTraceId", values::flag(*short_trace_ids), true);
            let context = match trace_context {
                TraceContext::B3 => "USE_B3",
                TraceContext::B3AndW3c => "USE_B3_WITH_W3C_PROPAGATION",
            };
            fields.add("traceContextOption", values::text(context), true);
        }
        Tracer::Datadog { collector, service_name } | Tracer::Skywalking { collector, service_name } => {
            fields.collector("", collector);
            service_name_fact(here, service_name, &mut fields, None);
        }
        Tracer::Opentelemetry { exporter, service_name, detectors, sampler } => {
            let said = known.and_then(|known| match &known.config {
                ProviderConfig::Opentelemetry(config) => Some(&**config),
                _ => None,
            });
            exporter_facts(exporter, &mut fields);
            service_name_fact(here, service_name, &mut fields, said);
            detector_facts(detectors, &mut fields);
            if let Some(sampler) = sampler {
                sampler_facts(sampler, &mut fields);
            }
        }
    }
    fields.facts
}

fn exporter_facts(exporter: &Exporter, fields: &mut ProviderFields<'_>) {
    match exporter {
        Exporter::Http(call) => {
            fields.collector("", &call.collector);
            fields.call("http.", call);
        }
        Exporter::Grpc { collector, timeout, metadata } => {
            fields.collector("", collector);
            let shown = timeout.map_or_else(|| values::nothing("none"), values::duration);
            fields.add("grpc.timeout", shown, true);
            fields.add("grpc.initialMetadata", shown_headers(metadata), true);
        }
    }
}

fn service_name_fact(
    here: &Here<'_>,
    name: &str,
    fields: &mut ProviderFields<'_>,
    said: Option<&Opentelemetry>,
) {
    let proxy = &here.lookup.mesh.proxy_tracing;
    let is_by_conventions =
        said.is_some_and(|said| said.service_attributes == ServiceAttributes::OtelSemanticConventions);
    let cluster = proxy.service_cluster.as_ref().filter(|cluster| cluster.value == *name);
    let rule = proxy.service_name.as_ref();
    let default = Origin::Rule("the label app, else the workload's name, and its namespace");
    let (origin, why) = if is_by_conventions {
        let written = fields.written(ATTRIBUTES).unwrap_or(&default);
        (written, "spans are named by OpenTelemetry's conventions for pods")
    } else if let Some(cluster) = cluster {
        (&cluster.origin, "spans of every proxy have this name")
    } else {
        let why = match rule.map(|rule| rule.value) {
            None => "how a proxy's spans are named",
            Some(ServiceName::AppAndNamespace) => {
                "spans are named by the label app, else the workload's name, and its namespace"
            }
            Some(ServiceName::Canonical) => "spans are named by the canonical service",
            Some(ServiceName::CanonicalAndNamespace) => {
                "spans are named by the canonical service and its namespace"
            }
        };
        (rule.map_or(&default, |rule| &rule.origin), why)
    };
    fields.facts.push(Fact::new("serviceName", values::text(name), origin, why));
}

fn detector_facts(detectors: &[ResourceDetector], fields: &mut ProviderFields<'_>) {
    let names: Vec<String> = detectors
        .iter()
        .map(|detector| match detector {
            ResourceDetector::Environment => "environment".to_owned(),
            ResourceDetector::Dynatrace => "dynatrace".to_owned(),
        })
        .collect();
    let is_said = |detector: &str| fields.written(&format!("resourceDetectors.{detector}")).is_some();
    let by_name = fields.written(ATTRIBUTES).filter(|_| names.iter().any(|name| !is_said(name)));
    match by_name {
        Some(origin) => {
            let why = "names by OpenTelemetry's conventions come with the attributes of the environment";
            fields.facts.push(Fact::new("resourceDetectors", values::list(&names), origin, why));
        }
        None => fields.add("resourceDetectors", values::list(&names), true),
    }
}

fn sampler_facts(sampler: &Sampler, fields: &mut ProviderFields<'_>) {
    let Sampler { tenant, cluster_id, root_spans_per_minute, call } = sampler;
    fields.add(&format!("{SAMPLER}.tenant"), values::text(tenant), true);
    fields.add(&format!("{SAMPLER}.clusterId"), values::number(*cluster_id), true);
    let rate = match root_spans_per_minute {
        0 => values::nothing("Envoy's own"),
        rate => values::number(*rate),
    };
    fields.add(&format!("{SAMPLER}.rootSpansPerMinute"), rate, true);
    let service = format!("{SAMPLER}.httpService");
    if fields.written(&service).is_some() {
        fields.collector(&format!("{service}."), &call.collector);
        fields.call(&format!("{service}.http."), call);
    } else {
        let value = values::text(&format!("where spans go, at {}", call.path));
        fields.add(&service, value, true);
    }
}
