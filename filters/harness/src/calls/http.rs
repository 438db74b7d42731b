//! Host calls about messages: headers, bodies, and calls to clusters.

use wasmtime::Linker;

use super::define;
use crate::abi::{BufferKind, MapKind, Status};
use crate::callouts::{self, Callout, Request};
use crate::contexts::Message;
use crate::memory::{Answer, Call, Failure};
use crate::pairs::{self, Headers};
use crate::state::{After, State};

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    link_headers(linker)?;
    link_buffers(linker)?;
    link_callouts(linker)
}

fn map(state: &State, kind: MapKind) -> Option<&Headers> {
    let answering = &state.callouts.answering;
    match kind {
        MapKind::CallHeaders => answering.headers.as_ref(),
        MapKind::CallTrailers => answering.trailers.as_ref(),
        MapKind::GrpcInitialMetadata => answering.grpc_initial.as_ref(),
        MapKind::GrpcTrailingMetadata => answering.grpc_trailing.as_ref(),
        _ => state.http()?.map(kind),
    }
}

fn is_logging(state: &State) -> bool {
    state.http().is_some_and(|http| http.logging)
}

/// The map that a module wants to change.
fn map_mut<'a>(call: &'a mut Call<'_>, kind: MapKind) -> Answer<&'a mut Headers> {
    let map = call.state_mut().http_mut().and_then(|http| http.map_mut(kind));
    map.ok_or_else(|| Status::BadArgument.into())
}

fn kind(number: u32) -> Answer<MapKind> {
    MapKind::of(number).ok_or_else(|| Status::BadArgument.into())
}

fn link_headers(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    define!(linker, "env", "proxy_get_header_map_pairs", |call, of: u32, to: u32, size_to: u32| {
        let pairs = map(call.state(), kind(of)?).map(|map| map.entries().to_vec()).unwrap_or_default();
        let bytes = if pairs.is_empty() { Vec::new() } else { pairs::encode(&pairs) };
        call.give(&bytes, to, size_to)
    });
    define!(
        linker,
        "env",
        "proxy_get_header_map_value",
        |call, of: u32, name: u32, name_size: u32, to: u32, size_to: u32| {
            let kind = kind(of)?;
            let name = call.read(name, name_size)?;
            let Some(map) = map(call.state(), kind) else {
                let status = if is_logging(call.state()) { Status::NotFound } else { Status::BadArgument };
                return Err(status.into());
            };
            let value = map.get(&name).ok_or(Status::NotFound)?.to_vec();
            call.give(&value, to, size_to)
        }
    );
    define!(linker, "env", "proxy_get_header_map_size", |call, of: u32, to: u32| {
        let size = map_mut(call, kind(of)?)?.bytes();
        call.write_u32(to, u32::try_from(size).unwrap_or(u32::MAX))
    });
    define!(
        linker,
        "env",
        "proxy_add_header_map_value",
        |call, of: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            let kind = kind(of)?;
            let (name, value) = (call.read(name, name_size)?, call.read(value, value_size)?);
            map_mut(call, kind)?.add(&name, value);
            Ok(())
        }
    );
    define!(
        linker,
        "env",
        "proxy_replace_header_map_value",
        |call, of: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            let kind = kind(of)?;
            let (name, value) = (call.read(name, name_size)?, call.read(value, value_size)?);
            map_mut(call, kind)?.set(&name, value);
            Ok(())
        }
    );
    define!(linker, "env", "proxy_remove_header_map_value", |call, of: u32, name: u32, name_size: u32| {
        let kind = kind(of)?;
        let name = call.read(name, name_size)?;
        map_mut(call, kind)?.remove(&name);
        Ok(())
    });
    define!(linker, "env", "proxy_set_header_map_pairs", |call, of: u32, pairs: u32, size: u32| {
        let kind = kind(of)?;
        let pairs = pairs::decode(&call.read(pairs, size)?);
        map_mut(call, kind)?.replace_all(pairs);
        Ok(())
    });
    Ok(())
}

/// The bytes of a buffer; nothing if there is no such buffer at this moment.
fn buffer(state: &mut State, kind: BufferKind) -> Option<Vec<u8>> {
    let id = state.context_id();
    match kind {
        BufferKind::VmConfiguration => Some(state.settings.vm_configuration.clone()),
        BufferKind::PluginConfiguration => {
            state.configuring.then(|| state.settings.plugin_configuration.clone())
        }
        BufferKind::CallBody => state.callouts.answering.body.clone(),
        BufferKind::GrpcMessage => Some(state.callouts.answering.grpc_message.clone().unwrap_or_default()),
        BufferKind::CallData => Some(Vec::new()),
        // Of a stream there is always a buffer, even if it is the empty one.
        _ => Some(stream_buffer(state, id, kind).cloned().unwrap_or_default()),
    }
}

