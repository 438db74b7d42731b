//! What is on the screen: whole screens at two sizes, and what must never break one.

use std::path::PathBuf;

use burgee_api::origin::Place;
use burgee_api::problem::{Code, Problem};
use burgee_localnet::live::{PartKind, PartState, PluginWords, Snapshot};
use burgee_localnet::traffic::Target;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::Map;

use super::*;
use crate::commands::up::asked;
use crate::commands::up::examples::{log, metric, part, plugin, span};

/// A mesh in which everything is there once.
pub(in crate::commands::up::live) fn data() -> Data {
    let reporter = |side: &'static str, code: &'static str| {
        vec![
            ("reporter", side),
            ("response_code", code),
            ("destination_workload", "web"),
            ("destination_app", "web"),
            ("method", "GET"),
        ]
    };
    let web = "shop/web";
    let mut ended = part(PartKind::Sidecar, "shop/cart", 9);
    ended.state = PartState::Ended("killed by SIGKILL".to_owned());
    ended.last_words = "critical: out of\nmemory\u{7}".to_owned();
    let mut failed = span("4bf92f3577b34da6", "c", Some("b"), 40, 20.0);
    failed.is_error = true;
    failed.service = "cart.shop".to_owned();
    failed.tags.insert("http.status_code".to_owned(), "503".to_owned());
    failed.tags.insert("tenant".to_owned(), "blue".to_owned());
    let access =
        |code: u16| format!("[2026-01-02T03:04:05.678Z] \"GET /?a=b HTTP/1.1\" {code} - via_upstream");
    Data {
        folder: PathBuf::from("docs"),
        snapshot: Snapshot {
            parts: vec![
                part(PartKind::Gateway, "istio-system/ingressgateway", 7),
                part(PartKind::Sidecar, web, 8),
                part(PartKind::App, web, 10),
                ended,
                part(PartKind::Receiver, "receiver", 11),
            ],
            metrics: vec![
                metric(
                    web,
                    "istio_request_duration_milliseconds_bucket",
                    &reporter("destination", "200"),
                    18.0,
                ),
                metric(
                    web,
                    "istio_request_duration_milliseconds_count",
                    &reporter("destination", "200"),
                    18.0,
                ),
                metric(web, "istio_request_duration_milliseconds_sum", &reporter("destination", "200"), 45.0),
                metric(web, "istio_requests_total", &reporter("destination", "200"), 18.0),
                metric(web, "istio_requests_total", &reporter("destination", "503"), 2.0),
            ],
            access_logs: vec![
                log("istio-system/ingressgateway", &access(200), Map::new()),
                log(web, &access(503), Map::new()),
                log(web, "{\"code\":404}", serde_json::from_str("{\"code\":404}").expect("an object")),
            ],
            spans: vec![
                span("4bf92f3577b34da6", "a", None, 0, 100.0),
                span("4bf92f3577b34da6", "b", Some("a"), 20, 60.0),
                failed,
            ],
            plugins: vec![plugin("istio-system/ingressgateway", "0123456789abcdef")],
            words: vec![PluginWords {
                proxy: "istio-system/ingressgateway".to_owned(),
                plugin: Some("istio-system/headers".to_owned()),
                level: "critical".to_owned(),
                text: "panicked at src/filter.rs:57:50".to_owned(),
            }],
            words_seen: 1,
            logs_seen: 3,
            spans_seen: 3,
        },
        policies: asked::tests::policies("docs/telemetry.yaml"),
        targets: vec![Target {
            gateway: "istio-system/ingressgateway".to_owned(),
            address: ([127, 0, 0, 1], 30001).into(),
            host: "web.shop.internal".to_owned(),
        }],
        problems: vec![
            Problem::new(Severity::Warning, Code("BG9999"), "the label `x` is new")
                .at(Place { file: "docs/telemetry.yaml".into(), line: 12, column: 3, width: 1 }, "spec.x")
                .help("start again"),
        ],
        ..Data::default()
    }
}

/// The screen of a view.
fn screen(view: &mut View, columns: u16, lines: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).expect("a terminal");
    terminal.draw(|frame| draw(view, frame)).expect("it draws");
    let buffer = terminal.backend().buffer();
    let line = |y: u16| -> String {
        let mut out = String::new();
        let mut x = 0;
        while x < columns {
            let symbol = buffer[(x, y)].symbol();
            out += symbol;
            x += u16::try_from(width(symbol).max(1)).expect("a width");
        }
        out.trim_end().to_owned()
    };
    (0..lines).map(line).collect::<Vec<_>>().join("\n")
}

