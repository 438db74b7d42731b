//! Reads a module into what is said of it.

use std::collections::{BTreeMap, BTreeSet};

use burgee_harness::{AbiVersion, HostFunction, host_functions};
use wasmparser::{
    CompositeInnerType, ExternalKind, FuncType, KnownCustom, MemoryType, Parser, Payload, TableType, TypeRef,
    Validator, WasmFeatures,
};

use super::features::{Used, described};
use super::{Callback, Export, Import, InspectError, Inspection, Memory, Offered, Section, Table};
use crate::{PACKAGE_SECTION, SCHEMA_SECTION};

/// What Envoy offers to modules of the first version of the ABI alone, which the harness does not play.
const OLDEST: [&str; 4] = [
    "proxy_clear_route_cache",
    "proxy_continue_request",
    "proxy_continue_response",
    "proxy_get_configuration",
];

/// How the export begins by which a module says its ABI.
const ABI: &str = "proxy_abi_version_";

/// Says what a module is. Time and memory are bounded by its size.
///
/// # Errors
/// If it is no core module, or a broken one.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    let header = bytes.get(..8).filter(|header| header.starts_with(b"\0asm"));
    let Some(header) = header else {
        let beginning: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let beginning = if beginning.is_empty() { "nothing".to_owned() } else { beginning.join(" ") };
        return Err(InspectError::NotWasm { beginning });
    };
    match header.get(4..8) {
        Some([1, 0, 0, 0]) => {}
        Some([_, _, 1, 0]) => return Err(InspectError::Component),
        version => {
            let version = version.and_then(|version| version.try_into().ok()).map_or(0, u32::from_le_bytes);
            return Err(InspectError::OtherVersion(version));
        }
    }
    let broken = |error: wasmparser::BinaryReaderError| InspectError::Broken {
        offset: error.offset(),
        reason: error.message().to_owned(),
    };
    Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(broken)?;
    let mut reader = Reader::default();
    for payload in Parser::new(0).parse_all(bytes) {
        reader.take(payload.map_err(broken)?).map_err(broken)?;
    }
    Ok(reader.finish(bytes))
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    /// By its number each function's type; none for what is no function's.
    types: Vec<Option<FuncType>>,
    /// By its number each function's type, imported ones first.
    functions: Vec<u32>,
    imported_functions: usize,
    imports: Vec<(String, String, Result<u32, &'static str>)>,
    exports: Vec<(String, ExternalKind, u32)>,
    memories: Vec<Memory>,
    tables: Vec<Table>,
    sections: Vec<Section>,
    /// Bytes of each function's code, and whether it is empty.
    bodies: Vec<(usize, bool)>,
    code_bytes: usize,
    data_bytes: usize,
    debug_bytes: usize,
    features: BTreeSet<&'static str>,
    producers: Vec<String>,
    said: BTreeMap<&'static str, serde_json::Value>,
}

