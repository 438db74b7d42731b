//! Pages of metrics: what is read, what is refused where, and what is counted.

use proptest::prelude::*;

use super::*;
use crate::test;

const PAGE: &str = "\
# TYPE istio_requests_total counter
istio_requests_total{reporter=\"source\",response_code=\"200\",path=\"/a\"} 3
istio_requests_total{reporter=\"source\",response_code=\"200\",path=\"/b\"} 1 1700000000000
istio_requests_total{reporter=\"destination\",response_code=\"503\",path=\"/a\",} 1

# TYPE istio_request_bytes histogram
istio_request_bytes_bucket{reporter=\"source\",le=\"1\"} 0
istio_request_bytes_bucket{reporter=\"source\",le=\"+Inf\"} 4
istio_request_bytes_sum{reporter=\"source\"} 1.5e3
istio_request_bytes_count{reporter=\"source\"} 4
envoy_server_live{} 1
up NaN
";

#[test]
fn series_and_values_are_counted() {
    let observed = Observed::read(PAGE).expect("a page");
    assert_eq!(observed.series("istio_requests_total", "source"), 2);
    assert_eq!(observed.series("istio_requests_total", "destination"), 1);
    assert_eq!(observed.series("istio_request_bytes", "source"), 4);
    assert_eq!(observed.series("istio_request_bytes", "destination"), 0);
    assert_eq!(observed.series("envoy_server_live", "source"), 0);
    assert_eq!((observed.values("path"), observed.values("response_code"), observed.values("x")), (2, 2, 0));
    assert_eq!(observed.without("istio_requests_total", "source", &["path".to_owned()]), 1);
    assert!(observed.has("istio_requests_total", "path") && !observed.has("istio_request_bytes", "path"));
}

#[test]
fn what_is_no_page_is_refused_where_it_is_wrong() {
    for (page, line, column, part) in [
        ("", 1, 1, "no series"),
        ("# nothing\n", 1, 1, "no series"),
        ("up 1\n", 1, 1, "no series"),
        ("<html>", 1, 1, "a name is missing"),
        ("{\"a\": 1}", 1, 1, "a name is missing"),
        ("istio_a 1\nistio_b", 2, 8, "no value"),
        ("istio_a{b=\"c\"} 1\nistio_a{b=\"d", 2, 12, "cut off"),
        ("istio_a{b} 1", 1, 10, "NAME=\"VALUE\""),
        ("istio_a{b=c} 1", 1, 11, "in quotes"),
        ("istio_a{b=\"c\" d=\"e\"} 1", 1, 15, "a comma"),
        ("istio_a{b=\"c\",b=\"d\"} 1", 1, 20, "already"),
        ("istio_a{b=\"\\x\"} 1", 1, 12, "escapes"),
        ("istio_a one", 1, 9, "a number"),
        ("istio_a 1 soon", 1, 9, "a number"),
        ("istio_a 1 2 3", 1, 9, "a number"),
        ("1a 2", 1, 1, "a name is missing"),
    ] {
        let fault = Observed::read(page).expect_err(page);
        assert!(fault.message.contains(part), "{page}: {fault}");
        assert_eq!((fault.line, fault.column), (line, column), "{page}: {fault}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

proptest! {
    #[test]
    fn no_page_makes_it_panic(page in "(istio_a|\\{|\\}|\"|\\\\|=|,|b| |1|\n|#|é){0,24}") {
        let _ = Observed::read(&page);
    }

    #[test]
    fn as_many_values_are_counted_as_were_written(values in prop::collection::btree_set("[^\r]{0,8}", 1..8)) {
        let line = |value: &String| format!("istio_requests_total{{reporter=\"source\",v=\"{}\"}} 1\n", escaped(value));
        let page: String = values.iter().map(line).collect();
        let observed = Observed::read(&page).expect("a page");
        prop_assert_eq!(observed.values("v"), values.len() as u64);
        prop_assert_eq!(observed.series("istio_requests_total", "source"), values.len() as u64);
    }
}
