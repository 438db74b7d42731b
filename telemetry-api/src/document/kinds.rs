//! Which documents a text holds, and who reads each: lists are opened, foreign kinds are named.

use std::collections::HashMap;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::annotations::{Ignore, LabelSize};
use super::foreign::{NotRead, Written};
use super::mesh_config::{installer, sail};
use super::mesh_sources::{MeshSource, Sort, revision_of, settle};
use super::outline::Outline;
use super::reader::{Context, Field, Object, list, shorten};
use super::tree::{Node, NodeValue, Source, parse};
use super::{
    annotations, extension, kubernetes, mesh_config, mesh_sources, module_rules, networking,
    peer_authentication, pull_secret, telemetry,
};
use crate::origin::{DocumentId, Place};
use crate::problem::{Problem, Severity, codes};
use crate::resources::extension::WrittenAs;
use crate::resources::module_rules::MODULE_RULES_NAME;
use crate::resources::{MeshConfig, Meta, Resources, Telemetry};

/// What texts hold, and what is wrong with how it is written.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Every resource that could be read.
    pub resources: Resources,
    /// What is wrong, in the order of the texts.
    pub problems: Vec<Problem>,
    /// Every document, in the order of the texts; a list goes before what it holds.
    pub outlines: Vec<Outline>,
    /// What documents ask not to be told of them.
    pub ignores: Vec<Ignore>,
    /// How many values documents say that labels have.
    pub label_sizes: Vec<LabelSize>,
    /// Every name that was read, and where.
    names: HashMap<DocumentId, Place>,
    /// What says what the mesh's configuration is; which of it counts is decided at the end.
    meshes: Vec<MeshSource>,
    /// What was not read, to be told of at the end.
    not_read: NotRead,
}

/// A kind that this version reads.
pub(super) struct Kind {
    pub name: &'static str,
    pub group: &'static str,
    versions: &'static [&'static str],
}

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "Telemetry", group: "telemetry.istio.io", versions: &["v1", "v1alpha1"] },
    Kind { name: "WasmPlugin", group: "extensions.istio.io", versions: &["v1alpha1"] },
    Kind { name: "TrafficExtension", group: "extensions.istio.io", versions: &["v1alpha1"] },
    Kind { name: "ServiceEntry", group: "networking.istio.io", versions: &["v1", "v1beta1", "v1alpha3"] },
    Kind { name: "WorkloadEntry", group: "networking.istio.io", versions: &["v1", "v1beta1", "v1alpha3"] },
    Kind { name: "IstioOperator", group: "install.istio.io", versions: &["v1alpha1"] },
    Kind { name: "Istio", group: "sailoperator.io", versions: &["v1", "v1alpha1"] },
    Kind { name: "Gateway", group: "networking.istio.io", versions: &["v1", "v1beta1", "v1alpha3"] },
    Kind { name: "PeerAuthentication", group: "security.istio.io", versions: &["v1", "v1beta1"] },
];

/// Reads every document of every text.
pub fn read(sources: &[Source]) -> Documents {
    let mut documents = Documents::default();
    for source in sources {
        documents.text(source);
    }
    documents.settled()
}

impl Documents {
    /// Reads every document of a text.
    pub(super) fn text(&mut self, source: &Source) {
        let (nodes, mut problems) = parse(source);
        if nodes.is_empty() && problems.is_empty() {
            problems.push(
                Problem::new(
                    Severity::Note,
                    codes::NO_DOCUMENT,
                    format!("{} holds no document", source.name),
                )
                .help("it is empty or has only comments"),
            );
        }
        self.problems.append(&mut problems);
        for node in &nodes {
            self.take(source, node, "");
        }
    }

