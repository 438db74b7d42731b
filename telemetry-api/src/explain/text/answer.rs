//! Answers as text.

use super::lines::{Lines, place};
use super::{at, from, of_metrics, path, write_remark};
use crate::explain::answer::{Answer, Effect, FieldAnswer, FieldAtClass, OverriddenBy, Reason, What};

impl Answer {
    /// The answer for people, in lines of at most so many columns where words allow it.
    pub fn to_text(&self, columns: usize) -> String {
        let mut lines = Lines::new(columns);
        let mut document = self.document.to_string().trim().to_owned();
        if let Some(at) = &self.place {
            document += &format!(" ({})", place(at));
        }
        let workload = &self.workload;
        let count = self.fields.len();
        let in_force = self.fields.iter().filter(|field| is_in_force(field)).count();
        let verdict = match self.effect {
            Effect::NotForIt
                if self.place.is_none() && self.document.kind.eq_ignore_ascii_case("MeshConfig") =>
            {
                "There is no MeshConfig among the documents.".to_owned()
            }
            Effect::NotForIt if self.place.is_none() => format!("There is no {document}."),
            Effect::NotForIt => format!("{document} has no effect on {workload}:"),
            Effect::Nothing if count == 0 => {
                format!("{document} is for {workload}, and says nothing that could have an effect.")
            }
            Effect::Nothing => format!("{document} is for {workload}, and nothing that it says is in force:"),
            Effect::Some => {
                format!("{document} has an effect on {workload}; in force: {in_force} of its {count} fields")
            }
            Effect::All => format!("{document} has an effect on {workload}; in force: all of it"),
        };
        lines.add(0, &verdict);
        self.reasons.iter().for_each(|reason| of_reason(reason, &mut lines));
        self.fields.iter().for_each(|field| of_field(field, &mut lines));
        self.remarks.iter().for_each(|remark| write_remark(remark, &mut lines));
        lines.finish()
    }
}

fn is_in_force(field: &FieldAnswer) -> bool {
    field.classes.iter().any(|class| !class.in_force.is_empty())
}

fn of_reason(reason: &Reason, lines: &mut Lines) {
    lines.add(2, &reason.text);
    if let Some(at) = &reason.place {
        lines.labelled(4, "at", &place(at));
    }
    for problem in &reason.problems {
        let at = problem.place.as_ref().map_or(String::new(), |at| format!("{} ", place(at)));
        let path = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
        lines.add(4, &format!("{at}{}: {path}{}", problem.code, problem.message));
        if !problem.help.is_empty() {
            lines.labelled(7, "help", &problem.help);
        }
    }
    if !reason.help.is_empty() {
        lines.labelled(4, "help", &reason.help);
    }
}

fn of_field(field: &FieldAnswer, lines: &mut Lines) {
    lines.add(2, &format!("{}: {}", path(&field.origin), field.value.text));
    lines.labelled(4, "at", &at(&field.origin));
    let mut told: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for class in &field.classes {
        let verdicts = verdicts(class);
        match told.iter_mut().find(|(_, others)| *others == verdicts) {
            Some((classes, _)) => classes.push(class.class.name()),
            None => told.push((vec![class.class.name()], verdicts)),
        }
    }
    let is_one = told.len() == 1;
    for (classes, verdicts) in told {
        let classes = if is_one { String::new() } else { format!("{}: ", classes.join(" and ")) };
        verdicts.iter().for_each(|verdict| lines.add(9, &format!("{classes}{verdict}")));
    }
}

/// What comes of a field, each in a sentence.
fn verdicts(class: &FieldAtClass) -> Vec<String> {
    let mut verdicts = Vec::new();
    if !class.in_force.is_empty() {
        let is_partly = !class.overridden.is_empty() || class.lost.is_some();
        let of = if is_partly { of_whats(class.in_force.iter()) } else { String::new() };
        verdicts.push(format!("in force{of}"));
    }
    let mut open: Vec<&OverriddenBy> = class.overridden.iter().collect();
    while let Some(first) = open.first().copied() {
        let is_same = |by: &&OverriddenBy| by.why == first.why && by.what.field == first.what.field;
        let (same, others): (Vec<_>, Vec<_>) = open.into_iter().partition(is_same);
        let is_partly = !class.in_force.is_empty() || !others.is_empty();
        let of = if is_partly { of_whats(same.iter().map(|by| &by.what)) } else { String::new() };
        let mut by: Vec<String> = Vec::new();
        for one in same {
            let value = format!("{} ({})", one.value.text, from(&one.origin));
            if !by.contains(&value) {
                by.push(value);
            }
        }
        verdicts.push(format!("overridden{of} by {}, because {}", by.join(" and "), first.why));
        open = others;
    }
    if let Some((_, why)) = &class.lost {
        let elsewhere = if verdicts.is_empty() { "" } else { " otherwise" };
        verdicts.push(format!("no effect{elsewhere}: {why}"));
    }
    verdicts
}

/// The metrics that something is of, or else the providers.
fn of_whats<'a>(whats: impl Iterator<Item = &'a What>) -> String {
    let whats: Vec<&What> = whats.collect();
    let metrics: Vec<_> = whats.iter().filter_map(|what| what.metric.as_ref()).collect();
    if !metrics.is_empty() {
        return of_metrics(&metrics);
    }
    let mut names: Vec<&str> = whats.iter().filter_map(|what| what.of.as_deref()).collect();
    names.dedup();
    if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) }
}
