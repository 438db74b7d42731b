//! What the documents ask of each proxy, and which line asks for it.

use std::collections::BTreeMap;
use std::path::Path;

use burgee_api::Origin;
use burgee_api::resolve::{ClassPolicy, MetricName, TagOperation};
use burgee_filter_config::StandardMetric;

use super::show::{table, trimmed};

/// One line for each thing that a document asks for, below the proxy that it asks it of. Files are named from the
/// folder of documents.
pub(super) fn asked(policies: &[(String, ClassPolicy)], folder: &Path) -> String {
    let mut out = String::new();
    for (proxy, policy) in policies {
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
        let mut rows = table();
        for ((origin, wish), metrics) in &wishes {
            let names = names(metrics);
            let wish = if wish == "no" { format!("no {names}") } else { format!("{names} {wish}") };
            rows.add_row([format!("   {wish}"), place(origin, folder)]);
        }
        if !wishes.is_empty() {
            out += &format!("  {proxy}\n{}\n", trimmed(&rows));
        }
    }
    out.trim_end().to_owned()
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

fn place(origin: &Origin, folder: &Path) -> String {
    match origin {
        Origin::Document { place, .. } => {
            let file = Path::new(&*place.file);
            format!("{}:{}", file.strip_prefix(folder).unwrap_or(file).display(), place.line)
        }
        Origin::Rule(rule) => (*rule).to_owned(),
    }
}
