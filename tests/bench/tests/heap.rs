//! What `scale` says of the heap, of a program that does nothing else meanwhile.

use std::process::Command;

use serde_json::Value;

#[test]
fn the_heap_of_each_part_is_measured() {
    let program = env!("CARGO_BIN_EXE_burgee-bench");
    let output = Command::new(program)
        .args(["scale", "--documents", "20,120", "--rounds", "1", "-o", "json"])
        .output()
        .expect("the benchmark runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let variants = report["variants"].as_array().expect("variants");
    assert!(variants.len() >= 2, "{report}");
    for variant in variants {
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{variant}"));
        let [documents, set, workload, peak] =
            ["documents", "set", "workload", "peak"].map(|part| number(&variant["heap"][part]));
        assert!(documents > number(&variant["text_bytes"]), "{variant}");
        assert!(set > 0 && workload > 0 && peak >= documents, "{variant}");
    }
}
