//! Why plugins stand where they stand at one class of listeners.

use std::collections::BTreeSet;

use serde_json::json;

use super::model::{Fact, Remark, Section, Signal, Value};
use super::{Here, values};
use crate::origin::Origin;
use crate::problem::codes;
use crate::resolve::{Limits, ListenerClass, Plugin, Refusal};
use crate::resources::TrafficExtension;
use crate::resources::extension::{
    Code, FailStrategy, ImagePullPolicy, LuaCode, MODULE_ANNOTATION, PluginKind, PluginPhase, WasmCode,
    WrittenAs,
};

/// What is so where a plugin does not say.
const ABSENT: &str = "the plugin does not say";

pub(super) fn section(here: &Here<'_>, class: ListenerClass) -> Section {
    let all = &here.effective.class(class).plugins;
    // Those of connections stand before those of requests, in chains of their own.
    let (requests, connections): (Vec<&Plugin>, Vec<&Plugin>) =
        all.iter().partition(|plugin| plugin.document.kind() == PluginKind::Http);
    let mut facts: Vec<Fact> = Vec::new();
    for plugins in [&connections, &requests] {
        for (index, plugin) in plugins.iter().enumerate() {
            let id = plugin.id();
            let of_plugin = plugin_facts(here, plugin, index + 1, plugins);
            facts.extend(of_plugin.into_iter().map(|fact| fact.of(&id)));
        }
    }
    if facts.is_empty() {
        let rule = Origin::Rule("no plugin is for these listeners");
        facts.push(Fact::new("plugin", values::nothing("none"), &rule, "nothing says otherwise"));
    }
    let remarks = [remarks(&connections), remarks(&requests)].concat();
    Section { signal: Signal::Plugins, facts, lost: Vec::new(), remarks }
}

fn plugin_facts(here: &Here<'_>, plugin: &Plugin, position: usize, all: &[&Plugin]) -> Vec<Fact> {
    let Plugin { origin, namespace, name: _, document, ports, refused, limits } = plugin;
    let is_chosen = document.selector.is_some() || !document.target_refs.is_empty();
    let why = match (is_chosen, *namespace == here.workload.namespace) {
        (true, _) => "it selects the workload",
        (false, true) => "it selects nothing, so it is for every workload of its namespace",
        (false, false) => "it selects nothing, so it is for every workload of the mesh",
    };
    let place = Value { json: json!(position), text: format!("{position} of {}", all.len()) };
    let mut facts = vec![
        Fact::new("plugin", values::text(&plugin.id()), origin, why),
        Fact::new("position", place, &Origin::Rule(order(plugin, all)), "how plugins are ordered"),
    ];
    facts.extend(refused.as_ref().map(|Refusal { why, rule }| {
        let value = Value { json: json!(why), text: why.clone() };
        Fact::new("refused", value, rule, "the mesh's rules decide what its namespaces may use")
    }));
    facts.extend(ordering_facts(document));
    if document.kind() == PluginKind::Network {
        let value = values::text("NETWORK: connections, before what reads requests from them");
        facts.push(Fact::new("type", value, document.code_origin(), "the document says so of its module"));
    }
    facts.push(ports_fact(document, ports));
    facts.extend(
        document.local_module.as_ref().map(|module| {
            Fact::new(MODULE_ANNOTATION, values::text(&module.value), &module.origin, Fact::SAYS)
        }),
    );
    match &document.code {
        Code::Wasm(wasm) => facts.extend(module_facts(wasm)),
        Code::Lua(lua) => facts.push(script_fact(lua)),
    }
    facts.extend(limit_facts(limits));
    facts
}

/// What decides where a plugin stands.
fn order(plugin: &Plugin, all: &[&Plugin]) -> &'static str {
    let rank = |plugin: &Plugin| {
        (plugin.document.phase.value, plugin.document.priority.as_ref().map(|priority| priority.value))
    };
    match all.iter().filter(|other| rank(other) == rank(plugin)).count() {
        0 | 1 => "by phase, then by priority",
        _ => "of those of the same phase and priority the workload's namespace goes first, then the older",
    }
}

fn ordering_facts(document: &TrafficExtension) -> Vec<Fact> {
    let phase = match document.phase.value {
        PluginPhase::Authn => "AUTHN: before authentication",
        PluginPhase::Authz => "AUTHZ: after authentication, before authorization",
        PluginPhase::Stats => "STATS: after authorization",
        PluginPhase::Unspecified => match document.written {
            WrittenAs::WasmPlugin => "UNSPECIFIED_PHASE: last, before the router",
            WrittenAs::TrafficExtension => "UNSPECIFIED: last, before the router",
        },
    };
    let json = json!(phase.split(':').next());
    let said = |origin: &Origin| if matches!(origin, Origin::Document { .. }) { Fact::SAYS } else { ABSENT };
    let mut facts = vec![Fact::new(
        "phase",
        Value { json, text: phase.to_owned() },
        &document.phase.origin,
        said(&document.phase.origin),
    )];
    facts.push(match &document.priority {
        Some(priority) => Fact::new("priority", values::number(priority.value), &priority.origin, Fact::SAYS),
        None => {
            let rule = Origin::Rule("absent goes last, though Istio's documentation says 0");
            Fact::new("priority", values::nothing("absent"), &rule, ABSENT)
        }
    });
    facts
}

