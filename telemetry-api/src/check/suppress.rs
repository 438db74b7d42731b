//! What is not told: warnings and notes that a document, or whoever asks, has ignored. What is an error cannot be: the
//! document is unusable, and whoever ignored that would not know why nothing comes of it.

use std::collections::{BTreeSet, HashMap};

use crate::document::{Ignore, Outline, OutlineIndex};
use crate::origin::Place;
use crate::problem::{Code, Problem, Severity, closest, codes};

/// A problem that is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// The problem.
    pub problem: Problem,
    /// Who ignored it.
    pub by: SuppressedBy,
}

/// Who ignored a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuppressedBy {
    /// Its document, by an annotation that stands here.
    Document(Place),
    /// Whoever asks.
    Caller,
}

/// Takes out what documents ask not to be told of them, and tells of what they ask in vain.
pub(super) fn by_documents(
    problems: &mut Vec<Problem>,
    outlines: &[Outline],
    ignores: &[Ignore],
) -> Vec<Suppressed> {
    if ignores.is_empty() {
        return Vec::new();
    }
    let mut suppressed = Vec::new();
    // For each ignore, how bad that was which it fits.
    let mut worst: Vec<Option<Severity>> = vec![None; ignores.len()];
    let outlines = OutlineIndex::new(outlines);
    // Of several of one document for a code the first counts.
    let ignored = ignores.iter().enumerate().rev();
    let ignored: HashMap<(&Place, &str), usize> =
        ignored.map(|(index, ignore)| ((&ignore.document, ignore.code.as_str()), index)).collect();
    problems.retain(|problem| {
        let document = problem.place.as_ref().and_then(|place| outlines.around(place));
        let Some(document) = document else { return true };
        let Some(&index) = ignored.get(&(&document.place, problem.code.0)) else { return true };
        worst[index] = worst[index].max(Some(problem.severity));
        if problem.severity == Severity::Error {
            return true;
        }
        let by = SuppressedBy::Document(ignores[index].place.clone());
        suppressed.push(Suppressed { problem: problem.clone(), by });
        false
    });
    let told = ignores.iter().zip(worst).filter_map(|(ignore, worst)| in_vain(ignore, worst));
    problems.extend(told);
    suppressed
}

/// What is to be said of a code that a document asks for and that is not, or not only, ignored.
fn in_vain(ignore: &Ignore, worst: Option<Severity>) -> Option<Problem> {
    let code = &ignore.code;
    let problem = match worst {
        Some(Severity::Error) => error_stays(code),
        Some(Severity::Warning | Severity::Note) => return None,
        None if codes::pages().any(|page| page.code.0 == code) => {
            let message = format!("there is nothing to ignore: {code} is not told of this document");
            let help = "take it out; if it depends on documents that are not given here, leave it";
            Problem::new(Severity::Note, codes::UNUSED_IGNORE, message).help(help)
        }
        None => {
            let known: Vec<&str> = codes::pages().map(|page| page.code.0).collect();
            let help = match closest(code, &known).filter(|_| code.starts_with("BG")) {
                Some(near) => format!("did you mean {near}? `burgee code` lists all"),
                None => "write codes such as BG0205, separated by commas; `burgee code` lists all".to_owned(),
            };
            let message = format!("`{code}` is no code that is told of documents");
            Problem::new(Severity::Warning, codes::UNKNOWN_IGNORE, message).help(help)
        }
    };
    Some(problem.at(ignore.place.clone(), ignore.path.clone()))
}

fn error_stays(code: &str) -> Problem {
    let message = format!("{code} is an error here and is told all the same");
    let help = "only warnings and notes can be ignored; mend it, or leave the document out";
    Problem::new(Severity::Warning, codes::ERROR_NOT_IGNORED, message).help(help)
}

/// Takes out what whoever asks does not want to be told, and tells of errors that stay all the same.
pub fn by_caller(problems: &mut Vec<Problem>, ignored: &BTreeSet<Code>) -> Vec<Suppressed> {
    let mut suppressed = Vec::new();
    let mut errors: BTreeSet<Code> = BTreeSet::new();
    problems.retain(|problem| {
        if !ignored.contains(&problem.code) {
            return true;
        }
        if problem.severity == Severity::Error {
            errors.insert(problem.code);
            return true;
        }
        suppressed.push(Suppressed { problem: problem.clone(), by: SuppressedBy::Caller });
        false
    });
    problems.extend(errors.into_iter().map(|code| error_stays(code.0)));
    suppressed
}

#[cfg(test)]
mod tests;
