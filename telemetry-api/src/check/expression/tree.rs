//! The tree of an expression: the attributes that it reads, and what can be told of its value.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, LiteralValue, operators,
};

use super::attributes;

/// Calls `found` with each part of an expression, the whole first.
pub(crate) fn for_each<'e>(tree: &'e Expr, found: &mut dyn FnMut(&'e Expr)) {
    found(tree);
    match tree {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select(select) => for_each(&select.operand.expr, found),
        Expr::Call(call) => {
            call.target.iter().for_each(|target| for_each(&target.expr, found));
            call.args.iter().for_each(|argument| for_each(&argument.expr, found));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| for_each(&element.expr, found)),
        Expr::Map(map) => map.entries.iter().for_each(|entry| for_each_of_entry(entry, found)),
        Expr::Struct(value) => value.entries.iter().for_each(|entry| for_each_of_entry(entry, found)),
        Expr::Comprehension(comprehension) => {
            for part in [
                &comprehension.iter_range,
                &comprehension.accu_init,
                &comprehension.loop_cond,
                &comprehension.loop_step,
                &comprehension.result,
            ] {
                for_each(&part.expr, found);
            }
        }
    }
}

fn for_each_of_entry<'e>(entry: &'e IdedEntryExpr, found: &mut dyn FnMut(&'e Expr)) {
    match &entry.expr {
        EntryExpr::StructField(field) => for_each(&field.value.expr, found),
        EntryExpr::MapEntry(entry) => {
            for_each(&entry.key.expr, found);
            for_each(&entry.value.expr, found);
        }
    }
}

/// Calls `found` with each attribute that an expression reads: its root, and the field below it if there is one.
pub(crate) fn for_each_attribute<'e>(tree: &'e Expr, found: &mut dyn FnMut(&'e str, Option<&'e str>)) {
    walk(tree, &mut Vec::new(), found);
}

/// `own` has the names that macros give to values: `list.exists(x, x == 1)`.
fn walk<'e>(tree: &'e Expr, own: &mut Vec<&'e str>, found: &mut dyn FnMut(&'e str, Option<&'e str>)) {
    if let Some((root, field)) = attribute(tree) {
        if !own.contains(&root) {
            found(root, field);
        }
        return;
    }
    match tree {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select(select) => match &select.operand.expr {
            // `has(a.b)`, which asks for a field and reads none.
            Expr::Ident(root) if !own.contains(&root.as_str()) => found(root, Some(&select.field)),
            operand => walk(operand, own, found),
        },
        Expr::Call(call) => {
            call.target.iter().for_each(|target| walk(&target.expr, own, found));
            call.args.iter().for_each(|argument| walk(&argument.expr, own, found));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| walk(&element.expr, own, found)),
        Expr::Map(map) => map.entries.iter().for_each(|entry| walk_entry(entry, own, found)),
        Expr::Struct(value) => value.entries.iter().for_each(|entry| walk_entry(entry, own, found)),
        Expr::Comprehension(comprehension) => walk_comprehension(comprehension, own, found),
    }
}

fn walk_entry<'e>(
    entry: &'e IdedEntryExpr,
    own: &mut Vec<&'e str>,
    found: &mut dyn FnMut(&'e str, Option<&'e str>),
) {
    match &entry.expr {
        EntryExpr::StructField(field) => walk(&field.value.expr, own, found),
        EntryExpr::MapEntry(entry) => {
            walk(&entry.key.expr, own, found);
            walk(&entry.value.expr, own, found);
        }
    }
}

fn walk_comprehension<'e>(
    comprehension: &'e ComprehensionExpr,
    own: &mut Vec<&'e str>,
    found: &mut dyn FnMut(&'e str, Option<&'e str>),
) {
    walk(&comprehension.iter_range.expr, own, found);
    walk(&comprehension.accu_init.expr, own, found);
    let before = own.len();
    own.extend([comprehension.iter_var.as_str(), comprehension.accu_var.as_str()]);
    own.extend(comprehension.iter_var2.as_deref());
    walk(&comprehension.loop_cond.expr, own, found);
    walk(&comprehension.loop_step.expr, own, found);
    walk(&comprehension.result.expr, own, found);
    own.truncate(before);
}

