//! Reads which namespaces may use which modules: `data.rules` of the ConfigMap `burgee-modules`, a list in YAML.

use super::reader::{Context, Field, Object};
use super::tree::{NodeValue, Source};
use crate::origin::{DocumentId, Traced};
use crate::problem::{Severity, codes};
use crate::resolve::check_pattern;
use crate::resources::module_rules::{ModuleRule, ModuleRules};

const FIELDS: &[&str] = &[
    "namespaces",
    "allow",
    "deny",
    "maxModuleBytes",
    "maxPlugins",
    "requireDigest",
    "verificationKey",
    "lua",
];

/// Reads the ConfigMap of this name.
pub(super) fn read(
    id: DocumentId,
    source: &Source,
    root: &Field<'_>,
    object: &Object<'_>,
    context: &mut Context,
) -> Option<ModuleRules> {
    context.document = id.clone();
    let help = "write `rules: |` below `data:`, and below it a list of rules";
    let data = object.require(context, "data", help)?.object(context, &["rules"])?;
    let field = data.require(context, "rules", help)?;
    let NodeValue::Scalar { .. } = field.node.value else {
        context.wrong_type(&field, "a text with a list in it", help);
        return None;
    };
    let (documents, mut problems) = field.node.nested(source);
    for problem in &mut problems {
        problem.path.clone_from(&field.path);
    }
    context.problems.append(&mut problems);
    let mut rules = Vec::new();
    for node in &documents {
        let list = Field { node, path: format!("{}:", field.path) };
        rules.extend(list.list(context).iter().filter_map(|field| rule(field, context)));
    }
    Some(ModuleRules { id, place: root.place(), rules })
}

fn rule(field: &Field<'_>, context: &mut Context) -> Option<ModuleRule> {
    let object = field.object(context, FIELDS)?;
    let bound = |context: &mut Context, key: &str, most: u64| {
        let field = object.get(key)?;
        let number = field.integer(context, 0, i128::from(most))?;
        Some(field.traced(context, u64::try_from(number).ok()?))
    };
    let flag = |context: &mut Context, key: &str| {
        let field = object.get(key)?;
        let value = field.boolean(context)?;
        Some(field.traced(context, value))
    };
    let namespaces = texts(&object, "namespaces", context);
    let allow = texts(&object, "allow", context);
    let deny = texts(&object, "deny", context);
    for pattern in allow.iter().chain(&deny).flatten() {
        judge(pattern, context);
    }
    let max_module_bytes = bound(context, "maxModuleBytes", u64::MAX);
    let max_plugins = bound(context, "maxPlugins", u64::from(u32::MAX));
    let verification_key = object.get("verificationKey").and_then(|field| {
        let text = field.string(context)?;
        Some(field.traced(context, text))
    });
    Some(ModuleRule {
        origin: field.origin(context),
        namespaces,
        allow,
        deny: deny.unwrap_or_default(),
        max_module_bytes,
        max_plugins: max_plugins
            .and_then(|most| Some(Traced { value: u32::try_from(most.value).ok()?, origin: most.origin })),
        require_digest: flag(context, "requireDigest"),
        verification_key,
        lua: flag(context, "lua"),
    })
}

/// Texts, if there is a list of them. Those that cannot be read are told, and are not there.
fn texts(object: &Object<'_>, key: &str, context: &mut Context) -> Option<Vec<Traced<String>>> {
    object.get(key)?;
    let fields = object.list(context, key);
    let read = fields.iter().filter_map(|field| {
        let text = field.string(context)?;
        Some(field.traced(context, text))
    });
    Some(read.collect())
}

/// Says what is wrong with a pattern of URLs.
fn judge(pattern: &Traced<String>, context: &mut Context) {
    let Some(fault) = check_pattern(&pattern.value) else { return };
    let crate::Origin::Document { path, place, .. } = &pattern.origin else { return };
    let help = "write SCHEME://HOST/PATH, such as oci://ghcr.io/acme/*; `*` stands for any characters of the host, or \
                of the path";
    let problem = crate::Problem::new(Severity::Error, codes::BAD_MODULE_URL, fault);
    context.problems.push(problem.at(place.clone(), path.to_string()).help(help));
}

#[cfg(test)]
mod tests;
