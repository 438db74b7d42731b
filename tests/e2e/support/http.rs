//! HTTP/1.1 by hand, over blocking sockets: a client for pages and requests, and a server that counts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The headers, their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
    /// Whether the connection can carry another request.
    pub(crate) is_kept: bool,
}

/// A connection that requests are sent over, one after the other.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    /// Connects to an address, to ask for pages of a host.
    pub(crate) fn open(address: &str, host: &str) -> Result<Connection, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        Ok(Connection { stream: BufReader::new(stream), host: host.to_owned() })
    }

    /// Asks for a page.
    pub(crate) fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.get_with(path, b"")
    }

    /// Asks for a page with more header lines, whatever bytes they hold.
    pub(crate) fn get_with(&mut self, path: &str, headers: &[u8]) -> Result<Answer, String> {
        self.exchange(path, headers).map_err(|error| format!("GET {path} of {}: {error}", self.host))
    }

    fn exchange(&mut self, path: &str, headers: &[u8]) -> std::io::Result<Answer> {
        let first = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        self.stream.get_mut().write_all(&[first.as_bytes(), headers, b"\r\n"].concat())?;
        let (status, headers) = read_head(&mut self.stream)?;
        let status =
            status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| broken(&status))?;
        let header =
            |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let mut body = Vec::new();
        if header("transfer-encoding") == Some("chunked") {
            read_chunks(&mut self.stream, &mut body)?;
        } else {
            let length = header("content-length").unwrap_or("0");
            let length = length.parse().map_err(|_| broken(length))?;
            self.stream.by_ref().take(length).read_to_end(&mut body)?;
        }
        let is_kept = header("connection") != Some("close");
        Ok(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned(), is_kept })
    }
}

impl Answer {
    /// The value of a header, named in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Asks for one page over a connection of its own.
pub(crate) fn get(address: &str, host: &str, path: &str) -> Result<Answer, String> {
    Connection::open(address, host)?.get(path)
}

/// Whether an address refuses connections.
pub(crate) fn refuses(address: &str) -> bool {
    let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    TcpStream::connect(address).is_err_and(refused)
}

fn broken(text: &str) -> std::io::Error {
    std::io::Error::other(format!("not HTTP: `{text}`"))
}

/// The first line and the headers, whose names are in lower case.
fn read_head(stream: &mut impl BufRead) -> std::io::Result<(String, Vec<(String, String)>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let pair = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.iter().skip(1).filter_map(pair).collect();
    Ok((lines.into_iter().next().unwrap_or_default(), headers))
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut size = String::new();
        stream.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).map_err(|_| broken(&size))?;
        stream.by_ref().take(size).read_to_end(body)?;
        stream.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// A server that answers everything and counts it; it ends with this.
pub(crate) struct Server {
    address: SocketAddr,
    served: Arc<AtomicU64>,
    is_ending: Arc<AtomicBool>,
}

impl Server {
    /// Starts one on a port that the system picks.
    pub(crate) fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (served, is_ending) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, ending) = (served.clone(), is_ending.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                let count = count.clone();
                thread::spawn(move || serve(stream, &count));
            }
        });
        Server { address, served, is_ending }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many requests it has answered.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; if that has ended, so much the better.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers the requests of one connection until the other side closes it. Bodies are not expected.
fn serve(mut stream: TcpStream, served: &AtomicU64) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reading = BufReader::new(reading);
    while read_head(&mut reading).is_ok() {
        served.fetch_add(1, Ordering::SeqCst);
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n").is_err() {
            return;
        }
    }
}
