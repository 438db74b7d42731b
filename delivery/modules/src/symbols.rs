//! What tells where in the sources a module's code is: made apart from the module that a proxy gets, and kept beside it by
//! that module's digest.
//!
//! It is a module too, of the same code, with the names of functions and line tables (DWARF) in custom sections. Whatever
//! reads those can read it, and an offset in the code of one is the same in the other.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmparser::{Parser, Payload};

use crate::Progress;
use crate::build::{BuiltModule, Holds, compile, shown, user_cache};
use crate::cache;
use crate::error::ModuleError;
use crate::package::Package;
use crate::trim::{Keeps, Uncalled, is_listed, trim_to};

/// How the names of those files end.
const ENDING: &str = ".symbols.wasm";

/// How many of them are kept, the newest: each has a few megabytes.
const MOST_KEPT: usize = 8;

/// Builds the crate in a folder once more, now with names and lines, and keeps that in the user's cache beside the module
/// that [`build_crate`](crate::build_crate) made of it. What the crate stands on is not built again.
///
/// None if the code is not that of the module: the sources have changed since, or the crate's toolchain is older than
/// Rust 1.85, with which such flags change the code.
///
/// # Errors
/// If it does not build.
pub fn build_symbols(
    folder: &Path,
    module: &BuiltModule,
    progress: &dyn Progress,
) -> Result<Option<Vec<u8>>, ModuleError> {
    build_symbols_in(&user_cache()?, folder, module, progress)
}

/// Like [`build_symbols`], into another cache directory.
///
/// # Errors
/// Like [`build_symbols`].
pub fn build_symbols_in(
    cache: &Path,
    folder: &Path,
    module: &BuiltModule,
    progress: &dyn Progress,
) -> Result<Option<Vec<u8>>, ModuleError> {
    let package = Package::find(folder)?;
    let whole = compile(&package, Holds::Lines, progress)?;
    let symbols = if is_listed(&whole)? {
        progress.step(&format!("finding the lines of the filter {}", shown(&package)));
        let trimmed = trim_with_lines(&whole, Uncalled::Out)?;
        // Of a module that was built without names nothing was taken out by them.
        if is_same_code(&trimmed, &module.bytes) {
            trimmed
        } else {
            trim_with_lines(&whole, Uncalled::Stays)?
        }
    } else {
        whole
    };
    if !is_same_code(&symbols, &module.bytes) {
        return Ok(None);
    }
    let _lock = cache::lock(cache)?;
    store(cache, &module.sha256, &symbols)?;
    Ok(Some(symbols))
}

/// What is kept in the user's cache beside a module; none if nothing is.
pub fn kept_symbols(module: &BuiltModule) -> Option<Vec<u8>> {
    kept_symbols_in(&user_cache().ok()?, module)
}

/// Like [`kept_symbols`], of a module's bytes, from wherever they are.
pub fn kept_symbols_of(module: &[u8]) -> Option<Vec<u8>> {
    let sha256 = cache::sha256(module);
    kept_symbols(&BuiltModule { path: PathBuf::new(), sha256, bytes: module.to_vec() })
}

/// Where what [`build_symbols`] made of a module is kept, whether it is there or not.
///
/// # Errors
/// If there is no place for a cache.
pub fn symbols_path(module: &BuiltModule) -> Result<PathBuf, ModuleError> {
    Ok(path(&user_cache()?, &module.sha256))
}

/// Like [`kept_symbols`], from another cache directory.
pub fn kept_symbols_in(cache: &Path, module: &BuiltModule) -> Option<Vec<u8>> {
    let symbols = fs::read(path(cache, &module.sha256)).ok()?;
    is_same_code(&symbols, &module.bytes).then_some(symbols)
}

/// Trims a module and keeps its lines; only its names where the lines cannot be carried over.
fn trim_with_lines(whole: &[u8], uncalled: Uncalled) -> Result<Vec<u8>, ModuleError> {
    // What writes the lines anew ends so where it does not understand them.
    match panic::catch_unwind(|| trim_to(whole, Keeps::Lines, uncalled)) {
        Ok(trimmed) => trimmed,
        Err(_) => trim_to(whole, Keeps::Names, uncalled),
    }
}

/// Whether two modules differ in custom sections at most, which nothing executes.
fn is_same_code(one: &[u8], other: &[u8]) -> bool {
    match (sections(one), sections(other)) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => false,
    }
}

/// The sections that are executed, by their numbers. None if it is no module.
fn sections(module: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.ok()?;
        if matches!(payload, Payload::CustomSection(_)) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            sections.push((id, module.get(range)?));
        }
    }
    Some(sections)
}

fn path(cache: &Path, digest: &str) -> PathBuf {
    cache.join("modules").join(format!("sha256-{digest}{ENDING}"))
}

fn store(cache: &Path, digest: &str, symbols: &[u8]) -> Result<(), ModuleError> {
    let path = path(cache, digest);
    let directory = cache.join("modules");
    cache::write_whole(&directory, &path, symbols)?;
    let mut kept: Vec<(SystemTime, PathBuf)> = fs::read_dir(&directory)
        .map_err(ModuleError::io("reading", &directory))?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(ENDING) && entry.path() != path)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    for (_, old) in kept.iter().rev().skip(MOST_KEPT - 1) {
        fs::remove_file(old).map_err(ModuleError::io("removing", old))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut module = walrus::Module::default();
        module.memories.add_local(false, false, 1, None, None);
        for (name, data) in sections {
            module.customs.add(walrus::RawCustomSection { name: (*name).to_owned(), data: data.to_vec() });
        }
        module.emit_wasm()
    }

    fn built(bytes: Vec<u8>) -> BuiltModule {
        BuiltModule { path: PathBuf::new(), sha256: cache::sha256(&bytes), bytes }
    }

    #[test]
    fn what_is_kept_is_of_the_same_code_and_the_newest() {
        let cache = tempfile::tempdir().unwrap();
        let modules: Vec<BuiltModule> =
            (0..=MOST_KEPT).map(|at| built(module(&[("at", &[u8::try_from(at).unwrap()])]))).collect();
        let symbols = module(&[("name", b"x"), (".debug_line", b"y")]);
        assert_eq!(kept_symbols_in(cache.path(), &modules[0]), None);
        for (at, module) in modules.iter().enumerate() {
            store(cache.path(), &module.sha256, &symbols).unwrap();
            let file = fs::File::open(path(cache.path(), &module.sha256)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at as u64)).unwrap();
        }
        assert_eq!(kept_symbols_in(cache.path(), &modules[0]), None, "there are too many");
        for module in &modules[1..] {
            assert_eq!(kept_symbols_in(cache.path(), module).as_ref(), Some(&symbols));
        }

        let other = built(walrus::Module::default().emit_wasm());
        store(cache.path(), &other.sha256, &symbols).unwrap();
        assert_eq!(kept_symbols_in(cache.path(), &other), None, "the code is another");
        assert!(!is_same_code(b"\0asm garbage", b"\0asm garbage"));
    }

    #[test]
    fn lines_that_cannot_be_read_leave_the_names() {
        let whole = module(&[
            ("burgee.callbacks", b""),
            // A unit of which there is only the beginning.
            (".debug_info", b"\x07\0\0\0\x04\0\xff\xff\xff\xff\x04"),
        ]);
        let trimmed = trim_with_lines(&whole, Uncalled::Out).unwrap();
        assert!(is_same_code(&trimmed, &trim_to(&whole, Keeps::Code, Uncalled::Out).unwrap()));
        assert_eq!(crate::custom_section(&trimmed, ".debug_info"), Ok(None));
    }
}
