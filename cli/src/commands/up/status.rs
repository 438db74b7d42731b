//! The status code of a log line, wherever its format puts it.

use burgee_localnet::summary::AccessLogSummary;

/// The fields that hold it, as Istio's and the usual OpenTelemetry formats name them.
const FIELDS: &[&str] = &["response_code", "status", "http.status_code", "http.response.status_code", "code"];

/// The status code that a line tells of; none when it cannot be seen.
pub(super) fn status(log: &AccessLogSummary) -> Option<u16> {
    FIELDS
        .iter()
        .find_map(|name| code(log.fields.get(*name)?))
        .or_else(|| after_request(&log.text))
        .or_else(|| after_path(&log.text))
}

fn code(value: &serde_json::Value) -> Option<u16> {
    match value {
        serde_json::Value::Number(number) => plausible(u16::try_from(number.as_u64()?).ok()?),
        serde_json::Value::String(text) => plausible(text.parse().ok()?),
        _ => None,
    }
}

/// Three digits that stand behind the quoted request line, as in Istio's usual text and in most others.
fn after_request(text: &str) -> Option<u16> {
    text.match_indices("\" ").find_map(|(at, quote)| {
        let word = text[at + quote.len()..].split(' ').next()?;
        if word.len() == 3 { plausible(word.parse().ok()?) } else { None }
    })
}

/// Three digits that stand behind a path, with at most the protocol in between, as in `GET / HTTP/1.1 200`.
fn after_path(text: &str) -> Option<u16> {
    let mut words = text.split_whitespace().skip_while(|word| !word.starts_with('/')).skip(1);
    words.by_ref().take(2).find_map(|word| if word.len() == 3 { plausible(word.parse().ok()?) } else { None })
}

const fn plausible(code: u16) -> Option<u16> {
    if matches!(code, 100..=599) { Some(code) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::up::examples::log;

    #[test]
    fn the_status_is_found_in_fields_and_behind_the_request_line() {
        for (text, fields, expected) in [
            (r#"[t] "GET / HTTP/1.1" 503 - via_upstream"#, "{}", Some(503)),
            (r#"[t] "GET /?a="1" HTTP/1.1" 200 - x"#, "{}", Some(200)),
            ("no request line 503", "{}", None),
            ("GET /a 404 3ms", "{}", Some(404)),
            ("GET / HTTP/1.1 200", "{}", Some(200)),
            ("GET / none of them 200", "{}", None),
            (r#""a" 007 "b" 2000 "c" "#, "{}", None),
            ("", r#"{"response_code": 404}"#, Some(404)),
            ("", r#"{"response_code": "-", "http.status_code": "204"}"#, Some(204)),
            ("", r#"{"status": -1, "code": 99999}"#, None),
        ] {
            let fields = serde_json::from_str(fields).expect("an object");
            assert_eq!(status(&log("p", text, fields)), expected, "{text}");
        }
    }
}
