//! Which types lean on which: what goes first and what leaves last.

use crate::resource::types;

/// The place of a type in the order in which responses are sent.
pub(super) fn rank(type_url: &str) -> u8 {
    match type_url {
        types::SECRET => 0,
        types::CLUSTER => 1,
        types::ENDPOINTS => 2,
        types::EXTENSION => 3,
        types::LISTENER => 4,
        types::SCOPED_ROUTES => 5,
        types::ROUTES => 6,
        _ => 7,
    }
}

/// Whether a response of a type waits until the other type's is taken: listeners and routes name clusters, and a listener
/// names extensions. Endpoints are not waited for, since a proxy asks for those of new clusters when it has these.
pub(super) fn goes_after(type_url: &str, other: &str) -> bool {
    match other {
        types::CLUSTER => {
            matches!(type_url, types::LISTENER | types::ROUTES | types::SCOPED_ROUTES | types::EXTENSION)
        }
        types::EXTENSION => type_url == types::LISTENER,
        types::ROUTES => false,
        types::LISTENER => matches!(type_url, types::ROUTES | types::SCOPED_ROUTES),
        _ => false,
    }
}

/// Whether something of this type stays until those that lean on it do so no more.
pub(super) fn is_leant_on(type_url: &str) -> bool {
    matches!(type_url, types::CLUSTER | types::LISTENER | types::EXTENSION)
}

/// Whether a proxy that has something of this type keeps it, whatever becomes of it: a listener that drains still calls its
/// extensions, and one whose configuration is taken away answers with 500. Who leans on it no more says so itself.
pub(super) fn is_never_removed(type_url: &str) -> bool {
    type_url == types::EXTENSION
}
