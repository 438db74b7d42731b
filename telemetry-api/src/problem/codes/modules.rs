//! Codes of what a plugin runs: where its module is, which one it is, and what it is told; and its script.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    MODULES:

    /// A URL that no module can be fetched from.
    BAD_MODULE_URL = "BG0242" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "`url` is empty, cannot be read, or has another scheme than `oci`, `http`, `https` and `file`. Without a \
                scheme it is an image; but in `localhost:5000/headers` what stands before the colon reads as the scheme.",
        matters: "No proxy can fetch the module.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: opt://headers.wasm
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
",
        },
    }

    /// A text that is not a SHA-256.
    BAD_DIGEST = "BG0243" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "`sha256` is neither empty nor 64 hex digits in lower case.",
        matters: "No module would ever have this digest, so every proxy would refuse it.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/module: ../filters/headers}
spec:
  url: https://modules.example/headers.wasm
  sha256: C2B4828F
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/module: ../filters/headers}
spec:
  url: https://modules.example/headers.wasm
  sha256: c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4
",
        },
    }

    /// A variable of a module that Istio refuses.
    BAD_VARIABLE = "BG0244" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A variable in `vmConfig.env` stands twice, takes its value from the proxy's environment and has one of \
                its own too, or is one of more than 256.",
        matters: "The document is refused.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  vmConfig:
    env:
    - {name: POD_NAME, valueFrom: HOST, value: hello-v1}
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  vmConfig:
    env:
    - {name: POD_NAME, valueFrom: HOST}
",
        },
    }

    /// A number that loses digits.
    INEXACT_NUMBER = "BG0245" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A number in `pluginConfig` has more digits than a number of double precision holds, which is how \
                configuration travels to a proxy.",
        matters: "The module gets another number than the one that is written.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  pluginConfig: {tenant: 12345678901234567890}
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  pluginConfig: {tenant: \"12345678901234567890\"}
",
        },
    }

    /// A variable that Istio keeps to itself.
    RESERVED_VARIABLE = "BG0246" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A variable's name begins with `ISTIO_META_`.",
        matters: "Istio takes such variables out before the module starts, without a word.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  vmConfig: {env: [{name: ISTIO_META_TENANT, value: shop}]}
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  vmConfig: {env: [{name: TENANT, value: shop}]}
",
        },
    }

    /// An image without a tag.
    NO_TAG = "BG0248" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "The module is an image without a tag and without a digest, be it in the URL or as `sha256`.",
        matters: "`latest` is meant, and which module that is depends on when a proxy asks. Unlike an image that is \
                  tagged `latest`, Istio keeps the first one that it fetched.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/module: ../filters/headers}
spec:
  url: oci://registry.example/headers
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/module: ../filters/headers}
spec:
  url: oci://registry.example/headers:1.0.0
",
        },
    }

    /// A module that can be replaced while it is fetched.
    UNSAFE_FETCH = "BG0249" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The module is fetched over plain HTTP, and no digest says which one is meant.",
        matters: "Whoever is on the way can put other code into the proxies.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/module: ../filters/headers}
spec:
  url: http://modules.example/headers.wasm
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/module: ../filters/headers}
spec:
  url: https://modules.example/headers.wasm
",
        },
    }

    /// A digest that nothing is compared with.
    DIGEST_IGNORED = "BG0250" {
        severity: Severity::Note,
        basis: Basis::Gap,
        means: "The module is a file, and `sha256` is there too.",
        matters: "Istio runs whatever lies there. Burgee compares the file with its digest where it has the file (BG0010), and \
                  a proxy elsewhere is told the digest: with a new one it notices that the file has another content, which \
                  it may not without (BG0623). It has to change with the file.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  sha256: c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers-1.4.wasm
",
        },
    }

    /// A signature that Istio does not look at.
    NOT_VERIFIED = "BG0251" {
        severity: Severity::Note,
        basis: Basis::Gap,
        means: "`verificationKey` is there.",
        matters: "Istio takes the field and looks at nothing: its proxies run a module that somebody else signed as well. \
                  What Burgee fetches has to be signed with this key.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  verificationKey: |
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqiLuArRcZCY1s650JgKUDpj7f+b8
    9Y9AEmZyqSvJX2FMOPLQG1pVNZiCdB7a1zFmWlrbkM0KMVKZkPNLCTYUGQ==
    -----END PUBLIC KEY-----
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
",
        },
    }

    /// A key to verify with that is none.
    BAD_KEY = "BG0255" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "`verificationKey` is not a public key in PEM.",
        matters: "Istio takes any text and looks at nothing. Burgee can verify no signature with it, so that the module \
                  cannot be had.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  verificationKey: our-key
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system, annotations: {burgee.dev/ignore: BG0251}}
spec:
  url: file:///opt/headers.wasm
  verificationKey: |
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqiLuArRcZCY1s650JgKUDpj7f+b8
    9Y9AEmZyqSvJX2FMOPLQG1pVNZiCdB7a1zFmWlrbkM0KMVKZkPNLCTYUGQ==
    -----END PUBLIC KEY-----
",
        },
    }

    /// An image with two digests.
    TWO_DIGESTS = "BG0256" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The URL names an image by its digest, and `sha256` is another one. For Istio both are the digest of the \
                image's manifest; for Burgee `sha256` may also be that of the image's index or of the module itself.",
        matters: "Istio finds no image that has both, so the module cannot be had.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: oci://registry.example/headers@sha256:c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: oci://registry.example/headers@sha256:c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4
",
        },
    }

    /// A script without a function that Envoy calls.
    SCRIPT_WITHOUT_FUNCTIONS = "BG0257" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A script has neither `envoy_on_request` nor `envoy_on_response`.",
        matters: "Envoy calls these two and nothing else, so the script does nothing to requests.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: marker, namespace: istio-system}
spec:
  lua:
    inlineCode: |
      function on_request(handle)
        handle:headers():add(\"x-marked\", \"yes\")
      end
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: marker, namespace: istio-system}
spec:
  lua:
    inlineCode: |
      function envoy_on_request(handle)
        handle:headers():add(\"x-marked\", \"yes\")
      end
",
        },
    }

    /// A script that is said to be a module.
    MODULE_OF_SCRIPT = "BG0258" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A document with a script in Lua has the annotation `burgee.dev/module`, which says where a Wasm module is.",
        matters: "The annotation has no effect: the script is run.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: marker, namespace: istio-system, annotations: {burgee.dev/module: ../filters/marker}}
spec:
  lua: {inlineCode: function envoy_on_request(handle) end}
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: marker, namespace: istio-system}
spec:
  lua: {inlineCode: function envoy_on_request(handle) end}
",
        },
    }

    /// A tag that may come to stand for another image.
    MOVING_TAG = "BG0226" {
        severity: Severity::Note,
        basis: Basis::Quirk,
        means: "The module is an image with a tag, nothing says its digest, and `imagePullPolicy` is not Always (which \
                is what is meant without one only if the tag is `latest`).",
        matters: "A proxy that has fetched the tag keeps what it has. When another image gets the tag, proxies that \
                  start later run other code than those that run already.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: oci://registry.example/headers:1.0
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: oci://registry.example/headers:1.0
  sha256: c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4
",
        },
    }
}
