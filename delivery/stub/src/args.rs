//! Arguments as they are written.

use std::net::IpAddr;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::call::Call;
use crate::probe::Question;

/// What stands in for the rest of a mesh: apps, and a receiver of logs and spans.
#[derive(Debug, Parser)]
#[command(name = "burgee-stub", version, no_binary_name = true, max_term_width = 100)]
pub(crate) struct Args {
    /// What to be.
    #[command(subcommand)]
    pub program: Program,
}

/// The programs.
#[derive(Debug, Subcommand)]
pub(crate) enum Program {
    /// An app: answers every request with its name, as the request's query asks, and calls other services meanwhile.
    App(AppArgs),
    /// A receiver of logs and spans by whatever Envoy reports them with: OTLP over gRPC and HTTP, Zipkin (JSON),
    /// SkyWalking, Datadog and Envoy's access log service, all at one port. Prints a line for each.
    Receiver(ReceiverArgs),
    /// A probe: asks whether something listens and answers, and exits 0 when it does, 2 when not.
    Probe(ProbeArgs),
}

/// Arguments of `app`.
#[derive(Debug, ClapArgs)]
pub(crate) struct AppArgs {
    /// What it is called; its answers say so.
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Where to listen; with port 0 on a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Where to take bytes without HTTP, which are sent back; with port 0 on a free one. Default: nowhere.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_tcp: Option<String>,
    /// The address of this machine to call others from. Default: whichever the system takes.
    #[arg(long, value_name = "IP")]
    pub from: Option<IpAddr>,
    /// A URL to call for every request, and the host and port to connect to for it; may be repeated. Calls are made
    /// in order. `http://` is HTTP/1.1, `h2c://` HTTP/2, `grpc://` a unary call, `tcp://` some bytes there and back.
    #[arg(long = "call", value_name = "URL=ADDRESS")]
    pub calls: Vec<Call>,
}

/// Arguments of `receiver`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReceiverArgs {
    /// Where to listen; with port 0 on a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Print lines for people instead of JSON.
    #[arg(long)]
    pub pretty: bool,
}

/// Arguments of `probe`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ProbeArgs {
    /// `HOST:PORT` to connect to, or `http://HOST:PORT/PATH` to get.
    #[arg(value_name = "WHAT")]
    pub what: Question,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn calls_keep_their_order() {
        let args =
            ["app", "--name", "web", "--call", "http://b/=127.0.0.1:2", "--call", "http://a/=127.0.0.1:1"];
        let Program::App(app) = Args::try_parse_from(args).unwrap().program else { panic!("an app") };
        let hosts: Vec<&str> = app.calls.iter().map(|call| call.host.as_str()).collect();
        assert_eq!(hosts, ["b", "a"]);
    }

    #[test]
    fn a_call_that_cannot_be_made_is_refused_with_what_is_allowed() {
        let args = ["app", "--name", "web", "--call", "https://b/=127.0.0.1:2"];
        let message = Args::try_parse_from(args).unwrap_err().to_string();
        assert!(message.contains("http://HOST[:PORT][/PATH]"), "{message}");
    }
}