impl Reader {
    fn take(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        if let Some((id, range)) = payload.as_section() {
            let (name, custom) = match &payload {
                Payload::CustomSection(section) => (section.name().to_owned(), true),
                _ => (section_name(id).to_owned(), false),
            };
            self.sections.push(Section { name, custom, bytes: range.len() });
        }
        match payload {
            Payload::TypeSection(types) => {
                for group in types {
                    for kind in group?.into_types() {
                        let function = match kind.composite_type.inner {
                            CompositeInnerType::Func(function) => Some(function),
                            _ => {
                                self.features.insert("gc");
                                None
                            }
                        };
                        if function.as_ref().is_some_and(|function| function.results().len() > 1) {
                            self.features.insert("multi_value");
                        }
                        self.types.push(function);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    let kind = match import.ty {
                        TypeRef::Func(kind) | TypeRef::FuncExact(kind) => {
                            self.functions.push(kind);
                            self.imported_functions += 1;
                            Ok(kind)
                        }
                        TypeRef::Memory(memory) => {
                            self.memory(&memory, true);
                            Err("memory")
                        }
                        TypeRef::Table(table) => {
                            self.table(&table);
                            Err("table")
                        }
                        TypeRef::Global(_) => Err("global"),
                        TypeRef::Tag(_) => Err("tag"),
                    };
                    self.imports.push((import.module.to_owned(), import.name.to_owned(), kind));
                }
            }
            Payload::FunctionSection(functions) => {
                for kind in functions {
                    self.functions.push(kind?);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory(&memory?, false);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.table(&table?.ty);
                }
            }
            Payload::TagSection(_) => {
                self.features.insert("exceptions");
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let mut operators = global?.init_expr.get_operators_reader();
                    let mut count = 0;
                    while !operators.eof() {
                        operators.read()?;
                        count += 1;
                    }
                    // A value, and the end of it.
                    if count > 2 {
                        self.features.insert("extended_const");
                    }
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.push((export.name.to_owned(), export.kind, export.index));
                }
            }
            Payload::CodeSectionStart { size, .. } => self.code_bytes = size as usize,
            Payload::CodeSectionEntry(body) => {
                let mut used = Used::default();
                used.read(body.get_operators_reader()?)?;
                self.bodies.push((body.range().len(), !used.does_something));
                self.features.extend(used.features);
            }
            Payload::DataSection(data) => {
                for data in data {
                    self.data_bytes += data?.data.len();
                }
            }
            Payload::CustomSection(section) => self.custom(&section),
            _ => {}
        }
        Ok(())
    }

    fn memory(&mut self, memory: &MemoryType, is_imported: bool) {
        let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
        if !self.memories.is_empty() {
            self.features.insert("multi_memory");
        }
        if memory.memory64 {
            self.features.insert("memory64");
        }
        if memory.shared {
            self.features.insert("shared_memory");
        }
        self.memories.push(Memory {
            initial_bytes: memory.initial.saturating_mul(page),
            maximum_bytes: memory.maximum.map(|maximum| maximum.saturating_mul(page)),
            is_shared: memory.shared,
            is_64_bit: memory.memory64,
            is_imported,
        });
    }

    fn table(&mut self, table: &TableType) {
        if !self.tables.is_empty() || !table.element_type.is_func_ref() {
            self.features.insert("reference_types");
        }
        self.tables.push(Table {
            element: table.element_type.to_string(),
            initial: table.initial,
            maximum: table.maximum,
        });
    }

    /// What cannot be read of a custom section is left out: nothing depends on it.
    fn custom(&mut self, section: &wasmparser::CustomSectionReader<'_>) {
        let name = section.name();
        if name == "name" || name.starts_with(".debug_") || name == "sourceMappingURL" {
            self.debug_bytes += section.data().len();
        }
        for known in [SCHEMA_SECTION, PACKAGE_SECTION] {
            if name == known
                && let Ok(value) = serde_json::from_slice(section.data())
            {
                self.said.insert(known, value);
            }
        }
        if let KnownCustom::Producers(fields) = section.as_known() {
            for field in fields.into_iter().map_while(Result::ok) {
                for value in field.values.into_iter().map_while(Result::ok) {
                    let said = format!("{}: {} {}", field.name, value.name, value.version);
                    self.producers.push(said.trim_end().to_owned());
                }
            }
        }
    }

    fn signature(&self, kind: u32) -> String {
        let kind = self.types.get(kind as usize).and_then(Option::as_ref);
        kind.map_or_else(|| "unknown".to_owned(), signature)
    }

