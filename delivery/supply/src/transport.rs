//! Requests over HTTP that end: with what they may be answered bounded, again after what may pass, and every hop judged.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, redirect};
use rustls::CertificateError;
use url::Url;

use crate::error::SupplyError;
use crate::reach::{Reach, Resolver};
use crate::reference::without_secrets;
use crate::settings::{Limits, Retries, Settings};
use crate::{Listener, Progress};

/// How many times an answer may lead on.
const MAX_REDIRECTS: usize = 10;

/// How much of what a server says of a failure is read.
const MAX_SAID: u64 = 16 * 1024;

/// How much of that is told.
const SHOWN: usize = 200;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// What it is about, in words.
    pub what: String,
    /// How long the answer may be.
    pub limit: u64,
    /// How long it is at least: one that ends before was cut, also where the server announced no length.
    pub least: u64,
    /// Whether what arrives of it is told.
    pub is_told: bool,
}

impl Ask {
    pub(crate) fn get(url: Url, what: impl Into<String>, limit: u64) -> Ask {
        Ask {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            what: what.into(),
            limit,
            least: 0,
            is_told: false,
        }
    }
}

/// An answer that was wholly read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Where it came from, after what led there.
    pub url: Url,
}

impl Answer {
    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The type of the body, without its parameters.
    pub(crate) fn media_type(&self) -> &str {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// What it says, on one line.
    pub(crate) fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut said: String = words.join(" ").chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        if said.is_empty() {
            self.status.canonical_reason().unwrap_or("nothing").clone_into(&mut said);
        }
        said
    }

    /// That it is not what was asked for.
    pub(crate) fn failure(&self, what: &str) -> SupplyError {
        let (what, said) = (what.to_owned(), self.said());
        match self.status {
            StatusCode::NOT_FOUND => SupplyError::NotFound { what, said },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SupplyError::Unauthorized {
                what,
                said,
                help: "name credentials that may do this: an imagePullSecret of the document, or `docker login`",
            },
            status => SupplyError::Status { what, status: status.as_u16(), said },
        }
    }
}

/// What asks, for one piece of work as a whole.
pub(crate) struct Transport<'a> {
    client: Client,
    /// For hosts that are permitted wherever they lead.
    permitted: Client,
    reach: Arc<Reach>,
    retries: Retries,
    limits: Limits,
    begin: Instant,
    listener: &'a Listener<'a>,
}

/// What came of one attempt that may be made again.
struct Passing {
    why: String,
    retry_after: Option<Duration>,
}

