//! How many series a document's tags make: those whose values have no bound, and those that come to very many.

mod estimate;
pub mod observed;
mod sizes;
mod variety;

use std::collections::BTreeSet;

use burgee_filter_config::StandardLabel;

use self::estimate::{Estimate, of_workload, thousands};
use self::observed::Observed;
use self::sizes::Sizes;
pub(super) use self::sizes::Varieties;
use self::variety::{Source, Variety};
use super::situations::View;
use super::telemetry::at;
use crate::document::LabelSize;
use crate::origin::Traced;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::{ListenerClass, ProviderMetrics};
use crate::resources::Resources;
use crate::resources::telemetry::{MetricMatch, TagOperation, Telemetry};

/// The most series of one workload that are told as a note only. A Prometheus server copes with some millions in all.
const MOST_SERIES: u64 = 100_000;

/// How many values a tag without bound is supposed to have, to show what that comes to.
const SUPPOSED: u64 = 1000;

/// What is known of the sizes of labels beside what expressions say.
#[derive(Clone, Copy)]
pub(super) struct Known<'g> {
    /// What documents declare.
    pub declared: &'g [LabelSize],
    /// What a saved page has.
    pub observed: Option<&'g Observed>,
}

/// A tag that a document sets.
struct Tag<'t> {
    name: &'t str,
    expression: &'t str,
    operation: &'t Traced<TagOperation>,
}

fn tags(telemetry: &Telemetry) -> Vec<Tag<'_>> {
    let changes = telemetry.metrics.iter().flat_map(|entry| &entry.overrides);
    let of_standard = changes.filter(|change| !matches!(change.metric, MetricMatch::Custom(_)));
    let mut seen = BTreeSet::new();
    of_standard
        .flat_map(|change| &change.tags)
        .filter_map(|(name, operation)| match &operation.value {
            TagOperation::Upsert(expression) => Some(Tag { name, expression, operation }),
            TagOperation::Remove => None,
        })
        .filter(|tag| seen.insert((tag.name, tag.expression)))
        .collect()
}

/// Judges what a document's tags come to at a workload that it is for.
pub(super) fn check(
    view: &View<'_, '_>,
    known: Known<'_>,
    varieties: &Varieties,
    problems: &mut Vec<Problem>,
) {
    let telemetry = view.telemetry();
    let tags = tags(telemetry);
    if tags.is_empty() {
        return;
    }
    let sizes = Sizes::of(known.declared, &telemetry.meta.place, varieties);
    let classes = ListenerClass::of(view.here.workload.kind).iter().rev();
    let measured: Vec<(ListenerClass, Vec<ProviderMetrics>)> =
        classes.map(|class| (*class, view.here.metrics(*class))).collect();
    if measured.iter().all(|(_, providers)| providers.is_empty()) {
        return;
    }
    let mut unbounded = false;
    for tag in tags.iter().filter(|tag| sizes.declared(tag.name).is_none()) {
        if let Variety::Unbounded(source) = varieties.of(tag.expression) {
            unbounded = true;
            let with = |values| of_workload(&measured, &sizes, known.observed, Some((tag.name, values)));
            problems.push(without_bound(tag, &source, [with(1), with(SUPPOSED)], known.observed));
        }
    }
    // What has no bound has no estimate either.
    let largest = tags.iter().max_by_key(|tag| sizes.of_tag(tag.name, tag.expression));
    if let Some(tag) = largest.filter(|_| !unbounded) {
        let estimate = of_workload(&measured, &sizes, known.observed, None);
        let is_asked = known.observed.is_some() || !sizes.is_empty();
        problems.extend(many(tag, &estimate, is_asked));
    }
}

fn without_bound(
    tag: &Tag<'_>,
    source: &Source,
    [once, often]: [Estimate; 2],
    observed: Option<&Observed>,
) -> Problem {
    let Tag { name, operation, .. } = tag;
    let Source { attribute, why } = source;
    let there = match observed.map_or(0, |observed| observed.values(name)) {
        0 => String::new(),
        values => format!("; the page has {} of them", thousands(values)),
    };
    let message = format!(
        "the values of tag `{name}` have no bound: they come from `{attribute}`, {}{there}",
        why.clause()
    );
    let help = format!(
        "with one value a workload has up to {} series, with {} values {} ({}); compare it with what matters, such as \
         `request.path.startsWith('/api/') ? 'api' : 'other'`, or, if there are few, say how many: `{}: \"{name}=20\"`",
        thousands(once.series),
        thousands(SUPPOSED),
        thousands(often.series),
        often.words,
        crate::document::LABEL_SIZES_ANNOTATION,
    );
    at(&operation.origin, Severity::Warning, codes::UNBOUNDED_TAG, message, help)
}

/// What the tags of a document come to, if it is much or somebody wants to know.
fn many(tag: &Tag<'_>, estimate: &Estimate, is_asked: bool) -> Option<Problem> {
    let severity = match estimate.series > MOST_SERIES {
        true => Severity::Warning,
        false if is_asked => Severity::Note,
        false => return None,
    };
    let series = thousands(estimate.series);
    let message = match estimate.now {
        None => format!("with the document's tags a workload has up to {series} series"),
        Some(now) => {
            let added = thousands(estimate.series.saturating_sub(now));
            format!("the {} series of the page become up to {series}: {added} more", thousands(now))
        }
    };
    let help = format!(
        "{}; many is more than {}. Take tags out, leave them to REQUEST_COUNT, or correct the sizes in `{}`",
        estimate.words,
        thousands(MOST_SERIES),
        crate::document::LABEL_SIZES_ANNOTATION,
    );
    Some(at(&tag.operation.origin, severity, codes::MANY_SERIES, message, help))
}

/// Sizes that are declared for labels that no metric has.
pub(super) fn unknown_labels(resources: &Resources, declared: &[LabelSize], problems: &mut Vec<Problem>) {
    for size in declared.iter().filter(|size| StandardLabel::from_name(&size.label).is_none()) {
        let mut documents =
            resources.telemetries.iter().filter(|one| size.is_for_all() || one.meta.place == size.document);
        if documents.any(|telemetry| tags(telemetry).iter().any(|tag| tag.name == size.label)) {
            continue;
        }
        let whose = if size.is_for_all() { "no document" } else { "the document does not" };
        let verb = if size.is_for_all() { " sets" } else { " set" };
        problems.push(
            Problem::new(
                Severity::Warning,
                codes::BAD_LABEL_SIZE,
                format!("`{}` is no standard label, and {whose}{verb} a tag of that name", size.label),
            )
            .at(size.place.clone(), size.path.clone())
            .help("write the name of a tag, or of a standard label such as `response_code`"),
        );
    }
}

#[cfg(test)]
mod tests;
