//! The arguments of `bootstrap` resolved.

use std::net::IpAddr;
use std::path::PathBuf;

use burgee_api::resolve::WorkloadKind;
use burgee_overlay::EnvoyVersion;
use burgee_server::bootstrap::{Server, Tls};
use burgee_server::subscription::Flavour;

use super::is_name;
use crate::Failure;
use crate::args::{BootstrapArgs, FileArgs, FlavourName, KindName, SourceArgs, TreeFormat};
use crate::workload::WorkloadPlan;

/// What `bootstrap` does.
#[derive(Debug)]
pub(crate) struct BootstrapPlan {
    pub workload: WorkloadPlan,
    /// Absent: as labels and documents say.
    pub kind: Option<WorkloadKind>,
    pub pod: Option<String>,
    pub service_account: Option<String>,
    pub cluster: Option<String>,
    pub address: IpAddr,
    pub class: Option<String>,
    pub files: Vec<PathBuf>,
    pub sources: SourceArgs,
    pub server: Server,
    pub flavour: Flavour,
    pub admin_port: u16,
    pub envoy: EnvoyVersion,
    pub output: TreeFormat,
}

impl BootstrapPlan {
    pub fn new(args: BootstrapArgs) -> Result<BootstrapPlan, Failure> {
        let FileArgs { files } = args.files;
        let workload = WorkloadPlan::new("WORKLOAD", Some(&args.workload), &args.about)?;
        for (flag, name) in [("--pod", &args.pod), ("--service-account", &args.service_account)] {
            if let Some(name) = name.as_deref().filter(|name| !is_name(name)) {
                return Err(Failure::new(
                    format!("{flag} {}: this is no name", name.escape_debug()),
                    "write small letters, digits, dashes and dots, such as web-v1-7d4f",
                ));
            }
        }
        for (flag, name) in [("--class", &args.class), ("--cluster", &args.cluster)] {
            let is_one = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
            if let Some(name) = name.as_deref().filter(|name| !is_one(name)) {
                return Err(Failure::new(
                    format!("{flag} {}: this is no name", name.escape_debug()),
                    "write one without blanks",
                ));
            }
        }
        let (host, port) = host_and_port(
            "--server",
            &args.server,
            "write HOST:PORT, such as burgee.infra:15010 or [::1]:15010",
        )?;
        let tls = match (args.tls_ca, args.server_identity) {
            (Some(authorities), Some(server_identity)) => {
                check_identity(&server_identity)?;
                let own = args.tls_cert.zip(args.tls_key);
                Some(Tls { authorities, server_identity, own })
            }
            _ => None,
        };
        Ok(BootstrapPlan {
            workload,
            kind: args.kind.map(|kind| match kind {
                KindName::Sidecar => WorkloadKind::Sidecar,
                KindName::Gateway => WorkloadKind::Gateway,
            }),
            pod: args.pod,
            service_account: args.service_account,
            cluster: args.cluster,
            address: args.address,
            class: args.class,
            files,
            sources: args.sources,
            server: Server { host, port, tls },
            flavour: match args.flavour {
                FlavourName::Delta => Flavour::Incremental,
                FlavourName::StateOfTheWorld => Flavour::StateOfTheWorld,
            },
            admin_port: args.admin_port,
            envoy: args.envoy,
            output: args.output,
        })
    }
}

/// The host and the port that a flag names; an IPv6 address stands in brackets.
pub(super) fn host_and_port(flag: &str, server: &str, help: &str) -> Result<(String, u16), Failure> {
    let is_host = |host: &str| {
        let name = host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_address = address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
        !host.is_empty() && (name || is_address)
    };
    let parts = server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parts.filter(|(host, port)| is_host(host) && *port > 0) {
        Some((host, port)) => Ok((host.to_owned(), port)),
        None => Err(Failure::new(
            format!("{flag} {}: this is not a host and a port", server.escape_debug()),
            help,
        )),
    }
}

