//! A code's page as Markdown: what `docs/codes` holds and what a terminal shows.

use super::check;
use crate::document::Source;
use crate::problem::{Case, Laid, Page, area};

/// An example as the file that its page shows.
pub fn example(text: &str) -> Source {
    Source::new("example.yaml", text.trim_start_matches('\n'))
}

/// A page as Markdown.
pub fn markdown(page: &Page) -> String {
    let Page { code, title, severity, basis, analyzer, means, matters, case } = page;
    let mut text = format!("# {code}: {}\n\n", headline(title));
    text.push_str(&format!("{} · {}\n\n", area(code.0), severity.name()));
    text.push_str(&format!(
        "{}\n\n## Why it matters\n\n{} {}\n",
        paragraph(means),
        paragraph(matters),
        basis.sentence()
    ));
    if !analyzer.is_empty() {
        text.push_str(&format!("\n`istioctl analyze`: {}\n", paragraph(analyzer)));
    }
    text.push_str("\n## Example\n\n");
    match *case {
        Case::Documents { wrong, right } => {
            text.push_str(&fenced("yaml", wrong));
            text.push_str(&format!("\n`burgee check` says:\n\n{}", fenced("text", &says(wrong))));
            text.push_str(&format!("\n## Instead\n\n{}", fenced("yaml", right)));
        }
        Case::Mesh { wrong, right } => {
            text.push_str(&format!("In a folder for `burgee up`:\n\n{}", fenced("yaml", wrong)));
            text.push_str(&format!("\n## Instead\n\n{}", fenced("yaml", right)));
        }
        Case::Base { wrong, right } => {
            text.push_str(&laid(&wrong));
            text.push_str(&format!("\n## Instead\n\n{}", laid(&right)));
        }
        Case::Situation { wrong, right } => {
            text.push_str(&format!("{}\n\n## Instead\n\n{}\n", paragraph(wrong), paragraph(right)));
        }
    }
    text
}

fn laid(laid: &Laid) -> String {
    let language = if laid.base.trim_start().starts_with('{') { "json" } else { "yaml" };
    let (documents, base) = (fenced("yaml", laid.documents), fenced(language, laid.base));
    format!("The documents\n\n{documents}\nlaid over the base\n\n{base}")
}

/// A title without its full stop.
pub fn headline(title: &str) -> &str {
    title.strip_suffix('.').unwrap_or(title)
}

/// What `check` says of an example.
fn says(documents: &str) -> String {
    let problems = check(&[example(documents)]).problems;
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// Text whose line breaks mean nothing.
fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fenced(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_matches('\n'))
}
