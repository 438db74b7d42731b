//! Four metrics of each request with ten labels, as one would write them with the SDK: everything is read anew for each
//! request, and a metric is found by its whole name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Metrics::default()));
}}

/// The metrics that are there, by name.
type Known = Rc<RefCell<HashMap<String, u32>>>;

#[derive(Default)]
struct Metrics {
    known: Known,
}

impl Context for Metrics {}

impl RootContext for Metrics {
    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { known: Rc::clone(&self.known) }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request {
    known: Known,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_log(&mut self) {
        let labels = [
            ("reporter", "destination".to_owned()),
            ("destination_workload", self.text(&["xds", "node", "metadata", "WORKLOAD_NAME"])),
            ("destination_workload_namespace", self.text(&["xds", "node", "metadata", "NAMESPACE"])),
            ("destination_service", self.text(&["xds", "cluster_name"])),
            ("source_principal", self.text(&["connection", "uri_san_peer_certificate"])),
            ("request_protocol", self.text(&["request", "protocol"])),
            ("response_code", self.number(&["response", "code"]).to_string()),
            ("response_flags", self.number(&["response", "flags"]).to_string()),
            ("connection_security_policy", self.text(&["connection", "tls_version"])),
            ("grpc_response_status", "".to_owned()),
        ];
        let mut name = String::new();
        for (label, value) in &labels {
            name.push_str(&format!("{label}=.={value};.;"));
        }
        let duration = self.number(&["request", "duration"]) / 1_000_000;
        let (request, response) =
            (self.number(&["request", "total_size"]), self.number(&["response", "total_size"]));
        for (metric, kind, value) in [
            ("sdk_requests_total", MetricType::Counter, 1),
            ("sdk_request_duration_milliseconds", MetricType::Histogram, duration),
            ("sdk_request_bytes", MetricType::Histogram, request),
            ("sdk_response_bytes", MetricType::Histogram, response),
        ] {
            self.record(format!("{name}{metric}"), kind, value);
        }
    }
}

impl Request {
    fn text(&self, path: &[&str]) -> String {
        let path = path.iter().map(|part| &**part).collect();
        let value = self.get_property(path).unwrap_or_default();
        if value.is_empty() { "unknown".to_owned() } else { String::from_utf8_lossy(&value).into_owned() }
    }

    fn number(&self, path: &[&str]) -> u64 {
        let path = path.iter().map(|part| &**part).collect();
        let value = self.get_property(path).unwrap_or_default();
        value.try_into().map(u64::from_le_bytes).unwrap_or_default()
    }

    fn record(&self, name: String, kind: MetricType, value: u64) {
        let mut known = self.known.borrow_mut();
        let id = match known.get(&name) {
            Some(id) => *id,
            None => {
                let Ok(id) = hostcalls::define_metric(kind, &name) else { return };
                known.insert(name, id);
                id
            }
        };
        let _ = match kind {
            MetricType::Counter => hostcalls::increment_metric(id, value as i64),
            _ => hostcalls::record_metric(id, value),
        };
    }
}
