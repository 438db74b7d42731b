//! Codes of a TrafficExtension or WasmPlugin beside its module: what it is for, whom it is for, and where it stands.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    PLUGINS:

    /// An extension that says nothing that could run, or two things.
    NO_CODE = "BG0254" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A TrafficExtension has neither `wasm` nor `lua`, or it has both.",
        matters: "Nothing says what is to run. A control plane leaves such a document out.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: headers, namespace: istio-system}
spec:
  phase: AUTHN
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: headers, namespace: istio-system}
spec:
  phase: AUTHN
  wasm:
    url: file:///opt/headers.wasm
",
        },
    }

    /// A plugin that lets requests through where it should keep them out.
    GUARD_FAILS_OPEN = "BG0247" {
        severity: Severity::Note,
        basis: Basis::Gap,
        means: "A plugin of the phase AUTHN or AUTHZ has the `failStrategy` FAIL_OPEN.",
        matters: "When its module cannot be had, or fails, whoever it would refuse is let through.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: keys, namespace: istio-system}
spec:
  url: file:///opt/keys.wasm
  phase: AUTHN
  failStrategy: FAIL_OPEN
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: keys, namespace: istio-system}
spec:
  url: file:///opt/keys.wasm
  phase: AUTHN
  failStrategy: FAIL_RELOAD
",
        },
    }

    /// A plugin that no workload gets.
    PLUGIN_WITHOUT_WORKLOAD = "BG0520" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "Workloads are among the documents, and none of them is one that the plugin is for: none is in its \
                namespace, or none is behind its target.",
        matters: "The plugin runs nowhere.",
        case: Case::Documents {
            wrong: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: default}
spec: {url: file:///opt/headers.wasm}
",
            right: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec: {url: file:///opt/headers.wasm}
",
        },
    }

    /// An entry of `match` that no traffic fits.
    MATCHES_NOTHING = "BG0521" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "An entry of `match` names ports or a mode, and no listener of the workloads that get the plugin has \
                such traffic.",
        matters: "The entry selects nothing. If it is the only one, the plugin runs nowhere.",
        case: Case::Documents {
            wrong: "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: hello, namespace: shop}
spec:
  hosts: [hello.shop.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]
  workloadSelector: {labels: {app: hello}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec:
  url: file:///opt/headers.wasm
  match: [{mode: SERVER, ports: [{number: 80}]}]
",
            right: "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: hello, namespace: shop}
spec:
  hosts: [hello.shop.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]
  workloadSelector: {labels: {app: hello}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec:
  url: file:///opt/headers.wasm
  match: [{mode: SERVER, ports: [{number: 8080}]}]
",
        },
    }

    /// A plugin without a priority beside one with a low one.
    UNSET_PRIORITY = "BG0522" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "Of two plugins of one phase, one has no priority and the other has one of 0 or less.",
        matters: "Istio's documentation says that a plugin without a priority has 0. What Istio does is rank it after \
                  all that have one.",
        case: Case::Documents {
            wrong: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: first, namespace: shop}
spec: {url: file:///opt/first.wasm}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: last, namespace: shop}
spec: {url: file:///opt/last.wasm, priority: -10}
",
            right: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: first, namespace: shop}
spec: {url: file:///opt/first.wasm, priority: 10}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: last, namespace: shop}
spec: {url: file:///opt/last.wasm, priority: -10}
",
        },
    }
}
