//! Reads the standard labels of one ended request, and only those that a metric shows.

use std::rc::Rc;

use burgee_filter_config::StandardLabel as Label;
use burgee_kit::LogHost;
use burgee_kit::attributes::{
    ENDPOINT_WORKLOAD, REQUEST_CONTENT_TYPE, REQUEST_PROTOCOL, RESPONSE_CODE, RESPONSE_FLAGS,
    RESPONSE_GRPC_STATUS,
};

use crate::peer::{EndpointWorkload, namespace_of_principal};
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
const ENDPOINT: LabelSet = LabelSet::of(&[
    Label::DestinationWorkload,
    Label::DestinationWorkloadNamespace,
    Label::DestinationCanonicalService,
    Label::DestinationCanonicalRevision,
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
}

impl Reader {
    /// A reader that remembers nothing yet.
    pub fn new(may_use_host_header: bool) -> Reader {
        Reader { may_use_host_header, clusters: Clusters::default(), connections: Connections::default() }
    }

    /// The values of the labels that the plan needs; the others are unknown. Nothing if this was not a request but
    /// a connection, which ends the same way.
    pub fn read<H: LogHost>(&mut self, host: &H, plan: &Plan) -> Option<Values> {
        let mut values = Values::unknown();
        let code = RESPONSE_CODE.get(host);
        // A request may have had no response; only then is it in doubt what this was.
        if code.is_none() {
            REQUEST_PROTOCOL.get(host)?;
        }
        values.set(Label::ResponseCode, Value::Number(code.unwrap_or_default()));
        if plan.needs.intersects(PROTOCOL) {
            self.read_protocol(host, &mut values);
        }
        let flags = RESPONSE_FLAGS.get(host).unwrap_or_default();
        values.set(Label::ResponseFlags, Value::Flags(flags));

        let principals = match plan.role {
            _ if !plan.needs.intersects(PRINCIPALS) => Principals::default(),
            Role::Client => Principals::of_upstream(host),
            Role::Server | Role::Gateway => self.connections.principals(host),
        };
        let peer_namespace = principals.peer.as_deref().and_then(namespace_of_principal).map(Value::Text);
        let peer_principal = known(&principals.peer);
        let local_principal = known(&principals.local);
        match plan.role {
            Role::Client => {
                values.set(Label::SourcePrincipal, local_principal);
                values.set(Label::DestinationPrincipal, peer_principal);
                self.read_endpoint(host, plan, peer_namespace, &mut values);
            }
            Role::Server | Role::Gateway => {
                let is_mutual = principals.peer.is_some() && principals.local.is_some();
                let policy = if is_mutual { "mutual_tls" } else { "none" };
                values.set(Label::ConnectionSecurityPolicy, Value::Fixed(policy));
                values.set(Label::SourcePrincipal, peer_principal);
                values.set(Label::DestinationPrincipal, local_principal);
                values.set(Label::SourceWorkloadNamespace, peer_namespace.unwrap_or(Value::UNKNOWN));
            }
        }
        if plan.needs.intersects(SERVICE) {
            self.read_service(host, plan, &mut values);
        }
        Some(values)
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

    fn read_endpoint<H: LogHost>(
        &self,
        host: &H,
        plan: &Plan,
        namespace: Option<Value>,
        values: &mut Values,
    ) {
        let endpoint = if plan.needs.intersects(ENDPOINT) {
            ENDPOINT_WORKLOAD.get(host).map(|text| EndpointWorkload::parse(&text))
        } else {
            None
        };
        let endpoint = endpoint.unwrap_or_default();
        let or_unknown = |value: Option<Value>| value.unwrap_or(Value::UNKNOWN);
        values.set(Label::DestinationWorkload, or_unknown(endpoint.workload));
        values.set(Label::DestinationCanonicalService, or_unknown(endpoint.canonical_service));
        values.set(
            Label::DestinationCanonicalRevision,
            endpoint.canonical_revision.unwrap_or(Value::Fixed("latest")),
        );
        values.set(Label::DestinationCluster, or_unknown(endpoint.cluster));
        let namespace = or_unknown(namespace.or(endpoint.namespace));
        values.set(Label::DestinationServiceNamespace, namespace.clone());
        values.set(Label::DestinationWorkloadNamespace, namespace);
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

fn known(principal: &Option<Rc<[u8]>>) -> Value {
    principal.as_ref().map_or(Value::UNKNOWN, |principal| Value::Text(Rc::clone(principal)))
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
