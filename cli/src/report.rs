//! Problems as people read them: the place, the text underlined, what is allowed and what to do.
//!
//! Whatever goes to a terminal beside results goes through here, and nothing that documents say does anything to it.

mod excerpt;

use std::collections::HashMap;
use std::fmt;
use std::io::IsTerminal;

use burgee_api::document::Source;
use burgee_api::text::{clean, clean_lines};
use burgee_api::{Problem, Severity};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use self::excerpt::{Excerpt, Text};
use crate::Failure;

/// How many characters of what a problem says are shown, and of the path of its field.
const MOST: usize = 2_000;
const MOST_OF_PATH: usize = 200;

/// A text from anywhere as a screen takes it: its lines stay, nothing in them does anything, and there is an end to it.
fn fit(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", clean_lines(&text[..end])),
        None => clean_lines(text),
    }
}

/// A problem with its text.
struct Shown<'a> {
    problem: &'a Problem,
    excerpt: Option<Excerpt>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.problem, f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where the text is shown, it shows the place and the path too.
        if self.excerpt.is_none() {
            if let Some(place) = &self.problem.place {
                write!(f, "{}: ", clean(&place.to_string()))?;
            }
            if !self.problem.path.is_empty() {
                write!(f, "{}: ", fit(&self.problem.path, MOST_OF_PATH))?;
            }
        }
        f.write_str(&fit(&self.problem.message, MOST))
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("{} {}", self.problem.severity.name(), self.problem.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.severity {
            Severity::Note => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = &self.problem.help;
        (!help.is_empty()).then(|| Box::new(fit(help, MOST)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, length) = self.excerpt.as_ref()?.span;
        let path = &self.problem.path;
        let label = (!path.is_empty()).then(|| fit(path, MOST_OF_PATH));
        Some(Box::new(std::iter::once(LabeledSpan::new(label, start, length))))
    }
}

/// Problems as text. `color` is for terminals only.
pub(crate) fn render(problems: &[Problem], sources: &[Source], color: bool) -> String {
    let texts: HashMap<&str, Text<'_>> =
        sources.iter().map(|source| (&*source.name, Text::new(source))).collect();
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_context_lines(1)
        .with_width(width())
        .with_break_words(false)
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut out = String::new();
    for problem in problems {
        let found = problem.place.as_ref().and_then(|place| Some((place, texts.get(&*place.file)?)));
        let shown = Shown { problem, excerpt: found.map(|(place, text)| Excerpt::new(text, place)) };
        if handler.render_report(&mut out, &shown).is_err() {
            out.push_str(&fit(&problem.to_string(), MOST));
        }
        out.push('\n');
    }
    out
}

/// How many of each severity, in words; empty when there are none.
pub(crate) fn count(problems: &[Problem]) -> String {
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter_map(|severity| {
            let count = problems.iter().filter(|problem| problem.severity == severity).count();
            (count > 0).then(|| format!("{count} {}{}", severity.name(), if count == 1 { "" } else { "s" }))
        })
        .collect();
    counts.join(", ")
}

/// Prints problems to standard error.
pub(crate) fn print_aside(problems: &[Problem], sources: &[Source]) {
    if !problems.is_empty() {
        write_aside(render(problems, sources, wants_color(&std::io::stderr())).trim_end());
    }
}

/// Prints problems to standard error where much else is said: each note is a line.
pub(crate) fn print_aside_briefly(problems: &[Problem], sources: &[Source]) {
    let (notes, others): (Vec<Problem>, Vec<Problem>) =
        problems.iter().cloned().partition(|problem| problem.severity == Severity::Note);
    print_aside(&others, sources);
    for note in &notes {
        aside(&brief(note));
    }
}

/// A problem in a line: its severity, its code, the place and what is so.
fn brief(problem: &Problem) -> String {
    let place = problem.place.as_ref().map_or(String::new(), |place| format!("{place} "));
    let message = fit(&problem.message, MOST);
    let message: Vec<&str> = message.split_whitespace().collect();
    format!("{} {} {place}{}", problem.severity.name(), problem.code, message.join(" "))
}

/// Prints lines to standard error, whatever they quote.
pub(crate) fn aside(text: &str) {
    write_aside(&clean_lines(text));
}

/// Prints what is fit for a terminal. A reader that went away changes nothing.
fn write_aside(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints why a command could not be carried out.
pub(crate) fn failure(failure: &Failure) {
    aside(&format!("error: {}", failure.message));
    if !failure.help.is_empty() {
        aside(&format!("  help: {}", failure.help));
    }
}

/// The width to wrap at: the terminal's, else what is readable in a log.
pub(crate) fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(std::io::stderr())
        .or_else(|| terminal_size::terminal_size_of(std::io::stdout()));
    terminal.map_or(100, |(width, _)| usize::from(width.0)).clamp(40, 120)
}

/// Whether a stream is a terminal that wants colour; see <https://no-color.org>.
pub(crate) fn wants_color(stream: &impl IsTerminal) -> bool {
    let no = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !no("NO_COLOR") && !dumb
}

#[cfg(test)]
mod tests {
    use burgee_api::origin::Place;

    use super::*;

    fn place(line: usize, column: usize, width: usize) -> Place {
        Place { file: "t".into(), line, column, width }
    }

    #[test]
    fn a_brief_problem_is_one_line_with_its_place() {
        let code = burgee_api::problem::Code("BG9999");
        let problem = Problem::new(Severity::Note, code, "two\nlines").help("do nothing");
        assert_eq!(brief(&problem), "note BG9999 two lines");
        assert_eq!(brief(&problem.at(place(3, 5, 1), "a.b")), "note BG9999 t:3:5 two lines");
    }

    #[test]
    fn the_report_underlines_the_text_and_breaks_no_path() {
        let source = Source::new("some/long/path/to/a-file.yaml", "a: 1\nb: twö x\nc: 3\nd: 4\n");
        let code = burgee_api::problem::Code("BG9999");
        let long = "some/other/path/that/is/long/enough/to-be/broken-by-a-careless/line-breaker.yaml:12:3";
        let problem = Problem::new(Severity::Error, code, format!("the first one is at {long}"))
            .at(Place { file: source.name.clone(), line: 2, column: 4, width: 3 }, "b")
            .help("do something");
        let shown = render(&[problem], &[source], false);
        assert!(shown.contains(long), "{shown}");
        assert!(shown.contains("some/long/path/to/a-file.yaml:2:4"), "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        let text = lines.iter().position(|line| line.ends_with("b: twö x")).expect("the line is shown");
        let under = lines[text].chars().take_while(|c| *c != 't').count();
        let marks: String = lines[text + 1].chars().skip(under).take(3).collect();
        assert_eq!(marks, "─┬─", "{shown}");
        assert!(!shown.contains("d: 4"), "only a line around it: {shown}");
    }
    #[test]
    fn a_problem_far_to_the_right_is_shown_with_what_is_around_it() {
        let text = format!("{}spec: 1{}", " ".repeat(70_000), " ".repeat(70_000));
        let source = Source::new("t", text);
        let code = burgee_api::problem::Code("BG9999");
        let problem = Problem::new(Severity::Error, code, "m".repeat(100_000)).help("h".repeat(100_000));
        let shown = render(&[problem.at(place(1, 70_001, 4), "p".repeat(100_000))], &[source], false);
        assert!(shown.contains("t:1:70001") && shown.contains("spec: 1"), "{shown}");
        assert!(shown.len() < 10_000, "{}", shown.len());
    }

    #[test]
    fn nothing_of_a_document_reaches_the_terminal_as_it_is() {
        let odd = "a\u{1b}[2J\u{7}\u{202e}b";
        let source = Source::new(format!("{odd}.yaml"), format!("x: {odd}\n"));
        let code = burgee_api::problem::Code("BG9999");
        let problem = Problem::new(Severity::Warning, code, format!("{odd} is wrong")).help(odd);
        let placed = |file: &str| problem.clone().at(Place { file: file.into(), ..place(1, 4, 3) }, odd);
        let shown = render(&[placed(&source.name), placed(odd), problem.clone()], &[source], false);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
        assert!(shown.matches("\\u{1b}[2J").count() >= 10, "{shown}");
    }
}
