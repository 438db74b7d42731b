//! A made-up mesh of any size: its documents as text, and what the one who made them knows of them.
//!
//! The same seed makes the same mesh. However large it is, the same number of documents is for each workload: the one of
//! the mesh, the one of its namespace, and those that select it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use burgee_api::document::Source;

/// The namespace of documents for the whole mesh.
pub(crate) const ROOT: &str = "istio-system";

/// How documents are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// Ten in each namespace: the larger the mesh, the more namespaces.
    Spread,
    /// All of them in ten namespaces: the larger the mesh, the more in each.
    Dense,
}

/// Of which size a mesh is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Size {
    /// How many Telemetries there are, and how many workloads.
    pub documents: u32,
    /// How many namespaces they are in.
    pub namespaces: u32,
    /// How they are distributed.
    pub shape: Shape,
}

impl Size {
    pub fn new(documents: u32, shape: Shape) -> Size {
        let namespaces = match shape {
            Shape::Spread => documents / 10,
            Shape::Dense => 10.min(documents / 10),
        };
        Size { documents, namespaces, shape }
    }

    /// How many Telemetries, and how many workloads, a namespace has. The first namespaces have one more where they
    /// cannot all have the same.
    fn in_namespace(&self, namespace: u32) -> u32 {
        self.documents / self.namespaces + u32::from(namespace < self.documents % self.namespaces)
    }
}

/// Whom a Telemetry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Workloads with labels.
    Labels,
    /// The workload that serves a gateway.
    Target,
    /// A namespace.
    Namespace,
    /// Everything.
    Mesh,
}

impl Scope {
    pub const ALL: [Scope; 4] = [Scope::Labels, Scope::Target, Scope::Namespace, Scope::Mesh];
}

/// A Telemetry that was made.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub scope: Scope,
    pub namespace: String,
    name: String,
    /// The labels that it wants.
    labels: BTreeMap<&'static str, String>,
    says: String,
}

impl Written {
    /// The document.
    pub fn text(&self) -> String {
        let Written { scope, namespace, name, labels, says } = self;
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}: \"{value}\"")).collect();
        let whom = match scope {
            Scope::Labels => format!("  selector: {{matchLabels: {{{}}}}}\n", labels.join(", ")),
            Scope::Target => {
                "  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: entry}]\n".to_owned()
            }
            Scope::Namespace | Scope::Mesh => String::new(),
        };
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec:\n{whom}{says}"
        )
    }

    /// The same document, saying something else.
    pub fn changed(&self) -> Written {
        let says = "  tracing:\n  - randomSamplingPercentage: 99.5\n".to_owned();
        Written { says, ..self.clone() }
    }

    /// Whether it is for a workload, by the rules as they are written.
    fn is_for(&self, workload: &Member) -> bool {
        match self.scope {
            Scope::Mesh => true,
            _ if self.namespace != workload.namespace => false,
            Scope::Namespace => true,
            Scope::Target => workload.is_gateway,
            Scope::Labels => self.labels.iter().all(|(name, value)| workload.labels.get(name) == Some(value)),
        }
    }
}

/// A workload that was made.
struct Member {
    namespace: String,
    name: String,
    labels: BTreeMap<&'static str, String>,
    is_gateway: bool,
}

/// A mesh that was made.
pub(crate) struct World {
    pub size: Size,
    pub telemetries: Vec<Written>,
    workloads: Vec<Member>,
}

impl World {
    pub fn new(size: Size, seed: u64) -> World {
        let mut numbers = Numbers(seed);
        let mut world = World { size, telemetries: vec![of_mesh()], workloads: Vec::new() };
        for namespace in 0..size.namespaces {
            let name = format!("team-{namespace}");
            let count = size.in_namespace(namespace);
            world.workloads.extend((0..count).map(|number| member(&name, number, &mut numbers)));
            // The mesh has one of the first namespace's.
            let first = u32::from(namespace == 0);
            world
                .telemetries
                .extend((first..count).map(|number| telemetry(&name, number - first, &mut numbers)));
        }
        world
    }

    /// How many workloads a Telemetry is for.
    pub fn selected_by(&self, telemetry: &Written) -> usize {
        self.workloads.iter().filter(|workload| telemetry.is_for(workload)).count()
    }

    /// Every document, in files as people have them: one for the mesh, two for each namespace.
    pub fn sources(&self) -> Vec<Source> {
        let mut policies: BTreeMap<&str, String> = BTreeMap::new();
        let mut workloads: BTreeMap<&str, String> = BTreeMap::new();
        for telemetry in &self.telemetries {
            *policies.entry(&telemetry.namespace).or_default() += &format!("{}---\n", telemetry.text());
        }
        for workload in &self.workloads {
            *workloads.entry(&workload.namespace).or_default() += &workload.text();
        }
        let file =
            |(namespace, text): (&str, String), what| Source::new(format!("{namespace}/{what}.yaml"), text);
        let mut sources = vec![Source::new("mesh.yaml", MESH)];
        sources.extend(policies.into_iter().map(|it| file(it, "telemetry")));
        sources.extend(workloads.into_iter().map(|it| file(it, "workloads")));
        sources
    }
}

