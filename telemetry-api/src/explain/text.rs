//! Explanations as text for a terminal: what is the same at several classes of listeners, or of several metrics, is said
//! once.

mod answer;
mod lines;

use lines::{Lines, place, unbroken};

use burgee_filter_config::StandardMetric;

use super::model::{
    Bystander, Cause, Contribution, Explanation, Fact, Overridden, Remark, Section, Signal, Value,
};
use crate::origin::Origin;
use crate::resolve::MetricName;

/// How Istio's own tags begin.
const ISTIO_TAG: &str = "customTags.istio.";

/// How many documents that are not for a workload are told of.
const MAX_OTHERS: usize = 8;

impl Explanation {
    /// The explanation for people, in lines of at most so many columns where words allow it.
    pub fn to_text(&self, columns: usize) -> String {
        let mut lines = Lines::new(columns);
        self.head(&mut lines);
        for signal in Signal::ALL {
            for (classes, text) in self.of_signal(signal, columns) {
                lines.blank();
                lines.add(0, &format!("{} ({})", heading(signal), classes.join(" and ")));
                lines.append(&text);
            }
        }
        lines.finish()
    }

    /// A signal's text, and the classes that it is the same at.
    fn of_signal(&self, signal: Signal, columns: usize) -> Vec<(Vec<&'static str>, String)> {
        let mut texts: Vec<(Vec<&str>, String)> = Vec::new();
        for class in &self.classes {
            for section in class.sections.iter().filter(|section| section.signal == signal) {
                let text = of_section(section, columns);
                match texts.iter_mut().find(|(_, other)| *other == text) {
                    Some((classes, _)) => classes.push(class.class.name()),
                    None => texts.push((vec![class.class.name()], text)),
                }
            }
        }
        texts
    }

    /// The workload and its documents.
    fn head(&self, lines: &mut Lines) {
        let workload = &self.workload;
        let labels: Vec<String> =
            workload.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let labels = if labels.is_empty() { "no labels".to_owned() } else { labels.join(", ") };
        let kind = workload.kind.name();
        lines.add(0, &format!("{workload}: {kind} of revision {}, {labels}", workload.revision));
        lines.blank();
        if !self.has_mesh_config {
            lines.add(0, "No MeshConfig is among the documents; Istio's defaults stand in for it.");
        }
        let title = match self.documents.is_empty() {
            true => "No document is for it.",
            false => "What is for it; each document goes over those before it:",
        };
        lines.add(0, title);
        for (index, Contribution { document, place: at, why }) in self.documents.iter().enumerate() {
            lines.add(2, &format!("{}. {}, {}", index + 1, unbroken(&document.to_string()), place(at)));
            lines.add(5, why);
        }
        if !self.others.is_empty() {
            lines.add(0, "What is near it and not for it:");
        }
        for Bystander { document, place: at, why } in self.others.iter().take(MAX_OTHERS) {
            lines.add(2, &format!("-  {}, {}", unbroken(&document.to_string()), place(at)));
            why.iter().for_each(|why| lines.add(5, why));
        }
        if let Some(more) = self.others.len().checked_sub(MAX_OTHERS).filter(|more| *more > 0) {
            lines.add(2, &format!("and {more} more; -o json has all of them"));
        }
    }
}

const fn heading(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "METRICS",
        Signal::Tracing => "TRACING",
        Signal::AccessLogging => "ACCESS LOGGING",
        Signal::Plugins => "PLUGINS",
    }
}

fn of_section(section: &Section, columns: usize) -> String {
    let mut lines = Lines::new(columns);
    let facts: Vec<&Fact> = section.facts.iter().filter(|fact| is_worth_a_line(fact)).collect();
    let mut told = "";
    for of_one in facts.chunk_by(|fact, next| fact.of == next.of) {
        // The first fact about a provider or a plugin is its heading, and is told even if it holds by default.
        let (defaults, said): (Vec<&Fact>, Vec<&Fact>) =
            of_one.iter().partition(|fact| is_default(fact) && !std::ptr::eq(**fact, facts[0]));
        let is_about_one = of_one.iter().any(|fact| fact.of.is_some());
        for (index, group) in grouped(&said).iter().enumerate() {
            write_group(group, if is_about_one && index > 0 { 4 } else { 2 }, told, &mut lines);
            told = &group.fact.why;
        }
        if !defaults.is_empty() {
            let shown = |fact: &&Fact| format!("{} {}", fact.field, fact.value.text);
            let all: Vec<String> = defaults.iter().map(shown).collect();
            let indent = if is_about_one { 4 } else { 2 };
            lines.add(indent, &format!("by default: {}", all.join(", ")));
        }
    }
    write_lost(section, &mut lines);
    for remark in &section.remarks {
        write_remark(remark, &mut lines);
    }
    lines.finish()
}

