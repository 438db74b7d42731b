//! Reads what Istio is installed with, an IstioOperator or the values of Helm's chart `istiod`, as the chart makes the
//! mesh's configuration of it: the chart's own defaults, over them the values' `meshConfig`, over those the operator's.

use super::{object, read_over};
use crate::document::kinds::valid_namespace;
use crate::document::reader::{Context, Field, Object, shorten};
use crate::origin::{Origin, Traced};
use crate::problem::{Severity, closest, codes};
use crate::resources::MeshConfig;
use crate::resources::mesh_config::{MeshTracer, MeshTracerKind};
use crate::resources::meta::DEFAULT_REVISION;

/// What an IstioOperator's `spec` may have.
const SPEC_FIELDS: &[&str] = &[
    "addonComponents",
    "compatibilityVersion",
    "components",
    "defaultRevision",
    "hub",
    "installPackagePath",
    "meshConfig",
    "namespace",
    "profile",
    "resourceSuffix",
    "revision",
    "tag",
    "unvalidatedValues",
    "values",
];

/// What of the values says something of the mesh's configuration; the others are the chart's own business.
const VALUES: &[&str] = &["global", "meshConfig", "revision", "telemetry"];

/// The chart's rules, as origins.
const PROMETHEUS: Origin =
    Origin::Rule("Istio's Helm chart has metrics go to prometheus, unless values say otherwise");
const STACKDRIVER: Origin =
    Origin::Rule("Istio's Helm chart has telemetry.v2.stackdriver among the default providers");

/// What an IstioOperator says; none where it says nothing of the mesh's configuration, as one for gateways alone.
pub(in crate::document) fn operator(spec: &Field<'_>, context: &mut Context) -> Option<MeshConfig> {
    let spec = spec.any_object(context)?;
    misspelt(&spec, SPEC_FIELDS, context);
    let values = spec.get("values").and_then(|values| values.any_object(context));
    profile(&spec, context);
    let of_spec = Layers {
        values: values.as_ref(),
        mesh_config: spec.get("meshConfig"),
        namespaces: [istio_namespace(values.as_ref(), context), spec.get("namespace")],
        revision: spec.get("revision"),
    };
    of_spec.of_mesh().then(|| of_spec.read(context))
}

/// What values of the chart say: an object without a kind that has `meshConfig`.
pub(in crate::document) fn values(root: &Field<'_>, context: &mut Context) -> Option<MeshConfig> {
    let values = root.any_object(context)?;
    let namespaces = [istio_namespace(Some(&values), context), None];
    let layers = Layers { values: Some(&values), mesh_config: None, namespaces, revision: None };
    layers.of_mesh().then(|| layers.read(context))
}

/// `global.istioNamespace` of values. What is wrong with `global` is said where the rest of it is read.
fn istio_namespace<'n>(values: Option<&Object<'n>>, context: &Context) -> Option<Field<'n>> {
    let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
    values?.get("global")?.any_object(&mut unheard)?.get("istioNamespace")
}

/// Whether an object without a kind is the values of a chart of Istio's.
pub(in crate::document) fn is_values(object: &Object<'_>) -> bool {
    object.get("meshConfig").is_some()
}

/// What the mesh's configuration is made of.
pub(super) struct Layers<'l, 'n> {
    values: Option<&'l Object<'n>>,
    /// `spec.meshConfig`, which goes over that of the values.
    mesh_config: Option<Field<'n>>,
    /// The namespace that Istio runs in; the first one that is there counts.
    namespaces: [Option<Field<'n>>; 2],
    /// `spec.revision`.
    revision: Option<Field<'n>>,
}

impl<'l, 'n> Layers<'l, 'n> {
    /// Those of the Sail operator, whose namespace goes over that of the values. It says the revision itself.
    pub(super) fn of_sail(
        values: Option<&'l Object<'n>>,
        namespace: Option<Field<'n>>,
        context: &Context,
    ) -> Layers<'l, 'n> {
        let namespaces = [namespace, istio_namespace(values, context)];
        Layers { values, mesh_config: None, namespaces, revision: None }
    }

    fn value(&self, key: &str) -> Option<Field<'n>> {
        self.values.and_then(|values| values.get(key))
    }

    /// Whether they say anything of the mesh's configuration.
    fn of_mesh(&self) -> bool {
        self.mesh_config.is_some()
            || ["meshConfig", "global", "telemetry"].iter().any(|key| self.value(key).is_some())
    }

    /// The mesh's configuration that they make.
    pub(super) fn read(&self, context: &mut Context) -> MeshConfig {
        if let Some(values) = self.values {
            misspelt(values, VALUES, context);
        }
        let written: Vec<Field<'n>> =
            [self.value("meshConfig"), self.mesh_config.clone()].into_iter().flatten().collect();
        let global = self.value("global").and_then(|global| global.any_object(context));
        let telemetry = self.value("telemetry");
        let mut mesh = MeshConfig::default();
        self.root_namespace(&mut mesh, context);
        default_providers(&mut mesh, telemetry.as_ref(), &written, context);
        if let Some(global) = &global {
            of_global(&mut mesh, global, context);
        }
        for field in &written {
            read_over(&mut mesh, field, context);
        }
        let revision = self.revision.clone().or_else(|| self.value("revision"));
        let revision = revision.and_then(|revision| revision.string(context)).filter(|name| !name.is_empty());
        mesh.revision = revision.unwrap_or_else(|| DEFAULT_REVISION.to_owned());
        mesh.was_read = true;
        mesh
    }

