//! Reads the Prometheus text of an Envoy's admin page.
//!
//! Own code, because a label's value may hold commas, braces, spaces and escaped quotes here (a request chooses
//! some of them), and the parsers at hand split on those.

use std::collections::BTreeMap;

/// One line of the page: a series and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name; a distribution has three (`…_bucket`, `…_sum`, `…_count`).
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// Every sample of a text whose name begins with `prefix`. Lines that are not samples are passed over.
pub fn samples(text: &str, prefix: &str) -> Vec<Sample> {
    text.lines().map(str::trim).filter(|line| line.starts_with(prefix)).filter_map(sample).collect()
}

/// One line, unless it is a comment or not a sample.
fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, mut rest) = line.split_at(name_end);
    if !is_metric_name(name) {
        return None;
    }
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = read_labels(inside, &mut labels)?;
    }
    // A timestamp may follow the value.
    let value = number(rest.split_whitespace().next()?)?;
    Some(Sample { name: name.to_owned(), labels, value })
}

fn is_metric_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// Reads labels up to the closing brace and returns what follows it.
fn read_labels<'a>(mut rest: &'a str, labels: &mut BTreeMap<String, String>) -> Option<&'a str> {
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        let (label, after) = rest.split_once('=')?;
        let (value, after) = read_quoted(after.trim_start())?;
        labels.insert(label.trim().to_owned(), value);
        rest = after;
    }
}

/// Reads a quoted value, undoing the format's three escapes, and returns what follows it.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_series_with_labels_is_read() {
        let read = sample(r#"istio_requests_total{reporter="source",response_code="200"} 42"#).unwrap();
        assert_eq!(read.name, "istio_requests_total");
        assert_eq!(read.labels, labels(&[("reporter", "source"), ("response_code", "200")]));
        assert_eq!(read.value, 42.0);
    }

    #[test]
    fn values_keep_what_looks_like_syntax() {
        let read = sample(r#"m{a="x,y=\"z\"} 1",b="\\n\n",c=""} 2 1700000000000"#).unwrap();
        assert_eq!(read.labels, labels(&[("a", "x,y=\"z\"} 1"), ("b", "\\n\n"), ("c", "")]));
        assert_eq!(read.value, 2.0);
    }

    #[test]
    fn the_infinite_bucket_is_read() {
        let read = sample(r#"m_bucket{le="+Inf",} 7"#).unwrap();
        assert_eq!(read.labels, labels(&[("le", "+Inf")]));
        assert_eq!(sample("m +Inf").unwrap().value, f64::INFINITY);
    }

    #[test]
    fn what_is_not_a_sample_is_passed_over() {
        for line in ["", "# TYPE m counter", "m", "m{a=\"1\"", "m{a=1} 2", "m{} x", "{a=\"b\"} 1"] {
            assert_eq!(sample(line), None, "{line}");
        }
    }

    #[test]
    fn only_the_asked_for_prefix_is_kept() {
        let text = "# TYPE istio_a counter\nistio_a{} 1\nenvoy_b{} 2\n\nistio_c 3\n";
        let names: Vec<_> = samples(text, "istio_").into_iter().map(|sample| sample.name).collect();
        assert_eq!(names, ["istio_a", "istio_c"]);
    }

    fn escaped(value: &str) -> String {
        value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[m{}\"\\\\=, 1\n]*") {
            samples(&text, "");
        }

        #[test]
        fn what_was_written_is_read_back(value in "[^\r]*", number in any::<u32>()) {
            let read = sample(&format!("m{{label=\"{}\"}} {number}", escaped(&value))).unwrap();
            prop_assert_eq!(&read.labels["label"], &value);
            prop_assert_eq!(read.value, f64::from(number));
        }
    }
}
