//! What is worth knowing of a script in Lua.

use crate::check::telemetry::at;
use crate::problem::{Problem, Severity, codes};
use crate::resources::TrafficExtension;
use crate::resources::extension::{LuaCode, MODULE_ANNOTATION, PluginPhase};

/// The functions that Envoy calls, if they are there.
const CALLED: [&str; 2] = ["envoy_on_request", "envoy_on_response"];

pub(super) fn check(plugin: &TrafficExtension, lua: &LuaCode, problems: &mut Vec<Problem>) {
    let origin = &lua.inline.origin;
    if !CALLED.iter().any(|function| lua.inline.value.contains(function)) {
        problems.push(at(
            origin,
            Severity::Warning,
            codes::SCRIPT_WITHOUT_FUNCTIONS,
            format!("Envoy calls {}, and the script has neither", CALLED.join(" and ")),
            "write `function envoy_on_request(request_handle) ... end`".to_owned(),
        ));
    }
    if matches!(plugin.phase.value, PluginPhase::Authn | PluginPhase::Authz) {
        problems.push(at(
            origin,
            Severity::Note,
            codes::GUARD_FAILS_OPEN,
            "whoever this script would refuse is let through when it fails: Envoy goes on without it"
                .to_owned(),
            "for what keeps requests out, use a Wasm module with the `failStrategy` FAIL_CLOSE".to_owned(),
        ));
    }
    if let Some(module) = &plugin.local_module {
        problems.push(at(
            &module.origin,
            Severity::Warning,
            codes::MODULE_OF_SCRIPT,
            format!("{MODULE_ANNOTATION} says where a Wasm module is, and this is a script"),
            "take the annotation out".to_owned(),
        ));
    }
}
