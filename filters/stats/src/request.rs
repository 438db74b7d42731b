//! Reads the standard labels of one ended request, and only those that a metric shows.

use std::rc::Rc;

use burgee_filter_config::StandardLabel as Label;
use burgee_kit::LogHost;
use burgee_kit::attributes::{
    CLUSTER_NAME, REQUEST_CONTENT_TYPE, REQUEST_HOST, REQUEST_PROTOCOL, RESPONSE_CODE, RESPONSE_FLAGS,
    RESPONSE_GRPC_STATUS,
};

use crate::peer::{End, Ends, Peer, Peers, namespace_of_principal};
use crate::plan::{Plan, Role};
use crate::principals::{Connections, Endpoints, Principals};
use crate::service::{Clusters, Service};
use crate::value::{LabelSet, Value, Values, push_text};

const SERVICE: LabelSet = LabelSet::of(&[
    Label::DestinationService,
    Label::DestinationServiceName,
    Label::DestinationServiceNamespace,
]);
const PRINCIPALS: LabelSet = LabelSet::of(&[
    Label::SourcePrincipal,
    Label::SourceWorkloadNamespace,
    Label::DestinationPrincipal,
    Label::DestinationWorkloadNamespace,
    Label::DestinationServiceNamespace,
    Label::ConnectionSecurityPolicy,
]);
const SOURCE: LabelSet = LabelSet::of(&[
    Label::SourceWorkload,
    Label::SourceWorkloadNamespace,
    Label::SourceCanonicalService,
    Label::SourceCanonicalRevision,
    Label::SourceApp,
    Label::SourceVersion,
    Label::SourceCluster,
]);
const DESTINATION: LabelSet = LabelSet::of(&[
    Label::DestinationWorkload,
    Label::DestinationWorkloadNamespace,
    Label::DestinationPrincipal,
    Label::DestinationCanonicalService,
    Label::DestinationCanonicalRevision,
    Label::DestinationApp,
    Label::DestinationVersion,
    Label::DestinationCluster,
    Label::DestinationServiceNamespace,
]);
const PROTOCOL: LabelSet = LabelSet::of(&[Label::RequestProtocol, Label::GrpcResponseStatus]);

/// What is remembered from one request to the next.
#[derive(Debug)]
pub struct Reader {
    may_use_host_header: bool,
    clusters: Clusters,
    connections: Connections,
    endpoints: Endpoints,
    callers: Peers,
    called: Peers,
    /// The cluster of the request at hand; empty if there is none.
    cluster: Vec<u8>,
    /// The Host header of the request at hand, where it says something; else empty.
    authority: Vec<u8>,
}

/// What was found out about a request: its labels' values follow from it, and from the plan.
#[derive(Debug)]
pub struct Facts {
    /// 0 if there was no response.
    code: i64,
    flags: u64,
    /// Whether it was gRPC, and then its status.
    grpc: Option<Option<i64>>,
    principals: Principals,
    caller: Option<Rc<Peer>>,
    called: Option<Rc<Peer>>,
    service: Option<Rc<Service>>,
}

impl Facts {
    /// Whether it is known to be no gRPC.
    pub fn is_other(&self, plan: &Plan) -> bool {
        plan.needs.intersects(PROTOCOL) && self.grpc.is_none()
    }

    /// Appends what tells a request's labels from those of others, beside its Host header.
    fn push_key(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.code.to_le_bytes());
        key.extend_from_slice(&self.flags.to_le_bytes());
        let (is_grpc, status) = match self.grpc {
            None => (0, 0),
            Some(None) => (1, 0),
            Some(Some(status)) => (2, status),
        };
        key.push(is_grpc);
        key.extend_from_slice(&status.to_le_bytes());
        self.principals.push_key(key);
        for peer in [&self.caller, &self.called] {
            key.push(u8::from(peer.is_some()));
            if let Some(peer) = peer {
                peer.id.push_key(key);
            }
        }
        if let Some(service) = &self.service {
            service.id.push_key(key);
        }
    }
}

impl Reader {
    /// A reader that remembers nothing yet.
    pub fn new(may_use_host_header: bool) -> Reader {
        Reader {
            may_use_host_header,
            clusters: Clusters::default(),
            connections: Connections::default(),
            endpoints: Endpoints::default(),
            callers: Peers::new(End::Downstream),
            called: Peers::new(End::Upstream),
            cluster: Vec::new(),
            authority: Vec::new(),
        }
    }

