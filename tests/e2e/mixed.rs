//! A mesh of mixed proxies: callers and servers with a sidecar and without, with mutual TLS and in plain text, over
//! HTTP/1.1, HTTP/2, gRPC and TCP. Both sides of every pairing count every request, and say right who is at either end.

use std::collections::BTreeMap;
use std::fs;

use burgee_localnet::scrape::Sample;
use burgee_localnet::summary::{ProxySummary, Summary};
use tempfile::TempDir;

use crate::support::mesh::{Mesh, scrape};
use crate::support::program::Program;
use crate::support::{eventually, http, mixed, tempdir};

const GATEWAY: &str = "istio-system/istio-ingressgateway";

/// How many requests each caller is sent.
const EACH: u64 = 3;

/// The labels that are looked at, in this order.
const LABELS: [&str; 11] = [
    "reporter",
    "source_workload",
    "destination_workload",
    "destination_service",
    "request_protocol",
    "http_version",
    "connection_security_policy",
    "source_principal",
    "destination_principal",
    "source_team",
    "grpc_response_status",
];

/// A copy of the example's documents, to be changed.
fn copy() -> TempDir {
    let folder = tempdir();
    for name in ["mesh.yaml", "services.yaml", "telemetry.yaml", "security.yaml"] {
        fs::copy(mixed().join(name), folder.path().join(name)).expect("a copy");
    }
    folder
}

/// Writes something else into a document.
fn replace(folder: &TempDir, name: &str, old: &str, new: &str) {
    let file = folder.path().join(name);
    let text = fs::read_to_string(&file).expect("a document");
    assert!(text.contains(old), "{name} has no {old}");
    fs::write(&file, text.replace(old, new)).expect("a change");
}

/// How many requests there were, by proxy and by those labels.
type Counts = BTreeMap<(String, Vec<String>), u64>;

/// A fixed run of the documents of a folder, which has to have seen everything.
fn fixed_run(documents: &std::path::Path) -> Summary {
    let requests = (2 * EACH).to_string();
    let arguments = ["--requests", &requests, "--path", "/", "-o", "json"];
    let ended = Program::up(documents).args(arguments).run().expect_code(0);
    let summary: Summary =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("no summary: {error}\n{ended}"));
    assert_eq!((summary.requests.ok, summary.requests.failed), (2 * EACH, 0));
    let told: Vec<_> = summary.problems.iter().filter(|problem| problem.severity != "note").collect();
    assert!(told.is_empty(), "{told:?}");
    summary
}

fn counts(summary: &Summary) -> Counts {
    let mut counts = Counts::new();
    for series in summary.metrics.iter().filter(|series| series.name == "istio_requests_total") {
        assert_eq!(series.labels["response_code"], "200", "{series:?}");
        assert_eq!(series.labels["destination_service_name"], series.labels["destination_service"]);
        let labels = LABELS.map(|label| series.labels.get(label).cloned().unwrap_or_default());
        *counts.entry((series.proxy.clone(), labels.into())).or_default() += series.value as u64;
    }
    counts
}

