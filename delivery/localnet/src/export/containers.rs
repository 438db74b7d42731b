//! What runs in which container, and where it listens there. Pure.
//!
//! An app and its sidecar share a network, as in a pod: the app's container has it, the sidecar joins. Ports follow
//! from those of the documents, so that a change of one document moves no other's.

use std::collections::BTreeSet;

use burgee_api::resolve::ListenerClass;
use burgee_api::resources::workload_entry::Call;
use burgee_overlay::LogFiles;

use super::names::{Names, proxy_of};
use crate::base::{self, ListenerOf, listener_name};
use crate::mesh::{self, Carried, GatewayProxy, Mesh, SidecarProxy};
use crate::site::{Address, BareSite, ListenerKey, ListenerSite, ProxySite, Site};

/// The folder of the proxies' files, a folder each.
pub(super) const CONFIG_DIRECTORY: &str = "config";
/// Where a proxy's container has its own folder of that.
pub(super) const CONFIG: &str = "/etc/burgee/config";
/// Where containers have the modules.
pub(super) const MODULES: &str = "/etc/burgee/modules";
/// Where containers have our program.
pub(super) const PROGRAMS: &str = "/opt/burgee";
/// Where a proxy logs to when the documents name a file that a container has no place for.
pub(super) const LOGS: &str = "/var/log/burgee";
/// Where every proxy has its admin page.
pub(super) const ADMIN_PORT: u16 = 9901;
/// Where every app listens, for its sidecar alone.
pub(super) const APP_PORT: u16 = 9900;
/// Where every app takes bytes without HTTP that is called so.
pub(super) const APP_TCP_PORT: u16 = 9899;
/// Where the receiver listens.
pub(super) const RECEIVER_PORT: u16 = 4317;
/// The host's port of the first gateway's first listener; the others follow.
const FIRST_PUBLISHED: u16 = 8080;
/// What is added to a port of the documents for what clients and other proxies reach.
const INWARD: u16 = 10_000;
/// What is added to a port of the documents for what an app calls.
const OUTWARD: u16 = 20_000;
/// Where ports begin that have no room for an addition. Below those that systems give to clients.
const OTHERS: u16 = 30_000;

/// The containers of a mesh.
#[derive(Debug)]
pub(super) struct Containers {
    pub(super) gateways: Vec<GatewayContainer>,
    pub(super) apps: Vec<AppContainers>,
    pub(super) bare: Vec<BareContainer>,
    /// Where everything is.
    pub(super) site: Site,
}

/// The container of a gateway.
#[derive(Debug)]
pub(super) struct GatewayContainer {
    pub(super) name: String,
    pub(super) workload: String,
    pub(super) published: Vec<Published>,
}

/// A listener that the host has a port for.
#[derive(Debug)]
pub(super) struct Published {
    /// The variable that gives the host another port.
    pub(super) variable: String,
    /// The host's port.
    pub(super) port: u16,
    /// The container's.
    pub(super) inside: u16,
    /// The hosts that the listener answers for.
    pub(super) hosts: Vec<String>,
}

/// The containers of an app and its sidecar.
#[derive(Debug)]
pub(super) struct AppContainers {
    pub(super) app: String,
    pub(super) proxy: String,
    pub(super) workload: String,
    /// Whether the app is called without HTTP.
    pub(super) takes_tcp: bool,
    /// What the app calls, and where it connects for it.
    pub(super) calls: Vec<(String, Address)>,
}

/// The container of an app without a sidecar.
#[derive(Debug)]
pub(super) struct BareContainer {
    pub(super) name: String,
    pub(super) workload: String,
    /// What the app calls, and where it connects for it.
    pub(super) calls: Vec<(String, Address)>,
}

impl Containers {
    /// The containers of a mesh.
    pub(super) fn of(mesh: &Mesh) -> Containers {
        let mut names = Names::new();
        let mut containers =
            Containers { gateways: Vec::new(), apps: Vec::new(), bare: Vec::new(), site: Site::default() };
        containers.site.collector = Some(Address::new(super::names::RECEIVER, RECEIVER_PORT));
        for gateway in &mesh.gateways {
            let name = names.give(&gateway.workload.namespace, &gateway.workload.name);
            containers.add_gateway(mesh, gateway, name);
        }
        for sidecar in &mesh.sidecars {
            let name = names.give(&sidecar.workload.namespace, &sidecar.workload.name);
            containers.add_sidecar(mesh, sidecar, name);
        }
        for bare in &mesh.bare {
            let name = names.give(&bare.workload.namespace, &bare.workload.name);
            let site = BareSite {
                http: Address::new(&name, APP_PORT),
                tcp: Some(Address::new(&name, APP_TCP_PORT)),
            };
            let workload = bare.workload.to_string();
            containers.site.bare.insert(workload.clone(), site);
            containers.bare.push(BareContainer { name, workload, calls: Vec::new() });
        }
        // Each may call any other, so everybody has a place by now.
        for (container, bare) in containers.bare.iter_mut().zip(&mesh.bare) {
            let site = &containers.site;
            let calls = bare.calls.iter().filter_map(|(call, (called, port))| {
                let inbound = listener_name(ListenerClass::Inbound, *port);
                let direct = || {
                    let bare = site.bare.get(called)?;
                    if call.scheme.is_http() { Some(&bare.http) } else { bare.tcp.as_ref() }
                };
                let at = site.listener(called, &inbound).map(|at| &at.reach).or_else(direct)?;
                Some((call.to_string(), at.clone()))
            });
            container.calls = calls.collect();
        }
        containers
    }

