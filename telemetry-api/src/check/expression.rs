//! Expressions in CEL: whether they parse, and whether they name something that a proxy knows.

use super::attributes::{self, ROOTS};

/// The longest expression that is read, in bytes; far beyond what anybody writes.
const MAX_BYTES: usize = 4096;
/// How deep an expression may nest, so that no text can exhaust the stack.
const MAX_DEPTH: usize = 24;
/// How many operators an expression may have, for the same reason: the tree of a long chain is as deep as it is long.
const MAX_OPERATORS: usize = 400;

/// What is wrong with an expression, if anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not CEL.
    Syntax(String),
    /// It is one word that is no attribute: likely meant as text.
    UnknownWord(String),
    /// It uses an attribute that Envoy does not have; the second is the one that is likely meant, or empty.
    UnknownAttribute(String, String),
}

/// Judges an expression.
pub(crate) fn fault(text: &str) -> Option<Fault> {
    if text.len() > MAX_BYTES {
        return Some(Fault::Syntax(format!("it is longer than {MAX_BYTES} bytes")));
    }
    let (depth, operators) = shape(text);
    if depth > MAX_DEPTH {
        return Some(Fault::Syntax(format!("it nests deeper than {MAX_DEPTH} levels")));
    }
    if operators > MAX_OPERATORS {
        return Some(Fault::Syntax(format!("it has more than {MAX_OPERATORS} operators")));
    }
    if let Err(errors) = cel::Program::compile(text) {
        let first = errors.errors.first();
        let message = first.map_or("it does not parse", |error| error.msg.as_str());
        return Some(Fault::Syntax(plain_words(message)));
    }
    let is_word = text.trim().chars().all(|c| c.is_alphanumeric() || c == '_')
        && text.trim().starts_with(|c: char| c.is_alphabetic() || c == '_');
    // Values that other filters write are read by their bare names; Istio's own begin with `istio_`.
    let word = text.trim();
    if is_word
        && !ROOTS.contains(&word)
        && !word.starts_with("istio_")
        && !matches!(word, "true" | "false" | "null")
    {
        return Some(Fault::UnknownWord(word.to_owned()));
    }
    // Macros name values of their own: `list.exists(x, x.y == 1)`.
    let has_own_names =
        [".exists(", ".exists_one(", ".all(", ".map(", ".filter("].iter().any(|name| text.contains(name));
    let words = names(text);
    attributes::unknown(words.iter().map(String::as_str), has_own_names)
        .map(|(name, likely)| Fault::UnknownAttribute(name, likely))
}

/// The dotted names of an expression: what is not in strings, and not the name of a method on something else.
fn names(text: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let is_name = c.is_ascii_alphanumeric() || c == '_' || c == '.';
        match c {
            '\'' | '"' => {
                rest = after_string(rest, matches!(before, 'r' | 'R'));
                // What follows a string directly is a method of it.
                names.push(".".to_owned());
                before = ' ';
                continue;
            }
            ')' | ']' | '}' => names.push(".".to_owned()),
            _ if is_name => {
                if let Some(name) = names.last_mut() {
                    name.push(c);
                }
            }
            '(' => {
                // The last part of what stands before it is a function's or a method's name.
                if let Some(name) = names.last_mut() {
                    *name = name.rsplit_once('.').map_or_else(String::new, |(object, _)| object.to_owned());
                }
                names.push(String::new());
            }
            _ => names.push(String::new()),
        }
        before = c;
        rest = &rest[c.len_utf8()..];
    }
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    names
}

/// The parser's message without its lists of tokens.
fn plain_words(message: &str) -> String {
    let message = message.split(" expecting ").next().unwrap_or(message).trim_end();
    message.replace("mismatched input '<EOF>'", "it ends too early")
}

/// How deep an expression nests, and how many operators it has: both make a parser and its tree deep.
fn shape(text: &str) -> (usize, usize) {
    let (mut open, mut deepest, mut operators) = (0usize, 0usize, 0usize);
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        if matches!(c, '\'' | '"') {
            rest = after_string(rest, matches!(before, 'r' | 'R'));
            before = ' ';
            continue;
        }
        before = c;
        rest = &rest[c.len_utf8()..];
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '?' | '!' | '-' | '.' | '+' | '*' | '/' | '%' | '<' | '>' | '=' | '&' | '|' => operators += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    // `in` is an operator too.
    (deepest, operators.max(text.split_whitespace().filter(|word| *word == "in").count()))
}

/// What follows a string: one in single or triple quotes, with escapes unless it is raw. A string that does not end
/// is no string; then everything after its first quote counts.
fn after_string(text: &str, raw: bool) -> &str {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let (end, multiline) = if text.starts_with(&triple) { (triple.as_str(), true) } else { (quote, false) };
    let body = &text[end.len()..];
    let mut skip = false;
    for (at, c) in body.char_indices() {
        if skip {
            skip = false;
        } else if c == '\\' && !raw {
            skip = true;
        } else if body[at..].starts_with(end) {
            return &body[at + end.len()..];
        } else if matches!(c, '\n' | '\r') && !multiline {
            break;
        }
    }
    &text[1..]
}

