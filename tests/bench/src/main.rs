//! Benchmarks: what Burgee costs, and what that depends on. Each is a subcommand; the folder's README says how to read them.

mod clock;
mod scale;

use clap::{Args, Parser, Subcommand, ValueEnum};
use peak_alloc::PeakAlloc;

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

/// For whom a result is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn main() {
    let Benchmark::Scale(scale) = Arguments::parse().benchmark;
    let report = scale::run(&scale.documents, scale.rounds, scale.seed);
    match scale.output {
        Format::Text => println!("{}", scale::text(&report)),
        Format::Json => println!("{}", serde_json::json!(report)),
    }
}
