//! Our own filters, built as a proxy gets them, in the harness.

use burgee_harness::{EndOfStream, LogLevel, MetricValue, Module, Outcome, Settings, StartFailure, Status};

const GET: [(&str, &[u8]); 5] = [
    (":method", b"GET"),
    (":path", b"/a"),
    (":authority", b"hello.example"),
    ("x-remove", b"1"),
    ("x-bytes", b"\xff\xfe"),
];

fn built(filter: &str) -> Module {
    let module = burgee_modules::build(filter, &|_: &str| {}).unwrap_or_else(|error| panic!("{error}"));
    Module::load(&module.bytes).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn headers_are_set_and_removed_and_a_bad_configuration_is_refused() {
    let module = built("headers");
    let configuration = r#"{"request": {"remove": ["x-remove"]}, "response": {"set": {"x-mark": "yes"}}}"#;
    let vm = module.start(&Settings::new().plugin_configuration(configuration)).unwrap();
    let stream = vm.http();
    assert_eq!(stream.request_headers(GET, EndOfStream::Yes), Outcome::Continue);
    assert_eq!(stream.response_headers([(":status", "200")], EndOfStream::Yes), Outcome::Continue);
    let finished = stream.finish();
    let upstream = finished.upstream.unwrap();
    assert_eq!(upstream.header("x-remove"), None);
    assert!(upstream.headers.contains(&(b"x-bytes".to_vec(), b"\xff\xfe".to_vec())));
    assert_eq!(finished.client.unwrap().header("x-mark").as_deref(), Some("yes"));

    let error = module.start(&Settings::new().plugin_configuration(r#"{"request": 1}"#)).unwrap_err();
    assert_eq!(error.reason, StartFailure::ConfigurationRefused);
    assert!(error.logs.iter().any(|line| line.level >= LogLevel::Error), "{error}");
}

#[test]
fn requests_are_counted_with_their_labels_and_memory_stays_as_it_is() {
    let vm = built("stats").start(&Settings::new().plugin_configuration("{}")).unwrap();
    let play = |code: &str| {
        let stream = vm.http();
        stream.request_headers(GET, EndOfStream::Yes);
        stream.response_headers([(":status", code)], EndOfStream::Yes);
        stream.finish();
    };
    play("200");
    let before = vm.memory_bytes();
    for _ in 0..200 {
        play("200");
    }
    play("503");
    assert_eq!(vm.trap(), None);
    assert_eq!(vm.memory_bytes(), before);
    let of_code = |code: &str| {
        let found = vm.metrics().into_iter().find(|metric| {
            let (name, labels) = metric.labelled();
            name.ends_with("requests_total")
                && labels.iter().any(|(label, value)| label == "response_code" && value == code)
        });
        found.map(|metric| metric.value)
    };
    assert_eq!(of_code("200"), Some(MetricValue::Number(201)));
    assert_eq!(of_code("503"), Some(MetricValue::Number(1)));
    assert_eq!(vm.metric_definitions(), vm.metrics().len(), "each series is defined once");
}

/// The sum of a metric's series.
fn sum(vm: &burgee_harness::Vm, metric: &str) -> u64 {
    let of = vm.metrics().into_iter().filter(|it| it.labelled().0 == metric);
    of.map(|it| if let MetricValue::Number(number) = it.value { number } else { 0 }).sum()
}

#[test]
fn connections_are_counted_by_the_filter_of_their_root_id_as_time_passes() {
    for filter in ["stats", "telemetry"] {
        let settings = Settings::new().root_id("stats-tcp").plugin_configuration("{}");
        let vm = built(filter).start(&settings).unwrap();
        let stream = vm.tcp();
        stream.new_connection();
        stream.downstream_data("abc", EndOfStream::No);
        stream.upstream_data("de", EndOfStream::No);
        let carried =
            || ["opened", "closed"].map(|it| sum(&vm, &format!("istio_tcp_connections_{it}_total")));
        let bytes = || ["received", "sent"].map(|it| sum(&vm, &format!("istio_tcp_{it}_bytes_total")));
        vm.advance(5_000);
        assert_eq!((carried(), bytes()), ([1, 0], [3, 2]), "{filter}");
        stream.downstream_data("fg", EndOfStream::No);
        stream.close(burgee_harness::Peer::Remote);
        assert_eq!((carried(), bytes()), ([1, 1], [5, 2]), "{filter}");
        assert_eq!(vm.trap(), None);
        let before = vm.memory_bytes();
        for _ in 0..200 {
            let stream = vm.tcp();
            stream.new_connection();
            stream.downstream_data("abc", EndOfStream::No);
            vm.advance(5_000);
            stream.close(burgee_harness::Peer::Remote);
        }
        assert_eq!((carried(), vm.memory_bytes()), ([201, 201], before), "{filter}");
    }
}

#[test]
fn messages_of_grpc_are_read_from_what_envoy_counts_as_time_passes() {
    let configuration = r#"{"disable_host_header_fallback": true}"#;
    let vm = built("stats").start(&Settings::new().plugin_configuration(configuration)).unwrap();
    let stream = vm.http();
    let head =
        [(":method", "POST"), (":path", "/a/b"), (":authority", "a"), ("content-type", "application/grpc")];
    stream.request_headers(head, EndOfStream::No);
    stream.response_headers([(":status", "200")], EndOfStream::No);
    for (path, counts) in [(None, [0, 0]), (Some("3,13"), [3, 13]), (Some("8,27"), [8, 27])] {
        if let Some(text) = path {
            stream.set_property(["filter_state", "envoy.filters.http.grpc_stats"], text);
        }
        vm.advance(5_000);
        assert_eq!(["request", "response"].map(|it| sum(&vm, &format!("istio_{it}_messages_total"))), counts);
    }
    stream.finish();
    assert_eq!((vm.trap(), sum(&vm, "istio_request_messages_total")), (None, 8));
}

#[test]
fn no_failing_host_call_and_no_missing_attribute_ends_a_filter() {
    for filter in ["headers", "stats", "peer-metadata"] {
        let module = built(filter);
        let without = Settings::new().plugin_configuration("{}").without_property("");
        for status in Status::ALL {
            let vm = module.start(&without).unwrap();
            vm.fail_calls(move |_| Some(status));
            let stream = vm.http();
            stream.request_headers(GET, EndOfStream::No);
            stream.request_body("abc", EndOfStream::Yes);
            stream.response_headers([(":status", "200")], EndOfStream::Yes);
            stream.finish();
            assert_eq!(vm.trap(), None, "{filter} {status}");
        }
    }
}
