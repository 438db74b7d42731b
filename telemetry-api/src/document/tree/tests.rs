//! Tests of the tree: places, styles, aliases, nested texts and what is not YAML.

use proptest::prelude::*;

use super::*;
use crate::test;

fn read(text: &str) -> (Vec<Node>, Vec<Problem>) {
    parse(&Source::new("t.yaml", text))
}

/// A tree as one line: `{a@1:1: 'x'@1:4}` with quotes around scalars that are strings whoever reads them.
fn show(node: &Node) -> String {
    let at = format!("@{}:{}+{}", node.place.line, node.place.column, node.place.width);
    match &node.value {
        NodeValue::Scalar { text, style: ScalarStyle::Plain } => format!("{}{text}{at}", node.tag),
        NodeValue::Scalar { text, style: ScalarStyle::Quoted } => format!("{}'{text}'{at}", node.tag),
        NodeValue::Scalar { text, style: ScalarStyle::Block } => format!("{}|{text:?}{at}", node.tag),
        NodeValue::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        NodeValue::Map(entries) => format!(
            "{{{}}}",
            entries.iter().map(|(k, v)| format!("{}: {}", show(k), show(v))).collect::<Vec<_>>().join(", ")
        ),
    }
}

#[test]
fn places_and_styles_are_kept() {
    let (documents, problems) = read("a: 'x'\nb:\n- on\n- !t y\n---\nc: {d: \"é\", e: 1}\n");
    assert_eq!(problems, []);
    let shown: Vec<_> = documents.iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "{a@1:1+1: 'x'@1:4+3, b@2:1+1: [on@3:3+2, !ty@4:6+1]}",
            "{c@6:1+1: {d@6:5+1: 'é'@6:8+3, e@6:13+1: 1@6:16+1}}",
        ]
    );
}

#[test]
fn empty_documents_and_comments_are_left_out() {
    let (documents, problems) = read("# only a comment\n---\n---\nnull\n---\na: 1\n...\n");
    assert_eq!(problems, []);
    assert_eq!(documents.len(), 1);
}

#[test]
fn reading_goes_on_after_a_syntax_error_and_lines_stay_right() {
    let (documents, problems) = read("a: 1\n---\nb: [1\nc: }\n---\nd: 2\n---\ne: \"x\n");
    assert_eq!(documents.iter().map(show).collect::<Vec<_>>(), ["{a@1:1+1: 1@1:4+1}", "{d@6:1+1: 2@6:4+1}"]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.code == codes::SYNTAX));
}

#[test]
fn aliases_are_expanded() {
    let (documents, problems) = read("a: &x [1, 2]\nb: *x\n");
    assert_eq!(problems, []);
    assert_eq!(show(&documents[0]), "{a@1:1+1: [1@1:8+1, 2@1:11+1], b@2:1+1: [1@1:8+1, 2@1:11+1]}");
}

#[test]
fn aliases_that_blow_up_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let names = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!("a{level}: &a{level} [{names}]\n");
    }
    let (_, problems) = read(&text);
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [codes::ALIAS]);
}

#[test]
fn aliases_of_long_texts_are_refused_too() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(", "));
    let (_, problems) = read(&text);
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [codes::ALIAS]);
}

#[test]
fn aliases_do_not_nest_deeper_than_written_texts_may() {
    let mut text = "- &a0 x\n".to_owned();
    for level in 1..40 {
        text += &format!("- &a{level} {}*a{}{}\n", "[".repeat(20), level - 1, "]".repeat(20));
    }
    let (_, problems) = read(&text);
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [codes::SYNTAX]);
}

#[test]
fn deep_nesting_is_refused() {
    let (_, problems) = read(&"[".repeat(100_000));
    assert_eq!(problems.len(), 1);
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_counted() {
    let (documents, problems) = read("\r\r\ra: b: c\r\n---\nd: e\n");
    let lines: Vec<usize> =
        problems.iter().filter_map(|problem| Some(problem.place.as_ref()?.line)).collect();
    assert_eq!(lines, [4]);
    assert_eq!(documents.iter().map(show).collect::<Vec<_>>(), ["{d@6:1+1: e@6:4+1}"]);
}

#[test]
fn a_nested_literal_block_keeps_its_places() {
    let text = "kind: ConfigMap\ndata:\n  mesh: |-\n    rootNamespace: x\n\n    defaultProviders:\n      metrics: [a]\n";
    let source = Source::new("t.yaml", text);
    let (documents, _) = parse(&source);
    let NodeValue::Map(entries) = &documents[0].value else { panic!("not a map") };
    let NodeValue::Map(data) = &entries[1].1.value else { panic!("not a map") };
    let (inner, problems) = data[0].1.nested(&source);
    assert_eq!(problems, []);
    assert_eq!(
        show(&inner[0]),
        "{rootNamespace@4:5+13: x@4:20+1, defaultProviders@6:5+16: {metrics@7:7+7: [a@7:17+1]}}"
    );
}

#[test]
fn a_nested_quoted_text_points_at_the_scalar() {
    let source = Source::new("t.yaml", "mesh: \"a: 1\\nb: 2\"\n");
    let (documents, _) = parse(&source);
    let NodeValue::Map(entries) = &documents[0].value else { panic!("not a map") };
    let (inner, _) = entries[0].1.nested(&source);
    assert_eq!(show(&inner[0]), "{a@1:7+12: 1@1:7+12, b@1:7+12: 2@1:7+12}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}") {
        let source = Source::new("t.yaml", text.as_str());
        for document in parse(&source).0 {
            let _ = document.nested(&source);
        }
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in "[-a:\\[\\]{}&*!|>'\"# \n?,%~\\\\0]{0,80}") {
        let source = Source::new("t.yaml", text.as_str());
        for document in parse(&source).0 {
            let _ = document.nested(&source);
        }
    }
}
