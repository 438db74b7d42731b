//! What a request asks of an app, in its query: `status=503&size=2048&delay=50ms`, and what is for those that it calls:
//! `greeting.status=503`. Pure.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The statuses that can be asked for: those that end an exchange.
pub const STATUSES: RangeInclusive<u16> = 200..=599;
/// The largest body that can be asked for: 64 MiB, more than any buffer of a proxy, less than what hurts a laptop.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// The longest delay that can be asked for: longer than any usual timeout of a route.
pub const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `status`: the status of the answer. Without: 200, or 502 when a call failed.
    pub status: Option<u16>,
    /// `size`: how many bytes the body has. Without: as many as there is to say.
    pub size: Option<u64>,
    /// `delay`: how long to wait before anything else is done. Without: not at all.
    pub delay: Duration,
    /// `NAME.key=value`: what is for a called service, in the order of the query.
    pub passed: Vec<Passed>,
}

/// A parameter for a called service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The first label of the service's host.
    pub name: String,
    /// The parameter as that service gets it: `key=value`.
    pub parameter: String,
}

/// A parameter whose value cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidParameter {
    /// The parameter: `status`, `size` or `delay`.
    pub key: &'static str,
    /// The value as it came.
    pub value: String,
}

impl fmt::Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever asks gets back what they sent, and no more of it than a line holds.
        let value: String = self.value.chars().take(40).collect();
        write!(f, "{}={value}: this is not possible. Allowed: {}", self.key, allowed(self.key))
    }
}

impl std::error::Error for InvalidParameter {}

fn allowed(key: &str) -> String {
    match key {
        "status" => {
            format!("status=NUMBER from {} to {}, such as status=503", STATUSES.start(), STATUSES.end())
        }
        "size" => format!("size=BYTES from 0 to {MOST_BYTES}, such as size=2048"),
        _ => format!("delay=NUMBERms or NUMBERs up to {}s, such as delay=50ms", LONGEST_DELAY.as_secs()),
    }
}

impl Asked {
    /// Reads a query, without its `?`. Parameters of other names are not the app's: they change nothing. Of repeated
    /// ones the last counts.
    ///
    /// # Errors
    /// When a value cannot be obeyed.
    pub fn from_query(query: &str) -> Result<Asked, InvalidParameter> {
        let mut asked = Asked::default();
        for part in query.split('&') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let invalid = |key| InvalidParameter { key, value: value.to_owned() };
            match key {
                "status" => asked.status = Some(status(value).ok_or_else(|| invalid("status"))?),
                "size" => asked.size = Some(size(value).ok_or_else(|| invalid("size"))?),
                "delay" => asked.delay = delay(value).ok_or_else(|| invalid("delay"))?,
                _ => asked.passed.extend(passed(part)),
            }
        }
        Ok(asked)
    }

    /// The query for a called service: its own, if it has one, then what was passed for it.
    pub fn query_for(&self, name: &str, own: Option<&str>) -> String {
        let passed = self.passed.iter().filter(|passed| passed.name == name);
        let parts: Vec<&str> = own
            .filter(|own| !own.is_empty())
            .into_iter()
            .chain(passed.map(|passed| passed.parameter.as_str()))
            .collect();
        parts.join("&")
    }
}

/// A parameter that is for a called service: `NAME.key=value`.
fn passed(part: &str) -> Option<Passed> {
    let (key, _) = part.split_once('=')?;
    let (name, inner) = key.split_once('.')?;
    let parameter = part.get(name.len() + 1..)?;
    let is_whole = !name.is_empty() && !inner.is_empty();
    is_whole.then(|| Passed { name: name.to_owned(), parameter: parameter.to_owned() })
}

/// Digits only: a sign or a space is somebody's mistake.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn status(text: &str) -> Option<u16> {
    number(text).and_then(|number| u16::try_from(number).ok()).filter(|status| STATUSES.contains(status))
}

