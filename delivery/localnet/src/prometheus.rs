//! The configuration of a Prometheus server that scrapes every proxy of a mesh. Pure.

use std::fmt::Write;

/// The text of `prometheus.yml`. `said` is its comment; `targets` are the addresses of admin pages, each with the
/// workload of the proxy.
pub(crate) fn configuration<'a>(
    said: &str,
    interval_seconds: u32,
    targets: impl IntoIterator<Item = (String, &'a str)>,
) -> String {
    let mut out = format!(
        "# {said}\nglobal:\n  scrape_interval: {interval_seconds}s\n  scrape_timeout: {interval_seconds}s\n\
         scrape_configs:\n  - job_name: envoy\n    metrics_path: /stats/prometheus\n    static_configs:\n"
    );
    for (target, workload) in targets {
        // A JSON string is one of YAML too.
        let (target, workload) = (serde_json::Value::from(target), serde_json::Value::from(workload));
        let _ = writeln!(out, "      - targets: [{target}]\n        labels: {{proxy: {workload}}}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proxy_is_a_target_with_its_workload() {
        let targets = [("127.0.0.1:1".to_owned(), "a/b"), ("host:2".to_owned(), "c/\"d\"")];
        assert_eq!(
            configuration("Why.", 1, targets),
            "# Why.\nglobal:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: envoy\n    \
             metrics_path: /stats/prometheus\n    static_configs:\n      - targets: [\"127.0.0.1:1\"]\n        \
             labels: {proxy: \"a/b\"}\n      - targets: [\"host:2\"]\n        labels: {proxy: \"c/\\\"d\\\"\"}\n"
        );
    }
}
