//! What can go wrong on the way to a module, and what to do then.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The sources that this program was built from are gone.
    #[error(
        "the sources of the filters are not at {}: build from a checkout of Burgee, and run the program that was \
         built there", root.display()
    )]
    NoSources {
        /// Where they were.
        root: PathBuf,
    },
    /// A program that is needed cannot be started.
    #[error("`{program}` cannot be started ({source}): {help}")]
    NoProgram {
        /// The program.
        program: String,
        /// How to get it.
        help: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The compiler's target is missing and rustup cannot add it.
    #[error(
        "the compiler's target {target} is not installed, and `rustup target add {target}` failed:\n{output}\nIf \
         this machine has no network, install the target where it has one, or from your distribution's packages"
    )]
    NoTarget {
        /// The target.
        target: &'static str,
        /// The last lines that rustup wrote.
        output: String,
    },
    /// A folder without a crate that makes a module.
    #[error("{} is not the folder of a crate that makes a module: {reason}", folder.display())]
    NoCrate {
        /// The folder.
        folder: PathBuf,
        /// What is missing, and what to do.
        reason: String,
    },
    /// A module's file that cannot be read.
    #[error("the module {} cannot be read: {source}", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is something else than a module.
    #[error(
        "{} is not a Wasm core module: name a file that was built for wasm32-wasip1, or the folder of its crate",
        path.display()
    )]
    NotAModule {
        /// The file.
        path: PathBuf,
    },
    /// The compiler did not accept the crate.
    #[error(
        "the crate `{name}` does not build; `{command}` in {} says:\n{output}", folder.display()
    )]
    BuildFailed {
        /// The crate.
        name: String,
        /// Its folder.
        folder: PathBuf,
        /// The command, to be tried by hand.
        command: String,
        /// The compiler's first errors, or the last lines that cargo wrote.
        output: String,
    },
    /// Cargo succeeded without a module.
    #[error("`{command}` made no module: the crate needs `crate-type = [\"cdylib\", \"rlib\"]`")]
    NoArtifact {
        /// The command.
        command: String,
    },
    /// Cargo succeeded without a program.
    #[error("`{command}` made no program: the crate needs a `src/main.rs`")]
    NoProgramMade {
        /// The command.
        command: String,
    },
    /// The module cannot be read or lacks what our modules carry.
    #[error("the module cannot be trimmed: {reason}")]
    InvalidModule {
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The optimizer did not do it.
    #[error(
        "`{program}` does not take the module:\n{output}\nLeave --optimize out, or take a newer Binaryen"
    )]
    NotOptimized {
        /// The program.
        program: String,
        /// The last lines that it wrote.
        output: String,
    },
    /// There is no place for the cache.
    #[error("there is no place to keep modules: set BURGEE_CACHE to a directory that can be written to")]
    NoCache,
    /// A file or directory cannot be used.
    #[error("{action} {} failed: {source}; set BURGEE_CACHE to use another cache directory", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ModuleError {
    /// For `map_err`: an action on a path that failed.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ModuleError {
        let path = path.to_owned();
        move |source| ModuleError::Io { action, path, source }
    }
}