fn size(text: &str) -> Option<u64> {
    number(text).filter(|size| *size <= MOST_BYTES)
}

fn delay(text: &str) -> Option<Duration> {
    let delay = match text.strip_suffix("ms") {
        Some(milliseconds) => Duration::from_millis(number(milliseconds)?),
        None => Duration::from_secs(number(text.strip_suffix('s')?)?),
    };
    (delay <= LONGEST_DELAY).then_some(delay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_asked_for_is_read() {
        let asked = Asked::default();
        let ms = Duration::from_millis;
        for (query, expected) in [
            ("", asked.clone()),
            ("status=503", Asked { status: Some(503), ..asked.clone() }),
            ("size=2048&delay=50ms", Asked { size: Some(2048), delay: ms(50), ..asked.clone() }),
            ("delay=1s", Asked { delay: ms(1000), ..asked.clone() }),
            ("delay=60s", Asked { delay: ms(60_000), ..asked.clone() }),
            ("size=67108864", Asked { size: Some(MOST_BYTES), ..asked.clone() }),
            ("status=200&status=404", Asked { status: Some(404), ..asked.clone() }),
            // What is not ours.
            ("q=a.b&page&&a.b&=.&.x=1&Status=1", asked.clone()),
        ] {
            assert_eq!(Asked::from_query(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_is_for_others_is_passed_on_without_their_name() {
        let asked = Asked::from_query("b.status=503&c.b.size=1&b.x=y.z=%20").unwrap();
        assert_eq!((asked.status, asked.size), (None, None));
        for (name, own, expected) in [
            ("b", None, "status=503&x=y.z=%20"),
            ("b", Some("size=1"), "size=1&status=503&x=y.z=%20"),
            ("c", Some(""), "b.size=1"),
            ("d", None, ""),
        ] {
            assert_eq!(asked.query_for(name, own), expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_obeyed_says_what_can() {
        for (query, expected) in [
            ("status=199", "status=199: this is not possible. Allowed: status=NUMBER from 200 to 599"),
            ("status=600", "status=NUMBER from 200 to 599"),
            ("status=+200", "status=NUMBER"),
            ("status", "status=: this is not possible"),
            ("status=200&status=x", "status=x"),
            ("size=-1", "size=BYTES from 0 to 67108864"),
            ("size=67108865", "size=BYTES"),
            ("size=99999999999999999999", "size=BYTES"),
            ("delay=50", "delay=NUMBERms or NUMBERs up to 60s"),
            ("delay=61s", "up to 60s"),
            ("delay=60001ms", "up to 60s"),
            ("delay=ms", "delay=NUMBERms"),
            ("delay=1.5s", "delay=NUMBERms"),
        ] {
            let message = Asked::from_query(query).unwrap_err().to_string();
            assert!(message.contains(expected), "{query}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_query_is_too_strange_to_read(query in any::<String>()) {
            if let Ok(asked) = Asked::from_query(&query) {
                prop_assert!(asked.status.is_none_or(|status| STATUSES.contains(&status)));
                prop_assert!(asked.size.is_none_or(|size| size <= MOST_BYTES));
                prop_assert!(asked.delay <= LONGEST_DELAY);
            }
        }

        #[test]
        fn what_is_possible_is_read_back(
            status in STATUSES,
            size in 0..=MOST_BYTES,
            delay in 0..=60_000u64,
            name in "[a-z][a-z0-9-]{0,8}",
            parameter in "[a-z.]{1,6}=[ -%'-~]{0,8}",
        ) {
            let query = format!("{name}.{parameter}&delay={delay}ms&size={size}&other=1&status={status}");
            let asked = Asked::from_query(&query).unwrap();
            prop_assert_eq!(asked.status, Some(status));
            prop_assert_eq!(asked.size, Some(size));
            prop_assert_eq!(asked.delay, Duration::from_millis(delay));
            prop_assert_eq!(asked.query_for(&name, None), parameter);
        }
    }
}
