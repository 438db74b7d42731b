//! The probe: whether something listens, and answers. For health checks in images that have no such program.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};

/// How long each step may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    address: Authority,
    /// The path to get; none when listening is enough.
    path: Option<String>,
}

impl FromStr for Question {
    type Err = String;

    fn from_str(text: &str) -> Result<Question, String> {
        let question = || {
            let has_port = |authority: &Authority| authority.port_u16().is_some();
            if let Ok(address) = text.parse::<Authority>() {
                return has_port(&address).then_some(Question { address, path: None });
            }
            let url: Uri = text.parse().ok()?;
            let address = url.authority().filter(|authority| has_port(authority))?.clone();
            let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            (url.scheme() == Some(&Scheme::HTTP)).then_some(Question { address, path: Some(path) })
        };
        question().ok_or_else(|| "write HOST:PORT or http://HOST:PORT/PATH".to_owned())
    }
}

/// Asks once.
///
/// # Errors
/// When nothing listens, or the answer's status is none of 200 to 299.
pub(crate) fn ask(question: &Question) -> Result<(), String> {
    let address = question.address.as_str();
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let mut addresses = address.to_socket_addrs().map_err(failed)?;
    let socket: SocketAddr = addresses.next().ok_or_else(|| format!("{address}: no such host"))?;
    let mut stream = TcpStream::connect_timeout(&socket, TIMEOUT).map_err(failed)?;
    let Some(path) = &question.path else { return Ok(()) };
    stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(failed)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    // `HTTP/1.1 200`: the rest does not matter.
    let mut start = [0; 12];
    stream.read_exact(&mut start).map_err(failed)?;
    match start {
        [b'H', b'T', b'T', b'P', b'/', _, _, _, b' ', b'2', _, _] => Ok(()),
        other => Err(format!("{address}{path} answered {}", String::from_utf8_lossy(&other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that answers one connection.
    fn mk_server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut some = [0; 16];
            let _ = stream.read(&mut some);
            let _ = stream.write_all(answer.as_bytes());
        });
        address
    }

    fn asked(text: &str) -> Result<(), String> {
        ask(&text.parse().unwrap())
    }

    #[test]
    fn an_answer_of_200_to_299_is_well_and_any_other_is_not() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 204 No Content\r\n\r\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("SSH-2.0-OpenSSH_9.2\r\n", false),
            ("", false),
        ] {
            let url = format!("http://{}/ready", mk_server(answer));
            assert_eq!(asked(&url).is_ok(), expected, "{answer:?}: {:?}", asked(&url));
        }
    }

    #[test]
    fn an_address_is_well_when_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(asked(&address), Ok(()));
        drop(listener);
        assert!(asked(&address).is_err());
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for text in ["", "host", "http://host/", "https://host:1/", "/path", "host:x"] {
            assert!(text.parse::<Question>().is_err(), "{text}");
        }
    }
}
