//! The list of callbacks that a module really uses, as the module carries it.
//!
//! Whether a function is exported cannot depend on a constant, so a module exports every callback that the kit has,
//! and Envoy calls, and waits for, every callback that a module exports. The list is a custom section of the module;
//! what builds modules reads it and removes the other exports.

use crate::phases::Phases;

/// The name of the module's custom section.
pub const SECTION: &str = "burgee.callbacks";

/// The phases, each with the callbacks that it needs, separated by spaces. The first is what every module needs.
const OF_PHASE: [(Phases, &str); 18] = [
    (Phases::NONE, "proxy_on_context_create proxy_on_configure proxy_on_delete"),
    (Phases::REQUEST_HEADERS, "proxy_on_request_headers"),
    (Phases::REQUEST_BODY, "proxy_on_request_body"),
    (Phases::REQUEST_TRAILERS, "proxy_on_request_trailers"),
    (Phases::RESPONSE_HEADERS, "proxy_on_response_headers"),
    (Phases::RESPONSE_BODY, "proxy_on_response_body"),
    (Phases::RESPONSE_TRAILERS, "proxy_on_response_trailers"),
    (Phases::LOG, "proxy_on_log"),
    (Phases::NEW_CONNECTION, "proxy_on_new_connection"),
    (Phases::DOWNSTREAM_DATA, "proxy_on_downstream_data"),
    (Phases::UPSTREAM_DATA, "proxy_on_upstream_data"),
    (Phases::DOWNSTREAM_CLOSE, "proxy_on_downstream_connection_close"),
    (Phases::UPSTREAM_CLOSE, "proxy_on_upstream_connection_close"),
    (Phases::TICK, TICK),
    (Phases::STREAM_TICK, TICK),
    (Phases::HTTP_CALLS, "proxy_on_http_call_response"),
    (Phases::GRPC_CALLS, "proxy_on_grpc_receive proxy_on_grpc_close"),
    (Phases::GRPC_STREAMS, "proxy_on_grpc_receive_initial_metadata proxy_on_grpc_receive_trailing_metadata"),
];

/// What both kinds of ticks come by.
const TICK: &str = "proxy_on_tick";

/// Whether a phase is among these phases, and its callbacks are not listed for another one.
const fn is_listed(phases: Phases, phase: Phases) -> bool {
    let is_double = phase.has(Phases::STREAM_TICK) && phases.has(Phases::TICK);
    phases.has(phase) && !is_double
}

/// How long the list of these phases is, in bytes.
pub const fn length(phases: Phases) -> usize {
    let mut length = 0_usize;
    let mut rest = OF_PHASE.as_slice();
    while let [(phase, callbacks), others @ ..] = rest {
        if is_listed(phases, *phase) {
            // One more for the space behind each.
            length = length.saturating_add(callbacks.len()).saturating_add(1);
        }
        rest = others;
    }
    length
}

/// The list of these phases as an array, as a section must be. `N` is its [`length`].
pub const fn list<const N: usize>(phases: Phases) -> [u8; N] {
    let mut array = [b' '; N];
    let mut to = array.as_mut_slice();
    let mut rest = OF_PHASE.as_slice();
    while let [(phase, callbacks), others @ ..] = rest {
        if is_listed(phases, *phase) {
            to = put(put(to, callbacks), " ");
        }
        rest = others;
    }
    array
}

/// A text as an array, as a section must be.
pub const fn to_array<const N: usize>(text: &str) -> [u8; N] {
    let mut array = [b' '; N];
    put(array.as_mut_slice(), text);
    array
}

/// Writes a text to where it has room; gives what is left.
const fn put<'a>(to: &'a mut [u8], text: &str) -> &'a mut [u8] {
    match to.split_at_mut_checked(text.len()) {
        Some((start, rest)) => {
            start.copy_from_slice(text.as_bytes());
            rest
        }
        None => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed<const N: usize>(phases: Phases) -> Vec<String> {
        assert_eq!(N, length(phases));
        String::from_utf8(list::<N>(phases).to_vec()).unwrap().split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_list_has_what_the_phases_need_and_nothing_else() {
        const BODY: Phases = Phases::REQUEST_BODY.and(Phases::GRPC_CALLS);
        assert_eq!(
            listed::<{ length(Phases::NONE) }>(Phases::NONE),
            ["proxy_on_context_create", "proxy_on_configure", "proxy_on_delete"]
        );
        assert_eq!(
            listed::<{ length(BODY) }>(BODY)[3..],
            ["proxy_on_request_body", "proxy_on_grpc_receive", "proxy_on_grpc_close"]
        );
    }

    #[test]
    fn every_phase_has_callbacks_of_its_own() {
        const ALL: Phases = Phases::HTTP.and(Phases::TCP);
        let mut names = listed::<{ length(ALL) }>(ALL);
        assert_eq!(names.len(), 21);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 21);
        assert!(names.iter().all(|name| name.starts_with("proxy_on_")));
        let ticks = listed::<{ length(Phases::STREAM_TICK) }>(Phases::STREAM_TICK);
        assert_eq!(ticks[3..], ["proxy_on_tick"]);
    }

    #[test]
    fn the_array_is_the_text() {
        const TEXT: &str = "a b";
        const ARRAY: [u8; TEXT.len()] = to_array(TEXT);
        assert_eq!(ARRAY, TEXT.as_bytes());
    }
}
