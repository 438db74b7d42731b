//! Whether a variant does what it is there for: headers of answers, and series on the page for Prometheus.

use std::thread;
use std::time::{Duration, Instant};

use hyper::header::HeaderMap;

use super::variants::Sign;
use super::web::Web;

/// How long a counter may take: the last requests of a burst end a moment behind their answers.
const COUNTER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a distribution may take: Envoy puts those of its threads together every five seconds.
const DISTRIBUTION_TIMEOUT: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(20);

/// The page on which metrics are.
const PAGE: &str = "/stats/prometheus";

/// What the counters among the signs stand at, in their order.
pub(crate) fn counted(signs: &[Sign], admin: u16, web: &Web) -> Result<Vec<f64>, String> {
    let names: Vec<&str> = signs.iter().filter_map(counter).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let page = web.page(admin, PAGE)?;
    Ok(names.iter().map(|name| total(&page, name)).collect())
}

/// That the counters among the signs have grown by so many since they stood at `before`.
pub(crate) fn check_counters(
    signs: &[Sign],
    before: &[f64],
    by: u32,
    admin: u16,
    web: &Web,
) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let now = counted(signs, admin, web)?;
        let grown = have_grown(signs, before, &now, by);
        if grown.is_ok() || began.elapsed() > COUNTER_TIMEOUT {
            return grown;
        }
        thread::sleep(INTERVAL);
    }
}

fn have_grown(signs: &[Sign], before: &[f64], now: &[f64], by: u32) -> Result<(), String> {
    let grown: Vec<f64> = now.iter().zip(before).map(|(now, before)| now - before).collect();
    if grown.iter().all(|grown| *grown == f64::from(by)) {
        return Ok(());
    }
    let names: Vec<&str> = signs.iter().filter_map(counter).collect();
    Err(format!("{by} requests were sent, and {names:?} have grown by {grown:?}"))
}

/// That an answer carries the headers among the signs. Asks once, if there is any.
pub(crate) fn check_headers(signs: &[Sign], port: u16, web: &Web) -> Result<u32, String> {
    if signs.iter().find_map(header).is_none() {
        return Ok(0);
    }
    let (headers, _) = web.get(port, "/")?;
    has_headers(signs, &headers)?;
    Ok(1)
}

fn has_headers(signs: &[Sign], headers: &HeaderMap) -> Result<(), String> {
    for (name, value) in signs.iter().filter_map(header) {
        let found: Vec<_> = headers.get_all(name).iter().collect();
        if found != [value] {
            return Err(format!("an answer should have the header {name}: {value} once and has {found:?}"));
        }
    }
    Ok(())
}

/// That the distributions among the signs have so many values.
pub(crate) fn check_distributions(signs: &[Sign], sent: u64, admin: u16, web: &Web) -> Result<(), String> {
    let began = Instant::now();
    let names: Vec<String> = signs.iter().filter_map(distribution).collect();
    while !names.is_empty() {
        let page = web.page(admin, PAGE)?;
        let found: Vec<f64> = names.iter().map(|name| total(&page, name)).collect();
        if found.iter().all(|found| *found == sent as f64) {
            break;
        }
        if began.elapsed() > DISTRIBUTION_TIMEOUT {
            return Err(format!("{sent} requests were sent, and {names:?} stand at {found:?}"));
        }
        thread::sleep(10 * INTERVAL);
    }
    Ok(())
}

fn counter(sign: &Sign) -> Option<&'static str> {
    if let Sign::Counter(name) = sign { Some(name) } else { None }
}

fn header(sign: &Sign) -> Option<(&'static str, &'static str)> {
    if let Sign::Header(name, value) = sign { Some((name, value)) } else { None }
}

fn distribution(sign: &Sign) -> Option<String> {
    if let Sign::Distribution(name) = sign { Some(format!("{name}_count")) } else { None }
}

/// The sum of all series of a metric on a page for Prometheus.
fn total(page: &str, name: &str) -> f64 {
    let series = page.lines().filter_map(|line| line.strip_prefix(name));
    let values = series.filter(|rest| rest.starts_with(['{', ' '])).filter_map(|rest| {
        // A label's value may hold spaces; the number does not.
        rest.rsplit_once(' ')?.1.parse::<f64>().ok()
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_series_of_a_metric_count_and_no_others() {
        let page = "# TYPE a_total counter\na_total{b=\"c d\"} 3\na_total{b=\"e\"} 4\na_total_more{} 50\n\
                    b_a_total{} 60\na_total 5\nd_bucket{le=\"1\"} 9\nd_count{} 2\n";
        assert!((total(page, "a_total") - 12.0).abs() < f64::EPSILON);
        assert!((total(page, "d_count") - 2.0).abs() < f64::EPSILON);
        assert!(total(page, "e").abs() < f64::EPSILON);
    }

    const SIGNS: [Sign; 2] = [Sign::Counter("a_total"), Sign::Header("x-a", "b")];

    #[test]
    fn a_counter_grows_by_one_for_each_request() {
        assert_eq!(have_grown(&SIGNS, &[3.0], &[10.0], 7), Ok(()));
        for now in [3.0, 9.0, 11.0] {
            let error = have_grown(&SIGNS, &[3.0], &[now], 7).unwrap_err();
            assert!(error.contains("a_total"), "{error}");
        }
    }

    #[test]
    fn a_header_is_there_once_with_its_value() {
        let headers = |values: &[&'static str]| {
            let name = hyper::header::HeaderName::from_static("x-a");
            let value = |value: &&'static str| hyper::header::HeaderValue::from_static(value);
            values.iter().map(|text| (name.clone(), value(text))).collect::<HeaderMap>()
        };
        assert_eq!(has_headers(&SIGNS, &headers(&["b"])), Ok(()));
        for wrong in [&[][..], &["c"], &["b", "b"]] {
            assert!(has_headers(&SIGNS, &headers(wrong)).is_err(), "{wrong:?}");
        }
    }
}