/// An attribute, if a tree is nothing else: its root, and the field below it. `a.b`, `a['b']` and `a` are.
pub(crate) fn attribute(tree: &Expr) -> Option<(&str, Option<&str>)> {
    match tree {
        Expr::Ident(root) => Some((root, None)),
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(root) if !select.test => Some((root, Some(&select.field))),
            _ => None,
        },
        Expr::Call(call) => match index(call)? {
            (Expr::Ident(root), Expr::Literal(LiteralValue::String(field))) => {
                Some((root, Some(field.inner())))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What a tree reads, if it is an attribute or something below one: `a.b['c']` is `a.b.c`. Two trees that read the same
/// have the same.
pub(crate) fn path(tree: &Expr) -> Option<String> {
    match tree {
        Expr::Ident(root) => Some(root.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", path(&select.operand.expr)?, select.field))
        }
        Expr::Call(call) => match index(call)? {
            (object, Expr::Literal(LiteralValue::String(key))) => {
                Some(format!("{}.{}", path(object)?, key.inner()))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What is indexed, and by what.
pub(crate) fn index(call: &CallExpr) -> Option<(&Expr, &Expr)> {
    match call.args.as_slice() {
        [object, key] if call.func_name == operators::INDEX => Some((&object.expr, &key.expr)),
        _ => None,
    }
}

/// The three parts of `condition ? yes : no`.
pub(crate) fn conditional(call: &CallExpr) -> Option<[&Expr; 3]> {
    match call.args.as_slice() {
        [condition, yes, no] if call.func_name == operators::CONDITIONAL => {
            Some([&condition.expr, &yes.expr, &no.expr])
        }
        _ => None,
    }
}

/// Whether the value can be told to be a boolean.
pub(crate) fn is_boolean(tree: &Expr) -> bool {
    match tree {
        Expr::Literal(LiteralValue::Boolean(_)) => true,
        Expr::Select(select) => select.test || attribute(tree) == Some(("connection", Some("mtls"))),
        Expr::Call(call) => match conditional(call) {
            Some([_, yes, no]) => is_boolean(yes) && is_boolean(no),
            None => BOOLEAN.contains(&call.func_name.as_str()),
        },
        // All macros but `map` and `filter`, which begin with an empty list.
        Expr::Comprehension(comprehension) => is_boolean(&comprehension.accu_init.expr),
        _ => false,
    }
}

/// Functions and operators whose value is a boolean.
const BOOLEAN: &[&str] = &[
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::IN,
    "bool",
    "contains",
    "endsWith",
    "matches",
    "startsWith",
];

/// Functions and operators whose value is never a boolean.
const NEVER_BOOLEAN: &[&str] = &[
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    "bytes",
    "double",
    "duration",
    "int",
    "size",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// Whether the value can be told to be no boolean.
pub(super) fn is_never_boolean(tree: &Expr) -> bool {
    if attribute(tree).is_some() {
        return is_plain_attribute(tree);
    }
    match tree {
        Expr::Literal(literal) => !matches!(literal, LiteralValue::Boolean(_)),
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => true,
        Expr::Call(call) => match (conditional(call), index(call)) {
            (Some([_, yes, no]), _) => is_never_boolean(yes) && is_never_boolean(no),
            // What stands below an attribute, such as a header.
            (None, Some((object, _))) => is_plain_attribute(object),
            (None, None) => NEVER_BOOLEAN.contains(&call.func_name.as_str()),
        },
        Expr::Select(select) => !select.test && is_plain_attribute(&select.operand.expr),
        Expr::Ident(_) | Expr::Comprehension(_) | Expr::Unspecified => false,
    }
}

/// Whether a tree is an attribute that Envoy has and that is no boolean.
fn is_plain_attribute(tree: &Expr) -> bool {
    attribute(tree).is_some_and(|(root, field)| {
        // What is below those of `xds` may be anything.
        attributes::has_known_fields(root)
            && root != "xds"
            && (root, field) != ("connection", Some("mtls"))
            && attributes::unknown(root, field).is_none()
    })
}
