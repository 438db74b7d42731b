//! Reads the standard labels of one ended request, and only those that a metric shows.

use std::rc::Rc;

use burgee_filter_config::StandardLabel as Label;
use burgee_kit::LogHost;
use burgee_kit::attributes::{
    ENDPOINT_WORKLOAD, REQUEST_CONTENT_TYPE, REQUEST_PROTOCOL, RESPONSE_CODE, RESPONSE_FLAGS,
    RESPONSE_GRPC_STATUS,
};

use crate::peer::{End, Peer, Peers, namespace_of_principal};
use crate::plan::{Plan, Role};
use crate::principals::{Connections, Principals};
use crate::service::Clusters;
use crate::value::{LabelSet, Value, Values};

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
    callers: Peers,
    called: Peers,
}

impl Reader {
    /// A reader that remembers nothing yet.
    pub fn new(may_use_host_header: bool) -> Reader {
        Reader {
            may_use_host_header,
            clusters: Clusters::default(),
            connections: Connections::default(),
            callers: Peers::new(End::Downstream),
            called: Peers::new(End::Upstream),
        }
    }

    /// The values of the labels that the plan needs; the others are unknown. Nothing if this was not a request but
    /// a connection, which ends the same way.
    pub fn read<H: LogHost>(&mut self, host: &H, plan: &Plan) -> Option<Values> {
        let mut values = Values::unknown();
        let code = RESPONSE_CODE.get(host);
        if !is_request(host, code) {
            return None;
        }
        values.set(Label::ResponseCode, Value::Number(code.unwrap_or_default()));
        if plan.needs.intersects(PROTOCOL) {
            self.read_protocol(host, &mut values);
        }
        self.read_rest(host, plan, &mut values);
        Some(values)
    }

    /// The values of a connection's labels that the plan needs.
    pub fn read_connection<H: LogHost>(&mut self, host: &H, plan: &Plan) -> Values {
        let mut values = Values::unknown();
        values.set(Label::RequestProtocol, Value::Fixed("tcp"));
        self.read_rest(host, plan, &mut values);
        values
    }

    /// The values that every kind of traffic has.
    pub fn read_rest<H: LogHost>(&mut self, host: &H, plan: &Plan, values: &mut Values) {
        let flags = RESPONSE_FLAGS.get(host).unwrap_or_default();
        values.set(Label::ResponseFlags, Value::Flags(flags));

        let principals = match plan.role {
            _ if !plan.needs.intersects(PRINCIPALS) => Principals::default(),
            Role::Client => Principals::of_upstream(host),
            Role::Server | Role::Gateway => self.connections.principals(host),
        };
        let peer_namespace = principals.peer.as_deref().and_then(namespace_of_principal).map(Value::Text);
        let local_principal = known(&principals.local);
        match plan.role {
            Role::Client => {
                values.set(Label::SourcePrincipal, local_principal);
                self.read_called(host, plan, &principals.peer, peer_namespace, values);
            }
            Role::Server | Role::Gateway => {
                let is_mutual = principals.peer.is_some() && principals.local.is_some();
                let policy = if is_mutual { "mutual_tls" } else { "none" };
                values.set(Label::ConnectionSecurityPolicy, Value::Fixed(policy));
                values.set(Label::SourcePrincipal, known(&principals.peer));
                values.set(Label::DestinationPrincipal, local_principal);
                self.read_caller(host, plan, peer_namespace, values);
                if plan.role == Role::Gateway {
                    self.read_called(host, plan, &None, None, values);
                }
            }
        }
        if plan.needs.intersects(SERVICE) {
            self.read_service(host, plan, values);
        }
    }

    /// Whether the labels that the plan needs can be read by now, as they will be read at the stream's end.
    pub fn is_settled<H: LogHost>(&mut self, host: &H, plan: &Plan) -> bool {
        // Who was called says so in its answer.
        if plan.role != Role::Server && RESPONSE_CODE.get(host).is_none() {
            return false;
        }
        // The Host header can be read at the end only.
        if !self.may_use_host_header || !plan.needs.intersects(SERVICE) {
            return true;
        }
        let service = self.clusters.service(host, false);
        service.host.is_some() && service.name.is_some()
    }

