//! Adds one header to each answer: what `filters/testing/strangers/hello` does, with the kit.
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use burgee_kit::{
    ConfigurationError, HttpFilter, LogLevel, Message, Outcome, Phases, ResponseHeadersHost, RootHost,
};

/// The filter.
#[derive(Debug)]
pub struct Header;

impl HttpFilter for Header {
    const PHASES: Phases = Phases::RESPONSE_HEADERS;

    type Stream = ();

    fn configure<H: RootHost>(_host: &H, _configuration: &[u8]) -> Result<Header, ConfigurationError> {
        Ok(Header)
    }

    fn on_response_headers<H: ResponseHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        if host.add_header(Message::Response, "x-hello", b"world").is_err() {
            host.log(LogLevel::Error, "the header x-hello cannot be added");
        }
        Outcome::Continue
    }
}

burgee_kit::export!(http Header);

#[cfg(test)]
mod tests {
    use burgee_kit::fake::FakeHost;

    use super::*;

    #[test]
    fn the_header_is_added() {
        let host = FakeHost::new();
        let filter = Header::configure(&host, b"").unwrap();
        assert_eq!(filter.on_response_headers(&mut (), &host, true), Outcome::Continue);
        let expected = (b"x-hello".to_vec(), b"world".to_vec());
        assert!(burgee_kit::HttpHost::headers(&host, Message::Response).unwrap().contains(&expected));
    }
}
