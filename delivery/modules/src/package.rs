//! Finds out what a folder's crate is called and where cargo builds it: cargo itself is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::build::no_cargo;
use crate::error::ModuleError;
use crate::target::last_lines;
use crate::toolchain::Toolchain;

/// How many of cargo's last lines an error shows.
const SHOWN_LINES: usize = 20;

/// A crate that makes a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// The name of its library.
    pub target: String,
    /// The root of the workspace that it belongs to.
    pub workspace_root: PathBuf,
    /// Where that workspace is built.
    pub target_directory: PathBuf,
}

impl Package {
    /// The crate of a folder.
    pub fn find(folder: &Path) -> Result<Package, ModuleError> {
        let no_crate = |reason: String| ModuleError::NoCrate { folder: folder.to_owned(), reason };
        let folder = folder.canonicalize().map_err(|error| no_crate(error.to_string()))?;
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(no_crate("it holds no Cargo.toml".to_owned()));
        }
        Package::from_metadata(&metadata(&folder)?, &folder).map_err(no_crate)
    }

    fn from_metadata(metadata: &Value, folder: &Path) -> Result<Package, String> {
        let is_here = |package: &&Value| {
            folder_of(package).is_some_and(|found| {
                found == folder || found.canonicalize().is_ok_and(|found| found == folder)
            })
        };
        let package = metadata["packages"].as_array().into_iter().flatten().find(is_here).ok_or(
            "its Cargo.toml is a workspace without a package of its own: name the folder of one of its crates",
        )?;
        let makes_a_module = |target: &&Value| {
            target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
        };
        let target = package["targets"].as_array().into_iter().flatten().find(makes_a_module).ok_or(
            "it makes no module: its Cargo.toml needs `crate-type = [\"cdylib\", \"rlib\"]` under `[lib]`",
        )?;
        let text =
            |value: &Value| value.as_str().map(str::to_owned).ok_or("cargo's description of it is not whole");
        Ok(Package {
            folder: folder.to_owned(),
            name: text(&package["name"])?,
            target: text(&target["name"])?,
            workspace_root: text(&metadata["workspace_root"])?.into(),
            target_directory: text(&metadata["target_directory"])?.into(),
        })
    }

    /// Whether the crate's workspace defines a profile in its Cargo.toml.
    pub fn has_profile(&self, profile: &str) -> bool {
        let header = format!("[profile.{profile}]");
        // A profile that is written in another way is not found, and the crate then built like a release.
        fs::read_to_string(self.workspace_root.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim_start().starts_with(&header)))
    }

    /// Whether the crate is of the workspace that this program was built from.
    pub fn is_ours(&self) -> bool {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        root.canonicalize().is_ok_and(|root| root == self.workspace_root)
    }
}

/// What cargo says of the workspace that a folder's crate belongs to, and of every crate in it.
pub(crate) fn metadata(folder: &Path) -> Result<Value, ModuleError> {
    let no_crate = |reason: String| ModuleError::NoCrate { folder: folder.to_owned(), reason };
    let toolchain = Toolchain::of(folder);
    let mut command = toolchain.command(&toolchain.cargo);
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(folder).stdin(Stdio::null());
    let output = command.output().map_err(no_cargo(&toolchain.cargo))?;
    if !output.status.success() {
        let said = last_lines(&String::from_utf8_lossy(&output.stderr), SHOWN_LINES);
        return Err(no_crate(format!("cargo cannot read it:\n{said}")));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| no_crate(error.to_string()))
}

/// The crate of a folder among those of a workspace.
pub(crate) fn package_in<'a>(metadata: &'a Value, folder: &Path) -> Option<&'a Value> {
    metadata["packages"].as_array()?.iter().find(|package| folder_of(package) == Some(folder))
}

/// The folder of a crate in [`metadata`].
pub(crate) fn folder_of(package: &Value) -> Option<&Path> {
    Path::new(package["manifest_path"].as_str()?).parent()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(kinds: &[&str], folder: &str) -> Result<Package, String> {
        let metadata = json!({
            "packages": [
                {"name": "other", "manifest_path": "/w/other/Cargo.toml", "targets": []},
                {"name": "a-filter", "manifest_path": "/w/a/Cargo.toml", "targets": [
                    {"name": "build-script-build", "kind": ["custom-build"]},
                    {"name": "renamed", "kind": kinds},
                ]},
            ],
            "workspace_root": "/w",
            "target_directory": "/t",
        });
        Package::from_metadata(&metadata, Path::new(folder))
    }

    #[test]
    fn the_package_of_the_folder_and_its_module_are_found() {
        let package = find(&["cdylib", "rlib"], "/w/a").unwrap();
        assert_eq!((package.name.as_str(), package.target.as_str()), ("a-filter", "renamed"));
        assert_eq!(package.target_directory, Path::new("/t"));
    }

    #[test]
    fn what_makes_no_module_says_what_to_write() {
        for (kinds, folder, expected) in [
            (&["lib"][..], "/w/a", "crate-type"),
            (&["bin"], "/w/a", "crate-type"),
            (&["cdylib"], "/w", "one of its crates"),
        ] {
            let error = find(kinds, folder).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_profile_is_found_by_its_header() {
        let root = tempfile::tempdir().unwrap();
        let mut package = find(&["cdylib"], "/w/a").unwrap();
        package.workspace_root = root.path().to_owned();
        assert!(!package.has_profile("filter"));
        for (manifest, expected) in [
            ("[profile.filter]\n", true),
            ("[profile.release]\n", false),
            ("[profile.filters]\n", false),
            ("# [profile.filter]\n", false),
        ] {
            fs::write(root.path().join("Cargo.toml"), manifest).unwrap();
            assert_eq!(package.has_profile("filter"), expected, "{manifest}");
        }
    }
}
