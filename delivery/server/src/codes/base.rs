//! Codes of a base that is a folder of resources.

use burgee_api::problem::{Basis, Case, Severity};

burgee_api::codes! {
    /// Codes of this area.
    BASES:

    /// A base that cannot be read.
    UNREADABLE_BASE = "BG0801" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The folder that `burgee serve --base` names, or a file in it, cannot be read, is not text in UTF-8 where it has to \
                be, or nothing in the folder counts as a part of a base.",
        matters: "The class that the file is of is not taken anew; while the server runs, its proxies keep what they have. At \
                  the start they get nothing until it is mended.",
        case: Case::Situation {
            wrong: "`burgee serve --base bases`, where `bases` has a file that another user alone may read.",
            right: "See that the folder and its files are there, and that the server may read them.",
        },
    }

    /// Files beside the folders of classes.
    MIXED_BASE = "BG0802" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The base's folder has subfolders, each a class of proxies, and a file of resources beside them.",
        matters: "Nothing says for which proxies the file is, so it is for none.",
        case: Case::Situation {
            wrong: "`bases/sidecar/listeners.yaml` and `bases/clusters.yaml`.",
            right: "Put the file into the folder of each class that needs it.",
        },
    }

    /// A class without resources.
    EMPTY_CLASS = "BG0803" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The folder of a class has no resources.",
        matters: "Its proxies would lose every listener that they have. They keep what they have instead.",
        case: Case::Situation {
            wrong: "`bases/gateway/` with a `class.yaml` and nothing else.",
            right: "Put the resources of its proxies there, or delete the folder.",
        },
    }

    /// A class.yaml that does not say for whom a class is.
    BAD_CLASS = "BG0804" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The `class.yaml` of a class has a field that there is not, or a value that the field does not take.",
        matters: "It is not known for which proxies the class is, so that it is not taken anew.",
        case: Case::Situation {
            wrong: "`kind: ingress`, or `label: {app: web}`.",
            right: "`kind: gateway`; `labels: {app: web}`.",
        },
    }

    /// Two classes for the same proxy.
    CLASS_TIE = "BG0805" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "Two classes can be for the same proxy, and neither says more of whom it is for than the other.",
        matters: "Which base such a proxy gets would be chance. Until it is decided, the first by name counts.",
        case: Case::Situation {
            wrong: "A class with `labels: {app: web}`, and one with `labels: {tier: front}`.",
            right: "Give one of them both labels, or a namespace.",
        },
    }

    /// A file of a base without resources.
    NO_RESOURCES = "BG0806" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A file of a base is neither a resource with its `@type`, nor a list of such, nor a DiscoveryResponse, nor a \
                bootstrap with static resources, or it is empty.",
        matters: "The class is not taken anew. An empty file is mostly one that is just being saved.",
        case: Case::Situation {
            wrong: "A file of a base with `name: web` and `address: …`, and no `@type`.",
            right: "`\"@type\": type.googleapis.com/envoy.config.listener.v3.Listener` before them.",
        },
    }

    /// A type of messages that stock Envoy does not have.
    UNKNOWN_TYPE = "BG0807" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A resource, or an extension in it, has no `@type`, or one that is no message of stock Envoy's. A text has to \
                be encoded, which takes the message's definition.",
        matters: "The class is not taken anew.",
        case: Case::Situation {
            wrong: "`\"@type\": type.googleapis.com/envoy.api.v2.Listener`.",
            right: "`\"@type\": type.googleapis.com/envoy.config.listener.v3.Listener`. A type of somebody's own build of Envoy \
                    is given encoded, in a file `.pb`.",
        },
    }

    /// A field that a message does not have.
    UNKNOWN_FIELD = "BG0808" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "A resource of a base has a field that its message does not have.",
        matters: "Envoy would refuse the text, and what is meant by it cannot be encoded. The class is not taken anew.",
        case: Case::Situation {
            wrong: "`filter_chain: […]` in a listener.",
            right: "`filter_chains: […]`.",
        },
    }

    /// A value that its field does not take.
    BAD_VALUE = "BG0809" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "A value of a base's resource is of another kind than its field, out of its range, or the second choice where \
                only one can be.",
        matters: "Envoy would refuse it. The class is not taken anew.",
        case: Case::Situation {
            wrong: "`connect_timeout: 250` in a cluster.",
            right: "`connect_timeout: 0.25s`.",
        },
    }

    /// A resource without a name.
    NAMELESS = "BG0810" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A resource of a base has no name, or is of a type that is not known and whose first field is not a string.",
        matters: "Proxies ask for resources by name, and changes of them are told by name. The class is not taken anew.",
        case: Case::Situation {
            wrong: "A listener without `name`. Envoy makes one up where a file or a bootstrap has it.",
            right: "Write its name. What has no field for one is wrapped in an `envoy.service.discovery.v3.Resource`, which \
                    says it.",
        },
    }

    /// Two resources of one name.
    DOUBLED = "BG0811" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "Two resources of one class have the same type and the same name.",
        matters: "Only one of them could be served. The class is not taken anew.",
        case: Case::Situation {
            wrong: "The cluster `web` in `clusters.yaml`, and again in `more.yaml`.",
            right: "Take one of them out, or rename it.",
        },
    }

    /// A .pb file that is no encoded response.
    NOT_A_RESPONSE = "BG0812" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A file `.pb` is not one encoded `envoy.service.discovery.v3.DiscoveryResponse`, or a resource in it is not \
                an encoded message of its type.",
        matters: "The class is not taken anew.",
        case: Case::Situation {
            wrong: "A file with an encoded listener alone, or one that was cut short.",
            right: "Put resources into the `resources` of a DiscoveryResponse, each as an `Any`, and encode that.",
        },
    }

    /// A bootstrap of which only the static resources are served.
    BOOTSTRAP_REST = "BG0813" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "A file of a base is a whole bootstrap. Its static listeners, clusters and secrets are resources; the rest of it \
                cannot be served.",
        matters: "The admin page, the node, statistics settings and the like of a proxy are those that it is started with.",
        case: Case::Situation {
            wrong: "An `envoy.yaml` with `admin` and `static_resources` as a file of a base.",
            right: "Nothing has to be done; to silence the note, leave `static_resources` alone in the file.",
        },
    }

    /// A class that goes on as it was.
    KEPT_CLASS = "BG0814" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The folder of a class was changed while the server runs, and it has errors, which are said beside this.",
        matters: "Proxies of the class keep the base that they have. Other classes are as they are now.",
        case: Case::Situation {
            wrong: "A listener was saved with a field that there is not.",
            right: "Mend what is said of it; the change then takes effect by itself.",
        },
    }
}