    /// Reads what the labels need that the plan has. Nothing if this was not a request but a connection, which ends the
    /// same way.
    pub fn read<H: LogHost>(&mut self, host: &H, plan: &Plan, ends: Ends<'_>) -> Option<Facts> {
        let code = RESPONSE_CODE.get(host);
        if !is_request(host, code) {
            return None;
        }
        let grpc = if plan.needs.intersects(PROTOCOL) { read_grpc(host) } else { None };
        Some(Facts { grpc, ..self.read_rest(host, plan, ends, code) })
    }

    /// Reads the same of whatever kind of traffic, but for the protocol.
    pub fn read_rest<H: LogHost>(
        &mut self,
        host: &H,
        plan: &Plan,
        ends: Ends<'_>,
        code: Option<i64>,
    ) -> Facts {
        let is_needed = |labels| plan.needs.intersects(labels);
        let flags = RESPONSE_FLAGS.get(host).unwrap_or_default();
        let is_client = plan.role == Role::Client;
        let needs_endpoint = is_client && (is_needed(PRINCIPALS) || is_needed(DESTINATION));
        self.cluster.clear();
        if is_needed(SERVICE) || needs_endpoint {
            CLUSTER_NAME.show(host, &mut |name| self.cluster.extend_from_slice(name));
        }
        let endpoint = needs_endpoint.then(|| self.endpoints.endpoint(host, &self.cluster));
        let principals = match &endpoint {
            _ if !is_needed(PRINCIPALS) => Principals::default(),
            Some(endpoint) => endpoint.principals.clone(),
            None => self.connections.principals(host),
        };
        let caller = if !is_client && is_needed(SOURCE) { self.callers.at(host, ends) } else { None };
        let called = match plan.role {
            Role::Client | Role::Gateway if is_needed(DESTINATION) => self.called.at(host, ends),
            _ => None,
        };
        let called = called.or_else(|| endpoint.map(|endpoint| Rc::clone(&endpoint.peer)));
        let service = is_needed(SERVICE).then(|| self.clusters.service(host, &self.cluster));
        self.authority.clear();
        if self.may_use_host_header && service.as_ref().is_some_and(|service| service.needs_header()) {
            REQUEST_HOST.show(host, &mut |authority| self.authority.extend_from_slice(authority));
        }
        let code = code.unwrap_or_default();
        Facts { code, flags, grpc: None, principals, caller, called, service }
    }

    /// Reads of a stream that is open what its labels need; nothing if they may be others at its end.
    pub fn read_open<H: LogHost>(&mut self, host: &H, plan: &Plan, ends: Ends<'_>) -> Option<Facts> {
        let code = RESPONSE_CODE.get(host);
        // Who was called says so in its answer.
        if plan.role != Role::Server && code.is_none() {
            return None;
        }
        let facts = self.read_rest(host, plan, ends, code);
        // The Host header can be read at the end only.
        let needs_header = facts.service.as_ref().is_some_and(|service| service.needs_header());
        (!(self.may_use_host_header && needs_header)).then_some(facts)
    }

    /// Writes what tells the request at hand from others with other labels.
    pub fn write_key(&self, facts: &Facts, key: &mut Vec<u8>) {
        key.clear();
        facts.push_key(key);
        push_text(key, &self.authority);
    }

    /// The values of the labels of the request at hand that the plan needs; the others are unknown.
    pub fn values(&self, plan: &Plan, facts: &Facts) -> Values {
        let mut values = Values::unknown();
        values.set(Label::ResponseCode, Value::Number(facts.code));
        values.set(Label::ResponseFlags, Value::Flags(facts.flags));
        let (protocol, status) = match facts.grpc {
            None => ("http", Value::Fixed("")),
            Some(status) => ("grpc", status.map_or(Value::Fixed(""), Value::Number)),
        };
        values.set(Label::RequestProtocol, Value::Fixed(protocol));
        values.set(Label::GrpcResponseStatus, status);

        let Principals { peer, local, .. } = &facts.principals;
        let peer_namespace = peer.as_deref().and_then(namespace_of_principal).map(Value::Text);
        if plan.role == Role::Client {
            values.set(Label::SourcePrincipal, known(local));
            set_called(plan, facts.called.as_deref(), peer, peer_namespace, &mut values);
        } else {
            let is_mutual = peer.is_some() && local.is_some();
            let policy = if is_mutual { "mutual_tls" } else { "none" };
            values.set(Label::ConnectionSecurityPolicy, Value::Fixed(policy));
            values.set(Label::SourcePrincipal, known(peer));
            values.set(Label::DestinationPrincipal, known(local));
            set_caller(facts.caller.as_deref(), peer_namespace, &mut values);
            if plan.role == Role::Gateway {
                set_called(plan, facts.called.as_deref(), &None, None, &mut values);
            }
        }
        if let Some(service) = &facts.service {
            self.set_service(plan, service, &mut values);
        }
        values
    }

