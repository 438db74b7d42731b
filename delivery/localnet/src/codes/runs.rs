//! Codes of a mesh that runs: what was asked for and not seen, and processes that end.

use burgee_api::problem::{Basis, Case, Severity};

burgee_api::codes! {
    /// Codes of this area.
    RUNS:

    /// A log has more or fewer lines than there were requests.
    WRONG_LOG_COUNT = "BG0432" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The documents ask for access logs at a proxy, and the lines that came are not as many as its requests, \
                without those that the filter keeps out.",
        matters: "Logs are lost or doubled: what `burgee up` promises to show is not so.",
        case: Case::Situation {
            wrong: "`burgee up` sent 20 requests, and the provider's file has 19 lines.",
            right: "Look at what else is told of this proxy, such as a collector that cannot be reached; then run it \
                    again with other traffic off.",
        },
    }

    /// There are more or fewer spans than there were requests.
    WRONG_SPAN_COUNT = "BG0433" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The documents ask for spans of every request at a proxy, and the spans that came are not as many.",
        matters: "Traces have holes.",
        case: Case::Situation {
            wrong: "`burgee up` sent 20 requests with `randomSamplingPercentage: 100`, and the receiver has 19 spans of \
                    the gateway.",
            right: "Look at what else is told of this proxy, such as a receiver that ended.",
        },
    }

    /// A plugin that was asked for does not run.
    PLUGIN_NOT_LOADED = "BG0434" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A WasmPlugin is for a proxy, and the proxy does not say that it runs its module.",
        matters: "Requests go past it or are refused, as its `failStrategy` says.",
        case: Case::Situation {
            wrong: "The module refuses its configuration when it starts.",
            right: "Mend the module or its `pluginConfig`; the proxy's log has the module's words.",
        },
    }

    /// A plugin has trapped.
    PLUGIN_TRAPPED = "BG0435" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The log of a proxy says that a plugin panicked, or failed in another way that ends its virtual machine.",
        matters: "Its streams end, and what it covers is answered with 503 or goes past it, as its `failStrategy` says.",
        case: Case::Situation {
            wrong: "`header.unwrap()` in a filter, and a request without that header.",
            right: "Mend the line that the message names: have the filter decide what then happens. `burgee test \
                    --compliance` finds more of that kind.",
        },
    }

    /// A metric that was asked for does not add up to the number of requests.
    WRONG_COUNT = "BG0450" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A metric is in force at a proxy, and its series have not grown by the number of its requests.",
        matters: "The metric is not what it says that it counts.",
        case: Case::Situation {
            wrong: "`burgee up` sent 20 requests, and `istio_requests_total` has grown by 40: two providers count.",
            right: "Look at what else is told of this proxy, such as two providers (BG0503).",
        },
    }

    /// A metric that was switched off was written.
    NOT_DISABLED = "BG0451" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The documents switch a metric off at a proxy, or ask for none, and series of it have grown.",
        matters: "Something else writes it, such as a filter of the base's.",
        case: Case::Situation {
            wrong: "`REQUEST_SIZE` is disabled, and `istio_request_bytes` grows.",
            right: "Look for who else writes the metric, and take it out there.",
        },
    }

    /// A label that was asked for is not there.
    NO_LABEL = "BG0452" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A Telemetry adds a tag to a metric, and series of it do not have the label.",
        matters: "Whoever asks for series by this label finds none.",
        case: Case::Situation {
            wrong: "A tag was added to the documents while a mesh ran that did not know it.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// A label that was removed is there.
    LABEL_NOT_REMOVED = "BG0453" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A Telemetry removes a tag from a metric, and series of it have the label with a value.",
        matters: "What was to be kept out of the metrics is in them.",
        case: Case::Situation {
            wrong: "`source_principal` is removed, and series that grow have one.",
            right: "Look for who else writes the metric, and take it out there.",
        },
    }

    /// A proxy that is asked for something and that no request reached.
    NOT_REACHED = "BG0454" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The documents ask for something at a proxy, and none of the requests that were sent went through it.",
        matters: "Whether the documents are true there is not known.",
        case: Case::Situation {
            wrong: "Three services are behind the gateway, and `burgee up --requests 1` sends one request.",
            right: "Send more requests, or have other workloads call this one by the annotation `burgee.dev/calls`.",
        },
    }

    /// Requests were not answered as they should have been.
    REQUESTS_FAILED = "BG0455" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "Some of the requests that were sent had no answer, or another one than they asked the app for.",
        matters: "The mesh does not serve; what is seen of it says little.",
        case: Case::Situation {
            wrong: "A plugin refuses requests, or a process was stopped by hand.",
            right: "The message has the first failure; mend what it names.",
        },
    }

    /// No request was sent at all.
    NOTHING_SENT = "BG0456" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "`burgee up` was told to send nothing.",
        matters: "Nothing is exercised, and the exit code says only that nothing went wrong.",
        case: Case::Situation {
            wrong: "`burgee up DIR --requests 0`.",
            right: "`burgee up DIR`, which sends 20.",
        },
    }

    /// An Envoy, an app or the receiver has ended by itself.
    PART_ENDED = "BG0457" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A process of the mesh ended, and nobody asked it to. The message has its last words.",
        matters: "What goes through it is not served any more, or not recorded.",
        case: Case::Situation {
            wrong: "An Envoy was ended by hand, or by the machine for want of memory.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// Lines or spans have come that the summary has no room for.
    NOT_KEPT = "BG0458" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "More log lines or spans came than are kept.",
        matters: "All are counted, and the summary shows the last of them.",
        case: Case::Situation {
            wrong: "`burgee up --requests 100000`.",
            right: "Nothing has to be done; to see each, send fewer requests.",
        },
    }

    /// Something that was reported cannot be read.
    NOT_READ = "BG0459" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A proxy wrote or sent something that the receiver, or whoever follows its files, cannot read.",
        matters: "What is shown of logs and spans is not complete.",
        case: Case::Situation {
            wrong: "A file of access logs was removed while the mesh runs.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// An Envoy or an app runs and does not answer.
    PART_SILENT = "BG0461" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A process of the mesh runs and did not answer in time.",
        matters: "What went through it is left out of what is shown.",
        case: Case::Situation {
            wrong: "An Envoy was stopped by hand (`kill -STOP`), or the machine is too busy.",
            right: "Have it go on (`kill -CONT`), or give the machine less to do.",
        },
    }
}
