//! All telemetry filters in one module, which share one virtual machine for each worker: exports only. The root id chooses.
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod filter;

pub use filter::Telemetry;

burgee_kit::export!(
    "telemetry" => http Telemetry,
    "stats" => log burgee_stats::Stats,
    "stats-tcp" => tcp burgee_stats::TcpStats,
    "peer-metadata" => http burgee_peer_metadata::PeerMetadata,
);
