//! The filter: what is done to the two headers in each direction of a request.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use burgee_filter_config::peer_metadata::DEFAULT_MAX_PEERS;
use burgee_filter_config::{PeerMetadataConfig, PeerRole};
use burgee_kit::attributes::{INBOUND, LISTENER_DIRECTION, NODE_ID, SOURCE_ADDRESS, UPSTREAM_ADDRESS};
use burgee_kit::local::{from_node, node_text};
use burgee_kit::peer::{DOWNSTREAM_PEER, UPSTREAM_PEER};
use burgee_kit::recent::Recent;
use burgee_kit::{
    ConfigurationError, Host, HostError, HttpFilter, HttpHost, IfMisconfigured, LifeSpan, LogLevel, Message,
    Outcome, Phases, PropertyForm, RequestHeadersHost, ResponseHeadersHost, RootHost, protobuf_struct,
};

use crate::exchange::{self, Details, ID_HEADER, VALUE_HEADER};
use crate::fields::Fields;
use crate::recipients::Clusters;

/// The `peer-metadata` filter.
#[derive(Debug)]
pub struct PeerMetadata {
    role: PeerRole,
    additional_labels: Vec<String>,
    /// What the other end is told.
    value: String,
    id: Vec<u8>,
    /// What is published of those who say nothing, by their addresses.
    index: HashMap<Vec<u8>, Rc<[u8]>>,
    clusters: RefCell<Clusters>,
    /// What is published, by the header that says it. An id alone would let anybody who knows it take another's place.
    known: RefCell<Recent<Rc<[u8]>>>,
    /// What is published of each peer beside the whole, where that is asked for.
    fields: Option<Fields>,
    /// Whether the log says already that the host refused something: once is enough, requests are many.
    is_refusal_logged: Cell<bool>,
}

/// What is kept of a request until its response.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The server's side: which of the headers came, and so are answered.
    came: Found<bool>,
    /// The client's side: whether this proxy said who it is. Only then is the answer believed.
    is_told: bool,
    /// Who called, as it was published.
    caller: Option<Rc<[u8]>>,
    /// Who was called, as it was published.
    called: Option<Rc<[u8]>>,
}

impl Exchange {
    /// Who called, as it was published, if it is known.
    pub fn caller(&self) -> Option<&[u8]> {
        self.caller.as_deref()
    }

    /// Who was called, as it was published, if it is known.
    pub fn called(&self) -> Option<&[u8]> {
        self.called.as_deref()
    }
}

/// Something of each of the two headers.
#[derive(Debug, Default)]
struct Found<T> {
    value: T,
    id: T,
}

impl HttpFilter for PeerMetadata {
    const PHASES: Phases = Phases::REQUEST_HEADERS.and(Phases::RESPONSE_HEADERS);

    /// A proxy that refuses a listener because of its telemetry serves nobody.
    const IF_MISCONFIGURED: IfMisconfigured = IfMisconfigured::DoNothing;

    const CONFIGURATION_SCHEMA: Option<&'static str> = Some(include_str!("../configuration.schema.json"));

    type Stream = Exchange;

    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<PeerMetadata, ConfigurationError> {
        let config = PeerMetadataConfig::from_json(configuration).map_err(|error| {
            ConfigurationError::new(format_args!(
                "no workload is told of another, because {error}. It must be a JSON object in a \
                 google.protobuf.StringValue"
            ))
        })?;
        Ok(PeerMetadata::new(host, config))
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, stream: &mut Exchange, host: &H, _: bool) -> Outcome {
        if self.is_inbound(host) {
            let found = self.take(host, Message::Request);
            stream.came = Found { value: found.value.is_some(), id: found.id.is_some() };
            stream.caller = self.publish(host, DOWNSTREAM_PEER, found.value, || SOURCE_ADDRESS.get(host));
        } else {
            stream.is_told = self.clusters.try_borrow_mut().is_ok_and(|mut clusters| clusters.is_told(host));
            if stream.is_told {
                self.say(host, Message::Request, VALUE_HEADER, self.value.as_bytes());
                self.say(host, Message::Request, ID_HEADER, &self.id);
            } else {
                // What came with the request is not this proxy's, and nobody's business there.
                self.remove(host, Message::Request, VALUE_HEADER);
                self.remove(host, Message::Request, ID_HEADER);
            }
        }
        Outcome::Continue
    }

    fn on_response_headers<H: ResponseHeadersHost>(
        &self,
        stream: &mut Exchange,
        host: &H,
        _: bool,
    ) -> Outcome {
        if self.is_inbound(host) {
            if stream.came.value {
                self.say(host, Message::Response, VALUE_HEADER, self.value.as_bytes());
            }
            if stream.came.id {
                self.say(host, Message::Response, ID_HEADER, &self.id);
            }
        } else {
            let found = self.take(host, Message::Response);
            let value = found.value.filter(|_| stream.is_told);
            stream.called = self.publish(host, UPSTREAM_PEER, value, || UPSTREAM_ADDRESS.get(host));
        }
        Outcome::Continue
    }
}

/// What the node says of itself beside who it is.
fn details<H: Host>(host: &H, additional_labels: &[String]) -> Details {
    let locality = |part: &str| {
        let value = burgee_kit::attributes::read_path(host, &["xds", "node", "locality", part]);
        String::from_utf8_lossy(&value.ok().flatten().unwrap_or_default()).into_owned()
    };
    let label = |name: &String| {
        let value = node_text(host, &["LABELS", name]);
        (!value.is_empty()).then(|| (name.clone(), value))
    };
    Details {
        name: node_text(host, &["NAME"]),
        identity: node_text(host, &["IDENTITY"]),
        owner: node_text(host, &["OWNER"]),
        region: locality("region"),
        zone: locality("zone"),
        labels: additional_labels.iter().filter_map(label).collect(),
    }
}

