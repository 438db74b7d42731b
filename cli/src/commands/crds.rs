//! `burgee crds`: the kinds as CustomResourceDefinitions, for `kubectl apply`.

use burgee_api::schema;
use serde_json::json;

use crate::args::TreeFormat;
use crate::{Failure, Outcome, output};

/// Runs it.
pub(crate) fn run(format: TreeFormat) -> Result<Outcome, Failure> {
    let definitions = schema::definitions();
    match format {
        TreeFormat::Json => {
            output::json(&json!({"apiVersion": "v1", "kind": "List", "items": definitions}))?;
        }
        TreeFormat::Yaml => {
            for definition in &definitions {
                output::text_line("---")?;
                output::yaml(definition)?;
            }
        }
    }
    Ok(Outcome::Done)
}
