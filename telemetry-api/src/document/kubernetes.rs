//! Reads what Kubernetes says exists: `Service`, `Pod` and the kinds that make pods, `Gateway` and `GatewayClass` of the
//! Gateway API. These kinds are not ours: what is not needed is neither read nor judged, in whatever version.

use std::collections::BTreeMap;

use super::kinds::NAME_HELP;
use super::reader::{Context, Field, Object, list};
use super::tree;
use crate::origin::{DocumentId, Traced};
use crate::problem::{Severity, codes};
use crate::resources::kubernetes::{GatewayClass, Istiod, KubernetesGateway, Pods, Service};
use crate::resources::{Meta, Resources};

/// Every kind that is read: its group and name.
const KINDS: &[(&str, &str)] = &[
    ("", "Service"),
    ("", "Pod"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    (GATEWAY_API, "Gateway"),
    (GATEWAY_API, "GatewayClass"),
];

const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// The container of the proxy in a pod.
const PROXY_CONTAINER: &str = "istio-proxy";
/// The container of the control plane in its pod.
const CONTROL_PLANE_CONTAINER: &str = "discovery";

/// Whether a kind is one of those that are read here.
pub(super) fn is_read(group: &str, kind: &str) -> bool {
    KINDS.contains(&(group, kind))
}

/// Reads a document of one of the kinds. Two of one name are both taken: overlays of a folder may well describe one
/// workload in parts.
pub(super) fn read(
    (group, kind): (&str, &str),
    root: &Field<'_>,
    document: &Object<'_>,
    context: &mut Context,
    resources: &mut Resources,
) {
    let Some(metadata) = document.require(context, "metadata", NAME_HELP) else { return };
    let Some(metadata) = metadata.any_object(context) else { return };
    let Some(meta) = meta(kind, root, &metadata, context) else { return };
    let spec = document.get("spec").and_then(|spec| spec.any_object(context));
    match (group, kind) {
        ("", "Service") => resources.services.push(service(meta, spec.as_ref(), context)),
        (GATEWAY_API, "Gateway") => {
            let class = spec.and_then(|spec| spec.string(context, "gatewayClassName")).unwrap_or_default();
            resources.kubernetes_gateways.push(KubernetesGateway { meta, class });
        }
        (GATEWAY_API, _) => {
            let controller = spec.and_then(|spec| spec.string(context, "controllerName")).unwrap_or_default();
            resources.gateway_classes.push(GatewayClass { meta, controller });
        }
        ("", _) => {
            proxy_config(&metadata, context);
            let (labels, annotations) = (meta.labels.clone(), meta.annotations.clone());
            add_pods(meta, &metadata, &Made { labels, annotations, spec }, context, resources);
        }
        _ => {
            // Without a template it is a part of a document, which is completed elsewhere.
            if let Some(made) = by_template(kind, spec, context) {
                add_pods(meta, &metadata, &made, context, resources);
            }
        }
    }
}

/// What pods are made with.
struct Made<'a> {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    spec: Option<Object<'a>>,
}

fn by_template<'a>(kind: &str, spec: Option<Object<'a>>, context: &mut Context) -> Option<Made<'a>> {
    let spec = match kind {
        "CronJob" => {
            let job = object(spec.as_ref(), "jobTemplate", context);
            object(job.as_ref(), "spec", context)
        }
        _ => spec,
    };
    let template = object(spec.as_ref(), "template", context)?;
    let metadata = object(Some(&template), "metadata", context);
    metadata.iter().for_each(|metadata| proxy_config(metadata, context));
    Some(Made {
        labels: texts(metadata.as_ref(), "labels", context),
        annotations: texts(metadata.as_ref(), "annotations", context),
        spec: object(Some(&template), "spec", context),
    })
}

/// The annotation with a configuration of a pod's own proxy, over the mesh's `defaultConfig`.
const PROXY_CONFIG_ANNOTATION: &str = "proxy.istio.io/config";
/// What of such a configuration says something of telemetry.
const OF_TELEMETRY: &[&str] = &["envoyAccessLogService", "tracing", "tracingServiceName"];

/// Says that what pods say of their own proxy is not read, where it would change what is resolved.
fn proxy_config(metadata: &Object<'_>, context: &mut Context) {
    let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
    let field = metadata
        .get("annotations")
        .and_then(|annotations| annotations.any_object(&mut unheard)?.get(PROXY_CONFIG_ANNOTATION));
    let Some((field, text)) = field.and_then(|field| Some((field.clone(), field.quiet_string()?))) else {
        return;
    };
    let (nodes, _) = tree::parse(&tree::Source::new(PROXY_CONFIG_ANNOTATION, text));
    let Some(node) = nodes.first() else { return };
    let config = Field { node, path: String::new() };
    let Some(config) = config.any_object(&mut unheard) else { return };
    let written: Vec<&str> = OF_TELEMETRY.iter().copied().filter(|key| config.get(key).is_some()).collect();
    if written.is_empty() {
        return;
    }
    let (message, help) = (
        format!("what pods say of their own proxy is not read by this version: {}", list(&written)),
        "in Istio it goes over the mesh's `defaultConfig` for these pods alone; a Telemetry with a selector can say most \
         of it",
    );
    context.report(Severity::Warning, codes::PROXY_CONFIG_NOT_READ, &field, message, help);
}

