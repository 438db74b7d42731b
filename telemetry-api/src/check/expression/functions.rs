//! The functions that Envoy gives to expressions: fewer than CEL has, and other ones in filters of access logs than in tags
//! of metrics. Tried in Envoy 1.40; `delivery/ENVOY.md` has the facts.

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::{attributes, tree, without_texts};
use crate::document::reader::{list, shorten};
use crate::problem::closest;

/// What an expression is for, which says what Envoy gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A tag of metrics: a module asks Envoy for its value.
    Tag,
    /// A filter of access logs, or the operator `%CEL(…)%` of a format.
    Log,
}

/// A function, and how many arguments it takes, `x.f(y)` counting as one beside its object.
struct Function {
    name: &'static str,
    plain: &'static [usize],
    of_object: &'static [usize],
}

const fn plain(name: &'static str) -> Function {
    Function { name, plain: &[1], of_object: &[] }
}

const fn of_text(name: &'static str) -> Function {
    Function { name, plain: &[2], of_object: &[1] }
}

const fn of_time(name: &'static str) -> Function {
    Function { name, plain: &[], of_object: &[0, 1] }
}

/// What there is everywhere.
const FUNCTIONS: &[Function] = &[
    plain("bool"),
    plain("bytes"),
    of_text("contains"),
    plain("double"),
    plain("duration"),
    plain("dyn"),
    of_text("endsWith"),
    of_time("getDate"),
    of_time("getDayOfMonth"),
    of_time("getDayOfWeek"),
    of_time("getDayOfYear"),
    of_time("getFullYear"),
    of_time("getHours"),
    of_time("getMilliseconds"),
    of_time("getMinutes"),
    of_time("getMonth"),
    of_time("getSeconds"),
    plain("int"),
    of_text("matches"),
    Function { name: "size", plain: &[1], of_object: &[0] },
    of_text("startsWith"),
    plain("timestamp"),
    plain("type"),
    plain("uint"),
];

/// What tags alone have.
const OF_TAGS: &[Function] = &[plain("string")];

/// What there is besides functions, in tags alone: they walk over lists and maps.
const MACROS: &[&str] = &["all", "exists", "exists_one", "filter", "map"];

/// What filters of access logs alone have, below the name `re`.
const OF_LOGS: &[Function] = &[
    Function { name: "capture", plain: &[], of_object: &[2] },
    Function { name: "captureN", plain: &[], of_object: &[2] },
    Function { name: "extract", plain: &[], of_object: &[3] },
];

/// The object of those.
const REGULAR_EXPRESSIONS: &str = "re";

/// What Envoy lacks to make a value of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// What it lacks.
    pub message: String,
    /// What is allowed.
    pub help: String,
}

/// The first thing that an expression calls and Envoy lacks.
pub(super) fn missing(expression: &Expr, text: &str, use_of: Use) -> Option<Missing> {
    let mut found = None;
    tree::for_each(expression, &mut |part| {
        if found.is_none() {
            found = match part {
                Expr::Call(call) => missing_function(call, use_of),
                Expr::Comprehension(_) if use_of == Use::Log => Some(no_macros()),
                _ => None,
            };
        }
    });
    // The parser takes it for `exists_one`, and nothing in its tree tells them apart.
    if found.is_none() && calls(text, "existsOne") {
        found = Some(Missing {
            message: "Envoy has no function `existsOne`".to_owned(),
            help: "did you mean `exists_one`?".to_owned(),
        });
    }
    found
}

/// Whether a name is what functions of filters stand below.
pub(super) fn is_namespace(name: &str, use_of: Use) -> bool {
    use_of == Use::Log && name == REGULAR_EXPRESSIONS
}

fn calls(text: &str, function: &str) -> bool {
    let code: String = without_texts(text).split_whitespace().collect();
    code.contains(&format!(".{function}("))
}

fn missing_function(call: &CallExpr, use_of: Use) -> Option<Missing> {
    let name = call.func_name.as_str();
    // Operators have names that nobody can write.
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let target = call.target.as_ref().map(|target| &target.expr);
    if is_target_namespace(target, use_of) {
        return match OF_LOGS.iter().find(|known| known.name == name) {
            Some(known) if known.of_object.contains(&call.args.len()) => None,
            Some(known) => Some(other_arguments(known, Some(REGULAR_EXPRESSIONS))),
            None => Some(unknown(&format!("{REGULAR_EXPRESSIONS}.{name}"), use_of)),
        };
    }
    match known(use_of).find(|known| known.name == name) {
        Some(known) => {
            let allowed = if target.is_some() { known.of_object } else { known.plain };
            (!allowed.contains(&call.args.len())).then(|| other_arguments(known, None))
        }
        None => Some(unknown(&full_name(name, target), use_of)),
    }
}

