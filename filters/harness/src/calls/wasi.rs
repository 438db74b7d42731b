//! What Envoy has of WASI: the log as output, a clock, random bytes, the environment. Files there are none.

use wasmtime::{Caller, FuncType, Linker, Val, ValType};

use super::prepare;
use crate::memory::{Answer, Call, Failure};
use crate::settings::LogLevel;
use crate::state::State;

/// WASI's numbers.
const SUCCESS: u32 = 0;
const BAD_DESCRIPTOR: u32 = 8;
const FAULT: u32 = 21;
const INVALID: u32 = 28;
const NOT_IMPLEMENTED: u32 = 52;
const NOT_CAPABLE: u32 = 76;
const NOT_SUPPORTED: u32 = 58;

/// The rest of WASI, which modules can import and which does nothing: names with their parameters, `l` for 64 bits. Two of
/// them are not as WASI has them, and `proc_raise` is not there: so it is in Envoy.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("clock_res_get", "ii"),
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_datasync", "i"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_pwrite", "iiili"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiii"),
    ("path_unlink_file", "iii"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// What a function of WASI answers, where that is the same whatever it is asked; none for one that does something.
pub(crate) fn without_effect(name: &str) -> Option<&'static str> {
    match name {
        "fd_read" => Some("ENOSYS: there is nothing to read"),
        "path_open" => Some("ENOTCAPABLE: there are no files"),
        "fd_prestat_get" => Some("EBADF: there are no folders"),
        "fd_prestat_dir_name" => Some("ENOTSUP: there are no folders"),
        "fd_seek" | "fd_close" | "sched_yield" | "poll_oneoff" | "args_get" => {
            Some("success, and nothing is done")
        }
        "proc_exit" => Some("it comes back, and what the compiler puts behind it is a trap"),
        name if WITHOUT_EFFECT.iter().any(|(known, _)| *known == name) => Some("ENOSYS"),
        _ => None,
    }
}

/// The most random bytes that Envoy gives at a time.
const MOST_RANDOM_BYTES: u32 = 64 * 1024;

/// Runs a function of WASI; memory that is not there is WASI's "fault".
fn run(
    caller: Caller<'_, State>,
    name: &'static str,
    call: impl FnOnce(&mut Call<'_>) -> Answer<u32>,
) -> wasmtime::Result<u32> {
    match prepare(caller, name).and_then(|mut host| call(&mut host)) {
        Ok(number) => Ok(number),
        Err(Failure::Status(_)) => Ok(FAULT),
        Err(Failure::Trap(error)) => Err(error),
    }
}

/// As that of host calls, for functions that give WASI's numbers.
macro_rules! define {
    ($linker:expr, $module:expr, $name:literal, |$call:ident $(, $argument:ident: $kind:ty)*| $body:expr) => {
        $linker.func_wrap($module, $name, |caller: Caller<'_, State> $(, $argument: $kind)*| {
            run(caller, $name, |$call: &mut Call<'_>| $body)
        })?
    };
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        link_as(linker, module)?;
    }
    linker.func_wrap("env", "pthread_equal", |left: u32, right: u32| u32::from(left == right))?;
    linker.func_wrap("env", "emscripten_notify_memory_growth", |_: u32| {})?;
    Ok(())
}

