//! What every filter must stand, whoever wrote it: nothing that a client, a service or the proxy does may end it.
//!
//! Each [`Rule`] makes inputs, many of them out of a filter's own cases, and plays them. An input that shows a fault is
//! made smaller before it is told. The same module, cases and seed give the same inputs.

mod chance;
mod configurations;
mod inputs;
mod page;
mod print;
pub(crate) mod rules;
mod shrink;
mod streams;
mod subject;

use std::time::{Duration, Instant};

use burgee_harness::{LogLine, Module, Trap};
use serde::Serialize;

use crate::cases::Located;
use crate::cases::format::Setup;
use crate::run::Limits;

pub use page::page;
pub use rules::RULES;
use subject::Subject;

/// Something that every filter must stand.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The name, which stays.
    pub name: &'static str,
    /// What must be so, as a sentence.
    pub title: &'static str,
    /// What is tried.
    pub tried: &'static str,
    /// Why it happens to filters, and what to do.
    pub why: &'static str,
    check: fn(&mut Attempt<'_>),
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}

/// How a filter is tried.
#[derive(Clone, Debug)]
pub struct Options {
    /// The rules to try, by name. Empty: all.
    pub rules: Vec<String>,
    /// What chooses among inputs.
    pub seed: u64,
    /// How long all rules together may take, about. What is not tried then is told.
    pub time: Duration,
    /// How many streams it must stand without growing.
    pub streams: u32,
    /// What bounds each callback.
    pub limits: Limits,
    /// What the filter is started with where there are no cases.
    pub setup: Setup,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            rules: Vec::new(),
            seed: 1,
            time: Duration::from_secs(60),
            streams: 100_000,
            // A tenth of a second or so of work in one callback.
            limits: Limits { fuel: Some(2_000_000_000) },
            setup: Setup::default(),
        }
    }
}

/// What came of a rule.
#[derive(Clone, Debug)]
pub struct RuleResult {
    /// The rule.
    pub rule: &'static Rule,
    /// How many inputs were tried.
    pub tried: usize,
    /// Whether there was time for all of them.
    pub is_complete: bool,
    /// What shows that the rule does not hold, if anything does.
    pub violation: Option<Violation>,
    /// How long it took.
    pub took: Duration,
}

/// What shows that a rule does not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What happened.
    pub what: String,
    /// The smallest input that was found to show it: where it can be one, a case.
    pub input: String,
    /// What the filter logged before it ended.
    pub logs: Vec<LogLine>,
    /// How the filter ended, if it did.
    pub trap: Option<Trap>,
}

/// Why a filter cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum NotTried {
    /// It does not start, so nothing else can be known.
    DoesNotStart(String),
    /// There is no rule of that name.
    NoSuchRule(String),
}

impl std::fmt::Display for NotTried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotTried::DoesNotStart(why) => {
                write!(f, "the filter does not start, so it cannot be tried: {why}")
            }
            NotTried::NoSuchRule(name) => write!(f, "there is no rule `{name}`"),
        }
    }
}

impl std::error::Error for NotTried {}

/// The names of all rules.
pub fn names() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.name).collect()
}

/// Tries every rule on a module. Cases show how it is used: inputs are made out of them, and without any of a plain
/// request.
///
/// # Errors
/// If the filter does not start at all, or a rule is not there.
pub fn run(module: &Module, cases: &[Located], options: &Options) -> Result<Vec<RuleResult>, NotTried> {
    let known = names();
    if let Some(name) = options.rules.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(NotTried::NoSuchRule(name.clone()));
    }
    let subject = Subject::new(module, cases, options).map_err(NotTried::DoesNotStart)?;
    let is_wanted =
        |rule: &&Rule| options.rules.is_empty() || options.rules.iter().any(|name| name == rule.name);
    let rules: Vec<&'static Rule> = RULES.iter().filter(is_wanted).collect();
    let ends = Instant::now() + options.time;
    let mut results = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let left = u32::try_from(rules.len() - at).unwrap_or(u32::MAX);
        let share = ends.saturating_duration_since(Instant::now()) / left;
        results.push(try_rule(rule, &subject, share));
    }
    Ok(results)
}

fn try_rule(rule: &'static Rule, subject: &Subject<'_>, share: Duration) -> RuleResult {
    let began = Instant::now();
    let mut attempt = Attempt { subject, ends: began + share, tried: 0, is_complete: true, violation: None };
    (rule.check)(&mut attempt);
    let Attempt { tried, is_complete, violation, .. } = attempt;
    RuleResult { rule, tried, is_complete, violation, took: began.elapsed() }
}

/// A rule that is being tried.
pub(crate) struct Attempt<'s> {
    subject: &'s Subject<'s>,
    ends: Instant,
    tried: usize,
    is_complete: bool,
    violation: Option<Violation>,
}

impl Attempt<'_> {
    /// Whether to go on: nothing is found yet, and there is time.
    fn goes_on(&mut self) -> bool {
        if self.violation.is_some() {
            return false;
        }
        if Instant::now() >= self.ends && self.tried > 0 {
            self.is_complete = false;
        }
        self.is_complete
    }
}
