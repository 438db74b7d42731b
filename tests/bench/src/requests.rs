//! Requests: what one costs in a real Envoy, by what stands in its way.
//!
//! One Envoy has a listener for each variant and runs on a core of its own; equal bursts of requests come from another
//! core. What is measured is the time that the threads of Envoy have run, not the time that passes.

mod bootstrap;
pub(crate) mod connections;
mod envoy;
mod error;
mod load;
pub(crate) mod memory;
pub(crate) mod processor;
mod show;
mod signs;
mod variants;
mod web;

use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

pub(crate) use self::error::RequestsError;
pub(crate) use self::show::text;
pub(crate) use self::variants::names;

use self::bootstrap::{Ready, bootstrap};
use self::envoy::{Running, Upstream};
use self::load::Load;
use self::processor::{Cores, time_of};
use self::web::Web;
use crate::interval::{Middle, middle};

/// How many bursts each variant is sent before anything counts: V8 compiles what is hot anew, connections and tables grow.
const WARM_UP: u32 = 2;
/// How long Envoy has, after the last answer, to end what belongs to the burst: logs, metrics, connections.
const SETTLE: Duration = Duration::from_millis(20);

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The names of the variants.
    pub variants: Vec<String>,
    /// The name of the one that all are held against.
    pub base: String,
    /// How often each variant is measured, and beside it the base.
    pub rounds: u32,
    /// How many requests make a burst.
    pub requests: u32,
    /// How many workers Envoy has.
    pub concurrency: u32,
    /// Whether requests come by HTTP/2.
    pub is_http2: bool,
    /// Whether a service behind Envoy answers, and not Envoy itself.
    pub has_upstream: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The version of Envoy.
    pub envoy: String,
    pub concurrency: u32,
    /// Whether requests came by HTTP/2, or by HTTP/1.1.
    pub http2: bool,
    /// Whether a service behind Envoy answered, or Envoy itself.
    pub upstream: bool,
    pub rounds: u32,
    /// How many requests a burst was.
    pub requests: u32,
    /// What the variants are held against.
    pub base: &'static str,
    /// The variants, in the order in which they took turns.
    pub variants: Vec<Measured>,
}

/// What was measured of a variant.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub name: &'static str,
    pub what: &'static str,
    /// How large its module is, as a proxy gets it.
    pub module_bytes: Option<usize>,
    /// What a request takes of Envoy's time, in microseconds.
    pub microseconds: Middle,
    /// How much more that is than with the base beside it, in microseconds.
    pub added: Middle,
    /// How many times what it is with the base beside it.
    pub ratio: Middle,
    /// What was measured, in microseconds per request: of each round the base's and the variant's.
    pub pairs: Vec<Pair>,
}

/// Two bursts, one behind the other, in microseconds per request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Pair {
    pub base: f64,
    pub variant: f64,
}

/// Measures.
pub(crate) fn run(plan: &Plan) -> Result<Report, RequestsError> {
    let cores = Cores::share(plan.concurrency)?;
    let load = Load::find(&cores.load, plan.requests, plan.is_http2)?;
    let web = Web::new()?;
    let bar = bar(plan);
    let found = web.wait_for(burgee_localnet::envoy::find(&Steps(&bar)))?;
    let ready = build(plan, &bar)?;
    let upstream = if plan.has_upstream { Some(Upstream::start(&cores.load)?) } else { None };
    let configuration = bootstrap(&ready, upstream.as_ref().map(|upstream| upstream.port));
    bar.set_message("starting Envoy");
    let envoy = Running::start(&found, &configuration, &cores.envoy, plan.concurrency, &web)?;
    let mut bench = Bench { envoy, load, web, lanes: Vec::new() };
    for one in &ready {
        let port = bench.envoy.port(one.variant.name, &bench.web)?;
        bench.lanes.push(Lane { ready: one, port, sent: 0, pairs: Vec::new() });
    }
    bench.measure(plan, &bar)?;
    bar.finish_and_clear();
    let base = variants::named(&plan.base).map_or("", |variant| variant.name);
    Ok(Report {
        envoy: found.version,
        concurrency: plan.concurrency,
        http2: plan.is_http2,
        upstream: plan.has_upstream,
        rounds: plan.rounds,
        requests: plan.requests,
        base,
        variants: bench.lanes.into_iter().map(Lane::measured).collect(),
    })
}

/// The base first, then the others in their own order, each with its module.
fn build(plan: &Plan, bar: &ProgressBar) -> Result<Vec<Ready>, RequestsError> {
    let is_base = |name: &str| name == plan.base;
    let is_other = |name: &str| !is_base(name) && plan.variants.iter().any(|wanted| wanted == name);
    let bases = variants::ALL.iter().filter(|variant| is_base(variant.name));
    let chosen = bases.chain(variants::ALL.iter().filter(|variant| is_other(variant.name)));
    let root = burgee_modules::checkout()?;
    let step = |what: &str| bar.set_message(what.to_owned());
    let with_module = |variant: &'static variants::Variant| {
        let module = variant.module.map(|folder| burgee_modules::build_crate(&root.join(folder), &step));
        Ok(Ready { variant, module: module.transpose()? })
    };
    chosen.map(with_module).collect()
}

