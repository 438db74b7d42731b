//! What real Envoys answer, recorded by a probe and held against the tables in `filters/harness/facts`.

mod bootstrap;
mod client;
mod differences;
mod grpc;
mod harness;
mod pages;
mod print;
mod record;
mod scenarios;
mod servers;
mod table;
mod words;

use burgee_localnet::{Envoy, Silent};
use scenarios::{facts, scenarios};

/// The Envoys that the tables are of, newest first.
fn envoys() -> [Envoy; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let found = runtime.block_on(burgee_localnet::envoy::pinned(&Silent));
    found.unwrap_or_else(|error| panic!("no Envoy: {error}"))
}

/// The table of a release: `envoy-1.40.json` of 1.40.0.
fn file_of(version: &str) -> std::path::PathBuf {
    let minor = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
    facts().join(format!("envoy-{minor}.json"))
}

fn probe() -> burgee_modules::BuiltModule {
    let built = burgee_modules::build_crate(&facts().with_file_name("probe"), &|_: &str| {});
    built.unwrap_or_else(|error| panic!("the probe does not build: {error}"))
}

#[test]
fn the_harness_answers_as_envoy_does() {
    let file = facts().join("envoy-1.40.json");
    let known = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let known: serde_json::Value =
        serde_json::from_str(&known).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let found = harness::record(&probe().bytes, &scenarios(), &known);
    let differences = differences::between(&harness::comparable(&known), &harness::comparable(&found));
    let differences = harness::news(differences);
    assert!(
        differences.is_empty(),
        "the harness answers {} times what Envoy does not:\n  {}",
        differences.len(),
        differences.join("\n  ")
    );
}

#[test]
fn real_envoys_answer_as_they_are_recorded() {
    let module = probe().path;
    let scenarios = scenarios();
    let recorded: Vec<_> = std::thread::scope(|scope| {
        let run = |envoy: Envoy| {
            let (module, scenarios) = (&module, &scenarios);
            scope.spawn(move || (envoy.version.clone(), record::record(&envoy, module, scenarios)))
        };
        let running: Vec<_> = envoys().into_iter().map(run).collect();
        running.into_iter().map(|run| run.join().expect("a recording")).collect()
    });
    let mut problems = Vec::new();
    for (version, table) in recorded {
        let file = file_of(&version);
        if std::env::var_os("BURGEE_BLESS").is_some() {
            std::fs::write(&file, print::print(&table)).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        }
        let known = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let known = serde_json::from_str(&known).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let found = differences::between(&known, &table);
        problems.extend(found.into_iter().map(|difference| format!("Envoy {version}: {difference}")));
    }
    assert!(
        problems.is_empty(),
        "{} answers are not those that are recorded; BURGEE_BLESS=1 records them anew:\n  {}",
        problems.len(),
        problems.join("\n  ")
    );
}
