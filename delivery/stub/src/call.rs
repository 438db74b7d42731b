//! The calls that an app makes for each request: to other services, with the request's trace headers passed on.

use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HOST, HeaderMap, HeaderName};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::query::Asked;

/// How long a call may take. Longer than the routes' own timeout, so that a proxy answers first.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How much of an answer is told: the first lines of a greeting, not a large body.
const MOST_TOLD: usize = 4096;
/// How much of a line is told.
const LONGEST_LINE: usize = 200;

/// Keeps connections from one request to the next.
pub(crate) type Connections = Client<HttpConnector, Empty<Bytes>>;

/// What to call, and where to connect for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
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
    /// Whether it was answered with a status below 500.
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
            let is_sound = url.scheme() == Some(&Scheme::HTTP)
                && is_plain(&authority)
                && is_plain(&address)
                && address.port_u16().is_some();
            is_sound.then(|| Call {
                host: authority.host().to_owned(),
                authority,
                path: url.path().to_owned(),
                query: url.query().map(str::to_owned),
                address,
            })
        };
        call().ok_or_else(|| {
            "write http://HOST[:PORT][/PATH]=HOST:PORT, such as http://greeting.shop/=127.0.0.1:8080"
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
    /// Makes the call for a request that came with headers and asks for something.
    pub(crate) async fn make(&self, connections: &Connections, headers: &HeaderMap, asked: &Asked) -> Called {
        let url = format!("http://{}{}", self.authority, self.path);
        let answer = tokio::time::timeout(TIMEOUT, self.answer(connections, headers, asked)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())));
        match answer {
            Ok((status, told)) => {
                let mut lines = told.into_iter();
                let first = format!("{url} {}: {}", status.as_u16(), lines.next().unwrap_or_default());
                Called {
                    is_well: status.as_u16() < 500,
                    lines: std::iter::once(first.trim_end().to_owned()).chain(lines).collect(),
                }
            }
            Err(message) => Called { is_well: false, lines: vec![format!("{url} failed: {message}")] },
        }
    }

    async fn answer(
        &self,
        connections: &Connections,
        headers: &HeaderMap,
        asked: &Asked,
    ) -> Result<(StatusCode, Vec<String>), String> {
        let label = self.host.split('.').next().unwrap_or_default();
        let query = asked.query_for(label, self.query.as_deref());
        let separator = if query.is_empty() { "" } else { "?" };
        let mut request = Request::get(format!("http://{}{}{separator}{query}", self.address, self.path))
            .header(HOST, self.authority.as_str())
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        for (name, value) in headers.iter().filter(|(name, _)| is_passed_on(name)) {
            request.headers_mut().append(name, value.clone());
        }
        let response = connections.request(request).await.map_err(|error| reason(&error))?;
        let status = response.status();
        Ok((status, told(response.into_body()).await?))
    }
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
    let text = String::from_utf8_lossy(&start);
    Ok(text.lines().map(|line| line.chars().take(LONGEST_LINE).collect()).collect())
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