fn check_identity(identity: &str) -> Result<(), Failure> {
    let path = identity.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
    let is_plain = identity.chars().all(|c| c.is_ascii_graphic());
    if path.is_some_and(|(domain, path)| !domain.is_empty() && !path.is_empty()) && is_plain {
        return Ok(());
    }
    Err(Failure::new(
        format!("--server-identity {}: this is no SPIFFE ID", identity.escape_debug()),
        "write the URI of the server's certificate, such as spiffe://cluster.local/ns/infra/sa/burgee",
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;
    use crate::plan::Plan;

    fn plan(extra: &[&str]) -> Result<BootstrapPlan, String> {
        let args = ["burgee", "bootstrap", "shop/web-v1"].iter().chain(extra);
        let args = Args::try_parse_from(args).map_err(|error| error.to_string())?;
        match Plan::new(args).map_err(|failure| failure.message)? {
            Plan::Bootstrap(plan) => Ok(*plan),
            other => panic!("not a bootstrap plan: {other:?}"),
        }
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for (text, host, port) in [
            ("burgee.infra:15010", "burgee.infra", 15010),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:65535", "[::1]", 65535),
        ] {
            let server = plan(&["--server", text]).expect("a plan").server;
            assert_eq!((server.host.as_str(), server.port, server.tls), (host, port, None));
        }
        for text in
            ["", "burgee", "burgee:", ":1", "burgee:0", "burgee:65536", "::1:1", "[x]:1", "a b:1", "h/p:1"]
        {
            let refused = plan(&["--server", text]).expect_err("no server");
            assert!(refused.contains("not a host and a port"), "{refused}");
        }
    }

    #[test]
    fn certificates_come_together() {
        let with = |extra: &[&str]| {
            let server = ["--server", "burgee:1"];
            plan(&server.iter().chain(extra).copied().collect::<Vec<_>>())
        };
        let identity = "spiffe://cluster.local/ns/infra/sa/burgee";
        let believes = ["--tls-ca", "ca.pem", "--server-identity", identity];
        let tls = with(&believes).expect("a plan").server.tls.expect("TLS");
        assert_eq!(
            (tls.authorities, tls.server_identity.as_str(), tls.own),
            ("ca.pem".into(), identity, None)
        );
        let own = [&believes[..], &["--tls-cert", "c.pem", "--tls-key", "k.pem"]].concat();
        let tls = with(&own).expect("a plan").server.tls.expect("TLS");
        assert_eq!(tls.own, Some(("c.pem".into(), "k.pem".into())));
        for partly in [
            &["--tls-ca", "ca.pem"][..],
            &["--server-identity", identity],
            &["--tls-cert", "c.pem", "--tls-key", "k.pem"],
            &[&believes[..], &["--tls-cert", "c.pem"]].concat(),
        ] {
            let refused = with(partly).expect_err("a part is missing");
            assert!(refused.contains("--"), "{refused}");
        }
        for other in ["", "cluster.local", "spiffe://", "spiffe:///ns", "spiffe://a/", "spiffe://a/b c"] {
            assert!(with(&["--tls-ca", "ca.pem", "--server-identity", other]).is_err(), "{other:?}");
        }
    }

    #[test]
    fn names_are_held_to_what_a_node_can_say() {
        for (flag, good, bad) in [
            ("--pod", "web-v1-7d4f.x", "web~1"),
            ("--service-account", "web", "Web"),
            ("--class", "Edge_1", "two words"),
            ("--cluster", "Kubernetes", ""),
        ] {
            assert!(plan(&["--server", "b:1", flag, good]).is_ok(), "{flag}");
            assert!(plan(&["--server", "b:1", flag, bad]).expect_err("no name").contains(flag), "{flag}");
        }
        for bad in
            [&["--admin-port", "0"][..], &["--address", "x"], &["--kind", "ztunnel"], &["--envoy", "new"]]
        {
            assert!(plan(&[&["--server", "b:1"], bad].concat()).is_err(), "{bad:?}");
        }
    }
}
