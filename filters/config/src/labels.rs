//! The 25 standard labels of Istio's metrics, in the order in which Istio emits them.

/// A standard label. The order of the variants is the order of emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is named as the label that it is; see `name`")]
pub enum StandardLabel {
    Reporter,
    SourceWorkload,
    SourceCanonicalService,
    SourceCanonicalRevision,
    SourceWorkloadNamespace,
    SourcePrincipal,
    SourceApp,
    SourceVersion,
    SourceCluster,
    DestinationWorkload,
    DestinationWorkloadNamespace,
    DestinationPrincipal,
    DestinationApp,
    DestinationVersion,
    DestinationService,
    DestinationCanonicalService,
    DestinationCanonicalRevision,
    DestinationServiceName,
    DestinationServiceNamespace,
    DestinationCluster,
    RequestProtocol,
    ResponseCode,
    GrpcResponseStatus,
    ResponseFlags,
    ConnectionSecurityPolicy,
}

impl StandardLabel {
    /// Every standard label, in the order of emission.
    pub const ALL: [StandardLabel; 25] = [
        StandardLabel::Reporter,
        StandardLabel::SourceWorkload,
        StandardLabel::SourceCanonicalService,
        StandardLabel::SourceCanonicalRevision,
        StandardLabel::SourceWorkloadNamespace,
        StandardLabel::SourcePrincipal,
        StandardLabel::SourceApp,
        StandardLabel::SourceVersion,
        StandardLabel::SourceCluster,
        StandardLabel::DestinationWorkload,
        StandardLabel::DestinationWorkloadNamespace,
        StandardLabel::DestinationPrincipal,
        StandardLabel::DestinationApp,
        StandardLabel::DestinationVersion,
        StandardLabel::DestinationService,
        StandardLabel::DestinationCanonicalService,
        StandardLabel::DestinationCanonicalRevision,
        StandardLabel::DestinationServiceName,
        StandardLabel::DestinationServiceNamespace,
        StandardLabel::DestinationCluster,
        StandardLabel::RequestProtocol,
        StandardLabel::ResponseCode,
        StandardLabel::GrpcResponseStatus,
        StandardLabel::ResponseFlags,
        StandardLabel::ConnectionSecurityPolicy,
    ];

    /// The label's name as Prometheus shows it.
    pub const fn name(self) -> &'static str {
        match self {
            StandardLabel::Reporter => "reporter",
            StandardLabel::SourceWorkload => "source_workload",
            StandardLabel::SourceCanonicalService => "source_canonical_service",
            StandardLabel::SourceCanonicalRevision => "source_canonical_revision",
            StandardLabel::SourceWorkloadNamespace => "source_workload_namespace",
            StandardLabel::SourcePrincipal => "source_principal",
            StandardLabel::SourceApp => "source_app",
            StandardLabel::SourceVersion => "source_version",
            StandardLabel::SourceCluster => "source_cluster",
            StandardLabel::DestinationWorkload => "destination_workload",
            StandardLabel::DestinationWorkloadNamespace => "destination_workload_namespace",
            StandardLabel::DestinationPrincipal => "destination_principal",
            StandardLabel::DestinationApp => "destination_app",
            StandardLabel::DestinationVersion => "destination_version",
            StandardLabel::DestinationService => "destination_service",
            StandardLabel::DestinationCanonicalService => "destination_canonical_service",
            StandardLabel::DestinationCanonicalRevision => "destination_canonical_revision",
            StandardLabel::DestinationServiceName => "destination_service_name",
            StandardLabel::DestinationServiceNamespace => "destination_service_namespace",
            StandardLabel::DestinationCluster => "destination_cluster",
            StandardLabel::RequestProtocol => "request_protocol",
            StandardLabel::ResponseCode => "response_code",
            StandardLabel::GrpcResponseStatus => "grpc_response_status",
            StandardLabel::ResponseFlags => "response_flags",
            StandardLabel::ConnectionSecurityPolicy => "connection_security_policy",
        }
    }

    /// The label of that name, if it is a standard one.
    pub fn from_name(name: &str) -> Option<StandardLabel> {
        StandardLabel::ALL.into_iter().find(|label| label.name() == name)
    }
}
