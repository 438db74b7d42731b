//! Takes words out of the bodies of answers. Reads headers as bytes, as careful users of the SDK do.

use log::warn;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Rewriter::default()));
}}

/// What stands in place of a word.
const BLANK: &[u8] = b"***";

#[derive(Clone, Default, Deserialize)]
struct Config {
    words: Vec<String>,
}

#[derive(Default)]
struct Rewriter {
    config: Config,
}

impl Context for Rewriter {}

impl RootContext for Rewriter {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match serde_json::from_slice::<Config>(&text) {
            Ok(config) if config.words.iter().all(|word| !word.is_empty()) => {
                self.config = config;
                true
            }
            Ok(_) => {
                warn!("a word is empty");
                false
            }
            Err(error) => {
                warn!("the configuration is wrong: {error}");
                false
            }
        }
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Answer { config: self.config.clone(), is_text: false }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Answer {
    config: Config,
    is_text: bool,
}

impl Context for Answer {}

impl HttpContext for Answer {
    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        let kind = self.get_http_response_header_bytes("content-type");
        self.is_text = !end && kind.is_some_and(|kind| kind.starts_with(b"text/"));
        if self.is_text {
            // The body will have another length.
            self.set_http_response_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if !self.is_text {
            return Action::Continue;
        }
        if !end {
            // Words can lie across chunks, so all of it is waited for.
            return Action::Pause;
        }
        let Some(mut body) = self.get_http_response_body(0, size) else { return Action::Continue };
        let words = self.config.words.clone();
        for word in &words {
            body = replaced(&body, word.as_bytes());
        }
        self.set_http_response_body(0, size, &body);
        Action::Continue
    }
}

fn replaced(body: &[u8], word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(word) {
            out.extend_from_slice(BLANK);
            rest = after;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}