    fn finish(mut self, bytes: &[u8]) -> Inspection {
        let mut versions: Vec<String> = self
            .exports
            .iter()
            .filter_map(|(name, ..)| Some(name.strip_prefix(ABI)?.replace('_', ".")))
            .collect();
        versions.sort();
        versions.reverse();
        let offered = offered(&versions);
        let imports = self.imports.iter().map(|(module, name, kind)| {
            let signature = kind.map_or_else(ToOwned::to_owned, |kind| self.signature(kind));
            let host = host(&offered, &versions, (module, name), &signature, kind.is_ok());
            Import { module: module.clone(), name: name.clone(), signature, host }
        });
        let imports = imports.collect();
        let mut callbacks = Vec::new();
        let mut exports = Vec::new();
        for (name, kind, index) in &self.exports {
            let is_function = matches!(kind, ExternalKind::Func | ExternalKind::FuncExact);
            let signature = self.functions.get(*index as usize).filter(|_| is_function);
            let signature = signature.map_or_else(String::new, |kind| self.signature(*kind));
            if is_function && is_callback(name) {
                let body = (*index as usize).checked_sub(self.imported_functions);
                let (bytes, is_empty) =
                    body.and_then(|body| self.bodies.get(body)).copied().unwrap_or_default();
                callbacks.push(Callback { name: name.clone(), bytes, is_empty });
            }
            exports.push(Export { name: name.clone(), kind: kind_name(*kind), signature });
        }
        callbacks.sort_by(|one, other| one.name.cmp(&other.name));
        exports.sort_by(|one, other| one.name.cmp(&other.name));
        Inspection {
            sha256: crate::cache::sha256(bytes),
            bytes: bytes.len(),
            abi_versions: versions,
            imports,
            exports,
            callbacks,
            functions: self.bodies.len(),
            features: described(&self.features),
            package: self.said.remove(PACKAGE_SECTION),
            configuration_schema: self.said.remove(SCHEMA_SECTION),
            memories: self.memories,
            tables: self.tables,
            sections: self.sections,
            code_bytes: self.code_bytes,
            data_bytes: self.data_bytes,
            debug_bytes: self.debug_bytes,
            producers: self.producers,
        }
    }
}

/// Whether Envoy calls an export while it runs, beside those by which it starts a module and makes room.
fn is_callback(name: &str) -> bool {
    (name.starts_with("proxy_on_") && name != "proxy_on_memory_allocate")
        || name == "proxy_validate_configuration"
}

/// What Envoy offers to a module of these versions.
fn offered(versions: &[String]) -> Vec<HostFunction> {
    let version = if versions.iter().any(|version| version == "0.2.1") || versions.is_empty() {
        AbiVersion::V0_2_1
    } else {
        AbiVersion::V0_2_0
    };
    host_functions(version).unwrap_or_default()
}

fn host(
    offered: &[HostFunction],
    versions: &[String],
    (module, name): (&str, &str),
    signature: &str,
    is_function: bool,
) -> Offered {
    let is_oldest = versions.iter().all(|version| version == "0.1.0") && !versions.is_empty();
    if is_oldest && module == "env" && is_function && OLDEST.contains(&name) {
        return Offered::Yes;
    }
    let found = offered.iter().find(|function| function.module == module && function.name == name);
    match found.filter(|_| is_function) {
        None => Offered::Never,
        // These came with the second version.
        Some(_) if is_oldest && matches!(name, "proxy_continue_stream" | "proxy_close_stream") => {
            Offered::Never
        }
        Some(function) if function.signature != signature => {
            Offered::OtherSignature(function.signature.clone())
        }
        Some(function) => function.without_effect.map_or(Offered::Yes, Offered::WithoutEffect),
    }
}

fn signature(kind: &FuncType) -> String {
    let names =
        |kinds: &[wasmparser::ValType]| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let results = names(kind.results());
    let results = if results.is_empty() { "()".to_owned() } else { results };
    format!("({}) -> {results}", names(kind.params()))
}

fn kind_name(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}

fn section_name(id: u8) -> &'static str {
    match id {
        1 => "type",
        2 => "import",
        3 => "function",
        4 => "table",
        5 => "memory",
        6 => "global",
        7 => "export",
        8 => "start",
        9 => "element",
        10 => "code",
        11 => "data",
        12 => "data count",
        13 => "tag",
        _ => "unknown",
    }
}
