//! What is explained, readable beside the documents.
//!
//! Every folder below `explain/` holds documents, `workload.txt` (a workload and its labels), what is in force there
//! (`explanation.txt`, and for programs `explanation.json` where there is one), and what is answered to why each of the
//! documents has no effect (`why-not.txt`). `BURGEE_BLESS=1` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burgee_api::check::{Checked, check};
use burgee_api::document::Source;
use burgee_api::explain::{Asked, Explainer};
use burgee_api::resolve::Workload;

/// The columns of the texts.
const COLUMNS: usize = 80;

fn cases() -> Vec<PathBuf> {
    let folder = burgee_tests::workspace().join("tests/cases/explain");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the cases are there")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    cases
}

fn documents(case: &Path) -> Checked {
    let mut files: Vec<PathBuf> =
        fs::read_dir(case).expect("a case is a folder").map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    let source = |file: &PathBuf| {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        Source::new(name, fs::read_to_string(file).expect("a text"))
    };
    check(&files.iter().map(source).collect::<Vec<_>>())
}

fn workload(case: &Path) -> Workload {
    let text = fs::read_to_string(case.join("workload.txt")).expect("a workload");
    let mut words = text.split_whitespace();
    let (namespace, name) =
        words.next().and_then(|name| name.split_once('/')).expect("a namespace and a name");
    let labels: BTreeMap<String, String> = words
        .map(|label| label.split_once('=').expect("a label"))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    Workload::of_labels(namespace, name, labels).expect("no waypoint")
}

/// What is answered about each of the documents.
fn answers(checked: &Checked, explainer: &Explainer<'_>, workload: &Workload) -> String {
    let mut text = String::new();
    for outline in &checked.outlines {
        let id = &outline.id;
        let asked = match &*id.kind {
            "MeshConfig" => "MeshConfig".to_owned(),
            kind => format!("{kind}/{}/{}", id.namespace, id.name),
        };
        let asked = Asked::parse(&asked).expect("a name");
        for answer in explainer.why_not(&asked, workload) {
            text += &answer.to_text(COLUMNS);
            text.push('\n');
        }
    }
    text.trim_end().to_owned() + "\n"
}

#[test]
fn explanations_say_what_the_golden_files_say() {
    let cases = cases();
    assert!(cases.len() >= 4, "the cases are found");
    let mut failures = Vec::new();
    for case in cases {
        let (checked, workload) = (documents(&case), workload(&case));
        let explainer = Explainer::new(&checked);
        let explanation = explainer.explain(&workload);
        let mut compare =
            |file: &str, text: &str| failures.extend(burgee_tests::golden(&case.join(file), text).err());
        compare("explanation.txt", &explanation.to_text(COLUMNS));
        compare("why-not.txt", &answers(&checked, &explainer, &workload));
        if case.join("explanation.json").exists() {
            compare("explanation.json", &format!("{:#}\n", explanation.to_json()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
