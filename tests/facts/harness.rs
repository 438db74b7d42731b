//! The harness plays the same scenarios, and its answers are held against those of the real Envoy.

use std::collections::BTreeMap;

use burgee_harness::{
    Answer, EndOfStream, Header, HttpStream, LogLevel, LogLine, Module, Outcome, Path, Peer, PluginKind,
    Request, Settings, Value as Given, Vm,
};
use serde_json::{Value, json};

use crate::scenarios::{Plugin, Scenario, Traffic};
use crate::table::{Event, Seen, table};

/// The table of what the harness answers.
pub(crate) fn record(module: &[u8], scenarios: &BTreeMap<String, Scenario>, recorded: &Value) -> Value {
    let module = Module::load(module).unwrap_or_else(|error| panic!("{error}"));
    let mut events = Vec::new();
    for (name, scenario) in scenarios {
        events.extend(play(&module, name, scenario, recorded));
    }
    let seen = |scenario: &Scenario| {
        let cases = [None].into_iter().chain(scenario.own_cases().map(Some));
        cases
            .map(|case| Seen { case: case.map(str::to_owned), client: String::new(), upstream: None })
            .collect()
    };
    let seen = scenarios.iter().map(|(name, scenario)| (name.clone(), seen(scenario))).collect();
    table("the harness", scenarios, &events, &seen)
}

/// The attributes that are of the proxy's configuration, of certificates and of the service.
const AROUND: [&str; 5] = ["xds.", "metadata", "filter_state.", "connection.", "upstream."];

/// Those of them that the harness knows by itself.
const ITS_OWN: [&str; 4] =
    ["connection.id", "upstream.request_attempt_count", "upstream.cx_pool_ready_duration", "upstream.port"];

/// What a harness is told of the proxy around it: each attribute that it cannot know by itself has the value that the
/// real Envoy gave.
fn settings(name: &str, scenario: &Scenario, recorded: &Value) -> Settings {
    let kind = match scenario.plugin {
        Plugin::Http | Plugin::Network => PluginKind::Filter,
        Plugin::HttpLog | Plugin::TcpLog => PluginKind::AccessLogger,
    };
    let mut settings = Settings::new()
        .kind(kind)
        .plugin_name("probe-plugin")
        .root_id("probe-root")
        .log_level(LogLevel::Info)
        .vm_id(name)
        .vm_configuration(scenario.script())
        .plugin_configuration("the plugin's configuration")
        .cluster("callout")
        .cluster("refused")
        .cluster("grpc");
    if recorded["attributes"]["plugin_name"][name].is_null() {
        return settings;
    }
    for (attribute, what) in crate::scenarios::attributes() {
        if !AROUND.iter().any(|part| attribute.starts_with(part)) || ITS_OWN.contains(&attribute.as_str()) {
            continue;
        }
        let path = Path::from(&what.parts(&attribute)[..]);
        let answers = recorded["attributes"][&attribute][name].as_object();
        // Of several answers the one of the most phases: what it is in the others, the harness has to know.
        let phases = |answer: &(&String, &Value)| answer.1.as_array().map_or(0, Vec::len);
        let answer = answers.and_then(|answers| answers.iter().max_by_key(phases));
        settings = match answer.and_then(|(answer, _)| given(answer.strip_prefix("Ok ")?)) {
            Some(value) => settings.property(path, value),
            None => settings.without_property(path),
        };
    }
    settings
}

/// A value as a table has it.
fn given(answer: &str) -> Option<Given> {
    if answer == "none" {
        return Some(Given::text(""));
    }
    let (kind, value) = answer.split_once(':')?;
    Some(match kind {
        "text" => Given::text(value),
        "i64" => Given::Int(value.parse().ok()?),
        "u64" => Given::Uint(value.parse().ok()?),
        "f64" => Given::Double(value.parse().ok()?),
        "bool" => Given::Bool(value == "true"),
        // So long that a table does not show it.
        "hex" if value == "<long>" => Given::Bytes(vec![0; 100]),
        "hex" => Given::Bytes(
            value
                .as_bytes()
                .chunks(2)
                .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
                .collect::<Option<_>>()?,
        ),
        "list" => {
            let items: Vec<String> = serde_json::from_str(value).ok()?;
            Given::List(items.iter().map(Given::text).collect())
        }
        "pairs" => {
            let entries: BTreeMap<String, String> = serde_json::from_str(value).ok()?;
            Given::map(entries.into_iter().map(|(name, value)| (name, Given::text(value))))
        }
        _ => return None,
    })
}

