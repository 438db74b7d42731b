//! What the hash takes of providers of traces: how collectors are called, without where that stands.

use std::fmt::{self, Write as _};

use super::value;
use crate::resolve::control_plane::ControlPlane;
use crate::resources::mesh_config::{
    CallHeader, DynatraceSampler, DynatraceService, GrpcExport, HeaderSource, HttpExport, Opentelemetry,
    Zipkin,
};

/// Writes down providers, with the values of the variables that they name.
#[derive(Clone, Copy)]
pub(super) struct Calls<'c>(pub &'c ControlPlane);

impl Calls<'_> {
    pub fn zipkin(self, zipkin: &Zipkin, text: &mut String) -> fmt::Result {
        let Zipkin { collector, max_tag_length, short_trace_ids, path, trace_context, timeout, headers } =
            zipkin;
        let timeout = value(timeout.as_ref());
        write!(
            text,
            "{collector:?} {max_tag_length} {short_trace_ids} {path:?} {trace_context:?} {timeout:?}"
        )?;
        self.headers(headers, text)
    }

    pub fn opentelemetry(self, opentelemetry: &Opentelemetry, text: &mut String) -> fmt::Result {
        let Opentelemetry { collector, max_tag_length, http, grpc, detectors, service_attributes, sampler } =
            opentelemetry;
        write!(text, "{collector:?} {max_tag_length} {detectors:?} {service_attributes:?}")?;
        if let Some(http) = value(http.as_ref()) {
            self.http(http, text)?;
        }
        if let Some(GrpcExport { timeout, metadata }) = value(grpc.as_ref()) {
            write!(text, " grpc {timeout:?}")?;
            self.headers(metadata, text)?;
        }
        value(sampler.as_ref()).map_or(Ok(()), |sampler| self.sampler(sampler, text))
    }

    fn sampler(self, sampler: &DynatraceSampler, text: &mut String) -> fmt::Result {
        let DynatraceSampler { tenant, cluster_id, root_spans_per_minute, service } = sampler;
        write!(text, " sampler {tenant:?} {cluster_id} {root_spans_per_minute}")?;
        let Some(DynatraceService { collector, http }) = service else { return Ok(()) };
        write!(text, " {collector:?}")?;
        self.http(http, text)
    }

    fn http(self, http: &HttpExport, text: &mut String) -> fmt::Result {
        let HttpExport { path, timeout, headers } = http;
        write!(text, " http {path:?} {timeout:?}")?;
        self.headers(headers, text)
    }

    fn headers(self, headers: &[CallHeader], text: &mut String) -> fmt::Result {
        for CallHeader { origin: _, name, value } in headers {
            match value {
                HeaderSource::Written(value) => write!(text, " {name:?} {value:?}")?,
                HeaderSource::Environment(variable) => {
                    write!(text, " {name:?} from {variable:?} {:?}", self.0.variable(variable))?;
                }
            }
        }
        Ok(())
    }
}
