//! A web server by hand that does what a test says, good or bad, and what tests fetch with.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod registry;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use burgee_supply::{
    Fetched, Image, Limits, ModuleUrl, Progress, Request, Retries, Settings, Supply, SupplyError,
};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The least that is a module, and another one.
pub const MODULE: &[u8] = b"\0asm\x01\0\0\0";
pub const OTHER: &[u8] = b"\0asm\x01\0\0\0\0\x02\x01a";

/// A module of a number of bytes, a different one for each seed: what is more than the least stands in a section that
/// nobody reads, and cannot be compressed.
pub fn module(bytes: usize, seed: u32) -> Vec<u8> {
    let content = bytes.saturating_sub(16);
    let mut module = MODULE.to_vec();
    module.push(0);
    // The section's length, always in five bytes.
    let length = u32::try_from(content + 2).unwrap();
    for shift in [0, 7, 14, 21, 28] {
        let more = if shift == 28 { 0 } else { 0x80 };
        module.push(u8::try_from((length >> shift) & 0x7f).unwrap() | more);
    }
    module.extend_from_slice(b"\x01x");
    let mut state = seed;
    module.extend((0..content).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    }));
    module
}

pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// A request that a server got.
#[derive(Clone, Debug)]
pub struct Got {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What a server does with it.
#[derive(Clone)]
pub enum Does {
    /// Answers with a status, headers and a body.
    Answers(u16, Vec<(String, String)>, Vec<u8>),
    /// Says a length and sends less.
    Truncates(Vec<u8>),
    /// Breaks the connection before a word.
    Resets,
    /// Sends these bytes, whatever they are, and ends the connection.
    Sends(Vec<u8>),
    /// Sends a part and then nothing for long.
    Stalls(Vec<u8>),
}

pub fn ok(body: impl Into<Vec<u8>>) -> Does {
    Does::Answers(200, Vec::new(), body.into())
}

pub fn status(status: u16) -> Does {
    Does::Answers(status, Vec::new(), b"because".to_vec())
}

pub fn with(status: u16, header: &str, value: impl Into<String>) -> Does {
    Does::Answers(status, vec![(header.to_owned(), value.into())], b"because".to_vec())
}

/// A server on loopback for as long as the process runs.
pub struct Server {
    pub port: u16,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Server {
    /// One that asks a function, which is told how many requests of the path there were before.
    pub fn start(does: impl Fn(&Got, usize) -> Does + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (all, does) = (Arc::clone(&got), Arc::new(does));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, does) = (Arc::clone(&all), Arc::clone(&does));
                thread::spawn(move || {
                    let _ = serve(stream, &all, &*does);
                });
            }
        });
        Server { port, got }
    }

    pub fn url(&self, path: &str) -> ModuleUrl {
        ModuleUrl::parse(&format!("http://127.0.0.1:{}{path}", self.port)).unwrap()
    }

    pub fn image(&self, name: &str) -> ModuleUrl {
        ModuleUrl::parse(&format!("oci://127.0.0.1:{}/{name}", self.port)).unwrap()
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// How many requests there were whose path holds a text.
    pub fn count(&self, part: &str) -> usize {
        self.got().iter().filter(|got| got.path.contains(part)).count()
    }
}

fn serve(
    stream: TcpStream,
    all: &Mutex<Vec<Got>>,
    does: &(dyn Fn(&Got, usize) -> Does + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (method, path) = (method.to_owned(), path.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let got = Got { method, path, headers, body };
        let before = {
            let mut all = all.lock().unwrap();
            let before = all.iter().filter(|one| one.path == got.path && one.method == got.method).count();
            all.push(got.clone());
            before
        };
        let is_head = got.method == "HEAD";
        let stream = reader.get_mut();
        match does(&got, before) {
            Does::Answers(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} X\r\n");
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                head += &format!("Content-Length: {}\r\n\r\n", body.len());
                stream.write_all(head.as_bytes())?;
                if !is_head {
                    stream.write_all(&body)?;
                }
            }
            Does::Truncates(body) => {
                let head = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", body.len() + 10);
                stream.write_all(head.as_bytes())?;
                stream.write_all(&body)?;
                return stream.shutdown(Shutdown::Both);
            }
            Does::Sends(bytes) => {
                stream.write_all(&bytes)?;
                return stream.shutdown(Shutdown::Both);
            }
            Does::Resets => return stream.shutdown(Shutdown::Both),
            Does::Stalls(body) => {
                stream.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 50000\r\n\r\n")?;
                stream.write_all(&body)?;
                // Longer than anybody waits here; the one who asked goes before.
                thread::sleep(Duration::from_secs(60));
                return Ok(());
            }
        }
    }
}

/// Everything that an image consists of, by digest: what a registry has after a push.
pub fn content(image: &Image) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("image");
    image.write_layout(&layout, "1").unwrap();
    let files = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
    let read = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    read.map(|bytes| (format!("sha256:{}", hex(&bytes)), bytes)).collect()
}

/// Settings with which what fails fails soon, and everything on loopback is asked in plain HTTP.
pub fn quick() -> Settings {
    Settings {
        retries: Retries {
            attempts: 3,
            first_backoff: Duration::from_millis(1),
            last_backoff: Duration::from_millis(2),
            each: Duration::from_millis(500),
        },
        plain_http: vec!["127.0.0.1".to_owned()],
        ..Settings::default()
    }
}

pub fn limits() -> Limits {
    Limits { download: 100_000, unpacked: 100_000, module: 100_000, time: Duration::from_secs(20) }
}

pub fn request(url: ModuleUrl) -> Request {
    Request { limits: limits(), ..Request::new(url) }
}

/// Fetches, and waits for it.
pub fn fetch(cache: &Path, request: &Request) -> Result<Fetched, SupplyError> {
    let supply = Supply::open(cache, quick()).unwrap();
    wait(supply.fetch(request, &|_: Progress<'_>| {}))
}

pub fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
