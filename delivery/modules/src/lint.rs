//! What is wrong with a module, from what it is: what no Envoy could load or use, and what costs without need.

use serde::Serialize;

use crate::inspect::{Inspection, Offered};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works, and costs without need or is of no use.
    Warning,
    /// No Envoy could load it, or nothing would come of it: it is not published.
    Error,
}

/// Something that is wrong with a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The rule that it breaks, a name that does not change: `missing-import`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and where.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

/// The most memory that Envoy gives a VM.
const MOST_MEMORY: u64 = 1024 * 1024 * 1024;

/// The most elements that V8 gives a table.
const MOST_ELEMENTS: u64 = 10_000_000;

/// Names and debug information above this are told.
const MUCH_DEBUG: usize = 64 * 1024;

const REBUILD: &str = "build the module with an SDK of proxy-wasm 0.2, for wasm32-wasip1";

/// Says everything that is wrong with a module, errors first.
pub fn lint(module: &Inspection) -> Vec<Fault> {
    let mut faults = Faults(Vec::new());
    abi(module, &mut faults);
    imports(module, &mut faults);
    memory(module, &mut faults);
    costs(module, &mut faults);
    let mut faults = faults.0;
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.severity));
    faults
}

struct Faults(Vec<Fault>);

impl Faults {
    fn error(&mut self, rule: &'static str, message: impl Into<String>, help: &'static str) {
        self.0.push(Fault { rule, severity: Severity::Error, message: message.into(), help });
    }

    fn warning(&mut self, rule: &'static str, message: impl Into<String>, help: &'static str) {
        self.0.push(Fault { rule, severity: Severity::Warning, message: message.into(), help });
    }
}

fn abi(module: &Inspection, faults: &mut Faults) {
    match (module.abi_version(), module.abi_versions.as_slice()) {
        (Some("0.1.0"), _) => faults.error(
            "old-abi",
            "the module has the ABI of version 0.1.0; Envoy loads it, and Burgee cannot start it before a proxy does",
            REBUILD,
        ),
        (Some(_), _) => {}
        (None, []) => faults.error(
            "no-abi",
            "the module says no version of the proxy-wasm ABI: it exports no function `proxy_abi_version_0_2_1` (or \
             `_0_2_0`), which every SDK has it do; it is a module for something else than a proxy",
            REBUILD,
        ),
        (None, versions) => faults.error(
            "unknown-abi",
            format!(
                "the module has the ABI of version {}; Envoy knows 0.1.0, 0.2.0 and 0.2.1",
                versions.join(" and ")
            ),
            REBUILD,
        ),
    }
    if !module.has_function("malloc") && !module.has_function("proxy_on_memory_allocate") {
        faults.error(
            "no-allocator",
            "the module exports neither `malloc` nor `proxy_on_memory_allocate`, so Envoy cannot give it anything",
            REBUILD,
        );
    }
    if !module.has_function("_initialize") && !module.has_function("_start") {
        faults.warning(
            "no-initializer",
            "the module exports neither `_initialize` nor `_start`, so nothing of its runtime is set up before the \
             first callback",
            "nothing is to be done for a module that needs no runtime; else build it as a reactor, with \
             crate-type cdylib",
        );
    }
    if module.callbacks.is_empty() {
        faults.warning(
            "no-callbacks",
            "the module exports no callback, so Envoy never calls it",
            "export what it is to be called for; a linker that is not told so drops it",
        );
    }
}

fn imports(module: &Inspection, faults: &mut Faults) {
    for import in &module.imports {
        let name = format!("{}.{}", import.module, import.name);
        match &import.host {
            Offered::Yes => {}
            Offered::Never => {
                let help = if import.module.starts_with("wasi") || import.module.starts_with("env") {
                    "do without it, or without the library that wants it: Envoy has the host calls of proxy-wasm, and \
                     of WASI only preview 1 without sockets' other half, signals and threads"
                } else {
                    "Envoy has functions of the modules env, wasi_snapshot_preview1 and wasi_unstable alone; code made \
                     by wasm-bindgen or Emscripten is for a browser"
                };
                let message = format!(
                    "the module imports {name} ({}), which Envoy never has, so it does not load",
                    import.signature
                );
                faults.error("missing-import", message, help);
            }
            Offered::OtherSignature(host) => faults.error(
                "other-import",
                format!("the module imports {name} as {}, and Envoy has it as {host}", import.signature),
                REBUILD,
            ),
            Offered::WithoutEffect(answer) => {
                // Every program that is compiled for WASI imports some, and calls none unless it fails.
                let is_usual = [
                    "fd_close",
                    "fd_seek",
                    "fd_prestat_get",
                    "fd_prestat_dir_name",
                    "proc_exit",
                    "sched_yield",
                ];
                if !is_usual.contains(&import.name.as_str()) {
                    faults.warning(
                        "idle-import",
                        format!("the module imports {name}; in Envoy its answer is always {answer}"),
                        "what leads there does not work in a proxy; nothing is to be done if it is never called",
                    );
                }
            }
        }
    }
}

