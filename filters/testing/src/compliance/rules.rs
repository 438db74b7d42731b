//! The rules: what each of them tries, and why.

use std::time::Duration;

use super::chance::Chance;
use super::inputs::{cut, data, in_parts, many, maps, pairs, with_bodies, with_pairs, with_properties};
use super::subject::{answer, step};
use super::{Attempt, Rule, Violation, configurations, print, shrink, streams};
use crate::cases::format::{Case, Close, Failing, Failure, Step};
use crate::cases::values::{Data, PropertyValue, Span, TypedValue};

/// Every rule, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule {
        name: "header-bytes",
        title: "Headers and trailers may hold any bytes.",
        tried: "Bytes that are no UTF-8 and zero bytes, as values and as names, in each header that the cases have and in \
                common ones: of requests, of responses, of answers to callouts, in trailers too.",
        why: "Envoy passes bytes on as they came, and a client chooses them. The plain SDK's getters of headers as text \
              end the VM, and with it every stream: read headers as bytes.",
        check: header_bytes,
    },
    Rule {
        name: "header-shapes",
        title: "Headers may be empty, huge, many, twice there, or not there.",
        tried: "No headers at all, each of them missing, empty, 60 KiB long, three times there; a thousand of them.",
        why: "HTTP requires little of a header, and a proxy before this one may have taken any of them out.",
        check: header_shapes,
    },
    Rule {
        name: "body-chunks",
        title: "Bodies come in any chunks.",
        tried: "No body, empty chunks, single bytes, bytes that are no text, and a mebibyte in one chunk and in many.",
        why: "Chunks are as the network cuts them. Nothing of a body's format ends where a chunk does.",
        check: body_chunks,
    },
    Rule {
        name: "client-gone",
        title: "The client may go away at any moment.",
        tried: "Exchanges that end after each of their parts, with callouts that are answered when the stream is gone.",
        why: "Clients give up all the time. Callbacks that a filter takes for granted never come then, and host calls in \
              the last ones fail.",
        check: client_gone,
    },
    Rule {
        name: "callouts",
        title: "Callouts may be answered late, wrongly, or never.",
        tried: "No answer, a broken connection, the end of the filter's patience, answers without a body, with other \
                statuses, those of gRPC too, and with a huge body.",
        why: "A service that is asked is the part that fails most, and it fails when there is most traffic.",
        check: callouts,
    },
    Rule {
        name: "time",
        title: "Time may pass at any moment.",
        tried: "An hour between the parts of an exchange, with every tick in it.",
        why: "Ticks come between any two callbacks, and the streams that they are about may be gone.",
        check: time,
    },
    Rule {
        name: "properties",
        title: "Any property may be missing, or of another form.",
        tried: "No properties at all, each root of paths missing, and numbers where texts are and texts where numbers are.",
        why: "What a property gives depends on the phase, on the kind of listener, and on the proxy's version.",
        check: properties,
    },
    Rule {
        name: "host-calls",
        title: "Any host call may fail.",
        tried: "Each host call that the filter makes, with each status, and all of them at once.",
        why: "A stream that is gone, a map that a phase does not have, a limit: Envoy answers with statuses for which the \
              specification has no row. The plain SDK ends the VM for many of them.",
        check: host_calls,
    },
    Rule {
        name: "configuration",
        title: "A configuration that is garbage is refused, or taken, and ends nothing.",
        tried: "Bytes by chance, the valid configuration cut short, changed and repeated, deep nesting, and a mebibyte.",
        why: "A trap in the start takes the listener with it, and says nothing of what is wrong; a refusal does.",
        check: configurations::check,
    },
    Rule {
        name: "interleaving",
        title: "Streams may come in any order, many at a time.",
        tried: "Exchanges whose parts are mixed by chance with those of others, ends and answers among them.",
        why: "A worker has thousands of streams at a time on one VM. What a filter keeps beside a stream's context belongs \
              to all of them.",
        check: interleaving,
    },
    Rule {
        name: "memory",
        title: "Memory does not grow with streams.",
        tried: "Up to a hundred thousand streams, with ever new values in what a client can choose.",
        why: "A VM lives as long as its proxy does and gives no memory back. What is kept for each stream, or for each \
              value of a client, ends the proxy some day.",
        check: streams::check,
    },
];

