//! The mesh that a fleet plays: its base and its documents on disk, who each proxy is, and what changes.
//!
//! Ten proxies are of one app, which one document selects; a namespace has one document for all of it. However many proxies
//! there are, the documents are the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tempfile::TempDir;

use super::error::FleetError;

/// How many namespaces there are.
pub(crate) const NAMESPACES: u32 = 100;
/// How many proxies an app has.
const REPLICAS: u32 = 10;
/// How many clusters a proxy has, and routes to.
const CLUSTERS: u32 = 20;
/// Where the documents of the whole mesh are.
const ROOT: &str = "istio-system";

/// A mesh on disk. It is gone when this is dropped.
pub(super) struct World {
    dir: TempDir,
    documents: u32,
}

/// A change of one document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Of the mesh's, in this round.
    Mesh(u32),
    /// Of the one of an app, in this round.
    App(u32),
}

impl Change {
    /// How many of so many proxies it concerns.
    pub fn concerned(self, proxies: u32) -> u32 {
        match self {
            Change::Mesh(_) => proxies,
            Change::App(_) => proxies.min(REPLICAS),
        }
    }

    /// What it is, in messages.
    pub fn name(self) -> &'static str {
        match self {
            Change::Mesh(_) => "the change for all",
            Change::App(_) => "the change for one app",
        }
    }
}

impl World {
    /// Writes a mesh of so many documents.
    pub fn write(documents: u32) -> Result<World, FleetError> {
        let dir = TempDir::new().map_err(FleetError::io("make", "a folder"))?;
        let world = World { dir, documents };
        for folder in [world.base().join("sidecar"), world.texts(), world.state()] {
            fs::create_dir_all(&folder).map_err(FleetError::io("make", folder.display()))?;
        }
        world.put(&world.base().join("sidecar/resources.yaml"), &base())?;
        world.put(&world.texts().join("mesh.yaml"), MESH)?;
        world.put(&world.texts().join("telemetry.yaml"), &of_mesh(0))?;
        for namespace in 0..NAMESPACES {
            world.put(&world.file(namespace), &world.of_namespace(namespace, 0))?;
        }
        Ok(world)
    }

    /// The base.
    pub fn base(&self) -> PathBuf {
        self.dir.path().join("bases")
    }

    /// The documents.
    pub fn texts(&self) -> PathBuf {
        self.dir.path().join("documents")
    }

    /// Where the server keeps what is to outlive it.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The documents, of which there are none, and the state of a server that gives the base to another one.
    pub fn upstream(&self) -> Result<(PathBuf, PathBuf), FleetError> {
        let (texts, state) = (self.dir.path().join("no-documents"), self.dir.path().join("upstream-state"));
        for folder in [&texts, &state] {
            fs::create_dir_all(folder).map_err(FleetError::io("make", folder.display()))?;
        }
        Ok((texts, state))
    }

    /// Where certificates can be.
    pub fn certificates(&self) -> &std::path::Path {
        self.dir.path()
    }

    fn file(&self, namespace: u32) -> PathBuf {
        self.texts().join(format!("team-{namespace}.yaml"))
    }

    /// Saves a changed document, as editors do: a new file takes the place of the old one.
    pub fn save(&self, change: Change) -> Result<(), FleetError> {
        match change {
            Change::Mesh(round) => self.put(&self.texts().join("telemetry.yaml"), &of_mesh(round + 1)),
            Change::App(round) => self.put(&self.file(0), &self.of_namespace(0, round + 1)),
        }
    }

    fn put(&self, file: &std::path::Path, text: &str) -> Result<(), FleetError> {
        let new = self.dir.path().join("new");
        fs::write(&new, text).map_err(FleetError::io("write", new.display()))?;
        fs::rename(&new, file).map_err(FleetError::io("write", file.display()))
    }