fn memory(module: &Inspection, faults: &mut Faults) {
    let exported = module.exports.iter().any(|export| export.kind == "memory" && export.name == "memory");
    if !exported {
        faults.error(
            "no-memory",
            "the module exports no memory by the name `memory`, which Envoy reads and writes",
            REBUILD,
        );
    }
    for memory in &module.memories {
        if memory.is_imported {
            // Told as an import already.
            continue;
        }
        if memory.initial_bytes > MOST_MEMORY {
            faults.error(
                "too-much-memory",
                format!(
                    "the module begins with {} bytes of memory; Envoy gives {MOST_MEMORY} at most, and does not load it",
                    memory.initial_bytes
                ),
                "have its linker give it less to begin with",
            );
        }
        if memory.is_64_bit {
            faults.error(
                "memory64",
                "the module's memory has addresses of 64 bits, and the ABI hands over 32",
                REBUILD,
            );
        }
    }
    if module.tables.iter().any(|table| table.initial > MOST_ELEMENTS) {
        faults.error(
            "too-large-table",
            format!("a table begins with more than {MOST_ELEMENTS} elements, which V8 does not give"),
            "have its linker give it less to begin with",
        );
    }
}

fn costs(module: &Inspection, faults: &mut Faults) {
    for callback in module.callbacks.iter().filter(|callback| callback.is_empty) {
        // Modules are asked for these once, or say yes by them.
        if matches!(
            callback.name.as_str(),
            "proxy_on_vm_start" | "proxy_on_configure" | "proxy_on_context_create"
        ) {
            continue;
        }
        faults.warning(
            "empty-callback",
            format!("the module's {} does nothing, and Envoy calls it all the same", callback.name),
            "do not export it: each call costs about a microsecond",
        );
    }
    if module.debug_bytes > MUCH_DEBUG {
        faults.warning(
            "debug-information",
            format!(
                "{} of the module's {} bytes are names and debug information, which every proxy fetches and keeps",
                module.debug_bytes, module.bytes
            ),
            "strip it (`strip = true` in the profile); `burgee module build` keeps them apart, by the module's digest",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::inspect;

    /// Rules that are broken, and how bad each is.
    type Found = Vec<(&'static str, Severity)>;

    /// A module with what every one must have, but for what is given in its place.
    fn rules(abi: &str, memory: &str, rest: &str) -> Found {
        let text = format!(r#"(module {rest} {memory} {abi} (func (export "_initialize")))"#);
        let module = inspect(&wat::parse_str(text).expect("a module")).expect("it can be read");
        lint(&module).into_iter().map(|fault| (fault.rule, fault.severity)).collect()
    }

    const ABI: &str = r#"(func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 0))
        (func (export "proxy_on_log") (param i32) (global.set $g (i32.const 1))) (global $g (mut i32) (i32.const 0))"#;
    const MEMORY: &str = r#"(memory (export "memory") 1)"#;

    #[test]
    fn each_rule_finds_what_it_is_about_and_nothing_else() {
        use Severity::{Error, Warning};
        let import = |name: &str, kind: &str| format!(r#"(import {name} (func {kind}))"#);
        let cases: Vec<(&str, &str, String, Found)> = vec![
            (ABI, MEMORY, String::new(), vec![]),
            (
                r#"(func (export "malloc") (param i32) (result i32) (i32.const 0))"#,
                MEMORY,
                String::new(),
                vec![("no-abi", Error), ("no-callbacks", Warning)],
            ),
            (
                r#"(func (export "proxy_abi_version_0_3_0"))"#,
                MEMORY,
                String::new(),
                vec![("unknown-abi", Error), ("no-allocator", Error), ("no-callbacks", Warning)],
            ),
            (ABI, "", String::new(), vec![("no-memory", Error)]),
            (ABI, r#"(memory (export "memory") 16385)"#, String::new(), vec![("too-much-memory", Error)]),
            (ABI, r#"(memory (export "memory") i64 1)"#, String::new(), vec![("memory64", Error)]),
            (ABI, MEMORY, "(table 10000001 funcref)".to_owned(), vec![("too-large-table", Error)]),
            (ABI, MEMORY, import(r#""env" "proxy_rest""#, ""), vec![("missing-import", Error)]),
            (
                ABI,
                MEMORY,
                import(r#""env" "proxy_continue_request""#, "(result i32)"),
                vec![("missing-import", Error)],
            ),
            (ABI, MEMORY, import(r#""env" "proxy_log""#, "(param i32)"), vec![("other-import", Error)]),
            (
                ABI,
                MEMORY,
                import(r#""wasi_snapshot_preview1" "fd_sync""#, "(param i32) (result i32)"),
                vec![("idle-import", Warning)],
            ),
            (ABI, MEMORY, import(r#""wasi_snapshot_preview1" "proc_exit""#, "(param i32)"), vec![]),
            (
                ABI,
                MEMORY,
                import(r#""wasi_snapshot_preview1" "proc_raise""#, "(param i32) (result i32)"),
                vec![("missing-import", Error)],
            ),
            (
                ABI,
                MEMORY,
                r#"(func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
                   (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))"#
                    .to_owned(),
                vec![("empty-callback", Warning)],
            ),
        ];
        for (abi, memory, rest, expected) in cases {
            // Imports stand before everything else.
            assert_eq!(rules(abi, memory, &rest), expected, "{rest} {memory}");
        }
    }

    #[test]
    fn a_module_of_the_first_abi_has_its_own_functions_and_is_not_published() {
        let abi = ABI.replace("0_2_1", "0_1_0");
        let import = r#"(import "env" "proxy_continue_request" (func (result i32)))"#;
        assert_eq!(rules(&abi, MEMORY, import), [("old-abi", Severity::Error)]);
        let import = r#"(import "env" "proxy_continue_stream" (func (param i32) (result i32)))"#;
        let missing = ("missing-import", Severity::Error);
        assert_eq!(rules(&abi, MEMORY, import), [("old-abi", Severity::Error), missing]);
    }
}
