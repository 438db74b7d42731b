//! The filter that is `peer-metadata` and `stats` at once: one context for each request, and what the one learns of the other
//! end the other need not ask the proxy for.

use std::cell::RefCell;

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

impl HttpFilter for Telemetry {
    const PHASES: Phases = PeerMetadata::PHASES.and(Phases::LOG);

    /// A proxy that refuses a listener because of its telemetry serves nobody.
    const IF_MISCONFIGURED: IfMisconfigured = IfMisconfigured::DoNothing;

    type Stream = Exchange;

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
        stream: &mut Exchange,
        host: &H,
        end: bool,
    ) -> Outcome {
        self.peers.on_request_headers(stream, host, end)
    }

    fn on_response_headers<H: ResponseHeadersHost>(
        &self,
        stream: &mut Exchange,
        host: &H,
        end: bool,
    ) -> Outcome {
        self.peers.on_response_headers(stream, host, end)
    }

    fn on_log<H: LogHost>(&self, stream: &mut Exchange, host: &H) {
        if let Ok(mut stats) = self.stats.try_borrow_mut()
            && let Some(stats) = stats.as_mut()
        {
            stats.record(host, Ends::Told { caller: stream.caller(), called: stream.called() });
        }
    }

    fn retire<H: Host>(&self, host: &H) {
        let stats = self.stats.try_borrow_mut().ok().and_then(|mut stats| stats.take());
        if let Some(stats) = stats {
            burgee_kit::LogFilter::retire(stats, host);
        }
    }
}