fn play(module: &Module, name: &str, scenario: &Scenario, recorded: &Value) -> Vec<Event> {
    let vm = match module.start(&settings(name, scenario, recorded)) {
        Ok(vm) => vm,
        Err(error) => panic!("{name}: {error}"),
    };
    vm.advance(100);
    let mut events = taken(&vm, name);
    for case in [None].into_iter().chain(scenario.own_cases().map(Some)) {
        match scenario.traffic {
            Traffic::Tcp => connection(&vm),
            traffic => request(&vm, name, scenario, traffic, case),
        }
        events.extend(taken(&vm, name));
    }
    vm.advance(100);
    answer_all(&vm);
    vm.end();
    events.extend(taken(&vm, name));
    events
}

/// The lines of the probe, with what became of a call that did not come back.
fn taken(vm: &Vm, scenario: &str) -> Vec<Event> {
    let event = |line: LogLine| {
        let text = String::from_utf8_lossy(&line.message).into_owned();
        let mut line: Value = serde_json::from_str(text.strip_prefix("PROBE ")?).ok()?;
        line["vm"] = json!(1);
        Some(Event { scenario: scenario.to_owned(), line, end: None })
    };
    let mut events: Vec<Event> = vm.take_logs().into_iter().filter_map(event).collect();
    if let (Some(trap), Some(last)) = (vm.trap(), events.last_mut()) {
        let (has_ended, has_begun) =
            (trap.reason.contains("the whole Envoy"), last.line["begins"].is_boolean());
        last.end = match (has_ended, has_begun) {
            (true, _) => Some("Envoy ends".to_owned()),
            (false, true) => Some(format!("trap: {}", trap.reason)),
            (false, false) => None,
        };
    }
    events
}

fn pairs(pairs: &[(&str, &[u8])]) -> Vec<Header> {
    pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
}

fn request(vm: &Vm, name: &str, scenario: &Scenario, traffic: Traffic, case: Option<&str>) {
    let scheme: &[u8] = if scenario.tls { b"https" } else { b"http" };
    let (method, path): (&[u8], &[u8]) = match traffic {
        Traffic::Post => (b"POST", b"/there/post?a=b&c=d"),
        Traffic::NotFound => (b"GET", b"/nowhere"),
        _ => (b"GET", b"/there/get?a=b&c=d"),
    };
    let mut headers = pairs(&[
        (":authority", b"web.probe.example"),
        (":path", path),
        (":method", method),
        (":scheme", scheme),
        ("x-scenario", name.as_bytes()),
    ]);
    headers.extend(case.map(|case| (b"x-case".to_vec(), case.as_bytes().to_vec())));
    headers.extend(pairs(&[
        ("x-request-id", b"a-request"),
        ("user-agent", b"an agent"),
        ("x-twice", b"one"),
        ("x-twice", b"two"),
        ("x-bytes", b"\xff\xfe"),
        ("x-forwarded-proto", scheme),
    ]));
    let stream = vm.http();
    let is_post = traffic == Traffic::Post;
    let end = if is_post { EndOfStream::No } else { EndOfStream::Yes };
    let mut outcome = stream.request_headers(headers, end);
    if is_post && outcome != Outcome::Skipped {
        // All of it has come before the module lets it go on.
        if outcome == Outcome::Pause {
            stream.request_body("request", EndOfStream::No);
            stream.request_trailers([("x-request-trailer", "trailing")]);
        } else {
            outcome = stream.request_body("request", EndOfStream::No);
            stream.request_trailers([("x-request-trailer", "trailing")]);
        }
    }
    answer_all(vm);
    if !matches!(outcome, Outcome::Reply(_) | Outcome::Reset | Outcome::Trap(_)) {
        respond(&stream, traffic);
    }
    stream.finish();
}

