//! Metrics with labels. The ABI has neither labels nor buckets: a metric is a name.
//!
//! A metric is declared once, as a constant with its labels, its buckets and what it means. From that come the names that
//! carry the labels, and, in a section of the module ([`declared`]), what a proxy's bootstrap needs to take the labels out
//! again: nobody writes a regular expression.
//!
//! ```
//! use burgee_kit::fake::FakeHost;
//! use burgee_kit::metrics::{Counter, Histogram, Metric};
//!
//! burgee_kit::labels! {
//!     /// Who asked, and what came of it.
//!     pub struct Asked { tenant, verdict }
//! }
//!
//! const ASKED: Metric = Metric::counter::<Asked>("quota_asked_total", "Requests that were asked about.");
//! const TOOK: Metric = Metric::histogram::<Asked>("quota_took_milliseconds", "What asking took.", &[1, 5, 25, 100]);
//!
//! struct Metrics {
//!     asked: Counter<Asked<'static>>,
//!     took: Histogram<Asked<'static>>,
//! }
//!
//! let metrics = Metrics { asked: Counter::new(&ASKED), took: Histogram::new(&TOOK) };
//! let host = FakeHost::new();
//! let labels = Asked { tenant: b"acme".into(), verdict: "allowed".into() };
//! metrics.asked.add(&host, &labels, 1)?;
//! metrics.took.record(&host, &labels, 3)?;
//! assert_eq!(host.metrics()["tenant=.=acme;.;verdict=.=allowed;.;quota_asked_total"], [1]);
//! # Ok::<(), burgee_kit::HostError>(())
//! ```
//!
//! # Bounds
//!
//! A series lives until the proxy restarts, and a client can choose some labels. So a value has at most
//! [`MAX_VALUE_BYTES`] and no characters that would end it
//! ([`clean_value`](burgee_filter_config::stat_name::clean_value)), and a metric has at most [`Metric::max_series`]
//! series, 1000 by default. Beyond that every label of a new series is [`OVERFLOW_VALUE`], and each such write is counted
//! by [`OVERFLOW`], whose label is the metric's name.

pub mod declared;
mod series;

use std::cell::RefCell;
use std::marker::PhantomData;

use burgee_filter_config::stats::DEFAULT_MAX_SERIES;

pub use burgee_filter_config::stat_name::MAX_VALUE_BYTES;
pub use burgee_filter_config::stats::OVERFLOW_VALUE;

use crate::host::{Host, HostError, MetricId, MetricKind};
use series::Series;

/// Counts, by the metric's name, what was written to metrics that have no room for another series.
pub const OVERFLOW: Metric = Metric {
    name: "burgee_series_overflow_total",
    kind: MetricKind::Counter,
    labels: &["metric"],
    buckets: &[],
    help: "Writes to metrics that had no room for another series.",
    max_series: DEFAULT_MAX_SERIES,
};

/// A metric as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: MetricKind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) buckets: &'static [u64],
    pub(crate) help: &'static str,
    pub(crate) max_series: u32,
}

impl Metric {
    /// A counter with these labels. By convention its name ends in `_total`.
    ///
    /// The name and the labels must be what Prometheus takes: letters, digits and `_`, and no digit in front. In
    /// a constant anything else does not compile; so it is with all of these.
    pub const fn counter<L: Labels>(name: &'static str, help: &'static str) -> Metric {
        Metric::new::<L>(MetricKind::Counter, name, help, &[])
    }

    /// A gauge with these labels. Each worker of a proxy has a virtual machine of its own and they share the gauge: the
    /// last write holds.
    pub const fn gauge<L: Labels>(name: &'static str, help: &'static str) -> Metric {
        Metric::new::<L>(MetricKind::Gauge, name, help, &[])
    }

    /// A histogram with these labels, and the upper bounds of its buckets in ascending order.
    pub const fn histogram<L: Labels>(
        name: &'static str,
        help: &'static str,
        buckets: &'static [u64],
    ) -> Metric {
        Metric::new::<L>(MetricKind::Histogram, name, help, buckets)
    }

    const fn new<L: Labels>(
        kind: MetricKind,
        name: &'static str,
        help: &'static str,
        buckets: &'static [u64],
    ) -> Metric {
        assert!(is_name(name), "a metric's name has letters, digits and `_`, and no digit in front");
        let mut rest = L::NAMES;
        while let [label, others @ ..] = rest {
            assert!(is_name(label), "a label has letters, digits and `_`, and no digit in front");
            rest = others;
        }
        let mut rest = buckets;
        while let [lower, others @ ..] = rest {
            if let [upper, ..] = others {
                assert!(*lower < *upper, "the bounds of buckets ascend");
            }
            rest = others;
        }
        Metric { name, kind, labels: L::NAMES, buckets, help, max_series: DEFAULT_MAX_SERIES }
    }