impl<'a> Transport<'a> {
    pub(crate) fn new(
        settings: &Settings,
        limits: Limits,
        reach: &Reach,
        listener: &'a Listener<'a>,
    ) -> Result<Transport<'a>, SupplyError> {
        let reach = Arc::new(reach.clone());
        let tls = settings.tls()?;
        let client = |leads: &Arc<Reach>| {
            let resolver = Resolver { reach: Arc::clone(leads) };
            let mut builder = Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(redirect::Policy::none())
                .dns_resolver(Arc::new(resolver))
                .http1_only()
                .connect_timeout(settings.retries.each)
                .user_agent(concat!("burgee/", env!("CARGO_PKG_VERSION")));
            if matches!(*reach, Reach::Document { .. }) {
                // A proxy would look names up itself, where nobody judges what they lead to.
                builder = builder.no_proxy();
            }
            builder.build().map_err(|error| SupplyError::Unusable {
                what: "this machine's TLS",
                reason: error.to_string(),
            })
        };
        // Who is permitted wherever it leads is dialled as if the user had named it.
        let (client, permitted) = (client(&reach)?, client(&Arc::new(Reach::User))?);
        Ok(Transport {
            client,
            permitted,
            reach,
            retries: settings.retries,
            limits,
            begin: Instant::now(),
            listener,
        })
    }

    /// Something is about to be done.
    pub(crate) fn tell(&self, progress: Progress<'_>) {
        (self.listener)(progress);
    }

    /// Asks until there is an answer that asking again would not change, or attempts or time are used up.
    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Answer, SupplyError> {
        let mut attempts = Vec::new();
        let mut backoff = self.retries.first_backoff;
        loop {
            let left = self.limits.time.saturating_sub(self.begin.elapsed());
            let late = |attempts: Vec<String>| SupplyError::Late {
                what: ask.what.clone(),
                time: self.limits.time,
                attempts,
            };
            let one = tokio::time::timeout(left, self.follow(ask)).await;
            let Ok(one) = one else { return Err(late(attempts)) };
            let passing = match one? {
                Ok(answer) => return Ok(answer),
                Err(passing) => passing,
            };
            attempts.push(passing.why.clone());
            if attempts.len() >= self.retries.attempts {
                let retry_after = passing.retry_after;
                return Err(SupplyError::Unavailable { what: ask.what.clone(), attempts, retry_after });
            }
            let wait = passing.retry_after.unwrap_or_else(|| jittered(backoff));
            if wait >= self.limits.time.saturating_sub(self.begin.elapsed()) {
                let retry_after = passing.retry_after;
                return Err(SupplyError::Unavailable { what: ask.what.clone(), attempts, retry_after });
            }
            self.tell(Progress::Again { what: &ask.what, why: &passing.why, after: wait });
            tokio::time::sleep(wait).await;
            backoff = (backoff * 2).min(self.retries.last_backoff);
        }
    }

    /// One attempt: the request, and what its answers lead to.
    async fn follow(&self, ask: &Ask) -> Result<Result<Answer, Passing>, SupplyError> {
        let mut ask = ask.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.reach.check(&ask.url)?;
            let answer = match self.once(&ask).await? {
                Ok(answer) => answer,
                Err(passing) => return Ok(Err(passing)),
            };
            let may_lead = ask.method == Method::GET || ask.method == Method::HEAD;
            if !(answer.status.is_redirection() && may_lead) {
                return Ok(Ok(answer));
            }
            let form = |reason: String| SupplyError::form(ask.what.clone(), reason);
            let to =
                answer.headers.get(LOCATION).and_then(|to| to.to_str().ok()).ok_or_else(|| {
                    form(format!("the server answers {} without a Location", answer.status))
                })?;
            let next = ask.url.join(to).map_err(|error| form(format!("it leads to {to:?}: {error}")))?;
            if !matches!(next.scheme(), "http" | "https") {
                return Err(form(format!("it leads to {}, which is neither HTTP nor HTTPS", next.scheme())));
            }
            if ask.url.scheme() == "https" && next.scheme() == "http" {
                return Err(form(format!("it leads from HTTPS to {}", without_secrets(&next))));
            }
            if next.origin() != ask.url.origin() {
                ask.headers.remove(AUTHORIZATION);
            }
            ask.url = next;
        }
        Err(SupplyError::form(ask.what, format!("it leads on more than {MAX_REDIRECTS} times")))
    }

    fn nothing_came(&self) -> Passing {
        let why = format!("nothing came for {} s", self.retries.each.as_secs_f32());
        Passing { why, retry_after: None }
    }

    async fn once(&self, ask: &Ask) -> Result<Result<Answer, Passing>, SupplyError> {
        let port = ask.url.port_or_known_default();
        let is_permitted = self.reach.permits(ask.url.host_str().unwrap_or_default(), port);
        let client = if is_permitted { &self.permitted } else { &self.client };
        let mut request = client.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
        if !ask.body.is_empty() || ask.method == Method::PUT || ask.method == Method::POST {
            request = request.body(ask.body.clone());
        }
        // What is sent may take as long as everything may; what comes may not pause for long.
        let patience = if ask.body.is_empty() { self.retries.each } else { self.limits.time };
        let mut response = match tokio::time::timeout(patience, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return passing(&error, ask),
            Err(_) => return Ok(Err(self.nothing_came())),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        if is_passing(status) {
            let why = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
            return Ok(Err(Passing { why: why.trim_end().to_owned(), retry_after: retry_after(&headers) }));
        }
        let limit = if status.is_success() { ask.limit } else { MAX_SAID };
        let announced = response.content_length().filter(|_| ask.method != Method::HEAD);
        let too_large = || match ask.least {
            0 => SupplyError::TooLarge { what: ask.what.clone(), limit },
            said => SupplyError::form(
                ask.what.clone(),
                format!("the server sends more than the {said} bytes that the manifest says"),
            ),
        };
        if status.is_success() && announced.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            let Ok(chunk) = tokio::time::timeout(self.retries.each, response.chunk()).await else {
                return Ok(Err(self.nothing_came()));
            };
            match chunk {
                Ok(Some(chunk)) => {
                    let left = limit.saturating_sub(body.len() as u64);
                    if chunk.len() as u64 > left {
                        if status.is_success() {
                            return Err(too_large());
                        }
                        break;
                    }
                    body.extend_from_slice(&chunk);
                    if ask.is_told {
                        let done = body.len() as u64;
                        self.tell(Progress::Bytes { what: &ask.what, done, all: announced });
                    }
                }
                Ok(None) => break,
                Err(error) => return passing(&error, ask),
            }
        }
        if status.is_success() && (body.len() as u64) < ask.least {
            let why = format!("the answer ends after {} of {} bytes", body.len(), ask.least);
            return Ok(Err(Passing { why, retry_after: None }));
        }
        Ok(Ok(Answer { status, headers, body, url: ask.url.clone() }))
    }
}

