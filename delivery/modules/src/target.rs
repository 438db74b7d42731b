//! The compiler's targets: looked for, and added if they are missing.

use std::path::Path;
use std::process::Output;

use crate::Progress;
use crate::error::ModuleError;
use crate::toolchain::Toolchain;

/// The target that filters are built for.
pub const TARGET: &str = "wasm32-wasip1";

/// Makes sure that the compiler which builds the crate of a folder can build for a target.
pub fn ensure(root: &Path, target: &'static str, progress: &dyn Progress) -> Result<(), ModuleError> {
    let toolchain = Toolchain::of(root);
    if is_installed(&toolchain, root, target) {
        return Ok(());
    }
    let mut last = String::new();
    // Once more, because the network may just have hiccuped.
    for attempt in ["adding", "again adding"] {
        progress.step(&format!("{attempt} the compiler's target {target}"));
        let output =
            toolchain.command("rustup").args(["target", "add", target]).current_dir(root).output().map_err(
                |source| ModuleError::NoProgram {
                    program: "rustup".to_owned(),
                    help: "install Rust with rustup (https://rustup.rs), or the target by other means",
                    source,
                },
            )?;
        if output.status.success() && is_installed(&toolchain, root, target) {
            return Ok(());
        }
        last = last_lines(&text(&output), 10);
    }
    Err(ModuleError::NoTarget { target, output: last })
}

/// Asks the compiler where the target's library would be: that is the truth with and without rustup.
fn is_installed(toolchain: &Toolchain, root: &Path, target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    toolchain
        .command(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .is_some_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last lines of a text.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
