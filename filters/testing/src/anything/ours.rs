//! Our own filters, for whoever lets anything happen to them.

use super::{Configuration, Filter};

/// Those that there are.
pub const OURS: &[Filter] = &[
    Filter {
        name: "headers",
        configurations: &[
            Configuration { text: "", changes: &[] },
            Configuration {
                text: r#"{"request": {"set": {"X-Team": "shop"}, "remove": ["cookie", "x-absent"]},
                    "response": {"set": {"server": "burgee"}, "remove": ["content-type", "server"]}}"#,
                changes: &["x-team", "cookie", "x-absent", "server", "content-type"],
            },
        ],
        counts_streams: None,
    },
    Filter {
        name: "stats",
        configurations: &[
            Configuration { text: "{}", changes: &[] },
            Configuration {
                text: r#"{"metrics": [{"name": "request_bytes", "drop": true},
                    {"dimensions": {"path": "request.path", "agent": "request.headers['user-agent']"},
                     "tags_to_remove": ["response_flags"]}]}"#,
                changes: &[],
            },
        ],
        counts_streams: Some("requests_total"),
    },
    Filter {
        name: "peer-metadata",
        configurations: &[
            Configuration { text: "", changes: PEER_HEADERS },
            Configuration {
                text: r#"{"role": "INBOUND", "local": {"workload": "web-v1", "namespace": "shop"}, "max_peers": 2}"#,
                changes: PEER_HEADERS,
            },
            Configuration {
                text: r#"{"role": "OUTBOUND", "recipients": "NOT_EXTERNAL", "local": {"workload": "web-v1"},
                    "additional_labels": ["tier"]}"#,
                changes: PEER_HEADERS,
            },
            Configuration { text: r#"{"role": "GATEWAY"}"#, changes: PEER_HEADERS },
        ],
        counts_streams: None,
    },
];

/// What peers say of themselves in.
const PEER_HEADERS: &[&str] = &["x-envoy-peer-metadata", "x-envoy-peer-metadata-id"];
