//! Counts the bytes of connections, and ends those that do not begin as they should.

use log::info;
use proxy_wasm::hostcalls::{define_metric, increment_metric};
use proxy_wasm::traits::{Context, RootContext, StreamContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType, PeerType};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Meter::default()));
}}

#[derive(Default)]
struct Meter {
    /// What every connection begins with.
    greeting: Vec<u8>,
    sent: u32,
    received: u32,
}

impl Context for Meter {}

impl RootContext for Meter {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.greeting = self.get_plugin_configuration().unwrap_or_default();
        self.sent = define_metric(MetricType::Counter, "meter_sent_bytes").unwrap();
        self.received = define_metric(MetricType::Counter, "meter_received_bytes").unwrap();
        true
    }

    fn create_stream_context(&self, _context: u32) -> Option<Box<dyn StreamContext>> {
        Some(Box::new(Connection {
            greeting: self.greeting.clone(),
            sent: self.sent,
            received: self.received,
            is_known: self.greeting.is_empty(),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::StreamContext)
    }
}

struct Connection {
    greeting: Vec<u8>,
    sent: u32,
    received: u32,
    is_known: bool,
}

impl Context for Connection {}

impl StreamContext for Connection {
    fn on_downstream_data(&mut self, size: usize, end: bool) -> Action {
        if !self.is_known {
            let data = self.get_downstream_data(0, size).unwrap_or_default();
            if data.len() < self.greeting.len() && !end {
                return Action::Pause;
            }
            if !data.starts_with(&self.greeting) {
                info!("a connection does not begin as it should");
                self.close_downstream();
                return Action::Pause;
            }
            self.is_known = true;
        }
        if size > 0 {
            increment_metric(self.received, size as i64).ok();
        }
        Action::Continue
    }

    fn on_upstream_data(&mut self, size: usize, _end: bool) -> Action {
        if size > 0 {
            increment_metric(self.sent, size as i64).ok();
        }
        Action::Continue
    }

    fn on_downstream_close(&mut self, _peer: PeerType) {
        info!("a connection is over");
    }
}