    /// The documents of a namespace: one for all of it, the others for one app each. The first app's says something else
    /// in each edition.
    fn of_namespace(&self, namespace: u32, edition: u32) -> String {
        let count = self.documents.div_ceil(NAMESPACES).max(2);
        let mut text = String::new();
        for number in 0..count {
            if let Some(app) = number.checked_sub(1) {
                let code = if app == 0 { 400 + edition % 100 } else { 500 };
                let _ = write!(
                    text,
                    "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: app-{app}, namespace: team-{namespace}}}\n\
                     spec:\n  selector: {{matchLabels: {{app: app-{app}}}}}\n  accessLogging:\n  - providers: [{{name: lines}}]\n    \
                     filter: {{expression: response.code >= {code}}}\n---\n"
                );
                continue;
            }
            let _ = write!(
                text,
                "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: all, namespace: team-{namespace}}}\n\
                 spec:\n  metrics:\n  - overrides:\n    - match: {{metric: REQUEST_SIZE}}\n      disabled: true\n---\n"
            );
        }
        text
    }
}

const MESH: &str = r#"rootNamespace: istio-system
defaultProviders: {metrics: [prometheus], accessLogging: [lines]}
extensionProviders:
- {name: lines, envoyFileAccessLog: {path: /dev/stdout}}
- {name: spans, opentelemetry: {service: collector.observability.internal, port: 4317}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: collector, namespace: observability}
spec: {hosts: [collector.observability.internal], ports: [{number: 4317, name: grpc, protocol: GRPC}], resolution: DNS}
"#;

/// The document of the mesh. It says something else in each edition.
fn of_mesh(edition: u32) -> String {
    format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: mesh, namespace: {ROOT}}}\nspec:\n  \
         metrics:\n  - providers: [{{name: prometheus}}]\n  tracing:\n  - providers: [{{name: spans}}]\n    \
         randomSamplingPercentage: {}\n",
        1 + edition % 99
    )
}

const TYPE: &str = "type.googleapis.com/envoy";

/// The base of every proxy: a listener for what comes to its app, two for what the app sends, and their clusters.
fn base() -> String {
    let mut text = "resources:\n".to_owned();
    for (name, port, direction) in
        [("inbound", 15006, "INBOUND"), ("outbound_80", 80, "OUTBOUND"), ("outbound_8080", 8080, "OUTBOUND")]
    {
        let routes = if direction == "INBOUND" { 1 } else { CLUSTERS };
        let _ = write!(
            text,
            "- '@type': {TYPE}.config.listener.v3.Listener\n  name: {name}\n  traffic_direction: {direction}\n  \
             address: {{socket_address: {{address: 0.0.0.0, port_value: {port}}}}}\n  filter_chains:\n  - filters:\n    \
             - name: envoy.filters.network.http_connection_manager\n      typed_config:\n        \
             '@type': {TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n        \
             stat_prefix: {name}\n        http_filters:\n        - name: envoy.filters.http.router\n          \
             typed_config: {{'@type': {TYPE}.extensions.filters.http.router.v3.Router}}\n        \
             route_config:\n          name: {name}\n          virtual_hosts:\n"
        );
        for service in 0..routes {
            let _ = write!(
                text,
                "          - name: service-{service}\n            domains: [service-{service}.shop.internal, 'service-{service}.shop.internal:{port}']\n            \
                 routes: [{{match: {{prefix: /}}, route: {{cluster: 'outbound|80||service-{service}.shop.internal', timeout: 15s}}}}]\n"
            );
        }
    }
    for service in 0..CLUSTERS {
        let name = format!("outbound|80||service-{service}.shop.internal");
        let _ = write!(
            text,
            "- '@type': {TYPE}.config.cluster.v3.Cluster\n  name: {name}\n  type: STATIC\n  connect_timeout: 2s\n  \
             load_assignment: {{cluster_name: '{name}', endpoints: [{{lb_endpoints: [{{endpoint: {{address: \
             {{socket_address: {{address: 10.0.0.{service}, port_value: 80}}}}}}}}]}}]}}\n"
        );
    }
    text
}

/// The namespace of a proxy, its app, and which of the app's it is.
fn place(number: u32) -> (String, String, u32) {
    let app = number / REPLICAS;
    (format!("team-{}", app % NAMESPACES), format!("app-{}", app / NAMESPACES), number % REPLICAS)
}

/// The identity of a proxy's app.
pub(super) fn identity(number: u32) -> String {
    let (namespace, app, _) = place(number);
    format!("spiffe://cluster.local/ns/{namespace}/sa/{app}")
}

/// `envoy.config.core.v3.Node`, as far as a proxy says who it is.
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    cluster: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<Struct>,
    #[prost(string, tag = "6")]
    agent: String,
    #[prost(message, optional, tag = "8")]
    build: Option<Build>,
}