fn is_target_namespace(target: Option<&Expr>, use_of: Use) -> bool {
    matches!(target, Some(Expr::Ident(root)) if is_namespace(root, use_of))
}

fn known(use_of: Use) -> impl Iterator<Item = &'static Function> {
    let own: &[Function] = if use_of == Use::Tag { OF_TAGS } else { &[] };
    FUNCTIONS.iter().chain(own)
}

/// The name of a function with that of its library, such as `math.greatest`.
fn full_name(name: &str, target: Option<&Expr>) -> String {
    match target {
        Some(Expr::Ident(root)) if !attributes::is_root(root) => format!("{root}.{name}"),
        _ => name.to_owned(),
    }
}

fn unknown(name: &str, use_of: Use) -> Missing {
    if use_of == Use::Log && OF_TAGS.iter().any(|function| function.name == name) {
        let message = format!("Envoy has no `{name}` where it writes access logs, unlike in tags of metrics");
        let help = "compare with a value of its own type: `response.code == 404`".to_owned();
        return Missing { message, help };
    }
    let names: Vec<&str> = known(use_of).map(|function| function.name).collect();
    let mut all = names.clone();
    match use_of {
        Use::Tag => all.extend(MACROS),
        Use::Log => all.extend(["re.capture", "re.captureN", "re.extract"]),
    }
    all.push("has");
    all.sort_unstable();
    let last = name.rsplit('.').next().unwrap_or(name);
    let likely = closest(last, &all).map(|likely| format!("did you mean `{likely}`? "));
    Missing {
        message: format!("Envoy has no function `{}`", shorten(name)),
        help: format!("{}allowed: {}", likely.unwrap_or_default(), list(&all)),
    }
}

fn other_arguments(function: &Function, namespace: Option<&str>) -> Missing {
    let name = function.name;
    let object = namespace.unwrap_or("x");
    let plain = function.plain.iter().map(|count| format!("`{name}({})`", arguments(*count)));
    let of_object =
        function.of_object.iter().map(|count| format!("`{object}.{name}({})`", arguments(*count)));
    let forms: Vec<String> = plain.chain(of_object).collect();
    Missing {
        message: format!("Envoy's function `{name}` takes other arguments"),
        help: format!("write {}", forms.join(" or ")),
    }
}

fn arguments(count: usize) -> String {
    ["a", "b", "c"].iter().take(count).copied().collect::<Vec<_>>().join(", ")
}

fn no_macros() -> Missing {
    Missing {
        message: format!("Envoy has none of {} where it writes access logs", list(MACROS)),
        help: "write a condition for each element, such as `x == 'a' || x == 'b'` or `x in ['a', 'b']`"
            .to_owned(),
    }
}

/// Attributes that are texts.
const TEXTS: &[&str] =
    &["host", "id", "method", "path", "protocol", "query", "referer", "scheme", "url_path", "useragent"];

/// Whether an expression puts texts or lists together, which Envoy does not do where it writes access logs.
pub(super) fn joins(expression: &Expr) -> bool {
    let mut found = false;
    tree::for_each(expression, &mut |part| {
        if let Expr::Call(call) = part
            && call.func_name == operators::ADD
        {
            found |= call.args.iter().any(|argument| is_joined(&argument.expr));
        }
    });
    found
}

fn is_joined(tree: &Expr) -> bool {
    match tree {
        Expr::Literal(LiteralValue::String(_) | LiteralValue::Bytes(_)) | Expr::List(_) => true,
        Expr::Call(call) if tree::index(call).is_some_and(|(object, _)| is_headers(object)) => true,
        _ => matches!(tree::attribute(tree), Some(("request", Some(field))) if TEXTS.contains(&field)),
    }
}

