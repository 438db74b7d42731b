//! Makes a module smaller with Binaryen's `wasm-opt`, where this machine has it. It is never needed: what it gains is in
//! docs/modules-tool.md.

use std::fs;
use std::process::{Command, Stdio};

use crate::Progress;
use crate::build::{BuiltModule, keep, user_cache};
use crate::error::ModuleError;
use crate::target::last_lines;

/// The environment's variable that says which program it is.
const VARIABLE: &str = "WASM_OPT";

const HELP: &str = "install Binaryen (such as Debian's package `binaryen`, or `npm install --global binaryen`), set \
                    WASM_OPT to its wasm-opt, or leave --optimize out";

/// Gives a module to `wasm-opt` and keeps what it makes of it in the user's cache. What it says to tools stays; that it still
/// starts is for [`admit`](crate::admit) to say.
///
/// # Errors
/// If there is no `wasm-opt`, or it refuses the module.
pub fn optimize(module: &BuiltModule, progress: &dyn Progress) -> Result<BuiltModule, ModuleError> {
    let cache = user_cache()?;
    let program = std::env::var(VARIABLE).ok().filter(|program| !program.is_empty());
    let program = program.unwrap_or_else(|| "wasm-opt".to_owned());
    progress.step("optimizing the module");
    let output = module.path.with_extension(format!("{}.optimized", std::process::id()));
    let mut command = Command::new(&program);
    burgee_machine::end_with_parent(&mut command);
    // What compilers for wasm32-wasip1 make by default; with all features on it may make what the source did not use.
    let features = [
        "--enable-bulk-memory",
        "--enable-sign-ext",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-multivalue",
        "--enable-simd",
    ];
    command.arg(&module.path).args(["-O3", "-o"]).arg(&output).args(features).stdin(Stdio::null());
    let ended = command.output().map_err(|source| ModuleError::NoProgram {
        program: program.clone(),
        help: HELP,
        source,
    })?;
    let made = fs::read(&output);
    // Whether it is there or not, it is not needed any more.
    let _ = fs::remove_file(&output);
    match made {
        Ok(bytes) if ended.status.success() && crate::cache::is_module(&bytes) => keep(&cache, bytes),
        Ok(_) | Err(_) => Err(ModuleError::NotOptimized {
            program,
            output: last_lines(&String::from_utf8_lossy(&ended.stderr), 10),
        }),
    }
}