impl PeerMetadata {
    /// The filter with a configuration that was read.
    pub fn new<H: RootHost>(host: &H, config: PeerMetadataConfig) -> PeerMetadata {
        let form = PropertyForm::Protobuf { type_url: protobuf_struct::TYPE_URL };
        for name in [DOWNSTREAM_PEER, UPSTREAM_PEER] {
            // Where a name is declared already it is by a filter like this one. Where nothing can be declared the value is
            // bytes to expressions, and the same to other filters.
            let _ = host.declare_property(name, form, LifeSpan::Request);
        }
        let local = config.local.unwrap_or_else(|| from_node(host));
        let details = details(host, &config.additional_labels);
        let max_peers = if config.max_peers == 0 { DEFAULT_MAX_PEERS } else { config.max_peers };
        let max_peers = usize::try_from(max_peers).unwrap_or(usize::MAX);
        let published = |(address, workload)| {
            let address: String = address;
            (address.into_bytes(), Rc::from(exchange::peer_of(&workload).into_bytes()))
        };
        PeerMetadata {
            role: config.role,
            value: exchange::encode(&local, &details),
            id: NODE_ID.get(host).unwrap_or_default(),
            index: config.index.into_iter().map(published).collect(),
            clusters: RefCell::new(Clusters::new(config.recipients)),
            known: RefCell::new(Recent::new(max_peers)),
            fields: config.publish_fields.then(|| Fields::new(max_peers, [DOWNSTREAM_PEER, UPSTREAM_PEER])),
            additional_labels: config.additional_labels,
            is_refusal_logged: Cell::new(false),
        }
    }

    fn is_inbound<H: burgee_kit::StreamHost>(&self, host: &H) -> bool {
        match self.role {
            PeerRole::Inbound => true,
            PeerRole::Outbound | PeerRole::Gateway => false,
            PeerRole::Unspecified => LISTENER_DIRECTION.get(host) == Some(INBOUND),
        }
    }

    /// The first values of both headers, which are removed from the message with all of their values.
    fn take<H: HttpHost>(&self, host: &H, message: Message) -> Found<Option<Vec<u8>>> {
        let mut found = Found::<Option<Vec<u8>>>::default();
        // One call for all headers costs less than two for one each, and most messages have neither.
        match host.headers(message) {
            Ok(headers) => {
                for (name, value) in headers {
                    let slot = if name == VALUE_HEADER.as_bytes() {
                        &mut found.value
                    } else if name == ID_HEADER.as_bytes() {
                        &mut found.id
                    } else {
                        continue;
                    };
                    slot.get_or_insert(value);
                }
            }
            // Too many to be given at once, for one.
            Err(_) => {
                found.value = host.header(message, VALUE_HEADER).unwrap_or(Some(Vec::new()));
                found.id = host.header(message, ID_HEADER).unwrap_or(Some(Vec::new()));
            }
        }
        if found.value.is_some() {
            self.remove(host, message, VALUE_HEADER);
        }
        if found.id.is_some() {
            self.remove(host, message, ID_HEADER);
        }
        found
    }

    /// Publishes who is at the other end: who it says it is, else who the configuration says is at its address.
    fn publish<H: Host>(
        &self,
        host: &H,
        property: &str,
        value: Option<Vec<u8>>,
        address: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<Rc<[u8]>> {
        let said = value.and_then(|value| {
            let mut known = self.known.try_borrow_mut().ok()?;
            known.get(&value, || {
                let peer = exchange::decode(&value, &self.additional_labels)?;
                Some(peer.into_bytes().into())
            })
        });
        let peer = said.or_else(|| {
            if self.index.is_empty() {
                return None;
            }
            self.index.get(without_port(&address()?)).map(Rc::clone)
        });
        let peer = peer.filter(|peer| !peer.is_empty())?;
        self.check(host, property, host.set_property(&[property], &peer));
        if let Some(fields) = &self.fields {
            self.check(host, property, fields.publish(host, property, &peer));
        }
        Some(peer)
    }

    fn say<H: HttpHost>(&self, host: &H, message: Message, name: &str, value: &[u8]) {
        if value.is_empty() {
            self.remove(host, message, name);
        } else {
            self.check(host, name, host.set_header(message, name, value));
        }
    }

    fn remove<H: HttpHost>(&self, host: &H, message: Message, name: &str) {
        self.check(host, name, host.remove_header(message, name));
    }

    fn check<H: Host>(&self, host: &H, what: &str, done: Result<(), HostError>) {
        if let Err(error) = done
            && !self.is_refusal_logged.replace(true)
        {
            host.log(LogLevel::Warn, &format!("{what} stays as it was: {error}; said once only"));
        }
    }
}

/// An address as the index has it: `10.0.0.7:80` and `[fd00::7]:80` without port and brackets.
fn without_port(address: &[u8]) -> &[u8] {
    let end = address.iter().rposition(|byte| *byte == b':').unwrap_or(address.len());
    let host = address.get(..end).unwrap_or(address);
    host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn an_address_is_looked_up_without_its_port() {
        for (address, expected) in [
            ("10.0.0.7:80", "10.0.0.7"),
            ("[fd00::7]:80", "fd00::7"),
            ("10.0.0.7", "10.0.0.7"),
            ("/run/app.sock", "/run/app.sock"),
            ("", ""),
        ] {
            assert_eq!(without_port(address.as_bytes()), expected.as_bytes(), "{address}");
        }
    }
}
