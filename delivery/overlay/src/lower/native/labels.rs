//! The standard labels of one side as formats: what `filters/stats` reads, said in the logger's words.

use burgee_filter_config::names::node;
use burgee_filter_config::stat_name::clean_value;
use burgee_filter_config::stats::UNKNOWN_VALUE;
use burgee_filter_config::{LocalWorkload, StandardLabel};

use super::formats::{self, Operator};
use super::rules::Rules;

/// The default revision of a canonical service.
const LATEST: &str = "latest";

/// The side that a proxy reports, and what it knows of itself.
#[derive(Debug)]
pub(super) struct Side {
    /// The side that sends requests; otherwise the one that serves them.
    pub is_client: bool,
    /// Whether the Host header says which service is meant where nothing else does.
    pub may_use_host_header: bool,
    /// Who the proxy is; absent: its node says so.
    pub local: Option<LocalWorkload>,
}

/// What a label shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TagValue {
    /// Always this text.
    Fixed(String),
    /// What a format gives.
    Format {
        /// The format.
        format: String,
        /// What becomes of that.
        rules: Rules,
    },
}

impl TagValue {
    fn fixed(text: &str) -> TagValue {
        TagValue::Fixed(clean_value(text.as_bytes()))
    }

    fn unknown() -> TagValue {
        TagValue::fixed(UNKNOWN_VALUE)
    }

    /// What the mesh chose: its control plane, its certificates' signer. What is empty is unknown.
    fn of_mesh(operators: &[Operator], otherwise: &str) -> TagValue {
        TagValue::Format { format: formats::first_of(operators), rules: Rules::EmptyIs(otherwise.to_owned()) }
    }

    /// What a client can choose at will. What is empty or cannot be shown is unknown.
    pub fn chosen(format: String) -> TagValue {
        TagValue::Format { format, rules: Rules::Chosen(UNKNOWN_VALUE.to_owned()) }
    }

    /// What a peer says of itself, or a certificate. What cannot be shown is unknown.
    fn of_peer(operators: &[Operator], otherwise: &str) -> TagValue {
        TagValue::Format { format: formats::first_of(operators), rules: Rules::Chosen(otherwise.to_owned()) }
    }
}

/// What a proxy knows of itself: in a written identity, and in a node's metadata.
struct Own {
    written: fn(&LocalWorkload) -> &String,
    node: &'static [&'static str],
}

const WORKLOAD: Own = Own { written: |local| &local.workload, node: node::WORKLOAD };
const NAMESPACE: Own = Own { written: |local| &local.namespace, node: node::NAMESPACE };
const APP: Own = Own { written: |local| &local.app, node: node::APP };
const VERSION: Own = Own { written: |local| &local.version, node: node::VERSION };
const SERVICE: Own = Own { written: |local| &local.canonical_service, node: node::CANONICAL_SERVICE };
const REVISION: Own = Own { written: |local| &local.canonical_revision, node: node::SERVICE_REVISION };
const CLUSTER: Own = Own { written: |local| &local.cluster, node: node::CLUSTER };

impl Side {
    /// What a standard label shows of each request.
    pub fn value(&self, label: StandardLabel) -> TagValue {
        use StandardLabel as L;
        let format = |format: &str, rules| TagValue::Format { format: format.to_owned(), rules };
        match label {
            L::Reporter => TagValue::fixed(if self.is_client { "source" } else { "destination" }),
            L::RequestProtocol => format("%REQ(CONTENT-TYPE)%", Rules::Protocol),
            L::ResponseCode => format("%RESPONSE_CODE%", Rules::Stays),
            L::GrpcResponseStatus => format("%GRPC_STATUS_NUMBER%", Rules::Stays),
            L::ResponseFlags => format("%RESPONSE_FLAGS%", Rules::Stays),
            L::DestinationService => self.service(vec![formats::service_host()]),
            L::DestinationServiceName => self.service(formats::service_name().into()),
            label if self.is_client => self.at_client(label),
            label => self.at_server(label),
        }
    }

