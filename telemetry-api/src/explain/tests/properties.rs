//! Properties of any documents: nothing that is in force is left out, every place is one of the text, what is said to be
//! overridden or lost changes nothing, and a document is for a workload exactly if there is no reason against it.

mod generate;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::explain::fields::{self, Leaf, LeafKind};
use crate::explain::standing;
use crate::explain::values;
use crate::origin::Traced;
use crate::resolve::{ClassPolicy, ListenerLogs, MetricName, Plugin, ProviderMetrics, Tracing};
use crate::resources::telemetry::MetricMatch;
use crate::test;

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn everything_in_force_is_explained(text in generate::documents()) {
        let checked = checked(&text);
        prop_assert!(checked.is_valid(), "{text}\n{:#?}", checked.problems);
        let explainer = Explainer::new(&checked);
        let explanation = explainer.explain(&workload());
        let effective = explainer.set.resolve(&workload());
        for class in &explanation.classes {
            for (signal, field, value, origin) in in_force(effective.class(class.class)) {
                let section = section_of(&explanation, class.class, signal);
                let is_told = section.facts.iter().any(|fact| {
                    fact.field == field && fact.value.json == value && origin.as_ref().is_none_or(|origin| fact.origin == *origin)
                });
                prop_assert!(is_told, "{:?} {field} = {value} of {origin:?}\n{section:#?}\n{text}", class.class);
            }
        }
    }

    #[test]
    fn every_origin_is_a_place_in_the_text(text in generate::documents()) {
        let checked = checked(&text);
        let explanation = Explainer::new(&checked).explain(&workload());
        let lines: Vec<&str> = text.lines().collect();
        for section in explanation.classes.iter().flat_map(|class| &class.sections) {
            let facts = section.facts.iter().map(|fact| (&fact.origin, Some(&fact.value)));
            let over = section.facts.iter().flat_map(|fact| &fact.overrode);
            let over = over.map(|overridden| (&overridden.origin, Some(&overridden.value)));
            let lost = section.lost.iter().map(|lost| (&lost.origin, Some(&lost.value)));
            let remarks = section.remarks.iter().filter_map(|remark| Some((remark.origin.as_ref()?, None)));
            for (origin, value) in facts.chain(over).chain(lost).chain(remarks) {
                let Origin::Document { path, place, .. } = origin else { continue };
                prop_assert_eq!(&*place.file, "t.yaml");
                let line = lines.get(place.line - 1).copied().unwrap_or_default();
                let there: String = line.chars().skip(place.column - 1).take(place.width).collect();
                prop_assert_eq!(there.chars().count(), place.width, "{}", path);
                // A single value stands there as it is told.
                let written = value.filter(|value| is_single(path) && !value.json.is_null()).map(|value| value.text.trim_end_matches(" %"));
                prop_assert!(written.is_none_or(|written| there.trim_matches('\'') == written), "{path}: {there} {written:?}");
            }
        }
    }

    #[test]
    fn what_is_not_in_force_can_be_taken_out(text in generate::documents()) {
        let checked = checked(&text);
        let explainer = Explainer::new(&checked);
        let explanation = explainer.explain(&workload());
        let before = explainer.set.resolve(&workload());
        for (signal, leaf) in leaves(&checked.resources) {
            let without = PolicySet::new(without(&checked.resources, &leaf.origin)).resolve(&workload());
            for class in &explanation.classes {
                let section = section_of(&explanation, class.class, signal);
                if !section.facts.iter().any(|fact| fact.origin == leaf.origin) {
                    prop_assert_eq!(
                        what_happens(before.class(class.class)),
                        what_happens(without.class(class.class)),
                        "{:?} {}\n{}",
                        class.class,
                        leaf.origin,
                        text
                    );
                }
            }
        }
    }

    #[test]
    fn a_document_is_for_a_workload_exactly_if_nothing_is_against_it(
        text in generate::selecting(),
        workload in generate::workload(),
    ) {
        let checked = checked(&text);
        prop_assert!(checked.is_valid(), "{text}\n{:#?}", checked.problems);
        let explainer = Explainer::new(&checked);
        let here = explainer.here(&workload);
        for telemetry in &checked.resources.telemetries {
            let reasons = standing::telemetry(&explainer, &here, telemetry);
            let applies = here.telemetries.iter().any(|other| other.meta.id == telemetry.meta.id);
            prop_assert_eq!(reasons.is_empty(), applies, "{} {:?}\n{}", telemetry.meta.id, reasons, text);
        }
        let plugins = here.effective.classes.iter().filter(|(class, _)| ListenerClass::of(workload.kind).contains(class));
        let applied: BTreeSet<String> =
            plugins.flat_map(|(_, policy)| &policy.plugins).map(Plugin::id).collect();
        for plugin in &checked.resources.extensions {
            let reasons = standing::plugin(&explainer, &here, plugin);
            let id = plugin.key();
            prop_assert_eq!(reasons.is_empty(), applied.contains(&id), "{} {:?}\n{}", id, reasons, text);
        }
    }
}

