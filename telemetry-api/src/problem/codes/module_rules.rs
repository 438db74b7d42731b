//! Codes of which modules may be used, and of the Secrets that they are fetched with.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    MODULE_RULES:

    /// A plugin that the mesh's rules do not let be used.
    MODULE_REFUSED = "BG0266" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The ConfigMap `burgee-modules` of the root namespace has a rule for the plugin's namespace, and by it the \
                module may not be used: it comes from elsewhere, is not named by its digest, is one too many for a \
                workload, or is a script where there may be none. Images are compared as docker reads them: without a \
                registry they are of docker.io, and without a tag they are `latest`.",
        matters: "The plugin is not given to any proxy. Where documents are published all the same, the workload does \
                  what the plugin's `failStrategy` says of a module that cannot be had.",
        case: Case::Documents {
            wrong: "
apiVersion: v1
kind: ConfigMap
metadata: {name: burgee-modules, namespace: istio-system}
data:
  rules: |
    - allow: [\"oci://ghcr.io/acme/*\"]
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop, annotations: {burgee.dev/module: ../filters/headers}}
spec:
  url: oci://ghcr.io/someone/headers:1.0.0
  imagePullPolicy: Always
",
            right: "
apiVersion: v1
kind: ConfigMap
metadata: {name: burgee-modules, namespace: istio-system}
data:
  rules: |
    - allow: [\"oci://ghcr.io/acme/*\"]
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop, annotations: {burgee.dev/module: ../filters/headers}}
spec:
  url: oci://ghcr.io/acme/headers:1.0.0
  imagePullPolicy: Always
",
        },
    }

    /// Rules about modules in a namespace where they do not count.
    RULES_ELSEWHERE = "BG0267" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A ConfigMap `burgee-modules` is in another namespace than the mesh's root namespace.",
        matters: "Whoever administers the mesh decides what its namespaces may use. Anywhere else the rules have no effect.",
        case: Case::Documents {
            wrong: "
apiVersion: v1
kind: ConfigMap
metadata: {name: burgee-modules, namespace: shop}
data:
  rules: |
    - lua: false
",
            right: "
apiVersion: v1
kind: ConfigMap
metadata: {name: burgee-modules, namespace: istio-system}
data:
  rules: |
    - namespaces: [shop]
      lua: false
",
        },
    }

    /// A Secret that no registry can be asked with.
    BAD_PULL_SECRET = "BG0268" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "`imagePullSecret` names a Secret that is of another type than `kubernetes.io/dockerconfigjson`, or that \
                does not hold what its type says.",
        matters: "Istio's proxies refuse to fetch the module then, and do what `failStrategy` says.",
        case: Case::Documents {
            wrong: "
apiVersion: v1
kind: Secret
metadata: {name: registry, namespace: shop}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: \"registry.example\"}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop, annotations: {burgee.dev/module: ../filters/headers}}
spec:
  url: oci://registry.example/headers:1.0.0
  imagePullPolicy: Always
  imagePullSecret: registry
",
            right: "
apiVersion: v1
kind: Secret
metadata: {name: registry, namespace: shop}
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{\"auths\": {\"registry.example\": {\"auth\": \"YTpi\"}}}'
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop, annotations: {burgee.dev/module: ../filters/headers}}
spec:
  url: oci://registry.example/headers:1.0.0
  imagePullPolicy: Always
  imagePullSecret: registry
",
        },
    }

    /// A Secret that is not among the documents.
    NO_PULL_SECRET = "BG0269" {
        severity: Severity::Note,
        basis: Basis::Gap,
        means: "`imagePullSecret` names a Secret, and the documents have Secrets of that namespace, but not this one.",
        matters: "If it is not in the cluster either, the module cannot be fetched.",
        case: Case::Documents {
            wrong: "
apiVersion: v1
kind: Secret
metadata: {name: registry, namespace: shop}
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{\"auths\": {\"registry.example\": {\"auth\": \"YTpi\"}}}'
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop, annotations: {burgee.dev/module: ../filters/headers}}
spec:
  url: oci://registry.example/headers:1.0.0
  imagePullPolicy: Always
  imagePullSecret: registry-key
",
            right: "
apiVersion: v1
kind: Secret
metadata: {name: registry, namespace: shop}
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{\"auths\": {\"registry.example\": {\"auth\": \"YTpi\"}}}'
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop, annotations: {burgee.dev/module: ../filters/headers}}
spec:
  url: oci://registry.example/headers:1.0.0
  imagePullPolicy: Always
  imagePullSecret: registry
",
        },
    }
}