fn press(view: &mut View, keys: &[KeyCode]) {
    for key in keys {
        view.key(KeyEvent::new(*key, KeyModifiers::NONE));
    }
}

const ENTER: KeyCode = KeyCode::Enter;

const fn key(character: char) -> KeyCode {
    KeyCode::Char(character)
}

#[test]
fn every_tab_at_the_usual_and_at_a_large_size() {
    for (name, columns, lines) in [("80x24", 80, 24), ("120x40", 120, 40)] {
        for tab in '1'..='5' {
            let mut view = View::new(data());
            press(&mut view, &[key(tab)]);
            insta::assert_snapshot!(format!("{name}_tab_{tab}"), screen(&mut view, columns, lines));
        }
    }
}

#[test]
fn the_details_of_each_kind_of_row_name_the_line_that_asks() {
    for (keys, expected) in [
        // A series: its tag.
        (vec![key('2'), KeyCode::End], "with method=request.method"),
        (vec![key('2'), KeyCode::End], "telemetry.yaml:41  Telemetry istio-system/all"),
        // A metric that is off.
        (vec![key('2'), key('/'), key('o'), key('f'), key('f'), ENTER, KeyCode::Down], "telemetry.yaml:38"),
        (vec![key('3')], "telemetry.yaml:20  Telemetry istio-system/mesh-default"),
        (vec![key('4')], "telemetry.yaml:30"),
        (vec![key('4')], "with tenant=blue"),
        (vec![key('4')], "telemetry.yaml:53"),
        // A trace: its request.
        (vec![key('4'), KeyCode::Home], "through: shop/web"),
        (vec![key('5'), KeyCode::End], "telemetry.yaml:40"),
        // What ended, then the worst, stand before the plugins; headings are no place to be.
        (vec![key('5')], "ended: killed by SIGKILL"),
        (vec![key('5'), KeyCode::Down], "telemetry.yaml:12:3"),
        (vec![key('5'), KeyCode::Down], "start again"),
        (vec![KeyCode::End], "curl -H 'Host: web.shop.internal' http://127.0.0.1:30001/"),
        (vec![key('1')], "admin page: 127.0.0.1:10007"),
        (vec![KeyCode::Down], "spans of 25 % of requests"),
        // What has ended: its last words, each line on one.
        (vec![KeyCode::Down, KeyCode::Down, KeyCode::Down], "ended: killed by SIGKILL"),
        (vec![KeyCode::Down, KeyCode::Down, KeyCode::Down], "    critical: out of\n    memory\\u{7}"),
    ] {
        let mut view = View::new(data());
        press(&mut view, &keys);
        press(&mut view, &[ENTER, ENTER]);
        let shown = screen(&mut view, 120, 60);
        assert!(shown.contains(expected), "{keys:?}: no {expected} in\n{shown}");
    }
}

#[test]
fn details_beside_follow_the_selection_and_say_how_much_is_not_seen() {
    let mut view = View::new(data());
    press(&mut view, &[key('4'), ENTER]);
    insta::assert_snapshot!("80x24_span_details", screen(&mut view, 80, 24));
    press(&mut view, &[KeyCode::Up]);
    let above = screen(&mut view, 80, 24);
    assert!(above.contains("svc  work b  60.0 ms"), "{above}");
}