    /// The folder of a workload's proxy in [`CONFIG_DIRECTORY`]: named as the proxy's container.
    pub(super) fn folder(&self, workload: &str) -> Option<&str> {
        let gateways = self.gateways.iter().map(|gateway| (&gateway.workload, &gateway.name));
        let sidecars = self.apps.iter().map(|app| (&app.workload, &app.proxy));
        gateways.chain(sidecars).find(|(of, _)| *of == workload).map(|(_, name)| name.as_str())
    }

    fn add_gateway(&mut self, mesh: &Mesh, gateway: &GatewayProxy, name: String) {
        let workload = gateway.workload.to_string();
        let listeners = base::listeners_of(mesh, &gateway.workload);
        self.add_proxy(&workload, &name, (None, None), &listeners);
        let mut published = Vec::new();
        for listener in &gateway.listeners {
            let key = listener_name(ListenerClass::Gateway, listener.port);
            let Some(at) = self.site.listener(&workload, &key) else { continue };
            let before = self.gateways.iter().map(|gateway| gateway.published.len()).sum::<usize>();
            let number = before + published.len();
            let variable = match number {
                0 => "GATEWAY_PORT".to_owned(),
                _ => format!("GATEWAY_PORT_{}", number + 1),
            };
            let port = FIRST_PUBLISHED.saturating_add(u16::try_from(number).unwrap_or(u16::MAX));
            let hosts = listener.routes.iter().map(|route| route.host.clone()).collect();
            published.push(Published { variable, port, inside: at.bind.port, hosts });
        }
        self.gateways.push(GatewayContainer { name, workload, published });
    }

    fn add_sidecar(&mut self, mesh: &Mesh, sidecar: &SidecarProxy, name: String) {
        let workload = sidecar.workload.to_string();
        let listeners = base::listeners_of(mesh, &sidecar.workload);
        let takes_tcp = sidecar.listeners.iter().any(|listener| listener.carries() == Carried::Tcp);
        let app = Address::loopback(APP_PORT);
        let tcp = takes_tcp.then(|| Address::loopback(APP_TCP_PORT));
        self.add_proxy(&workload, &name, (Some(app), tcp), &listeners);
        let reached = |call: &Call| {
            let listener = mesh::way_out(call, &sidecar.outbound)?;
            let listener = base::routing_listener_name(ListenerClass::Outbound, listener);
            Some((call.to_string(), self.site.listener(&workload, &listener)?.reach.clone()))
        };
        let calls = sidecar.calls.iter().filter_map(reached).collect();
        self.apps.push(AppContainers { proxy: proxy_of(&name), app: name, workload, takes_tcp, calls });
    }

    /// Adds a proxy whose container, or that of its app, has this host name.
    fn add_proxy(
        &mut self,
        workload: &str,
        host: &str,
        (app, app_tcp): (Option<Address>, Option<Address>),
        listeners: &[ListenerOf],
    ) {
        let proxy = ProxySite {
            directory: CONFIG.to_owned(),
            admin: Address::new("0.0.0.0", ADMIN_PORT),
            app,
            app_tcp,
            // Nobody hands out certificates there.
            certificates: None,
            log_files: LogFiles::AsWritten,
            reporter: Some(workload.to_owned()),
        };
        self.site.proxies.insert(workload.to_owned(), proxy);
        self.site.listeners.extend(ports(listeners).into_iter().map(|(listener, port)| {
            let (bind, reach) = match listener.class {
                ListenerClass::Gateway | ListenerClass::Inbound => ("0.0.0.0", host),
                // Only the app beside it calls through it.
                ListenerClass::Outbound => ("127.0.0.1", "127.0.0.1"),
            };
            let key: ListenerKey = (workload.to_owned(), listener.name);
            (key, ListenerSite { bind: Address::new(bind, port), reach: Address::new(reach, port) })
        }));
    }
}

/// The container's port of each listener.
fn ports(listeners: &[ListenerOf]) -> Vec<(ListenerOf, u16)> {
    let mut others = OTHERS..=u16::MAX;
    let mut given = BTreeSet::new();
    let mut port_of = |listener: &ListenerOf| {
        let base = match listener.class {
            ListenerClass::Gateway | ListenerClass::Inbound => INWARD,
            ListenerClass::Outbound => OUTWARD,
        };
        // Listeners for connections share a port of the documents.
        let own = (listener.port < INWARD).then(|| base + listener.port).filter(|port| given.insert(*port));
        // No container has tens of thousands of listeners.
        (listener.clone(), own.or_else(|| others.next()).unwrap_or(u16::MAX))
    };
    listeners.iter().map(&mut port_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_from_the_documents_and_are_never_given_twice() {
        use ListenerClass::{Inbound, Outbound};
        let listeners =
            [(Inbound, 80), (Inbound, 65_535), (Inbound, 9_999), (Outbound, 80), (Outbound, 20_080)];
        let listeners = listeners.map(|(class, port)| (class, port, listener_name(class, port)));
        let mut listeners: Vec<_> =
            listeners.into_iter().map(|(class, port, name)| ListenerOf { class, port, name }).collect();
        listeners.push(ListenerOf { name: "outbound_80_database.shop".to_owned(), ..listeners[3].clone() });
        let given = ports(&listeners);
        assert_eq!((given[0].1, given[3].1), (10_080, 20_080));
        let numbers: BTreeSet<u16> = given.iter().map(|(_, port)| *port).collect();
        assert_eq!(numbers.len(), listeners.len(), "{given:?}");
        assert!(!numbers.contains(&APP_PORT) && !numbers.contains(&ADMIN_PORT), "{given:?}");
    }
}
