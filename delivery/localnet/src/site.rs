//! Where everything of a mesh is: a run on loopback is one site, a set of containers another. Plain values.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use burgee_overlay::LogFiles;

use crate::mesh::Carried;

/// The directory of the extension configurations in a proxy's directory.
pub const EXTENSIONS_DIRECTORY: &str = "extensions";
/// The directory of the access logs in a proxy's directory, on loopback.
pub const LOGS_DIRECTORY: &str = "logs";

/// The directory of the certificates in a proxy's directory, on loopback.
pub const CERTIFICATES_DIRECTORY: &str = "certificates";
/// The file of a proxy's own certificate in that directory.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// The file of its key.
pub const KEY_FILE: &str = "key.pem";
/// The file of whoever signs certificates in the mesh.
pub const AUTHORITY_FILE: &str = "authority.pem";

/// The file that an Envoy writes its own log to.
pub const ENVOY_LOG: &str = "envoy.log";

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// An IP address or a name.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// An address.
    pub fn new(host: impl Into<String>, port: u16) -> Address {
        Address { host: host.into(), port }
    }

    /// A port of 127.0.0.1.
    pub fn loopback(port: u16) -> Address {
        Address::new("127.0.0.1", port)
    }

    /// Whether the host is an IP address; a name takes DNS.
    pub fn is_ip(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::new(address.ip().to_string(), address.port())
    }
}

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSite {
    /// Where its Envoy opens it: an IP address.
    pub bind: Address,
    /// Where those who use it find it: other proxies an inbound one, the app beside it an outbound one, clients from
    /// outside a gateway's.
    pub reach: Address,
}

/// Where one proxy and what is beside it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySite {
    /// The directory of its files, as the proxy sees it: `lds.json`, `cds.json` and [`EXTENSIONS_DIRECTORY`] are there.
    pub directory: String,
    /// Where its admin page is; port 0 for any that is free.
    pub admin: Address,
    /// Where its app is, as the proxy reaches it; absent at gateways.
    pub app: Option<Address>,
    /// Where its app takes bytes without HTTP, likewise; absent where it takes none.
    pub app_tcp: Option<Address>,
    /// The directory of its certificates, as the proxy sees it, with [`CERTIFICATE_FILE`], [`KEY_FILE`] and
    /// [`AUTHORITY_FILE`]; absent: it has none, and everything is in plain text.
    pub certificates: Option<String>,
    /// Which files it logs to.
    pub log_files: LogFiles,
    /// What its calls to collectors say of who calls; absent: nothing. See [`burgee_overlay::REPORTER_METADATA`].
    pub reporter: Option<String>,
}

impl ProxySite {
    /// A file of the proxy's directory, as the proxy sees it.
    pub fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.directory.trim_end_matches('/'))
    }
}

/// Where everything of a mesh is. What is not here is left out of the proxies' configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The listeners, by workload (`namespace/name`) and the listener's name.
    pub listeners: BTreeMap<ListenerKey, ListenerSite>,
    /// The proxies, by workload.
    pub proxies: BTreeMap<String, ProxySite>,
    /// The apps without a proxy, by workload.
    pub bare: BTreeMap<String, BareSite>,
    /// What plays every collector that documents name; absent: what is sent there is lost.
    pub collector: Option<Address>,
}

/// Where an app without a proxy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareSite {
    /// Where it answers over HTTP.
    pub http: Address,
    /// Where it takes bytes without HTTP; absent: nowhere.
    pub tcp: Option<Address>,
}

impl BareSite {
    /// Where it takes what a port carries.
    pub fn of(&self, carries: Carried) -> Option<&Address> {
        match carries {
            Carried::Http1 | Carried::Http2 => Some(&self.http),
            Carried::Tcp => self.tcp.as_ref(),
        }
    }
}

/// A listener of a mesh: its workload as `namespace/name`, and its name, which is unique within an Envoy.
pub type ListenerKey = (String, String);

impl Site {
    /// A site on loopback without listeners: proxies log to files below their directories, and say who they are when
    /// they call collectors.
    pub fn loopback(collector: Option<SocketAddr>) -> Site {
        Site { collector: collector.map(Address::from), ..Site::default() }
    }

    /// Adds a proxy on loopback: its directory, and its app unless it is a gateway.
    pub fn add_loopback_proxy(&mut self, workload: &str, directory: &Path, app: Option<SocketAddr>) {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let proxy = ProxySite {
            directory: text(directory.to_owned()),
            admin: Address::loopback(0),
            app: app.map(Address::from),
            app_tcp: None,
            certificates: Some(text(directory.join(CERTIFICATES_DIRECTORY))),
            log_files: LogFiles::Below { directory: text(directory.join(LOGS_DIRECTORY)) },
            reporter: Some(workload.to_owned()),
        };
        self.proxies.insert(workload.to_owned(), proxy);
    }

    /// Adds a listener on a port of 127.0.0.1.
    pub fn add_loopback_listener(&mut self, key: ListenerKey, port: u16) {
        let address = Address::loopback(port);
        self.listeners.insert(key, ListenerSite { bind: address.clone(), reach: address });
    }

    /// Where a listener is.
    pub fn listener(&self, workload: &str, name: &str) -> Option<&ListenerSite> {
        self.listeners.get(&(workload.to_owned(), name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ip_or_a_name_and_is_written_as_such() {
        for (host, is_ip, text) in [
            ("127.0.0.1", true, "127.0.0.1:80"),
            ("::1", true, "[::1]:80"),
            ("hello-v1", false, "hello-v1:80"),
        ] {
            let address = Address::new(host, 80);
            assert_eq!((address.is_ip(), address.to_string().as_str()), (is_ip, text));
        }
    }

    #[test]
    fn a_loopback_proxy_logs_below_its_directory_and_says_who_it_is() {
        let mut site = Site::loopback(None);
        site.add_loopback_proxy("shop/app", Path::new("/run/proxy-0"), None);
        let proxy = &site.proxies["shop/app"];
        assert_eq!(proxy.log_files, LogFiles::Below { directory: "/run/proxy-0/logs".to_owned() });
        assert_eq!(proxy.reporter.as_deref(), Some("shop/app"));
    }
}
