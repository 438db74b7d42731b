//! What Envoy leads to: a server of HTTP/1.1 that notes what it is sent, and one that sends bytes back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was sent, by the scenario and the case that its headers name.
pub(crate) type Received = Arc<Mutex<BTreeMap<(String, String), String>>>;

/// A port that nothing listens on, and that nobody else of this process has been given.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        if GIVEN.lock().expect("no thread panics").insert(port) {
            return port;
        }
    }
}

/// Serves each connection in a thread of its own for as long as the process runs.
fn serve(each: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let each = each.clone();
            // A connection that breaks is the other side's to tell of.
            thread::spawn(move || _ = each(stream));
        }
    });
    port
}

/// Sends bytes back, and closes when the other side does.
pub(crate) fn echo() -> u16 {
    serve(|mut stream| {
        let mut back = stream.try_clone()?;
        std::io::copy(&mut stream, &mut back)?;
        Ok(())
    })
}

/// Answers every request, to POST with trailers.
pub(crate) fn web(received: Received) -> u16 {
    serve(move |mut stream| {
        let mut reading = BufReader::new(stream.try_clone()?);
        while let Some(request) = read_request(&mut reading)? {
            let header = |name: &str| {
                let line = request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.unwrap_or("").to_owned()
            };
            let is_post = request.starts_with("POST");
            let key = (header("x-scenario"), header("x-case"));
            received.lock().expect("no thread panics").insert(key, request);
            stream.write_all(if is_post { ANSWER_WITH_TRAILERS } else { ANSWER })?;
        }
        Ok(())
    })
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nx-answer: yes\r\n\r\nanswer";
const ANSWER_WITH_TRAILERS: &[u8] =
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-trailer\r\n\
    x-answer: yes\r\n\r\n6\r\nanswer\r\n0\r\nx-trailer: trailing\r\n\r\n";

/// A whole request as it was sent, lines without their ends; nothing when the connection is closed.
fn read_request(reading: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut whole = Vec::new();
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let line = read_line(reading)?;
        let text = String::from_utf8_lossy(&line).into_owned();
        if line.is_empty() {
            return Ok(None);
        }
        whole.push(text.trim_end().to_owned());
        if text == "\r\n" {
            break;
        }
        if let Some(number) = text.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap_or(0);
        }
        is_chunked |= text.to_lowercase().starts_with("transfer-encoding: chunked");
    }
    let mut body = vec![0; length];
    reading.read_exact(&mut body)?;
    whole.extend((length > 0).then(|| String::from_utf8_lossy(&body).into_owned()));
    let mut is_over = !is_chunked;
    let mut is_last = false;
    while !is_over {
        let text = String::from_utf8_lossy(&read_line(reading)?).trim_end().to_owned();
        is_last |= text == "0";
        is_over = is_last && text.is_empty();
        whole.push(text);
    }
    Ok(Some(whole.join("\n")))
}

fn read_line(reading: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reading.read_until(b'\n', &mut line)?;
    Ok(line)
}