fn stream_buffer(state: &mut State, id: u32, kind: BufferKind) -> Option<&mut Vec<u8>> {
    let context = state.contexts.get_mut(&id)?;
    match kind {
        BufferKind::DownstreamData => context.tcp_mut()?.downstream.shown_mut(),
        BufferKind::UpstreamData => context.tcp_mut()?.upstream.shown_mut(),
        _ => context.http_mut()?.buffer_mut(kind),
    }
}

fn buffer_kind(number: u32) -> Answer<BufferKind> {
    BufferKind::of(number).ok_or_else(|| Status::BadArgument.into())
}

fn link_buffers(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    define!(
        linker,
        "env",
        "proxy_get_buffer_bytes",
        |call, of: u32, start: u32, size: u32, to: u32, size_to: u32| get_buffer(
            call, of, start, size, to, size_to
        )
    );
    define!(linker, "env", "proxy_get_buffer_status", |call, of: u32, size_to: u32, flags_to: u32| {
        let bytes = buffer(call.state_mut(), buffer_kind(of)?).ok_or(Status::NotFound)?;
        call.write_u32(size_to, u32::try_from(bytes.len()).unwrap_or(u32::MAX))?;
        call.write_u32(flags_to, 0)
    });
    define!(
        linker,
        "env",
        "proxy_set_buffer_bytes",
        |call, of: u32, start: u32, size: u32, data: u32, data_size: u32| set_buffer(
            call, of, start, size, data, data_size
        )
    );
    Ok(())
}

fn get_buffer(call: &mut Call<'_>, of: u32, start: u32, size: u32, to: u32, size_to: u32) -> Answer {
    let bytes = buffer(call.state_mut(), buffer_kind(of)?).ok_or(Status::NotFound)?;
    let start = start as usize;
    let end = start.saturating_add(size as usize).min(bytes.len());
    match bytes.get(start..end) {
        // Nothing is written then, not even that there is nothing.
        None | Some([]) => Ok(()),
        Some(part) => call.give(part, to, size_to),
    }
}

/// Envoy can put bytes in front, put bytes at the end, or replace everything; nothing in between.
fn set_buffer(call: &mut Call<'_>, of: u32, start: u32, size: u32, data: u32, data_size: u32) -> Answer {
    let kind = buffer_kind(of)?;
    buffer(call.state_mut(), kind).ok_or(Status::NotFound)?;
    let data = call.read(data, data_size)?;
    let id = call.state().context_id();
    let bytes = stream_buffer(call.state_mut(), id, kind).ok_or(Status::BadArgument)?;
    let (start, size) = (start as usize, size as usize);
    if start == 0 && size == 0 {
        bytes.splice(0..0, data);
    } else if start == 0 && size >= bytes.len() {
        *bytes = data;
    } else if start != 0 && start >= bytes.len() {
        bytes.extend(data);
    } else {
        return Err(Status::BadArgument.into());
    }
    Ok(())
}