    fn at_client(&self, label: StandardLabel) -> TagValue {
        use StandardLabel as L;
        let called = |field, part, otherwise| {
            TagValue::of_peer(&[formats::called_or_endpoint(field, part)], otherwise)
        };
        let published = |field| formats::peer_field(formats::CALLED, field);
        // Certificates before what peers say of themselves.
        let namespaces =
            || [formats::namespace_of(formats::UPSTREAM_PEER), formats::called_or_endpoint("namespace", 1)];
        match label {
            L::SourceWorkload => self.own(&WORKLOAD),
            L::SourceWorkloadNamespace => self.own(&NAMESPACE),
            L::SourceApp => self.own(&APP),
            L::SourceVersion => self.own(&VERSION),
            L::SourceCanonicalService => self.own(&SERVICE),
            L::SourceCanonicalRevision => self.own(&REVISION),
            L::SourceCluster => self.own(&CLUSTER),
            L::SourcePrincipal => TagValue::chosen(formats::cel(formats::UPSTREAM_LOCAL)),
            L::DestinationPrincipal => TagValue::of_peer(
                &[formats::name_of(formats::UPSTREAM_PEER), published("identity")],
                UNKNOWN_VALUE,
            ),
            L::DestinationWorkload => called("workload", 0, UNKNOWN_VALUE),
            L::DestinationCanonicalService => called("service", 2, UNKNOWN_VALUE),
            L::DestinationCanonicalRevision => called("revision", 3, LATEST),
            L::DestinationCluster => called("cluster", 4, UNKNOWN_VALUE),
            L::DestinationApp => TagValue::of_peer(&[published("app")], UNKNOWN_VALUE),
            L::DestinationVersion => TagValue::of_peer(&[published("version")], UNKNOWN_VALUE),
            L::DestinationWorkloadNamespace => TagValue::of_peer(&namespaces(), UNKNOWN_VALUE),
            L::DestinationServiceNamespace => {
                let [of_certificate, of_endpoint] = namespaces();
                let all = [formats::service_namespace(), of_certificate, of_endpoint];
                TagValue::chosen(formats::first_of(&all))
            }
            // A client's proxy does not know how the server took the connection.
            _ => TagValue::unknown(),
        }
    }

    fn at_server(&self, label: StandardLabel) -> TagValue {
        use StandardLabel as L;
        let published = |field| formats::peer_field(formats::CALLER, field);
        let caller = |field, otherwise| TagValue::of_peer(&[published(field)], otherwise);
        match label {
            L::DestinationWorkload => self.own(&WORKLOAD),
            L::DestinationWorkloadNamespace | L::DestinationServiceNamespace => self.own(&NAMESPACE),
            L::DestinationApp => self.own(&APP),
            L::DestinationVersion => self.own(&VERSION),
            L::DestinationCanonicalService => self.own(&SERVICE),
            L::DestinationCanonicalRevision => self.own(&REVISION),
            L::DestinationCluster => self.own(&CLUSTER),
            L::SourcePrincipal => TagValue::chosen(formats::cel(formats::CONNECTION_PEER)),
            L::DestinationPrincipal => TagValue::chosen(formats::cel(formats::CONNECTION_LOCAL)),
            L::SourceWorkload => caller("workload", UNKNOWN_VALUE),
            // What a certificate says was checked; what a peer says of itself was not.
            L::SourceWorkloadNamespace => TagValue::of_peer(
                &[formats::namespace_of(formats::CONNECTION_PEER), published("namespace")],
                UNKNOWN_VALUE,
            ),
            L::SourceCanonicalService => caller("service", UNKNOWN_VALUE),
            L::SourceCanonicalRevision => caller("revision", LATEST),
            L::SourceApp => caller("app", UNKNOWN_VALUE),
            L::SourceVersion => caller("version", UNKNOWN_VALUE),
            L::SourceCluster => caller("cluster", UNKNOWN_VALUE),
            L::ConnectionSecurityPolicy => TagValue::Format {
                // The proxy's own name first: that one is not the client's to choose.
                format: "%DOWNSTREAM_LOCAL_URI_SAN%|%DOWNSTREAM_PEER_URI_SAN%".to_owned(),
                rules: Rules::SecurityPolicy,
            },
            _ => TagValue::unknown(),
        }
    }

    fn own(&self, own: &Own) -> TagValue {
        match &self.local {
            Some(local) => TagValue::fixed((own.written)(local)),
            None => TagValue::Format {
                format: formats::first_of(&[formats::node(own.node)]),
                rules: Rules::Stays,
            },
        }
    }

    /// A name of the service that was asked for: what is known of the cluster, else the header, else the server itself.
    fn service(&self, mut operators: Vec<Operator>) -> TagValue {
        if self.may_use_host_header {
            operators.push(formats::host_header());
        }
        if self.is_client {
            let format = formats::first_of(&operators);
            return match self.may_use_host_header {
                true => TagValue::chosen(format),
                false => TagValue::Format { format, rules: Rules::EmptyIs(UNKNOWN_VALUE.to_owned()) },
            };
        }
        match &self.local {
            Some(local) => TagValue::of_mesh(&operators, &clean_value(local.canonical_service.as_bytes())),
            None => {
                operators.push(formats::node(SERVICE.node));
                TagValue::of_mesh(&operators, "")
            }
        }
    }
}
