//! Expressions of tags that an access log's format can have too, with the same text for the same request.
//!
//! In a tag a module asks for `string(EXPRESSION)`; in a format the operator `%CEL(…)%` writes the value. They agree
//! on texts, whole numbers and booleans. On anything else (times, lists, maps, what filters wrote) they do not, or it
//! was not tried, so the kind of the value has to be plain from the expression.

use cel::common::ast::{Expr, LiteralValue, operators};

use super::{Use, fault, parse, tree};

/// Why a format cannot have an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotInFormat {
    /// It calls something that formats lack, or puts texts together.
    Function,
    /// That it gives a text, a whole number or a boolean is not plain from it.
    Value,
    /// It has a percent sign or a control character, such as the end of a line, which formats have for themselves.
    Character,
}

impl NotInFormat {
    /// Why, as the end of a sentence about the expression.
    pub const fn why(self) -> &'static str {
        match self {
            NotInFormat::Function => {
                "it calls what formats of access logs do not have, or puts texts together"
            }
            NotInFormat::Value => {
                "that it gives a text, a whole number or a boolean in every case is not plain from it"
            }
            NotInFormat::Character => "it has a percent sign or a control character",
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Boolean,
}

/// The expression that gives in a format what this one gives as a tag's.
///
/// # Errors
/// Why there is none.
pub fn in_format(text: &str) -> Result<&str, NotInFormat> {
    if text.chars().any(|c| c == '%' || c.is_control()) {
        return Err(NotInFormat::Character);
    }
    let inner = within_string(text).unwrap_or(text).trim();
    if fault(inner, Use::Log).is_some() {
        return Err(NotInFormat::Function);
    }
    let program = parse(inner).map_err(|_| NotInFormat::Function)?;
    match kind(&program.expression().expr) {
        Some(_) => Ok(inner),
        None => Err(NotInFormat::Value),
    }
}

/// What stands in `string(…)`, if that is the whole expression: a format writes every value as text anyway.
fn within_string(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("string(")?.strip_suffix(')')?;
    // `string(a) + string(b)` has no expression between its outermost brackets.
    parse(inner).is_ok().then_some(inner)
}

/// What an expression gives, if that is plain.
fn kind(tree: &Expr) -> Option<Kind> {
    if tree::is_boolean(tree) {
        return Some(Kind::Boolean);
    }
    if let Some((root, Some(field))) = tree::attribute(tree) {
        return of_attribute(root, field);
    }
    match tree {
        Expr::Literal(LiteralValue::String(_)) => Some(Kind::Text),
        Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_)) => Some(Kind::Integer),
        Expr::Call(call) => {
            if let Some([_, yes, no]) = tree::conditional(call) {
                return kind(yes).and(kind(no));
            }
            if let Some((object, key)) = tree::index(call) {
                let is_header = is_map_of_texts(object) && kind(key) == Some(Kind::Text);
                return is_header.then_some(Kind::Text);
            }
            of_function(&call.func_name, call.args.iter().map(|argument| &argument.expr))
        }
        // `request.headers.x`.
        Expr::Select(select) => is_map_of_texts(&select.operand.expr).then_some(Kind::Text),
        _ => None,
    }
}

fn of_function<'e>(name: &str, mut arguments: impl Iterator<Item = &'e Expr>) -> Option<Kind> {
    const OF_NUMBERS: [&str; 5] =
        [operators::ADD, operators::SUBSTRACT, operators::MULTIPLY, operators::DIVIDE, operators::NEGATE];
    match name {
        "size" | "int" | "uint" => Some(Kind::Integer),
        name if OF_NUMBERS.contains(&name) => {
            arguments.all(|argument| kind(argument) == Some(Kind::Integer)).then_some(Kind::Integer)
        }
        _ => None,
    }
}

fn is_map_of_texts(tree: &Expr) -> bool {
    matches!(tree::attribute(tree), Some(("request", Some("headers"))))
        || matches!(tree::attribute(tree), Some(("response", Some("headers" | "trailers"))))
}

/// What attributes give that were tried in both places.
fn of_attribute(root: &str, field: &str) -> Option<Kind> {
    const TEXTS: &[(&str, &[&str])] = &[
        (
            "request",
            &[
                "path",
                "url_path",
                "host",
                "scheme",
                "method",
                "referer",
                "useragent",
                "id",
                "query",
                "protocol",
            ],
        ),
        ("response", &["code_details"]),
        ("source", &["address"]),
        ("destination", &["address"]),
        (
            "connection",
            &[
                "requested_server_name",
                "tls_version",
                "subject_local_certificate",
                "subject_peer_certificate",
                "uri_san_local_certificate",
                "uri_san_peer_certificate",
            ],
        ),
        ("upstream", &["address", "tls_version", "uri_san_local_certificate", "uri_san_peer_certificate"]),
        ("xds", &["cluster_name", "route_name"]),
    ];
    const INTEGERS: &[(&str, &[&str])] = &[
        ("request", &["size", "total_size"]),
        ("response", &["code", "flags", "grpc_status", "size", "total_size"]),
        ("source", &["port"]),
        ("destination", &["port"]),
        ("upstream", &["port"]),
    ];
    let has = |table: &[(&str, &[&str])]| {
        table.iter().any(|(known, fields)| *known == root && fields.contains(&field))
    };
    match (has(TEXTS), has(INTEGERS)) {
        (true, _) => Some(Kind::Text),
        (_, true) => Some(Kind::Integer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn what_both_give_as_the_same_text_is_taken() {
        for (text, expected) in [
            ("request.host", "request.host"),
            (" response.code ", "response.code"),
            ("string(destination.port)", "destination.port"),
            ("request.headers['x-tenant']", "request.headers['x-tenant']"),
            ("request.headers.x", "request.headers.x"),
            ("response.code >= 500 ? 'bad' : 'good'", "response.code >= 500 ? 'bad' : 'good'"),
            (
                "'x' in request.headers ? request.headers['x'] : 'none'",
                "'x' in request.headers ? request.headers['x'] : 'none'",
            ),
            ("request.url_path.startsWith('/a')", "request.url_path.startsWith('/a')"),
            ("size(request.path) * 2 - 1", "size(request.path) * 2 - 1"),
            ("connection.mtls", "connection.mtls"),
        ] {
            assert_eq!(in_format(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for (text, expected) in [
            ("string(response.code) + 'x'", NotInFormat::Function),
            ("string(response.code) + string(response.code)", NotInFormat::Function),
            ("request.host + request.path", NotInFormat::Function),
            ("[1].exists(x, x == 1)", NotInFormat::Function),
            ("nonsense(", NotInFormat::Function),
            ("request.methd", NotInFormat::Function),
            ("request.headers", NotInFormat::Value),
            ("request.time", NotInFormat::Value),
            ("string(request.duration)", NotInFormat::Value),
            ("1.5", NotInFormat::Value),
            ("null", NotInFormat::Value),
            ("filter_state['a']", NotInFormat::Value),
            ("xds.cluster_metadata.filter_metadata.istio.services[0].name", NotInFormat::Value),
            ("response.code > 1 ? 'a' : request.time", NotInFormat::Value),
            ("re.extract(request.path, 'a', 'b')", NotInFormat::Value),
            ("response.code % 2", NotInFormat::Character),
            ("request.path == '\u{1}'", NotInFormat::Character),
            ("request.host\n", NotInFormat::Character),
        ] {
            assert_eq!(in_format(text), Err(expected), "{text}");
        }
    }
}