    /// The namespace that Istio runs in, unless the mesh's configuration names another one.
    fn root_namespace(&self, mesh: &mut MeshConfig, context: &mut Context) {
        if let Some(field) = self.namespaces.iter().flatten().next()
            && let Some(name) = field.string(context).filter(|name| !name.is_empty())
            && valid_namespace(&name, field, context)
        {
            mesh.root_namespace = field.traced(context, name);
        }
    }
}

/// The chart's default providers: prometheus for metrics, as long as no `meshConfig` has default providers at all.
fn default_providers(
    mesh: &mut MeshConfig,
    telemetry: Option<&Field<'_>>,
    written: &[Field<'_>],
    context: &mut Context,
) {
    let is_on = |path: &[&str], context: &mut Context| -> Option<bool> {
        let mut field = telemetry?.clone();
        for key in path {
            field = field.any_object(context)?.get(key)?;
        }
        field.boolean(context)
    };
    let all =
        is_on(&["enabled"], context) != Some(false) && is_on(&["v2", "enabled"], context) != Some(false);
    let prometheus = all && is_on(&["v2", "prometheus", "enabled"], context) != Some(false);
    let stackdriver = all && is_on(&["v2", "stackdriver", "enabled"], context) == Some(true);
    let own = written.iter().find_map(|field| {
        let defaults = field.any_object(context)?.get("defaultProviders")?;
        let names = defaults.any_object(context)?;
        (names.fields().next().is_some()).then_some((defaults, names.get("metrics").is_some()))
    });
    if let Some((defaults, has_metrics)) = own {
        if prometheus && !has_metrics {
            let message = "with default providers of your own, Istio's chart leaves out its own: no metrics provider is in \
                           force by default";
            let help = "add `metrics: [prometheus]` to have metrics as without them";
            context.report(Severity::Warning, codes::CHART_DEFAULT_LOST, &defaults, message, help);
        }
        return;
    }
    let named = |name: &str, origin: Origin| Traced { value: name.to_owned(), origin };
    if prometheus {
        mesh.default_metrics_providers.push(named("prometheus", PROMETHEUS));
    }
    if stackdriver {
        mesh.default_metrics_providers.push(named("stackdriver", STACKDRIVER));
        mesh.default_access_logging_providers.push(named("stackdriver", STACKDRIVER));
    }
}

/// What `global` says: the mesh's name, and the tracer of every proxy's bootstrap.
fn of_global(mesh: &mut MeshConfig, global: &Object<'_>, context: &mut Context) {
    if let Some(field) = global.get("meshID")
        && let Some(id) = field.string(context).filter(|id| !id.is_empty())
    {
        mesh.proxy_tracing.mesh_id = Some(field.traced(context, id));
    }
    let proxy = global.get("proxy").and_then(|proxy| proxy.any_object(context));
    let Some(field) = proxy.and_then(|proxy| proxy.get("tracer")) else { return };
    let (kind, key) = match field.string(context).as_deref() {
        Some("zipkin") => (MeshTracerKind::Zipkin, "zipkin"),
        Some("datadog") => (MeshTracerKind::Datadog, "datadog"),
        None | Some("none" | "") => return,
        Some(other) => {
            let message = format!("Envoy has no tracer `{}`, so no spans are sent with it", shorten(other));
            let help = "allowed: none, zipkin, datadog";
            context.report(Severity::Warning, codes::MESH_TRACER, &field, message, help);
            return;
        }
    };
    let written = global
        .get("tracer")
        .and_then(|tracer| {
            object(&tracer, &["datadog", "lightstep", "stackdriver", "zipkin"], context)?.get(key)
        })
        .and_then(|tracer| object(&tracer, &["address"], context)?.get("address"));
    let (host, port) = match &written {
        Some(address) => {
            let help = "where the collector is, such as `zipkin.istio-system:9411`";
            let Some(address) = super::calls::address(address, context, help) else { return };
            address
        }
        None if kind == MeshTracerKind::Datadog => (MeshTracer::NODE.to_owned(), 8126),
        None => (format!("zipkin.{}", mesh.root_namespace.value), 9411),
    };
    let origin = written.as_ref().unwrap_or(&field);
    mesh.proxy_tracing.written = Some(field.origin(context));
    mesh.proxy_tracing.tracer = Some(origin.traced(context, MeshTracer { kind, host, port }));
}

/// A profile that adds to the mesh's configuration what is not in the document.
pub(super) fn profile(spec: &Object<'_>, context: &mut Context) {
    let Some(field) = spec.get("profile") else { return };
    if field.quiet_string().as_deref() == Some("demo") {
        let message = "the profile `demo` adds to the mesh's configuration what is not read here: accessLogFile /dev/stdout, \
                       and providers named otel, otel-tracing and skywalking";
        let help =
            "give the ConfigMap `istio` instead, which has all of it, or write them below `meshConfig`";
        context.report(Severity::Warning, codes::PROFILE, &field, message, help);
    }
}

/// Names that are likely misspelt; others are not ours to judge.
pub(super) fn misspelt(object: &Object<'_>, known: &[&str], context: &mut Context) {
    for (name, key) in object.keys().filter(|(name, _)| !known.contains(name)) {
        if let Some(likely) = closest(name, known) {
            let message = format!("there is no field `{}` here", shorten(name));
            let help = format!("did you mean `{likely}`?");
            context.report(Severity::Warning, codes::UNKNOWN_FIELD, &key, message, help);
        }
    }
}