fn ports_fact(document: &TrafficExtension, ports: &[u16]) -> Fact {
    let shown: Vec<String> = ports.iter().map(u16::to_string).collect();
    let shown = if shown.is_empty() { "all".to_owned() } else { shown.join(", ") };
    let value = Value { json: json!(ports), text: shown };
    match document.matches.first() {
        Some(first) => {
            let why = "those of the entries of `match` that cover these listeners, together";
            Fact::new("ports", value, &first.origin, why)
        }
        None => Fact::new("ports", value, &Origin::Rule("without `match` all traffic is filtered"), ABSENT),
    }
}

/// What is run, and how.
fn module_facts(wasm: &WasmCode) -> Vec<Fact> {
    let fail = match wasm.fail_strategy.value {
        FailStrategy::Close => "FAIL_CLOSE",
        FailStrategy::Open => "FAIL_OPEN",
        FailStrategy::Reload => "FAIL_RELOAD",
    };
    let why = if matches!(wasm.fail_strategy.origin, Origin::Rule(_)) { ABSENT } else { Fact::SAYS };
    let mut facts = vec![
        Fact::new("url", values::text(&wasm.url.value), &wasm.url.origin, Fact::SAYS),
        Fact::new("failStrategy", values::text(fail), &wasm.fail_strategy.origin, why),
    ];
    facts.extend(wasm.sha256.as_ref().map(|digest| {
        let scheme = wasm.url.value.split_once("://").map_or("oci", |(scheme, _)| scheme);
        let why = match scheme.to_ascii_lowercase().as_str() {
            "oci" => "the document says so; it is that of the image's manifest",
            "file" => "the document says so; Istio does not compare a file with it",
            _ => "the document says so; it is that of the module itself",
        };
        Fact::new("sha256", values::text(&digest.value), &digest.origin, why)
    }));
    let texts = [
        ("imagePullSecret", &wasm.image_pull_secret),
        ("verificationKey", &wasm.verification_key),
        ("pluginName", &wasm.plugin_name),
    ];
    for (field, said) in texts {
        facts.extend(
            said.as_ref().map(|said| Fact::new(field, values::text(&said.value), &said.origin, Fact::SAYS)),
        );
    }
    facts.extend(wasm.image_pull_policy.as_ref().map(|policy| {
        let name = match policy.value {
            ImagePullPolicy::IfNotPresent => "IfNotPresent",
            ImagePullPolicy::Always => "Always",
        };
        Fact::new("imagePullPolicy", values::text(name), &policy.origin, Fact::SAYS)
    }));
    facts.extend(wasm.plugin_config.as_ref().map(|config| {
        let value = values::tree(serde_json::Value::Object(config.value.clone()));
        Fact::new("pluginConfig", value, &config.origin, Fact::SAYS)
    }));
    for variable in &wasm.environment {
        let value = match &variable.value {
            Some(value) => values::text(value),
            None => values::nothing("that of the proxy's own environment"),
        };
        facts.push(Fact::new(format!("vmConfig.env.{}", variable.name), value, &variable.origin, Fact::SAYS));
    }
    facts
}

/// Which rule covers the plugin's namespace, and what it asks of modules.
fn limit_facts(limits: &Limits) -> Vec<Fact> {
    let Limits { rule, max_module_bytes, verification_key, names_host } = limits;
    let Some(rule) = rule else { return Vec::new() };
    let host = if *names_host { "its host by name" } else { "no host by name" };
    let why = "the first rule that covers the plugin's namespace";
    let mut facts = vec![Fact::new("rule allows", values::text(host), rule, why)];
    facts.extend(max_module_bytes.as_ref().map(|most| {
        let value = Value { json: json!(most.value), text: most.value.to_string() };
        Fact::new("rule maxModuleBytes", value, &most.origin, why)
    }));
    facts.extend(
        verification_key
            .as_ref()
            .map(|key| Fact::new("rule verificationKey", values::text(&key.value), &key.origin, why)),
    );
    facts
}

/// A script by its first line, and how long it is.
fn script_fact(lua: &LuaCode) -> Fact {
    let script = &lua.inline.value;
    let first = script.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let text = format!("{first} ({} bytes)", script.len());
    Fact::new("inlineCode", Value { json: json!(script), text }, &lua.inline.origin, Fact::SAYS)
}

/// A plugin without a priority goes after those with a low one.
fn remarks(plugins: &[&Plugin]) -> Vec<Remark> {
    let phases: BTreeSet<PluginPhase> = plugins.iter().map(|plugin| plugin.document.phase.value).collect();
    let mut remarks = Vec::new();
    for phase in phases {
        let of_phase: Vec<&&Plugin> =
            plugins.iter().filter(|plugin| plugin.document.phase.value == phase).collect();
        let low = of_phase
            .iter()
            .find(|plugin| plugin.document.priority.as_ref().is_some_and(|priority| priority.value < 0));
        let unset = of_phase.iter().find(|plugin| plugin.document.priority.is_none());
        if let (Some(low), Some(unset)) = (low, unset) {
            remarks.push(Remark {
                text: format!("{} has no priority and goes after {}, whose is below 0", unset.id(), low.id()),
                code: Some(codes::UNSET_PRIORITY),
                origin: Some(unset.origin.clone()),
            });
        }
    }
    remarks
}
