//! The bootstrap's part: `stats_tags` that turn the names of our metrics into labels, and whether the base lets our
//! metrics through at all.

use burgee_api::Severity;
use burgee_api::resolve::Effective;
use burgee_filter_config::stat_name;

use crate::Options;
use crate::codes;
use crate::edit::{Edit, Owner};
use crate::lower::{self, Label, native, plugin};
use crate::mark::{self, Made};
use crate::plan::{Plan, problem};
use crate::value::Value;
use crate::view;

/// A name as our filter makes it, to try a matcher on: matchers see the whole name, labels and all.
const SAMPLE: &str = "wasmcustom.reporter=.=source;.;source_workload=.=web-v1;.;istio_requests_total";

/// Adds one `stats_tags` entry per label, and the containers that they need. Nothing is added for a proxy that gets
/// no filter here and no listener from elsewhere.
pub(crate) fn plan(base: &Value, policy: &Effective, options: &Options, plan: &mut Plan) {
    let is_asking = view::asks_for_listeners(base);
    let mut labels = Vec::new();
    if plan.measures() || is_asking {
        labels = lower::labels(policy, options.identity);
    }
    let mut samples = Vec::new();
    if !labels.is_empty() {
        samples.push(SAMPLE);
    }
    if plan.has_logger() || is_asking && lower::has_native(policy, options.identity) {
        samples.push(native::SAMPLE);
    }
    check_matcher(base, &samples, plan);
    for label in plugin::labels(policy, options, |filter| is_asking || plan.has_filter(filter)) {
        if labels.iter().all(|known| known.name != label.name) {
            labels.push(label);
        }
    }

    let path = mark::path_of(&["stats_config", "stats_tags"]);
    let present = base.at(&["stats_config", "stats_tags"]).map_or(&[][..], Value::items);
    // Each label with the index in the base before which it goes.
    let mut places: Vec<(usize, Label)> = Vec::new();
    for label in labels {
        if !stat_name::is_valid_label_name(&label.name) {
            plan.problems.push(problem(
                Severity::Warning,
                codes::BAD_LABEL,
                String::new(),
                format!("{:?} cannot be a label's name, so Envoy will not show it", label.name),
                "letters, digits and `_`, and no digit in front",
            ));
            continue;
        }
        // Of several entries of one name Envoy takes the first that fits. An entry that is not for our names may
        // still fit them: a fixed value fits every name. Behind ours it keeps all names but those with our label.
        let named = |tag: &Value| tag.field("tag_name").and_then(Value::as_str) == Some(&label.name);
        match present.iter().enumerate().find(|(_, tag)| named(tag)) {
            Some((_, tag)) if extracts(tag, &label.name) => {}
            Some((at, tag)) => {
                if tag.field("fixed_value").is_some() {
                    plan.problems.push(problem(
                        Severity::Note,
                        codes::TAKEN_TAG,
                        path.index(at).to_string(),
                        format!(
                            "the base gives every metric the tag {:?}; a metric of ours that has this label shows the \
                             label's value",
                            label.name
                        ),
                        "nothing has to be done; to see both, give one of them another name",
                    ));
                }
                places.push((at, label));
            }
            None => places.push((present.len(), label)),
        }
    }
    if places.is_empty() {
        return;
    }
    if let Some((taken, wanted)) = mark::obstacle(base) {
        plan.problems.push(problem(
            Severity::Error,
            codes::NO_PLACE_FOR_TAGS,
            taken.to_string(),
            format!("the stats_tags cannot be written: {taken} is not {wanted}"),
            "correct the base, or write `stats_config: {stats_tags: []}` into it; without stats_tags labels would \
             become part of the metrics' names",
        ));
        return;
    }
    let mut made = Made::default();
    if made.note(base, &["stats_config"]) {
        plan.edits.push(Edit {
            path: mark::path_of(&["stats_config"]),
            owner: Owner::rule("holds the stats_tags"),
            value: Value::map([]),
        });
    }
    made.note(base, &["stats_config", "stats_tags"]);
    // Stable, so labels keep their order; and from the front, so each index is the one in the result.
    places.sort_by_key(|(at, _)| *at);
    plan.edits.extend(places.into_iter().enumerate().map(|(before, (at, label))| Edit {
        path: path.index(at + before),
        owner: label.owner,
        value: lower::tag_specifier(&label.name),
    }));
    plan.edits.append(&mut made.edits(base));
}

/// Whether an entry of the base takes this label out of a name of our scheme already, as Istio's bootstraps do.
fn extracts(tag: &Value, label: &str) -> bool {
    let text = |name: &str| tag.field(name).and_then(Value::as_str).unwrap_or_default();
    // The expression need not be anchored, so what stands before the label's name must not be part of a longer one.
    let regex = text("regex");
    let scheme = format!(r"{label}=\.=");
    text("tag_name") == label
        && regex.match_indices(&scheme).any(|(at, _)| {
            let before = &regex[..at];
            before.ends_with(r"\b") || !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
}

/// Tells of a matcher that keeps back metrics with names such as these.
fn check_matcher(base: &Value, samples: &[&str], plan: &mut Plan) {
    let Some(matcher) = base.at(&["stats_config", "stats_matcher"]) else {
        return;
    };
    let path = mark::path_of(&["stats_config", "stats_matcher"]);
    let patterns = |name: &str| matcher.at(&[name, "patterns"]).map_or(&[][..], Value::items);
    if samples.is_empty() {
        return;
    }
    let fault = if matcher.field("reject_all") == Some(&Value::Bool(true)) {
        Some((path.field("reject_all"), "rejects every metric"))
    } else if matcher.field("inclusion_list").is_some() {
        // `None` is an expression that we cannot evaluate: no warning on a guess.
        let takes_none = |sample: &&str| {
            patterns("inclusion_list").iter().all(|it| matches_sample(it, sample) == Some(false))
        };
        let dropped = samples.iter().any(takes_none);
        dropped.then(|| (path.field("inclusion_list"), "has no pattern that lets our metrics through"))
    } else {
        let takes_it = |sample: &&str| {
            patterns("exclusion_list").iter().any(|it| matches_sample(it, sample) == Some(true))
        };
        let dropped = samples.iter().any(takes_it);
        dropped.then(|| (path.field("exclusion_list"), "has a pattern that takes our metrics out"))
    };
    if let Some((path, what)) = fault {
        plan.problems.push(problem(
            Severity::Warning,
            codes::MATCHER_DROPS,
            path.to_string(),
            format!("the base's stats_matcher {what}, so no Istio metric will be seen"),
            "the matcher sees whole names, which begin with `wasmcustom.`: include the prefix `wasmcustom.`",
        ));
    }
}

/// Whether a string matcher takes the name of a metric of ours; `None` for a regular expression.
fn matches_sample(pattern: &Value, sample: &str) -> Option<bool> {
    let ignore_case = pattern.field("ignore_case") == Some(&Value::Bool(true));
    let fold = |text: &str| {
        if ignore_case { text.to_ascii_lowercase() } else { text.to_owned() }
    };
    let sample = fold(sample);
    let text = |name: &str| pattern.field(name).and_then(Value::as_str).map(&fold);
    if let Some(prefix) = text("prefix") {
        Some(sample.starts_with(&prefix))
    } else if let Some(suffix) = text("suffix") {
        Some(sample.ends_with(&suffix))
    } else if let Some(part) = text("contains") {
        Some(sample.contains(&part))
    } else {
        text("exact").map(|exact| sample == exact)
    }
}
