//! A server in this process, with a base and documents of a test's own.

use std::net::SocketAddr;
use std::sync::Arc;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::{PolicySet, Workload};
use burgee_overlay::{Delivery, Identity, Module, Options, PluginModule};
use burgee_server::fleet::{Bases, Fleet, Limits};
use burgee_server::holds::Holds;
use burgee_server::in_force::InForce;
use burgee_server::resource::{Resource, Snapshot, types};
use burgee_server::upstream::Upstream;
use burgee_server::{Discovery, listen};
use bytes::Bytes;
use prost::Message as _;
use tokio::net::TcpListener;

/// The same base for everybody.
pub struct Same(pub Arc<Snapshot>);

impl Bases for Same {
    fn of(&self, _: &Workload, _: Option<&str>) -> Option<(Arc<str>, Arc<Snapshot>)> {
        Some(("same".into(), self.0.clone()))
    }
}

/// A server, which ends with the test.
pub struct Server {
    pub fleet: Arc<Fleet>,
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves this base to everybody.
    pub async fn with_base(base: Snapshot) -> Server {
        let server = Server::start(Limits::default(), None).await;
        server.rebase(base).await;
        server
    }

    /// Serves what another control plane gives.
    pub async fn over(address: SocketAddr) -> Server {
        let upstream = Upstream::new(&format!("xds://{address}")).expect("an address");
        Server::start(Limits::default(), Some(Arc::new(upstream))).await
    }

    /// Serves nothing yet.
    pub async fn start(limits: Limits, upstream: Option<Arc<Upstream>>) -> Server {
        let fleet = Arc::new(Fleet::new(limits, Holds::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let discovery = Discovery::new(fleet.clone(), upstream, "test");
        let task = tokio::spawn(listen::serve(listener, discovery, None));
        Server { fleet, address, task }
    }

    pub async fn rebase(&self, base: Snapshot) {
        self.fleet.rebase(Arc::new(Same(Arc::new(base)))).await;
    }

    /// Puts documents in force; every plugin has a module of this digest.
    pub async fn publish(&self, documents: &str, digest: char) -> burgee_server::fleet::Concerned {
        self.fleet.publish(in_force(documents, digest)).await
    }

    /// Waits until every proxy that is connected has what it should have.
    pub async fn settled(&self) {
        let settled = async {
            while self.fleet.behind() > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(super::client::PATIENCE, settled).await.expect("proxies take what they get");
    }
}

/// Documents in force; every plugin has a module of this digest.
pub fn in_force(documents: &str, digest: char) -> InForce {
    let checked = check(&[Source::new("documents.yaml", documents.to_owned())]);
    let module = |digest: char| Module {
        path: format!("/modules/{digest}.wasm"),
        sha256: digest.to_string().repeat(64),
        metrics: Vec::new(),
    };
    let plugins = checked.resources.extensions.iter();
    let plugins = plugins.map(|plugin| (plugin.key(), PluginModule::Ready(module(digest)))).collect();
    let options = Options { plugins, ..Options::new(module('0'), Delivery::Aggregated, Identity::Node) };
    InForce {
        policies: Arc::new(PolicySet::new(checked.resources)),
        options: Arc::new(options),
        texts: Arc::new([]),
    }
}

/// A snapshot of encoded resources.
pub fn snapshot(resources: &[(&str, &str, Bytes)]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (type_url, name, value) in resources {
        snapshot.insert(type_url, Arc::new(Resource::new(type_url, *name, value.clone())));
    }
    snapshot
}

/// A listener of a name with an HTTP connection manager, encoded by hand: traffic direction 1 is inbound, 2 outbound.
pub fn listener(name: &str, direction: u64) -> Bytes {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Named {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, optional, tag = "4")]
        typed_config: Option<burgee_server::wire::Any>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Chain {
        #[prost(message, repeated, tag = "3")]
        filters: Vec<Named>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Listener {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, repeated, tag = "3")]
        filter_chains: Vec<Chain>,
        #[prost(uint64, tag = "16")]
        traffic_direction: u64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Manager {
        #[prost(string, tag = "2")]
        stat_prefix: String,
        #[prost(message, repeated, tag = "5")]
        http_filters: Vec<Named>,
    }
    let any = |kind: &str, value: Vec<u8>| {
        Some(burgee_server::wire::Any {
            type_url: format!("type.googleapis.com/envoy.extensions.filters.{kind}"),
            value: value.into(),
        })
    };
    let router = Named {
        name: "envoy.filters.http.router".to_owned(),
        typed_config: any("http.router.v3.Router", Vec::new()),
    };
    let manager = Manager { stat_prefix: "test".to_owned(), http_filters: vec![router] };
    let manager = any("network.http_connection_manager.v3.HttpConnectionManager", manager.encode_to_vec());
    let filter =
        Named { name: "envoy.filters.network.http_connection_manager".to_owned(), typed_config: manager };
    let listener = Listener {
        name: name.to_owned(),
        filter_chains: vec![Chain { filters: vec![filter] }],
        traffic_direction: direction,
    };
    listener.encode_to_vec().into()
}

/// A base with an inbound and an outbound listener and a cluster.
pub fn sidecar() -> Snapshot {
    snapshot(&[
        (types::LISTENER, "inbound", listener("inbound", 1)),
        (types::LISTENER, "outbound", listener("outbound", 2)),
        (types::CLUSTER, "app", Bytes::from_static(b"\x0a\x03app")),
    ])
}

/// A plugin for workloads with the label `app` of this value.
pub fn plugin(namespace: &str, name: &str, app: &str, config: &str) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}, namespace: \
         {namespace}}}\nspec:\n  selector: {{matchLabels: {{app: {app}}}}}\n  url: oci://registry.example/x:1\n  \
         pluginConfig: {{say: {config}}}\n"
    )
}

/// What a plugin's configuration is called.
pub fn extension(namespace: &str, name: &str) -> String {
    format!("extensions.istio.io/trafficextension/{namespace}.{name}~istio-translated-wasmplugin")
}