fn object<'a>(of: Option<&Object<'a>>, key: &str, context: &mut Context) -> Option<Object<'a>> {
    of?.get(key)?.any_object(context)
}

fn texts(of: Option<&Object<'_>>, key: &str, context: &mut Context) -> BTreeMap<String, String> {
    of.and_then(|of| of.get(key)).map(|labels| labels.string_map(context)).unwrap_or_default()
}

/// Name and place. A document whose name is made up when it is created says nothing of what exists yet.
fn meta(kind: &str, root: &Field<'_>, metadata: &Object<'_>, context: &mut Context) -> Option<Meta> {
    let name = match metadata.get("generateName") {
        Some(_) => metadata.get("name")?,
        None => metadata.require(context, "name", NAME_HELP)?,
    };
    let name = name.string(context)?;
    let namespace = metadata.string(context, "namespace").filter(|namespace| !namespace.is_empty());
    let namespace = match kind {
        "GatewayClass" => String::new(),
        _ => namespace.unwrap_or_else(|| "default".to_owned()),
    };
    let id = DocumentId {
        kind: context.document.kind.clone(),
        namespace: namespace.as_str().into(),
        name: name.as_str().into(),
    };
    context.document = id.clone();
    Some(Meta {
        id,
        place: root.place(),
        labels: texts(Some(metadata), "labels", context),
        annotations: texts(Some(metadata), "annotations", context),
        created: String::new(),
    })
}

fn service(meta: Meta, spec: Option<&Object<'_>>, context: &mut Context) -> Service {
    let ports = spec.map(|spec| spec.list(context, "ports")).unwrap_or_default();
    let ports =
        ports.iter().filter_map(|port| port.any_object(context)?.get("port")?.port(context)).collect();
    Service { meta, ports }
}

/// Adds pods and, if they are its, the control plane.
fn add_pods(
    meta: Meta,
    metadata: &Object<'_>,
    made: &Made<'_>,
    context: &mut Context,
    resources: &mut Resources,
) {
    let spec = made.spec.as_ref();
    let containers = spec.map(|spec| spec.list(context, "containers")).unwrap_or_default();
    let named: Vec<(String, Object<'_>)> = containers
        .iter()
        .filter_map(|container| {
            let container = container.any_object(context)?;
            Some((container.string(context, "name")?, container))
        })
        .collect();
    for (_, container) in named.iter().filter(|(name, _)| name == CONTROL_PLANE_CONTAINER) {
        let variables = variables(container, context).into_iter().collect();
        resources.istiods.push(Istiod { meta: meta.clone(), variables });
    }
    let pods = Pods {
        workload: workload(&meta, metadata, &made.labels, context),
        service_account: spec.and_then(|spec| spec.string(context, "serviceAccountName")).unwrap_or_default(),
        containers: named
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| name != PROXY_CONTAINER)
            .collect(),
        meta,
        labels: made.labels.clone(),
        annotations: made.annotations.clone(),
    };
    resources.pods.push(pods);
}

/// The variables of a container that are plain values.
fn variables(container: &Object<'_>, context: &mut Context) -> Vec<(String, Traced<String>)> {
    let mut variables = Vec::new();
    for variable in container.list(context, "env") {
        let Some(object) = variable.any_object(context) else { continue };
        let Some(name) = object.string(context, "name") else { continue };
        if let Some(field) = object.get("value")
            && let Some(value) = field.string(context)
        {
            variables.push((name, field.traced(context, value)));
        }
    }
    variables
}

/// The name of what makes pods in the end. Between a Deployment and its pods stands a ReplicaSet, whose name goes on with
/// a hash; between a CronJob and its pods a Job, whose name goes on with a time.
fn workload(
    meta: &Meta,
    metadata: &Object<'_>,
    labels: &BTreeMap<String, String>,
    context: &mut Context,
) -> String {
    let name = meta.id.name.to_string();
    let owners = metadata.list(context, "ownerReferences");
    let Some(owner) = owners.first().and_then(|owner| owner.any_object(context)) else { return name };
    let kind = owner.string(context, "kind").unwrap_or_default();
    let Some(owner) = owner.string(context, "name") else { return name };
    let without = match kind.as_str() {
        "ReplicaSet" => labels
            .get("pod-template-hash")
            .and_then(|hash| owner.strip_suffix(hash.as_str())?.strip_suffix('-')),
        "Job" => owner.rsplit_once('-').filter(|(_, time)| is_time(time)).map(|(name, _)| name),
        _ => None,
    };
    without.unwrap_or(&owner).to_owned()
}

fn is_time(text: &str) -> bool {
    (8..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
