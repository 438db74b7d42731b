//! The live view on a terminal: what is on the screen after so many requests, after each key, and when something goes
//! wrong; and that the terminal is as it was afterwards.

use std::fs;

use nix::sys::signal::Signal;

use crate::support::mesh::{scrape, sum};
use crate::support::program::{Held, Program};
use crate::support::terminal::Terminal;
use crate::support::{copy_of_one_service, envoy, eventually, http, one_service, processes, quickstart};

const SIDECAR: &str = "quickstart/hello-v1";

/// Starts the view of a folder's mesh and waits until it shows the proxies.
fn view(folder: &std::path::Path) -> Terminal {
    // Whatever has to be fetched first is no part of what the test waits for.
    envoy();
    let mut terminal = Terminal::up(folder, &["--hold", "--requests", "3", "--path", "/"]);
    terminal.wait_for("the proxies", |screen| {
        (screen.contains("1 Proxies") && screen.contains(SIDECAR)).then_some(())
    });
    // A frame is drawn before the cursor is taken away.
    eventually("a screen that is the program's and has no cursor", || match terminal.modes() {
        (true, true) => Ok(()),
        modes => Err(format!("{modes:?}")),
    });
    assert!(!terminal.is_as_before());
    terminal
}

/// The line of a screen that holds all of some texts.
fn line<'s>(screen: &'s str, texts: &[&str]) -> Option<&'s str> {
    screen.lines().find(|line| texts.iter().all(|text| line.contains(text)))
}

/// The process in the row of a proxy.
fn pid(screen: &str, kind: &str, name: &str) -> Option<u32> {
    line(screen, &[kind, name])?.split_whitespace().rev().nth(1)?.parse().ok()
}