/// Whether a fact says more than that there is nothing to say.
fn is_worth_a_line(fact: &Fact) -> bool {
    if fact.moot.is_some() {
        return false;
    }
    let is_off = |value: &Value| value.json == false || value.json.is_null();
    let is_absence = (fact.field == "disabled" && fact.metric.is_none()) || fact.field == "filter";
    !(is_absence && is_off(&fact.value) && fact.overrode.iter().all(|overridden| is_off(&overridden.value)))
}

/// Whether a value holds by a default that needs no further word.
fn is_default(fact: &Fact) -> bool {
    let is_usual = |rule: &str| rule.ends_with("'s default") || fact.field == "enableIstioTags";
    fact.overrode.is_empty() && matches!(fact.origin, Origin::Rule(rule) if is_usual(rule))
}

/// What is said to no effect, by reason.
fn write_lost(section: &Section, lines: &mut Lines) {
    let of_this_side = section.lost.iter().filter(|lost| lost.cause != Cause::OtherSide);
    let mut lost: Vec<(&Origin, &Value, &str)> =
        of_this_side.map(|lost| (&lost.origin, &lost.value, lost.why.as_str())).collect();
    // What shows for one metric is told there.
    let shows =
        |origin: &Origin| section.facts.iter().any(|fact| fact.moot.is_none() && fact.origin == *origin);
    for fact in section.facts.iter().filter(|fact| !shows(&fact.origin)) {
        lost.extend(fact.moot.as_ref().map(|why| (&fact.origin, &fact.value, why.as_str())));
    }
    if !lost.is_empty() {
        lines.add(2, "said to no effect:");
    }
    while let Some((_, _, why)) = lost.first().copied() {
        let (same, others): (Vec<_>, Vec<_>) = lost.into_iter().partition(|(_, _, other)| *other == why);
        for (origin, value, _) in same {
            lines.add(4, &format!("{}: {}", path(origin), value.text));
            lines.labelled(6, "at", &from(origin));
        }
        lines.labelled(6, "why", why);
        lost = others;
    }
}

fn write_remark(remark: &Remark, lines: &mut Lines) {
    let code = remark.code.map_or(String::new(), |code| format!(" ({code})"));
    lines.labelled(2, "note", &format!("{}{code}", remark.text));
    if let Some(origin) = &remark.origin {
        lines.labelled(7, "at", &from(origin));
    }
}

/// Facts that have everything in common but the field and the metric.
struct Group<'e> {
    fact: &'e Fact,
    /// Fields with their values, and the metrics that each is of.
    fields: Vec<(&'e Fact, Vec<&'e MetricName>)>,
}

fn grouped<'e>(facts: &[&'e Fact]) -> Vec<Group<'e>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for fact in facts {
        let is_same = |group: &&mut Group<'_>| {
            let other = group.fact;
            (&other.of, &other.origin, &other.why, &other.overrode)
                == (&fact.of, &fact.origin, &fact.why, &fact.overrode)
        };
        let Some(group) = groups.iter_mut().find(is_same) else {
            groups.push(Group { fact, fields: vec![(fact, fact.metric.iter().collect())] });
            continue;
        };
        let is_field = |(other, _): &&mut (&Fact, Vec<&MetricName>)| {
            (&other.field, &other.value) == (&fact.field, &fact.value)
        };
        match group.fields.iter_mut().find(is_field) {
            Some((_, metrics)) => metrics.extend(&fact.metric),
            None => group.fields.push((fact, fact.metric.iter().collect())),
        }
    }
    groups
}