/// Shows how far it is, on a terminal.
fn bar(plan: &Plan) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} rounds, {eta} left  {wide_msg}");
    let bar = ProgressBar::new(plan.rounds.into());
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// Shows what is done before the first round.
struct Steps<'s>(&'s ProgressBar);

impl burgee_localnet::Progress for Steps<'_> {
    fn step(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }
}

/// A variant, and what has been done with it.
struct Lane<'l> {
    ready: &'l Ready,
    port: u16,
    /// How many requests have gone through it.
    sent: u64,
    pairs: Vec<Pair>,
}

impl Lane<'_> {
    fn measured(self) -> Measured {
        let Ready { variant, module } = self.ready;
        let of = |value: fn(&Pair) -> f64| middle(&self.pairs.iter().map(value).collect::<Vec<f64>>());
        Measured {
            name: variant.name,
            what: variant.what,
            module_bytes: module.as_ref().map(|module| module.bytes.len()),
            microseconds: of(|pair| pair.variant),
            added: of(|pair| pair.variant - pair.base),
            ratio: of(|pair| pair.variant / pair.base),
            pairs: self.pairs,
        }
    }
}

/// Everything that runs.
struct Bench<'b> {
    envoy: Running,
    load: Load,
    web: Web,
    /// The first is the base.
    lanes: Vec<Lane<'b>>,
}

impl Bench<'_> {
    /// Every variant in each round, right beside a burst through the base: what slows the machine down for longer than a
    /// second slows both. Which of the two comes first changes from round to round. The base is held against itself too,
    /// which shows what the method makes of no difference.
    fn measure(&mut self, plan: &Plan, bar: &ProgressBar) -> Result<(), RequestsError> {
        for lane in 0..self.lanes.len() {
            bar.set_message(format!("warming up {}", self.lanes[lane].ready.variant.name));
            for _ in 0..WARM_UP {
                self.burst(lane)?;
            }
        }
        for round in 0..plan.rounds {
            for lane in 0..self.lanes.len() {
                bar.set_message(self.lanes[lane].ready.variant.name);
                let pair = if round % 2 == 0 {
                    let base = self.burst(0)?;
                    Pair { base, variant: self.burst(lane)? }
                } else {
                    let variant = self.burst(lane)?;
                    Pair { variant, base: self.burst(0)? }
                };
                self.lanes[lane].pairs.push(pair);
            }
            bar.inc(1);
        }
        bar.set_message("counting");
        for Lane { ready: Ready { variant, .. }, .. } in &self.lanes {
            // Variants that make the same metrics make them together.
            let alike = self.lanes.iter().filter(|lane| lane.ready.variant.signs == variant.signs);
            let sent = alike.map(|lane| lane.sent).sum();
            signs::check_distributions(variant.signs, sent, self.envoy.admin, &self.web)
                .map_err(|what| RequestsError::NoEffect { variant: variant.name, what })?;
        }
        Ok(())
    }

    /// Sends a burst through a variant, sees that it did its work, and gives Envoy's time per request, in microseconds.
    fn burst(&mut self, lane: usize) -> Result<f64, RequestsError> {
        let Bench { envoy, load, web, lanes } = self;
        let lane = &mut lanes[lane];
        let variant = lane.ready.variant;
        let no_effect = |what| RequestsError::NoEffect { variant: variant.name, what };
        let counted = signs::counted(variant.signs, envoy.admin, web).map_err(no_effect)?;

        let before = time_of(envoy.pid())?;
        load.burst(variant.name, lane.port)?;
        thread::sleep(SETTLE);
        let time = time_of(envoy.pid())?.saturating_sub(before);

        signs::check_counters(variant.signs, &counted, load.requests, envoy.admin, web).map_err(no_effect)?;
        let asked = signs::check_headers(variant.signs, lane.port, web).map_err(no_effect)?;
        lane.sent += u64::from(load.requests) + u64::from(asked);
        Ok(time.as_secs_f64() * 1e6 / f64::from(load.requests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_held_against_the_base_beside_it() {
        let variant = variants::named("bare").expect("there is one");
        let ready = Ready { variant, module: None };
        // The machine gets slower and slower, for both alike; one pair was disturbed.
        let mut pairs: Vec<Pair> =
            (1..=7).map(f64::from).map(|speed| Pair { base: 10.0 * speed, variant: 15.0 * speed }).collect();
        pairs[3].variant = 9_000.0;
        let measured = Lane { ready: &ready, port: 0, sent: 0, pairs }.measured();
        assert!((measured.ratio.median - 1.5).abs() < 1e-9);
        assert!((measured.added.median - 25.0).abs() < 1e-9);
        assert!((measured.microseconds.median - 75.0).abs() < 1e-9);
        assert!(measured.ratio.interval.is_some());
    }
}
