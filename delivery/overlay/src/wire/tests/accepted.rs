//! What `check` accepts can be laid over every base, as text and as bytes, with the same result.

use burgee_api::Severity;
use burgee_api::check::check;
use burgee_api::resolve::PolicySet;
use burgee_tests::generate::{Chance, documents, workloads};

use super::{ENCODED, decode};
use crate::tests::policies::all_options;
use crate::{Module, PluginModule, overlay, overlay_resource};

/// How many sets of documents are tried. Each is laid over every base.
const SETS: u64 = 48;

fn ready() -> PluginModule {
    PluginModule::Ready(Module {
        path: "/etc/burgee/guard.wasm".to_owned(),
        sha256: "0".repeat(64),
        metrics: Vec::new(),
    })
}

#[test]
fn what_is_accepted_lowers_for_every_workload_and_base() {
    let (mut accepted, mut edits) = (0, 0);
    for number in 0..SETS {
        let checked = check(&documents(&mut Chance::of_number(number)));
        let is_valid = checked.is_valid();
        let set = PolicySet::new(checked.resources);
        for workload in workloads() {
            // Documents that are refused must not make it panic either.
            let effective = set.resolve(&workload);
            if !is_valid {
                continue;
            }
            accepted += 1;
            let options = all_options();
            let mut options = options[accepted % options.len()].clone();
            // Where a module is missing is another matter than what documents say.
            let plugins = effective.classes.values().flat_map(|class| &class.plugins);
            options.plugins = plugins.map(|plugin| (plugin.id(), ready())).collect();
            for (file, message, base, bytes) in ENCODED.iter() {
                let text = overlay(base, &effective, &options);
                let faults: Vec<_> =
                    text.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
                assert!(faults.is_empty(), "{number} for {workload} over {file}: {faults:#?}");
                let wire = overlay_resource(message, bytes, &effective, &options)
                    .unwrap_or_else(|error| panic!("{number} for {workload} over {file}: {error}"));
                assert_eq!(wire.problems, text.problems, "{number} for {workload} over {file}");
                assert_eq!(wire.edits, text.edits, "{number} for {workload} over {file}");
                edits += text.edits.len();
                // Everything that was written is of types and fields that Envoy has.
                decode(message, &wire.bytes);
            }
        }
    }
    assert!(accepted as u64 > SETS, "{accepted} of {} were accepted", 3 * SETS);
    assert!(edits > 20 * accepted, "{edits} edits for {accepted} policies");
}