/// Bytes that are no text, or an odd one.
pub(crate) const ODD: &[&[u8]] = &[b"\xff\xfe", b"caf\xe9", b"\xc3", b"a\0b", "\u{202e}\u{1f600}".as_bytes()];

/// Headers that filters often read.
pub(crate) const COMMON: &[&str] = &[
    ":path",
    ":authority",
    ":method",
    ":scheme",
    ":status",
    "authorization",
    "cookie",
    "content-type",
    "host",
    "content-length",
    "user-agent",
    "x-forwarded-for",
    "x-request-id",
    "traceparent",
    "referer",
    "accept",
    "grpc-status",
];

impl Attempt<'_> {
    /// Plays an input; writes it down, made small, if the filter ends.
    fn play(&mut self, case: &Case) {
        if !self.goes_on() {
            return;
        }
        self.tried += 1;
        if let Some(trap) = self.subject.play(case) {
            let (case, trap) = shrink::shrink(self.subject, case, &trap);
            let logs = self.subject.play_logged(&case).map(|(_, logs)| logs).unwrap_or_default();
            let what = format!("it traps in {}: {}", trap.callback, trap.reason);
            let input = print::case(&case, "the filter ends");
            self.violation = Some(Violation { what, input, logs, trap: Some(trap) });
        }
    }

    fn each(&mut self, input: impl Fn(&Case) -> Vec<Case>) {
        for exchange in &self.subject.exchanges {
            for case in input(exchange) {
                self.play(&case);
            }
        }
    }
}

fn header_bytes(attempt: &mut Attempt<'_>) {
    attempt.each(|exchange| {
        let mut cases = Vec::new();
        for map in maps(exchange) {
            let all = pairs(exchange, map);
            // One after the other, since one that is odd may be why the filter does not look at the next.
            for (at, (name, _)) in all.iter().enumerate() {
                cases.extend(ODD.iter().map(|odd| {
                    let mut changed = all.clone();
                    changed.splice(at..=at, [(name.clone(), data(odd))]);
                    with_pairs(exchange, map, changed)
                }));
            }
            for odd in ODD {
                let known = |name: &str| all.iter().any(|(known, _)| known.bytes() == name.as_bytes());
                let mut more = all.clone();
                more.extend(
                    COMMON.iter().filter(|name| !known(name)).map(|name| (data(name.as_bytes()), data(odd))),
                );
                more.push((data(odd), data(odd)));
                cases.push(with_pairs(exchange, map, more));
            }
        }
        cases
    });
}

fn header_shapes(attempt: &mut Attempt<'_>) {
    attempt.each(|exchange| {
        let mut cases = Vec::new();
        for map in maps(exchange) {
            let all = pairs(exchange, map);
            cases.push(with_pairs(exchange, map, Vec::new()));
            for (at, (name, value)) in all.iter().enumerate() {
                let with = |these: Vec<(Data, Data)>| {
                    let mut changed = all.clone();
                    changed.splice(at..=at, these);
                    with_pairs(exchange, map, changed)
                };
                cases.push(with(Vec::new()));
                cases.push(with(vec![(name.clone(), data(b""))]));
                cases.push(with(vec![(name.clone(), many("a", 60 * 1024))]));
                cases.push(with(vec![(name.clone(), value.clone()); 3]));
            }
            let thousand = (0..1000).map(|at| (data(format!("x-{at}").as_bytes()), data(b"v")));
            cases.push(with_pairs(exchange, map, all.into_iter().chain(thousand).collect()));
        }
        cases
    });
}

fn body_chunks(attempt: &mut Attempt<'_>) {
    let bodies: [Vec<Data>; 8] = [
        vec![],
        vec![data(b"")],
        vec![data(b""), data(b"a"), data(b""), data(b"")],
        b"{\"a\": \xc3\xa9}".iter().map(|byte| data(&[*byte])).collect(),
        vec![data(b"\xff\xfe\0"), data(b"\xc3"), data(b"\xa9")],
        vec![data(b"[".repeat(10_000).as_slice())],
        vec![many("0123456789abcdef", 65_536)],
        vec![many("0123456789abcdef", 1024); 64],
    ];
    attempt.each(|exchange| bodies.iter().map(|chunks| with_bodies(exchange, chunks)).collect());
}

