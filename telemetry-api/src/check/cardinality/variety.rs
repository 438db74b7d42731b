//! How many values an expression can have: what clients choose, what grows with time, and what bounds it.

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

use crate::check::expression::tree::{attribute, conditional, index, is_boolean, path};

/// How many values an expression can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variety {
    /// At most this many, or usually so.
    Few(u64),
    /// Nobody can say.
    Unknown,
    /// As many as there will ever be.
    Unbounded(Source),
}

/// Where values without bound come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The attribute, as one writes it.
    pub attribute: String,
    /// Why it has so many.
    pub why: Why,
}

/// Why an attribute has so many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Whoever sends a request chooses it.
    Clients,
    /// Whoever answers chooses it.
    Servers,
    /// It is new for each request or connection.
    Fresh,
    /// It is a measured number.
    Measured,
    /// It changes whenever something is started or renewed.
    Renewed,
}

impl Why {
    /// The reason in a message, after the attribute.
    pub fn clause(self) -> &'static str {
        match self {
            Why::Clients => "which clients choose",
            Why::Servers => "which the answering side chooses",
            Why::Fresh => "which is new for each request or connection",
            Why::Measured => "which is measured and rarely the same twice",
            Why::Renewed => "which changes whenever a pod or a certificate is new",
        }
    }
}

impl Variety {
    /// The values of either.
    fn or(self, other: Variety) -> Variety {
        self.with(other, u64::saturating_add)
    }

    /// The values of both together.
    fn and(self, other: Variety) -> Variety {
        self.with(other, u64::saturating_mul)
    }

    fn with(self, other: Variety, of_both: impl Fn(u64, u64) -> u64) -> Variety {
        match (self, other) {
            (unbounded @ Variety::Unbounded(_), _) | (_, unbounded @ Variety::Unbounded(_)) => unbounded,
            (Variety::Few(one), Variety::Few(two)) => Variety::Few(of_both(one, two)),
            _ => Variety::Unknown,
        }
    }
}

/// The most headers that Envoy takes by default, and the most bytes of them.
const MOST_HEADERS: u64 = 100;
const MOST_HEADER_BYTES: u64 = 60 * 1024;

/// How many values a tree can have.
pub(super) fn of(tree: &Expr) -> Variety {
    if is_boolean(tree) {
        return Variety::Few(2);
    }
    if let Some((root, field)) = attribute(tree) {
        return of_attribute(root, field);
    }
    match tree {
        Expr::Literal(_) => Variety::Few(1),
        Expr::Call(call) => of_call(call),
        Expr::Select(select) => below(&select.operand.expr, &format!(".{}", select.field)),
        Expr::Map(map) => map.entries.iter().fold(Variety::Few(0), |all, entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => all.or(of(&entry.value.expr)),
            EntryExpr::StructField(field) => all.or(of(&field.value.expr)),
        }),
        Expr::List(list) => {
            list.elements.iter().fold(Variety::Few(0), |all, element| all.or(of(&element.expr)))
        }
        Expr::Ident(_) | Expr::Comprehension(_) | Expr::Struct(_) | Expr::Unspecified => Variety::Unknown,
    }
}

fn of_call(call: &CallExpr) -> Variety {
    if let Some([condition, yes, no]) = conditional(call) {
        return bounded(condition, Branch::Yes, yes).or(bounded(condition, Branch::No, no));
    }
    if let Some((object, key)) = index(call) {
        return match object {
            // One of the values that are written there.
            Expr::Map(_) | Expr::List(_) => of(object),
            _ => match key {
                Expr::Literal(LiteralValue::String(key)) => below(object, &format!("['{}']", key.inner())),
                _ => below(object, "[...]"),
            },
        };
    }
    let arguments =
        || call.target.iter().map(|target| &target.expr).chain(call.args.iter().map(|one| &one.expr));
    match call.func_name.as_str() {
        "size" => of_size(arguments().next()),
        operators::MODULO => match call.args.as_slice() {
            [_, by] => modulo(&by.expr),
            _ => Variety::Unknown,
        },
        // Any other function has at most as many values as what it is of.
        _ => arguments().fold(Variety::Few(1), |all, argument| all.and(of(argument))),
    }
}

/// Lengths are bounded by what Envoy takes.
fn of_size(argument: Option<&Expr>) -> Variety {
    match argument {
        Some(Expr::List(_) | Expr::Map(_) | Expr::Literal(_)) => Variety::Few(1),
        Some(tree) if attribute(tree).is_some_and(|(_, field)| field == Some("headers")) => {
            Variety::Few(MOST_HEADERS)
        }
        Some(tree) => match of(tree) {
            Variety::Unbounded(_) => Variety::Few(MOST_HEADER_BYTES),
            few => few,
        },
        None => Variety::Unknown,
    }
}

/// The remainders of a division by a number.
fn modulo(by: &Expr) -> Variety {
    match by {
        Expr::Literal(LiteralValue::Int(by)) => {
            Variety::Few(by.inner().unsigned_abs().saturating_mul(2).saturating_sub(1).max(1))
        }
        Expr::Literal(LiteralValue::UInt(by)) => Variety::Few((*by.inner()).max(1)),
        _ => Variety::Unknown,
    }
}

