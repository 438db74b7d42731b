//! Lines of at most so many columns, and texts of others made fit for them.

use crate::origin::Place;
use crate::text::clean;

/// What stands for a blank at which no line is broken.
const UNBROKEN: char = '\u{a0}';

/// Lines that are written one after the other.
#[derive(Debug)]
pub(super) struct Lines {
    columns: usize,
    text: String,
}

impl Lines {
    /// No line yet.
    pub fn new(columns: usize) -> Lines {
        Lines { columns, text: String::new() }
    }

    /// A paragraph; what does not fit goes on below it, further in. Whatever it holds cannot harm a terminal.
    pub fn add(&mut self, indent: usize, text: &str) {
        self.wrap(&" ".repeat(indent), indent + 3, text);
    }

    /// A paragraph beside a word.
    pub fn labelled(&mut self, indent: usize, label: &str, text: &str) {
        self.wrap(&format!("{}{label:<4} ", " ".repeat(indent)), indent + 5, text);
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Lines that are written already.
    pub fn append(&mut self, lines: &str) {
        self.text.push_str(lines);
    }

    /// Everything that was written.
    pub fn finish(self) -> String {
        self.text
    }

    fn wrap(&mut self, begin: &str, further: usize, text: &str) {
        let further = " ".repeat(further);
        // Paths and expressions are not broken: they are copied.
        let options = textwrap::Options::new(self.columns)
            .initial_indent(begin)
            .subsequent_indent(&further)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(&clean(text), options) {
            self.text.push_str(&line.trim_end().replace(UNBROKEN, " "));
            self.text.push('\n');
        }
    }
}

/// A place, as one types it.
pub(super) fn place(place: &Place) -> String {
    place.to_string()
}

/// A text that stays in one line.
pub(super) fn unbroken(text: &str) -> String {
    text.replace(' ', &UNBROKEN.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn lines_are_wrapped_between_words() {
        let mut lines = Lines::new(20);
        lines.add(2, "some words that go on and on");
        lines.labelled(2, "why", "a-path-that-is-much-too-long-to-fit");
        lines.labelled(2, "from", "a b");
        assert_eq!(
            lines.finish(),
            "  some words that go\n     on and on\n  why  a-path-that-is-much-too-long-to-fit\n  from a b\n"
        );
    }
}