fn client_gone(attempt: &mut Attempt<'_>) {
    attempt.each(|exchange| {
        let parts = in_parts(exchange);
        (0..parts.steps.len()).map(|at| cut(&parts, at)).collect()
    });
}

/// A case with other answers.
fn with_answers(case: &Case, change: &dyn Fn(&mut Step)) -> Case {
    let mut case = case.clone();
    let has_answers = case.steps.iter().any(|step| step.answer.is_some());
    if !has_answers {
        case.steps = case.steps.into_iter().flat_map(|step| [step, answer()]).collect();
    }
    case.steps.iter_mut().filter(|step| step.answer.is_some()).for_each(change);
    case
}

fn callouts(attempt: &mut Attempt<'_>) {
    let fails = |failure: Failure| {
        move |step: &mut Step| step.answer.iter_mut().for_each(|answer| answer.fails = Some(failure))
    };
    let status = |status: u16| {
        move |step: &mut Step| step.answer.iter_mut().for_each(|answer| answer.status = Some(status))
    };
    let grpc_status = |status: u32| {
        move |step: &mut Step| step.answer.iter_mut().for_each(|answer| answer.grpc_status = Some(status))
    };
    let body = |body: Option<Data>| {
        move |step: &mut Step| step.answer.iter_mut().for_each(|answer| answer.body.clone_from(&body))
    };
    let never = |case: &Case| {
        let steps = case.steps.iter().filter(|step| step.answer.is_none()).cloned();
        // Time is up when the stream is gone.
        let late = Step { advance: Some(Span(Duration::from_secs(3600))), ..step() };
        Case { steps: steps.chain([late]).collect(), ..case.clone() }
    };
    attempt.each(|exchange| {
        let mut cases = vec![
            never(exchange),
            with_answers(exchange, &fails(Failure::Reset)),
            with_answers(exchange, &fails(Failure::Timeout)),
            with_answers(exchange, &body(None)),
            with_answers(exchange, &body(Some(data(b"\xff\0{")))),
            with_answers(exchange, &body(Some(many("0123456789abcdef", 65_536)))),
        ];
        cases.extend([100, 204, 301, 404, 500, 999].map(|code| with_answers(exchange, &status(code))));
        cases.extend([0, 1, 7, 14, 16].map(|code| with_answers(exchange, &grpc_status(code))));
        cases
    });
}

fn time(attempt: &mut Attempt<'_>) {
    attempt.each(|exchange| {
        let hour = Step { advance: Some(Span(Duration::from_secs(3600))), ..step() };
        let steps = |steps: Vec<Step>| Case { steps, ..exchange.clone() };
        let parts = in_parts(exchange).steps;
        let mut cases = vec![steps(vec![hour.clone()])];
        for at in 0..=parts.len() {
            let mut with = parts.clone();
            with.insert(at, hour.clone());
            cases.push(steps(with));
        }
        cases
    });
}

/// The roots of paths that Envoy has.
pub(crate) const ROOTS: &[&str] = &[
    "request",
    "response",
    "connection",
    "upstream",
    "source",
    "destination",
    "xds",
    "metadata",
    "filter_state",
    "upstream_filter_state",
    "node",
    "cluster_name",
    "cluster_metadata",
    "listener_direction",
    "listener_metadata",
    "route_name",
    "route_metadata",
    "upstream_host_metadata",
    "plugin_name",
    "plugin_root_id",
    "plugin_vm_id",
    "connection_id",
];

