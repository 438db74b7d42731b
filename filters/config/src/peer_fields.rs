//! The fields of a peer that `peer-metadata` publishes one by one, as texts, for whoever has no more than operators.

/// The property of the workload that called.
pub const DOWNSTREAM_PEER: &str = "downstream_peer";

/// The property of the workload that was called.
pub const UPSTREAM_PEER: &str = "upstream_peer";

/// The name of each field, and the text that stands for one that is not known.
pub const FIELDS: [(&str, &str); 8] = [
    ("workload", "unknown"),
    ("namespace", "unknown"),
    ("service", "unknown"),
    ("revision", "latest"),
    ("app", "unknown"),
    ("version", "unknown"),
    ("cluster", "unknown"),
    ("identity", "unknown"),
];

/// The property of a field of a peer, as a module sets it.
pub fn property(peer: &str, field: &str) -> String {
    format!("{peer}_{field}")
}

/// The key of the same in the filter state.
pub fn filter_state_key(peer: &str, field: &str) -> String {
    format!("wasm.{}", property(peer, field))
}