fn link_as(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    define!(linker, module, "fd_write", |call, fd: u32, parts: u32, count: u32, to: u32| fd_write(
        call, fd, parts, count, to
    ));
    define!(linker, module, "fd_read", |_call, _fd: u32, _a: u32, _b: u32, _c: u32| Ok(NOT_IMPLEMENTED));
    define!(linker, module, "fd_seek", |_call, _fd: u32, _a: i64, _b: u32, _c: u32| Ok(SUCCESS));
    define!(linker, module, "fd_close", |_call, _fd: u32| Ok(SUCCESS));
    define!(linker, module, "fd_fdstat_get", |call, fd: u32, to: u32| {
        if !matches!(fd, 1 | 2) {
            return Ok(BAD_DESCRIPTOR);
        }
        // The right to write, and nothing else.
        let mut stat = [0_u8; 24];
        stat[8] = 64;
        // Envoy does not look whether it could be written.
        if let Err(Failure::Trap(error)) = call.write(to, &stat) {
            return Err(Failure::Trap(error));
        }
        Ok(SUCCESS)
    });
    define!(linker, module, "fd_prestat_get", |_call, _fd: u32, _to: u32| Ok(BAD_DESCRIPTOR));
    define!(linker, module, "fd_prestat_dir_name", |_call, _fd: u32, _to: u32, _size: u32| Ok(NOT_SUPPORTED));
    define!(linker, module, "path_open", |_call,
                                          _fd: u32,
                                          _a: u32,
                                          _b: u32,
                                          _c: u32,
                                          _d: u32,
                                          _e: i64,
                                          _f: i64,
                                          _g: u32,
                                          _h: u32| Ok(NOT_CAPABLE));
    define!(linker, module, "environ_sizes_get", |call, count_to: u32, size_to: u32| {
        let variables = variables(call.state());
        call.write_u32(count_to, length(variables.len()))?;
        call.write_u32(size_to, length(variables.iter().map(Vec::len).sum()))?;
        Ok(SUCCESS)
    });
    define!(linker, module, "environ_get", |call, pointers: u32, texts: u32| environ_get(
        call, pointers, texts
    ));
    define!(linker, module, "args_sizes_get", |call, count_to: u32, size_to: u32| {
        call.write_u32(count_to, 0)?;
        call.write_u32(size_to, 0)?;
        Ok(SUCCESS)
    });
    define!(linker, module, "args_get", |_call, _a: u32, _b: u32| Ok(SUCCESS));
    define!(linker, module, "clock_time_get", |call, clock: u32, _precision: u64, to: u32| {
        // The wall clock and the one that never goes back.
        if clock > 1 {
            return Ok(NOT_SUPPORTED);
        }
        let now = call.state().clock.now();
        call.write_u64(to, now)?;
        Ok(SUCCESS)
    });
    define!(linker, module, "random_get", |call, to: u32, size: u32| random_get(call, to, size));
    define!(linker, module, "sched_yield", |_call| Ok(SUCCESS));
    define!(linker, module, "poll_oneoff", |_call, _a: u32, _b: u32, _count: u32, _to: u32| Ok(SUCCESS));
    for (name, parameters) in WITHOUT_EFFECT {
        let kinds = parameters.chars().map(|kind| if kind == 'l' { ValType::I64 } else { ValType::I32 });
        let kind = FuncType::new(linker.engine(), kinds, [ValType::I32]);
        linker.func_new(module, name, kind, |mut caller, _, results| {
            caller.data_mut().counts.call(name);
            if let Some(result) = results.first_mut() {
                *result = Val::I32(NOT_IMPLEMENTED.cast_signed());
            }
            Ok(())
        })?;
    }
    // It comes back, and what the compiler puts behind it is a trap.
    linker.func_wrap(module, "proc_exit", |mut caller: Caller<'_, State>, _code: u32| {
        caller.data_mut().counts.call("proc_exit");
    })?;
    Ok(())
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn fd_write(call: &mut Call<'_>, fd: u32, parts: u32, count: u32, to: u32) -> Answer<u32> {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return Ok(BAD_DESCRIPTOR),
    };
    let mut text = Vec::new();
    for index in 0..count {
        let Some(part) = index.checked_mul(8).and_then(|offset| parts.checked_add(offset)) else {
            return Ok(FAULT);
        };
        let (pointer, size) = (call.read_u32(part)?, call.read_u32(part.saturating_add(4))?);
        if size > 0 {
            text.extend(call.read(pointer, size)?);
        }
        // More than the module has memory for: the same bytes over and over.
        if text.len() > call.state().settings.memory_limit {
            return Ok(FAULT);
        }
    }
    let written = text.len();
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    if written > 0 && level >= call.state().settings.log_level {
        call.state_mut().log(level, text);
    }
    call.write_u32(to, length(written))?;
    Ok(SUCCESS)
}

/// The environment, each variable as `NAME=VALUE` with a zero byte behind it.
fn variables(state: &State) -> Vec<Vec<u8>> {
    state.settings.environment.iter().map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}

fn environ_get(call: &mut Call<'_>, mut pointers: u32, mut texts: u32) -> Answer<u32> {
    for variable in variables(call.state()) {
        call.write_u32(pointers, texts)?;
        call.write(texts, &variable)?;
        pointers = pointers.saturating_add(4);
        texts = texts.saturating_add(length(variable.len()));
    }
    Ok(SUCCESS)
}

/// The same bytes in each run: a test can be repeated.
fn random_get(call: &mut Call<'_>, to: u32, size: u32) -> Answer<u32> {
    if size > MOST_RANDOM_BYTES {
        return Ok(INVALID);
    }
    let mut bytes = Vec::with_capacity(size as usize);
    let mut random = call.state().random;
    for _ in 0..size {
        // Xorshift: no two bytes follow from each other at a glance, which is all that is asked.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        bytes.push(random.to_le_bytes()[3]);
    }
    call.state_mut().random = random;
    call.write(to, &bytes)?;
    Ok(SUCCESS)
}
