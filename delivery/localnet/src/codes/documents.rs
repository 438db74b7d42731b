//! Codes of documents that a mesh on loopback can make nothing of.

use burgee_api::problem::{Basis, Case, Severity};

/// A gateway that answers for hosts.
macro_rules! gateway {
    ($hosts:literal) => {
        concat!(
            "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [",
            $hosts,
            "]
---"
        )
    };
}

/// A workload without a sidecar that calls another.
macro_rules! bare_caller {
    () => {
        "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: front-v1
  namespace: shop
  annotations:
    burgee.dev/calls: http://hello.shop.internal/
    sidecar.istio.io/inject: \"false\"
spec:
  address: 127.0.0.1
  labels: {app: front}
---"
    };
}

/// Which connections everybody takes.
macro_rules! strict {
    ($mode:literal) => {
        concat!(
            "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec:
  mtls: {mode: ",
            $mode,
            "}
---"
        )
    };
}

/// A service, and what follows it.
macro_rules! service {
    ($name:literal) => {
        service!($name, "shop", "{number: 80, name: http, protocol: HTTP}")
    };
    ($name:literal, $namespace:literal, $port:literal) => {
        concat!(
            "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ",
            $name,
            ", namespace: ",
            $namespace,
            "}
spec:
  hosts: [",
            $name,
            ".shop.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [",
            $port,
            "]
  workloadSelector: {labels: {app: ",
            $name,
            "}}
---"
        )
    };
}

/// A workload, and what its metadata has beside names.
macro_rules! workload {
    ($name:literal) => {
        workload!($name, "shop", "")
    };
    ($name:literal, $namespace:literal, $more:literal) => {
        concat!(
            "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ",
            $name,
            "-v1, namespace: ",
            $namespace,
            $more,
            "}
spec: {address: 127.0.0.1, labels: {app: ",
            $name,
            "}}
---"
        )
    };
}

/// A mesh of one service that a gateway answers for, and what else there is.
macro_rules! mesh {
    ($($more:expr),*) => {
        concat!(gateway!("\"*\""), service!("hello"), workload!("hello") $(, $more)*)
    };
}

burgee_api::codes! {
    /// Codes of this area.
    DOCUMENTS:

    /// No gateway at all.
    NO_GATEWAY = "BG0401" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The folder has no Gateway (`networking.istio.io`).",
        matters: "Traffic enters a mesh on loopback through its gateways, so none could.",
        case: Case::Mesh { wrong: concat!(service!("hello"), workload!("hello")), right: mesh!() },
    }

    /// A service without a workload behind it.
    NO_WORKLOAD = "BG0402" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The `workloadSelector` of a ServiceEntry has labels that no WorkloadEntry of its namespace has.",
        matters: "Nothing serves it, so it is left out.",
        case: Case::Mesh {
            wrong: mesh!(service!("greeting")),
            right: mesh!(service!("greeting"), workload!("greeting")),
        },
    }

    /// A service without an HTTP port.
    NO_SERVED_PORT = "BG0403" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "No port of a ServiceEntry has one of the protocols HTTP, HTTP2, GRPC and TCP.",
        matters: "A mesh on loopback serves only those so far, so the service is left out.",
        case: Case::Mesh {
            wrong: mesh!(
                service!("greeting", "shop", "{number: 3306, name: mysql, protocol: MYSQL}"),
                "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: both, namespace: shop}
spec:
  hosts: [both.shop.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: greeting}}
---",
                workload!("greeting")
            ),
            right: mesh!(service!("greeting"), workload!("greeting")),
        },
    }

    /// A gateway's server that is not plain HTTP.
    NOT_PLAIN_HTTP = "BG0404" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "A server of a Gateway has TLS, or another protocol than HTTP, HTTP2, GRPC and GRPC-WEB.",
        matters: "A mesh on loopback does not open it.",
        case: Case::Mesh {
            wrong: mesh!(
                "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: database, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 5432, name: tcp, protocol: TCP}
    hosts: [\"*\"]
"
            ),
            right: mesh!(),
        },
    }

    /// A gateway's host that no service answers to.
    HOST_WITHOUT_SERVICE = "BG0405" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A server of a Gateway has a host that no ServiceEntry has, or that nothing here serves.",
        matters: "Requests for it would find nothing. The host may be misspelt.",
        case: Case::Mesh {
            wrong: concat!(
                gateway!("hello.shop.internal, helo.shop.internal"),
                service!("hello"),
                workload!("hello")
            ),
            right: concat!(gateway!("hello.shop.internal"), service!("hello"), workload!("hello")),
        },
    }

    /// A service that no gateway routes to and no app calls.
    SERVICE_WITHOUT_GATEWAY = "BG0406" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "A service has workloads, no server of a Gateway has its host, and no workload's annotation \
                `burgee.dev/calls` names it.",
        matters: "It gets no traffic, so nothing is seen of what documents ask of its workloads.",
        case: Case::Mesh {
            wrong: concat!(
                gateway!("hello.shop.internal"),
                service!("hello"),
                workload!("hello"),
                service!("greeting"),
                workload!("greeting")
            ),
            right: mesh!(service!("greeting"), workload!("greeting")),
        },
    }

    /// Nothing is reachable.
    NOTHING_REACHABLE = "BG0407" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "There are gateways, and none routes to any service.",
        matters: "There is nothing to send traffic to.",
        case: Case::Situation {
            wrong: "A folder with a Gateway and nothing that it could route to; warnings beside it say what is missing.",
            right: "It takes a Gateway with a plain HTTP server, a ServiceEntry whose host it answers for, and a \
                    WorkloadEntry that the ServiceEntry selects.",
        },
    }

    /// A service that lists its endpoints instead of selecting workloads.
    NO_SELECTOR = "BG0408" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A ServiceEntry has no `workloadSelector`.",
        matters: "What its endpoints are is outside of the mesh on loopback, and is not called from here.",
        case: Case::Mesh {
            wrong: mesh!(
                "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop}
spec:
  hosts: [outside.example]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 192.0.2.1}]
