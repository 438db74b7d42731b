//! Writes a line of JSON for each request into the log, and counts requests by status.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use log::info;
use proxy_wasm::hostcalls::{define_metric, increment_metric, record_metric};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};
use serde_json::json;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Journal::default()));
}}

/// How often it says that it is alive.
const PERIOD: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Journal {
    counters: Rc<RefCell<HashMap<String, u32>>>,
    bytes: Option<u32>,
    requests: Rc<RefCell<u64>>,
}

impl Context for Journal {}

impl RootContext for Journal {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.set_tick_period(PERIOD);
        self.bytes = define_metric(MetricType::Histogram, "journal_request_bytes").ok();
        true
    }

    fn on_tick(&mut self) {
        info!("{} requests up to now", self.requests.borrow());
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Line {
            counters: self.counters.clone(),
            bytes: self.bytes,
            requests: self.requests.clone(),
            size: 0,
            path: String::new(),
            agent: None,
            status: "0".to_owned(),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Line {
    counters: Rc<RefCell<HashMap<String, u32>>>,
    bytes: Option<u32>,
    requests: Rc<RefCell<u64>>,
    size: usize,
    path: String,
    agent: Option<String>,
    status: String,
}

impl Context for Line {}

impl HttpContext for Line {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        // The first one of a name counts, as in most lines of logs.
        let headers = self.get_http_request_headers();
        let find = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        self.path = find(":path").unwrap_or_default();
        self.agent = find("user-agent");
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, _end: bool) -> Action {
        self.size += size;
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.status = self.get_http_response_header(":status").unwrap_or_default();
        Action::Continue
    }

    fn on_log(&mut self) {
        *self.requests.borrow_mut() += 1;
        let source = self.get_property(vec!["source", "address"]).unwrap_or_default();
        let line = json!({
            "path": self.path,
            "agent": self.agent,
            "status": self.status,
            "bytes": self.size,
            "from": String::from_utf8_lossy(&source),
        });
        info!("{line}");
        let mut counters = self.counters.borrow_mut();
        let name = format!("journal_requests_{}", self.status);
        let counter = counters
            .entry(name.clone())
            .or_insert_with(|| define_metric(MetricType::Counter, &name).unwrap_or_default());
        increment_metric(*counter, 1).ok();
        if let Some(bytes) = self.bytes {
            record_metric(bytes, self.size as u64).ok();
        }
    }
}
