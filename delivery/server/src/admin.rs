//! What a server says of itself over HTTP, to people and to machines: whether it lives and is ready, what runs where, and
//! the same as metrics. It listens on loopback unless told otherwise, and shows no secret.

mod metrics;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::accept::Accepting;
use crate::fleet::Fleet;
use crate::status::{Wanted, report};
use crate::upstream::Upstream;

/// Where each answer is.
pub mod paths {
    /// Whether the server lives: 200 as long as it answers.
    pub const HEALTH: &str = "/healthz";
    /// Whether it is ready for proxies: 200 when there is something to serve, else 503.
    pub const READY: &str = "/readyz";
    /// Prometheus metrics.
    pub const METRICS: &str = "/metrics";
    /// What runs where, as JSON. Queries: `workload`, `document`, `proxies=true`.
    pub const STATUS: &str = "/v1/status";
    /// The documents' texts in force, as JSON.
    pub const TEXTS: &str = "/v1/texts";
    /// The nodes of proxies, as JSON.
    pub const WORKLOADS: &str = "/v1/workloads";
}

/// How long a client may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(10);

/// What is answered from.
#[derive(Clone)]
pub struct Admin {
    /// The proxies.
    pub fleet: Arc<Fleet>,
    /// Whom bases come from, where that is another control plane.
    pub upstream: Option<Arc<Upstream>>,
}

/// The documents in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// What identifies policies and modules.
    pub in_force: String,
    /// Each text with its file's name.
    pub texts: Vec<Text>,
}

/// A text with its file's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The file.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A workload of a proxy that is connected, as its node has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KnownWorkload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `sidecar` or `gateway`.
    pub kind: String,
    /// The revision of its control plane.
    pub revision: String,
    /// Its labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// How many of its proxies are connected.
    pub proxies: usize,
}

/// Answers whoever connects.
pub async fn serve(listener: TcpListener, admin: Admin) {
    let connections = Accepting::new(listener, "admin");
    loop {
        let (stream, from) = connections.next().await;
        let admin = admin.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let admin = admin.clone();
                async move { Ok::<_, Infallible>(admin.answer(&request, from).await) }
            });
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEADERS);
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                log::debug!(target: "admin", "{from}: {error}");
            }
        });
    }
}

impl Admin {
    async fn answer(&self, request: &Request<Incoming>, from: SocketAddr) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD are allowed\n");
        }
        // A page of another site that a browser here has open must not read this by a name that leads here.
        let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
        if from.ip().is_loopback() && !host.is_none_or(is_local_name) {
            return text(StatusCode::FORBIDDEN, "ask by localhost, or by the address\n");
        }
        match request.uri().path() {
            paths::HEALTH => text(StatusCode::OK, "ok\n"),
            paths::READY if self.fleet.is_ready(self.upstream.is_none()) => text(StatusCode::OK, "ready\n"),
            paths::READY => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            paths::METRICS => {
                let mut response =
                    text(StatusCode::OK, &metrics::page(&self.fleet, self.upstream.as_deref()));
                let kind = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
                response
            }
            paths::STATUS => match wanted(request.uri().query().unwrap_or_default()) {
                Ok(wanted) => {
                    let fleet = self.fleet.clone();
                    // Of ten thousand proxies it takes a while.
                    let made = tokio::task::spawn_blocking(move || report(&fleet, &wanted)).await;
                    made.map_or_else(
                        |error| text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
                        |report| json(&report),
                    )
                }
                Err(why) => text(StatusCode::BAD_REQUEST, &why),
            },
            // Documents may say what is nobody else's business.
            paths::TEXTS if !from.ip().is_loopback() => {
                text(StatusCode::FORBIDDEN, "documents are shown on the server's own machine alone\n")
            }
            paths::TEXTS => {
                let (in_force, _) = self.fleet.in_force();
                let texts = in_force.texts.iter();
                let texts =
                    texts.map(|(name, text)| Text { name: name.clone(), text: text.clone() }).collect();
                json(&Texts { in_force: in_force.version().to_string(), texts })
            }
            paths::WORKLOADS => {
                let mut known: Vec<KnownWorkload> =
                    self.fleet.proxies().iter().map(|proxy| known(&proxy.workload)).collect();
                known.sort();
                known.dedup_by(|one, before| {
                    let is_same = KnownWorkload { proxies: 0, ..one.clone() }
                        == KnownWorkload { proxies: 0, ..before.clone() };
                    before.proxies += usize::from(is_same);
                    is_same
                });
                json(&known)
            }
            _ => {
                let known = [
                    paths::HEALTH,
                    paths::READY,
                    paths::METRICS,
                    paths::STATUS,
                    paths::TEXTS,
                    paths::WORKLOADS,
                ];
                text(StatusCode::NOT_FOUND, &format!("there are {}\n", known.join(", ")))
            }
        }
    }
}

fn known(workload: &burgee_api::resolve::Workload) -> KnownWorkload {
    KnownWorkload {
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        kind: workload.kind.name().to_owned(),
        revision: workload.revision.clone(),
        labels: workload.labels.clone(),
        proxies: 1,
    }
}

/// Whether a Host header names this machine by its address, or as localhost.
fn is_local_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok()
}

/// What a query asks for.
fn wanted(query: &str) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        match key {
            "workload" => wanted.workload = Some(value),
            "document" => wanted.document = Some(value),
            "proxies" if ["true", "false"].contains(&value.as_str()) => wanted.proxies = value == "true",
            _ => {
                return Err(format!(
                    "{pair:?} is not known; workload=, document= and proxies=true|false are\n"
                ));
            }
        }
    }
    Ok(wanted)
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response
}

fn json(value: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_string(value) {
        Ok(body) => {
            let mut response = text(StatusCode::OK, &body);
            let kind = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
            response
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_is_wanted() {
        let all = Wanted { workload: Some("shop/web".into()), document: Some("a/b".into()), proxies: true };
        assert_eq!(wanted("workload=shop%2Fweb&document=a/b&proxies=true"), Ok(all));
        assert_eq!(wanted(""), Ok(Wanted::default()));
        assert!(wanted("proxies=1").is_err() && wanted("work=a").is_err());
    }

    #[test]
    fn a_name_that_only_leads_here_is_not_this_machine_s() {
        for (host, expected) in [
            ("localhost:15021", true),
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("evil.example:15021", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_local_name(host), expected, "{host}");
        }
    }
}
