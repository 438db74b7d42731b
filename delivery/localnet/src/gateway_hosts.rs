//! Which services a gateway's server answers for: Istio's host patterns.

/// A host of a gateway's server, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHost<'a> {
    /// The namespace that services must be in; absent: any.
    pub namespace: Option<&'a str>,
    /// `*`, `*.suffix` or a host name.
    pub pattern: &'a str,
}

impl<'a> ServerHost<'a> {
    /// Reads `host`, `namespace/host`, `./host` (the gateway's own namespace) or `*/host` (any namespace).
    pub fn read(text: &'a str, own_namespace: &'a str) -> ServerHost<'a> {
        match text.split_once('/') {
            None | Some(("*", _)) => {
                let pattern = text.strip_prefix("*/").unwrap_or(text);
                ServerHost { namespace: None, pattern }
            }
            Some((".", pattern)) => ServerHost { namespace: Some(own_namespace), pattern },
            Some((namespace, pattern)) => ServerHost { namespace: Some(namespace), pattern },
        }
    }

    /// The host under which a service is reached through this server, if it is: the narrower of both patterns.
    pub fn meeting(&self, service_namespace: &str, service_host: &'a str) -> Option<&'a str> {
        if self.namespace.is_some_and(|namespace| namespace != service_namespace) {
            return None;
        }
        if covers(self.pattern, service_host) {
            Some(service_host)
        } else if covers(service_host, self.pattern) {
            Some(self.pattern)
        } else {
            None
        }
    }
}

/// Whether every host of one pattern is a host of the other.
pub fn covers(wide: &str, narrow: &str) -> bool {
    match wide.strip_prefix('*') {
        // `*` covers all; `*.a.b` covers `x.a.b` and `*.x.a.b`, but not `a.b`.
        Some(suffix) => {
            narrow.len() > suffix.len() && ends_with_ignoring_case(narrow, suffix) || wide == narrow
        }
        None => wide.eq_ignore_ascii_case(narrow),
    }
}

fn ends_with_ignoring_case(text: &str, suffix: &str) -> bool {
    text.len()
        .checked_sub(suffix.len())
        .and_then(|start| text.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// A host name that a request can carry for a pattern.
pub fn example_host(pattern: &str) -> String {
    match pattern.strip_prefix('*') {
        Some(suffix) => format!("any{suffix}"),
        None => pattern.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(server_host: &str, namespace: &str, service_host: &str, expected: Option<&str>) {
        let host = ServerHost::read(server_host, "own");
        assert_eq!(
            host.meeting(namespace, service_host),
            expected,
            "{server_host} {namespace}/{service_host}"
        );
    }

    #[test]
    fn a_star_answers_for_every_service() {
        check("*", "any", "a.example.com", Some("a.example.com"));
        check("*/*", "any", "a.example.com", Some("a.example.com"));
    }

    #[test]
    fn a_suffix_answers_for_hosts_below_it() {
        check("*.example.com", "any", "a.example.com", Some("a.example.com"));
        check("*.example.com", "any", "example.com", None);
        check("*.example.com", "any", "a.example.org", None);
    }

    #[test]
    fn an_exact_host_answers_for_itself_whatever_its_case() {
        check("A.example.com", "any", "a.example.com", Some("a.example.com"));
        check("a.example.com", "any", "b.example.com", None);
    }

    #[test]
    fn a_namespace_before_the_slash_must_be_the_services() {
        check("shop/*", "shop", "a", Some("a"));
        check("shop/*", "other", "a", None);
        check("./*", "own", "a", Some("a"));
        check("./a", "other", "a", None);
        check("*/a", "other", "a", Some("a"));
    }

    #[test]
    fn an_exact_host_narrows_a_wildcard_service() {
        check("a.example.com", "any", "*.example.com", Some("a.example.com"));
        check("*.example.com", "any", "*.example.com", Some("*.example.com"));
    }

    #[test]
    fn a_pattern_has_a_host_that_a_request_can_carry() {
        assert_eq!(example_host("*.example.com"), "any.example.com");
        assert_eq!(example_host("*"), "any");
        assert_eq!(example_host("a"), "a");
    }
}