/// Writes facts; the rule by which they hold is left out where it was told just before.
fn write_group(group: &Group<'_>, indent: usize, told: &str, lines: &mut Lines) {
    let Fact { origin, why, overrode, .. } = group.fact;
    let is_plain = overrode.is_empty() && (why == Fact::SAYS || matches!(origin, Origin::Rule(_)));
    let by = match origin {
        Origin::Rule(rule) => format!(" ({rule})"),
        Origin::Document { place: at, .. } => format!(" ({})", place(at)),
    };
    let by = if is_plain { by } else { String::new() };
    let (own, fields): (Vec<_>, Vec<_>) =
        group.fields.iter().partition(|(fact, _)| fact.field.starts_with(ISTIO_TAG));
    for (fact, metrics) in fields {
        let field = &fact.field;
        lines.add(indent, &format!("{field}{}: {}{by}", of_metrics(metrics), fact.value.text));
    }
    if !own.is_empty() {
        let tags: Vec<&Fact> = own.iter().map(|(fact, _)| *fact).collect();
        lines.add(indent, &format!("{}{by}", istio_tags(&tags)));
    }
    if is_plain {
        return;
    }
    lines.labelled(indent + 2, "from", &from(origin));
    if why != told {
        lines.labelled(indent + 2, "why", why);
    }
    for Overridden { value, origin } in overrode.iter().rev() {
        let from = match origin {
            Origin::Rule(rule) if rule.starts_with("Istio's default") => "by default".to_owned(),
            Origin::Rule(rule) => (*rule).to_owned(),
            Origin::Document { .. } => self::from(origin),
        };
        lines.labelled(indent + 2, "over", &format!("{}, {from}", value.text));
    }
}

/// Istio's own tags of spans, which are many: those that say who the workload is, and how many others there are.
fn istio_tags(tags: &[&Fact]) -> String {
    let (results, service): (Vec<&&Fact>, Vec<&&Fact>) =
        tags.iter().partition(|fact| fact.field.contains("dry_run"));
    let name =
        |fact: &&&Fact| format!("{} {}", fact.field.trim_start_matches("customTags."), fact.value.text);
    let mut all: Vec<String> = service.iter().map(name).collect();
    if !results.is_empty() {
        all.push(format!("istio.authorization.dry_run.* ({})", results.len()));
    }
    format!("customTags: {}", all.join(", "))
}

/// The metrics that something is of, in words.
fn of_metrics(metrics: &[&MetricName]) -> String {
    let names = |metrics: &mut dyn Iterator<Item = &MetricName>| -> String {
        metrics.map(MetricName::api_name).collect::<Vec<_>>().join(", ")
    };
    let all = StandardMetric::ALL.map(MetricName::Standard);
    let missing: Vec<&MetricName> = all.iter().filter(|metric| !metrics.contains(metric)).collect();
    let are_standard = metrics.iter().all(|metric| all.contains(metric));
    match (metrics, missing.as_slice()) {
        ([], _) => String::new(),
        _ if !are_standard => format!(" of {}", names(&mut metrics.iter().copied())),
        (_, []) => " of every metric".to_owned(),
        (_, [_, rest @ ..]) if rest.len() < 3 => {
            format!(" of every metric but {}", names(&mut missing.iter().copied()))
        }
        _ => format!(" of {}", names(&mut metrics.iter().copied())),
    }
}

/// Where something comes from, and which document that is.
fn from(origin: &Origin) -> String {
    match origin {
        // The kind and the name stay together.
        Origin::Document { document, place: at, .. } => {
            format!("{}, {}", place(at), unbroken(&document.to_string()))
        }
        Origin::Rule(rule) => (*rule).to_owned(),
    }
}

/// Where something stands.
fn at(origin: &Origin) -> String {
    match origin {
        Origin::Document { place: at, .. } => place(at),
        Origin::Rule(rule) => (*rule).to_owned(),
    }
}

/// The path of a field.
fn path(origin: &Origin) -> String {
    match origin {
        Origin::Document { path, .. } if path.is_empty() => "the document".to_owned(),
        Origin::Document { path, .. } => path.to_string(),
        Origin::Rule(rule) => (*rule).to_owned(),
    }
}