fn respond(stream: &HttpStream, traffic: Traffic) {
    match traffic {
        Traffic::NotFound => {
            stream.set_property("response.flags", 256_i64);
            stream.proxy_response(404, "route_not_found");
        }
        Traffic::Post => {
            let headers = [
                (":status", "200"),
                ("transfer-encoding", "chunked"),
                ("trailer", "x-trailer"),
                ("x-answer", "yes"),
            ];
            stream.response_headers(headers, EndOfStream::No);
            stream.response_body("answer", EndOfStream::No);
            stream.response_trailers([("x-trailer", "trailing")]);
        }
        _ => {
            let headers = [(":status", "200"), ("content-length", "6"), ("x-answer", "yes")];
            stream.response_headers(headers, EndOfStream::No);
            stream.response_body("answer", EndOfStream::No);
            stream.response_body("", EndOfStream::Yes);
        }
    }
}

fn connection(vm: &Vm) {
    let stream = vm.tcp();
    stream.new_connection();
    answer_all(vm);
    for end in [EndOfStream::No, EndOfStream::Yes] {
        let bytes = if end == EndOfStream::No { "bytes that come back" } else { "" };
        let before = stream.to_upstream().len();
        stream.downstream_data(bytes, end);
        // What comes to the service comes back.
        let back = stream.to_upstream().split_off(before);
        stream.upstream_data(back, end);
    }
    stream.close(Peer::Local);
}

/// Answers every call as the servers do that Envoy leads to, until there is none.
fn answer_all(vm: &Vm) {
    for _ in 0..20 {
        let callouts = vm.callouts();
        if callouts.is_empty() || vm.trap().is_some() {
            return;
        }
        for callout in callouts {
            // A call can be given up in the callback of another.
            let _ = match (&callout.request, callout.cluster.as_str()) {
                (Request::Http(_), "refused") => {
                    let text = "upstream connect error or disconnect/reset before headers. reset reason: connection failure";
                    vm.answer(
                        callout.token,
                        &Answer::status(503)
                            .header("content-length", text.len().to_string())
                            .header("content-type", "text/plain")
                            .body(text),
                    )
                }
                (Request::Http(_), _) => {
                    let answer = Answer::status(200)
                        .header("content-length", "6")
                        .header("x-answer", "yes")
                        .header("x-envoy-upstream-service-time", "1");
                    vm.answer(callout.token, &answer.body("answer"))
                }
                (Request::Grpc { method, .. } | Request::GrpcStream { method, .. }, _)
                    if method == "Fail" =>
                {
                    vm.grpc_close(callout.token, 5, "not here")
                }
                (Request::Grpc { .. }, _) => vm.grpc_message(callout.token, "reply"),
                (Request::GrpcStream { .. }, _) => stream_of_grpc(vm, callout.token),
            };
        }
    }
}

fn stream_of_grpc(vm: &Vm, token: u32) -> Result<(), burgee_harness::NoSuchCall> {
    let initial = pairs(&[
        (":status", b"200"),
        ("content-type", b"application/grpc"),
        ("x-initial", b"first"),
        ("x-envoy-upstream-service-time", b"1"),
    ]);
    vm.grpc_initial_metadata(token, &initial)?;
    vm.grpc_message(token, "reply")?;
    vm.grpc_trailing_metadata(token, &pairs(&[("grpc-status", b"0"), ("x-trailing", b"last")]))?;
    vm.grpc_close(token, 0, "")
}

/// What the harness answers otherwise, and why.
pub(crate) const KNOWN: [(&str, &str); 11] = [
    // The connection manager's own headers come behind the filters: a test of a filter does not want them.
    ("attributes: response.headers", "log"),
    ("attributes: response.total_size", "log"),
    ("calls: calls, the response's headers, read", "log"),
    ("calls: calls of a log, the response's headers, read", "log"),
    // Functions that compress and sign are not there, and spans of time are no values of expressions.
    ("calls: calls, foreign functions", "configure request_headers log"),
    ("calls: calls of a connection, foreign functions", "configure new_connection downstream_data log"),
    ("calls: calls of a log, foreign functions", "configure log"),
    ("calls: calls, expressions of every type", "request_headers"),
    // There are no routes to choose from.
    ("calls: calls seen from outside, :path leads to another route", "request_headers"),
    // Whether a handshake has ended yet is nothing that a stream of bytes tells.
    ("attributes: connection.mtls, network over TLS", "create new_connection"),
    ("attributes: connection.subject_peer_certificate, network over TLS", "create new_connection"),
];

