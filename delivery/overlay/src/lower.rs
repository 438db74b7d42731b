//! From an effective policy to what Envoy is told. Here: the stats filter's configuration, the HTTP filter around it,
//! and the extension configuration that delivers it by name; below: connections, what counts messages of gRPC, peers, access logs,
//! tracing, plugins, labels.

pub(crate) mod access_log;
pub(crate) mod cluster;
mod collector;
pub(crate) mod connections;
pub(crate) mod extension;
pub(crate) mod grpc_stats;
mod labels;
pub(crate) mod native;
pub(crate) mod peer_metadata;
pub(crate) mod plugin;
pub(crate) mod telemetry;
mod tracer;
pub(crate) mod tracing;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use burgee_api::resolve::{Effective, ListenerClass, MetricsEngine, ProviderMetrics, TagOperation};
use burgee_filter_config::{MetricConfig, Reporter, StandardMetric, StatsConfig, Traffic};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::extension::Inlined;
pub(crate) use self::labels::{Label, labels, tag_specifier};
use self::native::Split;
use crate::value::Value;
use crate::view;
use crate::{Delivery, Identity, Options, Owner};

/// What the name of each of our HTTP filters begins with.
pub(crate) const FILTER_PREFIX: &str = "burgee.stats.";

/// The root id of the stats filter in the telemetry module.
const STATS_ROOT_ID: &str = "stats";

/// What the id of each of our VMs begins with.
const VM_PREFIX: &str = "burgee.telemetry.";

/// What a filter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterKind {
    /// Requests.
    Http,
    /// Connections.
    Network,
}

impl FilterKind {
    /// Envoy's Wasm filter of this kind.
    const fn wasm_type(self) -> &'static str {
        match self {
            FilterKind::Http => "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            FilterKind::Network => "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
        }
    }

    /// A filter that does nothing as long as it is told nothing.
    const fn idle_type(self) -> &'static str {
        match self {
            FilterKind::Http => {
                "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
            }
            FilterKind::Network => {
                "type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config"
            }
        }
    }
}

const STRING_TYPE: &str = "type.googleapis.com/google.protobuf.StringValue";

/// How long a resource name may grow from a provider's name before it is cut and a digest takes the rest's place.
/// File names end at 255 bytes nearly everywhere.
const MAX_SAFE_NAME: usize = 120;

/// Which configuration the stats filter of one class and provider gets.
pub(crate) fn stats_config(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
    identity: Identity,
) -> StatsConfig {
    let mut config = asked_config(policy, class, provider, identity);
    if let Some(split) = Split::of(provider, &config) {
        split.leave_to_filter(&mut config);
    }
    config
}

/// What documents ask for, whoever makes it, as the stats filter would be told.
pub(crate) fn asked_config(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
    identity: Identity,
) -> StatsConfig {
    let metrics = provider
        .overrides
        .iter()
        .map(|change| {
            let mut dimensions = BTreeMap::new();
            let mut tags_to_remove = Vec::new();
            // The map is ordered by name, so what is removed comes out sorted.
            for (label, operation) in &change.tags {
                match &operation.value {
                    TagOperation::Upsert(expression) => {
                        dimensions.insert(label.clone(), expression.clone());
                    }
                    TagOperation::Remove => tags_to_remove.push(label.clone()),
                }
            }
            MetricConfig {
                name: change.metric.stat_name().to_owned(),
                dimensions,
                tags_to_remove,
                drop: change.disabled.as_ref().is_some_and(|disabled| disabled.value),
            }
        })
        .collect();
    StatsConfig {
        // Behind an outbound listener the Host header is the application's own; elsewhere anybody writes it.
        disable_host_header_fallback: class != ListenerClass::Outbound,
        tcp_reporting_duration: provider
            .reporting_interval
            .as_ref()
            .map(|interval| duration_text(interval.value)),
        metrics,
        definitions: Vec::new(),
        reporter: if class.is_client() { Reporter::Client } else { Reporter::Server },
        local: match identity {
            Identity::Node => None,
            Identity::Written => Some(policy.workload.identity()),
        },
        max_series: 0,
    }
}

/// Whether a configuration has the filter write any of the metrics of this kind of traffic.
pub(crate) fn writes(config: &StatsConfig, traffic: Traffic) -> bool {
    let is_dropped = |metric: StandardMetric| {
        config.metrics.iter().any(|change| change.drop && change.name == metric.stat_name())
    };
    StandardMetric::ALL.into_iter().any(|metric| metric.traffic() == traffic && !is_dropped(metric))
}

/// A filter of the telemetry module.
#[derive(Clone)]
pub(crate) struct Part {
    /// What it is for.
    pub kind: FilterKind,
    /// Its name, by which its plugin is called too.
    pub name: String,
    /// Its name under discovery, which is the resource's.
    pub resource: String,
    /// Which of the module's filters it is.
    pub root_id: &'static str,
    /// What it is told, as JSON.
    pub configuration: String,
    /// Whether it is loaded without that any request meets it.
    pub is_disabled: bool,
}

