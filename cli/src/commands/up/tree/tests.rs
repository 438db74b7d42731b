//! Traces: order, depth, what is missing, what is nonsense.

use super::*;
use crate::commands::up::examples::span;

/// A trace's id, and of each span how deep it stands, its id, and whether its parent is missing.
type Shape<'a> = (&'a str, Vec<(usize, &'a str, bool)>);

fn shape<'a>(traces: &[Trace<'a>]) -> Vec<Shape<'a>> {
    let nodes = |trace: &Trace<'a>| {
        trace.spans.iter().map(|node| (node.depth, node.span.span_id.as_str(), node.is_orphan)).collect()
    };
    traces.iter().map(|trace| (trace.id, nodes(trace))).collect()
}

#[test]
fn spans_stand_below_their_parents_whatever_order_they_came_in() {
    let spans = [
        span("t", "c", Some("b"), 3, 1.0),
        span("t", "b", Some("a"), 2, 2.0),
        span("t", "d", Some("a"), 4, 1.0),
        span("t", "a", None, 1, 10.0),
    ];
    let traces = traces(&spans);
    assert_eq!(
        shape(&traces),
        [("t", vec![(0, "a", false), (1, "b", false), (2, "c", false), (1, "d", false)])]
    );
    assert_eq!((traces[0].start_ns, traces[0].duration_ms), (1_000_000, 10.0));
    assert_eq!(traces[0].line(), "svc 10.0 ms (svc 2.0 ms (svc 1.0 ms), svc 1.0 ms)");
}

#[test]
fn a_name_has_the_service_the_side_and_both_ends_of_what_it_is_about() {
    let mut web = span("t", "a", None, 1, 1.0);
    (web.service, web.name) = ("web.shop".to_owned(), "cart.shop.internal:80/*".to_owned());
    for (kind, columns, expected) in [
        ("server", 40, "web in cart.shop.internal:80/*"),
        ("client", 24, "web out cart.sh…nal:80/*"),
        ("internal", 12, "web - ca…0/*"),
        ("server", 5, "web …"),
    ] {
        web.kind = kind.to_owned();
        assert_eq!(name(&web, columns), expected);
    }
}

#[test]
fn a_span_without_its_parent_is_a_top_and_says_so() {
    let spans = [span("t", "b", Some("gone"), 2, 1.0), span("t", "c", Some("b"), 3, 1.0)];
    assert_eq!(shape(&traces(&spans)), [("t", vec![(0, "b", true), (1, "c", false)])]);
}

#[test]
fn spans_that_are_each_others_parents_are_each_listed_once() {
    let spans = [
        span("t", "a", Some("b"), 1, 1.0),
        span("t", "b", Some("a"), 2, 1.0),
        span("t", "self", Some("self"), 3, 1.0),
        span("t", "twice", None, 4, 1.0),
        span("t", "twice", None, 5, 1.0),
    ];
    let traces = traces(&spans);
    assert_eq!(traces[0].spans.len(), spans.len());
}

#[test]
fn the_trace_that_ended_last_is_last() {
    let spans =
        [span("x", "1", None, 1, 1.0), span("y", "2", None, 2, 1.0), span("x", "3", Some("1"), 3, 1.0)];
    let order: Vec<_> = traces(&spans).iter().map(|trace| trace.id).collect();
    assert_eq!(order, ["y", "x"]);
    assert!(traces(&[]).is_empty());
}

#[test]
fn a_bar_shows_when_and_how_long_and_is_never_empty() {
    let spans = [
        span("t", "a", None, 0, 100.0),
        span("t", "b", Some("a"), 50, 25.0),
        span("t", "c", Some("a"), 100, 0.0),
    ];
    let traces = traces(&spans);
    for (number, expected) in ["████████", "    ██  ", "       █"].into_iter().enumerate()
    {
        assert_eq!(bar(&traces[0], &spans[number], 8), expected);
    }
    assert_eq!(bar(&traces[0], &spans[0], 0), "");
    let nothing = [span("t", "a", None, 0, 0.0)];
    assert_eq!(bar(&super::traces(&nothing)[0], &nothing[0], 3), "█  ");
}