/// What a request that failed comes to: a refusal of ours stays one, everything else may pass.
fn passing(error: &reqwest::Error, ask: &Ask) -> Result<Result<Answer, Passing>, SupplyError> {
    let mut why = None;
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(SupplyError::Refused { host, reason }) = error.downcast_ref() {
            return Err(SupplyError::Refused { host: host.clone(), reason: reason.clone() });
        }
        if let Some(why) = tls(error) {
            // It will say the same in a second. Somebody may mend it in an hour.
            let host = ask.url.host_str().unwrap_or_default();
            let attempts = vec![format!("no connection to {host}: {why}")];
            return Err(SupplyError::Unavailable { what: ask.what.clone(), attempts, retry_after: None });
        }
        why = Some(error.to_string());
        source = error.source();
    }
    let why = why.unwrap_or_else(|| error.to_string());
    if error.is_builder() {
        return Err(SupplyError::form(ask.what.clone(), why));
    }
    let host = ask.url.host_str().unwrap_or_default();
    let why = if error.is_connect() { format!("no connection to {host}: {why}") } else { why };
    Ok(Err(Passing { why, retry_after: None }))
}

/// What is wrong between two that do not come to speak TLS, and what to do.
fn tls(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    // An error of the system's kind gives away what it wraps only when it is asked.
    if let Some(wrapped) = error.downcast_ref::<std::io::Error>() {
        return tls(wrapped.get_ref()?);
    }
    match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidMessage(_) => {
            Some("it does not speak TLS; if it is a server of plain HTTP, it has to be named as one")
        }
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Some(
            "nobody whom this machine believes has signed its certificate; the authority's has to be named",
        ),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Some("its certificate is that of a server of another name"),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => Some("its certificate is no longer valid"),
        _ => None,
    }
}

/// Answers that may be others the next time.
fn is_passing(status: StatusCode) -> bool {
    match status.as_u16() {
        408 | 425 | 429 => true,
        501 | 505 | 511 => false,
        status => status >= 500,
    }
}

/// How long a server asks to wait, in seconds or until a time.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?;
    Some(then.duration_since(SystemTime::now()).unwrap_or_default())
}

/// A wait that differs between those who wait for the same: between half of it and all.
fn jittered(wait: Duration) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let spread = (wait / 2).saturating_mul(now.subsec_nanos() % 1024) / 1024;
    wait / 2 + spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_asked_for_again() {
        for (status, expected) in [
            (200, false),
            (404, false),
            (401, false),
            (408, true),
            (429, true),
            (500, true),
            (501, false),
            (503, true),
            (505, false),
            (511, false),
        ] {
            assert_eq!(is_passing(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    #[test]
    fn servers_say_how_long_to_wait_in_seconds_or_until_when() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
        let wait = jittered(Duration::from_secs(4));
        assert!((Duration::from_secs(2)..=Duration::from_secs(4)).contains(&wait));
    }
}
