//! What the documents ask of each proxy, and which line asks for it.

use std::collections::BTreeMap;
use std::path::Path;

use burgee_api::Origin;
use burgee_api::resolve::{
    AccessLogger, ClassPolicy, Collector, CustomTag, ListenerClass, LogFormat, LogSink, MetricName,
    TagOperation, Tracer, Tracing, TracingSettings,
};
use burgee_filter_config::StandardMetric;
use burgee_localnet::summary::OriginSummary;

use super::clean::{clean, fold, width};
use super::show::{WIDTH, table, trimmed};

/// What is asked of each class of listener of each proxy: the workload, the class, the policy.
pub(super) type Policies = Vec<(String, ListenerClass, ClassPolicy)>;

/// Something that a document asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wish {
    /// Which line asks.
    pub(super) origin: Origin,
    /// What for.
    pub(super) text: String,
}

/// Somebody of whom something is asked: a proxy and the class of its listeners.
type Asked<'a> = (&'a str, ListenerClass);

/// One line for each thing that a document asks for, below those of whom it asks it. Files are named from the folder of
/// documents.
pub(super) fn asked(policies: &Policies, folder: &Path) -> String {
    let mut whom: BTreeMap<Wish, Vec<Asked<'_>>> = BTreeMap::new();
    for (proxy, class, policy) in policies {
        for wish in wishes(policy) {
            whom.entry(wish).or_default().push((proxy, *class));
        }
    }
    // What is asked of the same proxies stands together, what is asked of most first.
    let mut groups: Vec<(Vec<Asked<'_>>, Vec<Wish>)> = Vec::new();
    for (wish, whom) in whom {
        match groups.iter_mut().find(|(others, _)| *others == whom) {
            Some((_, wishes)) => wishes.push(wish),
            None => groups.push((whom, vec![wish])),
        }
    }
    groups.sort_by_key(|(whom, _)| std::cmp::Reverse(whom.len()));
    let mut out = String::new();
    for (whom, mut wishes) in groups {
        wishes.sort_by(|a, b| position(&a.origin).cmp(&position(&b.origin)));
        for line in fold(&names_of(&whom, policies), WIDTH - 2) {
            out += &format!("  {line}\n");
        }
        out += &lines_of(&wishes, folder);
    }
    out.trim_end().to_owned()
}

/// What documents ask for in their own order, what rules do after it.
fn position(origin: &Origin) -> (bool, &str, usize, usize) {
    match origin {
        Origin::Document { place, .. } => (false, &place.file, place.line, place.column),
        Origin::Rule(rule) => (true, rule, 0, 0),
    }
}

/// Those of whom something is asked, in words.
fn names_of(whom: &[Asked<'_>], policies: &Policies) -> String {
    if whom.len() == policies.len() {
        return "every proxy".to_owned();
    }
    let mut classes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (proxy, class) in whom {
        classes.entry(proxy).or_default().push(class.name());
    }
    let name = |(proxy, classes): (&&str, &Vec<&str>)| {
        let is_whole = policies.iter().filter(|(other, ..)| other == *proxy).count() == classes.len();
        let proxy = clean(proxy);
        if is_whole { proxy } else { format!("{proxy} ({})", classes.join(", ")) }
    };
    classes.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A line for each wish, or two where one would be too long.
fn lines_of(wishes: &[Wish], folder: &Path) -> String {
    let mut rows = table();
    let mut long = String::new();
    for Wish { origin, text } in wishes {
        let place = place(origin, folder);
        // What is too long for a line of the table would make every line too long.
        if width(text) + width(&place) + 6 > WIDTH {
            long += &format!("    {text}\n      {place}\n");
        } else {
            rows.add_row([format!("   {text}"), place]);
        }
    }
    let short = if rows.row_count() > 0 { format!("{}\n", trimmed(&rows)) } else { String::new() };
    short + &long
}

/// What a policy asks for, by place.
pub(super) fn wishes(policy: &ClassPolicy) -> Vec<Wish> {
    let mut wishes = metric_wishes(policy);
    let mut wish = |origin: &Origin, text: String| {
        wishes.push(Wish { origin: origin.clone(), text: clean(&text) });
    };
    for logger in &policy.access_logs {
        wish(&logger.provider.origin, format!("logs by {}: {}", logger.provider.value, sink(logger)));
        if let Some(filter) = &logger.filter {
            wish(&filter.origin, format!("logs by {} only where {}", logger.provider.value, filter.value));
        }
    }
    match &policy.tracing {
        Tracing::Untouched | Tracing::Bootstrap(_) => {}
        Tracing::LeftOut(provider) => {
            let why = "it is left out, and a problem above says why";
            wish(&provider.origin, format!("no spans by {}: {why}", provider.value));
        }
        Tracing::Off(origin) => wish(origin, "no spans".to_owned()),
        Tracing::Provider { provider, tracer, settings } => {
            wish(&provider.origin, format!("spans by {}: {}", provider.value, spans(tracer)));
            wish(&settings.sampling.origin, format!("spans of {} % of requests", settings.sampling.value));
            for (name, tag) in own_tags(settings) {
                wish(&tag.origin, format!("spans with {name}={}", tag_value(&tag.value)));
            }
        }
    }
    for plugin in &policy.plugins {
        wish(&plugin.origin, format!("the plugin {}/{}", plugin.namespace, plugin.name));
    }
    wishes
}

/// Where spans go.
fn spans(tracer: &Tracer) -> String {
    let Collector { host, port, .. } = tracer.collector();
    format!("{} to {host}:{port}", tracer.name())
}

/// The tags of spans that a document names.
fn own_tags(
    settings: &TracingSettings,
) -> impl Iterator<Item = (&String, &burgee_api::origin::Traced<CustomTag>)> {
    let is_own = |origin: &Origin| matches!(origin, Origin::Document { .. });
    settings.custom_tags.iter().filter(move |(_, tag)| is_own(&tag.origin)).map(|(name, tag)| (name, tag))
}

/// What a tag of a span is made of.
fn tag_value(tag: &CustomTag) -> String {
    match tag {
        CustomTag::Literal(value) => format!("\"{value}\""),
        CustomTag::Environment { name, .. } => format!("${name}"),
        CustomTag::Header { name, .. } => format!("the header {name}"),
        CustomTag::Formatter(format) => format.clone(),
        CustomTag::Metadata { filter, key } => format!("the metadata {filter} {key}"),
    }
}

fn sink(logger: &AccessLogger) -> String {
    match &logger.sink {
        LogSink::File { path, format: LogFormat::Text(_), .. } => format!("text in {path}"),
        LogSink::File { path, format: LogFormat::Labels(_), .. } => format!("JSON in {path}"),
        LogSink::Otel { collector, .. } => format!("OTLP to {}:{}", collector.host, collector.port),
        LogSink::Service { collector, .. } => format!("ALS to {}:{}", collector.host, collector.port),
        LogSink::MeshService { address: Some(address) } => {
            format!("ALS to {}:{}", address.host, address.port)
        }
        LogSink::MeshService { address: None } => "ALS to a place that nobody says".to_owned(),
    }
}

fn metric_wishes(policy: &ClassPolicy) -> Vec<Wish> {
    // By place, so that a line of a document which changes ten metrics is one line here.
    let mut wishes: BTreeMap<(&Origin, String), Vec<&MetricName>> = BTreeMap::new();
    for change in policy.metrics.iter().flat_map(|provider| &provider.overrides) {
        if let Some(disabled) = change.disabled.as_ref().filter(|disabled| disabled.value) {
            wishes.entry((&disabled.origin, "no".to_owned())).or_default().push(&change.metric);
        }
        for (tag, operation) in &change.tags {
            let wish = match &operation.value {
                TagOperation::Upsert(expression) => format!("with {tag}={expression}"),
                TagOperation::Remove => format!("without {tag}"),
            };
            wishes.entry((&operation.origin, wish)).or_default().push(&change.metric);
        }
    }
    let text = |wish: &str, metrics: &[&MetricName]| {
        let names = names(metrics);
        if wish == "no" { format!("no {names}") } else { format!("{names} {wish}") }
    };
    wishes
        .iter()
        .map(|((origin, wish), metrics)| Wish {
            origin: (*origin).clone(),
            text: clean(&text(wish, metrics)),
        })
        .collect()
}

/// The metrics that something is asked of.
fn names(metrics: &[&MetricName]) -> String {
    let is_all = StandardMetric::ALL
        .iter()
        .all(|metric| metrics.iter().any(|name| **name == MetricName::Standard(*metric)));
    if is_all {
        return "every metric".to_owned();
    }
    let names: Vec<String> = metrics.iter().map(|metric| format!("istio_{}", metric.stat_name())).collect();
    names.join(", ")
}

/// Where something is asked for, short: the file from the folder of documents and the line, else the rule.
pub(super) fn place(origin: &Origin, folder: &Path) -> String {
    match origin {
        Origin::Document { place, .. } => format!("{}:{}", file(&place.file, folder), place.line),
        Origin::Rule(rule) => (*rule).to_owned(),
    }
}

/// A document's file, from the folder of documents.
pub(super) fn file(file: &str, folder: &Path) -> String {
    let path = Path::new(file);
    clean(&path.strip_prefix(folder).unwrap_or(path).to_string_lossy())
}

/// Who asked, whole: the place, the document and the field, else the rule.
pub(super) fn who(origin: &OriginSummary, folder: &Path) -> String {
    match (&origin.document, &origin.file, &origin.rule) {
        (Some(document), Some(name), _) => {
            let line = origin.line.map_or(String::new(), |line| format!(":{line}"));
            clean(&format!("{}{line}  {document}  {}", file(name, folder), origin.path))
        }
        (_, _, Some(rule)) => format!("no document: {}", clean(rule)),
        _ => "nobody knows".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
