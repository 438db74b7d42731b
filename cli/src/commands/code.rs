//! `burgee code`: what a code means, why it matters, what causes it and what to write instead.

use burgee_api::check::code_page::{headline, markdown};
use burgee_api::problem::{Page, area};
use serde::Serialize;

use crate::args::Format;
use crate::plan::CodePlan;
use crate::{Failure, Outcome, codes, output, report};

/// A page as programs read it.
#[derive(Debug, Serialize)]
struct CodeOutput {
    code: &'static str,
    title: &'static str,
    area: &'static str,
    severity: &'static str,
    /// The page, as Markdown.
    page: String,
}

/// Pages as programs read them.
#[derive(Debug, Serialize)]
struct CodesOutput {
    codes: Vec<CodeOutput>,
}

/// Runs the command.
pub(crate) fn run(plan: &CodePlan) -> Result<Outcome, Failure> {
    let all = codes::pages();
    let pages = match plan.codes.as_slice() {
        [] => all,
        named => named.iter().map(|name| codes::find(&all, name)).collect::<Result<_, _>>()?,
    };
    match plan.output {
        Format::Text if plan.codes.is_empty() => output::text_line(list(&pages).trim_end())?,
        Format::Text => {
            let texts: Vec<String> = pages.iter().map(|page| wrapped(&markdown(page))).collect();
            output::text_line(texts.join("\n").trim_end())?;
        }
        Format::Json => output::json(&for_programs(&pages))?,
        Format::Yaml => output::yaml(&for_programs(&pages))?,
    }
    Ok(Outcome::Done)
}

/// A line for each code, by area.
fn list(pages: &[&Page]) -> String {
    let mut text = String::new();
    let mut last = "";
    for page in pages {
        let area = area(page.code.0);
        if area != last {
            text.push_str(&format!("{}{area}\n", if last.is_empty() { "" } else { "\n" }));
            last = area;
        }
        text.push_str(&format!("  {} {:<8} {}\n", page.code, page.severity.name(), headline(page.title)));
    }
    text
}

/// A page with its paragraphs wrapped, and examples as they are.
fn wrapped(page: &str) -> String {
    let mut in_example = false;
    let mut text = String::new();
    for line in page.lines() {
        let is_fence = line.starts_with("```");
        in_example ^= is_fence;
        if in_example || is_fence {
            text.push_str(line);
        } else {
            text.push_str(&textwrap::fill(line, report::width()));
        }
        text.push('\n');
    }
    text
}

fn for_programs(pages: &[&'static Page]) -> CodesOutput {
    let output = |page: &&'static Page| CodeOutput {
        code: page.code.0,
        title: headline(page.title),
        area: area(page.code.0),
        severity: page.severity.name(),
        page: markdown(page),
    };
    CodesOutput { codes: pages.iter().map(output).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped_and_examples_are_not() {
        let long = "word ".repeat(60);
        let page = format!("{long}\n\n```yaml\n{long}\n```\n");
        let lines: Vec<String> = wrapped(&page).lines().map(str::to_owned).collect();
        assert!(lines[0].len() <= 120, "{}", lines[0]);
        assert!(lines.iter().any(|line| line.len() == long.len()), "{lines:#?}");
    }

    #[test]
    fn every_code_is_in_the_list() {
        let pages = codes::pages();
        let text = list(&pages);
        assert!(pages.iter().all(|page| text.contains(page.code.0)));
        assert!(text.starts_with("Reading files\n  BG0001 error    The text is not YAML\n"), "{text}");
    }
}
