//! Durations as people and control planes write them: `5s`, `1.5s`, `500ms`.

use std::time::Duration;

/// The duration that a text says: a number, with digits behind the point or without, and a unit, which is seconds if it is
/// not said. Nothing if it is no such text, or longer than some centuries.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim_ascii();
    let end = text.bytes().position(|byte| !byte.is_ascii_digit() && byte != b'.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let mut unit: u64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" | "" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (mut nanoseconds, mut has_digit, mut is_behind_point) = (0_u64, false, false);
    for byte in number.bytes() {
        if byte == b'.' {
            if std::mem::replace(&mut is_behind_point, true) {
                return None;
            }
            continue;
        }
        has_digit = true;
        if is_behind_point {
            unit /= 10;
        } else {
            nanoseconds = nanoseconds.checked_mul(10)?;
        }
        nanoseconds = nanoseconds.checked_add(unit.checked_mul(u64::from(byte.wrapping_sub(b'0')))?)?;
    }
    has_digit.then(|| Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, milliseconds) in [
            ("5s", Some(5_000)),
            ("0s", Some(0)),
            (" 15s ", Some(15_000)),
            ("1.5s", Some(1_500)),
            (".25s", Some(250)),
            ("2.s", Some(2_000)),
            ("500ms", Some(500)),
            ("2m", Some(120_000)),
            ("0.1h", Some(360_000)),
            ("3000us", Some(3)),
            ("4000000ns", Some(4)),
            ("7", Some(7_000)),
            ("0.0005s", Some(0)),
            ("", None),
            ("s", None),
            (".s", None),
            ("-5s", None),
            ("+5s", None),
            ("5 s", None),
            ("5d", None),
            ("1e3s", None),
            ("five seconds", None),
            ("1.2.3s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615s", None),
        ] {
            let read = parse(text);
            assert_eq!(read.map(|read| read.as_millis()), milliseconds, "{text:?}");
        }
        assert_eq!(parse("0.0005s"), Some(Duration::from_micros(500)));
    }
}