/// A policy without what changes nothing: which of two reasons why nothing is traced is told, and metrics of which
/// nothing is said.
fn what_happens(policy: &ClassPolicy) -> ClassPolicy {
    let mut policy = policy.clone();
    if matches!(policy.tracing, Tracing::Off(_) | Tracing::LeftOut(_)) {
        policy.tracing = Tracing::Off(Origin::Rule("whatever"));
    }
    for provider in &mut policy.metrics {
        provider.overrides.retain(|change| change.disabled.is_some() || !change.tags.is_empty());
    }
    policy
}

/// Whether a path is that of a value which is written as one word.
fn is_single(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or_default();
    let words =
        ["name", "disabled", "randomSamplingPercentage", "expression", "reportingInterval", "accessLogFile"];
    words.contains(&last) && !path.starts_with("extensionProviders")
}

type Expected = (Signal, String, Json, Option<Origin>);

/// Everything in a policy that has a value, written down without the explanation's help.
fn in_force(policy: &ClassPolicy) -> Vec<Expected> {
    let ClassPolicy { metrics, tracing, access_logs, listener_logs, plugins } = policy;
    let mut all: Vec<Expected> = Vec::new();
    for ProviderMetrics { provider, engine, peers, peer_labels, reporting_interval, overrides } in metrics {
        all.extend(
            peer_labels.as_ref().map(|labels| {
                traced(Signal::Metrics, "peerLabels", labels, |labels| json!(labels.join(", ")))
            }),
        );
        all.extend(
            engine
                .as_ref()
                .map(|engine| traced(Signal::Metrics, "engine", engine, |engine| json!(engine.name()))),
        );
        all.extend(
            peers
                .as_ref()
                .map(|peers| traced(Signal::Metrics, "peerMetadata", peers, |peers| json!(peers.name()))),
        );
        all.push(traced(Signal::Metrics, "provider", provider, |name| json!(name)));
        all.extend(reporting_interval.as_ref().map(|interval| {
            traced(Signal::Metrics, "reportingInterval", interval, |interval| {
                values::duration(*interval).json
            })
        }));
        for change in overrides {
            all.extend(
                change.disabled.as_ref().map(|disabled| {
                    traced(Signal::Metrics, "disabled", disabled, |disabled| json!(disabled))
                }),
            );
            for (tag, operation) in &change.tags {
                let field = format!("tagOverrides.{tag}");
                all.push(traced(Signal::Metrics, &field, operation, |operation| {
                    values::tag_operation(operation).json
                }));
            }
            assert!(matches!(&change.metric, MetricName::Standard(_) | MetricName::Custom(_)));
        }
    }
    of_tracing(tracing, &mut all);
    for logger in access_logs {
        let crate::resolve::AccessLogger { provider, sink: _, filter } = logger;
        let is_mesh = provider.value == "mesh";
        let field = if is_mesh { "accessLogFile" } else { "provider" };
        let value = if is_mesh { "/mesh.log" } else { &provider.value };
        all.push((Signal::AccessLogging, field.to_owned(), json!(value), Some(provider.origin.clone())));
        all.extend(
            filter.as_ref().map(|filter| traced(Signal::AccessLogging, "filter", filter, |text| json!(text))),
        );
    }
    let quiet = *listener_logs != ListenerLogs::On;
    all.push((Signal::AccessLogging, "disableEnvoyListenerLog".to_owned(), json!(quiet), None));
    for plugin in plugins {
        all.push((Signal::Plugins, "plugin".to_owned(), json!(plugin.id()), Some(plugin.origin.clone())));
        all.push((Signal::Plugins, "ports".to_owned(), json!(plugin.ports), None));
    }
    all
}

