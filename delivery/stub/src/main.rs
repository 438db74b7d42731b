//! The stub as a program of its own, for where there is no `burgee`: in containers.

use std::process::ExitCode;

fn main() -> ExitCode {
    burgee_stub::main(std::env::args_os().skip(1))
}