    /// Adds what another text came to that was read alone. Whether it came to the same as it would have after these: not if
    /// a name is in both.
    pub(super) fn join(&mut self, part: &Documents) -> bool {
        let Documents { resources, problems, outlines, ignores, label_sizes, names, meshes, not_read } = part;
        if names.keys().any(|name| self.names.contains_key(name)) {
            return false;
        }
        self.resources.join(resources);
        self.problems.extend_from_slice(problems);
        self.outlines.extend_from_slice(outlines);
        self.ignores.extend_from_slice(ignores);
        self.label_sizes.extend_from_slice(label_sizes);
        self.names.extend(names.iter().map(|(name, place)| (name.clone(), place.clone())));
        self.meshes.extend_from_slice(meshes);
        self.not_read.join(not_read);
        true
    }

    /// Decides what only all texts together say.
    pub(super) fn settled(mut self) -> Documents {
        let Documents { resources, problems, meshes, not_read, .. } = &mut self;
        settle(std::mem::take(meshes), resources, problems);
        problems.extend(std::mem::take(not_read).problems());
        self
    }

    fn take(&mut self, source: &Source, node: &Node, path: &str) {
        let mut context = Context {
            document: DocumentId { kind: "".into(), namespace: "".into(), name: "".into() },
            problems: Vec::new(),
        };
        let root = Field { node, path: path.to_owned() };
        self.outlines.push(Outline::of(&root));
        let before = self.meshes.len();
        self.dispatch(source, &root, &mut context);
        // A list opens its items itself.
        let mesh = self.meshes.get(before).filter(|_| self.meshes.len() == before + 1);
        let revision = mesh.map(|source| source.mesh.revision.clone());
        self.ignores.append(&mut annotations::ignores(&root, &mut context));
        self.label_sizes.append(&mut annotations::label_sizes(&root, revision.as_deref(), &mut context));
        let chosen = annotations::of_mesh(&root, revision.is_some(), &mut context);
        if let Some(source) = self.meshes.get_mut(before).filter(|_| revision.is_some()) {
            (source.mesh.metrics_engine, source.mesh.peer_metadata, source.mesh.peer_labels) = chosen;
        }
        self.problems.append(&mut context.problems);
    }

    fn dispatch(&mut self, source: &Source, root: &Field<'_>, context: &mut Context) {
        if !matches!(root.node.value, NodeValue::Map(_)) {
            context.report(
                Severity::Error,
                codes::NOT_AN_OBJECT,
                root,
                "a document must be an object",
                "begin with `apiVersion:` and `kind:`",
            );
            return;
        }
        let Some(object) = root.any_object(context) else { return };
        let api_version = object.get("apiVersion");
        let kind = object.get("kind");
        if api_version.is_none() && kind.is_none() && self.without_kind(root, &object, context) {
            return;
        }
        let (Some(api_version), Some(kind_field)) = (&api_version, &kind) else {
            let missing = if kind.is_none() { "kind" } else { "apiVersion" };
            context.report(
                Severity::Error,
                codes::NO_KIND,
                root,
                format!("the document has no `{missing}`"),
                format!(
                    "kinds that are read: {}, the ConfigMap `istio`, a bare MeshConfig, Helm's values of istiod",
                    kind_names()
                ),
            );
            return;
        };
        let (Some(version_text), Some(kind_text)) = (api_version.string(context), kind_field.string(context))
        else {
            return;
        };
        let (group, version) = version_text.split_once('/').unwrap_or(("", &version_text));
        context.document.kind = kind_text.as_str().into();
        if (group, kind_text.as_str()) == ("", "List")
            || (kind_text.ends_with("List") && object.get("items").is_some())
        {
            self.open_list(source, &object, context);
        } else if (group, kind_text.as_str()) == ("", "ConfigMap") {
            self.config_map(source, root, &object, context);
        } else if let Some(kind) = KINDS.iter().find(|kind| kind.group == group && kind.name == kind_text) {
            if !kind.versions.contains(&version) {
                context.report(
                    Severity::Error,
                    codes::API_VERSION,
                    api_version,
                    format!("{} has no version `{}`", kind.name, shorten(version)),
                    format!("allowed: {}", versions(kind)),
                );
                return;
            }
            match kind.name {
                "IstioOperator" => self.operator(root, &object, context),
                "Istio" => self.sail(root, &object, context),
                _ => self.resource(kind, root, context),
            }
        } else if (group, kind_text.as_str()) == ("", "Secret") {
            if !pull_secret::is_for_registries(&object) {
                self.not_read.other("Secret", kind_field);
            }
            self.resources.pull_secrets.extend(pull_secret::read(root));
        } else if kubernetes::is_read(group, &kind_text) {
            kubernetes::read((group, &kind_text), root, &object, context, &mut self.resources);
        } else {
            let written = Written { group, version, kind: &kind_text, api_version, kind_field };
            self.not_read.take(&written, context);
        }
    }