    /// The same with another bound for the number of its series.
    #[must_use]
    pub const fn max_series(self, max_series: u32) -> Metric {
        Metric { max_series, ..self }
    }
}

/// Whether Prometheus takes a name. The same as
/// [`is_valid_label_name`](burgee_filter_config::stat_name::is_valid_label_name), for constants.
const fn is_name(name: &str) -> bool {
    let [first, ..] = name.as_bytes() else { return false };
    let mut rest = name.as_bytes();
    while let [byte, others @ ..] = rest {
        if !(byte.is_ascii_alphanumeric() || *byte == b'_') {
            return false;
        }
        rest = others;
    }
    !first.is_ascii_digit()
}

/// The labels of a metric, with their values. [`labels!`](crate::labels!) makes a type of it.
pub trait Labels {
    /// The names.
    const NAMES: &'static [&'static str];

    /// The same labels with values that live as long as `'a`.
    type Of<'a>: Labels;

    /// Gives each value, in the order of the names.
    fn each(&self, give: &mut dyn FnMut(Value<'_>));
}

/// No labels.
impl Labels for () {
    const NAMES: &'static [&'static str] = &[];

    type Of<'a> = ();

    fn each(&self, _give: &mut dyn FnMut(Value<'_>)) {}
}

/// The value of a label: bytes or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text; what is not UTF-8 is shown as U+FFFD.
    Bytes(&'a [u8]),
    /// A number.
    Number(i64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Value<'a> {
        Value::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Value<'a> {
        Value::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Value<'a> {
        Value::Bytes(bytes)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Number(number)
    }
}

impl From<u16> for Value<'_> {
    fn from(number: u16) -> Self {
        Value::Number(number.into())
    }
}

/// Makes a type of the names of labels: a struct with one [`Value`](crate::metrics::Value) for each.
#[macro_export]
macro_rules! labels {
    ($(#[$meta:meta])* $visible:vis struct $name:ident { $($label:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visible struct $name<'a> {
            $(
                #[doc = concat!("The label `", stringify!($label), "`.")]
                pub $label: $crate::metrics::Value<'a>,
            )+
        }

        impl $crate::metrics::Labels for $name<'_> {
            const NAMES: &'static [&'static str] = &[$(stringify!($label)),+];

            type Of<'of> = $name<'of>;

            fn each(&self, give: &mut dyn FnMut($crate::metrics::Value<'_>)) {
                $(give(self.$label);)+
            }
        }
    };
}

macro_rules! handle {
    ($(#[$meta:meta])* $name:ident, $kind:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name<L> {
            series: RefCell<Series>,
            labels: PhantomData<fn(L)>,
        }

        impl<L: Labels> $name<L> {
            /// The handle of a declared metric. Keep it with the filter: it knows the series that were written.
            ///
            /// A metric of another kind or with other labels is not what is written by it; natively that is told at once.
            pub fn new(metric: &'static Metric) -> $name<L> {
                debug_assert!(metric.kind == MetricKind::$kind, "{} is of another kind", metric.name);
                debug_assert!(metric.labels == L::NAMES, "{} has other labels", metric.name);
                $name { series: RefCell::new(Series::new(metric)), labels: PhantomData }
            }

            fn find<H: Host>(&self, host: &H, labels: &L::Of<'_>) -> Result<MetricId, HostError> {
                // Nothing that is called from here comes back here.
                let mut series = self.series.try_borrow_mut().map_err(|_| HostError::InternalFailure)?;
                series.find(host, labels)
            }
        }
    };
}

handle! {
    /// A metric that only grows.
    Counter, Counter
}

handle! {
    /// A metric that holds the last value.
    Gauge, Gauge
}

handle! {
    /// A metric that keeps a distribution.
    Histogram, Histogram
}

impl<L: Labels> Counter<L> {
    /// Adds to the series with these labels. To add nothing makes the series known.
    ///
    /// # Errors
    /// If the host cannot define or write it; the next write tries again.
    pub fn add<H: Host>(&self, host: &H, labels: &L::Of<'_>, by: u64) -> Result<(), HostError> {
        // Envoy adds what is recorded, also nothing, which it would not increment by.
        host.record(self.find(host, labels)?, by)
    }
}

impl<L: Labels> Gauge<L> {
    /// Sets the series with these labels.
    ///
    /// # Errors
    /// As [`Counter::add`].
    pub fn set<H: Host>(&self, host: &H, labels: &L::Of<'_>, value: u64) -> Result<(), HostError> {
        host.record(self.find(host, labels)?, value)
    }
}

impl<L: Labels> Histogram<L> {
    /// Adds a value to the distribution with these labels.
    ///
    /// # Errors
    /// As [`Counter::add`].
    pub fn record<H: Host>(&self, host: &H, labels: &L::Of<'_>, value: u64) -> Result<(), HostError> {
        host.record(self.find(host, labels)?, value)
    }
}
