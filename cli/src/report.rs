//! Problems as people read them: the place, the text underlined, what is allowed and what to do.

use std::collections::HashMap;
use std::fmt;
use std::io::IsTerminal;

use burgee_api::document::Source;
use burgee_api::origin::Place;
use burgee_api::{Problem, Severity};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

use crate::Failure;

/// A text with its name and where each of its lines begins.
struct Text<'a> {
    name: &'a str,
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Text<'a> {
    fn new(source: &'a Source) -> Text<'a> {
        let text: &str = &source.text;
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Text { name: &source.name, text, lines }
    }

    /// Where a line begins and ends, its line break included; lines count from 0.
    fn line(&self, line: usize) -> (usize, usize) {
        let end = self.text.len();
        let start = self.lines.get(line).copied().unwrap_or(end);
        (start, self.lines.get(line + 1).copied().unwrap_or(end))
    }

    /// Bytes of a place, and how many.
    fn span(&self, place: &Place) -> (usize, usize) {
        let (start, end) = self.line(place.line.saturating_sub(1));
        let line = self.text[start..end].trim_end_matches(['\n', '\r']);
        let bytes =
            |characters: usize| line.char_indices().nth(characters).map_or(line.len(), |(index, _)| index);
        let first = bytes(place.column.saturating_sub(1));
        let last = bytes(place.column.saturating_sub(1) + place.width);
        (start + first, last.saturating_sub(first))
    }
}

/// The lines of a span and a few around it; nothing of the text is copied.
impl SourceCode for Text<'_> {
    fn read_span<'s>(
        &'s self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'s> + 's>, MietteError> {
        let line_of = |at: usize| self.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let first = line_of(span.offset()).saturating_sub(before);
        let last = (line_of(span.offset() + span.len()) + after).min(self.lines.len().saturating_sub(1));
        let (start, end) = (self.line(first).0, self.line(last).1);
        let data = self.text.as_bytes().get(start..end).ok_or(MietteError::OutOfBounds)?;
        let lines = SourceSpan::new(start.into(), end - start);
        // Without context only the place is wanted, and it is that of the span; with it, that of the first line.
        let line_start = self.line(line_of(span.offset())).0;
        let column = match before {
            0 => self.text.get(line_start..span.offset()).map_or(0, |text| text.chars().count()),
            _ => 0,
        };
        let contents =
            MietteSpanContents::new_named(self.name.to_owned(), data, lines, first, column, last - first + 1);
        Ok(Box::new(contents))
    }
}

/// A problem with its text.
struct Shown<'a> {
    problem: &'a Problem,
    source: Option<&'a Text<'a>>,
    span: Option<(usize, usize)>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.problem, f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where the text is shown, it shows the place and the path too.
        if self.source.is_none() {
            if let Some(place) = &self.problem.place {
                write!(f, "{place}: ")?;
            }
            if !self.problem.path.is_empty() {
                write!(f, "{}: ", self.problem.path)?;
            }
        }
        f.write_str(&self.problem.message)
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
        (!self.problem.help.is_empty()).then(|| Box::new(&self.problem.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, length) = self.span?;
        let label = (!self.problem.path.is_empty()).then(|| self.problem.path.clone());
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
        let shown = Shown {
            problem,
            source: found.map(|(_, text)| text),
            span: found.map(|(place, text)| text.span(place)),
        };
        if handler.render_report(&mut out, &shown).is_err() {
            out.push_str(&problem.to_string());
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
        aside(render(problems, sources, wants_color(&std::io::stderr())).trim_end());
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
    let message: Vec<&str> = problem.message.split_whitespace().collect();
    format!("{} {} {place}{}", problem.severity.name(), problem.code, message.join(" "))
}

/// Prints a line to standard error. A reader that went away changes nothing.
pub(crate) fn aside(text: &str) {
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
    fn places_become_bytes() {
        let source = Source::new("t", "a: é\nbb: ccc\r\n");
        let text = Text::new(&source);
        assert_eq!(text.span(&place(1, 4, 1)), (3, 2));
        assert_eq!(text.span(&place(2, 5, 3)), (10, 3));
        assert_eq!(text.span(&place(2, 5, 99)), (10, 3));
        assert_eq!(text.span(&place(9, 1, 1)), (15, 0));
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
}