/// Who is at either end.
#[derive(Clone, Copy)]
struct Pairing {
    /// The caller, and whether it has a sidecar.
    caller: (&'static str, bool),
    /// The server, and whether it has a sidecar.
    server: (&'static str, bool),
    /// Whether mutual TLS is spoken between them.
    is_mutual: bool,
}

const PAIRINGS: [Pairing; 6] = [
    Pairing { caller: ("caller", true), server: ("strict", true), is_mutual: true },
    Pairing { caller: ("caller", true), server: ("permissive", true), is_mutual: true },
    Pairing { caller: ("caller", true), server: ("plain", true), is_mutual: false },
    Pairing { caller: ("caller", true), server: ("bare", false), is_mutual: false },
    Pairing { caller: ("bare-caller", false), server: ("permissive", true), is_mutual: false },
    Pairing { caller: ("bare-caller", false), server: ("plain", true), is_mutual: false },
];

/// What both sides of a pairing count, over every version of HTTP.
fn expect(pairing: Pairing, counts: &mut Counts) {
    let Pairing { caller: (caller, is_client_ours), server: (server, is_server_ours), is_mutual } = pairing;
    let principal = |name: &str| match is_mutual {
        true => format!("spiffe://cluster.local/ns/mixed/sa/{name}"),
        false => "unknown".to_owned(),
    };
    let service = format!("{server}.mixed.internal");
    for (protocol, version, status) in
        [("http", "HTTP/1.1", ""), ("http", "HTTP/2", ""), ("grpc", "HTTP/2", "0")]
    {
        let mut count = |proxy: &str, reporter: &str, policy: &str, team: &str| {
            let labels = [
                reporter,
                &format!("{caller}-v1"),
                &format!("{server}-v1"),
                &service,
                protocol,
                version,
                policy,
                &principal(caller),
                &principal(server),
                team,
                status,
            ];
            counts.insert((format!("mixed/{proxy}-v1"), labels.map(str::to_owned).into()), EACH);
        };
        if is_client_ours {
            count(caller, "source", "unknown", "");
        }
        if is_server_ours {
            // Who has no proxy says nothing of itself; its address says who it is, and no more.
            let team = if is_client_ours { "checkout" } else { "unknown" };
            count(server, "destination", if is_mutual { "mutual_tls" } else { "none" }, team);
        }
    }
}

/// What is counted of the requests that come in.
fn expect_from_outside(counts: &mut Counts) {
    let gateway = "spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway";
    let caller = "spiffe://cluster.local/ns/mixed/sa/caller";
    for (proxy, reporter, to, policy, principals, team) in [
        (GATEWAY, "source", "caller", "unknown", [gateway, caller], ""),
        (GATEWAY, "source", "bare-caller", "unknown", ["unknown"; 2], ""),
        ("mixed/caller-v1", "destination", "caller", "mutual_tls", [gateway, caller], "unknown"),
    ] {
        let labels = [
            reporter,
            "istio-ingressgateway",
            &format!("{to}-v1"),
            &format!("{to}.mixed.internal"),
            "http",
            "HTTP/1.1",
            policy,
            principals[0],
            principals[1],
            team,
            "",
        ];
        counts.insert((proxy.to_owned(), labels.map(str::to_owned).into()), EACH);
    }
}

#[track_caller]
fn check(found: &Counts, expected: &Counts) {
    let missing: Vec<_> = expected.iter().filter(|(key, count)| found.get(key) != Some(count)).collect();
    let surplus: Vec<_> = found.iter().filter(|(key, count)| expected.get(key) != Some(count)).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:#?}\nsurplus: {surplus:#?}");
}

#[test]
fn both_sides_of_every_pairing_say_who_is_at_either_end() {
    let found = counts(&fixed_run(&mixed()));
    let mut expected = Counts::new();
    PAIRINGS.into_iter().for_each(|pairing| expect(pairing, &mut expected));
    expect_from_outside(&mut expected);
    check(&found, &expected);
}

#[test]
fn both_sides_of_every_pairing_count_connections_and_their_bytes() {
    let mesh = Mesh::hold(&mixed(), 2 * EACH);
    for Pairing { caller: (caller, is_client_ours), server: (server, is_server_ours), is_mutual } in PAIRINGS
    {
        let principal = |name: &str| match is_mutual {
            true => format!("spiffe://cluster.local/ns/mixed/sa/{name}"),
            false => "unknown".to_owned(),
        };
        let policy = if is_mutual { "mutual_tls" } else { "none" };
        let service = format!("{server}.mixed.internal");
        // What a call says, and gets back.
        let bytes = ("hello from mixed/-v1\n".len() + caller.len()) as u64;
        for (is_ours, proxy, reporter, policy) in
            [(is_client_ours, caller, "source", "unknown"), (is_server_ours, server, "destination", policy)]
        {
            if !is_ours {
                continue;
            }
            let labels = BTreeMap::from([
                ("reporter", reporter.to_owned()),
                ("destination_workload", format!("{server}-v1")),
                ("destination_service", service.clone()),
                ("request_protocol", "tcp".to_owned()),
                ("connection_security_policy", policy.to_owned()),
                ("source_principal", principal(caller)),
                ("destination_principal", principal(server)),
            ]);
            let of_name = |summary: &&ProxySummary| summary.workload == format!("mixed/{proxy}-v1");
            let proxy = mesh.summary.proxies.iter().find(of_name).expect("a proxy");
            // Two callers may differ in nothing that a connection says.
            let alike = PAIRINGS.iter().filter(|other| {
                reporter == "destination" && other.server.0 == server && other.is_mutual == is_mutual
            });
            let calls = alike.count().max(1) as u64;
            for (name, expected) in [
                ("istio_tcp_connections_opened_total", EACH * calls),
                ("istio_tcp_connections_closed_total", EACH * calls),
            ] {
                eventually(&format!("{name} of {proxy:?} with {labels:?}"), || {
                    let found = value(&scrape(&proxy.admin), name, &labels);
                    if found == expected as f64 { Ok(()) } else { Err(format!("it is at {found}")) }
                });
            }
            if calls == 1 {
                for name in ["istio_tcp_received_bytes_total", "istio_tcp_sent_bytes_total"] {
                    let found = value(&scrape(&proxy.admin), name, &labels);
                    assert_eq!(found, (EACH * bytes) as f64, "{name} of {proxy:?} with {labels:?}");
                }
            }
        }
    }
}

/// The sum of the series that have these labels.
fn value(samples: &[Sample], name: &str, labels: &BTreeMap<&str, String>) -> f64 {
    let has = |sample: &&Sample| {
        sample.name == name && labels.iter().all(|(label, value)| sample.labels.get(*label) == Some(value))
    };
    samples.iter().filter(has).map(|sample| sample.value).sum()
}

#[test]
fn every_call_is_answered_over_every_protocol() {
    let mesh = Mesh::hold(&mixed(), 0);
    for (caller, servers) in [
        ("caller", &["strict", "permissive", "plain", "bare"][..]),
        ("bare-caller", &["permissive", "plain"]),
    ] {
        let answer = http::get(&mesh.entrance(), &format!("{caller}.mixed.internal"), "/").expect("one");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut expected = vec![format!("hello from mixed/{caller}-v1")];
        for server in servers {
            let (host, said) = (format!("{server}.mixed.internal"), format!("hello from mixed/{server}-v1"));
            expected.extend([
                format!("  http://{host}/ 200: {said}"),
                format!("  h2c://{host}:82/ 200: {said}"),
                format!("  grpc://{host}:90/burgee.Stub/Hello status 0: {said}"),
                format!(
                    "  tcp://{host}:5432 ok: {} bytes there and back",
                    "hello from mixed/-v1\n".len() + caller.len()
                ),
            ]);
        }
        assert_eq!(answer.body.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn who_takes_mutual_tls_only_answers_nobody_in_plain_text_and_counts_nothing_of_it() {
    let mesh = Mesh::hold(&mixed(), 0);
    let proxy = |name: &str| {
        let of_name = mesh.summary.proxies.iter().find(|proxy| proxy.workload == format!("mixed/{name}-v1"));
        of_name.expect("a proxy")
    };
    for (server, is_answered) in [("strict", false), ("permissive", true), ("plain", true)] {
        let listener = proxy(server).listeners.iter().find(|listener| listener.name == "inbound_8080");
        let address = &listener.expect("a listener").address;
        let answer = http::get(address, &format!("{server}.mixed.internal"), "/");
        assert_eq!(
            answer.as_ref().map(|answer| answer.status).ok(),
            is_answered.then_some(200),
            "{server}: {answer:?}"
        );
    }
    mesh.wait_until_counted(proxy("plain"), "istio_requests_total", 1);
    mesh.wait_until_counted(proxy("permissive"), "istio_requests_total", 1);
    let counted = scrape(&proxy("strict").admin);
    assert!(counted.iter().all(|sample| sample.name != "istio_requests_total"), "{counted:?}");
}

#[test]
fn a_mode_that_changes_is_taken_without_a_restart() {
    let folder = copy();
    let mesh = Mesh::hold(folder.path(), 0);
    let plain = mesh.summary.proxies.iter().find(|proxy| proxy.workload == "mixed/plain-v1").expect("one");
    let listener = plain.listeners.iter().find(|listener| listener.name == "inbound_8080").expect("one");
    let ask = |address: &str, host: &str| http::get(address, host, "/").map(|answer| answer.status);
    assert_eq!(ask(&listener.address, "plain.mixed.internal"), Ok(200));
    replace(&folder, "security.yaml", "mode: DISABLE", "mode: STRICT");
    eventually("plain text is refused", || match ask(&listener.address, "plain.mixed.internal") {
        Ok(status) => Err(format!("it answered {status}")),
        Err(_) => Ok(()),
    });
    eventually("the caller speaks mutual TLS", || {
        let status = ask(&mesh.entrance(), "caller.mixed.internal")?;
        let samples = scrape(&plain.admin);
        let is_it = |sample: &&Sample| {
            sample.labels.get("connection_security_policy").is_some_and(|policy| policy == "mutual_tls")
        };
        samples.iter().find(is_it).map(drop).ok_or_else(|| format!("{status}, and no series says so"))
    });
}

#[test]
fn nobody_outside_of_the_mesh_is_told_who_calls_or_called_with_the_meshs_certificates() {
    let folder = copy();
    let service = "    - permissive.mixed.internal\n  location: ";
    replace(&folder, "services.yaml", &format!("{service}MESH_INTERNAL"), &format!("{service}MESH_EXTERNAL"));
    let found = counts(&fixed_run(folder.path()));
    let of = |proxy: &str, reporter: &str, source: &str| {
        let is_it = |(of, labels): &&(String, Vec<String>)| {
            of == proxy
                && labels[0] == reporter
                && labels[1] == source
                && labels[3] == "permissive.mixed.internal"
        };
        let keys = found.keys().filter(is_it);
        keys.map(|(_, labels)| [labels[2].as_str(), &labels[6], &labels[7]].map(str::to_owned))
            .collect::<Vec<_>>()
    };
    // The sidecar that plays somebody outside is told nothing, so it does not know the caller.
    assert_eq!(of("mixed/permissive-v1", "destination", "caller-v1"), Vec::<[String; 3]>::new());
    let unknown = of("mixed/permissive-v1", "destination", "unknown");
    assert_eq!(unknown, vec![["permissive-v1", "none", "unknown"].map(str::to_owned); 3]);
    // The caller knows whom it calls by what its control plane says of the endpoint.
    let known = of("mixed/caller-v1", "source", "caller-v1");
    assert_eq!(known, vec![["permissive-v1", "unknown", "unknown"].map(str::to_owned); 3]);
}
