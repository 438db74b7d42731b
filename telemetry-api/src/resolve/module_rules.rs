//! What the rules of a mesh say of a plugin: whether it may be used, and within which bounds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::hash::value;
use super::module_url::{ModuleUrl, Pattern, glob};
use crate::origin::{Origin, Traced};
use crate::resources::extension::{Code, WasmCode, is_sha256};
use crate::resources::module_rules::{ModuleRule, ModuleRules};
use crate::resources::{MeshConfig, Resources, TrafficExtension};

/// That a rule of the mesh does not let a plugin be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as half a sentence about the plugin.
    pub why: String,
    /// The field of the rule that says so.
    pub rule: Origin,
}

/// The bounds within which a plugin may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The rule that covers the plugin's namespace; absent: none does.
    pub rule: Option<Origin>,
    /// How many bytes its module may have; absent: the rule has no bound.
    pub max_module_bytes: Option<Traced<u64>>,
    /// The key that its module must be signed with, beside its own; absent: none.
    pub verification_key: Option<Traced<String>>,
    /// Whether the rule allows the module's host by its name and not by a pattern. Only then may it be a host that
    /// documents cannot name otherwise, such as one of the loopback addresses.
    pub names_host: bool,
}

impl Limits {
    /// What holds where both do.
    pub(super) fn and(self, other: Limits) -> Limits {
        let most = self.max_module_bytes.into_iter().chain(other.max_module_bytes);
        Limits {
            rule: self.rule,
            max_module_bytes: most.min_by_key(|most| most.value),
            verification_key: self.verification_key.or(other.verification_key),
            names_host: self.names_host && other.names_host,
        }
    }
}

/// What rules say of plugins, those of one workload in the order in which they stand there.
pub(super) struct Judge<'r> {
    rules: Option<&'r ModuleRules>,
    /// How many plugins of a namespace were let through.
    counts: BTreeMap<String, u32>,
}

impl<'r> Judge<'r> {
    pub fn new(rules: Option<&'r ModuleRules>) -> Judge<'r> {
        Judge { rules, counts: BTreeMap::new() }
    }

    /// What is said of the next plugin.
    pub fn next(&mut self, plugin: &TrafficExtension) -> (Option<Refusal>, Limits) {
        let Some(rule) = self.rules.and_then(|rules| covering(rules, plugin)) else {
            return (None, Limits::default());
        };
        let (refusal, limits) = judge(rule, plugin);
        let refusal = refusal.or_else(|| {
            let count = self.counts.entry(plugin.meta.id.namespace.to_string()).or_default();
            *count = count.saturating_add(1);
            let most = rule.max_plugins.as_ref().filter(|most| *count > most.value)?;
            let why = format!(
                "a workload may have {} plugins of namespace {}, and others stand before it",
                most.value, plugin.meta.id.namespace
            );
            Some(Refusal { why, rule: most.origin.clone() })
        });
        (refusal, limits)
    }
}

/// What the rules of the meshes that resources are of say of a plugin by itself, whatever others a workload has: whether one
/// refuses it, and within which bounds it may be used. Where meshes of several revisions say different things, the first
/// that refuses it counts; of bounds the narrower one, and of keys the first.
pub fn judge_by_meshes(resources: &Resources, plugin: &TrafficExtension) -> (Option<Refusal>, Limits) {
    let meshes = [&resources.mesh_config].into_iter().chain(&resources.other_meshes);
    let mut judged = meshes.map(|mesh| {
        let rules = resources.module_rules.iter().find(|rules| count_in(rules, mesh));
        Judge::new(rules).next(plugin)
    });
    let first = judged.next().unwrap_or_default();
    judged.fold(first, |(refusal, limits), (other, bounds)| match (&refusal, &limits.rule) {
        (None, _) if other.is_some() => (other, bounds),
        (None, None) => (None, bounds),
        (None, Some(_)) => (None, limits.and(bounds)),
        _ => (refusal, limits),
    })
}

/// Whether rules count in a mesh: they are in its root namespace.
pub(super) fn count_in(rules: &ModuleRules, mesh: &MeshConfig) -> bool {
    *rules.id.namespace == *mesh.root_namespace.value
}

/// What rules say of a plugin by itself, whatever others there are.
pub(crate) fn judge_alone(rules: Option<&ModuleRules>, plugin: &TrafficExtension) -> Option<Refusal> {
    judge(covering(rules?, plugin)?, plugin).0
}

/// The rule that decides about a plugin.
fn covering<'r>(rules: &'r ModuleRules, plugin: &TrafficExtension) -> Option<&'r ModuleRule> {
    rules.rules.iter().find(|rule| {
        let covers = |patterns: &Vec<Traced<String>>| {
            patterns.iter().any(|pattern| glob(&pattern.value, &plugin.meta.id.namespace))
        };
        rule.namespaces.as_ref().is_none_or(covers)
    })
}

