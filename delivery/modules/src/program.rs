//! Builds our program for containers: statically linked, so that any image of Linux can run it.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::Progress;
use crate::build::{filter_folder, rust_flags, watch};
use crate::error::ModuleError;
use crate::faults::faults;
use crate::target;
use crate::toolchain::Toolchain;

/// The target of programs for containers on this machine.
pub const CONTAINER_TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };

/// Builds a program of the workspace that this program was built from, for containers on this machine. If nothing has
/// changed since the last time, that is quick; the same sources give the same bytes.
///
/// # Errors
/// If anything is missing or does not build; the message says what to do.
pub fn build_program(name: &str, progress: &dyn Progress) -> Result<Vec<u8>, ModuleError> {
    let filters = filter_folder("")?;
    let root = filters.parent().map_or_else(PathBuf::new, std::path::Path::to_owned);
    target::ensure(&root, CONTAINER_TARGET, progress)?;
    let toolchain = Toolchain::of(&root);
    let arguments = ["build", "--release", "--target", CONTAINER_TARGET, "--package", name, "--bin", name];
    let shown = format!("cargo {}", arguments.join(" "));
    progress.step(&format!("building {name} for containers"));
    let mut command = toolchain.command(&toolchain.cargo);
    command
        .args(arguments)
        .arg("--message-format=json")
        .env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&root))
        .current_dir(&root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ended = watch(command, &toolchain.cargo, &root, progress)?;
    if !ended.is_success {
        return Err(ModuleError::BuildFailed {
            name: name.to_owned(),
            folder: root,
            command: shown,
            output: faults(&ended.messages, &ended.log),
        });
    }
    let path = executable(&ended.messages, name).ok_or(ModuleError::NoProgramMade { command: shown })?;
    std::fs::read(&path).map_err(ModuleError::io("reading", &path))
}

/// The program among the files that cargo says it made.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == name)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_cargo_s_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"burgee_stub"},"executable":null}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","target":{"name":"burgee-stub"},"executable":"/t/burgee-stub"}"#,
        );
        assert_eq!(executable(messages, "burgee-stub"), Some(PathBuf::from("/t/burgee-stub")));
        assert_eq!(executable(messages, "burgee_stub"), None);
    }
}
