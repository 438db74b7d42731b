//! Rules about codes: no two share a number or a title, each of them has a page, and the pages' index names all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use burgee_api::check::check;
use burgee_api::check::code_page::example;
use burgee_api::problem::{Case, area, codes};
use burgee_tests::{CODES, Tried, assert_pages, golden, workspace};

use crate::tree::{is_test, regex};
use crate::{assert_none, rust_files, shown, text};

/// Where each code is declared, with its title.
fn declared() -> BTreeMap<String, Vec<(String, String)>> {
    // With a page and in a table, or alone.
    let definition = regex(r#"(?m)(?:^\s*/// (.*)\n)?^[^/\n]*(?:Code\(|\b[A-Z_]+ = )"(BG\d{4})""#);
    let mut places: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for file in rust_files().iter().filter(|file| !is_test(file)) {
        let text = text(file);
        let production = text.split("#[cfg(test)]").next().unwrap_or("");
        for capture in definition.captures_iter(production) {
            let title = capture.get(1).map_or(String::new(), |title| title.as_str().to_owned());
            places.entry(capture[2].to_owned()).or_default().push((shown(file), title));
        }
    }
    places
}

#[test]
fn no_two_problems_share_a_code_or_a_title() {
    let declared = declared();
    assert!(declared.len() > 100, "codes are found: {}", declared.len());
    let mut found: Vec<String> = declared
        .iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(code, places)| format!("{code} is declared more than once: {places:?}"))
        .collect();
    let mut titles: BTreeMap<&str, &str> = BTreeMap::new();
    for (code, places) in &declared {
        for (file, title) in places.iter().filter(|(_, title)| !title.is_empty()) {
            if let Some(other) = titles.insert(title, code) {
                found.push(format!("{file}: {code} has the title of {other}: {title}"));
            }
        }
    }
    assert_none("a code is one kind of problem", &found);
}

/// One test, so that no page is read while it is written anew.
#[test]
fn every_code_has_a_page_that_is_true_and_current_and_the_index_names_it() {
    let problems = |text| check(&[example(text)]).problems;
    assert_pages(codes::pages(), |case| match case {
        Case::Documents { wrong, right } => Some(Tried { wrong: problems(wrong), right: problems(right) }),
        _ => None,
    });
    let declared: BTreeSet<String> = declared().into_keys().collect();
    let pages = pages();
    let found: Vec<String> = pages
        .keys()
        .filter(|code| !declared.contains(*code))
        .map(|code| format!("{CODES}/{code}.md"))
        .collect();
    assert_none("these pages are of codes that are not declared; remove them", &found);
    golden(&workspace().join(CODES).join("README.md"), &index(&pages))
        .unwrap_or_else(|error| panic!("{error}"));
}

/// The pages that are there, by code: the title, and the severity in the example.
fn pages() -> BTreeMap<String, (String, String)> {
    let heading = regex(r"^# (BG\d{4}): (.+)\n\n.+ · (\w+)\n");
    let folder = workspace().join(CODES);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned()));
    names
        .filter(|name| name != "README.md")
        .map(|name| {
            let text = text(&folder.join(&name));
            let found = heading.captures(&text).unwrap_or_else(|| panic!("{name} is not the page of a code"));
            assert_eq!(name, format!("{}.md", &found[1]));
            (found[1].to_owned(), (found[2].to_owned(), found[3].to_owned()))
        })
        .collect()
}

/// Every page by area, for people.
fn index(pages: &BTreeMap<String, (String, String)>) -> String {
    let mut index = "# Codes\n\nEvery problem has a code, and each code means one thing. `cargo burgee code BG0205` shows \
                     the page of one.\n"
        .to_owned();
    let mut last = "";
    for (code, (title, severity)) in pages {
        let area = area(code);
        if area != last {
            index.push_str(&format!("\n## {area}\n\n| code | | what it is of |\n| --- | --- | --- |\n"));
            last = area;
        }
        index.push_str(&format!("| [{code}]({code}.md) | {severity} | {title} |\n"));
    }
    index
}