/// What the rest of Envoy makes of requests in `calls seen from outside`, which a harness does not play.
const BEYOND: [&str; 17] = [
    // The router or the service refuses the request.
    ":method is made empty",
    ":method is removed",
    ":path is made empty",
    ":path is removed",
    ":path leads to another route",
    "a space in a name of the request",
    "a zero byte in a value of the request",
    "headers that are no map for the request",
    "no headers are left of the request",
    "the end of a line in a name of the request",
    "the end of a line in a value of the request",
    // The connection manager refuses the response, and makes another.
    ":status is made ''",
    ":status is made 'abc'",
    ":status is removed",
    "headers that are no map for the response",
    "no headers are left of the response",
    // It waits without an end, and the client gives up.
    "an action that is none",
];

/// The differences that are none of those, and what is listed without need.
pub(crate) fn news(differences: Vec<String>) -> Vec<String> {
    let of_answers =
        KNOWN.iter().map(|(beginning, phases)| ((*beginning).to_owned(), phases.split(' ').collect()));
    let of_requests =
        BEYOND.iter().map(|name| (format!("scenarios, calls seen from outside, own, {name}, "), Vec::new()));
    let known: Vec<(String, Vec<&str>)> = of_answers.chain(of_requests).collect();
    let is_of = |difference: &String, (beginning, phases): &(String, Vec<&str>)| {
        let is_in = |phase: &&str| {
            ["", "root_"].iter().any(|root| difference.contains(&format!("in {root}{phase}: ")))
        };
        difference.starts_with(beginning) && (phases.is_empty() || phases.iter().any(is_in))
    };
    let unneeded =
        known.iter().filter(|known| !differences.iter().any(|difference| is_of(difference, known)));
    let unneeded: Vec<String> =
        unneeded.map(|(beginning, _)| format!("{beginning}: listed as known, and agrees")).collect();
    let is_news = |difference: &String| !known.iter().any(|known| is_of(difference, known));
    differences.into_iter().filter(is_news).chain(unneeded).collect()
}

/// What of a table a harness can say: what is called in the VM that has the traffic, and every answer.
pub(crate) fn comparable(table: &Value) -> Value {
    let mut table = table.clone();
    table["envoy"] = Value::Null;
    // How Envoy ends and how a trap is worded is the engine's.
    for (_, cases) in table["calls"].as_object_mut().into_iter().flatten() {
        for (_, answers) in cases.as_object_mut().into_iter().flatten() {
            let cut = |(answer, phases): (&String, &Value)| {
                let end = ["Envoy ends", "trap"].iter().find_map(|end| Some(answer.find(end)? + end.len()));
                (answer[..end.unwrap_or(answer.len())].to_owned(), phases.clone())
            };
            let cut: serde_json::Map<String, Value> =
                answers.as_object().into_iter().flatten().map(cut).collect();
            *answers = Value::Object(cut);
        }
    }
    for (_, scenario) in table["scenarios"].as_object_mut().into_iter().flatten() {
        let Some(scenario) = scenario.as_object_mut() else { continue };
        scenario.remove("other VMs");
        // Ticks and queues come when there is time for them.
        if let Some(root) = scenario.get_mut("root").and_then(Value::as_array_mut) {
            root.sort_by_key(Value::to_string);
        }
        if let Some(stream) = scenario.get_mut("stream") {
            *stream = json!({"callbacks": stream.get("callbacks")});
        }
        for (_, stream) in scenario.get_mut("own").and_then(Value::as_object_mut).into_iter().flatten() {
            *stream = json!({"callbacks": stream.get("callbacks")});
        }
    }
    table
}
