//! The calls that an app makes for each request: to other services, with the request's trace headers passed on.

use std::error::Error;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, TE};
use hyper::http::request::Builder;
use hyper::http::uri::Authority;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::query::Asked;
use crate::{grpc, tcp};

/// How long a call may take. Longer than the routes' own timeout, so that a proxy answers first.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How much of an answer is told: the first lines of a greeting, not a large body.
const MOST_TOLD: usize = 4096;
/// How much of a gRPC answer is read: the message of an app has some hundred bytes.
const MOST_OF_GRPC: usize = 64 * 1024;
/// How much of a line is told.
const LONGEST_LINE: usize = 200;

/// How long a connection may be idle until it is not used again. Shorter than a proxy drains its connections for: one
/// that it is about to close has either been told so with its last answer, or has been idle for longer than this.
const IDLE: Duration = Duration::from_millis(500);

/// Who makes calls.
#[derive(Debug)]
pub(crate) struct Caller {
    name: String,
    /// The address of this machine that connections are made from.
    from: Option<IpAddr>,
    /// Keeps connections of HTTP/1.1 from one request to the next.
    connections: Client<HttpConnector, Empty<Bytes>>,
}

impl Caller {
    /// Who has this name calls, from an address of this machine if one is given.
    pub(crate) fn new(name: &str, from: Option<IpAddr>) -> Caller {
        let mut connector = HttpConnector::new();
        connector.set_local_address(from);
        let connections = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
        Caller { name: name.to_owned(), from, connections }
    }
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Http1,
    Http2,
    Grpc,
    Tcp,
}

impl Way {
    const ALL: [Way; 4] = [Way::Http1, Way::Http2, Way::Grpc, Way::Tcp];

    /// The scheme of its URLs.
    fn scheme(self) -> &'static str {
        match self {
            Way::Http1 => "http",
            Way::Http2 => "h2c",
            Way::Grpc => "grpc",
            Way::Tcp => "tcp",
        }
    }
}

/// What to call, and where to connect for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    way: Way,
    /// The URL's host.
    pub(crate) host: String,
    /// The URL's host and port, as written: the Host header.
    authority: Authority,
    path: String,
    query: Option<String>,
    /// Where to connect.
    address: Authority,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    /// Whether it was answered with a status below 500; of gRPC with status 0, and of TCP with what was sent.
    pub(crate) is_well: bool,
    /// What it answered, in lines; the first begins with the URL.
    pub(crate) lines: Vec<String>,
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Call, String> {
        let call = || {
            // A query may have `=` in it, an address cannot.
            let (url, address) = text.rsplit_once('=')?;
            let url: Uri = url.parse().ok()?;
            let authority = url.authority()?.clone();
            let address: Authority = address.parse().ok()?;
            let way = Way::ALL.into_iter().find(|way| url.scheme_str() == Some(way.scheme()))?;
            let is_sound = is_plain(&authority)
                && is_plain(&address)
                && address.port_u16().is_some()
                && (way != Way::Tcp || matches!(url.path(), "" | "/"));
            is_sound.then(|| Call {
                way,
                host: authority.host().to_owned(),
                authority,
                path: if url.path().is_empty() { "/".to_owned() } else { url.path().to_owned() },
                query: url.query().map(str::to_owned),
                address,
            })
        };
        call().ok_or_else(|| {
            "write http://HOST[:PORT][/PATH]=HOST:PORT, such as http://greeting.shop/=127.0.0.1:8080; h2c://, grpc:// \
             and tcp://HOST:PORT are called too"
                .to_owned()
        })
    }
}

/// Whether there is a host, a port that is a number if there is one, and no user.
fn is_plain(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    let has_port = authority.port_u16().is_some();
    !authority.host().is_empty() && rest.is_some_and(|rest| rest.is_empty() || has_port)
}

impl Call {
    /// Whether it is a request of HTTP, in whatever version.
    pub(crate) fn is_http(&self) -> bool {
        self.way != Way::Tcp
    }

