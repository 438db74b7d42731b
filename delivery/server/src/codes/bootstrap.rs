//! Codes of a proxy's bootstrap.

use burgee_api::problem::{Basis, Case, Severity};

burgee_api::codes! {
    /// Codes of this area.
    BOOTSTRAPS:

    /// A server that is spoken to in plain text.
    PLAIN_SERVER = "BG0840" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A proxy's bootstrap leads to a server on another machine, and has no certificates.",
        matters: "Whoever is between them reads the proxy's configuration and can give it another one: its listeners, its \
                  modules, where its traffic goes.",
        case: Case::Situation {
            wrong: "`burgee bootstrap shop/web-v1 --server burgee.infra:15010`.",
            right: "Give the server certificates, and the proxy with `--tls-ca` and `--server-identity` whom to believe; with \
                    `--tls-cert` and `--tls-key` it says who it is.",
        },
    }

    /// A proxy that tells nothing of traps.
    NO_COUNTERS = "BG0841" {
        severity: Severity::Note,
        basis: Basis::Envoy,
        means: "The Envoy that a bootstrap is for cannot choose which counters it sends, so it sends its server none.",
        matters: "That a plugin trapped is told by counters alone. The server cannot take back what traps, and its status does \
                  not show it.",
        case: Case::Situation {
            wrong: "`burgee bootstrap shop/web-v1 --server 127.0.0.1:15010 --envoy 1.36`.",
            right: "Run Envoy 1.40 or newer, or look at `wasm.*` on the admin pages of such proxies yourself.",
        },
    }
}