    fn read_protocol<H: LogHost>(&self, host: &H, values: &mut Values) {
        let content_type = REQUEST_CONTENT_TYPE.get(host);
        let (protocol, status) = if content_type.as_deref().is_some_and(is_grpc) {
            let status = RESPONSE_GRPC_STATUS.get(host);
            ("grpc", status.map_or(Value::Fixed(""), Value::Number))
        } else {
            ("http", Value::Fixed(""))
        };
        values.set(Label::RequestProtocol, Value::Fixed(protocol));
        values.set(Label::GrpcResponseStatus, status);
    }

    /// Who sent the request.
    fn read_caller<H: LogHost>(
        &mut self,
        host: &H,
        plan: &Plan,
        certified_namespace: Option<Value>,
        values: &mut Values,
    ) {
        let peer =
            plan.needs.intersects(SOURCE).then(|| self.callers.read(host)).flatten().unwrap_or_default();
        for (label, value) in [
            (Label::SourceWorkload, &peer.workload),
            (Label::SourceCanonicalService, &peer.canonical_service),
            (Label::SourceApp, &peer.app),
            (Label::SourceVersion, &peer.version),
            (Label::SourceCluster, &peer.cluster),
            // What a certificate says was checked; what a peer says of itself was not.
            (Label::SourceWorkloadNamespace, &certified_namespace.or_else(|| peer.namespace.clone())),
        ] {
            values.set(label, or_unknown(value));
        }
        values.set(Label::SourceCanonicalRevision, or_latest(&peer.canonical_revision));
    }

    /// Who the request was sent to.
    fn read_called<H: LogHost>(
        &mut self,
        host: &H,
        plan: &Plan,
        principal: &Option<Rc<[u8]>>,
        certified_namespace: Option<Value>,
        values: &mut Values,
    ) {
        let peer = if plan.needs.intersects(DESTINATION) { self.called.read(host) } else { None };
        let is_client = plan.role == Role::Client;
        let peer = match peer {
            Some(peer) => peer,
            None if is_client && plan.needs.intersects(DESTINATION) => {
                ENDPOINT_WORKLOAD.get(host).map(|text| Rc::new(Peer::of_endpoint(&text))).unwrap_or_default()
            }
            None => Rc::default(),
        };
        let namespace = certified_namespace.or_else(|| peer.namespace.clone());
        for (label, value) in [
            (Label::DestinationWorkload, &peer.workload),
            (Label::DestinationCanonicalService, &peer.canonical_service),
            (Label::DestinationApp, &peer.app),
            (Label::DestinationVersion, &peer.version),
            (Label::DestinationCluster, &peer.cluster),
            (Label::DestinationWorkloadNamespace, &namespace),
        ] {
            values.set(label, or_unknown(value));
        }
        let revision = &peer.canonical_revision;
        let revision = if is_client { or_latest(revision) } else { or_unknown(revision) };
        values.set(Label::DestinationCanonicalRevision, revision);
        let principal = principal.as_ref().map(|principal| Value::Text(Rc::clone(principal)));
        values.set(Label::DestinationPrincipal, or_unknown(&principal.or_else(|| peer.identity.clone())));
        if is_client {
            values.set(Label::DestinationServiceNamespace, or_unknown(&namespace));
        }
    }

    fn read_service<H: LogHost>(&mut self, host: &H, plan: &Plan, values: &mut Values) {
        let service = self.clusters.service(host, self.may_use_host_header);
        let fallback = match plan.role {
            Role::Server => Value::Text(Rc::clone(&plan.local_service)),
            Role::Client | Role::Gateway => Value::UNKNOWN,
        };
        values.set(Label::DestinationService, service.host.unwrap_or_else(|| fallback.clone()));
        values.set(Label::DestinationServiceName, service.name.unwrap_or(fallback));
        if let Some(namespace) = service.namespace {
            values.set(Label::DestinationServiceNamespace, namespace);
        }
    }
}

/// Whether what has ended was a request. One may have had no response; only then is it in doubt what it was.
pub fn is_request<H: LogHost>(host: &H, code: Option<i64>) -> bool {
    code.is_some() || REQUEST_PROTOCOL.get(host).is_some()
}

fn known(principal: &Option<Rc<[u8]>>) -> Value {
    or_unknown(&principal.as_ref().map(|principal| Value::Text(Rc::clone(principal))))
}

fn or_unknown(value: &Option<Value>) -> Value {
    value.clone().unwrap_or(Value::UNKNOWN)
}

fn or_latest(revision: &Option<Value>) -> Value {
    revision.clone().unwrap_or(Value::Fixed("latest"))
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
