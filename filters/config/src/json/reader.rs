//! Reads JSON's own parts: strings, numbers, what stands between brackets. Knows no types.

use std::borrow::Cow;

use serde::de::{self, Expected};

use super::JsonError;

/// How deep values may be nested.
const MAX_DEPTH: u8 = 64;

/// An error that is only a message.
pub fn fail<T>(message: &str) -> Result<T, JsonError> {
    Err(de::Error::custom(message))
}

/// What is left of a text.
pub struct Reader<'t> {
    /// The rest of the text.
    pub rest: &'t str,
    depth: u8,
}

impl<'t> Reader<'t> {
    /// Nothing is read yet.
    pub fn new(text: &'t str) -> Reader<'t> {
        Reader { rest: text, depth: 0 }
    }

    pub fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    pub fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.chars().next()
    }

    pub fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub fn expect(&mut self, token: &str) -> Result<(), JsonError> {
        if self.eat(token) { Ok(()) } else { fail(&["expected `", token, "`"].concat()) }
    }

    /// Takes the next `count` bytes, which must be there.
    pub fn take(&mut self, count: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    pub fn enter(&mut self, bracket: &str) -> Result<(), JsonError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH { fail("values are nested too deeply") } else { self.expect(bracket) }
    }

    pub fn leave(&mut self, bracket: &str) -> Result<(), JsonError> {
        self.depth = self.depth.saturating_sub(1);
        self.expect(bracket)
    }

    /// That the next value starts so.
    pub fn require(&mut self, start: char, expected: &dyn Expected) -> Result<(), JsonError> {
        if self.peek() == Some(start) { Ok(()) } else { self.refuse(expected) }
    }

    pub fn refuse<T>(&self, expected: &dyn Expected) -> Result<T, JsonError> {
        Err(de::Error::custom(format_args!("expected {expected}")))
    }

    /// A number that is whole and not huge.
    pub fn whole_number(&mut self, expected: &dyn Expected) -> Result<i64, JsonError> {
        if !matches!(self.peek(), Some('-' | '0'..='9')) {
            return self.refuse(expected);
        }
        self.number()?.parse().or_else(|_| self.refuse(expected))
    }

    /// Goes past one value, whatever it is.
    pub fn skip_value(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some('"') => self.string().map(|_| ()),
            Some('{') => self.skip_items("{", "}"),
            Some('[') => self.skip_items("[", "]"),
            Some('n') => self.expect("null"),
            Some('t') => self.expect("true"),
            Some('f') => self.expect("false"),
            _ => self.number().map(|_| ()),
        }
    }

    pub fn skip_items(&mut self, start: &str, end: &'static str) -> Result<(), JsonError> {
        self.enter(start)?;
        let mut items = Items::new(self, end);
        while items.advance()? {
            if end == "}" {
                items.reader.string()?;
                items.reader.expect(":")?;
            }
            items.reader.skip_value()?;
        }
        self.leave(end)
    }

    pub fn string(&mut self) -> Result<Cow<'t, str>, JsonError> {
        self.expect("\"")?;
        let mut whole = Cow::Borrowed("");
        loop {
            let Some(end) = self.rest.find(|c| c == '"' || c == '\\' || c < ' ') else {
                return fail("the string has no end");
            };
            whole += self.take(end);
            match self.take(1) {
                "\"" => return Ok(whole),
                "\\" => {
                    let c = self.escape()?;
                    whole.to_mut().push(c);
                }
                _ => return fail("a control character in a string"),
            }
        }
    }

    pub fn escape(&mut self) -> Result<char, JsonError> {
        Ok(match self.take(1) {
            "\"" => '"',
            "\\" => '\\',
            "/" => '/',
            "b" => '\u{8}',
            "f" => '\u{c}',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "u" => {
                let first = self.code_unit()?;
                let units = match first {
                    0xd800..0xdc00 if self.rest.starts_with("\\u") => {
                        self.take(2);
                        [first, self.code_unit()?]
                    }
                    _ => [first, 0],
                };
                match (char::decode_utf16(units).next(), units) {
                    (Some(Ok(c)), _) => c,
                    (_, _) => return fail("half a surrogate pair in a string"),
                }
            }
            _ => return fail("an unknown escape in a string"),
        })
    }

    pub fn code_unit(&mut self) -> Result<u16, JsonError> {
        let digits = self.take(4);
        if digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            u16::from_str_radix(digits, 16).or_else(|_| fail("four hexadecimal digits"))
        } else {
            fail("expected four hexadecimal digits")
        }
    }

    /// A number's text: of a whole number, or any.
    pub fn number(&mut self) -> Result<&'t str, JsonError> {
        self.skip_space();
        let text = self.rest;
        let mut end = usize::from(text.starts_with('-'));
        let digits = |from: usize| text.bytes().skip(from).take_while(u8::is_ascii_digit).count();
        let whole = digits(end);
        let starts_with_zero = text.get(end..).is_some_and(|rest| rest.starts_with('0'));
        if whole == 0 || (whole > 1 && starts_with_zero) {
            return fail("expected a value");
        }
        end = end.saturating_add(whole);
        if text.get(end..).is_some_and(|rest| rest.starts_with('.')) {
            let fraction = digits(end.saturating_add(1));
            if fraction == 0 {
                return fail("expected a digit");
            }
            end = end.saturating_add(1).saturating_add(fraction);
        }
        if text.get(end..).is_some_and(|rest| rest.starts_with(['e', 'E'])) {
            end = end.saturating_add(1);
            if text.get(end..).is_some_and(|rest| rest.starts_with(['+', '-'])) {
                end = end.saturating_add(1);
            }
            let exponent = digits(end);
            if exponent == 0 {
                return fail("expected a digit");
            }
            end = end.saturating_add(exponent);
        }
        Ok(self.take(end))
    }
}

/// What stands between brackets or braces.
pub struct Items<'r, 't> {
    /// Where they stand.
    pub reader: &'r mut Reader<'t>,
    /// The text from the last key on.
    pub key: &'t str,
    /// How many were begun.
    count: usize,
    /// What ends them.
    end: &'static str,
}

impl<'r, 't> Items<'r, 't> {
    /// None was read yet.
    pub fn new(reader: &'r mut Reader<'t>, end: &'static str) -> Items<'r, 't> {
        Items { reader, key: "", count: 0, end }
    }

    /// Goes to the next item, if there is one.
    pub fn advance(&mut self) -> Result<bool, JsonError> {
        self.reader.skip_space();
        if self.reader.rest.starts_with(self.end) {
            return Ok(false);
        }
        if self.count > 0 {
            self.reader.expect(",")?;
        }
        self.count = self.count.saturating_add(1);
        Ok(true)
    }

    /// An error in the last item, with the step to it.
    #[cold]
    pub fn locate(&self, error: JsonError) -> JsonError {
        if self.end == "]" {
            return error.within(&["[", &self.count.saturating_sub(1).to_string(), "]"].concat());
        }
        let key = Reader::new(self.key).string().unwrap_or_default();
        if !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        {
            return error.within(&key);
        }
        let quoted = key.replace('\\', "\\\\").replace('"', "\\\"");
        error.within(&["[\"", &quoted, "\"]"].concat())
    }
}
