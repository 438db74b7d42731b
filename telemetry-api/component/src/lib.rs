//! The language as a WebAssembly component: burgee-api for hosts of any language, by the world in `language.wit`.
//!
//! The component imports nothing, so that a host needs nothing for it: no file system, no clock, no randomness.

#[allow(missing_docs, unsafe_code, reason = "generated: the words are in the world, and only glue is unsafe")]
mod world {
    wit_bindgen::generate!({ path: "language.wit", world: "language" });
}

use burgee_api::check::check;
use burgee_api::document::Source;

struct Language;

impl world::Guest for Language {
    fn check(sources: Vec<world::Source>) -> Vec<world::Problem> {
        let sources: Vec<Source> =
            sources.into_iter().map(|source| Source::new(source.name, source.text)).collect();
        check(&sources).problems.into_iter().map(problem).collect()
    }
}

fn problem(problem: burgee_api::Problem) -> world::Problem {
    world::Problem {
        code: problem.code.to_string(),
        severity: match problem.severity {
            burgee_api::Severity::Note => world::Severity::Note,
            burgee_api::Severity::Warning => world::Severity::Warning,
            burgee_api::Severity::Error => world::Severity::Error,
        },
        place: problem.place.map(|place| world::Place {
            file: place.file.to_string(),
            line: number(place.line),
            column: number(place.column),
            width: number(place.width),
        }),
        path: problem.path,
        message: problem.message,
        help: problem.help,
    }
}

/// A count of lines or characters. Memory of 32 bits has no text with more of them than a number of 32 bits counts.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[allow(unsafe_code, reason = "generated: a host calls functions of C")]
mod exports {
    use super::{Language, world};
    world::export!(Language with_types_in world);
}