    fn set_service(&self, plan: &Plan, service: &Service, values: &mut Values) {
        let header = (!self.authority.is_empty()).then(|| Value::Chosen(self.authority.as_slice().into()));
        let fallback = header.unwrap_or_else(|| match plan.role {
            Role::Server => Value::Text(Rc::clone(&plan.local_service)),
            Role::Client | Role::Gateway => Value::UNKNOWN,
        });
        values.set(Label::DestinationService, service.host.clone().unwrap_or_else(|| fallback.clone()));
        values.set(Label::DestinationServiceName, service.name.clone().unwrap_or(fallback));
        if let Some(namespace) = &service.namespace {
            values.set(Label::DestinationServiceNamespace, namespace.clone());
        }
    }
}

/// Whether what has ended was a request. One may have had no response; only then is it in doubt what it was.
pub fn is_request<H: LogHost>(host: &H, code: Option<i64>) -> bool {
    code.is_some() || REQUEST_PROTOCOL.is_there(host)
}

/// Whether the request was gRPC, and then its status.
fn read_grpc<H: LogHost>(host: &H) -> Option<Option<i64>> {
    let mut found = false;
    REQUEST_CONTENT_TYPE.show(host, &mut |content_type| found = is_grpc(content_type));
    found.then(|| RESPONSE_GRPC_STATUS.get(host))
}

/// Who sent the request.
fn set_caller(peer: Option<&Peer>, certified_namespace: Option<Value>, values: &mut Values) {
    let of = |field: fn(&Peer) -> &Option<Value>| peer.and_then(|peer| field(peer).clone());
    for (label, value) in [
        (Label::SourceWorkload, of(|peer| &peer.workload)),
        (Label::SourceCanonicalService, of(|peer| &peer.canonical_service)),
        (Label::SourceApp, of(|peer| &peer.app)),
        (Label::SourceVersion, of(|peer| &peer.version)),
        (Label::SourceCluster, of(|peer| &peer.cluster)),
        // What a certificate says was checked; what a peer says of itself was not.
        (Label::SourceWorkloadNamespace, certified_namespace.or_else(|| of(|peer| &peer.namespace))),
    ] {
        values.set(label, value.unwrap_or(Value::UNKNOWN));
    }
    values.set(Label::SourceCanonicalRevision, or_latest(of(|peer| &peer.canonical_revision)));
}

/// Who the request was sent to.
fn set_called(
    plan: &Plan,
    peer: Option<&Peer>,
    principal: &Option<Rc<[u8]>>,
    certified_namespace: Option<Value>,
    values: &mut Values,
) {
    let of = |field: fn(&Peer) -> &Option<Value>| peer.and_then(|peer| field(peer).clone());
    let namespace = certified_namespace.or_else(|| of(|peer| &peer.namespace));
    let principal = principal.as_ref().map(|principal| Value::Text(Rc::clone(principal)));
    let is_client = plan.role == Role::Client;
    if is_client {
        values.set(Label::DestinationServiceNamespace, namespace.clone().unwrap_or(Value::UNKNOWN));
    }
    for (label, value) in [
        (Label::DestinationWorkload, of(|peer| &peer.workload)),
        (Label::DestinationCanonicalService, of(|peer| &peer.canonical_service)),
        (Label::DestinationApp, of(|peer| &peer.app)),
        (Label::DestinationVersion, of(|peer| &peer.version)),
        (Label::DestinationCluster, of(|peer| &peer.cluster)),
        (Label::DestinationWorkloadNamespace, namespace),
        (Label::DestinationPrincipal, principal.or_else(|| of(|peer| &peer.identity))),
    ] {
        values.set(label, value.unwrap_or(Value::UNKNOWN));
    }
    let revision = of(|peer| &peer.canonical_revision);
    let revision = if is_client { or_latest(revision) } else { revision.unwrap_or(Value::UNKNOWN) };
    values.set(Label::DestinationCanonicalRevision, revision);
}

fn known(principal: &Option<Rc<[u8]>>) -> Value {
    principal.as_ref().map_or(Value::UNKNOWN, |principal| Value::Text(Rc::clone(principal)))
}

fn or_latest(revision: Option<Value>) -> Value {
    revision.unwrap_or(Value::Fixed("latest"))
}

/// Whether a content type is one of gRPC, with any codec; not that of grpc-web.
fn is_grpc(content_type: &[u8]) -> bool {
    content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_known_by_its_content_type_whatever_the_codec() {
        for (content_type, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc+anything", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_grpc(content_type.as_bytes()), expected, "{content_type}");
        }
    }
}
