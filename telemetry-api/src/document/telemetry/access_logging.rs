//! Reads `spec.accessLogging`.

use super::{flag, mode_match, providers};
use crate::document::reader::{Context, Field, Object};
use crate::origin::Traced;
use crate::resources::telemetry::AccessLoggingEntry;

/// An entry of `spec.accessLogging`.
pub(super) fn entry(field: &Field<'_>, context: &mut Context) -> Option<AccessLoggingEntry> {
    let entry = field.object(context, &["match", "providers", "disabled", "filter"])?;
    Some(AccessLoggingEntry {
        origin: field.origin(context),
        mode: mode_match(&entry, context),
        providers: providers(&entry, context),
        disabled: flag(&entry, "disabled", context),
        filter: filter(&entry, context),
    })
}

/// What is logged: `filter.expression`. Whether it is CEL is judged where every expression is.
fn filter(entry: &Object<'_>, context: &mut Context) -> Option<Traced<String>> {
    let filter = entry.get("filter")?.object(context, &["expression"])?;
    let field = filter.require(context, "expression", "a CEL expression that is true or false")?;
    let text = field.string(context)?;
    Some(field.traced(context, text))
}
