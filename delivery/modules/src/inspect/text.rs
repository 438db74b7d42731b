//! What a module is, as people read it.

use std::fmt::Write as _;

use super::{Inspection, Offered};

/// Says what a module is in lines of about 80 columns. What its bytes say is not cleaned for a terminal here.
pub fn text(module: &Inspection) -> String {
    let mut out = String::new();
    // Writing into a text does not fail.
    let _ = write(module, &mut out);
    out
}

fn write(module: &Inspection, out: &mut String) -> std::fmt::Result {
    let abi = match module.abi_versions.as_slice() {
        [] => "none: it is not for a proxy".to_owned(),
        versions => format!("proxy-wasm {}", versions.join(", ")),
    };
    writeln!(out, "sha256      {}", module.sha256)?;
    writeln!(out, "kind        core module, {} bytes", module.bytes)?;
    writeln!(out, "ABI         {abi}")?;
    writeln!(
        out,
        "functions   {}, {} bytes of code; {} bytes of data",
        module.functions, module.code_bytes, module.data_bytes
    )?;
    for memory in &module.memories {
        let most = memory.maximum_bytes.map_or("as the host allows (Envoy: 1 GiB)".to_owned(), size);
        let mut more = String::new();
        for (is_so, word) in
            [(memory.is_imported, "imported"), (memory.is_shared, "shared"), (memory.is_64_bit, "64 bits")]
        {
            if is_so {
                write!(more, ", {word}")?;
            }
        }
        writeln!(out, "memory      {} at first; at most {most}{more}", size(memory.initial_bytes))?;
    }
    for table in &module.tables {
        let most = table.maximum.map_or("as the host allows".to_owned(), |most| most.to_string());
        writeln!(out, "table       {} of {} at first; at most {most}", table.initial, table.element)?;
    }
    features(module, out)?;
    for producer in &module.producers {
        writeln!(out, "made by     {producer}")?;
    }
    package(module, out)?;
    imports(module, out)?;
    writeln!(out, "\ncallbacks")?;
    for callback in &module.callbacks {
        let empty = if callback.is_empty { ", does nothing" } else { "" };
        writeln!(out, "  {:<38} {:>7} bytes{empty}", callback.name, callback.bytes)?;
    }
    let is_other = |name: &str| !module.callbacks.iter().any(|callback| callback.name == name);
    writeln!(out, "\nother exports")?;
    for export in module.exports.iter().filter(|export| is_other(&export.name)) {
        let line = format!("  {:<38} {} {}", export.name, export.kind, export.signature);
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out, "\nsections")?;
    for section in &module.sections {
        let custom = if section.custom { meaning(&section.name) } else { "" };
        writeln!(out, "  {:<38} {:>7} bytes{custom}", section.name, section.bytes)?;
    }
    Ok(())
}

fn features(module: &Inspection, out: &mut String) -> std::fmt::Result {
    if module.features.is_empty() {
        return writeln!(out, "uses        nothing beyond WebAssembly's first version");
    }
    for (at, feature) in module.features.iter().enumerate() {
        let label = if at == 0 { "uses" } else { "" };
        writeln!(out, "{label:<11} {}: Envoy 1.40 {}", feature.name, feature.envoy)?;
    }
    Ok(())
}

fn package(module: &Inspection, out: &mut String) -> std::fmt::Result {
    let Some(package) = module.package.as_ref().and_then(|package| package.as_object()) else {
        return Ok(());
    };
    for (name, value) in package {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        writeln!(out, "package     {name}: {value}")?;
    }
    Ok(())
}

fn imports(module: &Inspection, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\nimports")?;
    let mut modules: Vec<&str> = module.imports.iter().map(|import| import.module.as_str()).collect();
    modules.sort_unstable();
    modules.dedup();
    for name in modules {
        writeln!(out, "  {name}")?;
        for import in module.imports.iter().filter(|import| import.module == name) {
            let host = match &import.host {
                Offered::Yes => String::new(),
                Offered::WithoutEffect(answer) => format!("  WITHOUT EFFECT: Envoy answers {answer}"),
                Offered::OtherSignature(signature) => format!("  DOES NOT LOAD: Envoy has {signature}"),
                Offered::Never => "  DOES NOT LOAD: Envoy never has it".to_owned(),
            };
            writeln!(out, "    {:<36} {}{host}", import.name, import.signature)?;
        }
    }
    Ok(())
}

/// What a custom section is for.
fn meaning(name: &str) -> &'static str {
    match name {
        "burgee.callbacks" => "  the callbacks that the filter uses",
        "burgee.configuration_schema" => "  the JSON Schema of its configuration",
        "burgee.metrics" => "  the metrics that it declares",
        "burgee.package" => "  the package that it was built from",
        "name" => "  names of functions; nothing that runs",
        "producers" => "  what made it",
        "target_features" => "  what it was compiled for",
        name if name.starts_with(".debug_") => "  lines of sources; nothing that runs",
        _ => "",
    }
}

/// A number of bytes as people say it, exactly.
fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
    }
    format!("{bytes} bytes")
}
