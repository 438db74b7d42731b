//! Rules about crates: which may depend on which, lints, and that the language stays pure.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::{assert_none, text};

/// What each crate may depend on among ours, tests aside. Dependencies point inward.
const ALLOWED: &[(&str, &[&str])] = &[
    ("burgee-filter-config", &[]),
    ("burgee-kit", &["burgee-filter-config"]),
    ("burgee-stats", &["burgee-filter-config", "burgee-kit"]),
    ("burgee-peer-metadata", &["burgee-filter-config", "burgee-kit"]),
    // The module that the filters are parts of.
    ("burgee-telemetry", &["burgee-filter-config", "burgee-kit", "burgee-peer-metadata", "burgee-stats"]),
    ("burgee-api", &["burgee-filter-config"]),
    ("burgee-component", &["burgee-api"]),
    ("burgee-configuration", &["burgee-api"]),
    // For build scripts.
    ("burgee-definitions", &[]),
    ("burgee-overlay", &["burgee-api", "burgee-definitions", "burgee-filter-config"]),
    ("burgee-headers", &["burgee-filter-config", "burgee-kit"]),
    ("burgee-filter-test", &["burgee-api", "burgee-harness"]),
    // Knows no module of ours: it plays Envoy to anybody's.
    ("burgee-harness", &[]),
    ("burgee-machine", &[]),
    // Stands on the ABI alone, as strangers' modules may.
    ("burgee-probe", &[]),
    // Stands alone, so that it is small where it is a program of its own.
    ("burgee-stub", &[]),
    // Knows neither what a module does nor who asks for it.
    ("burgee-supply", &["burgee-machine"]),
    // The kit has the name of the section in which a module says what it exports; the harness starts modules.
    ("burgee-modules", &["burgee-harness", "burgee-kit", "burgee-machine"]),
    (
        "burgee-localnet",
        &["burgee-api", "burgee-machine", "burgee-filter-config", "burgee-overlay", "burgee-stub"],
    ),
    // Sees documents as policies and modules as bytes.
    ("burgee-server", &["burgee-api", "burgee-definitions", "burgee-overlay"]),
    (
        "burgee",
        &[
            "burgee-api",
            "burgee-configuration",
            "burgee-filter-config",
            "burgee-filter-test",
            "burgee-harness",
            "burgee-localnet",
            "burgee-machine",
            "burgee-modules",
            "burgee-overlay",
            "burgee-server",
            "burgee-stub",
            "burgee-supply",
        ],
    ),
    ("burgee-tests", &["burgee-api", "burgee-overlay"]),
    (
        "burgee-bench",
        &[
            "burgee-api",
            "burgee-filter-config",
            "burgee-localnet",
            "burgee-machine",
            "burgee-modules",
            "burgee-overlay",
            "burgee-server",
            "burgee-stub",
        ],
    ),
    ("burgee-bench-header", &["burgee-kit"]),
    ("burgee-bench-count", &["burgee-kit"]),
];

/// What a pure crate must not bring in: anything that reads, waits, listens or tells the time.
const IMPURE: &[&str] =
    &["tokio", "hyper", "socket2", "nix", "notify", "tempfile", "walkdir", "chrono", "rand"];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .current_dir(burgee_tests::workspace())
        .exec()
        .expect("cargo describes the workspace")
}

#[test]
fn dependencies_point_inward() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let ours: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let mut found = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            found.push(format!("{} is new: say here what it may depend on", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if dependency.kind == DependencyKind::Normal && ours.contains(name) && !allowed.contains(&name) {
                found.push(format!("{} -> {name}", package.name));
            }
        }
    }
    assert_none("these dependencies are not in the design", &found);
}

#[test]
fn pure_crates_bring_in_nothing_that_does_input_or_output() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().expect("cargo resolves the workspace");
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut found = Vec::new();
    for pure in
        ["burgee-api", "burgee-component", "burgee-configuration", "burgee-overlay", "burgee-filter-config"]
    {
        let root = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == pure)
            .unwrap_or_else(|| panic!("{pure} is a member"));
        let mut open = vec![&root.id];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if IMPURE.contains(&names[id]) {
                found.push(format!("{pure} brings in {}", names[id]));
            }
            let node = resolve.nodes.iter().find(|node| node.id == *id).expect("every package has a node");
            for dependency in &node.deps {
                // `cfg(any())` is never true: what stands there is not compiled.
                let is_compiled = dependency.dep_kinds.iter().any(|kind| {
                    kind.kind == DependencyKind::Normal
                        && kind.target.as_ref().is_none_or(|target| target.to_string() != "cfg(any())")
                });
                if is_compiled {
                    open.push(&dependency.pkg);
                }
            }
        }
    }
    assert_none("these crates are pure by design", &found);
}

#[test]
fn every_crate_inherits_the_lints() {
    let found: Vec<String> = metadata()
        .workspace_packages()
        .iter()
        .filter(|package| {
            let manifest = text(package.manifest_path.as_std_path());
            !manifest.contains("[lints]\nworkspace = true")
        })
        .map(|package| package.name.to_string())
        .collect();
    assert_none("these manifests lack `[lints] workspace = true`", &found);
}

#[test]
fn the_language_builds_for_wasm_as_it_stands() {
    // The target is the one that filters are built for; whoever runs the other tests has it.
    let target = "wasm32-wasip1";
    let added = Command::new("rustup").args(["target", "add", target]).output().expect("rustup runs");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let checked = Command::new(env!("CARGO"))
        .args(["check", "--package", "burgee-api", "--target", target])
        .current_dir(burgee_tests::workspace())
        .output()
        .expect("cargo runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
