//! Codes of changes to documents while a mesh runs.

use burgee_api::problem::{Basis, Case, Severity};

burgee_api::codes! {
    /// Codes of this area.
    CHANGES:

    /// A workload that is not running.
    NEW_WORKLOAD = "BG0420" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A WorkloadEntry or a Gateway was added while the mesh runs.",
        matters: "Processes are started when the mesh is. It gets no traffic until then.",
        case: Case::Situation {
            wrong: "`burgee up --hold` runs, and a document with a new workload is saved.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// A running workload whose labels have changed.
    CHANGED_LABELS = "BG0421" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The labels of a WorkloadEntry were changed while its proxy runs.",
        matters: "A proxy keeps the labels that it started with, in its metrics and for what selects it.",
        case: Case::Situation {
            wrong: "`burgee up --hold` runs, and `version: v1` of a workload becomes `version: v2`.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// A running workload that is to be somebody else.
    CHANGED_ACCOUNT = "BG0424" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A WorkloadEntry has another `serviceAccount` than when its workload was started, and so another name to others \
                with mutual TLS.",
        matters: "A proxy keeps the certificate it started with, and others expect that name, until the mesh is started anew.",
        case: Case::Situation {
            wrong: "`serviceAccount` of a WorkloadEntry is changed while `burgee up --hold` runs.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// A running workload that the documents no longer have.
    GONE_WORKLOAD = "BG0422" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "A WorkloadEntry was taken out while its proxy runs.",
        matters: "Its process goes on without traffic.",
        case: Case::Situation {
            wrong: "`burgee up --hold` runs, and the document of a workload is removed.",
            right: "Nothing has to be done; it ends with `burgee up`.",
        },
    }

    /// A metric's label that the running bootstrap does not know.
    NEW_LABEL = "BG0423" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "A Telemetry adds a tag to metrics, or a plugin's module declares a label or other buckets, while the \
                proxies run.",
        matters: "Labels are cut out of metrics' names by the bootstrap, which is read once and has the buckets too. A \
                  Telemetry's tag is left out until the proxies start anew; otherwise it would be a part of the names, as \
                  that of a module is until then.",
        case: Case::Situation {
            wrong: "`burgee up --hold` runs, and `tagOverrides: {tenant: {value: ...}}` is saved, which no document \
                    had before.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// A running app whose calls have changed.
    CHANGED_CALLS = "BG0431" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/calls` of a WorkloadEntry was changed while its app runs.",
        matters: "The app makes the calls that it started with.",
        case: Case::Situation {
            wrong: "`burgee up --hold` runs, and a URL is added to the annotation.",
            right: "Stop `burgee up` and start it again.",
        },
    }

    /// An Envoy that takes no change.
    NOT_TAKEN = "BG0460" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A change came while an Envoy had ended, or did not answer.",
        matters: "All others take it. The files of one that does not answer are changed too, so that it takes them when \
                  it goes on.",
        case: Case::Situation {
            wrong: "`burgee up --hold` runs, one of its Envoys was stopped by hand, and a document is saved.",
            right: "Stop `burgee up` and start it again, or have the Envoy go on (`kill -CONT`).",
        },
    }

    /// An Envoy refused a change, or no port can be had for it.
    CHANGE_REFUSED = "BG0430" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "An Envoy refused the configuration that a change comes to; the message has its words. Or the change needs a \
                listener more, and no port of 127.0.0.1 is free.",
        matters: "Every proxy has the configuration of before again, so the change has no effect anywhere.",
        case: Case::Situation {
            wrong: "`burgee up --hold` runs, and a document is saved whose expression Envoy cannot compile, though it \
                    parses.",
            right: "Mend the document and save it; Envoy's words say what it refuses.",
        },
    }
}