impl Part {
    /// A filter that writes metrics of one provider at a class.
    fn of_provider(
        kind: FilterKind,
        prefix: &str,
        root_id: &'static str,
        class: ListenerClass,
        provider: &ProviderMetrics,
        config: &impl Serialize,
    ) -> Part {
        Part {
            kind,
            name: format!("{prefix}{}", safe_name(&provider.provider.value)),
            resource: resource_name(prefix, class, provider),
            root_id,
            // A configuration is strings, lists, maps, numbers and booleans: nothing that JSON cannot say.
            configuration: serde_json::to_string(config).unwrap_or_default(),
            is_disabled: false,
        }
    }
}

/// The stats filter of a class for one provider.
pub(crate) fn stats(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
    options: &Options,
) -> Part {
    let config = stats_config(policy, class, provider, options.identity);
    Part {
        // It is there for its name's sake alone; see `native`.
        is_disabled: split(policy, class, provider, options.identity).is_some_and(|split| split.is_whole()),
        ..Part::of_provider(FilterKind::Http, FILTER_PREFIX, STATS_ROOT_ID, class, provider, &config)
    }
}

/// The filter that goes into a listener.
pub(crate) fn filter(part: Part, delivery: &Delivery, options: &Options) -> Value {
    let (kind, is_disabled) = (part.kind, part.is_disabled);
    let (name, configured) = match extension::config_source(delivery, &part.resource) {
        None => (part.name.clone(), ("typed_config", wasm(part, options, Inlined::Whole))),
        Some(source) => (
            part.resource,
            (
                "config_discovery",
                Value::map([
                    ("config_source", source),
                    // Without a default, a proxy that starts while the configuration or the module is
                    // unusable answers every request with 500, and closes every connection. Metrics are not worth
                    // that.
                    ("default_config", Value::map([("@type", Value::string(kind.idle_type()))])),
                    (
                        "type_urls",
                        Value::List([kind.wasm_type(), kind.idle_type()].map(Value::string).to_vec().into()),
                    ),
                ]),
            ),
        ),
    };
    let mut fields = vec![("name".to_owned(), Value::string(name)), (configured.0.to_owned(), configured.1)];
    if is_disabled {
        fields.push(("disabled".to_owned(), Value::Bool(true)));
    }
    Value::Map(fields.into())
}

/// Which engine makes which metrics; nothing where documents do not ask for another one than the filter.
pub(crate) fn split(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
    identity: Identity,
) -> Option<Split> {
    // Most documents do not, and this is asked for every listener.
    if !Split::is_asked_by(provider) {
        return None;
    }
    Split::of(provider, &asked_config(policy, class, provider, identity))
}

/// What the filter of a class writes for a provider, whoever makes the metrics of requests.
fn is_measured(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
    traffic: Traffic,
    identity: Identity,
) -> bool {
    writes(&stats_config(policy, class, provider, identity), traffic)
}

/// Whether what a policy comes to may have in it who the policy's workload is: its name, its namespace, its app, its version,
/// its canonical service and that one's revision, its cluster. If not, workloads for which the same classes are in force get
/// the same, byte for byte. It says so where filters are told who they are ([`Identity::Written`]) and where Envoy makes
/// metrics itself, whose labels are written out; metrics of `auto` count as such where the overlay may decide on that.
pub fn is_about_workload(policy: &Effective, options: &Options) -> bool {
    let may_decide = options.is_whole && options.delivery == Delivery::Inline;
    let is_native = |provider: &ProviderMetrics| match provider.engine.as_ref().map(|engine| engine.value) {
        Some(MetricsEngine::Native) => true,
        Some(MetricsEngine::Wasm) => false,
        Some(MetricsEngine::Auto) | None => may_decide,
    };
    let metrics = || policy.classes.values().flat_map(|class| &class.metrics);
    match options.identity {
        Identity::Written => metrics().next().is_some(),
        Identity::Node => metrics().any(is_native),
    }
}

/// Whether the logger makes any metrics of a policy.
pub(crate) fn has_native(policy: &Effective, identity: Identity) -> bool {
    ListenerClass::ALL.into_iter().any(|class| {
        policy
            .class(class)
            .metrics
            .iter()
            .any(|provider| split(policy, class, provider, identity).is_some_and(|split| split.has_native()))
    })
}

/// The root id of the filter of ours that has this name; none if the name is not one of ours.
fn root_id_of(name: &str) -> Option<&'static str> {
    if name.starts_with(FILTER_PREFIX) {
        return Some(STATS_ROOT_ID);
    }
    if name.starts_with(telemetry::FILTER_PREFIX) {
        return Some(telemetry::ROOT_ID);
    }
    let rest = name.strip_prefix(peer_metadata::NAME)?;
    (rest.is_empty() || rest.starts_with('.')).then_some(peer_metadata::ROOT_ID)
}

