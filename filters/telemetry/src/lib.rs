//! All telemetry filters in one module, which share one virtual machine for each worker: exports only. The root id chooses.

burgee_kit::export!(
    "stats" => log burgee_stats::Stats,
    "stats-tcp" => tcp burgee_stats::TcpStats,
    "peer-metadata" => http burgee_peer_metadata::PeerMetadata,
);