fn is_headers(tree: &Expr) -> bool {
    matches!(tree::attribute(tree), Some(("request" | "response", Some("headers"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::expression::{Fault, fault};
    use crate::test;

    fn lacks(text: &str, use_of: Use) -> Option<String> {
        match fault(text, use_of) {
            Some(Fault::Function(missing)) => Some(missing.message),
            None => None,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_envoy_has_everywhere_is_accepted_everywhere() {
        for text in [
            "'abc'.matches('b') && matches('abc', 'b')",
            "request.host.startsWith('a') || endsWith(request.host, 'b')",
            "size('abc') == 3 && 'abc'.size() == 3",
            "int('1') == 1 && uint(1) == 1u && double(1) == 1.0 && bytes('a') == b'a' && bool('true')",
            "request.time.getHours() >= 0 && request.time.getMinutes('UTC') >= 0",
            "timestamp('2020-01-01T00:00:00Z').getFullYear() == 2020",
            "request.duration > duration('1s')",
            "type(1) == int && dyn(1) == 1",
            "has(request.headers.x) && 'x' in request.headers",
            "!true == false && -1 < 0 && 5 % 2 == 1 && [1, 2][0] == 1",
        ] {
            assert_eq!(lacks(text, Use::Tag), None, "{text}");
            assert_eq!(lacks(text, Use::Log), None, "{text}");
        }
    }

    #[test]
    fn what_envoy_has_nowhere_is_told() {
        for (text, name) in [
            ("request.host.lowerAscii()", "lowerAscii"),
            ("request.host.split('.')[0]", "split"),
            ("'a' == request.host ? 'a' : request.host.substring(1)", "substring"),
            ("math.greatest(1, 2)", "math.greatest"),
            ("cel.bind(x, 1, x)", "cel.bind"),
            ("request.headers['x'].find('b')", "find"),
            ("[request.host.trim()]", "trim"),
            ("{'a': foo(1)}", "foo"),
        ] {
            for use_of in [Use::Tag, Use::Log] {
                assert_eq!(lacks(text, use_of), Some(format!("Envoy has no function `{name}`")), "{text}");
            }
        }
    }

    #[test]
    fn tags_and_filters_differ() {
        for (text, of_log) in [
            (
                "string(response.code) == '200'",
                "Envoy has no `string` where it writes access logs, unlike in tags of metrics",
            ),
            (
                "[1].exists(x, x == 1)",
                "Envoy has none of all, exists, exists_one, filter, map where it writes access logs",
            ),
            (
                "[1].map(x, x + 1) == [2]",
                "Envoy has none of all, exists, exists_one, filter, map where it writes access logs",
            ),
        ] {
            assert_eq!(lacks(text, Use::Tag), None, "{text}");
            assert_eq!(lacks(text, Use::Log).as_deref(), Some(of_log), "{text}");
        }
        let extract = "re.extract(request.path, '(b)', '\\\\1') == 'b'";
        assert_eq!(lacks(extract, Use::Log), None);
        assert_eq!(lacks(extract, Use::Tag).as_deref(), Some("Envoy has no function `re.extract`"));
        assert_eq!(lacks("re.find('a')", Use::Log).as_deref(), Some("Envoy has no function `re.find`"));
    }

    #[test]
    fn other_arguments_are_told_with_the_right_ones() {
        for (text, help) in [
            ("'abc'.startsWith('a', 'b')", "write `startsWith(a, b)` or `x.startsWith(a)`"),
            ("'1'.int() == 1", "write `int(a)`"),
            ("getHours(request.time) == 1", "write `x.getHours()` or `x.getHours(a)`"),
            ("re.extract('a', 'b') == ''", "write `re.extract(a, b, c)`"),
        ] {
            let Some(Fault::Function(missing)) = fault(text, Use::Log) else { panic!("{text}") };
            assert_eq!(missing.help, help, "{text}");
        }
    }

    #[test]
    fn what_is_likely_meant_is_named() {
        for (text, likely) in [
            ("request.host.startWith('a')", "startsWith"),
            ("request.host.match('a')", "matches"),
            ("[1].existsOne(x, x == 1)", "exists_one"),
        ] {
            let Some(Fault::Function(missing)) = fault(text, Use::Tag) else { panic!("{text}") };
            assert!(missing.help.starts_with(&format!("did you mean `{likely}`?")), "{}", missing.help);
        }
        assert_eq!(lacks("'x.existsOne(a)' == request.host", Use::Tag), None);
    }

    #[test]
    fn filters_put_no_texts_together() {
        for text in [
            "'a' + request.host == 'ab'",
            "request.host + request.path == 'ab'",
            "request.headers['x'] + request.headers['y'] == 'a'",
            "response.code > 1 && [1] + [2] == [1, 2]",
        ] {
            assert_eq!(fault(text, Use::Log), Some(Fault::Joined), "{text}");
            assert_eq!(fault(text, Use::Tag), None, "{text}");
        }
        for text in ["response.code + 1 > 2", "request.time + duration('1s') > request.time"] {
            assert_eq!(fault(text, Use::Log), None, "{text}");
        }
    }
}
