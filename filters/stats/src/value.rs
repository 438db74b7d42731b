//! A label's value as it was read: cheap to compare, turned into text only when a series is new.

use std::rc::Rc;

use burgee_filter_config::StandardLabel;
use burgee_filter_config::stat_name::{SIGNIFICANT_BYTES, clean_value};
use burgee_filter_config::stats::{OVERFLOW_VALUE, UNKNOWN_VALUE};

use crate::flags;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// One of few texts that this filter itself chose.
    Fixed(&'static str),
    /// Text that the mesh chose: its control plane, its certificates.
    Text(Rc<[u8]>),
    /// Text that a client can choose at will.
    Chosen(Rc<[u8]>),
    /// A number.
    Number(i64),
    /// The bit mask of response flags.
    Flags(u64),
}

impl Value {
    /// What stands for a value that is not known.
    pub const UNKNOWN: Value = Value::Fixed(UNKNOWN_VALUE);
    /// What stands for a value that there is no room for.
    pub const OVERFLOW: Value = Value::Fixed(OVERFLOW_VALUE);

    /// The text as a value, if there is any.
    pub fn text(text: Option<&[u8]>) -> Option<Value> {
        text.filter(|text| !text.is_empty()).map(|text| Value::Text(text.into()))
    }

    /// Whether a client can choose the value.
    pub fn is_chosen(&self) -> bool {
        matches!(self, Value::Chosen(_))
    }

    /// Appends what tells this value from others of the same label. Bytes that the text will not show are left
    /// out, so that a key has a bounded size.
    pub fn push_key(&self, key: &mut Vec<u8>) {
        match self {
            Value::Fixed(text) => push_text(key, text.as_bytes()),
            Value::Text(text) | Value::Chosen(text) => push_text(key, text),
            Value::Number(number) => {
                key.push(1);
                key.extend_from_slice(&number.to_le_bytes());
            }
            Value::Flags(mask) => {
                key.push(2);
                key.extend_from_slice(&mask.to_le_bytes());
            }
        }
    }

    /// The value as a label shows it.
    pub fn clean_text(&self) -> String {
        match self {
            Value::Fixed(text) => (*text).to_owned(),
            Value::Text(text) | Value::Chosen(text) => clean_value(text),
            Value::Number(number) => number.to_string(),
            Value::Flags(mask) => flags::text(*mask),
        }
    }
}

/// Appends what tells a text from others, as far as a label shows it.
pub fn push_text(key: &mut Vec<u8>, text: &[u8]) {
    let significant = text.get(..SIGNIFICANT_BYTES).unwrap_or(text);
    key.push(0);
    key.extend_from_slice(&significant.len().to_le_bytes());
    key.extend_from_slice(significant);
}

/// The number that decimal digits say.
pub fn whole_number(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!digits.is_empty()).then_some(number)
}

/// A set of standard labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(u32);

impl LabelSet {
    /// The set of these labels.
    pub const fn of(labels: &[StandardLabel]) -> LabelSet {
        let mut bits = 0;
        let mut rest = labels;
        while let [first, others @ ..] = rest {
            bits |= bit(*first);
            rest = others;
        }
        LabelSet(bits)
    }

    /// Adds a label.
    pub fn insert(&mut self, label: StandardLabel) {
        self.0 |= bit(label);
    }

    /// Whether all of the other set is in this one.
    pub fn has(self, other: LabelSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the sets have a label in common.
    pub fn intersects(self, other: LabelSet) -> bool {
        self.0 & other.0 != 0
    }
}

const fn bit(label: StandardLabel) -> u32 {
    1_u32.wrapping_shl(label as u32)
}

/// The values of one request's standard labels.
#[derive(Debug)]
pub struct Values([Value; StandardLabel::ALL.len()]);

impl Values {
    /// Every label is unknown.
    pub fn unknown() -> Values {
        Values([const { Value::UNKNOWN }; StandardLabel::ALL.len()])
    }

    /// Sets a label's value.
    pub fn set(&mut self, label: StandardLabel, value: Value) {
        if let Some(slot) = self.0.get_mut(label as usize) {
            *slot = value;
        }
    }

    /// A label's value.
    pub fn get(&self, label: StandardLabel) -> &Value {
        self.0.get(label as usize).unwrap_or(&Value::UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_different_texts_have_different_keys() {
        let values = [
            Value::Fixed(""),
            Value::Fixed("a"),
            Value::Text(b"ab".as_slice().into()),
            Value::Chosen(vec![b'x'; 5].into()),
            Value::Number(97),
            Value::Number(0),
            Value::Flags(1),
        ];
        let key = |value: &Value| {
            let mut key = Vec::new();
            value.push_key(&mut key);
            key
        };
        for (i, one) in values.iter().enumerate() {
            for (j, other) in values.iter().enumerate() {
                assert_eq!(key(one) == key(other), i == j, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn a_key_is_bounded_and_says_as_much_as_the_text() {
        let mut one = Vec::new();
        Value::Chosen(vec![b'a'; 10_000].into()).push_key(&mut one);
        assert!(one.len() < 300);
        let mut other = Vec::new();
        Value::Chosen(vec![b'a'; 20_000].into()).push_key(&mut other);
        assert_eq!(one, other);
    }

    #[test]
    fn a_number_is_digits_and_nothing_else() {
        for (text, number) in [
            ("0", Some(0)),
            ("0042", Some(42)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("1 ", None),
        ] {
            assert_eq!(whole_number(text.as_bytes()), number, "{text:?}");
        }
    }

    #[test]
    fn every_label_has_its_own_place() {
        let mut values = Values::unknown();
        for label in StandardLabel::ALL {
            values.set(label, Value::Number(label as i64));
            let mut set = LabelSet::default();
            set.insert(label);
            for other in StandardLabel::ALL {
                assert_eq!(set.intersects(LabelSet::of(&[other])), label == other);
            }
        }
        for label in StandardLabel::ALL {
            assert_eq!(values.get(label).clean_text(), (label as usize).to_string());
        }
    }
}
