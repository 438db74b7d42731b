//! Builds filters of every shape with the kit, in a workspace of their own as somebody else would have it, and looks at
//! what a proxy would be given: the callbacks that the shape uses and no others, and what the module says to tools.

mod support;

use std::collections::BTreeSet;

use burgee_modules::{BuiltModule, build_crate_in};
use support::{callbacks, write_workspace};
use walrus::Module;

/// What the smallest filter may weigh. Envoy compiles all of it at load.
const SMALLEST_BYTES: usize = 50_000;

/// The text of a custom section; nothing if the module has none.
fn section(module: &[u8], name: &str) -> Option<String> {
    let mut module = Module::from_buffer(module).unwrap();
    module.customs.remove_raw(name).map(|section| String::from_utf8(section.data).unwrap())
}

/// Nothing but the headers of responses.
const SMALLEST: &str = r#"
use burgee_kit::{ConfigurationError, HttpFilter, Message, Outcome, Phases, ResponseHeadersHost, RootHost};

struct Mark;

impl HttpFilter for Mark {
    const PHASES: Phases = Phases::RESPONSE_HEADERS;

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Mark, ConfigurationError> {
        Ok(Mark)
    }

    fn on_response_headers<H: ResponseHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        let _ = host.set_header(Message::Response, "x-mark", b"1");
        Outcome::Continue
    }
}

burgee_kit::export!(http Mark);
"#;

/// Every phase of HTTP, and every call.
const EVERYTHING: &str = r#"
use burgee_kit::{CallHost, ConfigurationError, HttpFilter, Outcome, Phases, RequestHeadersHost, RootHost};
use std::time::Duration;

struct All;

impl HttpFilter for All {
    const PHASES: Phases = Phases::HTTP;

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<All, ConfigurationError> {
        Ok(All)
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, _: &mut (), host: &H, _: bool) -> Outcome {
        let host = host.clone();
        Outcome::pause_until(async move {
            let _ = host.sleep(Duration::from_secs(1)).await;
            Outcome::Continue
        })
    }
}

burgee_kit::export!(http All);
"#;

/// Every phase of TCP, and no calls.
const CONNECTIONS: &str = r#"
use burgee_kit::{ConfigurationError, Phases, RootHost, TcpFilter};

struct Tcp;

impl TcpFilter for Tcp {
    const PHASES: Phases = Phases::NEW_CONNECTION
        .and(Phases::DOWNSTREAM_DATA)
        .and(Phases::UPSTREAM_DATA)
        .and(Phases::DOWNSTREAM_CLOSE)
        .and(Phases::UPSTREAM_CLOSE);

    type Connection = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Tcp, ConfigurationError> {
        Ok(Tcp)
    }
}

burgee_kit::export!(tcp Tcp);
"#;

/// Two filters in one module, with metrics and a schema.
const TWO: &str = r##"
use burgee_kit::metrics::{Counter, Metric};
use burgee_kit::{ConfigurationError, HttpFilter, LogFilter, LogHost, Outcome, Phases, RequestHeadersHost, RootHost};

const ENDED: Metric = Metric::counter::<()>("ended_total", "Requests that have ended.");

struct Count(Counter<()>);

impl LogFilter for Count {
    const METRICS: &'static [Metric] = &[ENDED];

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Count, ConfigurationError> {
        Ok(Count(Counter::new(&ENDED)))
    }

    fn log<H: LogHost>(&mut self, host: &H) {
        let _ = self.0.add(host, &(), 1);
    }
}

struct Deny;

impl HttpFilter for Deny {
    const PHASES: Phases = Phases::REQUEST_HEADERS;
    const CONFIGURATION_SCHEMA: Option<&'static str> = Some(r#"{"type": "object"}"#);

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Deny, ConfigurationError> {
        Ok(Deny)
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, _: &mut (), _: &H, _: bool) -> Outcome {
        Outcome::Close
    }
}

burgee_kit::export!("count" => log Count, "deny" => http Deny);
"##;

#[test]
fn a_module_of_each_shape_has_what_it_uses_and_no_more() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let asks = EVERYTHING.replace("Phases::HTTP;", "Phases::REQUEST_HEADERS.and(Phases::GRPC_CALLS);");
    let crates = [
        ("smallest", SMALLEST),
        ("everything", EVERYTHING),
        ("asks", &asks),
        ("connections", CONNECTIONS),
        ("two", TWO),
    ];
    write_workspace(folder.path(), &crates);
    let build = |name: &str| -> BuiltModule {
        build_crate_in(cache.path(), &folder.path().join(name), &|_: &str| {})
            .unwrap_or_else(|error| panic!("{error}"))
    };
    const ALWAYS: [&str; 3] = ["configure", "context_create", "delete"];
    for (name, expected) in [
        ("smallest", &["response_headers"][..]),
        (
            "everything",
            &[
                "request_headers",
                "request_body",
                "request_trailers",
                "response_headers",
                "response_body",
                "response_trailers",
                "log",
                "tick",
                "http_call_response",
                "grpc_receive",
                "grpc_receive_initial_metadata",
                "grpc_receive_trailing_metadata",
                "grpc_close",
            ],
        ),
        ("asks", &["request_headers", "grpc_receive", "grpc_close"]),
        (
            "connections",
            &[
                "new_connection",
                "downstream_data",
                "upstream_data",
                "downstream_connection_close",
                "upstream_connection_close",
            ],
        ),
        ("two", &["request_headers", "log"]),
    ] {
        let built = build(name);
        println!("the module {name} has {} bytes", built.bytes.len());
        let expected: BTreeSet<String> =
            ALWAYS.iter().chain(expected).map(|name| format!("proxy_on_{name}")).collect();
        assert_eq!(callbacks(&built.bytes), expected, "{name}");
    }
    let smallest = build("smallest").bytes;
    assert!(smallest.len() <= SMALLEST_BYTES, "{} bytes are more than {SMALLEST_BYTES}", smallest.len());
    assert_eq!(section(&smallest, "burgee.metrics"), None);
    assert_eq!(section(&smallest, "burgee.configuration_schema"), None);

    let two = build("two").bytes;
    let metrics = section(&two, "burgee.metrics").expect("it has metrics");
    assert!(metrics.starts_with(r#"[{"name":"ended_total","kind":"counter""#), "{metrics}");
    assert_eq!(section(&two, "burgee.configuration_schema").as_deref(), Some(r#"{"type": "object"}"#));
}
