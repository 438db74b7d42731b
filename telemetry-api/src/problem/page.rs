//! What is known of a code beside its number: what it means, why it matters, and what causes it.

use super::{Code, Severity};

/// A code's page. The codes of each crate are declared with [`codes!`](crate::codes), which makes the code and its
/// page one item.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The code.
    pub code: Code,
    /// What it is of, as a phrase with a full stop.
    pub title: &'static str,
    /// How bad it is in the example.
    pub severity: Severity,
    /// Where the rule comes from.
    pub basis: Basis,
    /// What `istioctl analyze` says of it, and where that differs; may be empty.
    pub analyzer: &'static str,
    /// What has happened when it is told.
    pub means: &'static str,
    /// What comes of it if nothing is done.
    pub matters: &'static str,
    /// What causes it and what does not.
    pub case: Case,
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Istio refuses it too.
    Refused,
    /// Istio accepts it with a warning.
    Warned,
    /// What Istio really does, likely by accident. The result is the same here.
    Quirk,
    /// Istio says nothing.
    Gap,
    /// What this version does not do yet.
    NotYet,
    /// What a stock Envoy does or refuses.
    Envoy,
    /// A rule of our own, about what Istio does not have.
    Ours,
}

impl Basis {
    /// The basis as a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Basis::Refused => "Istio refuses it too.",
            Basis::Warned => "Istio accepts it with a warning.",
            Basis::Quirk => "Istio does so without a word, and the result here is Istio's.",
            Basis::Gap => "Istio says nothing of it.",
            Basis::NotYet => "Istio does what is missing here; this version of Burgee does not yet.",
            Basis::Envoy => "It follows from what a stock Envoy does.",
            Basis::Ours => "It is about what only Burgee has.",
        }
    }
}

/// What causes a code, and what does not. Where it is text, a test tries both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Documents that `check` tells it of, and such that it does not.
    Documents {
        /// What causes it.
        wrong: &'static str,
        /// What does not.
        right: &'static str,
    },
    /// The documents of a mesh on loopback.
    Mesh {
        /// What causes it.
        wrong: &'static str,
        /// What does not.
        right: &'static str,
    },
    /// Documents that are laid over an Envoy configuration.
    Base {
        /// What causes it.
        wrong: Laid,
        /// What does not.
        right: Laid,
    },
    /// No text alone causes it.
    Situation {
        /// What does, in a sentence or two.
        wrong: &'static str,
        /// What to do.
        right: &'static str,
    },
}

/// Documents, and the Envoy configuration that they are laid over for the workload `shop/web`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laid {
    /// The documents.
    pub documents: &'static str,
    /// The Envoy configuration.
    pub base: &'static str,
}

/// The area that a code belongs to, by its first two digits.
pub fn area(code: &str) -> &'static str {
    match code.get(2..4) {
        Some("00") => "Reading files",
        Some("01") => "Any document",
        Some("02") => "Telemetry and WasmPlugin",
        Some("03") => "MeshConfig",
        Some("04") => "The mesh on loopback",
        Some("05") => "Documents together",
        Some("06") => "Laying documents over a base",
        Some("07") => "Tests of filters",
        Some("08") => "The server",
        _ => "Others",
    }
}

/// Declares codes, each with its page, and a table of all of them:
///
/// ```
/// use burgee_api::problem::{Basis, Case, Severity};
///
/// burgee_api::codes! {
///     /// Every code of this crate.
///     ALL:
///
///     /// A phrase that says what it is of.
///     NO_PORT = "BG0403" {
///         severity: Severity::Error,
///         basis: Basis::Ours,
///         means: "What has happened when it is told, in sentences.",
///         matters: "What comes of it if nothing is done.",
///         // What `istioctl analyze` says of it, where it does; may be left out.
///         analyzer: "IST0000 is told too, but only of pods.",
///         case: Case::Documents {
///             wrong: "documents that cause this code and no other",
///             right: "the same documents, mended",
///         },
///     }
/// }
/// # fn main() { assert_eq!(ALL[0].title, "A phrase that says what it is of."); }
/// ```
#[macro_export]
macro_rules! codes {
    (
        $(#[$about:meta])* $table:ident:
        $(
            #[doc = $title:literal]
            $name:ident = $code:literal $({ $($body:tt)* })? $(;)?
        )*
    ) => {
        $(
            #[doc = $title]
            pub const $name: $crate::problem::Code = $crate::problem::Code($code);
        )*
        $(#[$about])*
        pub const $table: &[$crate::problem::Page] = &[
            $($crate::codes!(@page $name, $title $(, $($body)*)?)),*
        ];
    };
    (
        @page $name:ident, $title:literal,
        severity: $severity:expr,
        basis: $basis:expr,
        means: $means:expr,
        matters: $matters:expr,
        $(analyzer: $analyzer:literal,)?
        case: $case:expr $(,)?
    ) => {
        $crate::problem::Page {
            code: $name,
            title: $title.trim_ascii(),
            severity: $severity,
            basis: $basis,
            analyzer: concat!($($analyzer)?),
            means: $means,
            matters: $matters,
            case: $case,
        }
    };
    (@page $name:ident, $title:literal) => {
        compile_error!(concat!(
            stringify!($name),
            " has no page: write one in place of the semicolon, `{ severity: .., basis: .., means: .., matters: .., \
             case: .. }`, as the documentation of `codes!` shows; then BURGEE_BLESS=1 cargo test of this crate and of \
             burgee-tests writes it into docs/codes"
        ))
    };
}