/// Whether an expression can be told to be neither true nor false: a text, a number, or one attribute that is no
/// boolean. Others may be or not; whether they are is not judged.
pub(super) fn is_never_boolean(text: &str) -> bool {
    let text = text.trim();
    if text.parse::<f64>().is_ok() {
        return true;
    }
    if text.starts_with(['\'', '"']) {
        return after_string(text, false).is_empty();
    }
    let (root, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_known =
        matches!(root, "request" | "response" | "source" | "destination" | "upstream" | "connection");
    // `connection.mtls` is the one boolean among them.
    let path_end =
        rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.')).unwrap_or(rest.len());
    let (path, index) = rest.split_at(path_end);
    let is_index = index.is_empty()
        || index
            .strip_prefix('[')
            .filter(|inner| inner.starts_with(['\'', '"']))
            .is_some_and(|inner| after_string(inner, false) == "]");
    is_known && is_index && path != "mtls"
}

/// Help for an attribute that is not there.
pub(crate) fn did_you_mean(likely: &str) -> String {
    match likely {
        "" => "attributes begin with request, response, source, destination, connection, upstream, xds, metadata or \
               filter_state"
            .to_owned(),
        likely => format!("did you mean `{likely}`?"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test;

    #[test]
    fn what_parses_is_accepted() {
        for text in [
            "request.host",
            "response.code >= 400",
            "'x' in request.headers ? request.headers['x'] : 'unknown'",
            "has(request.headers.x)",
            "string(destination.port)",
            "filter_state['wasm.istio_operationId']",
            "xds.cluster_metadata.filter_metadata.istio.services[0].name",
            "'literal'",
            "\"literal\"",
            "istio_responseClass",
            "request.url_path.matches('^/a/[0-9]+$')",
            "[1, 2].exists(x, x == response.code)",
            "true",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_parse_is_refused() {
        // Envoy refuses has() of an index too, whatever older documentation shows.
        for text in [
            "has(request.headers['x'])",
            ")++++",
            "",
            "request.",
            "a b",
            "'open",
            "a ? b",
            "1 +",
            "request.host ==",
            "[1, 2",
        ] {
            assert!(matches!(fault(text), Some(Fault::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn a_bare_word_is_likely_meant_as_text() {
        assert_eq!(fault("production"), Some(Fault::UnknownWord("production".into())));
    }

    #[test]
    fn a_misspelt_attribute_is_noticed() {
        for (text, name, likely) in [
            ("request.methd", "request.methd", "request.method"),
            ("reqest.method", "reqest.method", "request.method"),
            ("foo.bar", "foo.bar", ""),
            ("'a' + request.hosts", "request.hosts", "request.host"),
            ("string(destination.prt)", "destination.prt", "destination.port"),
            ("request.headrs['x'].size()", "request.headrs", "request.headers"),
        ] {
            let expected = Fault::UnknownAttribute(name.into(), likely.into());
            assert_eq!(fault(text), Some(expected), "{text}");
        }
        for text in [
            "'request.methd'",
            "request.host.startsWith('a.b')",
            "request.headers['x-y'].contains('foo.bar')",
            "filter_state.downstream_peer.labels['role']",
            "node.metadata.NAME",
            "istio_operationId",
            "size(request.headers) > 1 ? 'many' : 'few'",
            "['a.b'].exists(x, x.size() > 1)",
            "1.5 > 0.5",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_neither_true_nor_false_is_told_where_it_is_plain() {
        for text in [
            "response.code",
            " request.headers['x'] ",
            "request.headers[\"a]b\"]",
            "'text'",
            "1.5",
            "request",
            "connection.requested_server_name",
        ] {
            assert!(is_never_boolean(text), "{text}");
        }
        for text in [
            "response.code >= 400",
            "connection.mtls",
            "true",
            "request.headers['x'] == 'y'",
            "request.host.startsWith('a')",
            "'x' in request.headers",
            "has(request.headers.x)",
            "metadata.x",
            "'a' == request.host",
            "",
        ] {
            assert!(!is_never_boolean(text), "{text}");
        }
    }

    #[test]
    fn nothing_nests_deep_enough_to_exhaust_the_stack() {
        for text in [
            "(".repeat(4000),
            "[".repeat(4000),
            "!".repeat(4000) + "a",
            "-".repeat(4000) + "1",
            "a?".repeat(1300),
            "a.".repeat(2000) + "a",
            "a+".repeat(2000) + "a",
            "a||".repeat(1300) + "a",
            "a&&".repeat(1300) + "a",
            "! ".repeat(2000) + "a",
            "- ".repeat(2000) + "1",
            "a in ".repeat(800) + "a",
            "'(' + ".repeat(600) + "a",
            "'\\'' + ".repeat(500) + "a",
            "'\"".repeat(1000),
            "r'\\' + (".repeat(500),
            "(".repeat(24) + "a" + &")".repeat(24),
            "!".repeat(400) + "a",
            "-".repeat(400) + "a",
            "a?a:".repeat(400) + "a",
            "a.".repeat(400) + "a",
            "a+".repeat(400) + "a",
            "(!".repeat(24) + &"!".repeat(370) + "a" + &")".repeat(24),
        ] {
            let _ = fault(&text);
        }
    }

    proptest! {
        #[test]
        fn no_expression_makes_it_panic(text in "(?s).{0,60}") {
            let _ = fault(&text);
        }

        #[test]
        fn no_cel_like_expression_makes_it_panic(
            text in "(a|1|'|\"|\\(|\\)|\\[|\\]|\\{|\\}|\\.|\\?|:|,|!|-|\\+|&&|\\|\\||==|in|has|all|map| |b\"|r'|0x|1e|u|\\\\|é){0,24}"
        ) {
            let _ = fault(&text);
        }
    }
}
