//! Codes of expressions in CEL, and of the filters and tags that are made of them or stand beside them.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    EXPRESSIONS:

    /// An expression that is not CEL.
    BAD_EXPRESSION = "BG0209" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "The value of a tag, or a filter of access logs, does not parse as an expression in CEL.",
        matters: "Envoy refuses the configuration that holds it. Istio parses filters when a document is applied, and \
                  does not look at the values of tags.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code => 400}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code >= 400}
",
        },
    }

    /// An expression that names no attribute.
    UNKNOWN_ATTRIBUTE = "BG0210" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "An expression uses a name that is no attribute of Envoy's: it is misspelt, or a text that lacks its \
                quotes. A text in CEL stands in quotes of its own inside the value.",
        matters: "A tag is `unknown` for every request, and a filter lets nothing through.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {environment: {value: production}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {environment: {value: \"'production'\"}}
",
        },
    }

    /// A function that Envoy does not have in a tag of metrics.
    UNKNOWN_FUNCTION = "BG0231" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The value of a tag of metrics calls a function that Envoy does not have, or with other arguments than it \
                takes. The functions of CEL's extensions, such as `split` and `lowerAscii`, are not there.",
        matters: "Metrics do without the tag: its expression cannot be made ready.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {api: {value: \"request.url_path.substring(0, 4) == '/api' ? 'yes' : 'no'\"}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {api: {value: \"request.url_path.startsWith('/api') ? 'yes' : 'no'\"}}
",
        },
    }

    /// A function that Envoy does not have where it writes access logs.
    UNKNOWN_FUNCTION_OF_LOGS = "BG0232" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "A filter of access logs, or the operator `%CEL(…)%` of a format, calls a function that Envoy does not have \
                there. It has fewer than tags of metrics have: no `string`, and none of `all`, `exists`, `exists_one`, \
                `filter` and `map`.",
        matters: "Envoy refuses the listener as a whole. Istio only looks whether a filter parses.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: \"string(response.code).startsWith('5')\"}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code >= 500}
",
        },
    }

    /// Texts that are put together where Envoy does not.
    JOINED_IN_LOGS = "BG0233" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A filter of access logs, or the operator `%CEL(…)%` of a format, puts texts or lists together with `+`. \
                Envoy does that in tags of metrics alone.",
        matters: "What stands around it has no value: a filter is not true, and a field is empty.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: \"request.host + request.path == 'shop.example/'\"}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: \"request.host == 'shop.example' && request.path == '/'\"}
",
        },
    }

    /// A custom tag of a trace that Istio refuses.
    BAD_CUSTOM_TAG = "BG0218" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A custom tag of spans has no source, two sources, an empty value or an empty name. Its source is one of \
                `literal`, `environment`, `header` and `formatter`. A tag without any is left out of `defaultConfig.tracing`, \
                with Istio as here, and that is a warning; that of a Telemetry Istio passes on to Envoy, which refuses the \
                listener.",
        matters: "The document is refused as a whole.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - customTags:
      tenant: {header: {name: x-tenant}, literal: {value: none}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - customTags:
      tenant: {header: {name: x-tenant, defaultValue: none}}
",
        },
    }

    /// A filter of access logs that belongs to no provider.
    FILTER_WITHOUT_PROVIDER = "BG0220" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "An entry of `accessLogging` has a filter and names no provider.",
        matters: "A filter belongs to the providers that its own entry names. Here it is dropped, and everything is \
                  logged.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
  - filter: {expression: response.code >= 400}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code >= 400}
",
        },
    }

    /// A filter of access logs that is neither true nor false.
    FILTER_NOT_BOOLEAN = "BG0221" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The filter of an entry of `accessLogging` is a number or a text, such as an attribute that is compared \
                with nothing.",
        matters: "Envoy logs what the filter is true for, and this one never is.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code >= 500}
",
        },
    }
}