    fn open_list(&mut self, source: &Source, object: &Object<'_>, context: &mut Context) {
        for item in object.list(context, "items") {
            self.take(source, item.node, &item.path);
        }
    }

    fn config_map(&mut self, source: &Source, root: &Field<'_>, object: &Object<'_>, context: &mut Context) {
        let Some(meta) = read_meta(root, object, context) else { return };
        if &*meta.id.name == MODULE_RULES_NAME {
            self.module_rules(meta.id, source, root, object, context);
            return;
        }
        let mesh = object.get("data").and_then(|data| data.any_object(context)?.get("mesh"));
        let of_mesh = &*meta.id.name == "istio" || meta.id.name.starts_with("istio-");
        let (true, Some(mesh)) = (of_mesh, &mesh) else {
            let message = match mesh {
                Some(_) => format!("ConfigMap `{}` has `data.mesh` and is not read", meta.id.name),
                None if &*meta.id.name == "istio" => {
                    "ConfigMap `istio` has no `data.mesh` and is not read".to_owned()
                }
                None => {
                    self.not_read.other("ConfigMap", root);
                    return;
                }
            };
            let help =
                "the mesh's configuration is `data.mesh` of the ConfigMap `istio`, or `istio-REVISION`";
            context.report(Severity::Note, codes::KIND_NOT_READ, root, message, help);
            return;
        };
        let NodeValue::Scalar { .. } = mesh.node.value else {
            mesh.string(context);
            return;
        };
        let (documents, mut problems) = mesh.node.nested(source);
        for problem in &mut problems {
            problem.path.clone_from(&mesh.path);
        }
        context.problems.append(&mut problems);
        context.document = meta.id.clone();
        for document in &documents {
            let field = Field { node: document, path: format!("{}:", mesh.path) };
            let read = mesh_config::read(&field, context);
            let mesh = MeshConfig { revision: revision_of(&meta.id.name), ..read };
            self.meshes.push(MeshSource { sort: Sort::Read, mesh });
        }
    }

    fn module_rules(
        &mut self,
        id: DocumentId,
        source: &Source,
        root: &Field<'_>,
        object: &Object<'_>,
        context: &mut Context,
    ) {
        let first = self.names.get(&id).map(ToString::to_string);
        let rules = module_rules::read(id.clone(), source, root, object, context);
        if let Some(first) = first {
            let message = format!("{id} is written twice; the first one is at {first}");
            let help = "take one out: a cluster would keep only the one applied last";
            context.report(Severity::Error, codes::DUPLICATE_DOCUMENT, root, message, help);
            return;
        }
        self.names.insert(id, root.place());
        self.resources.module_rules.extend(rules);
    }

    /// A MeshConfig or Helm's values, which do not say what they are. Whether it is one of them.
    fn without_kind(&mut self, root: &Field<'_>, object: &Object<'_>, context: &mut Context) -> bool {
        context.document = mesh_sources::bare_id();
        if installer::is_values(object) {
            context.document.kind = "values".into();
            let mesh = installer::values(root, context);
            self.meshes.extend(mesh.map(|mesh| installed(mesh, root, context)));
            return true;
        }
        let is_bare = mesh_config::is_bare(object);
        if is_bare {
            self.meshes.push(MeshSource { sort: Sort::Read, mesh: mesh_config::read(root, context) });
        }
        is_bare
    }

