//! The files of a new crate. They stand in the tree as a crate that is built and tested; its name and the place of the
//! checkout are what changes.

use std::path::Path;

use super::CrateName;

/// The crate's name in the template.
const NAME: &str = "my-filter";

/// The same as a name in Rust, and as the start of metrics' names.
const IDENTIFIER: &str = "my_filter";

/// Where the checkout is for the template.
const CHECKOUT: &str = "../../../../..";

/// The file that says what `cargo burgee` is.
const ALIAS_FILE: &str = ".cargo/config.toml";

macro_rules! files {
    ($($path:literal = $source:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("template/", $source)))),+]
    };
}

/// Each file by its path in the new crate. What git would not keep has another name in the tree.
const FILES: &[(&str, &str)] = files![
    ".cargo/config.toml" = ".cargo/config.toml",
    ".gitignore" = "gitignore",
    "Cargo.toml" = "Cargo.toml",
    "README.md" = "README.md",
    "clippy.toml" = "clippy.toml",
    "configuration.schema.json" = "configuration.schema.json",
    "mesh.yaml" = "mesh.yaml",
    "plugin.yaml" = "plugin.yaml",
    "rust-toolchain.toml" = "rust-toolchain.toml",
    "src/config.rs" = "src/config.rs",
    "src/filter.rs" = "src/filter.rs",
    "src/lib.rs" = "src/lib.rs",
    "tests/filter.rs" = "tests/filter.rs",
    "tests/tenants.yaml" = "tests/tenants.yaml",
];

/// The files of a crate of this name.
pub(super) fn files(name: &CrateName, checkout: &Path) -> Vec<(&'static str, String)> {
    let write = |(path, text): &(&'static str, &str)| {
        let mut text = text.replace(NAME, name.as_str()).replace(IDENTIFIER, &name.identifier());
        if path.ends_with(".toml") {
            text = text.replace(CHECKOUT, &escaped(checkout));
        }
        if *path == ALIAS_FILE && checkout.to_string_lossy().contains(char::is_whitespace) {
            text = as_words(&text);
        }
        (*path, text)
    };
    FILES.iter().map(write).collect()
}

/// An alias as a list of words, which cargo does not take apart at blanks. As a text it takes the place of the one that a
/// crate within the checkout would inherit.
fn as_words(text: &str) -> String {
    let words =
        text.replace("\"run ", "[\"run\", \"").replace(" --manifest-path ", "\", \"--manifest-path\", \"");
    words.replace(" --package burgee --\"", "\", \"--package\", \"burgee\", \"--\"]")
}

/// A path within a string of TOML.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_template_is_among_the_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/new/template");
        let mut there = Vec::new();
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.strip_prefix(&root).expect("below it").to_string_lossy().into_owned();
                // What is left when somebody has built it where it stands.
                if path.is_dir() && name != "target" {
                    open.push(path);
                } else if path.is_file() && name != "Cargo.lock" {
                    there.push(name);
                }
            }
        }
        there.sort();
        let mut listed: Vec<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        listed
            .iter_mut()
            .filter(|path| *path == ".gitignore")
            .for_each(|path| *path = "gitignore".to_owned());
        listed.sort();
        assert_eq!(there, listed);
    }

    #[test]
    fn a_name_and_a_place_are_written_wherever_they_are_meant() {
        let name = CrateName::of(Path::new("who-asks")).expect("a name");
        for (path, text) in files(&name, Path::new("/a \"b\"/c")) {
            for left in [NAME, IDENTIFIER, CHECKOUT] {
                assert!(!text.contains(left), "{path} has {left}");
            }
            if path == ALIAS_FILE {
                assert!(text.contains(r#"["run", "--quiet", "--manifest-path", "/a \"b\"/c/Cargo.toml", "--package", "burgee", "--"]"#), "{text}");
            }
            if path == "Cargo.toml" {
                assert!(text.contains(r#"burgee-kit = { path = "/a \"b\"/c/filters/kit" }"#), "{text}");
            }
        }
    }
}
