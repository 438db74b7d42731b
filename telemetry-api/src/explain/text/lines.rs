//! Lines of at most so many columns, and texts of others made fit for them.

use crate::origin::Place;

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

    /// A paragraph; what does not fit goes on below it, further in.
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
        for line in textwrap::wrap(text, options) {
            self.text.push_str(&line.trim_end().replace(UNBROKEN, " "));
            self.text.push('\n');
        }
    }
}

/// A place, as one types it.
pub(super) fn place(place: &Place) -> String {
    clean(&place.to_string())
}

/// A text that stays in one line.
pub(super) fn unbroken(text: &str) -> String {
    clean(text).replace(' ', &UNBROKEN.to_string())
}

/// A text from a document in one line: what is not seen, or would move a terminal's cursor, is written as an escape.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' ' => out.push(' '),
            _ if character.is_control() || is_unseen(character) => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

/// Characters that take no place of their own, or change how others are shown.
const fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn lines_are_wrapped_between_words_and_hold_nothing_that_is_not_seen() {
        let mut lines = Lines::new(20);
        lines.add(2, "some words that go on and on");
        lines.labelled(2, "why", "a-path-that-is-much-too-long-to-fit");
        lines.labelled(2, "from", "a b");
        assert_eq!(
            lines.finish(),
            "  some words that go\n     on and on\n  why  a-path-that-is-much-too-long-to-fit\n  from a b\n"
        );
        assert_eq!(clean("a\u{1b}[2J\n\u{202e}b\tc é"), "a\\u{1b}[2J\\n\\u{202e}b\\tc é");
    }
}
