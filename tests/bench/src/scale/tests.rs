//! That the benchmark measures what it says: what was done is what was made, at a size that takes no time.

use std::sync::LazyLock;

use super::world::Scope;
use super::*;

/// Twenty documents in two namespaces, and a hundred and twenty in twelve and in ten.
static SMALL: LazyLock<Report> = LazyLock::new(|| run(&[20, 120], 1, 7));

#[test]
fn a_changed_document_concerns_those_that_it_was_made_for() {
    let report = &*SMALL;
    let sizes: Vec<(u32, u32)> =
        report.variants.iter().map(|variant| (variant.size.documents, variant.size.namespaces)).collect();
    assert_eq!(sizes, [(20, 2), (120, 12), (120, 10)]);
    for Variant { size, changes, .. } in &report.variants {
        assert_eq!(changes.iter().map(|changed| changed.scope).collect::<Vec<_>>(), Scope::ALL);
        for changed in changes {
            assert!(changed.tried > 0 && changed.selected > 0, "{size:?}: {changed:?}");
            assert_eq!(changed.affected, changed.selected, "{size:?}: {changed:?}");
        }
        assert_eq!(changes[3].affected as u32, size.documents, "the mesh's is for every workload");
    }
}

#[test]
fn every_workload_is_lowered_and_every_part_is_measured() {
    let report = &*SMALL;
    for variant in &report.variants {
        // Each has metrics, spans and access logs at its listeners.
        assert!(variant.edits > 3 * variant.size.documents as usize, "{variant:?}");
        assert!(variant.seconds.each().iter().all(|seconds| *seconds > 0.0), "{variant:?}");
    }
    assert!(report.variants[1].edits > 5 * report.variants[0].edits, "six times the workloads");
    assert_eq!(report.variants[0].to_first, Seconds::of([1.0; 4]));
}

#[test]
fn a_seed_makes_the_same_mesh_each_time() {
    LazyLock::force(&SMALL);
    let sources = |seed| World::new(Size::new(100, Shape::Spread), seed).sources();
    assert_eq!(sources(1), sources(1));
    assert_ne!(sources(1), sources(2));
}

#[test]
fn a_report_can_be_read_by_both() {
    let report = &*SMALL;
    let text = text(report);
    assert!(text.contains("a namespace") && text.contains("seed 7"), "{text}");
    let json = serde_json::json!(report);
    assert_eq!(json["variants"][1]["size"]["documents"], 120);
    assert_eq!(json["variants"][1]["changes"][0]["scope"], "labels");
}
