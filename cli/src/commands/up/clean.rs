//! Text from anywhere made fit for a screen: nothing in it moves the cursor, hides or turns around what stands there.

pub(super) use burgee_api::text::clean;
use textwrap::core::display_width;

/// How many columns a clean text takes.
pub(super) fn width(text: &str) -> usize {
    display_width(text)
}

/// A clean text cut to a number of columns, with `…` where something is left out.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut taken = 0;
    for character in text.chars() {
        let wide = width(character.encode_utf8(&mut [0; 4]));
        if taken + wide + 1 > columns {
            break;
        }
        taken += wide;
        out.push(character);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// A clean text cut to a number of columns where its middle is, since the ends of names tell more.
pub(super) fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    // A column for `…`; the end gets what the beginning leaves.
    let begin = cut(text, columns.div_ceil(2));
    let mut left = columns.saturating_sub(width(&begin));
    let mut from = text.len();
    for (at, character) in text.char_indices().rev() {
        let wide = width(character.encode_utf8(&mut [0; 4]));
        if wide > left {
            break;
        }
        left -= wide;
        from = at;
    }
    begin + &text[from..]
}

/// A clean text cut or filled up to a number of columns.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns);
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&out))));
    out
}

/// A clean text in lines of a number of columns; words that are longer are broken.
pub(super) fn fold(text: &str, columns: usize) -> Vec<String> {
    let options = textwrap::Options::new(columns.max(1))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_columns_and_not_by_bytes() {
        for (text, columns, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("漢字漢字", 5, "漢字…"),
            ("漢字漢字", 4, "漢…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(text, columns), expected, "{text} {columns}");
            assert!(width(&cut(text, columns)) <= columns);
        }
        for (text, columns, expected) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefgh", 6, "ab…fgh"),
            ("abcdefgh", 5, "ab…gh"),
            ("漢字漢字", 6, "漢…字"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut_middle(text, columns), expected, "{text} {columns}");
            assert!(width(&cut_middle(text, columns)) <= columns);
        }
        assert_eq!(fit("漢字漢字", 4), "漢… ");
        assert_eq!(fold("aaa bbb ccccccc", 4), ["aaa", "bbb", "cccc", "ccc"]);
    }
}
