//! Reads `Secret` of Kubernetes for the credentials of registries. Nothing is judged here, and no value of one gets into
//! any message: what is wrong is told of the plugin that names the Secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::outline::Outline;
use super::reader::{Context, Field, Object};
use crate::resources::pull_secret::{Credentials, PULL_SECRET_TYPE, PullSecret};

/// The key of a Secret of that type.
const KEY: &str = ".dockerconfigjson";

/// Reads a Secret; none without a name.
pub(super) fn read(root: &Field<'_>) -> Option<PullSecret> {
    let Outline { id, place, .. } = Outline::of(root);
    let mut unheard = Context { document: id.clone(), problems: Vec::new() };
    let object = root.any_object(&mut unheard)?;
    let credentials = credentials(&object, &mut unheard);
    (!id.name.is_empty()).then_some(PullSecret { id, place, credentials })
}

/// Whether a Secret says that it holds credentials for registries.
pub(super) fn is_for_registries(object: &Object<'_>) -> bool {
    object.get("type").and_then(|field| field.quiet_string()).as_deref() == Some(PULL_SECRET_TYPE)
}

fn credentials(object: &Object<'_>, unheard: &mut Context) -> Result<Credentials, String> {
    if !is_for_registries(object) {
        return Err(format!("its type is not {PULL_SECRET_TYPE}"));
    }
    let mut value = |key: &str| object.get(key)?.any_object(unheard)?.get(KEY)?.quiet_string();
    // What is written as text takes the place of what is encoded.
    let text = match (value("stringData"), value("data")) {
        (Some(text), _) => text,
        (None, Some(encoded)) => {
            let packed: String = encoded.split_whitespace().collect();
            let bytes = STANDARD.decode(packed).map_err(|_| format!("its `data[{KEY:?}]` is not base64"))?;
            String::from_utf8(bytes).map_err(|_| format!("its `data[{KEY:?}]` is not text"))?
        }
        (None, None) => return Err(format!("it has no `data[{KEY:?}]`")),
    };
    let config: Option<Value> = serde_json::from_str(&text).ok();
    match config.as_ref().and_then(|config| config.get("auths")).and_then(Value::as_object) {
        Some(auths) if auths.values().all(Value::is_object) => Ok(Credentials::new(text)),
        Some(_) | None => Err("what it holds is not docker's configuration with `auths`".to_owned()),
    }
}

#[cfg(test)]
mod tests;
