//! That an API server takes the rules: it refuses a definition with a rule that may cost too much, by how often a rule
//! may run and how many steps it then does.
//!
//! How an API server counts: a rule below a list or map without a bound may run as often as the smallest such entry, with
//! its comma, fits into the largest request, which is 3 MiB; one rule may cost ten million steps in all. So a rule whose
//! smallest entry is `{}` has nine steps.

use kube_cel::cel::Program;
use kube_cel::cel::common::ast::Expr;
use serde_json::Value;

use crate::derived::{Step, places};
use crate::{KINDS, istio, schema};

/// What one rule may cost.
const MOST: u64 = 10_000_000;

/// The largest request, in bytes.
const REQUEST: u64 = 3 << 20;

/// What looking at a text of unknown length costs: a tenth of its bytes.
const WHOLE_TEXT: u64 = REQUEST / 10;

/// Every rule of a schema, and what it may cost in all.
fn costs(root: &Value) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for place in places(root) {
        let node = root.pointer(&place.pointer).expect("the node");
        for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let text = rule["rule"].as_str().expect("a rule");
            let program = Program::compile(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let entries = node["maxProperties"].as_u64().or(node["maxItems"].as_u64()).unwrap_or(REQUEST / 5);
            let cost = steps(&program.expression().expr, entries) * times(root, &place.pointer, &place.steps);
            found.push((format!("{} {text}", place.shown()), cost));
        }
    }
    found
}

/// How often the rules of a node may run: the product of the bounds above it, or, when there is one without, how often
/// the smallest such node fits into a request.
fn times(root: &Value, pointer: &str, steps: &[Step]) -> u64 {
    let mut product = Some(1_u64);
    let mut node = root;
    for step in steps {
        (node, product) = match step {
            Step::Field(name) => (&node["properties"][name], product),
            Step::Entry => (&node["items"], bounded(product, &node["maxItems"])),
            Step::Value => (&node["additionalProperties"], bounded(product, &node["maxProperties"])),
        };
    }
    product.unwrap_or_else(|| REQUEST / (smallest(root.pointer(pointer).expect("the node")) + 1))
}

fn bounded(product: Option<u64>, bound: &Value) -> Option<u64> {
    Some(product? * bound.as_u64()?)
}

/// The fewest bytes that a value can be written with.
fn smallest(node: &Value) -> u64 {
    let required = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    2 + required.map(|name| name.len() as u64 + 4 + smallest(&node["properties"][name])).sum::<u64>()
}

/// How many steps an expression may do. `entries` is how many entries what it goes through may have.
fn steps(expression: &Expr, entries: u64) -> u64 {
    let of = |expression: &Expr| steps(expression, entries);
    match expression {
        Expr::Ident(_) => 1,
        Expr::Select(select) => 1 + of(&select.operand.expr),
        Expr::List(list) => 10 + list.elements.iter().map(|element| of(&element.expr)).sum::<u64>(),
        Expr::Call(call) => {
            let parts = call.target.iter().map(|target| &target.expr);
            let parts: u64 = parts.chain(call.args.iter().map(|argument| &argument.expr)).map(of).sum();
            parts
                + match call.func_name.as_str() {
                    "_&&_" | "_||_" | "_?_:_" => 0,
                    "isURL" | "url" => WHOLE_TEXT,
                    _ => 1,
                }
        }
        Expr::Comprehension(all) => {
            let once = of(&all.loop_cond.expr) + of(&all.loop_step.expr);
            of(&all.iter_range.expr) + of(&all.accu_init.expr) + of(&all.result.expr) + entries * once
        }
        _ => 0,
    }
}

#[test]
fn an_api_server_can_afford_every_rule() {
    for kind in KINDS {
        let costs = costs(&kind.schema());
        assert!(costs.len() >= 9, "{kind:?}");
        for (rule, cost) in &costs {
            assert!(*cost <= MOST, "{rule} may cost {cost}");
        }
        let all: u64 = costs.iter().map(|(_, cost)| cost).sum();
        assert!(all <= 10 * MOST, "all of {kind:?} may cost {all}");
    }
}

#[test]
fn rules_that_cost_too_much_are_found() {
    let mut schema = KINDS[0].schema();
    let tags =
        schema.pointer_mut("/properties/spec/properties/tracing/items/properties/customTags").expect("tags");
    tags["x-kubernetes-validations"] = serde_json::json!([{"rule": "self.all(name, name != '')"}]);
    assert!(costs(&schema).iter().any(|(rule, cost)| rule.contains("name != ''") && *cost > MOST));
}

/// API servers take Istio's rules, so whoever counts right finds that they can be afforded.
#[test]
fn istios_rules_can_be_afforded_too() {
    for kind in KINDS {
        let Some(definition) = istio::definition(kind) else { return };
        for (rule, cost) in costs(&schema(&definition, "v1alpha1")) {
            assert!(cost <= MOST, "{rule} may cost {cost}");
        }
    }
}
