//! Host calls that steer: the log, time, contexts, streams, functions beside the ABI.

use wasmtime::Linker;

use super::define;
use crate::abi::{AbiVersion, Status, StreamKind};
use crate::contexts::{Flow, Kind};
use crate::foreign;
use crate::memory::{Answer, Call};
use crate::pairs;
use crate::settings::{LogLevel, PluginKind};
use crate::state::{After, LocalReply, ROOT, State};

pub(super) fn link(linker: &mut Linker<State>, version: AbiVersion) -> wasmtime::Result<()> {
    define!(linker, "env", "proxy_log", |call, level: u32, text: u32, size: u32| log(
        call, level, text, size
    ));
    define!(linker, "env", "proxy_get_current_time_nanoseconds", |call, to: u32| {
        let now = call.state().clock.now();
        call.write_u64(to, now)
    });
    define!(linker, "env", "proxy_set_tick_period_milliseconds", |call, period: u32| {
        let root = call.state().root_id();
        call.state_mut().clock.set_period(root, period);
        Ok(())
    });
    define!(linker, "env", "proxy_set_effective_context", |call, context: u32| {
        // A logger has no contexts of streams.
        let is_logger = call.state().settings.kind == PluginKind::AccessLogger;
        if !call.state().contexts.contains_key(&context) || (is_logger && context > ROOT) {
            return Err(Status::BadArgument.into());
        }
        call.state_mut().effective = context;
        Ok(())
    });
    define!(linker, "env", "proxy_done", |call| done(call));
    define!(linker, "env", "proxy_continue_stream", |call, kind: u32| continue_stream(call, kind));
    define!(linker, "env", "proxy_close_stream", |call, kind: u32| close_stream(call, kind));
    define!(
        linker,
        "env",
        "proxy_send_local_response",
        |call,
         status: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         grpc: u32| {
            let details = call.read(details, details_size)?;
            let body = call.read(body, body_size)?;
            let headers = pairs::decode(&call.read(headers, headers_size)?);
            // Envoy has room for 16 bits, and writes no spaces into access logs.
            let status = status & 0xffff;
            let details = details
                .into_iter()
                .map(|byte| if byte.is_ascii_whitespace() { b'_' } else { byte })
                .collect();
            let grpc_status = (grpc <= 16).then_some(grpc);
            reply(call, LocalReply { status, headers, body, grpc_status, details })
        }
    );
    define!(
        linker,
        "env",
        "proxy_call_foreign_function",
        |call, name: u32, name_size: u32, argument: u32, argument_size: u32, to: u32, size_to: u32| {
            foreign_function(call, name, name_size, argument, argument_size, to, size_to)
        }
    );
    if version == AbiVersion::V0_2_1 {
        define!(linker, "env", "proxy_get_log_level", |call, to: u32| {
            let level = call.state().settings.log_level as u32;
            call.write_u32(to, level)
        });
    }
    Ok(())
}

fn log(call: &mut Call<'_>, level: u32, text: u32, size: u32) -> Answer {
    let level = LogLevel::of(level).ok_or(Status::BadArgument)?;
    let text = call.read(text, size)?;
    if level >= call.state().settings.log_level {
        call.state_mut().log(level, text);
    }
    Ok(())
}

fn reply(call: &mut Call<'_>, reply: LocalReply) -> Answer {
    let state = call.state_mut();
    let context = state.context_id();
    state.stop_next = true;
    match state.http() {
        Some(http) if http.is_finishing => call.crash("it answers a stream that is over"),
        Some(_) => state.after.push_back(After::Reply(context, reply)),
        None => {}
    }
    Ok(())
}

fn done(call: &mut Call<'_>) -> Answer {
    let state = call.state_mut();
    let id = state.context_id();
    match state.contexts.get_mut(&id).map(|context| &mut context.kind) {
        Some(Kind::Root(root)) if root.is_ending => {
            root.is_ending = false;
            state.after.push_back(After::Delete(id));
            Ok(())
        }
        _ => Err(Status::NotFound.into()),
    }
}

fn continue_stream(call: &mut Call<'_>, kind: u32) -> Answer {
    let kind = StreamKind::of(kind).ok_or(Status::BadArgument)?;
    let state = call.state_mut();
    let context = state.context_id();
    let in_trailers = state.callback == "proxy_on_response_trailers";
    if kind == StreamKind::Upstream {
        return Err(Status::Unimplemented.into());
    }
    if let Some(http) = state.http_mut() {
        if kind == StreamKind::Downstream {
            return Ok(());
        }
        let is_stopped = http.response.flow != Flow::Running;
        if kind == StreamKind::Response && !http.has_response() {
            call.crash("it goes on with a response that has not come");
            return Ok(());
        }
        if kind == StreamKind::Response && !is_stopped && in_trailers {
            call.crash("it goes on with a response that goes on by itself");
            return Ok(());
        }
        // Whichever half goes on, it is the request's that Envoy takes out of sight.
        http.request.shown =
            crate::contexts::Shown { buffer: http.request.shown.buffer, ..Default::default() };
        state.after.push_back(After::Continue(context, kind));
    } else if state.contexts.get(&context).is_some_and(|context| context.tcp().is_some())
        && kind == StreamKind::Downstream
    {
        state.after.push_back(After::Continue(context, kind));
    }
    Ok(())
}

fn close_stream(call: &mut Call<'_>, kind: u32) -> Answer {
    let kind = StreamKind::of(kind).ok_or(Status::BadArgument)?;
    let state = call.state_mut();
    let context = state.context_id();
    let in_trailers = state.callback == "proxy_on_response_trailers";
    let is_of_http = matches!(kind, StreamKind::Request | StreamKind::Response);
    let is_meant = match state.contexts.get(&context).map(|context| &context.kind) {
        Some(Kind::Http(http)) if is_of_http && (http.is_finishing || in_trailers) => {
            call.crash("it closes a stream that is over");
            return Ok(());
        }
        Some(Kind::Http(_)) => is_of_http,
        Some(Kind::Tcp(_)) => !is_of_http,
        _ => false,
    };
    if is_meant {
        state.after.push_back(After::Close(context, kind));
    }
    Ok(())
}

fn foreign_function(
    call: &mut Call<'_>,
    name: u32,
    name_size: u32,
    argument: u32,
    argument_size: u32,
    to: u32,
    size_to: u32,
) -> Answer {
    let name = call.read(name, name_size)?;
    let argument = call.read(argument, argument_size)?;
    let answer = foreign::call(call.state_mut(), &name, &argument);
    if answer == Err(Status::NotFound) && !foreign::is_known(call.state(), &name) {
        return Err(Status::NotFound.into());
    }
    // Where the module wants no answer nothing is written; a failure writes that there is none.
    let bytes = answer.as_deref().unwrap_or_default();
    let size = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
    if to != 0 {
        let pointer = if size > 0 { call.allocate(size)? } else { 0 };
        call.write(pointer, bytes)?;
        call.write_u32(to, pointer)?;
    }
    if size_to != 0 {
        call.write_u32(size_to, size)?;
    }
    answer.map(|_| ()).map_err(Into::into)
}