"
            ),
            right: mesh!(),
        },
    }

    /// A workload that no service selects.
    WORKLOAD_WITHOUT_SERVICE = "BG0409" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "No ServiceEntry selects a WorkloadEntry.",
        matters: "It runs and gets no traffic.",
        case: Case::Mesh {
            wrong: mesh!(workload!("greeting")),
            right: mesh!(service!("greeting"), workload!("greeting")),
        },
    }

    /// A host of a service that another service has at a gateway.
    HOST_TAKEN = "BG0410" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "Two services have the same host.",
        matters: "Requests for it go to the first only.",
        case: Case::Mesh {
            wrong: mesh!(
                service!("hello", "other", "{number: 80, name: http, protocol: HTTP}"),
                workload!("hello", "other", "")
            ),
            right: mesh!(),
        },
    }

    /// A service that only a receiver plays, since proxies report to it.
    COLLECTOR = "BG0411" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "A provider of the mesh names a service as its collector.",
        matters: "Burgee's own receiver stands in for it, so that what proxies report can be shown. Nothing has to be \
                  done.",
        case: Case::Mesh {
            wrong: mesh!(
                "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: observability}
spec:
  hosts: [otel.observability.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
---
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
"
            ),
            right: mesh!(),
        },
    }

    /// A call to what is not served.
    CALL_WITHOUT_SERVICE = "BG0412" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/calls` of a WorkloadEntry names a host that no service has, or one that \
                nothing here serves.",
        matters: "Each request to the workload would fail for it.",
        case: Case::Mesh {
            wrong: concat!(
                gateway!("\"*\""),
                service!("hello"),
                workload!("hello", "shop", ", annotations: {burgee.dev/calls: \"http://greetings.shop.internal\"}"),
                service!("greeting"),
                workload!("greeting")
            ),
            right: concat!(
                gateway!("\"*\""),
                service!("hello"),
                workload!("hello", "shop", ", annotations: {burgee.dev/calls: \"http://greeting.shop.internal\"}"),
                service!("greeting"),
                workload!("greeting")
            ),
        },
    }

    /// A call to a port that the service does not have.
    CALL_WITHOUT_PORT = "BG0413" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/calls` of a WorkloadEntry names a service at a port that it does not have, or \
                that is not HTTP.",
        matters: "Each request to the workload would fail for it.",
        case: Case::Mesh {
            wrong: concat!(
                gateway!("\"*\""),
                service!("hello"),
                workload!("hello", "shop", ", annotations: {burgee.dev/calls: \"http://greeting.shop.internal:8080\"}"),
                service!("greeting"),
                workload!("greeting")
            ),
            right: concat!(
                gateway!("\"*\""),
                service!("hello"),
                workload!("hello", "shop", ", annotations: {burgee.dev/calls: \"http://greeting.shop.internal\"}"),
                service!("greeting"),
                workload!("greeting")
            ),
        },
    }

    /// Apps that call each other in a circle.
    CALLS_IN_A_CIRCLE = "BG0414" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The annotations `burgee.dev/calls` make a circle.",
        matters: "A request that enters it never ends.",
        case: Case::Mesh {
            wrong: concat!(
                gateway!("\"*\""),
                service!("hello"),
                workload!("hello", "shop", ", annotations: {burgee.dev/calls: \"http://hello.shop.internal\"}")
            ),
            right: mesh!(),
        },
    }

    /// Calls of a gateway, which runs no app.
    CALLS_OF_GATEWAY = "BG0415" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A WorkloadEntry that serves a Gateway has the annotation `burgee.dev/calls`.",
        matters: "A gateway runs no app, so it calls nothing.",
        case: Case::Mesh {
            wrong: mesh!(
                "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: ingress
  namespace: istio-system
  annotations: {burgee.dev/calls: \"http://hello.shop.internal\"}
spec: {address: 127.0.0.1, labels: {istio: ingressgateway}}
"
            ),
            right: mesh!(
                "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ingress, namespace: istio-system}
spec: {address: 127.0.0.1, labels: {istio: ingressgateway}}
"
            ),
        },
    }
    /// A call in plain text to who takes none.
    PLAIN_CALL_REFUSED = "BG0417" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "A workload without a sidecar calls one whose sidecar takes mutual TLS only: a PeerAuthentication with the mode \
                STRICT is for it.",
        matters: "The connection is closed before anything is sent, and the proxy counts nothing: it does not know what was \
                  asked for.",
        case: Case::Mesh {
            wrong: mesh!(
                strict!("STRICT"),
                service!("front"),
                bare_caller!()
            ),
            right: mesh!(
                strict!("PERMISSIVE"),
                service!("front"),
                bare_caller!()
            ),
        },
    }

    /// Mutual TLS where there are no certificates.
    NO_CERTIFICATES = "BG0418" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "A PeerAuthentication lets workloads take mutual TLS, and the mesh is written for containers.",
        matters: "Nobody hands out certificates there, so everything is in plain text. `burgee up` does as the document says.",
        case: Case::Situation {
            wrong: "`burgee export compose` for documents with a PeerAuthentication whose mode is STRICT.",
            right: "Look at mutual TLS with `burgee up`, or put certificates and the mode into the folder by hand.",
        },
    }

}