/// Whether the name of a filter is that of one of ours which writes metrics.
pub fn is_measure(name: &str) -> bool {
    let of_requests = [FILTER_PREFIX, telemetry::FILTER_PREFIX];
    of_requests.iter().any(|prefix| name.starts_with(prefix)) || connections::is_our_name(name)
}

/// Whether a filter's name is one of ours.
pub(crate) fn is_our_name(name: &str) -> bool {
    root_id_of(name).is_some()
}

/// Whether an HTTP filter is one that [`filter`] wrote, whatever the policy and the options were. Anybody may
/// use a name, so it takes the content as well.
pub(crate) fn is_http_filter(filter: &Value) -> bool {
    is_filter(filter, FilterKind::Http, root_id_of(view::name(filter)))
}

/// Whether a filter is one of that kind and root id that [`filter`] wrote.
fn is_filter(filter: &Value, kind: FilterKind, root_id: Option<&str>) -> bool {
    let name = view::name(filter);
    let Some(root_id) = root_id else {
        return false;
    };
    let text = |value: &Value, names: &[&str]| {
        value.at(names).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if let Some(config) = filter.field("typed_config") {
        return config.any_type() == kind.wasm_type().rsplit('/').next()
            && text(config, &["config", "root_id"]) == root_id
            && text(config, &["config", "vm_config", "vm_id"]).starts_with(VM_PREFIX);
    }
    filter.field("config_discovery").is_some_and(|discovery| {
        let types = extension::type_urls(discovery);
        let is_in_file = text(discovery, &["config_source", "path_config_source", "path"])
            .ends_with(&format!("/{}", extension::file_name(name)))
            && types.contains(&kind.wasm_type());
        is_in_file || extension::is_over_ads(discovery) && types == [kind.wasm_type(), kind.idle_type()]
    })
}

/// The Wasm filter's own message.
fn wasm(part: Part, options: &Options, inlined: Inlined) -> Value {
    Value::map([
        ("@type", Value::string(part.kind.wasm_type())),
        (
            "config",
            Value::map([
                ("name", Value::string(part.name)),
                ("root_id", Value::string(part.root_id)),
                ("vm_config", vm_config(options, inlined)),
                (
                    "configuration",
                    Value::map([
                        ("@type", Value::string(STRING_TYPE)),
                        ("value", Value::string(part.configuration)),
                    ]),
                ),
                // A fault costs the requests in flight, then a fresh VM counts on. Of all policies this one loses
                // least: open would stop counting for good, closed would stop serving.
                ("failure_policy", Value::string("FAIL_RELOAD")),
            ]),
        ),
    ])
}

fn vm_config(options: &Options, inlined: Inlined) -> Value {
    let module = &options.module;
    let digest: String = module.sha256.chars().take(16).collect();
    Value::map([
        ("vm_id", Value::string(format!("{VM_PREFIX}{digest}"))),
        ("runtime", Value::string("envoy.wasm.runtime.v8")),
        ("code", extension::code_of(module, options, inlined)),
    ])
}

/// Under discovery the filter's name is the resource's, so it says the class as well. The class comes first and has
/// no dot, which keeps any provider's name from being read as another pair.
fn resource_name(prefix: &str, class: ListenerClass, provider: &ProviderMetrics) -> String {
    format!("{prefix}{}.{}", class.name(), safe_name(&provider.provider.value))
}

/// A provider's name as part of a resource's and a file's name: anything but small letters, digits, `_`, `-` and `.`
/// is written as `%XX` per byte. Different names stay different, also where file names are compared without case; of a
/// very long one a digest takes the end's place.
pub(crate) fn safe_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    if out.len() > MAX_SAFE_NAME {
        // `~` cannot come from a name, so no short name equals a cut one.
        out.truncate(MAX_SAFE_NAME - 17);
        out.push('~');
        out.push_str(&short_digest(name.as_bytes()));
    }
    out
}

/// The first 64 bits of a SHA-256, in hexadecimal.
fn short_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A duration as protobuf's JSON writes it: seconds, with as many decimals as it takes.
fn duration_text(duration: Duration) -> String {
    let nanos = duration.subsec_nanos();
    if nanos == 0 {
        return format!("{}s", duration.as_secs());
    }
    let fraction = format!("{nanos:09}");
    format!("{}.{}s", duration.as_secs(), fraction.trim_end_matches('0'))
}

/// Who asked for a provider's filter: what put the provider in force, then what changes it.
pub(crate) fn filter_owner(provider: &ProviderMetrics) -> Owner {
    let engine = provider.engine.iter().map(|engine| &engine.origin);
    let interval = provider.reporting_interval.iter().map(|interval| &interval.origin);
    let changes = provider.overrides.iter().flat_map(|change| {
        let disabled = change.disabled.iter().map(|disabled| &disabled.origin);
        disabled.chain(change.tags.values().map(|tag| &tag.origin))
    });
    Owner::of(std::iter::once(&provider.provider.origin).chain(engine).chain(interval).chain(changes))
}
