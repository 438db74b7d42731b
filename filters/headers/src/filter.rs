//! The filter: what a configuration says, done to each message.

use std::cell::Cell;

use burgee_filter_config::HeadersConfig;
use burgee_filter_config::headers::HeaderEdits;
use burgee_kit::{
    ConfigurationError, Host, HostError, HttpFilter, HttpHost, LogLevel, Message, Outcome, Phases,
    RequestHeadersHost, ResponseHeadersHost, RootHost,
};

/// The `headers` filter.
#[derive(Debug)]
pub struct Headers {
    config: HeadersConfig,
    /// Whether the log says already that the host refused a change: once is enough, messages are many.
    is_refusal_logged: Cell<bool>,
}

impl HttpFilter for Headers {
    const PHASES: Phases = Phases::REQUEST_HEADERS.and(Phases::RESPONSE_HEADERS);

    const CONFIGURATION_SCHEMA: Option<&'static str> = Some(include_str!("../configuration.schema.json"));

    type Stream = ();

    fn configure<H: RootHost>(_host: &H, configuration: &[u8]) -> Result<Headers, ConfigurationError> {
        let config = HeadersConfig::from_json(configuration).map_err(ConfigurationError::new)?;
        Ok(Headers { config, is_refusal_logged: Cell::new(false) })
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        self.edit(host, Message::Request, &self.config.request)
    }

    fn on_response_headers<H: ResponseHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        self.edit(host, Message::Response, &self.config.response)
    }
}

impl Headers {
    /// Does what can be done; a header that the host does not let go stays as it is, and the stream goes on.
    fn edit<H: HttpHost>(&self, host: &H, message: Message, edits: &HeaderEdits) -> Outcome {
        for name in &edits.remove {
            self.check(host, name.as_str(), host.remove_header(message, name.as_str()));
        }
        for (name, value) in &edits.set {
            let set = host.set_header(message, name.as_str(), value.as_str().as_bytes());
            self.check(host, name.as_str(), set);
        }
        Outcome::Continue
    }

    fn check<H: Host>(&self, host: &H, name: &str, done: Result<(), HostError>) {
        if let Err(error) = done
            && !self.is_refusal_logged.replace(true)
        {
            host.log(LogLevel::Warn, &format!("the header {name} stays as it was: {error}; said once only"));
        }
    }
}