fn judge(rule: &ModuleRule, plugin: &TrafficExtension) -> (Option<Refusal>, Limits) {
    let mut limits = Limits {
        rule: Some(rule.origin.clone()),
        max_module_bytes: rule.max_module_bytes.clone(),
        verification_key: rule.verification_key.clone(),
        names_host: false,
    };
    let wasm = match &plugin.code {
        Code::Wasm(wasm) => wasm,
        Code::Lua(_) => {
            let forbids = rule.lua.as_ref().filter(|lua| !lua.value);
            let refusal = forbids.map(|lua| {
                let why = format!("scripts may not be used in namespace {}", plugin.meta.id.namespace);
                Refusal { why, rule: lua.origin.clone() }
            });
            return (refusal, limits);
        }
    };
    match source(rule, wasm) {
        Ok(names_host) => limits.names_host = names_host,
        Err(refusal) => return (Some(*refusal), limits),
    }
    let wants = rule.require_digest.as_ref().filter(|wants| wants.value && !has_digest(wasm));
    let refusal = wants.map(|wants| {
        let why = "a module must be named by its digest, as `sha256` or in the URL".to_owned();
        Refusal { why, rule: wants.origin.clone() }
    });
    (refusal, limits)
}

/// Whether a module may come from where it is; and if so, whether its host is allowed by name.
fn source(rule: &ModuleRule, wasm: &WasmCode) -> Result<bool, Box<Refusal>> {
    if rule.allow.is_none() && rule.deny.is_empty() {
        return Ok(false);
    }
    let url = ModuleUrl::of(&wasm.url.value).map_err(|fault| {
        let why = format!("its URL cannot be compared with what is allowed: {fault}");
        Box::new(Refusal { why, rule: rule.origin.clone() })
    })?;
    let fitting = |patterns: &[Traced<String>]| {
        patterns.iter().find(|pattern| Pattern::of(&pattern.value).fits(&url)).cloned()
    };
    if let Some(pattern) = fitting(&rule.deny) {
        let why = format!("modules from `{}` are denied, and this one is {}", pattern.value, url.text());
        return Err(Box::new(Refusal { why, rule: pattern.origin }));
    }
    let Some(allow) = &rule.allow else { return Ok(false) };
    if fitting(allow).is_none() {
        let shown: Vec<String> = allow.iter().map(|pattern| format!("`{}`", pattern.value)).collect();
        let allowed = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
        let why = format!("modules may come from {allowed}, and this one is {}", url.text());
        return Err(Box::new(Refusal { why, rule: rule.origin.clone() }));
    }
    Ok(allow.iter().any(|pattern| {
        let pattern = Pattern::of(&pattern.value);
        pattern.names_host() && pattern.fits(&url)
    }))
}

/// Whether a document says which module it means.
fn has_digest(wasm: &WasmCode) -> bool {
    // Only an image has its digest in its URL.
    let is_image = match wasm.url.value.split_once("://") {
        Some((scheme, _)) => scheme.eq_ignore_ascii_case("oci"),
        None => true,
    };
    let in_url = || wasm.url.value.rsplit_once("@sha256:").is_some_and(|(_, digest)| is_sha256(digest));
    wasm.sha256.is_some() || is_image && in_url()
}

/// Everything that rules say, without places.
pub(super) fn describe(rules: &ModuleRules, text: &mut String) {
    let ModuleRules { id, place: _, rules } = rules;
    let _ = write!(text, "\n{id:?}");
    let values = |traced: &[Traced<String>]| traced.iter().map(|one| one.value.clone()).collect::<Vec<_>>();
    for rule in rules {
        let ModuleRule {
            origin: _,
            namespaces,
            allow,
            deny,
            max_module_bytes,
            max_plugins,
            require_digest,
            verification_key,
            lua,
        } = rule;
        let (namespaces, allow) = (namespaces.as_deref().map(values), allow.as_deref().map(values));
        let _ = write!(text, "\n{namespaces:?} {allow:?} {:?}", values(deny));
        let _ = write!(text, " {:?} {:?}", value(max_module_bytes.as_ref()), value(max_plugins.as_ref()));
        let _ = write!(text, " {:?} {:?}", value(require_digest.as_ref()), value(lua.as_ref()));
        let _ = write!(text, " {:?}", value(verification_key.as_ref()));
    }
}

#[cfg(test)]
mod tests;