/// What stands below something, such as a header of `request.headers`.
fn below(object: &Expr, step: &str) -> Variety {
    match attribute(object) {
        Some((root, Some(field @ ("headers" | "trailers")))) => {
            let why = if root == "request" { Why::Clients } else { Why::Servers };
            Variety::Unbounded(Source { attribute: format!("{root}.{field}{step}"), why })
        }
        _ => Variety::Unknown,
    }
}

/// A branch of `condition ? yes : no`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    Yes,
    No,
}

/// How many values a branch can have, given that its condition holds there: `x in ['a', 'b'] ? x : 'other'` has three.
fn bounded(condition: &Expr, branch: Branch, tree: &Expr) -> Variety {
    bound(condition, branch, tree).map_or_else(|| of(tree), Variety::Few)
}

/// How many values a tree can have because of a condition; none if it says nothing of that.
fn bound(condition: &Expr, branch: Branch, tree: &Expr) -> Option<u64> {
    let Expr::Call(call) = condition else { return None };
    match (call.func_name.as_str(), call.args.as_slice(), branch) {
        (operators::LOGICAL_NOT, [inner], _) => {
            let other = if branch == Branch::Yes { Branch::No } else { Branch::Yes };
            bound(&inner.expr, other, tree)
        }
        // Both hold: either may bound it. One of them holds: both have to.
        (operators::LOGICAL_AND, [one, two], Branch::Yes)
        | (operators::LOGICAL_OR, [one, two], Branch::No) => {
            let bounds = [bound(&one.expr, branch, tree), bound(&two.expr, branch, tree)];
            bounds.into_iter().flatten().min()
        }
        (operators::LOGICAL_OR, [one, two], Branch::Yes)
        | (operators::LOGICAL_AND, [one, two], Branch::No) => {
            Some(bound(&one.expr, branch, tree)?.saturating_add(bound(&two.expr, branch, tree)?))
        }
        (operators::EQUALS, [one, two], Branch::Yes) | (operators::NOT_EQUALS, [one, two], Branch::No) => {
            let (one, two) = (&one.expr, &two.expr);
            let is_it = (is_same(one, tree) && is_literal(two)) || (is_same(two, tree) && is_literal(one));
            is_it.then_some(1)
        }
        (operators::IN, [value, list], Branch::Yes) if is_same(&value.expr, tree) => match &list.expr {
            Expr::List(list) if list.elements.iter().all(|element| is_literal(&element.expr)) => {
                Some(list.elements.len() as u64)
            }
            Expr::Map(map) => Some(map.entries.len() as u64),
            _ => None,
        },
        _ => None,
    }
}

/// Whether two trees read the same.
fn is_same(one: &Expr, other: &Expr) -> bool {
    path(one).is_some_and(|one| path(other) == Some(one))
}

fn is_literal(tree: &Expr) -> bool {
    matches!(tree, Expr::Literal(_))
}

