//! A real load generator that a test runs beside what it does.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `h2load` on a gateway, until it is told to stop.
pub(crate) struct Load {
    process: Child,
}

impl Load {
    /// Starts one on a host at an address, for so many seconds.
    pub(crate) fn start(h2load: &Path, address: &str, host: &str, seconds: u32) -> Load {
        let process = Command::new(h2load)
            .args([
                "--h1",
                "--clients",
                "4",
                "--threads",
                "1",
                "--duration",
                &seconds.to_string(),
                "--warm-up-time",
                "0",
            ])
            .args(["--header", &format!(":authority: {host}"), &format!("http://{address}/")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("h2load starts");
        Load { process }
    }

    /// Whether it still sends requests.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("its status").is_none()
    }

    /// Waits for its end and fails unless every request was answered with 2xx; gives how many there were.
    pub(crate) fn expect_no_failure(self) -> u64 {
        let output = self.process.wait_with_output().expect("its output");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = |start: &str| {
            text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no {start}\n{text}"))
        };
        let requests = line("requests:");
        assert!(requests.contains(" 0 failed, 0 errored, 0 timeout"), "{requests}");
        let codes = line("status codes:");
        assert!(codes.contains(" 0 3xx, 0 4xx, 0 5xx"), "{codes}");
        let done: u64 = codes
            .trim_start_matches("status codes:")
            .split_whitespace()
            .next()
            .and_then(|count| count.parse().ok())
            .unwrap_or_else(|| panic!("{codes}"));
        assert!(done > 100, "hardly any load: {requests}");
        done
    }
}
