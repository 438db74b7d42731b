//! What may be fetched from: everything that the user names, and of what documents name, no machine that only this one
//! can reach. Addresses are judged where they are dialled, so that a name cannot lead elsewhere afterwards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::error::SupplyError;

/// Names that lead to a cloud's credentials.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "instance-data"];

/// Addresses outside the link-local ranges that do.
const METADATA_ADDRESSES: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// What may be fetched from. Of both lists each entry is a host (`registry.example.com`), a host and a port
/// (`localhost:5000`), or a domain with all below it (`*.example.com`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Whatever the user's own words name.
    #[default]
    User,
    /// What a document names.
    Document {
        /// If it has entries, nothing else. An entry without `*` that leads to this machine or its links permits that too,
        /// which nothing else does.
        allowed: Vec<String>,
        /// Never these.
        denied: Vec<String>,
    },
}

impl Reach {
    /// Whether a URL may be asked, as far as its text says.
    pub(crate) fn check(&self, url: &Url) -> Result<(), SupplyError> {
        let Some(host) = url.host() else {
            return Err(refused(url.as_str(), "it has no host", ""));
        };
        let Reach::Document { allowed, denied } = self else { return Ok(()) };
        let (name, port) = (bare(&host.to_string()), url.port_or_known_default());
        let is_in = |list: &[String]| list.iter().any(|entry| matches(entry, &name, port));
        if is_in(denied) {
            return Err(refused(&name, "it is among the hosts that are denied", ""));
        }
        if !allowed.is_empty() && !is_in(allowed) {
            return Err(refused(&name, "it is not among the hosts that are allowed", ""));
        }
        if METADATA_NAMES.contains(&name.as_str()) && !self.permits(&name, port) {
            return Err(refused(&name, "a document may not ask for a machine's own metadata", ""));
        }
        let address = match host {
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
            Host::Domain(_) => return Ok(()),
        };
        if self.permits(&name, port) { Ok(()) } else { self.dial(&name, address) }
    }

    /// Whether a host is allowed by its own name, wherever it leads.
    pub(crate) fn permits(&self, name: &str, port: Option<u16>) -> bool {
        match self {
            Reach::User => true,
            Reach::Document { allowed, .. } => {
                allowed.iter().any(|entry| !entry.contains('*') && matches(entry, name, port))
            }
        }
    }

    /// Whether an address may be dialled for a host.
    fn dial(&self, name: &str, address: IpAddr) -> Result<(), SupplyError> {
        match (self, near(address)) {
            (Reach::Document { .. }, Some(what)) => {
                let is_itself = name == address.to_string();
                let led = if is_itself { String::new() } else { format!(" (it leads to {address})") };
                Err(refused(name, what, &led))
            }
            _ => Ok(()),
        }
    }
}

fn refused(host: &str, reason: &str, led: &str) -> SupplyError {
    SupplyError::Refused {
        host: format!("{host}{led}"),
        reason: format!(
            "{reason}; whoever runs the mesh allows a host by name, and what the command line names itself is always allowed"
        ),
    }
}

/// What an address is near to, if that is this machine or what only it can reach.
fn near(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    // An address within an address, by which a translator on the way leads to it.
    if let IpAddr::V6(v6) = address
        && let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments()
    {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return near(IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
    }
    let is_this_network = matches!(address, IpAddr::V4(v4) if v4.octets().first() == Some(&0));
    if address.is_loopback() || address.is_unspecified() || is_this_network {
        Some("a document may not fetch from this machine itself")
    } else if METADATA_ADDRESSES.contains(&address) || is_link_local {
        Some("a document may not fetch from this machine's own link, where clouds keep credentials")
    } else if address.is_multicast() {
        Some("it is no address of one machine")
    } else {
        None
    }
}

/// A host and its port, of `HOST` or `HOST:PORT`; an IPv6 address with a port has brackets.
fn split(entry: &str) -> (String, Option<u16>) {
    if let Ok(address) = entry.parse::<SocketAddr>() {
        return (address.ip().to_string(), Some(address.port()));
    }
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (bare(host), Some(port)),
            Err(_) => (bare(entry), None),
        },
        _ => (bare(entry), None),
    }
}

