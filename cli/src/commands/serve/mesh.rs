//! The mesh on loopback as a base: the apps and Envoys that documents describe, each Envoy with everything from this server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use burgee_api::Problem;
use burgee_api::document::Source;
use burgee_api::problem::{Severity, worst};
use burgee_api::resolve::Workload;
use burgee_api::resources::Resources;
use burgee_filter_config::LocalWorkload;
use burgee_localnet::{Localnet, Modules, Options, ServedBase};
use burgee_overlay::{EnvoyVersion, Module, PluginModule};
use burgee_server::base::{Audience, Classes, GivenClass};
use burgee_server::bootstrap::{self, Wanted, bootstrap};
use burgee_server::in_force::InForce;
use burgee_server::resource::Known;
use burgee_server::subscription::Flavour;

use crate::commands::{failure, up};
use crate::progress::Steps;
use crate::{Failure, report};

/// A mesh that runs.
pub(super) struct Mesh {
    localnet: Localnet,
    options: Options,
    envoy: EnvoyVersion,
}

impl Mesh {
    /// Starts everything but the Envoys.
    pub async fn start(resources: &Resources, texts: &[Source], telemetry: &Module) -> Result<Mesh, Failure> {
        let planned = burgee_localnet::plan_problems(resources);
        if worst(&planned) == Some(Severity::Error) {
            report::print_aside(&planned, texts);
            return Err(Failure::new(
                "the documents describe no mesh that can run on loopback",
                "mend what is told above; `burgee up` runs the same meshes",
            ));
        }
        let steps = Steps::new();
        let found = burgee_localnet::envoy::find(&steps).await.map_err(failure)?;
        let envoy = found.version.parse().map_err(|why: String| {
            Failure::new(format!("{}: {why}", found.path.display()), "name another Envoy with ENVOY_BIN")
        })?;
        let options = Options { stub: up::stub()?, ..Options::new(found) };
        let modules = Modules { telemetry: telemetry.clone(), plugins: BTreeMap::new() };
        let started = Localnet::start_served(resources, &modules, &options).await;
        steps.clear();
        Ok(Mesh { localnet: started.map_err(failure)?, options, envoy })
    }

    /// Who is at which address, of those who say nothing of themselves.
    pub fn index(&self) -> BTreeMap<String, LocalWorkload> {
        self.localnet.index()
    }

    /// What each proxy gets before policies.
    pub fn classes(&mut self, in_force: &InForce) -> (Classes, Vec<Problem>) {
        let bases = self.localnet.bases(&in_force.policies);
        Classes::given(&bases.into_iter().map(class).collect::<Vec<_>>())
    }

    /// Starts the Envoys, whose server listens at this address, and waits until all serve.
    pub async fn start_proxies(&mut self, in_force: &InForce, server: SocketAddr) -> Result<(), Failure> {
        let steps = Steps::new();
        steps.step("Starting Envoys");
        let modules = modules(in_force);
        let policies = in_force.policies.clone();
        let ready: Vec<Module> = modules.plugins.values().filter_map(ready).cloned().collect();
        let envoy = self.envoy;
        let text = |workload: &Workload, labels: &_| {
            let wanted = Wanted {
                workload: workload.clone(),
                service_cluster: policies.service_cluster(workload),
                address: Ipv4Addr::LOCALHOST.into(),
                class: None,
                server: bootstrap::Server {
                    host: from_here(server.ip()).to_string(),
                    port: server.port(),
                    tls: None,
                },
                flavour: Flavour::Incremental,
                admin_port: 0,
                labels: BTreeSet::clone(labels),
                modules: ready.clone(),
                envoy,
            };
            bootstrap(&wanted).0.to_json()
        };
        let started = self.localnet.start_proxies(&policies, &modules, &self.options, text).await;
        steps.clear();
        started.map_err(failure)
    }

    /// Takes what changed documents say of what runs.
    pub fn take(&mut self, resources: &Resources, in_force: &InForce) {
        self.localnet.take_served(resources, &in_force.policies, &modules(in_force));
    }

    /// What is wrong with what runs.
    pub fn problems(&self) -> Vec<Problem> {
        self.localnet.problems()
    }

    /// What runs, and where requests can be sent to it.
    pub fn described(&self) -> String {
        let mut out = String::new();
        for proxy in self.localnet.proxies() {
            let _ = writeln!(
                out,
                "{}: Envoy {}, admin page at http://{}",
                proxy.workload, proxy.envoy_version, proxy.admin
            );
        }
        for target in self.localnet.targets() {
            let _ = writeln!(out, "try it: {}", up::command(&target));
        }
        out.trim_end().to_owned()
    }

    /// Ends everything.
    pub async fn stop(self) {
        self.localnet.stop().await;
    }
}

/// Where a server that listens at an address is found on the same machine.
fn from_here(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(at) if at.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(at) if at.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

fn class(base: ServedBase) -> GivenClass {
    let ServedBase { workload, clusters, listeners, ports, log_files, reporter } = base;
    let shown = |what: &str| format!("the mesh on loopback, {what} of {workload}");
    GivenClass {
        name: workload.to_string(),
        texts: vec![(shown("clusters"), clusters), (shown("listeners"), listeners)],
        known: Known { ports, log_files, reporter },
        audience: Audience {
            is_named: false,
            kind: Some(workload.kind),
            namespace: Some(workload.namespace),
            workload: Some(workload.name),
            ..Audience::default()
        },
    }
}

fn modules(in_force: &InForce) -> Modules {
    let options = &in_force.options;
    Modules { telemetry: options.module.clone(), plugins: options.plugins.clone() }
}

fn ready(module: &PluginModule) -> Option<&Module> {
    match module {
        PluginModule::Ready(module) => Some(module),
        PluginModule::Missing(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_found_on_loopback() {
        for (listens, found) in
            [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1"), ("10.0.0.1", "10.0.0.1")]
        {
            let address = listens.parse().expect("an address");
            assert_eq!(from_here(address).to_string(), found);
        }
    }
}
