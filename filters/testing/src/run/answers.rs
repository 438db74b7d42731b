//! Answers to callouts: of HTTP, of calls of gRPC and of streams of gRPC.

use burgee_harness::{Answer as HarnessAnswer, Callout, NoSuchCall, Request, Vm};

use crate::cases::format::{Answer, Failure};
use crate::cases::values::Text;

/// The status of gRPC for a connection that broke, as Envoy has it.
const UNAVAILABLE: u32 = 14;

/// Where a callout goes within its cluster.
pub(super) fn path_of(request: &Request) -> String {
    match request {
        Request::Http(message) => message.header(":path").unwrap_or_default().to_owned(),
        Request::Grpc { service, method, .. } | Request::GrpcStream { service, method, .. } => {
            format!("/{service}/{method}")
        }
    }
}

/// A field of an answer that a callout of this kind cannot be answered with, and why.
pub(super) fn misfit(answer: &Answer, callout: &Callout) -> Option<(&'static str, &'static str)> {
    let has_status = answer.grpc_status.is_some();
    let is_failed = answer.grpc_status.is_some_and(|status| status != 0);
    match &callout.request {
        Request::Http(_) if has_status => Some(("grpcStatus", "the callout is of HTTP: write `status`")),
        Request::Http(_) if !answer.messages.is_empty() => {
            Some(("messages", "the callout is of HTTP: write `body`"))
        }
        Request::Http(_) => None,
        Request::Grpc { .. } | Request::GrpcStream { .. } if answer.status.is_some() => {
            Some(("status", "the callout is of gRPC: write `grpcStatus`"))
        }
        Request::Grpc { .. } if !answer.messages.is_empty() => {
            Some(("messages", "the callout is a call with one answer: write `body`"))
        }
        Request::Grpc { .. } if is_failed && answer.body.is_some() => {
            Some(("body", "a call that ends with another status than 0 has no message"))
        }
        Request::GrpcStream { .. } if answer.fails == Some(Failure::Timeout) => {
            Some(("fails", "a stream of gRPC has no time that could be up"))
        }
        Request::Grpc { .. } | Request::GrpcStream { .. } => None,
    }
}

/// Answers a callout.
pub(super) fn play(vm: &Vm, callout: &Callout, answer: &Answer) -> Result<(), NoSuchCall> {
    let token = callout.token;
    match (answer.fails, &callout.request) {
        (Some(Failure::Timeout), _) => {
            let patience = u128::from(callout.timeout_milliseconds) * 1_000_000;
            let ends = u128::from(callout.at_nanoseconds) + patience;
            let left = ends.saturating_sub(vm.now_nanoseconds().into()).div_ceil(1_000_000);
            vm.advance(u64::try_from(left).unwrap_or(u64::MAX));
            Ok(())
        }
        (Some(Failure::Reset), Request::Http(_)) => vm.break_call(token),
        (Some(Failure::Reset), _) => vm.grpc_close(token, UNAVAILABLE, "upstream reset"),
        (None, Request::Http(_)) => vm.answer(token, &of_http(answer)),
        (None, Request::Grpc { .. }) => play_call(vm, token, answer),
        (None, Request::GrpcStream { .. }) => play_stream(vm, token, answer),
    }
}

/// A call has metadata, and then a message or a status.
fn play_call(vm: &Vm, token: u32, answer: &Answer) -> Result<(), NoSuchCall> {
    begin(vm, token, answer)?;
    match answer.grpc_status.filter(|status| *status != 0) {
        Some(_) => finish(vm, token, answer),
        // What the filter has cancelled meanwhile hears of nothing more.
        None if is_open(vm, token) => {
            vm.grpc_message(token, answer.body.as_ref().map(|body| body.bytes()).unwrap_or_default())
        }
        None => Ok(()),
    }
}

/// A stream has metadata, messages and, when it ends, metadata again and a status.
fn play_stream(vm: &Vm, token: u32, answer: &Answer) -> Result<(), NoSuchCall> {
    begin(vm, token, answer)?;
    for message in answer.body.iter().chain(&answer.messages) {
        if is_open(vm, token) {
            vm.grpc_message(token, message.bytes())?;
        }
    }
    finish(vm, token, answer)
}

fn begin(vm: &Vm, token: u32, answer: &Answer) -> Result<(), NoSuchCall> {
    let metadata = answer.headers.pairs();
    if metadata.is_empty() { Ok(()) } else { vm.grpc_initial_metadata(token, &metadata) }
}

fn finish(vm: &Vm, token: u32, answer: &Answer) -> Result<(), NoSuchCall> {
    let metadata = answer.trailers.pairs();
    if !metadata.is_empty() && is_open(vm, token) {
        vm.grpc_trailing_metadata(token, &metadata)?;
    }
    match answer.grpc_status {
        Some(status) if is_open(vm, token) => {
            let said = answer.grpc_message.as_ref().map_or("", |Text(text)| text.as_str());
            vm.grpc_close(token, status, said)
        }
        _ => Ok(()),
    }
}

fn is_open(vm: &Vm, token: u32) -> bool {
    vm.callouts().iter().any(|callout| callout.token == token)
}

fn of_http(answer: &Answer) -> HarnessAnswer {
    let mut made = HarnessAnswer::status(answer.status.unwrap_or(200));
    for (name, value) in answer.headers.pairs() {
        made = made.header(name, value);
    }
    if let Some(body) = &answer.body {
        made = made.body(body.bytes());
    }
    for (name, value) in answer.trailers.pairs() {
        made = made.trailer(name, value);
    }
    made
}
