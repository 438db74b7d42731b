//! The traffic of the scenarios, in bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::scenarios::Traffic;

/// How long an answer may take before there is none; some misuse leaves a request without one.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The bytes that are sent; a case that has this request for its own is named in a header.
pub(crate) fn bytes(traffic: Traffic, scenario: &str, case: Option<&str>) -> Vec<u8> {
    let case = case.map(|case| format!("x-case: {case}\r\n")).unwrap_or_default();
    let head = |line: &str| {
        format!(
            "{line} HTTP/1.1\r\nhost: web.probe.example\r\nx-scenario: {scenario}\r\n{case}x-request-id: a-request\r\n\
             user-agent: an agent\r\nreferer: a referer\r\nx-twice: one\r\nx-twice: two\r\nconnection: close\r\n"
        )
    };
    let mut bytes = head(match traffic {
        Traffic::Post => "POST /there/post?a=b&c=d",
        Traffic::Get => "GET /there/get?a=b&c=d",
        Traffic::NotFound => "GET /nowhere",
        Traffic::Tcp => return b"bytes that come back".to_vec(),
    })
    .into_bytes();
    bytes.extend(b"x-bytes: \xff\xfe\r\n");
    bytes.extend(match traffic {
        Traffic::Post => {
            &b"transfer-encoding: chunked\r\n\r\n7\r\nrequest\r\n0\r\nx-request-trailer: trailing\r\n\r\n"[..]
        }
        _ => b"\r\n",
    });
    bytes
}

/// Sends and gives what comes back until the other side closes; where bytes come back, the client closes after the first.
pub(crate) fn exchange(port: u16, traffic: Traffic, scenario: &str, case: Option<&str>) -> String {
    let bytes = bytes(traffic, scenario, case);
    let run = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(&bytes)?;
        let mut answer = Vec::new();
        if traffic == Traffic::Tcp {
            answer.resize(bytes.len(), 0);
            let length = stream.read(&mut answer)?;
            answer.truncate(length);
            stream.shutdown(Shutdown::Write)?;
        }
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => answer.extend(b" (no end)"),
            other => _ = other?,
        }
        Ok(answer)
    };
    match run() {
        Ok(answer) => String::from_utf8_lossy(&answer).into_owned(),
        // Of a connection that ends early each end may hear in another way.
        Err(_) => "(broken)".to_owned(),
    }
}
