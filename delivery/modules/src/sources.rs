//! Finds what crates are made of: the files and folders whose change makes another module.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::SCHEMA_FILE;
use crate::package::{metadata, package_in};

/// The parts of a crate that count, beside those that its build leaves behind.
const PARTS: [&str; 5] = ["src", "Cargo.toml", "build.rs", ".cargo", SCHEMA_FILE];

/// The files and folders that the crates in these folders are made of, in order and each once: their own, and those of
/// the crates of the same workspace that they are built from. Of a crate that cargo cannot read they are its own.
///
/// Cargo is asked once per workspace, and without resolving dependencies.
pub fn sources(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut asked: Vec<Value> = Vec::new();
    let mut paths = BTreeSet::new();
    for folder in folders {
        // As it is named, so that it is watched although it is broken, or a link that leads elsewhere tomorrow.
        add_parts(folder, &mut paths);
        let Ok(whole) = folder.canonicalize() else { continue };
        if !asked.iter().any(|metadata| package_in(metadata, &whole).is_some()) {
            asked.extend(metadata(&whole).ok());
        }
        let Some(metadata) = asked.iter().find(|metadata| package_in(metadata, &whole).is_some()) else {
            continue;
        };
        for used in used_by(metadata, &whole) {
            add_parts(&used, &mut paths);
        }
        // It says the profile, and what its members inherit.
        let root = metadata["workspace_root"].as_str().map(|root| Path::new(root).join("Cargo.toml"));
        paths.extend(root.filter(|manifest| *manifest != whole.join("Cargo.toml")));
    }
    paths.into_iter().collect()
}

fn add_parts(folder: &Path, paths: &mut BTreeSet<PathBuf>) {
    paths.extend(PARTS.map(|part| folder.join(part)).into_iter().filter(|part| part.exists()));
}

/// The folders of the crates that one is built from, near and far, without its own.
fn used_by(metadata: &Value, folder: &Path) -> BTreeSet<PathBuf> {
    let mut used = BTreeSet::new();
    let mut to_visit = vec![folder.to_owned()];
    while let Some(visited) = to_visit.pop() {
        let Some(package) = package_in(metadata, &visited) else { continue };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let built = dependencies.filter(|dependency| dependency["kind"] != "dev");
        for path in built.filter_map(|dependency| dependency["path"].as_str()).map(PathBuf::from) {
            if path != folder && used.insert(path.clone()) {
                to_visit.push(path);
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A workspace whose crate `a` is built from `b`, which is from `c`; `d` is for its tests alone.
    fn workspace() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let members = [
            ("a", "b = {path = \"../b\"}\n[dev-dependencies]\nd = {path = \"../d\"}"),
            ("b", "c = {path = \"../c\"}"),
            ("c", ""),
            ("d", ""),
        ];
        let manifest = "[workspace]\nmembers = [\"a\", \"b\", \"c\", \"d\"]\nresolver = \"3\"\n";
        fs::write(root.path().join("Cargo.toml"), manifest).expect("a manifest");
        for (name, dependencies) in members {
            let folder = root.path().join(name);
            fs::create_dir_all(folder.join("src")).expect("a crate");
            fs::write(folder.join("src/lib.rs"), "").expect("a source");
            let manifest =
                format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[dependencies]\n{dependencies}\n");
            fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
        }
        root
    }

    /// The sources of crates, from the workspace's folder.
    fn found(root: &Path, names: &[&str]) -> Vec<String> {
        let root = root.canonicalize().expect("a folder");
        let folders: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
        let within = |path: PathBuf| path.strip_prefix(&root).ok().map(|path| path.display().to_string());
        sources(&folders).into_iter().filter_map(within).collect()
    }

    #[test]
    fn a_crate_is_made_of_what_it_is_built_from_in_its_workspace() {
        let root = workspace();
        let expected =
            ["Cargo.toml", "a/Cargo.toml", "a/src", "b/Cargo.toml", "b/src", "c/Cargo.toml", "c/src"];
        assert_eq!(found(root.path(), &["a"]), expected);
        assert_eq!(found(root.path(), &["a", "c", "a"]), expected);
        assert_eq!(found(root.path(), &["d"]), ["Cargo.toml", "d/Cargo.toml", "d/src"]);
    }

    #[test]
    fn a_crate_that_cargo_cannot_read_is_made_of_its_own() {
        let root = workspace();
        fs::write(root.path().join("a/Cargo.toml"), "[package").expect("a manifest");
        assert_eq!(found(root.path(), &["a"]), ["a/Cargo.toml", "a/src"]);
        assert_eq!(found(root.path(), &["absent"]), Vec::<String>::new());
    }
}
