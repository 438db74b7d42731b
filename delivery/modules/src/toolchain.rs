//! Which cargo and which toolchain build a crate: ours is built with those that run us, a stranger's with those that its
//! folder asks for.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How rustup is told which toolchain to use, whatever a folder asks for. It tells so everything that cargo runs.
const OVERRIDE: &str = "RUSTUP_TOOLCHAIN";

/// What the crate of a folder is built with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// The program cargo.
    pub cargo: OsString,
    /// Whether the toolchain is chosen by the folder, with its `rust-toolchain.toml`, although cargo runs us with
    /// another.
    is_folder_s: bool,
}

impl Toolchain {
    /// What the crate of a folder is built with.
    pub(crate) fn of(folder: &Path) -> Toolchain {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let is_ours = match (folder.canonicalize(), root.canonicalize()) {
            (Ok(folder), Ok(root)) => folder.starts_with(root),
            (Err(_), _) | (_, Err(_)) => false,
        };
        Toolchain::new(is_ours, set("CARGO"), set("PATH").as_deref())
    }

    /// `running` is the cargo that runs us: the one of a toolchain, which never looks at what a folder asks for, while
    /// the one on PATH may be rustup's, which does. Without a cargo that runs us, somebody chose the toolchain that
    /// the environment names.
    fn new(is_ours: bool, running: Option<OsString>, path: Option<&OsStr>) -> Toolchain {
        let is_folder_s = !is_ours && running.is_some();
        let on_path = || path.and_then(|path| find(path, "cargo")).map(|_| "cargo".into());
        let cargo = if is_folder_s { on_path().or(running) } else { running };
        Toolchain { cargo: cargo.unwrap_or_else(|| "cargo".into()), is_folder_s }
    }

    /// A command that does not see what cargo told us, and that ends when we do.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        burgee_machine::end_with_parent(&mut command);
        for (variable, _) in env::vars_os().filter(|(variable, _)| is_left_by_cargo(variable)) {
            command.env_remove(variable);
        }
        if self.is_folder_s {
            command.env_remove(OVERRIDE);
        }
        command
    }
}

/// A variable that is set and not empty.
fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn find(path: &OsStr, program: &str) -> Option<PathBuf> {
    env::split_paths(path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// Whether a variable is one that cargo gives to what it runs, or that changes what is built. With it, the same
/// sources would be built anew, or differently, depending on who runs us.
fn is_left_by_cargo(variable: &OsStr) -> bool {
    const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_TARGET_DIR"];
    let variable = variable.to_string_lossy();
    let is_cargo_s = variable.starts_with("CARGO_") && !KEPT.iter().any(|kept| variable.starts_with(kept));
    is_cargo_s || matches!(&*variable, "RUSTFLAGS" | "RUSTDOCFLAGS" | "RUSTC_WORKSPACE_WRAPPER" | "OUT_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_s_crate_is_built_as_its_folder_asks_when_cargo_runs_us() {
        let (with, without) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::write(with.path().join("cargo"), "").expect("a file");
        let (with, without) = (with.path().as_os_str(), without.path().as_os_str());
        let running = Some(OsString::from("/toolchains/one/bin/cargo"));
        for (is_ours, running, path, cargo, is_folder_s) in [
            (true, running.clone(), with, "/toolchains/one/bin/cargo", false),
            (true, None, with, "cargo", false),
            (false, running.clone(), with, "cargo", true),
            // Without rustup there is the one toolchain.
            (false, running, without, "/toolchains/one/bin/cargo", true),
            (false, None, with, "cargo", false),
        ] {
            let toolchain = Toolchain::new(is_ours, running, Some(path));
            assert_eq!((toolchain.cargo.to_str(), toolchain.is_folder_s), (Some(cargo), is_folder_s));
            let command = toolchain.command("x");
            let is_removed = command.get_envs().any(|(name, value)| name == OVERRIDE && value.is_none());
            assert_eq!(is_removed, is_folder_s);
        }
    }

    #[test]
    fn the_folders_of_this_workspace_are_ours() {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
        let other = tempfile::tempdir().expect("a folder");
        assert!(!Toolchain::of(ours).is_folder_s);
        // Cargo runs the tests.
        assert_eq!(Toolchain::of(other.path()).is_folder_s, set("CARGO").is_some());
    }

    #[test]
    fn only_what_says_where_things_are_is_left_in_the_environment() {
        for (variable, removed) in [
            ("CARGO_PKG_NAME", true),
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_ENCODED_RUSTFLAGS", true),
            ("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", true),
            ("RUSTFLAGS", true),
            ("CARGO_HOME", false),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_HTTP_PROXY", false),
            ("PATH", false),
            (OVERRIDE, false),
        ] {
            assert_eq!(is_left_by_cargo(variable.as_ref()), removed, "{variable}");
        }
    }
}
