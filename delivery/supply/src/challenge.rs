//! What a server says it wants to know: the header `WWW-Authenticate`.

/// One way to say who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A user's name and password.
    Basic,
    /// A token that another server hands out.
    Bearer {
        /// Where.
        realm: String,
        /// For whom.
        service: Option<String>,
        /// For what; absent: it does not say.
        scope: Option<String>,
    },
}

/// The ways that one header's value names. What cannot be read is left out.
pub(crate) fn challenges(value: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut scheme = String::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let (word, after) = token(rest);
        if word.is_empty() {
            // Whatever this is, what follows the next comma may be good again.
            rest = after.split_once(',').map_or("", |(_, rest)| rest).trim_start();
            continue;
        }
        let after = after.trim_start();
        if let Some(text) = after.strip_prefix('=') {
            let (text, after) = quoted(text.trim_start());
            parameters.push((word.to_ascii_lowercase(), text));
            rest = after.trim_start().trim_start_matches(',').trim_start();
        } else {
            found.extend(challenge(&scheme, &mut parameters));
            scheme = word.to_ascii_lowercase();
            rest = after.trim_start_matches(',').trim_start();
        }
    }
    found.extend(challenge(&scheme, &mut parameters));
    found
}

fn challenge(scheme: &str, parameters: &mut Vec<(String, String)>) -> Option<Challenge> {
    let parameters = std::mem::take(parameters);
    let of = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => {
            Some(Challenge::Bearer { realm: of("realm")?, service: of("service"), scope: of("scope") })
        }
        _ => None,
    }
}

/// A word, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match text.char_indices().find(|(_, c)| !is_part(*c)) {
        Some((0, c)) => ("", text.get(c.len_utf8()..).unwrap_or_default()),
        Some((end, _)) => text.split_at(end),
        None => (text, ""),
    }
}

/// A text in quotes or a word, and what follows it.
fn quoted(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return (word.to_owned(), rest);
    };
    let mut value = String::new();
    let mut is_escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if is_escaped => {
                value.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => return (value, inner.get(at + 1..).unwrap_or_default()),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Challenge::Bearer { realm: realm.to_owned(), service: own(service), scope: own(scope) }
    }

    #[test]
    fn challenges_are_read() {
        let scope = "repository:a/b:pull,push";
        for (value, expected) in [
            ("Basic realm=\"x\"", vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\"",
                vec![bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some(scope))],
            ),
            ("Bearer realm=https://h/t , service=s", vec![bearer("https://h/t", Some("s"), None)]),
            ("Bearer realm=\"a\\\"b\"", vec![bearer("a\"b", None, None)]),
            ("Digest realm=\"x\", Basic realm=\"y\"", vec![Challenge::Basic]),
            ("Basic realm=\"y\", Bearer realm=\"z\"", vec![Challenge::Basic, bearer("z", None, None)]),
            ("Bearer service=\"s\"", vec![]),
            ("", vec![]),
            ("=,;", vec![]),
        ] {
            assert_eq!(challenges(value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read(value in "\\PC{0,80}|[a-zA-Z=\", ]{0,60}") {
            challenges(&value);
        }

        #[test]
        fn what_is_quoted_comes_out_as_it_went_in(realm in "[ -~]{0,30}", scope in "[ -~]{0,30}") {
            let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let value = format!("Bearer realm=\"{}\",scope=\"{}\"", quote(&realm), quote(&scope));
            prop_assert_eq!(challenges(&value), vec![bearer(&realm, None, Some(&scope))]);
        }
    }
}
