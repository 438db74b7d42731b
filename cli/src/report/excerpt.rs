//! The lines of a text around a place, cut to what a screen takes and made fit for it.

use burgee_api::document::Source;
use burgee_api::origin::Place;
use burgee_api::text::clean;
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// How many characters of a line are shown. What is longer was written by a program, and only the part around the place
/// says anything.
const MOST: usize = 200;

/// How many of them stand before the place in a line that is longer.
const BEFORE: usize = 60;

/// A text with its name and where each of its lines begins.
pub(super) struct Text<'a> {
    name: &'a str,
    text: &'a str,
    lines: Vec<usize>,
    is_ascii: bool,
}

impl<'a> Text<'a> {
    pub fn new(source: &'a Source) -> Text<'a> {
        let text: &str = &source.text;
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Text { name: &source.name, text, lines, is_ascii: text.is_ascii() }
    }

    /// A line without its line break; lines count from 0. Absent: there is no such line.
    fn line(&self, line: usize) -> Option<&'a str> {
        let start = *self.lines.get(line)?;
        let end = self.lines.get(line + 1).copied().unwrap_or(self.text.len());
        Some(self.text[start..end].trim_end_matches(['\n', '\r']))
    }

    /// The rest of a line from a character on; none if it has fewer.
    fn from<'l>(&self, line: &'l str, character: usize) -> &'l str {
        let at = match self.is_ascii {
            true => character.min(line.len()),
            false => line.char_indices().nth(character).map_or(line.len(), |(at, _)| at),
        };
        &line[at..]
    }
}

/// A place and the lines around it, as they are shown.
pub(super) struct Excerpt {
    name: String,
    text: String,
    /// The first line that is shown, from 0.
    first: usize,
    /// How many lines are shown.
    lines: usize,
    /// The line and the column of the place, from 0.
    place: (usize, usize),
    /// The bytes of the text that are the place, and how many.
    pub span: (usize, usize),
}

impl Excerpt {
    /// The line of a place and one before and after it.
    pub fn new(text: &Text<'_>, place: &Place) -> Excerpt {
        let (line, column) = (place.line.saturating_sub(1), place.column.saturating_sub(1));
        let first = line.saturating_sub(1);
        let mut excerpt = Excerpt {
            name: clean(text.name),
            text: String::new(),
            first,
            lines: 0,
            place: (line, column),
            span: (0, 0),
        };
        for number in first..=line + 1 {
            let Some(shown) = text.line(number) else { break };
            // Behind the last line break there is no line.
            if number > line && shown.is_empty() && text.line(number + 1).is_none() {
                break;
            }
            if number == line {
                excerpt.add_place(text, shown, column, place.width);
            } else {
                excerpt.add(shown, MOST);
            }
            excerpt.text.push('\n');
            excerpt.lines += 1;
        }
        if text.line(line).is_none() {
            excerpt.span = (excerpt.text.len(), 0);
        }
        excerpt
    }

    /// The beginning of a text, at most so many characters of it, and a mark if there is more. Returns how many they are.
    fn add(&mut self, text: &str, most: usize) -> usize {
        let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
        self.text.push_str(&clean(&text[..end]));
        if end < text.len() {
            self.text.push('…');
        }
        text[..end].chars().count()
    }

    /// The line of the place.
    fn add_place(&mut self, text: &Text<'_>, line: &str, column: usize, width: usize) {
        let is_long = !text.from(line, MOST).is_empty();
        let start = if is_long && column + width > MOST { column.saturating_sub(BEFORE) } else { 0 };
        if start > 0 {
            self.text.push('…');
        }
        let shown = text.from(line, start);
        let before = &shown[..shown.len() - text.from(shown, column - start.min(column)).len()];
        self.text.push_str(&clean(before));
        let left = MOST - before.chars().count().min(MOST);
        let rest = &shown[before.len()..];
        let marked = &rest[..rest.len() - text.from(rest, width.min(left)).len()];
        let begin = self.text.len();
        self.text.push_str(&clean(marked));
        self.span = (begin, self.text.len() - begin);
        self.add(&rest[marked.len()..], left - marked.chars().count());
    }
}

impl SourceCode for Excerpt {
    fn read_span<'s>(
        &'s self,
        _span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'s> + 's>, MietteError> {
        // Without context only the place is wanted, and it is that of the span; with it, that of the first line.
        let (line, column) = if before == 0 { self.place } else { (self.first, 0) };
        let whole = SourceSpan::new(0.into(), self.text.len());
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            self.text.as_bytes(),
            whole,
            line,
            column,
            self.lines,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, line: usize, column: usize, width: usize) -> (String, String) {
        let source = Source::new("t", text);
        let place = Place { file: "t".into(), line, column, width };
        let excerpt = Excerpt::new(&Text::new(&source), &place);
        let (start, length) = excerpt.span;
        (excerpt.text.clone(), excerpt.text[start..start + length].to_owned())
    }

    #[test]
    fn the_place_is_marked() {
        let text = "a: é\nbb: ccc\r\n";
        assert_eq!(marked(text, 1, 4, 1), ("a: é\nbb: ccc\n".to_owned(), "é".to_owned()));
        assert_eq!(marked(text, 2, 5, 3), ("a: é\nbb: ccc\n".to_owned(), "ccc".to_owned()));
        assert_eq!(marked(text, 2, 5, 99).1, "ccc");
        assert_eq!(marked(text, 9, 1, 1).1, "");
        assert_eq!(marked("", 1, 1, 1).1, "");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        for filler in ["-", "é"] {
            let line = format!("{}x: 1{}", filler.repeat(70_000), filler.repeat(70_000));
            let (text, marked) = marked(&format!("{line}\n{line}\n{line}"), 2, 70_001, 4);
            assert_eq!(marked, "x: 1");
            let lines: Vec<&str> = text.lines().collect();
            let [above, shown, below] = lines.as_slice() else { panic!("{lines:?}") };
            assert_eq!(*above, format!("{}…", filler.repeat(MOST)));
            assert_eq!(below, above);
            let after = filler.repeat(MOST - BEFORE - 4);
            assert_eq!(*shown, format!("…{}x: 1{after}…", filler.repeat(BEFORE)));
        }
    }

    #[test]
    fn a_place_that_is_wider_than_what_is_shown_ends_with_it() {
        let (text, marked) = marked(&"x".repeat(500), 1, 3, 498);
        assert_eq!((text.trim_end(), marked), (&*format!("{}…", "x".repeat(MOST)), "x".repeat(MOST - 2)));
    }

    #[test]
    fn what_moves_the_cursor_is_written_as_an_escape_and_marked_as_such() {
        let (text, marked) = marked("a: \"\u{1b}]0;x\u{7}\"\n\u{1b}[2J", 1, 4, 8);
        assert_eq!(text, "a: \"\\u{1b}]0;x\\u{7}\"\n\\u{1b}[2J\n");
        assert_eq!(marked, "\"\\u{1b}]0;x\\u{7}\"");
    }
}
