//! Functions of the host beside the ABI: Envoy's own, and those that a test registers.

use std::collections::BTreeMap;

use crate::abi::Status;
use crate::cel;
use crate::state::State;
use crate::wire;

/// A function that a test registered.
pub(crate) type Function = Box<dyn FnMut(&[u8]) -> Result<Vec<u8>, Status>>;

/// The functions that a test registered. They go before Envoy's own.
#[derive(Default)]
pub(crate) struct Registered(pub(crate) BTreeMap<Vec<u8>, Function>);

/// Envoy's own functions that the harness has.
const OF_ENVOY: &[&[u8]] = &[
    b"expr_create",
    b"expr_evaluate",
    b"expr_delete",
    b"declare_property",
    b"set_envoy_filter_state",
    b"clear_route_cache",
];

/// Whether there is a function of this name.
pub(crate) fn is_known(state: &State, name: &[u8]) -> bool {
    state.foreign.0.contains_key(name) || OF_ENVOY.contains(&name)
}

/// Calls a function by its name.
pub(crate) fn call(state: &mut State, name: &[u8], argument: &[u8]) -> Result<Vec<u8>, Status> {
    if let Some(function) = state.foreign.0.get_mut(name) {
        return function(argument);
    }
    match name {
        b"expr_create" => cel::create(state, argument),
        b"expr_evaluate" => cel::evaluate(state, argument),
        b"expr_delete" => cel::delete(state, argument),
        b"declare_property" => declare_property(state, argument),
        b"set_envoy_filter_state" => set_filter_state(state, argument),
        b"clear_route_cache" => {
            if let Some(http) = state.http_mut() {
                http.route_cache_cleared += 1;
            }
            Ok(Vec::new())
        }
        _ => Err(Status::NotFound),
    }
}

/// Remembers that a property is declared, which each context does once for a name. What form it has is nothing to the module
/// that sets it.
fn declare_property(state: &mut State, argument: &[u8]) -> Result<Vec<u8>, Status> {
    let fields = wire::fields(argument).ok_or(Status::BadArgument)?;
    let name = fields.into_iter().rev().find(|(number, _)| *number == 1).map(|(_, name)| name);
    let context = state.contexts.get_mut(&state.current).ok_or(Status::BadArgument)?;
    let is_new = context.declared.insert(name.unwrap_or_default());
    if is_new { Ok(Vec::new()) } else { Err(Status::BadArgument) }
}

/// Keeps an object of Envoy's own, by the key that Envoy knows it by.
fn set_filter_state(state: &mut State, argument: &[u8]) -> Result<Vec<u8>, Status> {
    let fields = wire::fields(argument).ok_or(Status::BadArgument)?;
    let field = |number| {
        let last = fields.iter().rev().find(|(found, _)| *found == number);
        last.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (path, value) = (field(1), field(2));
    let id = state.context_id();
    let objects = state.contexts.get_mut(&id).and_then(|context| context.filter_state_mut());
    objects.ok_or(Status::NotFound)?.objects.insert(path, value);
    Ok(Vec::new())
}
