//! Filters of somebody else, a workspace of crates that use the kit; and what a module exports.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The callbacks that a module exports, as the ABI calls them.
pub fn callbacks(module: &[u8]) -> BTreeSet<String> {
    let module = walrus::Module::from_buffer(module).unwrap();
    let names = module.exports.iter().map(|export| export.name.clone());
    names.filter(|name| name.starts_with("proxy_on_") && name != "proxy_on_memory_allocate").collect()
}

/// The folder of our workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A workspace of the crates of these names and sources.
pub fn write_workspace(folder: &Path, crates: &[(&str, &str)]) {
    let kit = workspace().join("filters/kit");
    let members: Vec<&str> = crates.iter().map(|(name, _)| *name).collect();
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n{}", profile());
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The same versions as ours, so that nothing has to be fetched.
    fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    for (name, source) in crates {
        let folder = folder.join(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
             [dependencies]\nburgee-kit = {{ path = {kit:?} }}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), source).unwrap();
    }
}

/// Our own profile for filters.
fn profile() -> String {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    manifest[manifest.find("[profile.filter]").unwrap()..].to_owned()
}