fn link_callouts(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    define!(linker, "env", "proxy_http_call", |call,
                                               cluster: u32,
                                               cluster_size: u32,
                                               headers: u32,
                                               headers_size: u32,
                                               body: u32,
                                               body_size: u32,
                                               trailers: u32,
                                               trailers_size: u32,
                                               timeout: u32,
                                               to: u32| {
        http_call(
            call,
            cluster,
            cluster_size,
            headers,
            headers_size,
            body,
            body_size,
            trailers,
            trailers_size,
            timeout,
            to,
        )
    });
    define!(linker, "env", "proxy_grpc_call", |call,
                                               cluster: u32,
                                               cluster_size: u32,
                                               service: u32,
                                               service_size: u32,
                                               method: u32,
                                               method_size: u32,
                                               metadata: u32,
                                               metadata_size: u32,
                                               message: u32,
                                               message_size: u32,
                                               timeout: u32,
                                               to: u32| {
        let cluster = call.read(cluster, cluster_size)?;
        let request = Request::Grpc {
            service: text(call, service, service_size)?,
            method: text(call, method, method_size)?,
            metadata: pairs::decode(&call.read(metadata, metadata_size)?),
            message: call.read(message, message_size)?,
        };
        grpc(call, &cluster, timeout, request, to)
    });
    define!(linker, "env", "proxy_grpc_stream", |call,
                                                 cluster: u32,
                                                 cluster_size: u32,
                                                 service: u32,
                                                 service_size: u32,
                                                 method: u32,
                                                 method_size: u32,
                                                 metadata: u32,
                                                 metadata_size: u32,
                                                 to: u32| {
        let cluster = call.read(cluster, cluster_size)?;
        let request = Request::GrpcStream {
            service: text(call, service, service_size)?,
            method: text(call, method, method_size)?,
            metadata: pairs::decode(&call.read(metadata, metadata_size)?),
            messages: Vec::new(),
            is_closed: false,
        };
        grpc(call, &cluster, 0, request, to)
    });
    define!(linker, "env", "proxy_grpc_send", |call,
                                               token: u32,
                                               message: u32,
                                               message_size: u32,
                                               end: u32| {
        let message = call.read(message, message_size)?;
        Ok(call.state_mut().callouts.send(token, message, end != 0)?)
    });
    define!(linker, "env", "proxy_grpc_close", |call, token: u32| Ok(call
        .state_mut()
        .callouts
        .close(token)?));
    define!(linker, "env", "proxy_grpc_cancel", |call, token: u32| Ok(call
        .state_mut()
        .callouts
        .cancel(token)?));
    define!(linker, "env", "proxy_get_status", |call, code_to: u32, to: u32, size_to: u32| {
        let answering = &call.state().callouts.answering;
        let (code, message) = (answering.status, answering.status_message.clone());
        call.write_u32(code_to, code)?;
        call.give(&message, to, size_to)
    });
    Ok(())
}

fn text(call: &Call<'_>, pointer: u32, size: u32) -> Answer<String> {
    Ok(String::from_utf8_lossy(&call.read(pointer, size)?).into_owned())
}

#[allow(clippy::too_many_arguments, reason = "the ABI has so many")]
fn http_call(
    call: &mut Call<'_>,
    cluster: u32,
    cluster_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    trailers: u32,
    trailers_size: u32,
    timeout: u32,
    to: u32,
) -> Answer {
    let cluster = text(call, cluster, cluster_size)?;
    let body = call.read(body, body_size)?;
    let headers = pairs::decode(&call.read(headers, headers_size)?);
    let trailers = pairs::decode(&call.read(trailers, trailers_size)?);
    call.write_u32(to, 0)?;
    let mut headers = Headers::new(headers, true);
    let is_whole = [&b":path"[..], b":method", b":authority"].iter().all(|name| headers.get(name).is_some());
    let is_known = call.state().settings.clusters.contains(&cluster);
    // Milliseconds that are a number below zero to Envoy.
    if timeout > i32::MAX.unsigned_abs() || !is_known || !is_whole {
        return Err(Status::BadArgument.into());
    }
    if !body.is_empty() {
        headers.set(b"content-length", body.len().to_string().into_bytes());
    }
    let trailers =
        if trailers.is_empty() { None } else { Some(Headers::new(trailers, false).entries().to_vec()) };
    let request = Message { headers: headers.entries().to_vec(), body, trailers, is_complete: true };
    let token = add(call, cluster, timeout, Request::Http(request));
    call.write_u32(to, token)
}

fn grpc(call: &mut Call<'_>, service: &[u8], timeout: u32, request: Request, to: u32) -> Answer {
    let state = call.state_mut();
    if service.is_empty() {
        // It does not even return.
        let reason = "it calls gRPC without a service, at which the whole Envoy crashes";
        return Err(Failure::Trap(wasmtime::Error::msg(reason)));
    }
    let cluster = callouts::grpc_cluster(service, &state.settings.clusters)?;
    if !state.settings.clusters.contains(&cluster) {
        let token = state.callouts.failed_grpc(matches!(request, Request::GrpcStream { .. }));
        let message = "Cluster not available".to_owned();
        state.after.push_back(After::GrpcFailed { token, status: 14, message });
        return Err(Status::InternalFailure.into());
    }
    let token = add(call, cluster, timeout, request);
    call.write_u32(to, token)
}

fn add(call: &mut Call<'_>, cluster: String, timeout_milliseconds: u32, request: Request) -> u32 {
    let state = call.state_mut();
    let (context, at_nanoseconds) = (state.context_id(), state.clock.now());
    let callout =
        Callout { token: 0, context, cluster, timeout_milliseconds, request, at_nanoseconds, number: 0 };
    state.callouts.add(callout)
}