impl Member {
    /// The document, and that of the gateway which it serves.
    fn text(&self) -> String {
        let Member { namespace, name, labels, is_gateway } = self;
        let mut text = String::new();
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}: \"{value}\"")).collect();
        let _ = write!(
            text,
            "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {{labels: {{{}}}, serviceAccount: {name}}}\n---\n",
            labels.join(", ")
        );
        if *is_gateway {
            let _ = write!(
                text,
                "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
                 metadata: {{name: entry, namespace: {namespace}}}\nspec: {{gatewayClassName: istio}}\n---\n"
            );
        }
        text
    }
}

const MESH: &str = r#"rootNamespace: istio-system
defaultProviders: {metrics: [prometheus], accessLogging: [lines]}
extensionProviders:
- {name: lines, envoyFileAccessLog: {path: /dev/stdout, logFormat: {labels: {code: "%RESPONSE_CODE%", path: "%REQ(:PATH)%"}}}}
- {name: logs, envoyOtelAls: {service: collector.observability.internal, port: 4317}}
- {name: spans, opentelemetry: {service: collector.observability.internal, port: 4317}}
- {name: zipkin, zipkin: {service: zipkin.observability.internal, port: 9411}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: collector, namespace: observability}
spec: {hosts: [collector.observability.internal], ports: [{number: 4317, name: grpc, protocol: GRPC}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: zipkin, namespace: observability}
spec: {hosts: [zipkin.observability.internal], ports: [{number: 9411, name: http, protocol: HTTP}], resolution: DNS}
"#;

fn of_mesh() -> Written {
    let says = "  metrics:\n  - providers: [{name: prometheus}]\n    overrides:\n    - match: {metric: ALL_METRICS}\n      \
                tagOverrides: {request_method: {value: request.method}, source_principal: {operation: REMOVE}}\n  \
                tracing:\n  - providers: [{name: spans}]\n    randomSamplingPercentage: 5\n    customTags: {mesh: \
                {literal: {value: main}}}\n";
    Written {
        scope: Scope::Mesh,
        namespace: ROOT.to_owned(),
        name: "mesh".to_owned(),
        labels: BTreeMap::new(),
        says: says.to_owned(),
    }
}

/// One of a namespace's: the first for all of it, one for its gateway, one for a tier of it, the others for one app each
/// by one to three of its labels.
fn telemetry(namespace: &str, number: u32, numbers: &mut Numbers) -> Written {
    let mut labels = BTreeMap::new();
    let scope = match number {
        0 => Scope::Namespace,
        1 => Scope::Target,
        2 => {
            labels.insert("tier", "web".to_owned());
            Scope::Labels
        }
        _ => {
            labels.insert("app", format!("app-{number}"));
            for (name, of) in [("version", "v1"), ("tier", "web")] {
                if numbers.below(3) == 0 {
                    labels.insert(name, of.to_owned());
                }
            }
            Scope::Labels
        }
    };
    let (namespace, name) = (namespace.to_owned(), format!("telemetry-{number}"));
    Written { scope, namespace, name, labels, says: said(numbers) }
}

/// One to three signals.
fn said(numbers: &mut Numbers) -> String {
    let code = 400 + 100 * numbers.below(2);
    let percent = numbers.below(100);
    let signals = [
        format!(
            "  accessLogging:\n  - providers: [{{name: lines}}]\n    filter: {{expression: response.code >= {code}}}\n"
        ),
        format!(
            "  tracing:\n  - randomSamplingPercentage: {percent}\n    customTags: {{team: {{literal: {{value: t{percent}}}}}, \
             tenant: {{header: {{name: x-tenant}}}}}}\n"
        ),
        "  metrics:\n  - overrides:\n    - match: {metric: REQUEST_COUNT, mode: SERVER}\n      tagOverrides: {status_class: \
         {value: \"response.code >= 500 ? 'bad' : 'good'\"}}\n    - match: {metric: REQUEST_SIZE}\n      disabled: true\n"
            .to_owned(),
    ];
    let first = numbers.below(3) as usize;
    let count = 1 + numbers.below(3) as usize;
    (0..count).map(|more| signals[(first + more) % 3].as_str()).collect()
}

/// A workload of a namespace: the first is its gateway, the others an app each.
fn member(namespace: &str, number: u32, numbers: &mut Numbers) -> Member {
    let is_gateway = number == 0;
    let mut labels = BTreeMap::new();
    if is_gateway {
        labels.insert("gateway.networking.k8s.io/gateway-name", "entry".to_owned());
    } else {
        labels.insert("app", format!("app-{number}"));
        labels.insert("version", format!("v{}", 1 + numbers.below(2)));
        labels.insert("tier", ["web", "data"][numbers.below(2) as usize].to_owned());
        labels.insert("pod-template-hash", format!("{:08x}", numbers.below(u64::from(u32::MAX))));
    }
    let name = if is_gateway { "entry".to_owned() } else { format!("app-{number}") };
    Member { namespace: namespace.to_owned(), name, labels, is_gateway }
}

/// Numbers by chance, of which the seed decides (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}
