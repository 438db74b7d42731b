//! Counts requests when they have ended: the smallest filter with the kit of which one can see that it runs.
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

use burgee_kit::{ConfigurationError, LogFilter, LogHost, LogLevel, MetricId, MetricKind, RootHost};

/// The filter.
#[derive(Debug)]
pub struct Count {
    requests: MetricId,
}

impl LogFilter for Count {
    fn configure<H: RootHost>(host: &H, _configuration: &[u8]) -> Result<Count, ConfigurationError> {
        let requests = host.define_metric(MetricKind::Counter, "bench_requests_total");
        Ok(Count { requests: requests.map_err(ConfigurationError::new)? })
    }

    fn log<H: LogHost>(&mut self, host: &H) {
        if host.increment(self.requests, 1).is_err() {
            host.log(LogLevel::Error, "the metric bench_requests_total cannot be written");
        }
    }
}

burgee_kit::export!(Count);

#[cfg(test)]
mod tests {
    use burgee_kit::fake::FakeHost;

    use super::*;

    #[test]
    fn each_request_counts() {
        let host = FakeHost::new();
        let mut filter = Count::configure(&host, b"").unwrap();
        filter.log(&host);
        filter.log(&host);
        assert_eq!(host.metrics()["bench_requests_total"], [2]);
    }
}
