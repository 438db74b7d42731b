//! Where spans go and how, field by field.

use serde_json::json;

use super::model::{Fact, Value};
use super::sinks::connect_timeout;
use super::{Here, values};
use crate::origin::{Origin, Traced};
use crate::resolve::{
    Collector, Exporter, Header, HttpCall, ResourceDetector, Sampler, TraceContext, Tracer,
};
use crate::resources::mesh_config::{
    HTTP_EXPORT_TIMEOUT, Opentelemetry, ProviderConfig, ServiceAttributes, ServiceName, ZIPKIN_PATH,
    ZIPKIN_TIMEOUT,
};

/// Fields of one provider, each with whether the provider says it.
struct Fields<'e> {
    here: &'e Here<'e>,
    defined: &'e Origin,
    facts: Vec<Fact>,
}

/// Where spans go and how.
pub(super) fn facts(here: &Here<'_>, provider: &Traced<String>, tracer: &Tracer) -> Vec<Fact> {
    let known = here.lookup.mesh.provider(&provider.value);
    let is_of_mesh =
        here.lookup.mesh.proxy_tracing.tracer.as_ref().is_some_and(|own| own.origin == provider.origin);
    let known = known.filter(|_| !is_of_mesh);
    let defined = known.map_or(&provider.origin, |known| &known.origin);
    let mut fields = Fields { here, defined, facts: Vec::new() };
    match tracer {
        Tracer::Zipkin { call, short_trace_ids, trace_context } => {
            fields.call("", call, call.path != ZIPKIN_PATH, call.timeout != ZIPKIN_TIMEOUT);
            fields.add("enable64bitTraceId", values::flag(*short_trace_ids), *short_trace_ids);
            let context = match trace_context {
                TraceContext::B3 => "USE_B3",
                TraceContext::B3AndW3c => "USE_B3_WITH_W3C_PROPAGATION",
            };
            fields.add("traceContextOption", values::text(context), *trace_context != TraceContext::B3);
        }
        Tracer::Datadog { collector, service_name } | Tracer::Skywalking { collector, service_name } => {
            fields.service("service", collector);
            fields.service_name(service_name, None);
        }
        Tracer::Opentelemetry { exporter, service_name, detectors, sampler } => {
            let said = known.and_then(|known| match &known.config {
                ProviderConfig::Opentelemetry(config) => Some(&**config),
                _ => None,
            });
            fields.exporter(exporter);
            fields.service_name(service_name, said);
            fields.detectors(detectors);
            if let Some(sampler) = sampler {
                fields.sampler(sampler, said);
            }
        }
    }
    fields.facts
}

impl Fields<'_> {
    fn add(&mut self, field: &str, value: Value, is_said: bool) {
        self.facts.push(match is_said {
            true => Fact::new(field, value, self.defined, Fact::SAYS),
            false => {
                Fact::new(field, value, &Origin::Rule("Istio's default"), "the provider says nothing else")
            }
        });
    }

    fn service(&mut self, field: &str, collector: &Collector) {
        self.add(field, values::collector(collector), true);
        self.facts.push(connect_timeout(self.here.lookup.mesh, collector));
    }

    /// A call over HTTP; `begin` is what its fields stand in.
    fn call(&mut self, begin: &str, call: &HttpCall, says_path: bool, says_timeout: bool) {
        let HttpCall { collector, path, timeout, headers } = call;
        self.service("service", collector);
        self.add(&format!("{begin}path"), values::text(path), says_path);
        self.add(&format!("{begin}timeout"), values::duration(*timeout), says_timeout);
        self.add(&format!("{begin}headers"), shown_headers(headers), !headers.is_empty());
    }

    fn exporter(&mut self, exporter: &Exporter) {
        match exporter {
            Exporter::Http(call) => self.call("http.", call, true, call.timeout != HTTP_EXPORT_TIMEOUT),
            Exporter::Grpc { collector, timeout, metadata } => {
                self.service("service", collector);
                let shown = timeout.map_or_else(|| values::nothing("none"), values::duration);
                self.add("grpc.timeout", shown, timeout.is_some());
                self.add("grpc.initialMetadata", shown_headers(metadata), !metadata.is_empty());
            }
        }
    }

    fn service_name(&mut self, name: &str, said: Option<&Opentelemetry>) {
        let proxy = &self.here.lookup.mesh.proxy_tracing;
        let why = "how a proxy's spans are named";
        let is_by_conventions =
            said.is_some_and(|said| said.service_attributes == ServiceAttributes::OtelSemanticConventions);
        let cluster = proxy.service_cluster.as_ref().filter(|cluster| cluster.value == *name);
        let rule = match (is_by_conventions, proxy.service_name) {
            (true, _) => "OpenTelemetry's conventions for pods",
            (false, ServiceName::AppAndNamespace) => {
                "the label app, else the workload's name, and its namespace"
            }
            (false, ServiceName::Canonical) => "tracingServiceName: the canonical service",
            (false, ServiceName::CanonicalAndNamespace) => {
                "tracingServiceName: the canonical service and its namespace"
            }
        };
        let rule = Origin::Rule(rule);
        let origin = cluster.filter(|_| !is_by_conventions).map_or(&rule, |cluster| &cluster.origin);
        self.facts.push(Fact::new("serviceName", values::text(name), origin, why));
    }

    fn detectors(&mut self, detectors: &[ResourceDetector]) {
        let name = |detector: &ResourceDetector| match detector {
            ResourceDetector::Environment => "environment",
            ResourceDetector::Dynatrace => "dynatrace",
        };
        let names: Vec<String> = detectors.iter().map(|detector| name(detector).to_owned()).collect();
        self.add("resourceDetectors", values::list(&names), !names.is_empty());
    }

    fn sampler(&mut self, sampler: &Sampler, said: Option<&Opentelemetry>) {
        let Sampler { tenant, cluster_id, root_spans_per_minute, call } = sampler;
        let HttpCall { collector, path, timeout, headers } = call;
        let asked = json!({
            "tenant": tenant,
            "cluster_id": cluster_id,
            "root_spans_per_minute": root_spans_per_minute,
            "service": format!("{}:{}", collector.host, collector.port),
            "path": path,
            "timeout": format!("{timeout:?}"),
            "headers": shown_headers(headers).json,
        });
        let origin =
            said.and_then(|said| said.sampler.as_ref()).map_or(self.defined, |sampler| &sampler.origin);
        self.facts.push(Fact::new("dynatraceSampler", values::tree(asked), origin, Fact::SAYS));
    }
}

/// Headers; the values of variables are not shown.
fn shown_headers(headers: &[Header]) -> Value {
    let json: serde_json::Map<String, serde_json::Value> =
        headers.iter().map(|header| (header.name.clone(), json!(header.value.to_string()))).collect();
    match json.is_empty() {
        true => Value { json: json.into(), text: "none".to_owned() },
        false => values::tree(json.into()),
    }
}