fn of_tracing(tracing: &Tracing, all: &mut Vec<Expected>) {
    let settings = match tracing {
        Tracing::Untouched | Tracing::Off(_) => return,
        Tracing::LeftOut(provider) => {
            all.push(traced(Signal::Tracing, "provider", provider, |name| json!(name)));
            return;
        }
        Tracing::Bootstrap(settings) => settings,
        Tracing::Provider { provider, tracer, settings } => {
            let collector = tracer.collector();
            for (field, value) in [
                ("service", values::service(collector)),
                ("port", values::number(collector.port)),
                ("endpoints", values::endpoints(collector)),
            ] {
                all.push((Signal::Tracing, field.to_owned(), value.json, None));
            }
            all.push(traced(Signal::Tracing, "provider", provider, |name| json!(name)));
            settings
        }
    };
    all.push(traced(Signal::Tracing, "randomSamplingPercentage", &settings.sampling, |percent| {
        json!(percent)
    }));
    for (field, flag) in [
        ("useRequestIdForTraceSampling", &settings.use_request_id),
        ("disableContextPropagation", &settings.disable_context_propagation),
    ] {
        all.push(traced(Signal::Tracing, field, flag, |flag| json!(flag)));
    }
    for (name, tag) in &settings.custom_tags {
        all.push(traced(Signal::Tracing, &format!("customTags.{name}"), tag, |tag| {
            values::custom_tag(tag).json
        }));
    }
    all.push((Signal::Tracing, "maxPathTagLength".to_owned(), json!(settings.max_path_tag_length), None));
    all.push((Signal::Tracing, "spawnUpstreamSpan".to_owned(), json!(settings.spawn_upstream_span), None));
}

fn traced<T>(signal: Signal, field: &str, traced: &Traced<T>, show: impl Fn(&T) -> Json) -> Expected {
    (signal, field.to_owned(), show(&traced.value), Some(traced.origin.clone()))
}

/// The fields that can be taken out without a change to what stands beside them: what a provider's name says of other
/// entries, and a switch-off of everything of the tags beside it, is more than the field itself.
fn leaves(resources: &Resources) -> Vec<(Signal, Leaf)> {
    let mut found = Vec::new();
    for telemetry in &resources.telemetries {
        for entry in &telemetry.tracing {
            let leaves = fields::of_tracing(entry).into_iter();
            let alone =
                leaves.filter(|leaf| leaf.kind != LeafKind::Provider(0) || entry.providers.len() == 1);
            found.extend(alone.map(|leaf| (Signal::Tracing, leaf)));
        }
        for entry in &telemetry.metrics {
            found.extend(fields::of_metrics(entry).into_iter().map(|leaf| (Signal::Metrics, leaf)));
            for change in &entry.overrides {
                let is_alone = change.metric != MetricMatch::All || change.tags.is_empty();
                let leaves = fields::of_override(change).into_iter();
                let leaves = leaves.filter(|leaf| is_alone || leaf.kind == LeafKind::Tag);
                found.extend(leaves.map(|leaf| (Signal::Metrics, leaf)));
            }
        }
        let of_logs = telemetry.access_logging.iter().flat_map(fields::of_access_logging);
        found.extend(of_logs.map(|leaf| (Signal::AccessLogging, leaf)));
    }
    found.retain(|(signal, leaf)| match leaf.kind {
        LeafKind::Provider(_) => *signal == Signal::Tracing,
        LeafKind::Empty => false,
        _ => true,
    });
    found
}

/// Documents without what stands at a place.
fn without(resources: &Resources, origin: &Origin) -> Resources {
    fn take<T>(said: &mut Option<Traced<T>>, origin: &Origin) {
        if said.as_ref().is_some_and(|said| said.origin == *origin) {
            *said = None;
        }
    }
    let mut resources = resources.clone();
    for telemetry in &mut resources.telemetries {
        for entry in &mut telemetry.tracing {
            entry.providers.retain(|name| name.origin != *origin);
            entry.custom_tags.retain(|(_, tag)| tag.origin != *origin);
            take(&mut entry.sampling, origin);
            take(&mut entry.disable_span_reporting, origin);
            take(&mut entry.use_request_id, origin);
            take(&mut entry.istio_tags, origin);
            take(&mut entry.disable_context_propagation, origin);
        }
        for entry in &mut telemetry.metrics {
            take(&mut entry.reporting_interval, origin);
            for change in &mut entry.overrides {
                take(&mut change.disabled, origin);
                change.tags.retain(|(_, operation)| operation.origin != *origin);
            }
        }
        for entry in &mut telemetry.access_logging {
            take(&mut entry.disabled, origin);
            take(&mut entry.filter, origin);
        }
    }
    resources
}

#[test]
fn a_text_says_all_and_stays_within_its_columns() {
    let text =
        documents("accessLogFile: /mesh.log", &[("R", "accessLogging: [{providers: [{name: json}]}]")]);
    let checked = checked(&text);
    let explanation = Explainer::new(&checked).explain(&workload());
    for columns in [40, 80, 120] {
        let text = explanation.to_text(columns);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(columns), "{columns}: {text}");
        for word in ["json", "t.yaml:", "METRICS", "TRACING", "ACCESS LOGGING", "PLUGINS"] {
            assert!(text.contains(word), "{columns}, {word}: {text}");
        }
    }
}
