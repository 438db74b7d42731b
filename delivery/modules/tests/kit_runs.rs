//! Modules of the kit at work, in process with Envoy played to them: what only a real module can show.

mod support;

use burgee_harness::{Answer, EndOfStream, LogLevel, Module, Outcome, Settings, Vm};
use burgee_modules::build_crate_in;
use support::write_workspace;

/// Asks before a request goes on, counts what came of it, and has a fault.
const GUARD: &str = r#"
use std::time::Duration;

use burgee_kit::metrics::{Counter, Metric};
use burgee_kit::{
    ConfigurationError, HttpFilter, HttpRequest, Message, Outcome, Phases, RequestHeadersHost, Response, RootHost,
};

burgee_kit::labels! {
    struct Asked { verdict }
}

const ASKED: Metric = Metric::counter::<Asked<'static>>("asked_total", "Requests that were asked about.");

struct Guard {
    asked: Counter<Asked<'static>>,
}

impl HttpFilter for Guard {
    const PHASES: Phases = Phases::REQUEST_HEADERS.and(Phases::HTTP_CALLS).and(Phases::TIMERS);
    const METRICS: &'static [Metric] = &[ASKED];

    type Stream = ();

    fn configure<H: RootHost>(_: &H, configuration: &[u8]) -> Result<Guard, ConfigurationError> {
        if configuration == b"{}" {
            Ok(Guard { asked: Counter::new(&ASKED) })
        } else {
            Err(ConfigurationError::new("cluster: it must be given"))
        }
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        if host.header(Message::Request, "x-fault").ok().flatten().is_some() {
            let nothing: Option<u32> = None;
            let _ = nothing.expect("a fault of the filter");
        }
        let verdict = |verdict: &'static str| {
            let _ = self.asked.add(host, &Asked { verdict: verdict.into() }, 1);
        };
        verdict("asked");
        let host = host.clone();
        Outcome::pause_until_or(
            async move {
                host.sleep(Duration::from_millis(10)).await?;
                let request = HttpRequest::new("GET", "auth", "/check").with_header("x-bytes", b"\xff");
                let answer = host.http_call("auth", &request, Duration::from_secs(1)).await?;
                let user = answer.header("x-user").unwrap_or_default();
                host.set_header(Message::Request, "x-user", user)?;
                Ok(match answer.status() {
                    Some(200) => Outcome::Continue,
                    _ => Outcome::Respond(Response::new(403).with_body("no").with_details("not allowed")),
                })
            },
            |error| Outcome::Respond(Response::new(503).with_body(error.to_string())),
        )
    }
}

burgee_kit::export!(http Guard);
"#;

/// Two filters in one module.
const TWO: &str = r#"
use burgee_kit::{
    ConfigurationError, HttpFilter, LogFilter, LogHost, LogLevel, Message, Outcome, Phases, RequestHeadersHost, RootHost,
};

struct Say;

impl LogFilter for Say {
    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Say, ConfigurationError> {
        Ok(Say)
    }

    fn log<H: LogHost>(&mut self, host: &H) {
        host.log(LogLevel::Warn, "it has ended");
    }
}

struct Mark;

impl HttpFilter for Mark {
    const PHASES: Phases = Phases::REQUEST_HEADERS;

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Mark, ConfigurationError> {
        Ok(Mark)
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        let _ = host.set_header(Message::Request, "x-mark", b"1");
        Outcome::Continue
    }
}

burgee_kit::export!("say" => log Say, "mark" => http Mark);
"#;

/// The modules of these filters, built as a user would have them built.
fn build(crates: &[(&str, &str)]) -> Vec<Module> {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_workspace(folder.path(), crates);
    let build = |name: &str| {
        let built = build_crate_in(cache.path(), &folder.path().join(name), &|_: &str| {});
        let built = built.unwrap_or_else(|error| panic!("{error}"));
        Module::load(&built.bytes).unwrap_or_else(|error| panic!("{error}"))
    };
    crates.iter().map(|(name, _)| build(name)).collect()
}

