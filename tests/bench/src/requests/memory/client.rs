//! A client that sends requests with hosts of its own choice, many at once: h2load has one host for all of a burst.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::super::error::RequestsError;

/// How many requests a connection has under way.
const AT_ONCE: u64 = 1;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an answer's body is, which nothing else in an answer is.
const BODY: &[u8] = b"hello\n";

/// Connections to one port.
#[derive(Debug)]
pub(crate) struct Client {
    connections: Vec<TcpStream>,
    port: u16,
}

impl Client {
    /// Connects.
    pub fn new(port: u16, connections: usize) -> Result<Client, RequestsError> {
        let connect = |_| {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let connections: std::io::Result<Vec<TcpStream>> = (0..connections).map(connect).collect();
        let connections = connections.map_err(RequestsError::io("connect to port", port.to_string()))?;
        Ok(Client { connections, port })
    }

    /// Sends requests and waits for an answer to each.
    pub fn send(&mut self, count: u64, host: impl Fn(u64) -> String) -> Result<(), RequestsError> {
        let port = self.port.to_string();
        let mut sent = 0;
        while sent < count {
            // Every connection has its requests before the first answer is awaited.
            let mut awaited = Vec::new();
            for connection in &mut self.connections {
                let many = AT_ONCE.min(count - sent);
                let mut text = String::new();
                for number in sent..sent + many {
                    text.push_str(&format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", host(number)));
                }
                connection
                    .write_all(text.as_bytes())
                    .map_err(RequestsError::io("send requests to port", &port))?;
                awaited.push(many);
                sent += many;
            }
            for (connection, many) in self.connections.iter_mut().zip(awaited) {
                await_answers(connection, many)
                    .map_err(RequestsError::io("read answers from port", &port))?;
            }
        }
        Ok(())
    }
}

/// Reads until so many bodies have come.
fn await_answers(from: &mut impl Read, many: u64) -> std::io::Result<()> {
    let mut left = many;
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while left > 0 {
        let size = from.read(&mut buffer)?;
        if size == 0 {
            return Err(std::io::Error::other(format!(
                "the connection ended before {left} of {many} answers"
            )));
        }
        kept.extend_from_slice(&buffer[..size]);
        let found = kept.windows(BODY.len()).filter(|window| *window == BODY).count() as u64;
        left = left.saturating_sub(found);
        // What may be the beginning of a body.
        let end = kept.len().saturating_sub(BODY.len() - 1);
        kept.drain(..if found > 0 && kept.ends_with(BODY) { kept.len() } else { end });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_however_they_arrive() {
        /// Gives a few bytes at a time.
        struct Slow<'t>(&'t [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let size = self.1.min(self.0.len());
                buffer[..size].copy_from_slice(&self.0[..size]);
                self.0 = &self.0[size..];
                Ok(size)
            }
        }
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello\n".repeat(3);
        for size in 1..answer.len() {
            await_answers(&mut Slow(answer.as_bytes(), size), 3).unwrap();
            assert!(await_answers(&mut Slow(answer.as_bytes(), size), 4).is_err());
        }
    }
}
