//! What stands in for the rest of a mesh: an app that answers as it is asked, and a receiver of logs and spans.
//!
//! Each is a program that runs until it gets SIGTERM or SIGINT, or until nobody reads what it prints. What they print
//! and answer is in [`protocol`], what a request may ask of the app in [`query`]. Beside them stands a probe, which asks
//! once whether something listens and answers.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod accept;
mod answer;
mod app;
mod args;
mod call;
mod decode;
mod end;
mod grpc;
mod mend;
mod pretty;
mod probe;
pub mod protocol;
pub mod query;
mod receiver;
mod tcp;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;

use crate::args::{AppArgs, Args, Program, ReceiverArgs};

/// Runs a stub to its end: `args` are the arguments without the program's name, such as `app --name web`.
///
/// The code is 0 when it was asked to end, 2 when it could not do its work; then stderr says why.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Nothing can be done about a stderr that is closed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let result = match args.program {
        Program::Probe(args) => probe::ask(&args.what),
        Program::App(args) => until_end(Stub::App(args)),
        Program::Receiver(args) => until_end(Stub::Receiver(args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "burgee-stub: {message}");
            ExitCode::from(2)
        }
    }
}

/// What runs until it is asked to end.
enum Stub {
    App(AppArgs),
    Receiver(ReceiverArgs),
}

fn until_end(stub: Stub) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let result = runtime.block_on(run(stub));
    // A write to a stdout that nobody reads may still be under way.
    runtime.shutdown_background();
    result
}

async fn run(stub: Stub) -> Result<(), String> {
    let end = end::asked().map_err(|error| format!("cannot listen to signals: {error}"))?;
    let (Stub::App(AppArgs { listen, .. }) | Stub::Receiver(ReceiverArgs { listen, .. })) = &stub;
    let (listener, address) = bind("--listen", listen).await?;
    let tcp = match &stub {
        Stub::App(AppArgs { listen_tcp: Some(listen), .. }) => Some(bind("--listen-tcp", listen).await?),
        Stub::App(_) | Stub::Receiver(_) => None,
    };
    let (listener_tcp, address_tcp) = tcp.unzip();
    announce(&stub, address, address_tcp).map_err(|error| format!("cannot print: {error}"))?;
    match stub {
        Stub::App(args) => {
            let app = Arc::new(app::App::new(&args.name, args.calls, args.from));
            let bytes = async {
                match listener_tcp {
                    Some(listener) => app::serve_bytes(listener, app.clone()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = app::serve(listener, app.clone()) => Ok(()),
                () = bytes => Ok(()),
                () = end => Ok(()),
            }
        }
        Stub::Receiver(args) => {
            let style = if args.pretty { receiver::Style::Pretty } else { receiver::Style::Json };
            let sink = receiver::Sink::new(style, Box::new(io::stdout()));
            tokio::select! {
                () = receiver::serve(listener, sink) => Ok(()),
                () = end => Ok(()),
            }
        }
    }
}

/// Listens where an argument says.
async fn bind(argument: &str, listen: &str) -> Result<(TcpListener, SocketAddr), String> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!(
            "cannot listen on {listen}: {error}. {argument} takes an address and a port that is free, or port 0"
        )
    })?;
    let address = listener.local_addr().map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    Ok((listener, address))
}

/// What the receiver takes, for people.
const PROTOCOLS: &str = "OTLP over gRPC and HTTP, Zipkin, SkyWalking, Datadog, Envoy's access log service";

/// The first line: where the program listens.
fn announce(stub: &Stub, address: SocketAddr, tcp: Option<SocketAddr>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stub {
        Stub::Receiver(ReceiverArgs { pretty: true, .. }) => {
            writeln!(stdout, "listening on {address} for logs and spans: {PROTOCOLS}")?;
        }
        Stub::App(_) | Stub::Receiver(_) => {
            let listening = protocol::Listening {
                listening: address.to_string(),
                listening_tcp: tcp.map(|address| address.to_string()),
            };
            writeln!(stdout, "{}", serde_json::to_string(&listening)?)?;
        }
    }
    stdout.flush()
}