/// `envoy.config.core.v3.BuildVersion`.
#[derive(Clone, PartialEq, Message)]
struct Build {
    #[prost(message, optional, tag = "1")]
    version: Option<Semantic>,
}

/// `envoy.type.v3.SemanticVersion`.
#[derive(Clone, PartialEq, Message)]
struct Semantic {
    #[prost(uint32, tag = "1")]
    major: u32,
    #[prost(uint32, tag = "2")]
    minor: u32,
}

/// Who a proxy is, encoded as it says it, in Istio's layout.
pub(super) fn node(number: u32) -> Bytes {
    let (namespace, app, replica) = place(number);
    let pod = format!("{app}-{number:08x}");
    let address = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
    let text = |text: String| Value { kind: Some(Kind::StringValue(text)) };
    let labels = [
        ("app", app.clone()),
        ("version", "v1".to_owned()),
        ("pod-template-hash", format!("{number:08x}")),
        ("service.istio.io/canonical-name", app.clone()),
        ("service.istio.io/canonical-revision", "v1".to_owned()),
        ("zone", format!("zone-{}", replica % 3)),
    ];
    let labels: BTreeMap<String, Value> =
        labels.into_iter().map(|(key, value)| (key.to_owned(), text(value))).collect();
    let mut fields: BTreeMap<String, Value> = [
        ("NAME", pod.clone()),
        ("NAMESPACE", namespace.clone()),
        ("WORKLOAD_NAME", app.clone()),
        ("OWNER", format!("kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{app}")),
        ("CLUSTER_ID", "Kubernetes".to_owned()),
        ("MESH_ID", "cluster.local".to_owned()),
        ("INSTANCE_IPS", address.clone()),
        ("SERVICE_ACCOUNT", app.clone()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), text(value)))
    .collect();
    fields.insert("LABELS".to_owned(), Value { kind: Some(Kind::StructValue(Struct { fields: labels })) });
    let node = Node {
        id: format!("sidecar~{address}~{pod}.{namespace}~{namespace}.svc.cluster.local"),
        cluster: format!("{app}.{namespace}"),
        metadata: Some(Struct { fields }),
        agent: "envoy".to_owned(),
        build: Some(Build { version: Some(Semantic { major: 1, minor: 40 }) }),
    };
    node.encode_to_vec().into()
}

#[cfg(test)]
pub(super) mod tests {
    use burgee_api::Severity;
    use burgee_api::check::check;
    use burgee_api::document::Source;
    use burgee_api::resolve::{PolicySet, Workload};
    use burgee_server::base::Classes;
    use burgee_server::node::Node;

    use super::*;

    /// The policies of the documents as they are.
    pub(crate) fn policies(world: &World) -> PolicySet {
        let mut sources = Vec::new();
        for entry in fs::read_dir(world.texts()).expect("documents") {
            let file = entry.expect("a file").path();
            let text = fs::read_to_string(&file).expect("a text");
            sources.push(Source::new(file.display().to_string(), text));
        }
        sources.sort_by(|one, other| one.name.cmp(&other.name));
        let checked = check(&sources);
        let worst = checked.problems.iter().find(|problem| problem.severity == Severity::Error);
        assert!(worst.is_none(), "{worst:#?}");
        PolicySet::new(checked.resources)
    }

    #[test]
    fn the_base_is_good_and_a_change_concerns_as_many_proxies_as_it_says() {
        let world = World::write(300).expect("a mesh");
        let (classes, problems) = Classes::load(&world.base());
        assert_eq!(problems, []);
        let proxies = 60;
        let workloads: Vec<_> =
            (0..proxies).map(|number| Node::read(Some(&node(number))).expect("a node").workload).collect();
        assert!(workloads.iter().all(|workload| classes.of(workload, None).is_some()));
        for change in [Change::Mesh(0), Change::App(0), Change::App(1)] {
            let before = policies(&world);
            world.save(change).expect("a change");
            let after = policies(&world);
            let differs = |workload: &Workload| before.resolve(workload) != after.resolve(workload);
            let count = workloads.iter().filter(|workload| differs(workload)).count();
            assert_eq!(count, change.concerned(proxies) as usize, "{change:?}");
        }
    }
}
