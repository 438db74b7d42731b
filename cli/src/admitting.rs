//! What no proxy hears of before this machine has tried it: a module is looked at, and started once with its configuration.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use burgee_api::Problem;
use burgee_api::resources::TrafficExtension;
use burgee_api::resources::extension::{PluginKind, WasmCode};
use burgee_modules::start::Kind;
use burgee_modules::{BuiltModule, Refusal, Start};

use crate::codes::NOT_ADMITTED;
use crate::plugin_modules::{at, severity};
use crate::progress::Steps;

/// What a variable of the proxy's environment is while a module is tried.
const OF_THE_PROXY: &str = "of-the-proxy";

/// How many lines of what a module wrote are told.
const SHOWN: usize = 5;

/// Whether a module may be given to proxies for a plugin; else why not, all of it. What was let through once is not tried
/// again for as long as the program runs.
pub(crate) fn admit(
    built: &BuiltModule,
    plugin: &TrafficExtension,
    wasm: &WasmCode,
    steps: &Steps,
) -> Result<(), Box<Problem>> {
    static ADMITTED: OnceLock<Mutex<HashSet<String>>> = OnceLock::new();
    let admitted = ADMITTED.get_or_init(Mutex::default);
    let start = start(plugin, wasm);
    let told = (&start.root_id, &start.configuration, &start.environment, start.kind);
    let key = format!("{} {told:?}", built.sha256);
    if admitted.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
        return Ok(());
    }
    let start = Start { symbols: burgee_modules::kept_symbols(built), ..start };
    burgee_modules::Progress::step(steps, &format!("starting the module of {} once", plugin.meta.id));
    match burgee_modules::admit(&built.bytes, &start) {
        Ok(_) => {
            admitted.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
            Ok(())
        }
        Err(refusals) => Err(Box::new(refused(&refusals, wasm))),
    }
}

fn start(plugin: &TrafficExtension, wasm: &WasmCode) -> Start {
    let configuration = wasm.plugin_config.as_ref().filter(|config| !config.value.is_empty());
    // It was JSON before, so it can be again.
    let configuration =
        configuration.and_then(|config| serde_json::to_vec(&config.value).ok()).unwrap_or_default();
    let environment = wasm.environment.iter().map(|variable| {
        // What the proxy has in its environment is not known here, and what is here is none of the module's business.
        let value = variable.value.clone().unwrap_or_else(|| OF_THE_PROXY.to_owned());
        (variable.name.clone(), value)
    });
    Start {
        root_id: wasm.plugin_name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
        configuration,
        environment: environment.collect(),
        kind: match plugin.kind() {
            PluginKind::Http => Kind::Http,
            PluginKind::Network => Kind::Network,
        },
        ..Start::default()
    }
}

/// Every reason in one problem: at the configuration where that is why, else at the URL.
fn refused(refusals: &[Refusal], wasm: &WasmCode) -> Problem {
    let reasons: Vec<String> = refusals.iter().map(reason).collect();
    let is_configuration = refusals.iter().any(|refusal| refusal.rule == "configuration-refused");
    let origin = match &wasm.plugin_config {
        Some(config) if is_configuration => &config.origin,
        _ => &wasm.url.origin,
    };
    let message = format!("the module may not be given to proxies: {}", reasons.join("; "));
    let help = refusals.iter().map(|refusal| refusal.help.as_str()).find(|help| !help.is_empty());
    at(Problem::new(severity(wasm), NOT_ADMITTED, message), origin).help(help.unwrap_or_default())
}

fn reason(refusal: &Refusal) -> String {
    let mut text = refusal.message.clone();
    if let Some(trap) = &refusal.trap
        && let Some(frame) = trap.frames.first()
    {
        let place = frame.place.as_ref().map_or(String::new(), |place| format!(" at {place}"));
        text += &format!(", in {}{place}", frame.function);
    }
    let skipped = refusal.logs.len().saturating_sub(SHOWN);
    let lines: Vec<String> = refusal.logs.iter().skip(skipped).map(ToString::to_string).collect();
    if !lines.is_empty() {
        text += &format!(" (it wrote: {})", lines.join(" | "));
    }
    text
}
