//! Text from anywhere made fit for a screen: nothing in it moves the cursor, hides or turns around what stands there.

/// A text in one line: a tab is a blank, and every character that is not seen is written as an escape, such as
/// `\u{1b}`.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push(' '),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ if character.is_control() || is_unseen(character) => out.extend(character.escape_unicode()),
            _ => out.push(character),
        }
    }
    out
}

/// A text in its lines, each as [`clean`] makes it.
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<String>>().join("\n")
}

/// Characters that take no place of their own and change how others are shown, and those that are none.
const fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e01ef}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn what_is_not_seen_is_written() {
        for (text, expected) in [
            ("plain ünd wide 漢字", "plain ünd wide 漢字"),
            ("a\tb\nc\rd", "a b\\nc\\rd"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{fffe}\u{ffff}\u{fffd}", "\\u{fffe}\\u{ffff}\u{fffd}"),
            ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
        ] {
            assert_eq!(clean(text), expected);
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(clean_lines("a\n\u{1b}b\n"), "a\n\\u{1b}b\n");
    }
}
