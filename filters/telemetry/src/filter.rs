//! The filter that is `peer-metadata` and `stats` at once: one context for each request, and what the one learns of the other
//! end the other need not ask the proxy for.

use std::cell::RefCell;
use std::time::Duration;

use burgee_filter_config::TelemetryConfig;
use burgee_kit::{
    ConfigurationError, Host, HttpFilter, IfMisconfigured, LogHost, Outcome, Phases, RequestHeadersHost,
    ResponseHeadersHost, RootHost,
};
use burgee_peer_metadata::{Exchange, PeerMetadata};
use burgee_stats::{Ends, Stats};

/// The `telemetry` filter.
#[derive(Debug)]
pub struct Telemetry {
    peers: PeerMetadata,
    stats: RefCell<Option<Stats>>,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub struct Request {
    exchange: Exchange,
    /// Its number, once it was open when a period was over.
    number: Option<u32>,
}

impl Request {
    fn ends(&self) -> Ends<'_> {
        Ends::Told { caller: self.exchange.caller(), called: self.exchange.called() }
    }
}

impl HttpFilter for Telemetry {
    const PHASES: Phases = PeerMetadata::PHASES.and(Phases::LOG).and(Phases::STREAM_TICK);

    /// A proxy that refuses a listener because of its telemetry serves nobody.
    const IF_MISCONFIGURED: IfMisconfigured = IfMisconfigured::DoNothing;

    type Stream = Request;

    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Telemetry, ConfigurationError> {
        let config = TelemetryConfig::from_json(configuration).map_err(|error| {
            ConfigurationError::new(format_args!(
                "no metrics are written and no workload is told of another, because {error}. It must be a JSON object \
                 in a google.protobuf.StringValue"
            ))
        })?;
        Ok(Telemetry {
            peers: PeerMetadata::new(host, config.peer_metadata),
            stats: RefCell::new(Some(Stats::new(host, config.stats))),
        })
    }

    fn on_request_headers<H: RequestHeadersHost>(
        &self,
        stream: &mut Request,
        host: &H,
        end: bool,
    ) -> Outcome {
        self.peers.on_request_headers(&mut stream.exchange, host, end)
    }

    fn on_response_headers<H: ResponseHeadersHost>(
        &self,
        stream: &mut Request,
        host: &H,
        end: bool,
    ) -> Outcome {
        self.peers.on_response_headers(&mut stream.exchange, host, end)
    }

    fn on_log<H: LogHost>(&self, stream: &mut Request, host: &H) {
        self.with_stats(|stats| stats.record(host, stream.number, stream.ends()));
    }

    fn on_stream_tick<H: LogHost>(&self, stream: &mut Request, host: &H, number: u32) {
        stream.number = Some(number);
        self.with_stats(|stats| stats.tick(host, number, stream.ends()));
    }

    fn tick_period(&self) -> Option<Duration> {
        let stats = self.stats.try_borrow().ok()?;
        stats.as_ref().and_then(burgee_kit::LogFilter::tick_period)
    }

    fn retire<H: Host>(&self, host: &H) {
        let stats = self.stats.try_borrow_mut().ok().and_then(|mut stats| stats.take());
        if let Some(stats) = stats {
            burgee_kit::LogFilter::retire(stats, host);
        }
    }
}

impl Telemetry {
    /// Nothing that is called from there comes back here.
    fn with_stats(&self, write: impl FnOnce(&mut Stats)) {
        if let Ok(mut stats) = self.stats.try_borrow_mut()
            && let Some(stats) = stats.as_mut()
        {
            write(stats);
        }
    }
}