/// How many values an attribute has: what Envoy can give there, or what is usual.
fn of_attribute(root: &str, field: Option<&str>) -> Variety {
    let unbounded = |why| {
        let attribute = field.map_or_else(|| root.to_owned(), |field| format!("{root}.{field}"));
        Variety::Unbounded(Source { attribute, why })
    };
    match (root, field) {
        ("request", Some("path" | "url_path" | "host" | "headers" | "referer" | "useragent" | "query"))
        | ("connection", Some("requested_server_name")) => unbounded(Why::Clients),
        ("response", Some("headers" | "trailers")) => unbounded(Why::Servers),
        ("request", Some("id" | "time"))
        | ("connection", Some("id"))
        | ("connection_id", None)
        | ("source", Some("address" | "port"))
        | ("upstream", Some("local_address")) => unbounded(Why::Fresh),
        (
            "request" | "response",
            Some("size" | "total_size" | "headers_bytes" | "duration" | "backend_latency"),
        )
        | ("upstream", Some("cx_pool_ready_duration")) => unbounded(Why::Measured),
        ("destination" | "upstream", Some("address"))
        | ("connection" | "upstream", Some("sha256_peer_certificate_digest"))
        | ("connection", Some("peer_certificate")) => unbounded(Why::Renewed),
        ("request", Some("method")) => Variety::Few(9),
        ("request", Some("scheme")) => Variety::Few(2),
        ("request", Some("protocol")) => Variety::Few(4),
        ("response", Some("code")) => Variety::Few(10),
        ("response", Some("code_details")) => Variety::Few(20),
        ("response", Some("grpc_status")) => Variety::Few(17),
        ("response", Some("flags")) => Variety::Few(10),
        ("connection" | "upstream", Some("tls_version")) => Variety::Few(4),
        ("listener_direction", None) | ("xds", Some("listener_direction")) => Variety::Few(2),
        ("destination" | "upstream", Some("port")) => Variety::Few(5),
        ("upstream", Some("request_attempt_count")) => Variety::Few(5),
        _ => Variety::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::expression::parse;
    use crate::test;

    fn of_text(text: &str) -> Variety {
        of(&parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}")).expression().expr)
    }

    #[test]
    fn what_clients_choose_or_grows_has_no_bound() {
        for (text, attribute) in [
            ("request.path", "request.path"),
            ("request.url_path", "request.url_path"),
            ("request['path']", "request.path"),
            ("request.id", "request.id"),
            ("request.host", "request.host"),
            ("request.query", "request.query"),
            ("request.useragent", "request.useragent"),
            ("request.headers['x-tenant']", "request.headers['x-tenant']"),
            ("request.headers.tenant", "request.headers.tenant"),
            ("request.headers[request.method]", "request.headers[...]"),
            ("response.headers['x']", "response.headers['x']"),
            ("source.address", "source.address"),
            ("string(source.port)", "source.port"),
            ("connection_id", "connection_id"),
            ("request.time", "request.time"),
            ("string(request.size)", "request.size"),
            ("response.total_size / 1000", "response.total_size"),
            ("'a' + request.host", "request.host"),
            ("request.path.lowerAscii()", "request.path"),
            ("'x' in request.headers ? request.headers['x'] : 'none'", "request.headers['x']"),
            ("request.path == '/a' ? request.host : 'other'", "request.host"),
            ("request.path != '/a' ? request.path : 'a'", "request.path"),
            ("request.path in ['/a', '/b'] ? 'known' : request.path", "request.path"),
            ("request.path == '/a' || request.method == 'GET' ? request.path : 'x'", "request.path"),
            ("request.path.startsWith('/a') ? request.path : 'x'", "request.path"),
            ("request.path.matches('^/[a-z]+$') ? request.path : 'x'", "request.path"),
            ("{'a': request.host}['a']", "request.host"),
            ("upstream.address", "upstream.address"),
            ("connection.requested_server_name", "connection.requested_server_name"),
        ] {
            match of_text(text) {
                Variety::Unbounded(source) => assert_eq!(source.attribute, attribute, "{text}"),
                bounded => panic!("{text}: {bounded:?}"),
            }
        }
    }

    #[test]
    fn what_bounds_it_is_understood() {
        for (text, most) in [
            ("'production'", 1),
            ("1", 1),
            ("request.method", 9),
            ("response.code >= 500", 2),
            ("has(request.headers.x)", 2),
            ("'x' in request.headers", 2),
            ("request.path.startsWith('/api')", 2),
            ("[1, 2].exists(x, x == response.code)", 2),
            ("request.path.startsWith('/api') ? 'api' : 'other'", 2),
            ("request.path.matches('^/a') ? 'a' : request.path.matches('^/b') ? 'b' : 'other'", 3),
            ("request.path in ['/a', '/b'] ? request.path : 'other'", 3),
            ("request.path == '/a' ? request.path : 'other'", 2),
            ("request.path == '/a' || '/b' == request.path ? request.path : 'other'", 3),
            ("request.host == 'x' && request.path in ['/a'] ? request.path : 'other'", 2),
            ("!(request.path in ['/a', '/b']) ? 'other' : request.path", 3),
            ("request.path != '/a' && request.path != '/b' ? 'other' : request.path", 3),
            ("request.headers['x'] in ['a', 'b', 'c'] ? request.headers['x'] : 'other'", 4),
            ("request.host in {'a': 1} ? request.host : 'other'", 2),
            ("{'a': 'one', 'b': 'two'}[request.host]", 2),
            ("['a', 'b'][size(request.host) % 2]", 2),
            ("request.size % 10", 19),
            ("size(request.headers)", 100),
            ("size(request.path)", 61_440),
            ("size(['a'])", 1),
            ("request.method + (response.code >= 500 ? '!' : '')", 18),
            ("string(response.code / 100)", 10),
            ("response.code >= 500 ? '5xx' : response.code >= 400 ? '4xx' : 'ok'", 3),
            ("connection.mtls ? 'mtls' : 'plain'", 2),
        ] {
            assert_eq!(of_text(text), Variety::Few(most), "{text}");
        }
    }

    #[test]
    fn what_is_configured_is_not_judged() {
        for text in [
            "xds.cluster_name",
            "node.metadata.CLUSTER_ID",
            "filter_state['wasm.istio_operationId']",
            "metadata.filter_metadata['a']['b']",
            "istio_operationId",
            "downstream_peer.labels['role']",
            "[1, 2].map(x, x + 1)",
        ] {
            assert_eq!(of_text(text), Variety::Unknown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_expression_makes_it_panic(
            text in "(request\\.path|request\\.method|'a'|1|\\(|\\)|\\[|\\]|\\?|:|,|!|==|!=|&&|\\|\\|| in |%|size\\(| ){0,16}"
        ) {
            if let Ok(program) = parse(&text) {
                let _ = of(&program.expression().expr);
            }
        }

        #[test]
        fn a_choice_of_texts_has_as_many_values_as_texts(count in 1_usize..20) {
            let text: String = (1..count).map(|i| format!("request.path == '/{i}' ? 't{i}' : ")).collect();
            prop_assert_eq!(of_text(&format!("{text}'other'")), Variety::Few(count as u64));
        }
    }
}
