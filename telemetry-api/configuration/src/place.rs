//! Faults of configurations as problems of documents: each at the place where it is written.

use std::collections::BTreeMap;

use burgee_api::document::reader::join;
use burgee_api::origin::{Origin, Place};
use burgee_api::problem::{Problem, Severity, codes};
use burgee_api::resources::TrafficExtension;
use burgee_api::resources::extension::WasmCode;
use burgee_api::text::clean;
use serde_json::Value;

use crate::fault::{Fault, Kind, Spot, Step};
use crate::schema::{Schema, SchemaError};

/// Where a configuration stands in a document.
fn field(plugin: &TrafficExtension) -> String {
    format!("{}.pluginConfig", plugin.code_path())
}

/// The schemas of plugins' modules, as far as they are known: who reads them puts each where its plugin's document
/// begins.
#[derive(Debug, Default)]
pub struct Schemas {
    by_place: BTreeMap<Place, (String, Result<Schema, SchemaError>)>,
}

impl Schemas {
    /// Puts down the schema of a plugin's module: what to call where it was found, and its text, or why there is none
    /// although there should be.
    pub fn insert(
        &mut self,
        plugin: &TrafficExtension,
        name: impl Into<String>,
        text: Result<Vec<u8>, String>,
    ) {
        let schema = text.map_err(SchemaError::new).and_then(|text| Schema::read(&text));
        self.by_place.insert(plugin.meta.place.clone(), (name.into(), schema));
    }
}

/// What the configurations of plugins have that their modules do not take, and which schemas cannot be used.
pub fn judge(plugins: &[TrafficExtension], schemas: &Schemas) -> Vec<Problem> {
    let known = plugins.iter().filter_map(|plugin| Some((plugin, schemas.by_place.get(&plugin.meta.place)?)));
    known.flat_map(|(plugin, (name, schema))| of_plugin(plugin, name, schema)).collect()
}

fn of_plugin(plugin: &TrafficExtension, name: &str, schema: &Result<Schema, SchemaError>) -> Vec<Problem> {
    let Some(wasm) = plugin.wasm() else { return Vec::new() };
    let schema = match schema {
        Ok(schema) => schema,
        Err(error) => {
            let message = format!("the schema of the configuration in {name} cannot be used: {error}");
            let help =
                "build the module again, or mend the file; until then the configuration is not checked";
            return vec![
                Problem::new(Severity::Warning, codes::BAD_SCHEMA, clean(&message))
                    .at(plugin.meta.place.clone(), field(plugin))
                    .help(help),
            ];
        }
    };
    // Without a configuration a module is told nothing, which ours take as an object without fields.
    let config = wasm.plugin_config.as_ref().map(|config| Value::Object(config.value.clone()));
    let faults = schema.faults(&config.unwrap_or_else(|| Value::Object(serde_json::Map::new())));
    faults.into_iter().map(|fault| problem(plugin, wasm, fault)).collect()
}

fn problem(plugin: &TrafficExtension, wasm: &WasmCode, fault: Fault) -> Problem {
    let (severity, code) = match fault.kind {
        Kind::Unknown => (Severity::Error, codes::UNKNOWN_SETTING),
        Kind::Missing => (Severity::Error, codes::MISSING_SETTING),
        Kind::Value => (Severity::Error, codes::BAD_SETTING),
        Kind::Schema => (Severity::Warning, codes::BAD_SCHEMA),
    };
    let place = place(plugin, wasm, &fault);
    Problem::new(severity, code, fault.message)
        .at(place, joined(&field(plugin), &fault.path))
        .help(fault.help)
}

/// A path of a document.
fn joined(start: &str, path: &[Step]) -> String {
    path.iter().fold(start.to_owned(), |path, step| match step {
        Step::Name(name) => join(&path, name),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

/// Where a fault stands: what it is of or, where that is not written, the nearest around it.
fn place(plugin: &TrafficExtension, wasm: &WasmCode, fault: &Fault) -> Place {
    let written = (1..=fault.path.len()).rev().find_map(|steps| {
        let entry = wasm.plugin_config_keys.get(&joined("", &fault.path[..steps]))?;
        Some(if fault.spot == Spot::Value && steps == fault.path.len() { &entry.value } else { &entry.key })
    });
    let of_config = wasm.plugin_config.as_ref().and_then(|config| match &config.origin {
        Origin::Document { place, .. } => Some(place),
        Origin::Rule(_) => None,
    });
    written.or(of_config).unwrap_or(&plugin.meta.place).clone()
}
