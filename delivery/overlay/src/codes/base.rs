//! Codes of a base: how it is written, and what it cannot carry.

use burgee_api::problem::{Basis, Case, Laid, Severity};

use super::examples::{BASE, BY_CHANCE, LOGS, METRICS, TRACES_OFF, WITH_COLLECTOR, base};

burgee_api::codes! {
    /// Codes of this area.
    BASES:

    /// A class that is given for a listener that the base does not have.
    UNKNOWN_LISTENER = "BG0600" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "`burgee render` is told the class of a listener (`--class NAME=CLASS`), and the base has none of that \
                name.",
        matters: "The listener that is meant would be taken for what its traffic direction says, and get what is not \
                  for it.",
        case: Case::Situation {
            wrong: "`burgee render --class frnt=inbound` over a base whose listener is `front`.",
            right: "Give the name that the base has; the message lists them.",
        },
    }

    /// An HTTP connection manager without HTTP filters.
    NO_HTTP_FILTERS = "BG0601" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "The documents ask for something where the base has an HTTP connection manager without any HTTP filter.",
        matters: "Without a filter that ends the chain it serves nothing, and nothing can be put before one. It is left \
                  as it is.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: "
static_resources:
  listeners:
  - name: web
    traffic_direction: INBOUND
    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
",
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A listener that carries no HTTP.
    NO_HTTP = "BG0602" {
        severity: Severity::Note,
        basis: Basis::Quirk,
        means: "The documents ask for what only HTTP has, and a listener of the base carries none; or for metrics, and the \
                listener has no `tcp_proxy` either.",
        matters: "The listener gets no traces and no plugins. Metrics it gets of its connections, if a `tcp_proxy` ends its \
                  filter chains: not where another filter does.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: "
static_resources:
  listeners:
  - name: database
    traffic_direction: INBOUND
    address: {socket_address: {address: 127.0.0.1, port_value: 5432}}
    filter_chains:
    - filters:
      - name: echo
        typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}
",
            },
            right: Laid {
                documents: METRICS,
                base: "
static_resources:
  listeners:
  - name: database
    traffic_direction: INBOUND
    address: {socket_address: {address: 127.0.0.1, port_value: 5432}}
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: database
          cluster: database
",
            },
        },
    }

    /// A stats_matcher that keeps our metrics out.
    MATCHER_DROPS = "BG0603" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "The `stats_matcher` of the base's bootstrap drops the names that our metrics have in Envoy.",
        matters: "The filter counts, and nothing of it is ever shown.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: base!(top: "stats_config: {stats_matcher: {inclusion_list: {patterns: [{prefix: cluster.}]}}}"),
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A last HTTP filter that is no router.
    NOT_A_ROUTER = "BG0605" {
        severity: Severity::Note,
        basis: Basis::Envoy,
        means: "The last HTTP filter of a chain is of another type than Envoy's router.",
        matters: "Ours go before it, because the last filter has to be the one that ends the chain. If it only passes \
                  requests on, Envoy refuses the base with or without ours.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: "
static_resources:
  listeners:
  - name: web
    traffic_direction: INBOUND
    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          http_filters:
          - name: respond
            typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm}
