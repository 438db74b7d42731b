//! How labels travel through a proxy-wasm metric's name, and the `stats_tags` that read them out again.
//!
//! The ABI has no labels: a metric is a name. Each label is written as `NAME=.=VALUE;.;` before the metric's
//! own name, and Envoy's bootstrap carries one regular expression per label that cuts it out.
//! Source of the rule: Istio's Wasm-era stats filter and its bootstrap.

/// Between a label's name and its value.
pub const VALUE_SEPARATOR: &str = "=.=";
/// After each label.
pub const FIELD_SEPARATOR: &str = ";.;";

/// The longest label value that is written, in bytes. Longer ones are cut at a character's boundary:
/// a client can choose some values, and a name of the statistics lives until the proxy restarts.
pub const MAX_VALUE_BYTES: usize = 256;

/// The bytes at the start of a raw value that decide what [`clean_value`] makes of it: those it may keep, the rest
/// of the last character and the one after it.
pub const SIGNIFICANT_BYTES: usize = MAX_VALUE_BYTES + 4;

/// Appends one label to a metric's name in the making. The value must be clean; see [`clean_value`].
pub fn push_label(name: &mut String, label: &str, clean_value: &str) {
    name.push_str(label);
    name.push_str(VALUE_SEPARATOR);
    name.push_str(clean_value);
    name.push_str(FIELD_SEPARATOR);
}

/// Makes a value safe to write into a metric's name, whoever chose it.
///
/// - bytes that are not UTF-8 become U+FFFD, control characters become `_`;
/// - a `;` before a `.` becomes `_`, and so does the second `=` of `=.=`, so that no value can end its field early
///   or open another one;
/// - at most [`MAX_VALUE_BYTES`] are kept.
pub fn clean_value(raw: &[u8]) -> String {
    // What is read never becomes shorter when it is written, so nothing behind these bytes can show.
    let text = String::from_utf8_lossy(raw.get(..SIGNIFICANT_BYTES).unwrap_or(raw));
    let mut out = String::with_capacity(text.len().min(MAX_VALUE_BYTES));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            c if c.is_control() => '_',
            ';' if chars.peek() == Some(&'.') => '_',
            '=' if out.ends_with("=.") => '_',
            c => c,
        };
        if out.len() + c.len_utf8() > MAX_VALUE_BYTES {
            break;
        }
        out.push(c);
    }
    out
}

/// The name of a label as `stats_tags` carries it is any text that Prometheus takes: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_valid_label_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The regular expression that takes a label out of a metric's name: the first group is cut out, the second is
/// the value.
///
/// The word boundary keeps a label such as `version` out of `source_version`. The group around the name captures
/// nothing: it is the mark by which the overlay knows its own entries from those that a bootstrap already had.
pub fn tag_regex(label: &str) -> String {
    format!(r"(\b(?:{label})=\.=(.*?);\.;)")
}

/// The label that [`tag_regex`] was made for, if the expression is one of ours.
pub fn label_of_tag_regex(regex: &str) -> Option<&str> {
    regex.strip_prefix(r"(\b(?:")?.strip_suffix(r")=\.=(.*?);\.;)").filter(|label| is_valid_label_name(label))
}
