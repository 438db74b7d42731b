//! The standard labels of one side as formats: what `filters/stats` reads, said in the logger's words.

use burgee_filter_config::stat_name::clean_value;
use burgee_filter_config::stats::UNKNOWN_VALUE;
use burgee_filter_config::{LocalWorkload, StandardLabel};

use super::formats::{self, Operator};
use super::rules::Rules;
use crate::facts::Facts;

/// The default revision of a canonical service.
const LATEST: &str = "latest";

/// The side that a proxy reports, and what it knows.
#[derive(Debug)]
pub(crate) struct Side {
    /// The side that sends requests; otherwise the one that serves them.
    pub is_client: bool,
    /// Whether the Host header says which service is meant where nothing else does.
    pub may_use_host_header: bool,
    /// Who the proxy is.
    pub local: LocalWorkload,
    /// What can have a value.
    pub facts: Facts,
}

/// What a label shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagValue {
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

    /// What the mesh chose: its control plane, its certificates' signer, or a text that was cleaned. What is empty is
    /// otherwise.
    fn of_mesh(operators: &[Operator], otherwise: &str) -> TagValue {
        match operators {
            [] => TagValue::fixed(otherwise),
            _ => TagValue::Format {
                format: formats::first_of(operators),
                rules: Rules::EmptyIs(clean_value(otherwise.as_bytes())),
            },
        }
    }

    /// What a client can choose at will. What is empty or cannot be shown is unknown.
    pub fn chosen(format: String) -> TagValue {
        TagValue::Format { format, rules: Rules::Chosen(UNKNOWN_VALUE.to_owned()) }
    }

    /// What an endpoint or a certificate says. What cannot be shown is unknown.
    fn of_peer(operators: &[Operator], otherwise: &str) -> TagValue {
        match operators {
            [] => TagValue::fixed(otherwise),
            _ => TagValue::Format {
                format: formats::first_of(operators),
                rules: Rules::Chosen(otherwise.to_owned()),
            },
        }
    }

    /// Whether it is a text that somebody else chooses.
    pub fn is_chosen(&self) -> bool {
        matches!(self, TagValue::Format { rules: Rules::Chosen(_), .. })
    }

    /// Whether Envoy evaluates an expression for it.
    pub fn is_dear(&self) -> bool {
        match self {
            TagValue::Fixed(_) => false,
            TagValue::Format { format, .. } => formats::is_dear(format),
        }
    }
}

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
            L::DestinationService => self.service(self.of_clusters(|| vec![formats::service_host()])),
            L::DestinationServiceName => self.service(self.service_name()),
            label if self.is_client => self.at_client(label),
            label => self.at_server(label),
        }
    }

    /// What clusters and endpoints say, where they say anything.
    fn of_clusters(&self, operators: impl FnOnce() -> Vec<Operator>) -> Vec<Operator> {
        if self.facts.have_clusters_a_say { operators() } else { Vec::new() }
    }

    /// What callers' certificates say, where there can be any.
    fn of_callers(&self, operators: impl FnOnce() -> Vec<Operator>) -> Vec<Operator> {
        if self.facts.may_callers_have_certificates { operators() } else { Vec::new() }
    }

    /// What a peer published of itself, where peers do.
    fn published(&self, peer: &str, field: &str) -> Vec<Operator> {
        if self.facts.has_peers { vec![formats::peer_field(peer, field)] } else { Vec::new() }
    }

    fn at_client(&self, label: StandardLabel) -> TagValue {
        use StandardLabel as L;
        let published = |field| self.published(formats::CALLED, field);
        let called = |field, part, otherwise| {
            let of_endpoint = self.of_clusters(|| vec![formats::endpoint(part)]);
            match of_endpoint.is_empty() {
                true => TagValue::of_mesh(&published(field), otherwise),
                false => TagValue::of_peer(&[published(field), of_endpoint].concat(), otherwise),
            }
        };
        // Certificates before what peers say of themselves.
        let of_certificate = || self.of_clusters(|| vec![formats::namespace_of(formats::SERVER_NAME)]);
        let of_endpoint = || self.of_clusters(|| vec![formats::endpoint(1)]);
        match label {
            L::SourceWorkload => TagValue::fixed(&self.local.workload),
            L::SourceWorkloadNamespace => TagValue::fixed(&self.local.namespace),
            L::SourceApp => TagValue::fixed(&self.local.app),
            L::SourceVersion => TagValue::fixed(&self.local.version),
            L::SourceCanonicalService => TagValue::fixed(&self.local.canonical_service),
            L::SourceCanonicalRevision => TagValue::fixed(&self.local.canonical_revision),
            L::SourceCluster => TagValue::fixed(&self.local.cluster),
            L::SourcePrincipal => {
                TagValue::of_mesh(&self.of_clusters(|| vec![formats::SERVER_LOCAL]), UNKNOWN_VALUE)
            }
            L::DestinationPrincipal => {
                let of_certificate = self.of_clusters(|| vec![formats::SERVER_PEER]);
                TagValue::of_peer(&[of_certificate, published("identity")].concat(), UNKNOWN_VALUE)
            }
            L::DestinationWorkload => called("workload", 0, UNKNOWN_VALUE),
            L::DestinationCanonicalService => called("service", 2, UNKNOWN_VALUE),
            L::DestinationCanonicalRevision => called("revision", 3, LATEST),
            L::DestinationCluster => called("cluster", 4, UNKNOWN_VALUE),
            L::DestinationApp => TagValue::of_mesh(&published("app"), UNKNOWN_VALUE),
            L::DestinationVersion => TagValue::of_mesh(&published("version"), UNKNOWN_VALUE),
            L::DestinationWorkloadNamespace => TagValue::of_peer(
                &[of_certificate(), published("namespace"), of_endpoint()].concat(),
                UNKNOWN_VALUE,
            ),
            L::DestinationServiceNamespace => {
                let of_service = self.of_clusters(|| vec![formats::service_namespace()]);
                let all = [of_service, of_certificate(), published("namespace"), of_endpoint()].concat();
                TagValue::of_peer(&all, UNKNOWN_VALUE)
            }
            // A client's proxy does not know how the server took the connection.
            _ => TagValue::unknown(),
        }
    }

    fn at_server(&self, label: StandardLabel) -> TagValue {
        use StandardLabel as L;
        let published = |field| self.published(formats::CALLER, field);
        let caller = |field, otherwise| TagValue::of_mesh(&published(field), otherwise);
        match label {
            L::DestinationWorkload => TagValue::fixed(&self.local.workload),
            L::DestinationWorkloadNamespace | L::DestinationServiceNamespace => {
                TagValue::fixed(&self.local.namespace)
            }
            L::DestinationApp => TagValue::fixed(&self.local.app),
            L::DestinationVersion => TagValue::fixed(&self.local.version),
            L::DestinationCanonicalService => TagValue::fixed(&self.local.canonical_service),
            L::DestinationCanonicalRevision => TagValue::fixed(&self.local.canonical_revision),
            L::DestinationCluster => TagValue::fixed(&self.local.cluster),
            L::SourcePrincipal => {
                TagValue::of_peer(&self.of_callers(|| vec![formats::CONNECTION_PEER]), UNKNOWN_VALUE)
            }
            L::DestinationPrincipal => {
                TagValue::of_mesh(&self.of_callers(|| vec![formats::CONNECTION_LOCAL]), UNKNOWN_VALUE)
            }
            L::SourceWorkload => caller("workload", UNKNOWN_VALUE),
            // What a certificate says was checked; what a peer says of itself was not.
            L::SourceWorkloadNamespace => {
                let of_certificate = self.of_callers(|| vec![formats::namespace_of(formats::PEER_NAME)]);
                match of_certificate.is_empty() {
                    true => caller("namespace", UNKNOWN_VALUE),
                    false => {
                        TagValue::of_peer(&[of_certificate, published("namespace")].concat(), UNKNOWN_VALUE)
                    }
                }
            }
            L::SourceCanonicalService => caller("service", UNKNOWN_VALUE),
            L::SourceCanonicalRevision => caller("revision", LATEST),
            L::SourceApp => caller("app", UNKNOWN_VALUE),
            L::SourceVersion => caller("version", UNKNOWN_VALUE),
            L::SourceCluster => caller("cluster", UNKNOWN_VALUE),
            L::ConnectionSecurityPolicy if self.facts.may_callers_have_certificates => TagValue::Format {
                // The proxy's own name first: that one is not the client's to choose.
                format: "%DOWNSTREAM_LOCAL_URI_SAN%|%DOWNSTREAM_PEER_URI_SAN%".to_owned(),
                rules: Rules::SecurityPolicy,
            },
            L::ConnectionSecurityPolicy => TagValue::fixed("none"),
            _ => TagValue::unknown(),
        }
    }

    /// A short name of the service. What Istio calls unknown traffic stands beside what clusters say: it is by the names
    /// of routes and clusters, which any base may use.
    fn service_name(&self) -> Vec<Operator> {
        self.of_clusters(|| formats::service_name().into())
    }

    /// A name of the service that was asked for: what is known of the cluster, else the header, else the server itself.
    fn service(&self, mut operators: Vec<Operator>) -> TagValue {
        if self.may_use_host_header {
            operators.push(formats::host_header());
        }
        match self.is_client {
            true if self.may_use_host_header => TagValue::chosen(formats::first_of(&operators)),
            true => TagValue::of_mesh(&operators, UNKNOWN_VALUE),
            false => TagValue::of_mesh(&operators, &self.local.canonical_service),
        }
    }
}
