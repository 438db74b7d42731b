//! Reads `TrafficExtension` and `WasmPlugin`: whom they are for, where among the filters, and what runs. Types, unknown
//! fields, enumerations and what stands alone in one field are judged here.

mod lua;
mod url;
mod wasm;

pub(crate) use lua::MAX_CODE;
pub(crate) use wasm::{
    FAIL_STRATEGIES, MAX_PLUGIN_NAME, MAX_SECRET_NAME, MAX_VARIABLE_NAME, MAX_VARIABLE_VALUE, MAX_VARIABLES,
    PULL_POLICIES, TYPES, VALUE_SOURCES,
};

use super::reader::{Context, Field, Object};
use super::{annotations, selection};
use crate::origin::{Origin, Traced};
use crate::problem::{Severity, codes};
use crate::resources::Meta;
use crate::resources::extension::{Code, PluginPhase, TrafficExtension, TrafficSelector, WrittenAs};
use crate::resources::telemetry::Mode;

/// What both kinds have beside what runs.
const COMMON_FIELDS: &[&str] = &["selector", "targetRefs", "phase", "priority", "match"];

/// What only a WasmPlugin has, beside its module.
const OLD_FIELDS: &[&str] = &["targetRef"];

/// What a TrafficExtension may run.
const CODES: &[&str] = &["wasm", "lua"];

/// Where in the chain of filters a plugin runs, by name.
pub(crate) const PHASES: &[(&str, PluginPhase)] = &[
    ("UNSPECIFIED_PHASE", PluginPhase::Unspecified),
    ("AUTHN", PluginPhase::Authn),
    ("AUTHZ", PluginPhase::Authz),
    ("STATS", PluginPhase::Stats),
];

/// The same for a TrafficExtension, where the one that absence means has another name.
pub(crate) const NEW_PHASES: &[(&str, PluginPhase)] = &[
    ("UNSPECIFIED", PluginPhase::Unspecified),
    ("AUTHN", PluginPhase::Authn),
    ("AUTHZ", PluginPhase::Authz),
    ("STATS", PluginPhase::Stats),
];

/// On which side of a request an entry of `match` applies, by name.
pub(crate) const MODES: &[(&str, Mode)] = &[
    ("UNDEFINED", Mode::ClientAndServer),
    ("CLIENT", Mode::Client),
    ("SERVER", Mode::Server),
    ("CLIENT_AND_SERVER", Mode::ClientAndServer),
];

/// Reads one document of one of the two kinds.
pub(super) fn read(
    written: WrittenAs,
    meta: Meta,
    document: &Object<'_>,
    context: &mut Context,
) -> Option<TrafficExtension> {
    let local_module = annotations::module(document, context);
    let (of_kind, phases) = match written {
        WrittenAs::WasmPlugin => ([OLD_FIELDS, wasm::FIELDS].concat(), PHASES),
        WrittenAs::TrafficExtension => (CODES.to_vec(), NEW_PHASES),
    };
    let known = [COMMON_FIELDS, &of_kind].concat();
    let spec = super::kinds::require_spec(document, context)?.object(context, &known)?;
    let (selector, target_refs) = selection::read(&spec, context);
    let phase = traced_choice(&spec, "phase", phases, "after the plugins of every phase", context);
    let priority = spec.get("priority").and_then(|field| {
        let number = field.integer(context, i128::from(i32::MIN), i128::from(i32::MAX))?;
        Some(field.traced(context, i32::try_from(number).ok()?))
    });
    let matches =
        spec.list(context, "match").iter().filter_map(|field| traffic_selector(field, context)).collect();
    let code = match written {
        WrittenAs::WasmPlugin => wasm::read(&spec, context).map(|wasm| Code::Wasm(Box::new(wasm))),
        WrittenAs::TrafficExtension => code(&spec, context),
    };
    Some(TrafficExtension {
        meta,
        written,
        selector,
        target_refs,
        phase,
        priority,
        matches,
        local_module,
        code: code?,
    })
}

/// What a TrafficExtension runs: exactly one of a module and a script.
fn code(spec: &Object<'_>, context: &mut Context) -> Option<Code> {
    let (of_wasm, of_lua) = (spec.get("wasm"), spec.get("lua"));
    let wasm = of_wasm.as_ref().and_then(|field| {
        let object = field.object(context, wasm::FIELDS)?;
        Some(Code::Wasm(Box::new(wasm::read(&object, context)?)))
    });
    let lua = of_lua.as_ref().and_then(|field| lua::read(field, context)).map(Code::Lua);
    match (&of_wasm, &of_lua) {
        (None, None) => {
            let help = "write `wasm:` with the module's `url`, or `lua:` with `inlineCode`";
            let message = "the document says nothing that could run";
            context.report_at(Severity::Error, codes::NO_CODE, spec, message, help);
        }
        (Some(_), Some(second)) => {
            let help = "keep one of them, and write a second document for the other";
            let message = "`spec.wasm` is already there, and an extension runs one thing";
            context.report(Severity::Error, codes::NO_CODE, second, message, help);
            return None;
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    wasm.or(lua)
}

/// One of several names, or its default and the rule that says so.
fn traced_choice<T: Copy + Default>(
    spec: &Object<'_>,
    key: &str,
    choices: &[(&str, T)],
    rule: &'static str,
    context: &mut Context,
) -> Traced<T> {
    spec.get(key)
        .and_then(|field| {
            let value = field.choice(context, choices)?;
            Some(field.traced(context, value))
        })
        .unwrap_or(Traced { value: T::default(), origin: Origin::Rule(rule) })
}

/// A text with a least and a greatest length in characters.
fn text(
    object: &Object<'_>,
    key: &str,
    least: usize,
    greatest: usize,
    context: &mut Context,
) -> Option<Traced<String>> {
    let field = object.get(key)?;
    let text = field.string(context)?;
    length(&field, &text, least, greatest, context)?;
    Some(field.traced(context, text))
}

/// Reports a text that is too short or too long.
fn length(field: &Field<'_>, text: &str, least: usize, greatest: usize, context: &mut Context) -> Option<()> {
    let length = text.chars().count();
    if length < least {
        let help = "give it a value, or take it out";
        context.report(Severity::Error, codes::BAD_VALUE, field, "the text is empty", help);
        return None;
    }
    if length > greatest {
        let message = format!("the text has {length} characters");
        let help = format!("allowed: at most {greatest}");
        context.report(Severity::Error, codes::BAD_VALUE, field, message, help);
        return None;
    }
    Some(())
}

fn traffic_selector(field: &Field<'_>, context: &mut Context) -> Option<TrafficSelector> {
    let object = field.object(context, &["mode", "ports"])?;
    let mode = object.get("mode").and_then(|field| field.choice(context, MODES)).unwrap_or_default();
    let mut ports = Vec::new();
    for field in object.list(context, "ports") {
        let Some(port) = field.object(context, &["number"]) else { continue };
        let Some(number) = port.require(context, "number", "allowed: 1 to 65535") else { continue };
        let Some(port) = number.port(context) else { continue };
        if ports.contains(&port) {
            let message = format!("port {port} is there already");
            context.report(Severity::Error, codes::BAD_VALUE, &number, message, "keep one of the two");
            continue;
        }
        ports.push(port);
    }
    Some(TrafficSelector { origin: field.origin(context), mode, ports })
}

#[cfg(test)]
mod tests;
