//! Benchmarks: what Burgee costs, and what that depends on. Each is a subcommand; the folder's README says how to read them.

mod clock;
mod fleet;
mod interval;
mod requests;
mod scale;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use peak_alloc::PeakAlloc;
use serde::Serialize;

/// Counts what is on the heap.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What Burgee costs, and what that depends on.
#[derive(Debug, Parser)]
#[command(name = "burgee-bench", version, max_term_width = 100)]
struct Arguments {
    /// Which benchmark.
    #[command(subcommand)]
    benchmark: Benchmark,
}

/// The benchmarks.
#[derive(Debug, Subcommand)]
enum Benchmark {
    /// Time per workload and memory against the number of documents, and what one changed document costs.
    Scale(Scale),
    /// Envoy's processor time per request, against what stands in the request's way. Needs Linux, two cores and h2load.
    Requests(Requests),
    /// Envoy's memory against its number of workers, and under requests with ever new hosts. Needs Linux and two cores.
    Memory(Memory),
    /// Envoy's processor time per connection of TCP, with their metrics and without. Needs Linux and two cores.
    Connections(Connections),
    /// How long proxies wait for a change, and what their server takes for it. Needs Linux and the program burgee.
    Fleet(Fleet),
    /// Be the upstream of `requests`, which starts it.
    #[command(hide = true, disable_help_flag = true)]
    Stub(Stub),
}

/// Arguments of `scale`.
#[derive(Debug, Args)]
struct Scale {
    /// How many Telemetries there are, and as many workloads; each number is a variant, and all take turns.
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', default_values_t = [100, 1_000, 10_000],
        value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    documents: Vec<u32>,
    /// How often each variant is measured.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// What the documents are made from: the same number makes the same documents.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// For whom the result is.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Arguments of `requests`.
#[derive(Debug, Args)]
struct Requests {
    /// What to measure; all of it unless this is given.
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_values_t = requests::names().map(str::to_owned),
        hide_default_value = true, value_parser = PossibleValuesParser::new(requests::names()))]
    variants: Vec<String>,
    /// The variant that all are held against; it is measured whether --variants has it or not.
    #[arg(long, value_name = "NAME", default_value = "bare", value_parser = PossibleValuesParser::new(requests::names()))]
    base: String,
    /// How often each variant is measured, each time beside the base. An interval takes six.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// How many requests are sent at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    requests: u32,
    /// How many workers Envoy has; they share all cores but one.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    concurrency: u32,
    /// Send requests by HTTP/2 instead of HTTP/1.1.
    #[arg(long)]
    http2: bool,
    /// Have a service behind Envoy answer, instead of Envoy itself.
    #[arg(long)]
    upstream: bool,
    /// For whom the result is.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Arguments of `memory`.
#[derive(Debug, Args)]
struct Memory {
    /// How many workers Envoy has; each number is measured, and each further worker is held against the first.
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', default_values_t = [1, 2, 4, 8],
        value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Vec<u32>,
    /// How often each is measured; the least counts.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many million requests with invented hosts are sent.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    millions: u32,
    /// For whom the result is.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Arguments of `connections`.
#[derive(Debug, Args)]
struct Connections {
    /// How often both are measured, side by side. An interval takes six.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// How many connections are made at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    connections: u32,
    /// For whom the result is.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Arguments of `fleet`.
#[derive(Debug, Args)]
struct Fleet {
    /// How many proxies there are; each number is a variant, with a server of its own.
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', default_values_t = [100, 1_000, 10_000],
        value_parser = clap::value_parser!(u32).range(1..=20_000))]
    proxies: Vec<u32>,
    /// How many documents there are, in a hundred namespaces.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(200..=100_000))]
    documents: u32,
    /// How many changes of each kind are made.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=90))]
    rounds: u32,
    /// Have proxies and server prove to each other who they are.
    #[arg(long)]
    tls: bool,
    /// Have the base come from another control plane, which is a second server, instead of from a folder.
    #[arg(long)]
    upstream: bool,
    /// The program burgee. Without: the one beside this program.
    #[arg(long, value_name = "FILE")]
    burgee: Option<PathBuf>,
    /// For whom the result is.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Arguments of `stub`.
#[derive(Debug, Args)]
struct Stub {
    /// What the stub is told; see the crate burgee-stub.
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// For whom a result is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn main() -> ExitCode {
    match Arguments::parse().benchmark {
        Benchmark::Scale(scale) => {
            let report = scale::run(&scale.documents, scale.rounds, scale.seed);
            print(scale.output, &report, scale::text);
            ExitCode::SUCCESS
        }
        Benchmark::Requests(arguments) => requests(arguments),
        Benchmark::Memory(arguments) => {
            let Memory { workers, rounds, millions, output } = arguments;
            let measured = requests::memory::run(&requests::memory::Plan { workers, rounds, millions });
            told(output, measured, requests::memory::text)
        }
        Benchmark::Connections(Connections { rounds, connections, output }) => {
            told(output, requests::connections::run(rounds, connections), requests::connections::text)
        }
        Benchmark::Fleet(Fleet { proxies, documents, rounds, tls, upstream, burgee, output }) => {
            let beside = || std::env::current_exe().unwrap_or_default().with_file_name("burgee");
            let program = burgee.unwrap_or_else(beside);
            let plan =
                fleet::Plan { proxies, documents, rounds, has_tls: tls, has_upstream: upstream, program };
            told(output, fleet::run(&plan), fleet::text)
        }
        Benchmark::Stub(stub) => burgee_stub::main(stub.arguments),
    }
}

fn requests(arguments: Requests) -> ExitCode {
    let plan = requests::Plan {
        variants: arguments.variants,
        base: arguments.base,
        rounds: arguments.rounds,
        requests: arguments.requests,
        concurrency: arguments.concurrency,
        is_http2: arguments.http2,
        has_upstream: arguments.upstream,
    };
    told(arguments.output, requests::run(&plan), requests::text)
}

/// Tells a result, or why there is none.
fn told<R: Serialize, E: std::fmt::Display>(
    output: Format,
    measured: Result<R, E>,
    text: fn(&R) -> String,
) -> ExitCode {
    match measured {
        Ok(report) => {
            print(output, &report, text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn print<R: Serialize>(output: Format, report: &R, text: fn(&R) -> String) {
    match output {
        Format::Text => println!("{}", text(report)),
        Format::Json => println!("{}", serde_json::json!(report)),
    }
}
