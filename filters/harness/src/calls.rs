//! The host's functions, as modules import them: each reads its arguments, asks what keeps the thing in question, and
//! answers with a status.

mod control;
mod data;
mod http;
mod wasi;

pub(crate) use self::wasi::without_effect;

use wasmtime::{Caller, Linker};

use crate::abi::{AbiVersion, Status};
use crate::memory::{Answer, Call, Failure};
use crate::state::State;

/// What a module may call while it initialises itself; anything else ends it.
const WHILE_INITIALISING: &[&str] = &[
    "proxy_log",
    "fd_write",
    "args_sizes_get",
    "args_get",
    "environ_sizes_get",
    "environ_get",
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "clock_time_get",
    "random_get",
];

/// What a call counts for beside its bytes: about what the host may keep because of it.
const CALL: usize = 256;

/// Runs a host call, and makes of what comes of it what the module sees.
fn run(
    caller: Caller<'_, State>,
    name: &'static str,
    call: impl FnOnce(&mut Call<'_>) -> Answer,
) -> wasmtime::Result<u32> {
    match prepare(caller, name).and_then(|mut host| call(&mut host)) {
        Ok(()) => Ok(Status::Ok.code()),
        Err(Failure::Status(status)) => Ok(status.code()),
        Err(Failure::Trap(error)) => Err(error),
    }
}

/// Counts a call, and has it fail where a test wants that.
fn prepare<'a>(mut caller: Caller<'a, State>, name: &'static str) -> Answer<Call<'a>> {
    let state = caller.data_mut();
    state.counts.call(name);
    state.exchange(CALL).map_err(Failure::Trap)?;
    if state.initialising && !WHILE_INITIALISING.contains(&name) {
        let reason = format!("it calls {name} while it initialises itself, which Envoy does not allow");
        return Err(Failure::Trap(wasmtime::Error::msg(reason)));
    }
    // Compilers take it for granted that what they need of WASI does not fail.
    if name.starts_with("proxy_")
        && let Some(status) = state.fault.as_mut().and_then(|fault| fault(name))
    {
        return Err(status.into());
    }
    Call::new(caller)
}

/// Defines a host call by its name, as what takes the running call and its arguments.
macro_rules! define {
    ($linker:expr, $module:expr, $name:literal, |$call:ident $(, $argument:ident: $kind:ty)*| $body:expr) => {
        $linker.func_wrap(
            $module,
            $name,
            |caller: wasmtime::Caller<'_, $crate::state::State> $(, $argument: $kind)*| {
                $crate::calls::run(caller, $name, |$call: &mut $crate::memory::Call<'_>| $body)
            },
        )?
    };
}
use define;

/// Everything that Envoy offers.
pub(crate) fn link(linker: &mut Linker<State>, version: AbiVersion) -> wasmtime::Result<()> {
    control::link(linker, version)?;
    data::link(linker)?;
    http::link(linker)?;
    wasi::link(linker)
}
