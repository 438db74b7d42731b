//! The list of callbacks that a module really uses, as the module carries it.
//!
//! The SDK exports every callback there is, and Envoy calls, and waits for, every callback that a module exports. The
//! list is a custom section of the module; what builds modules reads it and removes the other exports.

use crate::http::Phases;

/// The name of the module's custom section.
pub const SECTION: &str = "burgee.callbacks";

/// The callbacks of a filter that only looks at streams when they have ended: separated by spaces.
pub const LOG_FILTER: &str = "proxy_on_context_create proxy_on_configure proxy_on_log proxy_on_delete";

/// The callbacks of an HTTP filter that takes part in these phases: separated by spaces.
pub const fn of_http_filter(phases: Phases) -> &'static str {
    match (phases.request_headers, phases.response_headers) {
        (false, false) => "proxy_on_context_create proxy_on_configure proxy_on_delete",
        (true, false) => {
            "proxy_on_context_create proxy_on_configure proxy_on_request_headers proxy_on_delete"
        }
        (false, true) => {
            "proxy_on_context_create proxy_on_configure proxy_on_response_headers proxy_on_delete"
        }
        (true, true) => {
            "proxy_on_context_create proxy_on_configure proxy_on_request_headers proxy_on_response_headers \
             proxy_on_delete"
        }
    }
}

/// The text as an array, as a section must be.
pub const fn to_array<const N: usize>(text: &str) -> [u8; N] {
    let mut array = [b' '; N];
    let (mut to, mut from) = (array.as_mut_slice(), text.as_bytes());
    while let ([byte, rest @ ..], [first, others @ ..]) = (to, from) {
        *byte = *first;
        (to, from) = (rest, others);
    }
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_array_is_the_text() {
        const ARRAY: [u8; LOG_FILTER.len()] = to_array(LOG_FILTER);
        assert_eq!(ARRAY, LOG_FILTER.as_bytes());
    }

    #[test]
    fn a_phase_is_listed_exactly_if_the_filter_takes_part_in_it() {
        for request_headers in [false, true] {
            for response_headers in [false, true] {
                let listed: Vec<&str> =
                    of_http_filter(Phases { request_headers, response_headers }).split(' ').collect();
                assert_eq!(listed.contains(&"proxy_on_request_headers"), request_headers, "{listed:?}");
                assert_eq!(listed.contains(&"proxy_on_response_headers"), response_headers, "{listed:?}");
                assert!(listed.contains(&"proxy_on_configure"), "{listed:?}");
                assert!(listed.iter().all(|name| name.starts_with("proxy_on_")), "{listed:?}");
            }
        }
    }
}
