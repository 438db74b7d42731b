//! Where modules are kept: by their digest, so that a name never changes its content.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::ModuleError;

/// Holds off everybody else who locks this directory, until the file is dropped.
pub fn lock(directory: &Path) -> Result<File, ModuleError> {
    fs::create_dir_all(directory).map_err(ModuleError::io("creating", directory))?;
    let path = directory.join("build.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(ModuleError::io("opening", &path))?;
    file.lock().map_err(ModuleError::io("locking", &path))?;
    Ok(file)
}

/// The digest in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether bytes begin as a Wasm core module does.
pub fn is_module(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x01\0\0\0")
}

/// The digest of a module's file, in hexadecimal; nothing if the file is not a Wasm core module.
///
/// # Errors
/// When the file cannot be read.
pub fn digest_of_module(path: &Path) -> std::io::Result<Option<String>> {
    let bytes = fs::read(path)?;
    Ok(is_module(&bytes).then(|| sha256(&bytes)))
}

/// Puts a module where its digest is its name. Whoever reads the path sees all of it or nothing.
pub fn store(cache: &Path, digest: &str, bytes: &[u8]) -> Result<PathBuf, ModuleError> {
    let path = burgee_machine::module_file(cache, digest);
    write_whole(path.parent().unwrap_or(cache), &path, bytes)?;
    Ok(path)
}

/// Writes a file of a directory, unless it is so already. Whoever reads the path sees all of it or nothing.
pub fn write_whole(directory: &Path, path: &Path, bytes: &[u8]) -> Result<(), ModuleError> {
    fs::create_dir_all(directory).map_err(ModuleError::io("creating", directory))?;
    if fs::read(path).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    fs::write(&unfinished, bytes).map_err(ModuleError::io("writing", &unfinished))?;
    fs::rename(&unfinished, path).map_err(ModuleError::io("renaming to", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_stored_under_its_digest_and_repaired_if_it_was_damaged() {
        let cache = tempfile::tempdir().unwrap();
        let digest = sha256(b"abc");
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let path = store(cache.path(), &digest, b"abc").unwrap();
        assert!(path.ends_with(format!("modules/sha256-{digest}.wasm")));
        fs::write(&path, b"damaged").unwrap();
        assert_eq!(store(cache.path(), &digest, b"abc").unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_second_lock_waits_for_the_first() {
        let cache = tempfile::tempdir().unwrap();
        let first = lock(cache.path()).unwrap();
        let path = cache.path().join("build.lock");
        assert!(File::open(&path).unwrap().try_lock().is_err());
        drop(first);
        assert!(File::open(&path).unwrap().try_lock().is_ok());
    }
}
