//! What makes a problem the same one in two versions of the documents: not where it stands, but what it is of.

use std::collections::HashMap;

use burgee_api::Problem;
use sha2::{Digest, Sha256};

/// Numbers problems that are the same in all but their place.
#[derive(Default)]
pub(super) struct Fingerprints {
    seen: HashMap<String, usize>,
}

impl Fingerprints {
    /// The fingerprint of the next problem, which is of `subject`. It stays when lines are added above or below.
    pub fn next(&mut self, problem: &Problem, subject: &str) -> String {
        let file = problem.place.as_ref().map_or("", |place| &*place.file);
        let message = without_places(&problem.message);
        let identity = [problem.code.0, file, subject, &message].join("\0");
        let digest = Sha256::digest(identity.as_bytes());
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let count = self.seen.entry(hash.clone()).or_default();
        *count += 1;
        format!("{hash}:{count}")
    }
}

/// A message without the places that it names: `:LINE:COLUMN` after a file's name.
fn without_places(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(':') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let place = place_length(after);
        if place == 0 {
            text.push(':');
        }
        rest = &after[place.max(1)..];
    }
    text.push_str(rest);
    text
}

/// How long the `:LINE:COLUMN` is that a text begins with.
fn place_length(text: &str) -> usize {
    let number = |text: &str| {
        let digits = text.strip_prefix(':')?.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then_some(1 + digits)
    };
    number(text).and_then(|line| Some(line + number(&text[line..])?)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use burgee_api::Severity;
    use burgee_api::origin::Place;
    use burgee_api::problem::codes;

    use super::*;

    fn mk_problem(file: &str, line: usize, path: &str, message: &str) -> Problem {
        let place = Place { file: file.into(), line, column: 3, width: 1 };
        Problem::new(Severity::Warning, codes::UNKNOWN_FIELD, message).at(place, path)
    }

    fn one(problem: &Problem) -> String {
        Fingerprints::default().next(problem, &problem.path)
    }

    #[test]
    fn it_stays_when_lines_move_and_changes_when_anything_else_does() {
        let problem = mk_problem("a.yaml", 7, "spec.x", "the first one is at a.yaml:3:1");
        assert_eq!(
            one(&problem),
            one(&mk_problem("a.yaml", 90, "spec.x", "the first one is at a.yaml:86:12"))
        );
        for other in [
            mk_problem("b.yaml", 7, "spec.x", "the first one is at a.yaml:3:1"),
            mk_problem("a.yaml", 7, "spec.y", "the first one is at a.yaml:3:1"),
            mk_problem("a.yaml", 7, "spec.x", "the first one is at b.yaml:3:1"),
        ] {
            assert_ne!(one(&problem), one(&other));
        }
    }

    #[test]
    fn problems_that_are_alike_are_numbered() {
        let problem = mk_problem("a.yaml", 7, "spec.x", "twice");
        let mut fingerprints = Fingerprints::default();
        let (first, second) = (fingerprints.next(&problem, ""), fingerprints.next(&problem, ""));
        assert!(first.ends_with(":1") && second.ends_with(":2"), "{first} {second}");
        assert_eq!(first.split(':').next(), second.split(':').next());
    }

    #[test]
    fn only_places_are_taken_out_of_messages() {
        for (message, expected) in [
            ("at a.yaml:12:3, twice", "at a.yaml, twice"),
            ("expected: 5, found :6", "expected: 5, found :6"),
            ("127.0.0.1:80 is taken", "127.0.0.1:80 is taken"),
            ("a:1:2 b:3:4", "a b"),
            (":::1:2:", ":::"),
            ("é:1:2é", "éé"),
        ] {
            assert_eq!(without_places(message), expected, "{message}");
        }
    }
}