    /// Makes the call for a request that came with headers and asks for something.
    pub(crate) async fn make(&self, caller: &Caller, headers: &HeaderMap, asked: &Asked) -> Called {
        let path = if self.way == Way::Tcp { "" } else { self.path.as_str() };
        let url = format!("{}://{}{path}", self.way.scheme(), self.authority);
        let answer = tokio::time::timeout(TIMEOUT, self.answer(caller, headers, asked)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())));
        match answer {
            Ok(Answered { status, is_well, told }) => {
                let mut lines = told.into_iter();
                let first = format!("{url} {status}: {}", lines.next().unwrap_or_default());
                Called { is_well, lines: std::iter::once(first.trim_end().to_owned()).chain(lines).collect() }
            }
            Err(message) => Called { is_well: false, lines: vec![format!("{url} failed: {message}")] },
        }
    }

    async fn answer(&self, caller: &Caller, headers: &HeaderMap, asked: &Asked) -> Result<Answered, String> {
        match self.way {
            Way::Http1 => {
                let uri = format!("http://{}{}", self.address, self.path_for(asked));
                let mut request = self.request(Request::get(uri), Empty::new(), headers)?;
                let host = HeaderValue::from_str(self.authority.as_str());
                request.headers_mut().insert(HOST, host.map_err(|error| error.to_string())?);
                let response = caller.connections.request(request).await.map_err(|error| reason(&error))?;
                of_http(response).await
            }
            Way::Http2 => {
                let uri = format!("http://{}{}", self.authority, self.path_for(asked));
                let request = self.request(Request::get(uri), Empty::<Bytes>::new(), headers)?;
                of_http(self.over_http2(caller, request).await?).await
            }
            Way::Grpc => {
                let uri = format!("http://{}{}", self.authority, self.path_for(asked));
                let said = format!("hello from {}", caller.name);
                let head = Request::post(uri).header(CONTENT_TYPE, grpc::TYPE).header(TE, "trailers");
                let request = self.request(head, Full::<Bytes>::from(grpc::message(&said)), headers)?;
                of_grpc(self.over_http2(caller, request).await?).await
            }
            Way::Tcp => {
                let said = format!("hello from {}\n", caller.name);
                tcp::there_and_back(self.address.as_str(), caller.from, said.as_bytes()).await?;
                let told = vec![format!("{} bytes there and back", said.len())];
                Ok(Answered { status: "ok".to_owned(), is_well: true, told })
            }
        }
    }

    /// The path with its query, and with what a request asks of who is called.
    fn path_for(&self, asked: &Asked) -> String {
        let label = self.host.split('.').next().unwrap_or_default();
        let query = asked.query_for(label, self.query.as_deref());
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{}{separator}{query}", self.path)
    }

    /// A request with the headers that are passed on.
    fn request<B>(&self, head: Builder, body: B, headers: &HeaderMap) -> Result<Request<B>, String> {
        let mut request = head.body(body).map_err(|error| error.to_string())?;
        for (name, value) in headers.iter().filter(|(name, _)| is_passed_on(name)) {
            request.headers_mut().append(name, value.clone());
        }
        Ok(request)
    }

    /// Sends a request over a connection of its own: what is connected to is not what the request's URL says.
    async fn over_http2<B>(&self, caller: &Caller, request: Request<B>) -> Result<Response<Incoming>, String>
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let stream =
            tcp::connect(self.address.as_str(), caller.from).await.map_err(|error| reason(&error))?;
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| reason(&error))?;
        // It ends with its only request.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(|error| reason(&error))
    }
}

/// What came of a call that was answered.
struct Answered {
    /// The status, as it is told.
    status: String,
    is_well: bool,
    told: Vec<String>,
}

async fn of_http(response: Response<Incoming>) -> Result<Answered, String> {
    let status = response.status().as_u16();
    let told = told(response.into_body()).await?;
    Ok(Answered { status: status.to_string(), is_well: status < 500, told })
}

async fn of_grpc(response: Response<Incoming>) -> Result<Answered, String> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MOST_OF_GRPC).collect().await;
    let body = body.map_err(|error| format!("its answer broke off: {error}"))?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let told = lines(grpc::text(&body.to_bytes()).as_bytes());
    Ok(match grpc::status(&head.headers, &trailers) {
        Some(status) => Answered { status: format!("status {status}"), is_well: status == grpc::OK, told },
        None => Answered { status: head.status.as_u16().to_string(), is_well: false, told },
    })
}

/// The headers by which proxies see that a request and the calls made for it belong together.
fn is_passed_on(name: &HeaderName) -> bool {
    const NAMES: &[&str] = &["traceparent", "tracestate", "b3", "x-request-id", "x-ot-span-context"];
    const BEGINNINGS: &[&str] = &["x-b3-", "x-datadog-", "sw8"];
    let name = name.as_str();
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// Reads a body to its end, so that the connection can be used again, and keeps its first lines.
async fn told(mut body: Incoming) -> Result<Vec<String>, String> {
    let mut start = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("its answer broke off: {}", reason(&error)))?;
        if let Some(data) = frame.data_ref() {
            start.extend_from_slice(&data[..data.len().min(MOST_TOLD - start.len())]);
        }
    }
    Ok(lines(&start))
}

/// The lines of a text, none of them long.
fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.lines().map(|line| line.chars().take(LONGEST_LINE).collect()).collect()
}

/// An error and what is below it: the outermost often says no more than that there was one.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text = format!("{text}: {error}");
        below = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_taken_apart() {
        for (text, authority, path, query, address) in [
            ("http://a=127.0.0.1:1", "a", "/", None, "127.0.0.1:1"),
            ("http://a.b:9080/c?d=e=b:65535", "a.b:9080", "/c", Some("d=e"), "b:65535"),
            ("http://[::1]:80/=[::1]:2", "[::1]:80", "/", None, "[::1]:2"),
            ("h2c://a:80/b=c:1", "a:80", "/b", None, "c:1"),
            ("grpc://a/b.C/D=c:1", "a", "/b.C/D", None, "c:1"),
            ("tcp://a:5432=c:1", "a:5432", "/", None, "c:1"),
        ] {
            let call: Call = text.parse().unwrap();
            assert_eq!(
                (call.authority.as_str(), call.path.as_str(), call.query.as_deref(), call.address.as_str()),
                (authority, path, query, address)
            );
        }
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for text in [
            "",
            "http://a",
            "http://a=",
            "http://a=b",
            "a=b:1",
            "/a=b:1",
            "https://a=b:1",
            "tcp://a:1/b=c:1",
            "http://=b:1",
            "http://a:x=b:1",
            "http://a=b:65536",
            "http://u@a=b:1",
            "http://a=u@b:1",
            "http://a b=c:1",
        ] {
            assert!(text.parse::<Call>().is_err(), "{text}");
        }
    }
}
