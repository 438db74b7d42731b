//! The filter of connections: the metrics of TCP.
//!
//! A connection is counted as opened once it is known where it leads, at the end of a period or, if it is closed before that,
//! when it is closed. At the end of each period what it has carried meanwhile is added, and the rest when it is closed. The
//! proxy counts the bytes itself, so the filter has no callback for them: what passes costs nothing. Its labels are read
//! once, and again at its end only if its response flags are others then.
//!
//! Labels that are expressions cannot be read at the end of a period. They are read at the connection's beginning; where one of
//! them names what comes later, such as the upstream, at its end, and then all of it is written then.

use std::cell::RefCell;
use std::time::Duration;

use burgee_filter_config::{StandardLabel, StandardMetric, Traffic};
use burgee_kit::attributes::{REQUEST_SIZE, RESPONSE_FLAGS, RESPONSE_SIZE, UPSTREAM_ADDRESS};
use burgee_kit::{
    ConfigurationError, ConnectionHost, IfMisconfigured, LogHost, Phases, RootHost, StreamHost, TcpFilter,
    TcpOutcome,
};

use crate::custom;
use crate::filter::{Settings, State, read};
use crate::group::{Group, Texts};
use crate::overrides::Overrides;
use crate::peer::Ends;
use crate::plan::{Plan, Role};
use crate::request::Reader;
use crate::series::Found;
use crate::value::Value;

/// The filter `stats` for connections of TCP.
#[derive(Debug)]
pub struct TcpStats {
    state: RefCell<State<Connections>>,
    period: Option<Duration>,
}

/// What is known of a connection that was written.
#[derive(Debug, Default)]
pub struct Connection {
    /// Its series, and the flags that it had then.
    found: Option<(Found, u64)>,
    /// The bytes that were written.
    received: u64,
    sent: u64,
    /// What expressions gave at its beginning.
    texts: Vec<Value>,
}

/// Everything that writing needs.
#[derive(Debug)]
struct Connections {
    group: Group,
    custom: Group,
    /// Whether expressions are read at a connection's beginning.
    is_early: bool,
    reader: Reader,
    overrides: Overrides,
}

impl TcpFilter for TcpStats {
    const PHASES: Phases = Phases::NEW_CONNECTION.and(Phases::LOG).and(Phases::STREAM_TICK);

    const IF_MISCONFIGURED: IfMisconfigured = IfMisconfigured::DoNothing;

    type Connection = Connection;

    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<TcpStats, ConfigurationError> {
        let settings = Settings::new(host, read(configuration)?, &[Traffic::Connections]);
        let period = settings.period(Traffic::Connections);
        Ok(TcpStats { state: RefCell::new(State::Waiting(Box::new(settings))), period })
    }

    fn on_new_connection<H: ConnectionHost>(&self, connection: &mut Connection, host: &H) -> TcpOutcome {
        self.with(host, |connections| {
            if connections.is_early {
                connection.texts = connections.group.evaluate(host, &connections.overrides);
            }
        });
        TcpOutcome::Continue
    }

    fn on_connection_tick<H: LogHost>(&self, connection: &mut Connection, host: &H) {
        // Where it leads is known when the upstream is connected.
        if connection.found.is_some() || UPSTREAM_ADDRESS.get(host).is_some() {
            self.with(host, |connections| connections.write(host, connection, false));
        }
    }

    fn on_log<H: LogHost>(&self, connection: &mut Connection, host: &H) {
        self.with(host, |connections| connections.write(host, connection, true));
    }

    fn tick_period(&self) -> Option<Duration> {
        self.period
    }
}

impl TcpStats {
    fn with<H: StreamHost>(&self, host: &H, write: impl FnOnce(&mut Connections)) {
        // Nothing that is called from there comes back here.
        if let Ok(mut state) = self.state.try_borrow_mut()
            && let Some(connections) = state.at_work(host, Connections::new)
        {
            write(connections);
        }
    }
}

impl Connections {
    fn new(settings: Settings, role: Role) -> Connections {
        let max_series = settings.max_series();
        let Settings { local, overrides, .. } = settings;
        let plan = Plan::new(role, &local, &overrides, Traffic::Connections);
        let custom = Plan::of_defined(role, &local, &overrides);
        let group = Group::new(plan, max_series);
        let is_early = group.plan.expressions().all(|index| overrides.is_early(index));
        Connections {
            is_early,
            group,
            custom: Group::new(custom, max_series),
            reader: Reader::new(false),
            overrides,
        }
    }

    fn write<H: LogHost>(&mut self, host: &H, connection: &mut Connection, is_over: bool) {
        if is_over {
            custom::record(&mut self.custom, host, &self.overrides);
        }
        if self.group.is_empty() {
            return;
        }
        let bytes = |read: Option<i64>| read.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        let (received, sent) = (bytes(REQUEST_SIZE.get(host)), bytes(RESPONSE_SIZE.get(host)));
        let more_received = received.saturating_sub(connection.received);
        let more_sent = sent.saturating_sub(connection.sent);
        let is_new = connection.found.is_none();
        if !is_new && !is_over && more_received == 0 && more_sent == 0 {
            return;
        }
        // Flags tell how a connection ended.
        let flags = match connection.found {
            Some((_, flags)) if !is_over => flags,
            _ => RESPONSE_FLAGS.get(host).unwrap_or_default(),
        };
        let known = connection.found.filter(|(_, known)| *known == flags);
        let found = match known {
            Some((found, _)) => found,
            None => {
                let facts = self.reader.read_rest(host, &self.group.plan, Ends::LookedFor, None);
                let mut values = self.reader.values(&self.group.plan, &facts);
                values.set(StandardLabel::RequestProtocol, Value::Fixed("tcp"));
                let texts = match is_over {
                    _ if self.is_early => Texts::Known(&connection.texts),
                    true => Texts::Readable,
                    false => Texts::Unreadable,
                };
                let Some(found) = self.group.find(host, &values, &self.overrides, texts) else {
                    return;
                };
                connection.found = Some((found, flags));
                found
            }
        };
        (connection.received, connection.sent) = (received, sent);
        for position in 0..self.group.plan.metrics.len() {
            let metric = self.group.plan.metrics.get(position).and_then(|metric| metric.metric);
            let amount = match metric {
                Some(StandardMetric::TcpOpenedConnections) => u64::from(is_new),
                Some(StandardMetric::TcpClosedConnections) => u64::from(is_over),
                Some(StandardMetric::TcpReceivedBytes) => more_received,
                _ => more_sent,
            };
            if known.is_none() {
                self.group.add(host, found, position, amount);
            } else if amount > 0 {
                self.group.add_again(host, found, position, amount);
            }
        }
    }
}
