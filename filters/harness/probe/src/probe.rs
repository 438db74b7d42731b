//! What is done in a callback: attributes are asked for, cases are run, and all of it is written down.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::{Value, json};

use crate::{abi, step};

/// A VM's memory of what it was told and has done.
struct State {
    /// Tells the VMs of one process apart.
    vm: u64,
    script: Rc<Value>,
    /// What has been done once: a context, a phase, a case or the attributes.
    done: HashSet<(u32, String, String)>,
    /// The root of each context; roots have none.
    roots: HashMap<u32, u32>,
    /// The case that each request has for its own.
    own: HashMap<u32, String>,
    /// Which context has called: HTTP or gRPC, and the number that the host gave the call.
    callers: HashMap<(bool, u32), u32>,
}

thread_local! {
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

/// Borrowed for moments only: the host may call back while it is called.
fn with_state<T>(act: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(|state| {
        act(state.get_or_insert_with(|| State {
            vm: abi::now(),
            script: Rc::new(serde_json::from_slice(&abi::vm_configuration()).unwrap_or_default()),
            done: HashSet::new(),
            roots: HashMap::new(),
            own: HashMap::new(),
            callers: HashMap::new(),
        }))
    })
}

/// Notes a context before its first callback.
pub(crate) fn create(context: u32, root: u32) {
    with_state(|state| {
        if root != 0 {
            state.roots.insert(context, root);
        }
    });
}

/// Notes that a context is gone, after its last callback.
pub(crate) fn forget(context: u32) {
    with_state(|state| {
        state.roots.remove(&context);
        state.own.remove(&context);
        state.done.retain(|(of, ..)| *of != context);
    });
}

/// Everything that is done in a callback; gives what the callback returns.
pub(crate) fn callback(name: &str, context: u32, arguments: &[u32], usual: u32) -> u32 {
    let told = context;
    let context = caller(name, arguments).unwrap_or(context);
    let (vm, script, is_root) =
        with_state(|state| (state.vm, state.script.clone(), !state.roots.contains_key(&context)));
    let phase = if is_root && is_shared(name) { format!("root_{name}") } else { name.to_owned() };
    let say = |more: Value| {
        let mut line = json!({"vm": vm, "at": phase, "context": context});
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        abi::log(&format!("PROBE {line}"));
    };
    say(json!({"args": arguments, "told": told}));
    if name == "request_headers" || name == "new_connection" {
        note_own_case(context);
    }
    let own = with_state(|state| state.own.get(&context).cloned());
    if let Some(attributes) = script["attributes"].as_array()
        && own.is_none()
        && is_first(context, &phase, "")
    {
        say(json!({"attributes": attributes.iter().map(attribute).collect::<Vec<_>>()}));
    }
    for (case, what) in script["cases"].as_object().into_iter().flatten() {
        let is_meant = match &own {
            Some(own) => own == case,
            None => is_root || what["request"] != "own",
        };
        let is_here = what["in"].as_array().is_some_and(|phases| phases.iter().any(|at| *at == *phase));
        if is_meant && is_here && is_first(context, &phase, case) {
            say(json!({"case": case, "begins": true}));
            let mut kept = step::Kept::new();
            let steps = what["steps"].as_array().into_iter().flatten();
            let answers: Vec<Value> = steps
                .map(|what| {
                    let answer = step::run(what, &mut kept);
                    note_caller(what, &kept, context);
                    answer
                })
                .collect();
            say(json!({"case": case, "answers": answers}));
        }
    }
    let returns = own.and_then(|own| script["cases"][&own]["returns"][&phase].as_u64());
    returns.or_else(|| script["returns"][&phase].as_u64()).map_or(usual, |returned| returned as u32)
}

/// Notes who has called, if a step was a call to somewhere.
fn note_caller(step: &Value, kept: &step::Kept, context: u32) {
    let is_grpc = match step[0].as_str() {
        Some("proxy_http_call") => false,
        Some("proxy_grpc_call" | "proxy_grpc_stream") => true,
        _ => return,
    };
    if let Some((_, call)) = kept.last() {
        with_state(|state| state.callers.insert((is_grpc, *call), context));
    }
}

/// The stream that has made a call which is now answered. Hosts say so to the root, and modules make the stream the
/// one that further calls are for, as SDKs do.
fn caller(name: &str, arguments: &[u32]) -> Option<u32> {
    let is_grpc = name.starts_with("grpc_");
    if !is_grpc && name != "http_call_response" {
        return None;
    }
    let call = (is_grpc, *arguments.first()?);
    let caller = with_state(|state| {
        let caller = state.callers.get(&call).copied();
        caller.filter(|caller| state.roots.contains_key(caller))
    })?;
    step::run(&json!(["proxy_set_effective_context", caller]), &mut step::Kept::new());
    Some(caller)
}

/// Whether a root and a stream can both have this callback.
fn is_shared(name: &str) -> bool {
    matches!(name, "create" | "done" | "log" | "delete" | "http_call_response") || name.starts_with("grpc_")
}

/// Whether this is done for the first time. Ticks and bodies come again and again.
fn is_first(context: u32, phase: &str, what: &str) -> bool {
    with_state(|state| state.done.insert((context, phase.to_owned(), what.to_owned())))
}

/// A request names the case that it is for in a header.
fn note_own_case(context: u32) {
    let asked =
        step::run(&json!(["proxy_get_header_map_value", 0, "x-case", {"out": "bytes"}]), &mut Vec::new());
    let digits = asked["out"][0]["hex"].as_str().unwrap_or("");
    let bytes =
        (0..digits.len()).step_by(2).filter_map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    let case = String::from_utf8(bytes.collect()).unwrap_or_default();
    if !case.is_empty() {
        with_state(|state| state.own.insert(context, case));
    }
}

/// The status and the bytes of an attribute.
fn attribute(path: &Value) -> Value {
    let answer = step::run(&json!(["proxy_get_property", {"path": path}, {"out": "bytes"}]), &mut Vec::new());
    let out = &answer["out"][0];
    match &out["long"] {
        Value::Null => json!([answer["status"], out["hex"]]),
        long => json!([answer["status"], long]),
    }
}
