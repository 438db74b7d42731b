//! Reads a script in Lua: how long it is. Its syntax is judged where documents are checked.

use crate::document::reader::{Context, Field};
use crate::problem::{Severity, codes};
use crate::resources::extension::LuaCode;

/// How many bytes a script may have.
pub(crate) const MAX_CODE: usize = 65_536;

/// Reads `lua`.
pub(super) fn read(field: &Field<'_>, context: &mut Context) -> Option<LuaCode> {
    let object = field.object(context, &["inlineCode"])?;
    let help = "write the script's text, with `|` and indented lines below it";
    let field = object.require(context, "inlineCode", help)?;
    let text = field.string(context)?;
    // Istio counts bytes, not characters.
    let length = text.len();
    if length == 0 {
        context.report(Severity::Error, codes::BAD_VALUE, &field, "the script is empty", help);
        return None;
    }
    if length > MAX_CODE {
        let message = format!("the script has {length} bytes");
        let help = format!("allowed: at most {MAX_CODE}; what needs more is better off as a Wasm module");
        context.report(Severity::Error, codes::BAD_VALUE, &field, message, help);
        return None;
    }
    Some(LuaCode { inline: field.traced(context, text) })
}
