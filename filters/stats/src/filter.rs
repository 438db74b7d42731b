//! The filter of requests, and what both filters begin with: from a configuration to what writes, as soon as it is known
//! which side this proxy reports.

use std::time::Duration;

use burgee_filter_config::stats::{DEFAULT_MAX_SERIES, DEFAULT_REPORTING_PERIOD};
use burgee_filter_config::{LocalWorkload, Reporter, StatsConfig, Traffic};
use burgee_kit::attributes::{INBOUND, LISTENER_DIRECTION};
use burgee_kit::{
    ConfigurationError, Host, LogFilter, LogHost, LogLevel, Phases, RootHost, StreamHost, local,
};

use crate::build_gauge;
use crate::overrides::Overrides;
use crate::peer::Ends;
use crate::plan::Role;
use crate::recorder::Recorder;

/// The `stats` filter.
#[derive(Debug)]
pub struct Stats {
    state: State<Recorder>,
    period: Option<Duration>,
}

/// How far a filter is on its way to what writes.
#[derive(Debug)]
pub enum State<R> {
    /// On the way to the next state.
    Between,
    /// Configured; the listener's direction can only be read in a stream.
    Waiting(Box<Settings>),
    /// At work.
    Recording(Box<R>),
}

/// A configuration that was read.
#[derive(Debug)]
pub struct Settings {
    /// The configuration.
    pub config: StatsConfig,
    /// Who this proxy is.
    pub local: LocalWorkload,
    /// What the configuration changes of the metrics.
    pub overrides: Overrides,
}

impl LogFilter for Stats {
    const PHASES: Phases = Phases::LOG.and(Phases::STREAM_TICK);

    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Stats, ConfigurationError> {
        Ok(Stats::new(host, read(configuration)?))
    }

    fn log<H: LogHost>(&mut self, host: &H) {
        self.log_stream(host, None);
    }

    fn log_stream<H: LogHost>(&mut self, host: &H, stream: Option<u32>) {
        self.record(host, stream, Ends::LookedFor);
    }

    fn on_stream_tick<H: LogHost>(&mut self, host: &H, stream: u32) {
        self.tick(host, stream, Ends::LookedFor);
    }

    fn tick_period(&self) -> Option<Duration> {
        self.period
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
        let settings = Settings::new(host, config, &[Traffic::Requests, Traffic::Messages]);
        let period = settings.period(Traffic::Messages);
        Stats { state: State::Waiting(Box::new(settings)), period }
    }

    /// Writes the metrics of the stream at hand, which has ended.
    pub fn record<H: LogHost>(&mut self, host: &H, stream: Option<u32>, ends: Ends<'_>) {
        if let Some(recorder) = self.state.at_work(host, Recorder::new) {
            recorder.record(host, stream, ends);
        }
    }

    /// Writes what there is by now of the stream at hand, which is open when a period is over.
    pub fn tick<H: LogHost>(&mut self, host: &H, stream: u32, ends: Ends<'_>) {
        if let Some(recorder) = self.state.at_work(host, Recorder::new) {
            recorder.tick(host, stream, ends);
        }
    }
}

/// Reads a configuration.
pub fn read(configuration: &[u8]) -> Result<StatsConfig, ConfigurationError> {
    StatsConfig::from_json(configuration).map_err(|error| {
        ConfigurationError::new(format_args!(
            "no metrics are written, because {error}. It must be a JSON object in a google.protobuf.StringValue"
        ))
    })
}

impl<R> State<R> {
    /// What writes, which begins with the first stream.
    pub fn at_work<H: StreamHost>(
        &mut self,
        host: &H,
        begin: impl FnOnce(Settings, Role) -> R,
    ) -> Option<&mut R> {
        if let State::Waiting(_) = self
            && let State::Waiting(settings) = std::mem::replace(self, State::Between)
        {
            let role = settings.role(host);
            *self = State::Recording(Box::new(begin(*settings, role)));
        }
        match self {
            State::Recording(recorder) => Some(recorder),
            State::Between | State::Waiting(_) => None,
        }
    }
}

impl Settings {
    /// The settings of a configuration, for the metrics of these kinds of traffic.
    pub fn new<H: RootHost>(host: &H, config: StatsConfig, traffic: &[Traffic]) -> Settings {
        if let Err(text) = config.reporting_period() {
            let told = ["tcp_reporting_duration ignored: ", text, " is no duration such as 5s"].concat();
            host.log(LogLevel::Warn, &told);
        }
        let local = config.local.clone().unwrap_or_else(|| local::from_node(host));
        let overrides = Overrides::new(host, &config, traffic);
        build_gauge::set(host);
        Settings { config, local, overrides }
    }

    /// How often streams report while they are open; nothing if they do not, or if there is nothing to report.
    pub fn period(&self, traffic: Traffic) -> Option<Duration> {
        self.overrides.written(traffic).next()?;
        let period = self.config.reporting_period().unwrap_or(DEFAULT_REPORTING_PERIOD);
        (!period.is_zero()).then_some(period)
    }

    /// How many sets of labels are kept apart.
    pub fn max_series(&self) -> u32 {
        if self.config.max_series == 0 { DEFAULT_MAX_SERIES } else { self.config.max_series }
    }

    fn role<H: StreamHost>(&self, host: &H) -> Role {
        match self.config.reporter {
            Reporter::Client => Role::Client,
            Reporter::Server => Role::Server,
            Reporter::ServerGateway => Role::Gateway,
            Reporter::Unspecified => match LISTENER_DIRECTION.get(host) {
                Some(INBOUND) => Role::Server,
                _ => Role::Client,
            },
        }
    }
}
