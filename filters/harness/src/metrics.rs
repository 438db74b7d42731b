//! Metrics as Envoy has them: a new identifier for each definition, one value for each name.

use std::collections::BTreeMap;

use crate::abi::Status;

/// How a metric's values add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricKind {
    /// Only ever grows.
    Counter,
    /// Holds the last value.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A metric's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricValue {
    /// Of a counter or a gauge.
    Number(u64),
    /// Of a histogram: all that was recorded, in order.
    Recorded(Vec<u64>),
}

/// A metric that a module defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// How its values add up.
    pub kind: MetricKind,
    /// Its name as the module gave it.
    pub name: Vec<u8>,
    /// Its value by now.
    pub value: MetricValue,
}

impl Metric {
    /// The name without labels, and the labels, of a name that was made so as Istio's filters make them:
    /// `LABEL=.=VALUE;.;` before the name for each label.
    pub fn labelled(&self) -> (String, Vec<(String, String)>) {
        let whole = String::from_utf8_lossy(&self.name).into_owned();
        let mut labels = Vec::new();
        let mut rest = whole.as_str();
        while let Some((field, behind)) = rest.split_once(";.;") {
            let Some((label, value)) = field.split_once("=.=") else { break };
            labels.push((label.to_owned(), value.to_owned()));
            rest = behind;
        }
        (rest.to_owned(), labels)
    }
}

/// The metrics of a VM.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    values: BTreeMap<(MetricKind, Vec<u8>), MetricValue>,
    /// The names that identifiers stand for: each kind counts its own.
    counters: Vec<Vec<u8>>,
    gauges: Vec<Vec<u8>>,
    histograms: Vec<Vec<u8>>,
}

impl Metrics {
    /// Envoy's numbers: the kind in the lowest two bits, counted from one above them.
    pub(crate) fn define(&mut self, kind: u32, name: Vec<u8>) -> Result<u32, Status> {
        let (kind, names) = match kind {
            0 => (MetricKind::Counter, &mut self.counters),
            1 => (MetricKind::Gauge, &mut self.gauges),
            2 => (MetricKind::Histogram, &mut self.histograms),
            _ => return Err(Status::BadArgument),
        };
        let empty = match kind {
            MetricKind::Histogram => MetricValue::Recorded(Vec::new()),
            MetricKind::Counter | MetricKind::Gauge => MetricValue::Number(0),
        };
        names.push(name.clone());
        let number = u32::try_from(names.len()).map_err(|_| Status::InternalFailure)?;
        self.values.entry((kind, name)).or_insert(empty);
        Ok((number << 2) | kind as u32)
    }

    fn find(&mut self, id: u32) -> Result<(MetricKind, &mut MetricValue), Status> {
        let (kind, names) = match id & 3 {
            0 => (MetricKind::Counter, &self.counters),
            1 => (MetricKind::Gauge, &self.gauges),
            2 => (MetricKind::Histogram, &self.histograms),
            _ => return Err(Status::NotFound),
        };
        let index = (id >> 2).checked_sub(1).ok_or(Status::NotFound)?;
        let name = names.get(index as usize).ok_or(Status::NotFound)?;
        let value = self.values.get_mut(&(kind, name.clone())).ok_or(Status::NotFound)?;
        Ok((kind, value))
    }

    pub(crate) fn increment(&mut self, id: u32, by: i64) -> Result<(), Status> {
        if id & 3 > 1 {
            return Err(Status::BadArgument);
        }
        match self.find(id)? {
            (MetricKind::Counter, _) if by <= 0 => Err(Status::BadArgument),
            (_, MetricValue::Number(number)) => {
                *number = number.wrapping_add_signed(by);
                Ok(())
            }
            (_, MetricValue::Recorded(_)) => Err(Status::BadArgument),
        }
    }

    pub(crate) fn record(&mut self, id: u32, value: u64) -> Result<(), Status> {
        match self.find(id)? {
            (MetricKind::Counter, MetricValue::Number(number)) => *number = number.wrapping_add(value),
            (_, MetricValue::Number(number)) => *number = value,
            (_, MetricValue::Recorded(values)) => values.push(value),
        }
        Ok(())
    }

    pub(crate) fn get(&mut self, id: u32) -> Result<u64, Status> {
        if id & 3 > 1 {
            return Err(Status::BadArgument);
        }
        match self.find(id)? {
            (_, MetricValue::Number(number)) => Ok(*number),
            (_, MetricValue::Recorded(_)) => Err(Status::BadArgument),
        }
    }

    pub(crate) fn all(&self) -> Vec<Metric> {
        let metric = |((kind, name), value): (&(MetricKind, Vec<u8>), &MetricValue)| Metric {
            kind: *kind,
            name: name.clone(),
            value: value.clone(),
        };
        self.values.iter().map(metric).collect()
    }

    /// How many identifiers were given out.
    pub(crate) fn definitions(&self) -> usize {
        self.counters.len() + self.gauges.len() + self.histograms.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_definition_has_an_identifier_and_each_name_one_value() {
        let mut metrics = Metrics::default();
        let first = metrics.define(0, b"a".to_vec()).unwrap();
        let second = metrics.define(0, b"a".to_vec()).unwrap();
        assert_eq!((first, second), (4, 8));
        metrics.increment(first, 2).unwrap();
        metrics.record(second, 3).unwrap();
        assert_eq!(metrics.get(second), Ok(5));
        assert_eq!(metrics.increment(first, 0), Err(Status::BadArgument));
        assert_eq!(metrics.increment(first, -1), Err(Status::BadArgument));

        let gauge = metrics.define(1, b"g".to_vec()).unwrap();
        assert_eq!(gauge, 5);
        metrics.record(gauge, 7).unwrap();
        metrics.increment(gauge, -2).unwrap();
        metrics.increment(gauge, 0).unwrap();
        assert_eq!(metrics.get(gauge), Ok(5));

        let histogram = metrics.define(2, b"h".to_vec()).unwrap();
        metrics.record(histogram, 1).unwrap();
        assert_eq!(metrics.increment(histogram, 1), Err(Status::BadArgument));
        assert_eq!(metrics.get(histogram), Err(Status::BadArgument));

        assert_eq!(metrics.define(3, b"x".to_vec()), Err(Status::BadArgument));
        for id in [0, 1, 12, u32::MAX - 3] {
            assert_eq!(metrics.get(id), Err(Status::NotFound), "{id}");
        }
        assert_eq!(metrics.get(3), Err(Status::BadArgument));
        assert_eq!(metrics.record(3, 1), Err(Status::NotFound));
    }

    #[test]
    fn labels_are_read_out_of_a_name() {
        let name = b"source=.=a;.;code=.=200;.;istio_requests_total".to_vec();
        let metric = Metric { kind: MetricKind::Counter, name, value: MetricValue::Number(1) };
        let labels = vec![("source".to_owned(), "a".to_owned()), ("code".to_owned(), "200".to_owned())];
        assert_eq!(metric.labelled(), ("istio_requests_total".to_owned(), labels));
        let plain = Metric { name: b"plain;.;name".to_vec(), ..metric };
        assert_eq!(plain.labelled(), ("plain;.;name".to_owned(), Vec::new()));
    }
}
