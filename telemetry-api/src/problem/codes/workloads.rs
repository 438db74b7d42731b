//! Codes of who a workload is, and of documents that need what this version does not serve.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    WORKLOADS:

    /// A proxy's node that does not say which workload it is.
    NODE = "BG0120" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The `node` of an Envoy configuration has neither an id in Istio's layout (four parts, separated by `~`) \
                nor a namespace and a name in its metadata, or one of them is not a text.",
        matters: "Documents select workloads by namespace and labels. Without them nothing can be said about the proxy.",
        case: Case::Situation {
            wrong: "`burgee render --base envoy.yaml -f documents/` without `--workload`, over a base that has \
                    `node: {id: web-1}`.",
            right: "Name the workload with `--workload NAMESPACE/NAME` and `--labels`, or write a node as Istio's \
                    proxies have: `id: sidecar~10.1.2.3~web-v1.shop~shop.svc.cluster.local` and `metadata` with \
                    `NAMESPACE`, `WORKLOAD_NAME` and `LABELS`.",
        },
    }

    /// A workload that is a waypoint.
    WAYPOINT = "BG0121" {
        severity: Severity::Error,
        basis: Basis::NotYet,
        means: "The workload is a waypoint: its node's id begins with `waypoint~`, or it has the label \
                `gateway.istio.io/managed: istio.io-mesh-controller`, or the Gateway that it serves is of the class \
                `istio-waypoint`.",
        matters: "A waypoint serves many services, each with documents of its own. Treated as a gateway it would \
                  get the wrong ones.",
        case: Case::Situation {
            wrong: "`burgee render --base waypoint.yaml -f documents/` over the bootstrap of a waypoint.",
            right: "Leave waypoints as they are; render for sidecars and gateways.",
        },
    }

    /// A target that only waypoints have.
    NEEDS_WAYPOINT = "BG0122" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "A document names a Service, a ServiceEntry or a GatewayClass in `targetRefs`, or a Gateway that is a \
                waypoint. Of these only waypoints, which serve whole services, get anything, and documents are not \
                resolved for waypoints yet.",
        matters: "Nothing comes of the target. Sidecars and gateways never get it, in Istio neither.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  targetRefs: [{kind: Service, name: hello}]
  accessLogging: [{providers: [{name: envoy}]}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  accessLogging: [{providers: [{name: envoy}]}]
",
        },
    }

    /// A gateway that a document is for and that is not there.
    NO_TARGET = "BG0123" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "Gateways of the Gateway API are among the documents, and none of this name is in the namespace of the \
                document that is for it. Without any such gateway among the documents this is not told.",
        matters: "Nothing comes of the target.",
        case: Case::Documents {
            wrong: "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: entry, namespace: shop}
spec: {gatewayClassName: istio}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: at-entry, namespace: shop}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: enty}]
  accessLogging: [{providers: [{name: envoy}]}]
",
            right: "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: entry, namespace: shop}
spec: {gatewayClassName: istio}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: at-entry, namespace: shop}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: entry}]
  accessLogging: [{providers: [{name: envoy}]}]
",
        },
    }

    /// A selector whose labels do not count at a gateway.
    GATEWAY_LABELS = "BG0124" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The workload of a gateway of the Gateway API has the labels of a selector, and its control plane has \
                `ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY` set to false: what selects by labels is then not for it. \
                Istio's default is true.",
        matters: "The document has no effect at the gateway.",
        analyzer: "IST0166 is told whether or not the setting is false.",
        case: Case::Documents {
            wrong: "
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec:
  template:
    metadata: {labels: {app: istiod}}
    spec:
      containers:
      - name: discovery
        env: [{name: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY, value: \"false\"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: entry-istio, namespace: shop}
spec:
  template:
    metadata: {labels: {app: entry, gateway.networking.k8s.io/gateway-name: entry}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: at-entry, namespace: shop}
spec:
  selector: {matchLabels: {app: entry}}
  accessLogging: [{providers: [{name: envoy}]}]
",
            right: "
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec:
  template:
    metadata: {labels: {app: istiod}}
    spec:
      containers:
      - name: discovery
        env: [{name: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY, value: \"false\"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: entry-istio, namespace: shop}
spec:
  template:
    metadata: {labels: {app: entry, gateway.networking.k8s.io/gateway-name: entry}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: at-entry, namespace: shop}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: entry}]
  accessLogging: [{providers: [{name: envoy}]}]
",
        },
    }

    /// A setting of a control plane that it cannot read.
    ODD_SETTING = "BG0125" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "The process of a control plane is given a value that is no boolean for a setting that decides what \
                applies to whom.",
        matters: "The default holds.",
        case: Case::Documents {
            wrong: "
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec:
  template:
    metadata: {labels: {app: istiod}}
    spec:
      containers:
      - name: discovery
        env: [{name: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY, value: \"no\"}]
",
            right: "
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec:
  template:
    metadata: {labels: {app: istiod}}
    spec:
      containers:
      - name: discovery
        env: [{name: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY, value: \"false\"}]
",
        },
    }

    /// A configuration of a pod's own proxy that is not read.
    PROXY_CONFIG_NOT_READ = "BG0416" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "Pods have the annotation `proxy.istio.io/config`, and it says something of traces or of an access log \
                service. In Istio that goes over the mesh's `defaultConfig` for these pods.",
        matters: "The mesh's own holds here for these pods too.",
        case: Case::Documents {
            wrong: "
apiVersion: v1
kind: Pod
metadata:
  name: hello
  namespace: shop
  labels: {app: hello}
  annotations: {proxy.istio.io/config: \"{tracing: {sampling: 10}}\"}
spec: {containers: [{name: hello}]}
",
            right: "
apiVersion: v1
kind: Pod
metadata: {name: hello, namespace: shop, labels: {app: hello}}
spec: {containers: [{name: hello}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    defaultConfig:
      tracing: {sampling: 10}
",
        },
    }
}
