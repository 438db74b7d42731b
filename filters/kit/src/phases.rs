//! The phases that a filter takes part in, and the callbacks of the ABI that they stand for.

/// A set of phases. A proxy calls a module in every phase that it has a callback for, and pays for each call: a filter
/// names those that it needs, and its module has these callbacks and no others.
///
/// ```
/// use burgee_kit::Phases;
/// const PHASES: Phases = Phases::REQUEST_HEADERS.and(Phases::HTTP_CALLS);
/// assert!(PHASES.has(Phases::HTTP_CALLS) && !PHASES.has(Phases::LOG));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases(u32);

impl Phases {
    /// No phase: the filter reads its configuration and nothing else.
    pub const NONE: Phases = Phases(0);
    /// The headers of a request have arrived.
    pub const REQUEST_HEADERS: Phases = Phases(1);
    /// More of the body of a request has arrived.
    pub const REQUEST_BODY: Phases = Phases(1 << 1);
    /// The trailers of a request have arrived; nothing comes after them.
    pub const REQUEST_TRAILERS: Phases = Phases(1 << 2);
    /// The headers of a response have arrived.
    pub const RESPONSE_HEADERS: Phases = Phases(1 << 3);
    /// More of the body of a response has arrived.
    pub const RESPONSE_BODY: Phases = Phases(1 << 4);
    /// The trailers of a response have arrived; nothing comes after them.
    pub const RESPONSE_TRAILERS: Phases = Phases(1 << 5);
    /// A request or a connection has ended, and all that is known of it can be read.
    pub const LOG: Phases = Phases(1 << 6);
    /// A client has connected.
    pub const NEW_CONNECTION: Phases = Phases(1 << 7);
    /// A client has sent bytes.
    pub const DOWNSTREAM_DATA: Phases = Phases(1 << 8);
    /// An upstream has sent bytes.
    pub const UPSTREAM_DATA: Phases = Phases(1 << 9);
    /// The connection of a client is closed.
    pub const DOWNSTREAM_CLOSE: Phases = Phases(1 << 10);
    /// The connection of an upstream is closed.
    pub const UPSTREAM_CLOSE: Phases = Phases(1 << 11);
    /// Time passes for the filter itself, outside any stream. Needed for timers too.
    pub const TICK: Phases = Phases(1 << 12);
    /// HTTP requests that the filter makes are answered.
    pub const HTTP_CALLS: Phases = Phases(1 << 13);
    /// gRPC calls that the filter makes are answered.
    pub const GRPC_CALLS: Phases = Phases(1 << 14);
    /// Streams of gRPC that the filter opens bring something. Calls are answered by the same callbacks.
    pub const GRPC_STREAMS: Phases = Phases::GRPC_CALLS.and(Phases(1 << 15));

    /// Time passes for each stream that is open: it is shown to its filter each time that the filter's period is
    /// over.
    pub const STREAM_TICK: Phases = Phases(1 << 16);

    /// Timers run: the same as [`Phases::TICK`], since a proxy has no other clock for a module.
    pub const TIMERS: Phases = Phases::TICK;

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Phases) -> Phases {
        Phases(self.0 | other.0)
    }

    /// Whether all of `other` is in this set.
    pub const fn has(self, other: Phases) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether anything of `other` is in this set.
    pub const fn has_any(self, other: Phases) -> bool {
        self.0 & other.0 != 0
    }

    /// What a filter of HTTP streams can take part in.
    pub const HTTP: Phases = Phases::REQUEST_HEADERS
        .and(Phases::REQUEST_BODY)
        .and(Phases::REQUEST_TRAILERS)
        .and(Phases::RESPONSE_HEADERS)
        .and(Phases::RESPONSE_BODY)
        .and(Phases::RESPONSE_TRAILERS)
        .and(Phases::STREAM_TICK)
        .and(Phases::LOG)
        .and(Phases::ROOT);

    /// What a filter of connections can take part in.
    pub const TCP: Phases = Phases::NEW_CONNECTION
        .and(Phases::DOWNSTREAM_DATA)
        .and(Phases::UPSTREAM_DATA)
        .and(Phases::DOWNSTREAM_CLOSE)
        .and(Phases::UPSTREAM_CLOSE)
        .and(Phases::STREAM_TICK)
        .and(Phases::LOG)
        .and(Phases::ROOT);

    /// What any filter can take part in: what belongs to no stream.
    pub const ROOT: Phases = Phases::TICK.and(Phases::CALLS);

    /// Calls that the filter makes, and streams that it opens, of every kind.
    pub const CALLS: Phases = Phases::HTTP_CALLS.and(Phases::GRPC_STREAMS);

    /// What has a period.
    pub(crate) const PERIODIC: Phases = Phases::TICK.and(Phases::STREAM_TICK);

    /// What a filter may wait for.
    pub(crate) const AWAITED: Phases = Phases::ROOT;
}
