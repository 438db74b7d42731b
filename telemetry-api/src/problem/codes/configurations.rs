//! Codes of a plugin's configuration, judged by the schema that its module carries. The crate burgee-configuration tells
//! of them.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    CONFIGURATIONS:

    /// A name that a module's configuration does not have.
    UNKNOWN_SETTING = "BG0262" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The schema of a plugin's module says which names its `pluginConfig` may have, and this is none of them. \
                The schema is a custom section of the module, `burgee.configuration_schema`, or the file \
                `configuration.schema.json` of its crate.",
        matters: "A filter that denies unknown names refuses its configuration, and with it every request that the \
                  plugin covers; any other goes on without what was meant.",
        case: Case::Situation {
            wrong: "`pluginConfig: {responce: {set: {x-version: \"1\"}}}` for the filter `headers`.",
            right: "Write the name that is meant: `pluginConfig: {response: {set: {x-version: \"1\"}}}`.",
        },
    }

    /// A setting that a module needs and does not get.
    MISSING_SETTING = "BG0263" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The schema of a plugin's module says that its `pluginConfig` must have a name, and it is not there. \
                Without a `pluginConfig` this is told of each name that is needed.",
        matters: "The filter refuses its configuration, and with it every request that the plugin covers.",
        case: Case::Situation {
            wrong: "A WasmPlugin without `pluginConfig` for a module whose schema has `required: [header]`.",
            right: "Write it: `pluginConfig: {header: x-tenant}`.",
        },
    }

    /// A value that a module's configuration does not allow.
    BAD_SETTING = "BG0264" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The schema of a plugin's module does not allow a value of its `pluginConfig`: it has another type, is \
                none of the names of which one is expected, is out of bounds, or does not match a pattern.",
        matters: "The filter refuses its configuration, and with it every request that the plugin covers.",
        case: Case::Situation {
            wrong: "`pluginConfig: {response: {set: {x-version: 1}}}` for the filter `headers`, whose values are texts.",
            right: "`pluginConfig: {response: {set: {x-version: \"1\"}}}`.",
        },
    }

    /// A schema that does not say what a module's configuration may be.
    BAD_SCHEMA = "BG0265" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The schema of a plugin's module is not JSON, is not a JSON Schema, refers to something that is not in it, \
                or cannot be applied to a value.",
        matters: "The plugin's configuration is not checked, or not all of it.",
        case: Case::Situation {
            wrong: "`configuration.schema.json` in the module's crate was edited by hand.",
            right: "Have it written anew from the configuration's type; in a crate made by `burgee new`, by \
                    `BURGEE_BLESS=1 cargo test`.",
        },
    }
}
