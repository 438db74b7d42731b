//! Asks a service of gRPC what a request may cost: by a call, or by a stream where the request says so.

use std::time::Duration;

use log::warn;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Broker));
}}

const CLUSTER: &str = "prices";
const SERVICE: &str = "shop.v1.Prices";

struct Broker;

impl Context for Broker {}

impl RootContext for Broker {
    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Offer { prices: Vec::new() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A request, and what was said of it so far.
struct Offer {
    prices: Vec<u8>,
}

impl Offer {
    fn refuse(&self, status: u32, why: &str) {
        self.send_http_response(status, vec![("x-refused", why)], None);
    }
}

impl HttpContext for Offer {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let path = self.get_http_request_header_bytes(":path").unwrap_or_default();
        let metadata = vec![("x-path", path.as_slice())];
        let asked = match self.get_http_request_header_bytes("x-watch") {
            None => {
                let patience = Duration::from_millis(500);
                self.dispatch_grpc_call(CLUSTER, SERVICE, "Ask", metadata, Some(&path), patience).map(|_| ())
            }
            Some(_) => self.open_grpc_stream(CLUSTER, SERVICE, "Watch", metadata).map(|stream| {
                self.send_grpc_stream_message(stream, Some(&path), false);
            }),
        };
        if let Err(status) = asked {
            warn!("the service cannot be asked: {status:?}");
            self.refuse(503, "nobody to ask");
        }
        Action::Pause
    }
}

impl Context for Offer {
    fn on_grpc_call_response(&mut self, _call: u32, status: u32, size: usize) {
        if status != 0 {
            self.refuse(503, &format!("status {status}"));
            return;
        }
        let price = self.get_grpc_call_response_body(0, size).unwrap_or_default();
        self.set_http_request_header_bytes("x-price", Some(&price));
        self.resume_http_request();
    }

    fn on_grpc_stream_initial_metadata(&mut self, _stream: u32, _count: u32) {
        let currency = self.get_grpc_stream_initial_metadata_value("x-currency").unwrap_or_default();
        self.prices.extend(currency);
    }

    fn on_grpc_stream_message(&mut self, stream: u32, size: usize) {
        let price = self.get_grpc_stream_message(0, size).unwrap_or_default();
        self.prices.extend(&price);
        if price.is_empty() {
            self.close_grpc_stream(stream);
        } else {
            self.send_grpc_stream_message(stream, Some(b"more"), false);
        }
    }

    fn on_grpc_stream_trailing_metadata(&mut self, _stream: u32, _count: u32) {
        let note = self.get_grpc_stream_trailing_metadata_value("x-note").unwrap_or_default();
        self.prices.extend(note);
    }

    fn on_grpc_stream_close(&mut self, _stream: u32, status: u32) {
        if status != 0 {
            let (_, said) = self.get_grpc_status();
            self.refuse(503, &format!("status {status} {}", said.unwrap_or_default()));
            return;
        }
        self.set_http_request_header_bytes("x-price", Some(&self.prices));
        self.resume_http_request();
    }
}
