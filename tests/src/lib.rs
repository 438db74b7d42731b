//! What the tests of more than one crate share.

mod code_pages;
pub mod fuzz;
pub mod generate;

use std::path::{Path, PathBuf};

pub use code_pages::{CODES, Tried, assert_pages};

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Compares a text with a golden file, and writes the file anew when `BURGEE_BLESS` is set.
///
/// # Errors
/// When they differ: both texts, and how to accept the new one.
pub fn golden(file: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("BURGEE_BLESS").is_some() {
        return std::fs::write(file, actual).map_err(|error| format!("{}: {error}", file.display()));
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    Err(format!(
        "{} differs.\n--- expected\n{expected}\n--- actual\n{actual}\nIf the new text is right, run the test again \
         with BURGEE_BLESS=1 and review the change like code.",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_golden_file_that_differs_is_a_failure() {
        let file = super::workspace().join("tests/cases/check/typos/problems.txt");
        let right = std::fs::read_to_string(&file).expect("the golden file");
        if std::env::var_os("BURGEE_BLESS").is_none() {
            assert!(super::golden(&file, &right).is_ok());
            assert!(super::golden(&file, &format!("{right}x")).is_err());
        }
    }
}
