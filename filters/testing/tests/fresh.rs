//! What is written from the types is as the types are: the schema, the reference, the pages of the codes.

use burgee_tests::{assert_pages, golden, workspace};

#[test]
fn the_schema_is_fresh() {
    let schema = burgee_filter_test::cases::schema();
    let text = serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n";
    golden(&workspace().join("filters/testing/schema/cases.json"), &text)
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_reference_is_fresh() {
    let page = burgee_filter_test::reference::reference();
    golden(&workspace().join("docs/filter-cases.md"), &page).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_code_has_a_page_that_is_current() {
    assert_pages(burgee_filter_test::codes::pages(), |_| None);
}

#[test]
fn the_page_of_the_rules_is_fresh() {
    let page = burgee_filter_test::compliance::page();
    golden(&workspace().join("docs/compliance.md"), &page).unwrap_or_else(|error| panic!("{error}"));
}
