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

/// The folder with documents by others: `$BURGEE_CONFORMANCE`, else `shared/conformance` beside the workspace or, of a
/// worktree, beside the repository that it belongs to. It need not be there.
pub fn conformance() -> PathBuf {
    if let Some(folder) = std::env::var_os("BURGEE_CONFORMANCE") {
        return PathBuf::from(folder);
    }
    let workspace = workspace();
    let beside = |checkout: &Path| checkout.join("../shared/conformance");
    // In a worktree of git this is a file that says where it belongs to.
    let of_worktree = std::fs::read_to_string(workspace.join(".git")).unwrap_or_default();
    let places = [Some(workspace.clone()), checkout(&of_worktree)].into_iter().flatten();
    let found = places.map(|checkout| beside(&checkout)).find(|folder| folder.is_dir());
    found.unwrap_or_else(|| beside(&workspace))
}

/// The checkout that a worktree belongs to, by its file `.git`.
fn checkout(of_worktree: &str) -> Option<PathBuf> {
    // CHECKOUT/.git/worktrees/NAME
    let folder = Path::new(of_worktree.strip_prefix("gitdir:")?.trim());
    folder.ancestors().nth(3).map(Path::to_owned)
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
    fn a_worktree_says_which_checkout_it_belongs_to() {
        let found = super::checkout("gitdir: /code/main/.git/worktrees/one\n");
        assert_eq!(found.as_deref(), Some(super::Path::new("/code/main")));
        assert_eq!(super::checkout(""), None);
    }

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
