//! The codes of cases, each with its page.

use burgee_api::problem::{Basis, Case, Page, Severity};

burgee_api::codes! {
    /// The codes of this crate.
    OWN:

    /// A part of a case that says what it is in two ways, or in none.
    NOT_ONE = "BG0701" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "Of some fields of a case exactly one must be there, such as one thing that happens in a step, or one \
                way in which bytes are written; there are several of them, or none.",
        matters: "What the case asks for is not clear, so none of the file's cases is run.",
        case: Case::Situation {
            wrong: "A step with both `request` and `advance`, or a body `{hex: ff, text: a}`.",
            right: "Write one thing in each step, and each value in one way.",
        },
    }

    /// Two cases of one name in a file.
    SAME_NAME = "BG0702" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "Two cases of one file have the same name.",
        matters: "Nobody could tell from a report which of the two failed.",
        case: Case::Situation {
            wrong: "A case was copied and its name kept.",
            right: "Say in each name what should be so in that case.",
        },
    }

    /// Steps of a filter that does not start.
    NO_STEPS = "BG0703" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A case expects that the filter refuses its configuration, and has steps.",
        matters: "A filter that does not start has no streams, so the steps would never happen.",
        case: Case::Situation {
            wrong: "`expect: {refused: true}` in a case with `steps`.",
            right: "Take one of the two out.",
        },
    }

    /// A document of something else where cases are read.
    NOT_CASES = "BG0704" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "Cases are read from a text, and a document of it is one of Kubernetes: it has a kind, and no `cases`.",
        matters: "None of the cases that were named beside it is run.",
        case: Case::Situation {
            wrong: "`burgee test . -f mesh.yaml`.",
            right: "`burgee test .`, which reads `tests`, or `-f` with the file of the cases; documents are for \
                    `burgee check`.",
        },
    }
}

/// The page of every code of this crate.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    OWN.iter()
}