    fn operator(&mut self, root: &Field<'_>, object: &Object<'_>, context: &mut Context) {
        // It is no document of a cluster: it needs no name.
        let metadata = object.get("metadata").and_then(|metadata| metadata.any_object(context));
        let text = |key: &str| metadata.as_ref().and_then(|metadata| metadata.get(key)?.quiet_string());
        context.document.namespace = text("namespace").unwrap_or_default().into();
        context.document.name = text("name").unwrap_or_else(|| "unnamed".to_owned()).into();
        let mesh = object.get("spec").and_then(|spec| installer::operator(&spec, context));
        self.meshes.extend(mesh.map(|mesh| installed(mesh, root, context)));
    }

    fn sail(&mut self, root: &Field<'_>, object: &Object<'_>, context: &mut Context) {
        let Some(meta) = read_meta(root, object, context) else { return };
        // It is of no namespace.
        context.document = DocumentId { namespace: "".into(), ..meta.id };
        let spec = object.get("spec");
        let mesh = spec.and_then(|spec| sail::istio(&spec, &context.document.name.clone(), context));
        self.meshes.extend(mesh.map(|mesh| installed(mesh, root, context)));
    }

    fn resource(&mut self, kind: &Kind, root: &Field<'_>, context: &mut Context) {
        let known = ["apiVersion", "kind", "metadata", "spec", "status"];
        let Some(object) = root.object(context, &known) else { return };
        let meta = read_meta(root, &object, context);
        let has_name = meta.is_some();
        // What a document asks for is read even if it has no name or a taken one: its problems are worth knowing.
        let meta = meta.unwrap_or_else(|| Meta::nameless(context.document.kind.clone(), root.place()));
        context.document = meta.id.clone();
        let first = self.names.get(&meta.id).map(ToString::to_string);
        if let Some(first) = &first {
            context.report(
                Severity::Error,
                codes::DUPLICATE_DOCUMENT,
                root,
                format!("{} is written twice; the first one is at {first}", meta.id),
                "rename one, or take it out: a cluster would keep only the one applied last",
            );
        }
        annotations::unknown(kind.name, &object, context);
        let mut discarded = Resources::default();
        let resources = if has_name && first.is_none() {
            self.names.insert(meta.id.clone(), meta.place.clone());
            &mut self.resources
        } else {
            &mut discarded
        };
        match kind.name {
            "Telemetry" => {
                let engine = annotations::metrics_engine(&object, context);
                let peers = annotations::peer_metadata(&object, context);
                let read = telemetry::read(meta, object.get("spec"), context);
                resources.telemetries.extend(read.map(|it| Telemetry {
                    metrics_engine: engine,
                    peer_metadata: peers,
                    ..it
                }));
            }
            "WasmPlugin" => {
                let read = extension::read(WrittenAs::WasmPlugin, meta, &object, context);
                resources.extensions.extend(read);
            }
            "TrafficExtension" => {
                let read = extension::read(WrittenAs::TrafficExtension, meta, &object, context);
                resources.extensions.extend(read);
            }
            "ServiceEntry" => {
                resources.service_entries.extend(networking::service_entry(meta, &object, context));
            }
            "WorkloadEntry" => {
                resources.workload_entries.extend(networking::workload_entry(meta, &object, context));
            }
            "Gateway" => resources.gateways.extend(networking::gateway(meta, &object, context)),
            "PeerAuthentication" => {
                let read = peer_authentication::read(meta, &object, context);
                resources.peer_authentications.extend(read);
            }
            _ => {}
        }
    }
}

/// The names of the kinds that are read.
pub(super) fn kind_names() -> String {
    let names = list(&KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>());
    format!("{names}, Kubernetes' kinds of pods, services and gateways")
}

/// Every version of a kind, with its group.
pub(super) fn versions(kind: &Kind) -> String {
    let all: Vec<String> = kind.versions.iter().map(|version| format!("{}/{version}", kind.group)).collect();
    all.join(", ")
}

