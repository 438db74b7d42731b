//! Expressions in CEL: whether they parse, and whether they name something that a proxy knows.

mod functions;
mod in_format;
pub(crate) mod tree;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cel::common::ast::Expr;

use super::attributes;
pub(crate) use functions::{Missing, Use};
pub use in_format::{NotInFormat, in_format};

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
    /// It calls a function that Envoy does not have there, so it has no value.
    Function(Missing),
    /// It puts texts or lists together where Envoy does not.
    Joined,
}

/// What an expression is, or what is wrong with it.
pub(crate) type Parsed = Result<Arc<cel::Program>, String>;

/// Parses an expression. What was parsed lately is remembered: it takes long, and documents are judged again and again.
pub(crate) fn parse(text: &str) -> Parsed {
    static LATELY: Mutex<Lately> = Mutex::new(Lately::new());
    let lately = || LATELY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lately().get(text) {
        return known;
    }
    // Not while others wait.
    let parsed = parse_anew(text).map(Arc::new);
    lately().put(text.to_owned(), parsed.clone());
    parsed
}

/// What was parsed lately, in two halves: when the newer one is full, the older one is forgotten.
struct Lately {
    newer: BTreeMap<String, Parsed>,
    older: BTreeMap<String, Parsed>,
}

/// How many expressions a half has.
const HALF: usize = 4096;

impl Lately {
    const fn new() -> Lately {
        Lately { newer: BTreeMap::new(), older: BTreeMap::new() }
    }

    fn get(&mut self, text: &str) -> Option<Parsed> {
        if let Some(known) = self.newer.get(text) {
            return Some(known.clone());
        }
        let (text, known) = self.older.remove_entry(text)?;
        self.put(text, known.clone());
        Some(known)
    }

    fn put(&mut self, text: String, parsed: Parsed) {
        if text.len() > MAX_BYTES {
            return;
        }
        if self.newer.len() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(text, parsed);
    }
}

fn parse_anew(text: &str) -> Result<cel::Program, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it is longer than {MAX_BYTES} bytes"));
    }
    let (depth, operators) = shape(text);
    if depth > MAX_DEPTH {
        return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
    }
    if operators > MAX_OPERATORS {
        return Err(format!("it has more than {MAX_OPERATORS} operators"));
    }
    cel::Program::compile(text).map_err(|errors| {
        let first = errors.errors.first();
        plain_words(first.map_or("it does not parse", |error| error.msg.as_str()))
    })
}

/// Judges an expression.
pub(crate) fn fault(text: &str, use_of: Use) -> Option<Fault> {
    let program = match parse(text) {
        Ok(program) => program,
        Err(message) => return Some(Fault::Syntax(message)),
    };
    let tree = &program.expression().expr;
    if let Some(missing) = functions::missing(tree, text, use_of) {
        return Some(Fault::Function(missing));
    }
    if let Expr::Ident(word) = tree
        && !attributes::is_root(word)
    {
        return Some(Fault::UnknownWord(word.clone()));
    }
    let mut unknown = None;
    tree::for_each_attribute(tree, &mut |root, field| {
        if !functions::is_namespace(root, use_of) {
            unknown = unknown.take().or_else(|| attributes::unknown(root, field));
        }
    });
    let joined = (use_of == Use::Log && functions::joins(tree)).then_some(Fault::Joined);
    unknown.map(|(name, likely)| Fault::UnknownAttribute(name, likely)).or(joined)
}

/// Whether an expression can be told to be neither true nor false. Others may be or not; whether they are is not judged.
pub(super) fn is_never_boolean(text: &str) -> bool {
    parse(text).is_ok_and(|program| tree::is_never_boolean(&program.expression().expr))
}

/// The parser's message without its lists of tokens.
fn plain_words(message: &str) -> String {
    let message = message.split(" expecting ").next().unwrap_or(message).trim_end();
    message.replace("mismatched input '<EOF>'", "it ends too early")
}

/// How deep an expression nests, and how many operators it has: both make a parser and its tree deep.
fn shape(text: &str) -> (usize, usize) {
    let (mut open, mut deepest, mut operators) = (0usize, 0usize, 0usize);
    for c in without_texts(text).chars() {
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

/// An expression without the texts in it: a space stands for each.
fn without_texts(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if matches!(c, '\'' | '"') {
            rest = after_string(rest, code.ends_with(['r', 'R']));
            code.push(' ');
            continue;
        }
        code.push(c);
        rest = &rest[c.len_utf8()..];
    }
    code
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
    fn what_was_parsed_lately_is_remembered_and_no_more_than_that() {
        let mut lately = Lately::new();
        for number in 0..HALF * 3 {
            lately.put(number.to_string(), Err(number.to_string()));
            assert!(lately.get("0").is_some(), "what is asked for again and again is not forgotten");
        }
        assert!(lately.get("1").is_none());
        assert!(lately.newer.len() + lately.older.len() <= HALF * 2);
        let last = (HALF * 3 - 1).to_string();
        assert_eq!(lately.get(&last).and_then(Result::err), Some(last));
        assert!(parse("a.b").is_ok() && parse("a.").is_err());
        assert_eq!(parse("a.").err(), parse("a.").err());
    }

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
            assert_eq!(fault(text, Use::Tag), None, "{text}");
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
            assert!(matches!(fault(text, Use::Tag), Some(Fault::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn a_bare_word_is_likely_meant_as_text() {
        assert_eq!(fault("production", Use::Tag), Some(Fault::UnknownWord("production".into())));
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
            ("has(request.headrs)", "request.headrs", "request.headers"),
            ("has(reqest.headers.x)", "reqest.headers", "request.headers"),
            ("no_such_attribute == 1", "no_such_attribute", ""),
            ("'a' + reqest", "reqest", "request"),
            ("request['hots']", "request.hots", "request.host"),
            ("[1].exists(x, y == 1)", "y", ""),
            ("[1].exists(x, x == 1) && x == 1", "x", ""),
            ("response.code == ok ? 'a' : 'b'", "ok", ""),
        ] {
            let expected = Fault::UnknownAttribute(name.into(), likely.into());
            assert_eq!(fault(text, Use::Tag), Some(expected), "{text}");
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
            "[['a']].exists(x, x.exists(y, y == request.host))",
            "type(request.host) == string",
            "request['host']",
        ] {
            assert_eq!(fault(text, Use::Tag), None, "{text}");
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
            "response.code + 1",
            "string(response.code)",
            "size(request.headers)",
            "[1]",
            "response.code >= 400 ? 'bad' : 'good'",
            "-1",
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
            "response.code >= 400 ? true : request.host",
            "!has(request.headers.x)",
            "upstream.unheard_of",
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
            let _ = fault(&text, Use::Tag);
        }
    }

    proptest! {
        #[test]
        fn no_expression_makes_it_panic(text in "(?s).{0,60}") {
            let _ = fault(&text, Use::Tag);
        }

        #[test]
        fn no_cel_like_expression_makes_it_panic(
            text in "(a|1|'|\"|\\(|\\)|\\[|\\]|\\{|\\}|\\.|\\?|:|,|!|-|\\+|&&|\\|\\||==|in|has|all|map| |b\"|r'|0x|1e|u|\\\\|é){0,24}"
        ) {
            let _ = fault(&text, Use::Tag);
        }
    }
}
