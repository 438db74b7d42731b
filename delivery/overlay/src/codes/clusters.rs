//! Codes of the clusters that lead to collectors.

use burgee_api::problem::{Basis, Case, Laid, Severity};

use super::examples::{ASKS_FOR_CLUSTERS, BASE, MESH_SERVICE, MESH_SERVICE_AT, TRACES, ZIPKIN};

burgee_api::codes! {
    /// Codes of this area.
    CLUSTERS:

    /// A collector that the base has no cluster for.
    NO_CLUSTER = "BG0618" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "The documents have proxies log to a cluster that the base does not have, and nothing says where it would \
                lead to, so that it could be added.",
        matters: "Envoy starts without it and drops what it would send.",
        case: Case::Base {
            wrong: Laid { documents: MESH_SERVICE, base: BASE },
            right: Laid { documents: MESH_SERVICE_AT, base: BASE },
        },
    }

    /// A base that leaves no place for clusters.
    NO_PLACE_FOR_CLUSTERS = "BG0630" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "The documents need a cluster that the base does not have, and its list of clusters is no list.",
        matters: "The cluster cannot be added, and Envoy refuses the base.",
        case: Case::Base {
            wrong: Laid {
                documents: TRACES,
                base: "
dynamic_resources: {lds_config: {path_config_source: {path: /etc/envoy/listeners.yaml}}}
static_resources: {clusters: none}
",
            },
            right: Laid {
                documents: TRACES,
                base: "
dynamic_resources: {lds_config: {path_config_source: {path: /etc/envoy/listeners.yaml}}}
static_resources: {clusters: []}
",
            },
        },
    }

    /// Clusters that have to come from elsewhere.
    AWAITED_CLUSTERS = "BG0631" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "Configuration that was laid over the base refers to clusters which are not in it and have no place in it: \
                the bootstrap asks somebody else for its clusters, or the base is a file of listeners.",
        matters: "Whoever serves the clusters has to have them. A control plane of Istio has those of every service that \
                  it knows. Without them, what would be sent is dropped; and a listener with Zipkin's or Datadog's tracer is \
                  refused.",
        case: Case::Situation {
            wrong: "`burgee render` of a provider of access logs over a file of listeners alone.",
            right: "Render the file of clusters with the same documents too: those that it lacks are added to it.",
        },
    }

    /// A tracer whose cluster would come after its listener.
    CLUSTER_TOO_LATE = "BG0640" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "Spans are to go to Zipkin or Datadog from a listener of the bootstrap itself, and the cluster that leads \
                there is not in the bootstrap: it asks somebody else for its clusters.",
        matters: "Envoy makes such a tracer only where the cluster is there already, and would not start. So the listener \
                  gets no traces. Other kinds of tracers wait for their cluster.",
        case: Case::Base {
            wrong: Laid { documents: ZIPKIN, base: ASKS_FOR_CLUSTERS },
            right: Laid { documents: TRACES, base: ASKS_FOR_CLUSTERS },
        },
    }

    /// One cluster that has to speak HTTP/1.1 and HTTP/2.
    TWO_PROTOCOLS = "BG0632" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "Two providers send to one port of one host, the one by gRPC and the other by HTTP/1.1. In Istio both go \
                through the same cluster, which speaks one of the two; here that is HTTP/2.",
        matters: "What comes by HTTP goes to a collector that may not understand HTTP/2, and is lost then.",
        case: Case::Situation {
            wrong: "A provider of kind `envoyOtelAls` and one of kind `zipkin`, both at port 4317 of one service.",
            right: "Give each its own port, as collectors have: 4317 for gRPC, 4318 for OTLP over HTTP, 9411 for Zipkin.",
        },
    }
}
