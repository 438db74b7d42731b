//! The load: equal bursts of requests from h2load, which belongs to nghttp2.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::RequestsError;
use super::processor::spawn_on;

/// How many connections a burst has, and how many requests each has under way at once: enough that Envoy never waits for
/// the next request, which is what makes a burst dense and so comparable.
const HTTP1: (u32, u32) = (16, 1);
const HTTP2: (u32, u32) = (4, 8);

/// The load generator, and what it sends.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    program: PathBuf,
    /// Where it runs.
    cores: Vec<usize>,
    /// How many requests make a burst.
    pub requests: u32,
    is_http2: bool,
}

impl Load {
    /// Finds the load generator.
    pub fn find(cores: &[usize], requests: u32, is_http2: bool) -> Result<Load, RequestsError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path)
            .map(|folder| folder.join("h2load"))
            .find(|program| program.is_file())
            .ok_or(RequestsError::NoLoadGenerator)?;
        Ok(Load { program, cores: cores.to_vec(), requests, is_http2 })
    }

    /// Sends a burst to a port and waits for its end. Anything but an answer of 2xx to every request is an error.
    pub fn burst(&self, variant: &'static str, port: u16) -> Result<(), RequestsError> {
        let (connections, streams) = if self.is_http2 { HTTP2 } else { HTTP1 };
        let mut command = Command::new(&self.program);
        if !self.is_http2 {
            command.arg("--h1");
        }
        command
            .args(["-t", "1", "-n", &self.requests.to_string()])
            .args(["-c", &connections.min(self.requests).to_string(), "-m", &streams.to_string()])
            .arg(format!("http://127.0.0.1:{port}/"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let path: &Path = &self.program;
        let child = spawn_on(&self.cores, &mut command, path)?;
        let output = child.wait_with_output().map_err(RequestsError::io("wait for", path))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let failed = |what: String| RequestsError::Load { variant, what };
        let counts = Counts::read(&said).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            failed(format!("h2load ended with {} and says\n{said}{errors}", output.status))
        })?;
        counts.check(self.requests).map_err(failed)
    }
}

/// What h2load counted in a burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    succeeded: u32,
    failed: u32,
    errored: u32,
    timeout: u32,
    of_2xx: u32,
}

impl Counts {
    /// Reads the two lines of h2load's report that count.
    fn read(said: &str) -> Option<Counts> {
        let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start));
        let (requests, codes) = (line("requests: ")?, line("status codes: ")?);
        let number = |of: &str, name: &str| {
            let mut entries = of.split(", ").filter_map(|entry| entry.trim().split_once(' '));
            entries.find(|(_, found)| *found == name)?.0.parse().ok()
        };
        Some(Counts {
            succeeded: number(requests, "succeeded")?,
            failed: number(requests, "failed")?,
            errored: number(requests, "errored")?,
            timeout: number(requests, "timeout")?,
            of_2xx: number(codes, "2xx")?,
        })
    }

    /// That every request was answered, and well; what is wrong otherwise.
    fn check(self, requests: u32) -> Result<(), String> {
        let expected = Counts { succeeded: requests, of_2xx: requests, ..Counts::default() };
        if self == expected {
            return Ok(());
        }
        let Counts { succeeded, failed, errored, timeout, of_2xx } = self;
        Err(format!(
            "of {requests} requests {succeeded} succeeded, {of_2xx} with 2xx; {failed} failed, {errored} errored, \
             {timeout} timed out"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "starting benchmark...\nprogress: 100% done\n\nfinished in 98.11ms, 509.65 req/s, 52.46KB/s\n\
        requests: 50 total, 50 started, 50 done, 48 succeeded, 2 failed, 1 errored, 3 timeout\n\
        status codes: 47 2xx, 0 3xx, 1 4xx, 0 5xx\n\
        traffic: 5.15KB (5270) total, 5.86KB (6000) headers (space savings 0.00%), 10.64KB (10900) data\n";

    #[test]
    fn what_was_counted_is_read() {
        let expected = Counts { succeeded: 48, failed: 2, errored: 1, timeout: 3, of_2xx: 47 };
        assert_eq!(Counts::read(SAID), Some(expected));
        let codes = SAID.find("status").unwrap();
        for said in ["", &SAID[..codes], "requests: many total\nstatus codes: 1 2xx\n"] {
            assert_eq!(Counts::read(said), None, "{said}");
        }
    }

    #[test]
    fn every_request_must_have_been_answered_well() {
        let well = Counts { succeeded: 50, of_2xx: 50, ..Counts::default() };
        assert_eq!(well.check(50), Ok(()));
        for wrong in [
            Counts { succeeded: 49, ..well },
            Counts { failed: 1, ..well },
            Counts { errored: 1, ..well },
            Counts { timeout: 1, ..well },
            Counts { of_2xx: 49, ..well },
        ] {
            assert!(wrong.check(50).is_err(), "{wrong:?}");
        }
        assert!(well.check(51).is_err());
    }
}
