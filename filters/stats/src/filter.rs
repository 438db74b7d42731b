//! The filter: from a configuration to a recorder, as soon as it is known which side this proxy reports.

use burgee_filter_config::stats::DEFAULT_MAX_SERIES;
use burgee_filter_config::{LocalWorkload, Reporter, StatsConfig};
use burgee_kit::attributes::{INBOUND, LISTENER_DIRECTION};
use burgee_kit::{ConfigurationError, Host, LogFilter, LogHost, RootHost, local};

use crate::overrides::Overrides;
use crate::peer::Ends;
use crate::plan::{Plan, Role};
use crate::recorder::Recorder;

/// The `stats` filter.
#[derive(Debug)]
pub struct Stats {
    state: State,
}

#[derive(Debug)]
enum State {
    /// On the way to the next state.
    Between,
    /// Configured; the listener's direction can only be read in a stream.
    Waiting(Box<Settings>),
    /// At work.
    Recording(Box<Recorder>),
}

#[derive(Debug)]
struct Settings {
    config: StatsConfig,
    local: LocalWorkload,
    overrides: Overrides,
}

impl LogFilter for Stats {
    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Stats, ConfigurationError> {
        let config = StatsConfig::from_json(configuration).map_err(|error| {
            ConfigurationError::new(format_args!(
                "no metrics are written, because {error}. It must be a JSON object in a google.protobuf.StringValue"
            ))
        })?;
        Ok(Stats::new(host, config))
    }

    fn log<H: LogHost>(&mut self, host: &H) {
        self.record(host, Ends::LookedFor);
    }

    fn retire<H: Host>(self, host: &H) {
        match self.state {
            State::Between => {}
            State::Waiting(settings) => settings.overrides.delete(host),
            State::Recording(recorder) => recorder.retire(host),
        }
    }
}

impl Stats {
    /// The filter with a configuration that was read.
    pub fn new<H: RootHost>(host: &H, config: StatsConfig) -> Stats {
        let local = config.local.clone().unwrap_or_else(|| local::from_node(host));
        let overrides = Overrides::new(host, &config.metrics);
        Stats { state: State::Waiting(Box::new(Settings { config, local, overrides })) }
    }

    /// Writes the metrics of the stream at hand, which has ended.
    pub fn record<H: LogHost>(&mut self, host: &H, ends: Ends<'_>) {
        if let State::Waiting(_) = &self.state
            && let State::Waiting(settings) = std::mem::replace(&mut self.state, State::Between)
        {
            self.state = State::Recording(Box::new(settings.begin(host)));
        }
        if let State::Recording(recorder) = &mut self.state {
            recorder.record(host, ends);
        }
    }
}

impl Settings {
    fn begin<H: LogHost>(self, host: &H) -> Recorder {
        let Settings { config, local, overrides } = self;
        let role = match config.reporter {
            Reporter::Client => Role::Client,
            Reporter::Server => Role::Server,
            Reporter::ServerGateway => Role::Gateway,
            Reporter::Unspecified => match LISTENER_DIRECTION.get(host) {
                Some(INBOUND) => Role::Server,
                _ => Role::Client,
            },
        };
        let max_series = if config.max_series == 0 { DEFAULT_MAX_SERIES } else { config.max_series };
        let plan = Plan::new(role, &local, &overrides);
        Recorder::new(plan, overrides, !config.disable_host_header_fallback, max_series)
    }
}