/// How many requests the sidecar's row of `istio_requests_total` tells of.
fn requests(screen: &str) -> Option<u64> {
    let rows = screen.lines().skip_while(|line| !line.contains("istio_requests_total")).skip(1);
    rows.take_while(|line| !line.contains("istio_"))
        .find(|line| line.contains(" destination"))?
        .trim_start_matches('>')
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[test]
fn the_screen_shows_what_was_counted_and_obeys_its_keys() {
    let mut terminal = view(&one_service());
    terminal.wait_for_text("processes run");

    terminal.press("2");
    terminal.wait_for("three requests", |screen| (requests(screen)? == 3).then_some(()));
    terminal.press("g");
    terminal.wait_for("thirteen requests", |screen| (requests(screen)? == 13).then_some(()));
    terminal.wait_for_text("10 requests sent, all answered as asked");

    // Paused, the screen stays as it is while the proxy counts on.
    terminal.press("1\r");
    let sidecar = terminal.wait_for("an address", |screen| pid(screen, "sidecar", SIDECAR));
    assert!(processes::is_running(sidecar));
    terminal.press("j");
    let admin = terminal.wait_for("the sidecar's address", |screen| {
        line(screen, &["The sidecar of"])?;
        Some(line(screen, &["admin page: "])?.trim().trim_start_matches("admin page: ").to_owned())
    });
    terminal.press("\u{1b}");
    terminal.wait_for("no details", |screen| (!screen.contains("admin page: ")).then_some(()));
    terminal.press("2p");
    terminal.wait_for_text("PAUSED");
    terminal.press("g");
    eventually("23 requests", || {
        let count = sum(&scrape(&admin), "istio_requests_total", None);
        if count == 23.0 { Ok(()) } else { Err(format!("{count}")) }
    });
    terminal.press("?");
    terminal.wait_for_text("send ten requests");
    terminal.press("x");
    let paused =
        terminal.wait_for("the rows", |screen| requests(screen).map(|count| (count, screen.to_owned())));
    assert!(paused.0 == 13 && paused.1.contains("PAUSED"), "{}", paused.1);
    terminal.press("p");
    terminal.wait_for("23 requests", |screen| (requests(screen)? == 23).then_some(()));

    // Only what holds a text is left; then everything again.
    terminal.press("/duration");
    let filtered = terminal.wait_for("the filter", |screen| {
        (screen.contains("/duration") && !screen.contains("istio_requests_total")).then(|| screen.to_owned())
    });
    assert!(filtered.contains("istio_request_duration_milliseconds"), "{filtered}");
    terminal.press("\u{1b}");
    terminal.wait_for_text("istio_requests_total");

    // The line of the document that is behind a label is one key away.
    terminal.press("/reporter=destination");
    terminal.wait_for("one reporter", |screen| {
        (!screen.split_whitespace().any(|word| word == "source")).then_some(())
    });
    // The first row is a name.
    terminal.press("\rj\r\r");
    let details = terminal.wait_for_text("with request_method=request.method");
    assert!(details.contains("telemetry.yaml:") && details.contains("Telemetry istio-system/"), "{details}");

    terminal.press("q");
    assert_eq!(terminal.wait(), 0);
    assert!(!processes::is_running(sidecar));
    ends_as_it_began(&mut terminal);
    // What was printed before the view is there again, and what came of all of it.
    terminal.wait_for_text("the documents ask for");
    terminal.wait_for_text("in all: 23 requests sent, ");
    let left: Vec<_> = fs::read_dir(terminal.scratch()).expect("a directory").flatten().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Waits until the terminal is as it was before the program.
fn ends_as_it_began(terminal: &mut Terminal) {
    eventually("a terminal as before", || {
        let (is_taken, is_cursor_hidden) = terminal.modes();
        if is_taken || is_cursor_hidden { Err(terminal.contents()) } else { Ok(()) }
    });
    assert!(terminal.is_as_before());
}

#[test]
fn what_is_told_to_stop_or_interrupted_gives_the_terminal_back() {
    let end_by_key = |terminal: &mut Terminal| terminal.press("\u{3}");
    let end_by_signal = |terminal: &mut Terminal| terminal.signal(Signal::SIGTERM);
    for end in [end_by_key as fn(&mut Terminal), end_by_signal] {
        let mut terminal = view(&one_service());
        end(&mut terminal);
        assert_eq!(terminal.wait(), 0);
        ends_as_it_began(&mut terminal);
    }
}

#[test]
fn a_broken_document_and_a_killed_proxy_are_on_the_screen_and_the_rest_goes_on() {
    let folder = copy_of_one_service();
    let file = folder.path().join("telemetry.yaml");
    let good = fs::read_to_string(&file).expect("a document");
    let mut terminal = view(folder.path());

    fs::write(&file, format!("{good}\n  nonsense: here\n")).expect("a document can be written");
    terminal.wait_for_text("the last good documents hold: telemetry.yaml:");
    terminal.press("5");
    let problem = terminal
        .wait_for("the problem", |screen| line(screen, &["error", "telemetry.yaml:"]).map(str::to_owned));
    let place = format!("telemetry.yaml:{}:", good.lines().count() + 2);
    assert!(problem.contains(&place), "{problem}, not {place}");

    fs::write(&file, &good).expect("a document can be written");
    terminal.wait_for_text("documents in force");
    terminal.wait_for_text("No plugins and no problems");

    terminal.press("1");
    let sidecar = terminal.wait_for("its process", |screen| pid(screen, "sidecar", SIDECAR));
    processes::end(sidecar);
    let killed = terminal.wait_for("the end of the sidecar", |screen| {
        line(screen, &["sidecar", SIDECAR, "killed by SIGKILL"]).map(|_| screen.to_owned())
    });
    assert!(killed.contains(" ended: sidecar hello-v1"), "{killed}");
    assert!(line(&killed, &["gateway", "runs"]).is_some(), "{killed}");

    // Documents are still followed.
    fs::write(&file, format!("{good}\n  nonsense: here\n")).expect("a document can be written");
    terminal.wait_for_text("the last good documents hold: telemetry.yaml:");

    terminal.resize(40, 10);
    terminal.wait_for_text("too small");
    terminal.resize(100, 30);
    terminal.wait_for_text("the last good documents hold: telemetry.yaml:");
    terminal.press("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn lines_can_be_had_on_a_terminal_and_the_first_screen_tells_of_the_view() {
    envoy();
    let mut plain = Terminal::up(&one_service(), &["--hold", "--plain", "--requests", "1"]);
    plain.wait_for_text("running until Ctrl-C");
    assert!(!plain.modes().0, "{}", plain.contents());
    plain.press("\u{3}");
    assert_eq!(plain.wait(), 0);

    let mut once = Terminal::up(&one_service(), &["--requests", "1"]);
    once.wait_for_text("to watch it live");
    assert!(once.contents().contains("--hold"), "{}", once.contents());
    assert_eq!(once.wait(), 0);
}

#[test]
fn without_a_terminal_each_thing_that_happens_is_a_line() {
    envoy();
    let mut held = Program::up(&quickstart()).args(["--hold", "--requests", "1"]).hold();
    held.wait_until_said(0, "running until Ctrl-C");
    let address = held.wait_for("a command to try", |held| {
        let said = held.stdout();
        Some(said.split_once(" http://")?.1.split('/').next()?.to_owned())
    });
    let before = held.stdout().len();
    let answer = http::get(&address, "hello.quickstart.internal", "/?status=503").expect("an answer");
    assert_eq!(answer.status, 503);
    let lines = |held: &Held, words: &[&str]| -> Option<String> {
        let said = held.stdout().get(before..)?.to_owned();
        said.lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
    };
    for words in [
        &["log    istio-system/istio-ingressgateway gateway text-log 503"],
        &["log    quickstart/hello-v1 inbound json-log 503"],
        &["log    quickstart/hello-v1 inbound otel-log 503"],
    ] {
        held.wait_for(words[0], |held| lines(held, words));
    }
    let trace = held.wait_for("a trace", |held| lines(held, &["trace  ", " 503 "]));
    assert!(trace.contains("(hello.quickstart") && trace.contains("(greeting.quickstart"), "{trace}");
    held.end_by(Signal::SIGINT).expect_code(0);
}