/// A host without brackets and without the dot that ends it.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

/// Whether an entry of a list means a host. Also of the list of hosts that are asked in plain HTTP.
pub(crate) fn matches(entry: &str, name: &str, port: Option<u16>) -> bool {
    if entry == "*" {
        return true;
    }
    let (host, wanted) = split(entry);
    let is_host = match host.strip_prefix("*.") {
        Some(domain) => name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => host == bare(name),
    };
    is_host && wanted.is_none_or(|wanted| port == Some(wanted))
}

/// Looks names up as the machine does, and leaves out what may not be dialled.
pub(crate) struct Resolver {
    pub reach: Arc<Reach>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.reach);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let mut good: Vec<SocketAddr> = Vec::new();
            let mut bad = None;
            for address in found {
                match reach.dial(&host, address.ip()) {
                    Ok(()) => good.push(address),
                    Err(error) => bad = Some(error),
                }
            }
            match bad {
                // Of a name that leads to both, none is believed.
                Some(error) => Err(Box::new(error) as Box<dyn std::error::Error + Send + Sync>),
                None => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(allowed: &[&str], denied: &[&str]) -> Reach {
        let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect();
        Reach::Document { allowed: list(allowed), denied: list(denied) }
    }

    fn may(reach: &Reach, url: &str) -> bool {
        reach.check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn documents_reach_no_machine_that_only_this_one_can() {
        let any = document(&[], &[]);
        for url in [
            "http://127.0.0.1/a",
            "http://127.8.0.1:9/a",
            "http://[::1]/a",
            "http://0.0.0.0/a",
            "http://0.1.2.3/a",
            "http://169.254.169.254/latest",
            "http://[fe80::1]/a",
            "http://[::ffff:127.0.0.1]/a",
            "http://[64:ff9b::7f00:1]/a",
            "http://2130706433/a",
            "http://168.63.129.16/a",
            "http://metadata.google.internal/a",
            "http://224.0.0.1/a",
        ] {
            assert!(!may(&any, url), "{url}");
            assert!(may(&Reach::User, url), "{url}");
        }
        for url in ["https://ghcr.io/a", "http://10.1.2.3/a", "http://93.184.216.34/a"] {
            assert!(may(&any, url), "{url}");
        }
    }

    #[test]
    fn lists_are_of_hosts_ports_and_domains() {
        let some =
            document(&["ghcr.io", "*.example.com", "localhost:5000", "127.0.0.1:5001"], &["bad.example.com"]);
        for (url, expected) in [
            ("https://ghcr.io/a", true),
            ("https://GHCR.io./a", true),
            ("https://evil-ghcr.io/a", false),
            ("https://a.example.com/a", true),
            ("https://a.b.example.com/a", true),
            ("https://example.com/a", false),
            ("https://bad.example.com/a", false),
            ("http://localhost:5000/a", true),
            ("http://localhost:5001/a", false),
            ("http://127.0.0.1:5001/a", true),
            ("http://127.0.0.1:5000/a", false),
        ] {
            assert_eq!(may(&some, url), expected, "{url}");
        }
        // One port of a host is no other port of it, whatever else is allowed.
        let one = document(&["localhost:5000", "*"], &[]);
        assert!(one.permits("localhost", Some(5000)) && !one.permits("localhost", Some(5001)));
        // A pattern allows no machine that is near.
        assert!(!may(&document(&["*"], &[]), "http://127.0.0.1/a"));
        assert!(may(&document(&["[::1]:80"], &[]), "http://[::1]/a"));
    }

    #[tokio::test]
    async fn a_name_is_judged_by_where_it_leads() {
        let resolve = async |reach: Reach| {
            let resolver = Resolver { reach: Arc::new(reach) };
            let name = "localhost".parse().unwrap();
            resolver.resolve(name).await.map(|found| found.count()).map_err(|error| error.to_string())
        };
        assert!(resolve(document(&[], &[])).await.unwrap_err().contains("this machine itself"));
        assert!(resolve(Reach::User).await.unwrap() > 0);
    }
}