#[test]
fn nothing_in_the_data_breaks_the_screen() {
    let nasty = "\u{1b}[2J\u{1b}]0;t\u{7}\r\n漢字\u{202e}\u{200d}👩‍👩‍👧 e\u{301} \u{9b}1m";
    let mut data = data();
    data.folder = PathBuf::from(nasty);
    data.doing = String::new();
    for part in &mut data.snapshot.parts {
        part.name = nasty.repeat(9);
        part.state = PartState::Ended(nasty.repeat(9));
    }
    for metric in &mut data.snapshot.metrics {
        metric.series.labels.insert(nasty.to_owned(), nasty.repeat(9));
        metric.series.proxy = nasty.to_owned();
    }
    for log in &mut data.snapshot.access_logs {
        (log.text, log.proxy, log.class) = (nasty.repeat(9), nasty.to_owned(), nasty.to_owned());
        log.fields.insert(nasty.to_owned(), nasty.into());
    }
    for span in &mut data.snapshot.spans {
        (span.service, span.name) = (nasty.repeat(9), nasty.to_owned());
        span.tags.insert(nasty.to_owned(), nasty.to_owned());
    }
    for plugin in &mut data.snapshot.plugins {
        (plugin.plugin, plugin.sha256) = (nasty.to_owned(), Some(nasty.to_owned()));
    }
    data.problems[0].message = nasty.repeat(9);
    for tab in '1'..='5' {
        for enters in 0..3 {
            for (columns, lines) in [(60, 15), (61, 16), (80, 24), (200, 50)] {
                let mut view = View::new(data.clone());
                press(&mut view, &[key(tab)]);
                press(&mut view, &vec![ENTER; enters]);
                let shown = screen(&mut view, columns, lines);
                assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
                assert!(shown.lines().all(|line| width(line) <= usize::from(columns)), "{shown}");
                assert!(shown.contains("Traces") && shown.contains("q end") || columns < 80, "{shown}");
            }
        }
    }
}

#[test]
fn the_help_is_whole_at_the_usual_size() {
    let mut view = View::new(data());
    press(&mut view, &[key('?')]);
    let shown = screen(&mut view, 80, 24);
    let words: Vec<&str> = shown.split_whitespace().collect();
    let shown = words.join(" ");
    for (keys, what) in KEYS {
        assert!(shown.contains(keys) && shown.contains(what), "{keys}: {what}\n{shown}");
    }
    assert!(shown.contains("Any key goes back."), "{shown}");
}

#[test]
fn without_colours_none_is_drawn_and_the_tab_can_still_be_told() {
    for has_colours in [true, false] {
        let mut view = View::new(data());
        view.has_colours = has_colours;
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
        terminal.draw(|frame| draw(&mut view, frame)).expect("it draws");
        let cells = &terminal.backend().buffer().content;
        assert_eq!(cells.iter().any(|cell| cell.fg != Color::Reset), has_colours);
        assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    }
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    for (columns, lines) in [(59, 15), (60, 14), (10, 3), (1, 1)] {
        let shown = screen(&mut View::new(data()), columns, lines);
        assert!(shown.contains("The") || columns < 4, "{shown}");
        assert!(!shown.contains("Proxies"));
    }
}

#[test]
fn the_header_says_what_is_wrong_what_is_done_and_that_it_is_paused() {
    let mut view = View::new(data());
    let header = |view: &mut View| screen(view, 80, 24).lines().take(3).collect::<Vec<_>>().join("\n");
    assert!(header(&mut view).contains("1 of 5 ended: sidecar cart killed by SIGKILL"));
    assert!(header(&mut view).contains("documents in force; telemetry.yaml:12:3 the label `x` is new"));

    view.latest_mut().documents = Documents::LastGood;
    assert!(header(&mut view).contains("the last good documents hold: telemetry.yaml:12:3"));

    press(&mut view, &[key('p')]);
    view.latest_mut().doing = "Building a plugin".to_owned();
    view.latest_mut().snapshot.logs_seen += 7;
    let paused = header(&mut view);
    assert!(paused.contains("PAUSED, 7 new") && paused.contains("… Building a plugin"), "{paused}");
    assert!(paused.contains("3 log lines"), "what is shown is as it was: {paused}");

    press(&mut view, &[key(' ')]);
    assert!(header(&mut view).contains("10 log lines"));
    view.latest_mut().doing.clear();
    view.latest_mut().problems.clear();
    view.latest_mut().documents = Documents::InForce;
    view.latest_mut().done = "10 requests sent".to_owned();
    assert!(header(&mut view).contains("documents in force; 10 requests sent"));
}

#[test]
fn an_empty_mesh_and_a_filter_that_nothing_holds_say_so() {
    let mut view = View::new(Data::default());
    for (tab, expected) in
        [('1', "Nothing runs"), ('2', "No metrics"), ('3', "No log lines"), ('4', "No spans")]
    {
        press(&mut view, &[key(tab)]);
        let shown = screen(&mut view, 80, 24);
        assert!(shown.contains(expected), "{shown}");
    }
    let mut view = View::new(data());
    press(&mut view, &[key('3'), key('/'), key('z'), key('z')]);
    let shown = screen(&mut view, 80, 24);
    assert!(shown.contains("No row holds `zz`") && shown.contains("/zz▏"), "{shown}");
}