",
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A label that no metric can show.
    BAD_LABEL = "BG0606" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "A policy has a tag whose name cannot be the name of a label.",
        matters: "Envoy shows the metrics without it.",
        case: Case::Situation {
            wrong: "A program that uses the overlay as a library lays a policy with the tag `request-method`. Documents \
                    with such a tag are refused before (BG0219).",
            right: "Letters, digits and `_`, and no digit in front: `request_method`.",
        },
    }

    /// A bootstrap without the node's name, where Envoy needs it.
    NO_NODE = "BG0607" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "Configuration of filters is delivered by name (ECDS), and the base's bootstrap has no `node.id` or no \
                `node.cluster`.",
        matters: "Envoy subscribes to nothing without them, not even to a file, and does not start.",
        case: Case::Situation {
            wrong: "A program that uses the overlay as a library delivers filters by name, over a bootstrap without \
                    `node`.",
            right: "Write `node: {id: web-1, cluster: web}` into the base, or start Envoy with --service-node and \
                    --service-cluster.",
        },
    }

    /// A tag of the base's that a label of ours has the name of.
    TAKEN_TAG = "BG0608" {
        severity: Severity::Note,
        basis: Basis::Envoy,
        means: "The base gives every metric a tag of a fixed value, and an Istio metric has a label of that name.",
        matters: "Envoy takes the first that fits. Ours is put before it, so Istio's metrics show their own value and \
                  all others the base's.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: base!(top: "stats_config: {stats_tags: [{tag_name: reporter, fixed_value: edge}]}"),
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// Something of the base's that has a name of ours.
    NAME_OF_OURS = "BG0609" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A filter, a tracer or an access log of the base has a name such as Burgee gives, and is none of its own.",
        matters: "It stays as it is. Whoever reads the configuration takes it for what Burgee laid there.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: base!(filter: "{name: burgee.stats.mine, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm}}"),
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A base that holds nothing.
    EMPTY_BASE = "BG0610" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "The base is empty, or holds only comments.",
        matters: "There is nothing to lay documents over.",
        case: Case::Base {
            wrong: Laid { documents: METRICS, base: "# The proxy's bootstrap goes here." },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A base of several documents.
    SEVERAL_DOCUMENTS = "BG0611" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "The base is a file of several YAML documents.",
        matters: "Envoy reads the first and drops the others without a word.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: "
node: {id: web-1, cluster: web}
---
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 15000}}}
",
            },
            right: Laid {
                documents: METRICS,
                base: "
node: {id: web-1, cluster: web}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 15000}}}
",
            },
        },
    }

    /// A key of the base that is no name.
    BAD_KEY = "BG0612" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "A key in the base is a list or a mapping, which YAML allows.",
        matters: "Envoy refuses the file. Often a template was not filled in, such as `{{ port }}`.",
        case: Case::Base {
            wrong: Laid { documents: METRICS, base: "node:\n  id: web-1\n  {{ name }}: web" },
            right: Laid { documents: METRICS, base: "node:\n  id: web-1\n  cluster: web" },
        },
    }

    /// A base that is not JSON.
    NOT_JSON = "BG0613" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "The base's name ends in `.json`, or its text begins like JSON, and it cannot be read as JSON.",
        matters: "Envoy refuses the file.",
        case: Case::Base {
            wrong: Laid { documents: METRICS, base: "{\"node\": {\"id\": \"web-1\", \"cluster\": \"web\",}}" },
            right: Laid { documents: METRICS, base: "{\"node\": {\"id\": \"web-1\", \"cluster\": \"web\"}}" },
        },
    }

    /// An HTTP connection manager in a form that cannot be changed.
    SEALED_MANAGER = "BG0614" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "The base has an HTTP connection manager in an `api_listener` or as a `TypedStruct`, which this version \
                does not change.",
        matters: "Nothing of what the documents ask for happens there.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: "
static_resources:
  listeners:
  - name: web
    traffic_direction: OUTBOUND
    api_listener:
      api_listener:
        \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: web
        http_filters:
        - name: router
          typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
",
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A base that leaves no place for stats_tags.
    NO_PLACE_FOR_TAGS = "BG0615" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "`stats_config`, its `stats_tags`, or the node's metadata is something else in the base than Envoy reads \
                there.",
        matters: "The tags that make labels out of our metrics' names cannot be written; labels would be a part of \
                  the names.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: base!(top: "stats_config: {stats_tags: none}"),
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A manager that traces by itself.
    TRACES_BY_ITSELF = "BG0616" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The documents say something of traces, and the base's HTTP connection manager has `tracing` of its own.",
        matters: "What is not ours stays as it is, so the documents have no effect on traces there.",
        case: Case::Base {
            wrong: Laid {
                documents: TRACES_OFF,
                base: base!(manager: "tracing: {random_sampling: {value: 100}}"),
            },
            right: Laid { documents: TRACES_OFF, base: BASE },
        },
    }

    /// A request_id_extension of the base's where sampling is to be by chance.
    OWN_REQUEST_ID = "BG0617" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "The documents say `useRequestIdForTraceSampling: false`, which is written as a `request_id_extension`, \
                and the base has one of its own.",
        matters: "The base's stays, so sampling may go by the request's id all the same.",
        case: Case::Base {
            wrong: Laid {
                documents: BY_CHANCE,
                base: base!(
                    clusters: "[{name: outbound|4317||otel.observability.internal}]",
                    manager: "request_id_extension: {typed_config: {\"@type\": type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig}}"
                ),
            },
            right: Laid { documents: BY_CHANCE, base: WITH_COLLECTOR },
        },
    }

    /// A base that leaves no place for access logs.
    NO_PLACE_FOR_LOGS = "BG0625" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "`access_log` in the base is no list.",
        matters: "The access logs that the documents ask for cannot be written, and Envoy refuses the base.",
        case: Case::Base {
            wrong: Laid {
                documents: LOGS,
                base: base!(manager: "access_log: none"),
            },
            right: Laid { documents: LOGS, base: BASE },
        },
    }
}