fn properties(attempt: &mut Attempt<'_>) {
    let odd = [
        PropertyValue::Text("\u{e9}".to_owned()),
        PropertyValue::Text(String::new()),
        PropertyValue::Int(-1),
        PropertyValue::Typed(TypedValue { bytes: Some("ff fe".to_owned()), ..TypedValue::default() }),
    ];
    attempt.each(|exchange| {
        let mut cases = vec![with_properties(exchange, &[("", None)])];
        cases.extend(ROOTS.iter().map(|root| with_properties(exchange, &[(root, None)])));
        for value in &odd {
            let roots: Vec<_> = ROOTS.iter().map(|root| (*root, Some(value.clone()))).collect();
            cases.push(with_properties(exchange, &roots));
            cases.extend(KNOWN.iter().map(|path| with_properties(exchange, &[(path, Some(value.clone()))])));
        }
        cases
    });
}

/// Properties that filters often read.
pub(crate) const KNOWN: &[&str] = &[
    "request.path",
    "request.host",
    "request.method",
    "request.id",
    "request.protocol",
    "request.size",
    "request.duration",
    "request.time",
    "request.total_size",
    "response.code",
    "response.flags",
    "response.size",
    "response.total_size",
    "response.grpc_status",
    "response.code_details",
    "source.address",
    "source.port",
    "destination.address",
    "destination.port",
    "connection.id",
    "connection.mtls",
    "connection.uri_san_peer_certificate",
    "upstream.address",
    "upstream.uri_san_peer_certificate",
    "xds.cluster_name",
    "xds.route_name",
    "xds.listener_direction",
    "xds.node.id",
];

/// Every status that a failing call can have.
const FAILING: &[Failing] = &[
    Failing::NotFound,
    Failing::BadArgument,
    Failing::InternalFailure,
    Failing::SerializationFailure,
    Failing::ParseFailure,
    Failing::InvalidMemoryAccess,
    Failing::Empty,
    Failing::CasMismatch,
    Failing::BrokenConnection,
    Failing::Unimplemented,
];

fn host_calls(attempt: &mut Attempt<'_>) {
    let subject = attempt.subject;
    attempt.each(|exchange| {
        let made = subject.host_calls(exchange).into_keys().filter(|name| name.starts_with("proxy_"));
        let calls: Vec<&str> = made.chain(["*"]).collect();
        let failing = |call: &str, failing: Failing| {
            let mut case = exchange.clone();
            case.setup.failing = Some(crate::cases::values::Ordered(vec![(call.to_owned(), failing)]));
            case
        };
        FAILING
            .iter()
            .flat_map(|status| calls.iter().map(|call| failing(call, *status)).collect::<Vec<_>>())
            .collect()
    });
}

/// How many mixtures are tried.
const MIXTURES: u64 = 100;

fn interleaving(attempt: &mut Attempt<'_>) {
    for round in 0..MIXTURES {
        let mut chance =
            Chance::new(attempt.subject.options.seed.wrapping_mul(1_000_003).wrapping_add(round));
        let case = mixture(&attempt.subject.exchanges, &mut chance);
        attempt.play(&case);
    }
}

/// The parts of a few exchanges that are started alike, mixed.
fn mixture(exchanges: &[Case], chance: &mut Chance) -> Case {
    let Some(first) = exchanges.get(chance.below(exchanges.len())) else {
        return Case {
            name: String::new(),
            setup: Default::default(),
            steps: Vec::new(),
            expect: Default::default(),
        };
    };
    let mut queues: Vec<Vec<Step>> = (0..2 + chance.below(4))
        .map(|number| {
            let mut steps = in_parts(first).steps;
            for step in &mut steps {
                let own = step.stream.take().unwrap_or_default();
                step.stream = Some(format!("{number}{own}"));
            }
            steps
        })
        .collect();
    let mut steps = Vec::new();
    while !queues.is_empty() {
        let at = chance.below(queues.len());
        match chance.below(24) {
            0 => {
                let next = queues.get(at).and_then(|queue| queue.first());
                let stream = next.and_then(|step| step.stream.clone());
                steps.push(Step { close: Some(Close::Client), stream, ..step() });
            }
            1 => steps.push(answer()),
            2 => steps.push(Step { advance: Some(Span(Duration::from_secs(1))), ..step() }),
            _ => {}
        }
        if let Some(queue) = queues.get_mut(at) {
            match queue.is_empty() {
                true => drop(queues.remove(at)),
                false => steps.push(queue.remove(0)),
            }
        }
    }
    Case { steps, ..first.clone() }
}
