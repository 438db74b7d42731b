//! What policies add up to, in the notation of the specification.

use burgee_api::Origin;
use burgee_api::resolve::{
    AccessLogger, MetricOverride, ProviderMetrics, TagOperation, Tracing, TracingSettings,
};
use burgee_api::resources::MeshConfig;

/// What stands for nothing.
pub const NONE: &str = "none";

/// A provider under the name that the mesh gives it: documents may spell it in other ways.
fn declared<'m>(mesh: &'m MeshConfig, name: &'m str) -> &'m str {
    mesh.provider(name).map_or(name, |provider| &provider.name)
}

/// Traces: the provider, then what documents said of it.
pub fn tracing(mesh: &MeshConfig, tracing: &Tracing) -> String {
    let (name, settings) = match tracing {
        Tracing::Untouched => return "legacy".to_owned(),
        Tracing::Off(_) | Tracing::LeftOut(_) => return "disabled".to_owned(),
        Tracing::Bootstrap(settings) => ("legacy", settings),
        Tracing::Provider { provider, settings, .. } => (declared(mesh, &provider.value), settings),
    };
    let mut words = vec![name.to_owned()];
    if let Origin::Document { .. } = settings.sampling.origin {
        words[0] += &format!(" {}", settings.sampling.value);
    }
    let own = own_tags(settings);
    if !own.is_empty() {
        words.push(format!("tags {{{}}}", own.join(",")));
    }
    if own.len() == settings.custom_tags.len() {
        words.push("Istio tags off".to_owned());
    }
    if !settings.use_request_id.value {
        words.push("useRequestId false".to_owned());
    }
    if settings.disable_context_propagation.value {
        words.push("propagation off".to_owned());
    }
    words.join(", ")
}

/// Which share of new traces is kept, in percent.
pub fn sampling(tracing: &Tracing) -> String {
    settings(tracing).map_or(NONE.to_owned(), |settings| settings.sampling.value.to_string())
}

fn settings(tracing: &Tracing) -> Option<&TracingSettings> {
    match tracing {
        Tracing::Bootstrap(settings) | Tracing::Provider { settings, .. } => Some(settings),
        _ => None,
    }
}

fn own_tags(settings: &TracingSettings) -> Vec<&str> {
    let names = settings.custom_tags.iter().map(|(name, _)| name.as_str());
    names.filter(|name| !name.starts_with("istio.")).collect()
}

/// The tags of spans: how many of each kind of Istio's own, then the others by name.
pub fn tags(tracing: &Tracing) -> String {
    let Some(settings) = settings(tracing) else { return NONE.to_owned() };
    let count =
        |wanted: &dyn Fn(&str) -> bool| settings.custom_tags.iter().filter(|(name, _)| wanted(name)).count();
    let is_dry_run = |name: &str| name.starts_with("istio.authorization.dry_run.");
    let service = count(&|name| name.starts_with("istio.") && !is_dry_run(name));
    let dry_run = count(&is_dry_run);
    let istio = [(service, "service"), (dry_run, "dry-run")];
    let istio =
        istio.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let all: Vec<String> = istio.chain(own_tags(settings).into_iter().map(str::to_owned)).collect();
    if all.is_empty() { NONE.to_owned() } else { all.join(", ") }
}

/// Metrics, without what depends on the listener.
pub fn metrics(mesh: &MeshConfig, provider: &ProviderMetrics) -> String {
    let each: Vec<(String, String)> = provider
        .overrides
        .iter()
        .map(|metric| (metric.metric.stat_name().to_owned(), change(metric)))
        .collect();
    let body = match each.as_slice() {
        [] => "{}".to_owned(),
        ten if ten.len() == 10 => of_ten(ten),
        others => format!("[{}]", joined(others)),
    };
    let every =
        provider.reporting_interval.as_ref().map(|every| format!(" every {}s", every.value.as_secs()));
    format!("{} {body}{}", declared(mesh, &provider.provider.value), every.unwrap_or_default())
}

/// Changes of all ten metrics, in short where no more than one of them is unlike the others.
fn of_ten(ten: &[(String, String)]) -> String {
    let usual = |wanted: &str| ten.iter().filter(|(_, change)| change == wanted).count() >= 9;
    let Some((_, usual)) = ten.iter().find(|(_, change)| usual(change)) else {
        return format!("[{}]", joined(ten));
    };
    let shown = if usual.is_empty() { "{}" } else { usual };
    match ten.iter().find(|(_, change)| change != usual) {
        None => format!("all10{shown}"),
        Some((name, change)) => format!("[{name}{change}, other nine {shown}]"),
    }
}

fn joined(metrics: &[(String, String)]) -> String {
    metrics.iter().map(|(name, change)| format!("{name}{change}")).collect::<Vec<_>>().join(", ")
}

/// What changes of one metric: `{tag=value,-removed}`, ` drop`, or nothing.
fn change(change: &MetricOverride) -> String {
    let tag = |(name, operation): (&String, &TagOperation)| match operation {
        TagOperation::Upsert(value) => format!("{name}={value}"),
        TagOperation::Remove => format!("-{name}"),
    };
    let tags: Vec<String> =
        change.tags.iter().map(|(name, operation)| tag((name, &operation.value))).collect();
    let tags = if tags.is_empty() { String::new() } else { format!("{{{}}}", tags.join(",")) };
    let drop = if change.disabled.as_ref().is_some_and(|off| off.value) { " drop" } else { "" };
    format!("{tags}{drop}")
}

/// Loggers, each with its filter.
pub fn access_logs(mesh: &MeshConfig, loggers: &[AccessLogger]) -> String {
    let one = |logger: &AccessLogger| {
        let name = match logger.provider.value.as_str() {
            AccessLogger::MESH_FILE => "legacy",
            name => declared(mesh, name),
        };
        let filter = logger.filter.as_ref().map(|filter| format!(" if {}", filter.value));
        format!("{name}{}", filter.unwrap_or_default())
    };
    let all: Vec<String> = loggers.iter().map(one).collect();
    if all.is_empty() { "off".to_owned() } else { all.join(", ") }
}
