//! Lets in who a service knows: asks it about the token that a request has in a header.

use std::time::Duration;

use log::{info, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Gatekeeper { config: None }));
}}

#[derive(Clone, Deserialize)]
struct Config {
    /// The header that holds the token.
    #[serde(default = "default_header")]
    header: String,
    /// The cluster of the service that knows tokens.
    cluster: String,
}

fn default_header() -> String {
    "x-token".to_owned()
}

struct Gatekeeper {
    config: Option<Config>,
}

impl Context for Gatekeeper {}

impl RootContext for Gatekeeper {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match serde_json::from_slice(&text) {
            Ok(config) => {
                self.config = Some(config);
                true
            }
            Err(error) => {
                warn!("the configuration is wrong: {error}");
                false
            }
        }
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        let config = self.config.clone()?;
        Some(Box::new(Visit { config }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Visit {
    config: Config,
}

impl Visit {
    fn refuse(&self, status: u32, why: &str) {
        self.send_http_response(status, vec![("x-refused", why)], Some(why.as_bytes()));
    }
}

impl HttpContext for Visit {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let Some(token) = self.get_http_request_header(&self.config.header) else {
            self.refuse(401, "no token");
            return Action::Pause;
        };
        let path = self.get_http_request_header(":path").unwrap_or_default();
        let headers = vec![
            (":method", "GET"),
            (":path", "/token"),
            (":authority", "tokens"),
            ("x-token", token.as_str()),
            ("x-path", path.as_str()),
        ];
        match self.dispatch_http_call(&self.config.cluster, headers, None, vec![], Duration::from_secs(2)) {
            Ok(_) => Action::Pause,
            Err(status) => {
                warn!("{} cannot be asked: {status:?}", self.config.cluster);
                self.refuse(503, "nobody to ask");
                Action::Pause
            }
        }
    }
}

impl Context for Visit {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, body: usize, _trailers: usize) {
        if headers == 0 {
            self.refuse(504, "no answer");
            return;
        }
        match self.get_http_call_response_header(":status").as_deref() {
            Some("200") => {
                let user = self.get_http_call_response_body(0, body).unwrap_or_default();
                let user = String::from_utf8_lossy(&user);
                info!("this is {user}");
                self.set_http_request_header("x-user", Some(&user));
                self.set_http_request_header(&self.config.header, None);
                self.resume_http_request();
            }
            _ => self.refuse(403, "unknown token"),
        }
    }
}
