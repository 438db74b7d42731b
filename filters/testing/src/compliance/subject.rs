//! The filter that is tried: its module, and the exchanges that inputs are made of.

use std::collections::BTreeMap;

use burgee_harness::{LogLine, Module, Shared, StartFailure, Trap};

use super::Options;
use crate::cases::Located;
use crate::cases::format::{Answer, Case, CaseExpect, Close, Message, Setup, Step, StepExpect, Transfer};
use crate::cases::values::{Data, Headers, Text};
use crate::run::{host_calls, play, settings};

/// The most exchanges that inputs are made of.
const MOST_EXCHANGES: usize = 4;

/// A filter, and what it is used for.
pub(super) struct Subject<'m> {
    pub module: &'m Module,
    pub options: &'m Options,
    /// Exchanges that the filter gets through, as cases without expectations.
    pub exchanges: Vec<Case>,
}

impl<'m> Subject<'m> {
    /// Says why if the filter does not start, whatever the cases configure it with.
    pub fn new(module: &'m Module, cases: &[Located], options: &'m Options) -> Result<Subject<'m>, String> {
        let mut exchanges: Vec<Case> = Vec::new();
        let mut why = None;
        let setups = cases.iter().map(|located| &located.case.setup).chain([&options.setup]);
        for setup in setups {
            if let Err(reason) = starts(module, setup, options) {
                why.get_or_insert(reason);
                continue;
            }
            exchanges.push(plain(module, setup, cases));
            break;
        }
        // Steps that end the filter are in a case because it does so, and say nothing of other faults.
        let usable = cases
            .iter()
            .filter(|located| !located.case.steps.is_empty() && located.case.expect.trap.is_none());
        for located in usable.take(MOST_EXCHANGES) {
            if starts(module, &located.case.setup, options).is_ok() {
                exchanges.push(bare(&located.case));
            }
        }
        match why {
            Some(why) if exchanges.is_empty() => Err(why),
            _ => Ok(Subject { module, options, exchanges }),
        }
    }

    /// Plays an input; how the filter ends, if it does.
    pub fn play(&self, case: &Case) -> Option<Trap> {
        self.play_logged(case).map(|(trap, _)| trap)
    }

    /// Plays an input; how the filter ends and what it logged before, if it does.
    pub fn play_logged(&self, case: &Case) -> Option<(Trap, Vec<LogLine>)> {
        play(self.module, case, &self.options.limits)
    }

    /// How often the filter makes each host call in an exchange.
    pub fn host_calls(&self, case: &Case) -> BTreeMap<&'static str, u64> {
        host_calls(self.module, case, &self.options.limits)
    }
}

fn starts(module: &Module, setup: &Setup, options: &Options) -> Result<(), String> {
    let case =
        Case { name: String::new(), setup: setup.clone(), steps: Vec::new(), expect: CaseExpect::default() };
    match module.start(&settings(&case, &options.limits, &Shared::new())) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.reason {
            StartFailure::Trapped(_) => error.reason.to_string(),
            StartFailure::VmStartRefused | StartFailure::ConfigurationRefused => error.to_string(),
        }),
    }
}

/// A case without expectations, and with its failing calls mended.
fn bare(case: &Case) -> Case {
    let mut case = case.clone();
    case.expect = CaseExpect::default();
    case.setup.failing = None;
    case.steps.iter_mut().for_each(|step| step.expect = StepExpect::default());
    case
}

/// A step in which nothing happens yet.
pub(super) fn step() -> Step {
    Step {
        stream: None,
        request: None,
        response: None,
        downstream: None,
        upstream: None,
        answer: None,
        advance: None,
        close: None,
        set: None,
        expect: StepExpect::default(),
    }
}

/// A text as bytes of a case.
pub(super) fn text(text: &str) -> Data {
    Data::Text(Text(text.to_owned()))
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    Headers::Pairs(pairs.iter().map(|(name, value)| (text(name), text(value))).collect())
}

/// An answer to whatever the filter asks first.
pub(super) fn answer() -> Step {
    let answer = Answer {
        cluster: None,
        path: None,
        after: None,
        status: Some(200),
        headers: headers(&[("content-type", "text/plain"), ("x-answer", "yes")]),
        body: Some(text("answer")),
        messages: Vec::new(),
        trailers: Headers::default(),
        grpc_status: None,
        grpc_message: None,
        fails: None,
    };
    Step { answer: Some(answer), ..step() }
}

/// An exchange that has a little of everything.
fn plain(module: &Module, setup: &Setup, cases: &[Located]) -> Case {
    let is_tcp = cases.iter().any(|located| {
        located.case.steps.iter().any(|step| step.downstream.is_some() || step.upstream.is_some())
    });
    let has = |name: &str| module.callbacks().any(|callback| callback == name);
    let is_only_tcp = has("proxy_on_downstream_data") && !has("proxy_on_request_headers");
    let steps = if is_tcp || is_only_tcp { connection() } else { exchange() };
    Case {
        name: "what is tried".to_owned(),
        setup: Setup { failing: None, ..setup.clone() },
        steps,
        expect: CaseExpect::default(),
    }
}

fn exchange() -> Vec<Step> {
    let request = headers(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "example.com"),
        (":path", "/a?b=c"),
        ("user-agent", "burgee"),
        ("content-type", "text/plain"),
        ("x-request-id", "11111111-1111-4111-8111-111111111111"),
    ]);
    let response =
        headers(&[(":status", "200"), ("content-type", "text/plain"), ("server", "service"), ("x-a", "b")]);
    let message = |headers, body: &[&str]| Message {
        headers: Some(headers),
        bare: true,
        body: Some(crate::cases::format::Chunks::Several(body.iter().map(|chunk| text(chunk)).collect())),
        trailers: Some(self::headers(&[("x-trailer", "1")])),
        end: None,
    };
    vec![
        Step { request: Some(message(request, &["some ", "body"])), ..step() },
        answer(),
        Step { response: Some(message(response, &["an ", "answer"])), ..step() },
        answer(),
        Step { close: Some(Close::Done), ..step() },
    ]
}

fn connection() -> Vec<Step> {
    let transfer =
        |data: &str, end| Transfer { data: Some(crate::cases::format::Chunks::One(text(data))), end };
    vec![
        Step { downstream: Some(transfer("hello", false)), ..step() },
        answer(),
        Step { upstream: Some(transfer("hello yourself", false)), ..step() },
        Step { downstream: Some(transfer("bye", true)), ..step() },
        Step { upstream: Some(transfer("", true)), ..step() },
        Step { close: Some(Close::Client), ..step() },
    ]
}