fn installed(mesh: MeshConfig, root: &Field<'_>, context: &Context) -> MeshSource {
    MeshSource { sort: Sort::Installed, mesh: MeshConfig { source: root.origin(context), ..mesh } }
}

/// What a document without a name lacks.
pub(super) const NAME_HELP: &str = "every document has `metadata.name`";

/// Everything that Kubernetes may put into a document's metadata.
const META_FIELDS: &[&str] = &[
    "name",
    "namespace",
    "labels",
    "annotations",
    "creationTimestamp",
    "generateName",
    "generation",
    "resourceVersion",
    "uid",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

fn read_meta(root: &Field<'_>, object: &Object<'_>, context: &mut Context) -> Option<Meta> {
    let metadata = object.require(context, "metadata", NAME_HELP)?.object(context, META_FIELDS)?;
    let map = |context: &mut Context, key| {
        metadata.get(key).map(|field: Field<'_>| field.string_map(context)).unwrap_or_default()
    };
    let namespace_field = metadata.get("namespace");
    let namespace = namespace_field.as_ref().and_then(|field| field.string(context)).unwrap_or_default();
    let namespace = if namespace.is_empty() { "default".to_owned() } else { namespace };
    let has_namespace = namespace_field.is_none_or(|field| valid_namespace(&namespace, &field, context));
    let labels = map(context, "labels");
    let annotations = map(context, "annotations");
    let created = metadata.get("creationTimestamp").and_then(|field| created(&field, context));
    let name = metadata.require(context, "name", NAME_HELP)?;
    let name_text = name.string(context)?;
    if !is_valid_name(&name_text) {
        context.report(
            Severity::Error,
            codes::BAD_VALUE,
            &name,
            format!("`{}` is not a name that Kubernetes takes", shorten(&name_text)),
            "allowed: lower-case letters, digits, `-` and `.`, at most 253; first and last a letter or digit",
        );
        return None;
    }
    if !has_namespace {
        return None;
    }
    Some(Meta {
        id: DocumentId {
            kind: context.document.kind.clone(),
            namespace: namespace.as_str().into(),
            name: name_text.as_str().into(),
        },
        place: root.place(),
        labels,
        annotations,
        created: created.unwrap_or_default(),
    })
}

/// When a document was created, as Kubernetes writes it: in UTC and in whole seconds, so that texts are in the order of
/// time.
fn created(field: &Field<'_>, context: &mut Context) -> Option<String> {
    if field.is_null() {
        return None;
    }
    let text = field.string(context)?;
    let Ok(time) = OffsetDateTime::parse(&text, &Rfc3339).map(|time| time.to_offset(UtcOffset::UTC)) else {
        let message =
            format!("`{}` is no time, so the document is taken as older than others", shorten(&text));
        let help = "write it as Kubernetes does, such as 2024-01-31T08:00:00Z, or take it out";
        context.report(Severity::Warning, codes::BAD_VALUE, field, message, help);
        return None;
    };
    let ((year, month, day), (hour, minute, second)) = (time.to_calendar_date(), time.to_hms());
    let month = u8::from(month);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// Whether a text can be a namespace; says so if not.
pub(super) fn valid_namespace(namespace: &str, field: &Field<'_>, context: &mut Context) -> bool {
    let is_valid = is_valid_name(namespace) && namespace.len() <= 63 && !namespace.contains('.');
    if !is_valid {
        context.report(
            Severity::Error,
            codes::BAD_VALUE,
            field,
            format!("`{}` is not a namespace that Kubernetes takes", shorten(namespace)),
            "allowed: lower-case letters, digits and `-`, at most 63; first and last a letter or digit",
        );
    }
    is_valid
}

fn is_valid_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 253
        && edge(name.chars().next())
        && edge(name.chars().last())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

/// Reports a document without `spec`.
pub(super) fn require_spec<'a>(object: &Object<'a>, context: &mut Context) -> Option<Field<'a>> {
    object.require(context, "spec", "write what the document asks for below `spec:`")
}
