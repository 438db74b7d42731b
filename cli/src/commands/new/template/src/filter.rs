//! What the filter does with requests and responses.

use burgee_kit::metrics::{Counter, Metric};
use burgee_kit::{
    ConfigurationError, Host, HttpFilter, HttpHost, LogLevel, Message, Outcome, Phases,
    RequestHeadersHost, Response, ResponseHeadersHost, RootHost,
};

use crate::config::{Config, Others};

burgee_kit::labels! {
    /// Which tenant a request was of, and what came of it.
    pub struct Seen { tenant, verdict }
}

/// The name that Prometheus shows.
const NAME: &str = "my_filter_requests_total";
const REQUESTS: Metric = Metric::counter::<Seen>(NAME, "Requests, by tenant.");

/// The header of an answer that says which tenant the request was of.
const ANSWERED_FOR: &str = "x-answered-for";

/// The filter, with one configuration.
#[derive(Debug)]
pub struct Tenants {
    config: Config,
    requests: Counter<Seen<'static>>,
}

impl HttpFilter for Tenants {
    const PHASES: Phases = Phases::REQUEST_HEADERS.and(Phases::RESPONSE_HEADERS);

    const CONFIGURATION_SCHEMA: Option<&'static str> =
        Some(include_str!("../configuration.schema.json"));

    const METRICS: &'static [Metric] = &[REQUESTS];

    /// What is kept of a stream from its request to its response: the tenant.
    type Stream = Option<Vec<u8>>;

    fn configure<H: RootHost>(
        _host: &H,
        configuration: &[u8],
    ) -> Result<Tenants, ConfigurationError> {
        Ok(Tenants {
            config: Config::read(configuration)?,
            requests: Counter::new(&REQUESTS),
        })
    }

    fn on_request_headers<H: RequestHeadersHost>(
        &self,
        tenant: &mut Option<Vec<u8>>,
        host: &H,
        _end_of_stream: bool,
    ) -> Outcome {
        *tenant = self.tenant(host);
        match (&tenant, self.config.others) {
            (Some(tenant), _) => {
                self.count(host, tenant, "known");
                Outcome::Continue
            }
            // What a client chose to call itself is not made a label.
            (None, Others::Pass) => {
                self.count(host, b"none", "passed");
                Outcome::Continue
            }
            (None, Others::Refuse) => {
                self.count(host, b"none", "refused");
                Outcome::Respond(
                    Response::new(403)
                        .with_header("content-type", "text/plain")
                        .with_body(format!(
                            "say in {} which tenant this is of\n",
                            self.config.header
                        ))
                        .with_details("no_tenant"),
                )
            }
        }
    }

    fn on_response_headers<H: ResponseHeadersHost>(
        &self,
        tenant: &mut Option<Vec<u8>>,
        host: &H,
        _end_of_stream: bool,
    ) -> Outcome {
        if let Some(tenant) = tenant
            && let Err(error) = host.set_header(Message::Response, ANSWERED_FOR, tenant)
        {
            host.log(
                LogLevel::Warn,
                &format!("{ANSWERED_FOR} is not set: {error}"),
            );
        }
        Outcome::Continue
    }
}

impl Tenants {
    /// The tenant that a request is of. A host that does not say is as good as a request that does not.
    fn tenant<H: HttpHost>(&self, host: &H) -> Option<Vec<u8>> {
        let named = host.header(Message::Request, &self.config.header).ok()??;
        // Values are bytes, since a client may send any: what is no text is nobody's name.
        let name = std::str::from_utf8(&named).ok()?;
        let is_one = !name.is_empty()
            && (self.config.tenants.is_empty() || self.config.tenants.contains(name));
        is_one.then_some(named)
    }

    fn count<H: Host>(&self, host: &H, tenant: &[u8], verdict: &str) {
        let seen = Seen {
            tenant: tenant.into(),
            verdict: verdict.into(),
        };
        if let Err(error) = self.requests.add(host, &seen, 1) {
            host.log(
                LogLevel::Warn,
                &format!("a request is not counted: {error}"),
            );
        }
    }
}