fn logs(vm: &Vm) -> String {
    vm.logs().iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn modules_do_in_a_virtual_machine_what_their_filters_do_in_tests() {
    let modules = build(&[("guard", GUARD), ("two", TWO)]);
    let [guard, two] = modules.as_slice() else { panic!("two were built") };
    calls_and_times_are_awaited(guard);
    a_stream_that_ends_takes_its_call_with_it(guard);
    a_fault_says_its_file_and_line(guard);
    a_configuration_that_is_wrong_is_refused_with_the_reason(guard);
    the_root_id_chooses(two);
}

fn start(module: &Module) -> Vm {
    let settings = Settings::new().plugin_configuration("{}").cluster("auth");
    module.start(&settings).unwrap_or_else(|error| panic!("{error}"))
}

const HEADERS: [(&str, &str); 3] = [(":method", "GET"), (":path", "/"), (":authority", "a")];

fn calls_and_times_are_awaited(module: &Module) {
    let vm = start(module);
    let (one, other) = (vm.http(), vm.http());
    assert_eq!(one.request_headers(HEADERS, EndOfStream::Yes), Outcome::Pause);
    vm.advance(5);
    assert_eq!(other.request_headers(HEADERS, EndOfStream::Yes), Outcome::Pause);
    vm.advance(5);
    let first = vm.callouts();
    assert_eq!(first.len(), 1, "each has its own time");
    vm.advance(5);
    assert_eq!(vm.callouts().len(), 2);
    assert_eq!(vm.tick_period(), None, "nobody waits for time any more");
    vm.answer(first[0].token, &Answer::status(200).header("x-user", "ann")).unwrap();
    assert_eq!(one.upstream().unwrap().header("x-user").as_deref(), Some("ann"));
    assert!(other.upstream().is_none());
    let second = vm.callouts();
    vm.answer(second[0].token, &Answer::status(401)).unwrap();
    let reply = other.reply().unwrap_or_else(|| panic!("{}", logs(&vm)));
    assert_eq!((reply.status, reply.body.as_slice()), (403, &b"no"[..]));
    assert_eq!(vm.metric("verdict=.=asked;.;asked_total"), Some(2));
}

fn a_stream_that_ends_takes_its_call_with_it(module: &Module) {
    let vm = start(module);
    let (gone, stays) = (vm.http(), vm.http());
    gone.request_headers(HEADERS, EndOfStream::Yes);
    stays.request_headers(HEADERS, EndOfStream::Yes);
    vm.advance(10);
    assert_eq!(vm.callouts().len(), 2);
    assert!(gone.finish().trap.is_none());
    // Envoy answers also the call whose stream has ended.
    for call in vm.callouts() {
        vm.answer(call.token, &Answer::status(200)).unwrap();
    }
    assert!(vm.trap().is_none(), "{}", logs(&vm));
    assert!(stays.upstream().is_some(), "{}", logs(&vm));
}

fn a_fault_says_its_file_and_line(module: &Module) {
    let vm = start(module);
    let fault = HEADERS.into_iter().chain([("x-fault", "1")]);
    let outcome = vm.http().request_headers(fault, EndOfStream::Yes);
    assert!(matches!(outcome, Outcome::Trap(_)), "{outcome:?}");
    let line = GUARD.lines().position(|line| line.contains("nothing.expect")).unwrap() + 1;
    for part in [&format!("src/lib.rs:{line}:"), "a fault of the filter"] {
        assert!(vm.has_logged(LogLevel::Critical, part), "{part} is not in\n{}", logs(&vm));
    }
}

fn a_configuration_that_is_wrong_is_refused_with_the_reason(module: &Module) {
    let error = module.start(&Settings::new().plugin_configuration("[]")).expect_err("refused");
    let said = error.to_string();
    assert!(said.contains("refused: cluster: it must be given"), "{said}");
}

fn the_root_id_chooses(module: &Module) {
    for (root_id, is_marked) in [("say", false), ("mark", true)] {
        let vm = module.start(&Settings::new().root_id(root_id)).unwrap_or_else(|error| panic!("{error}"));
        let stream = vm.http();
        assert_eq!(stream.request_headers(HEADERS, EndOfStream::Yes), Outcome::Continue);
        assert_eq!(stream.upstream().unwrap().header("x-mark").is_some(), is_marked, "{root_id}");
        assert!(stream.finish().trap.is_none());
        assert_eq!(vm.has_logged(LogLevel::Warn, "it has ended"), !is_marked, "{root_id}");
    }
    let error = module.start(&Settings::new().root_id("other")).expect_err("refused").to_string();
    assert!(error.contains("root id \"other\"; it has: say, mark"), "{error}");
}
