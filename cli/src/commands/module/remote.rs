//! Modules that a command names itself, wherever they are: in files, on standard input, or at URLs, asked as the user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burgee_supply::{Credentials, Fetched, Limits, ModuleUrl, PublicKey, Reach, Request, SupplyError};
use serde::Serialize;

use crate::args::{RegistryArgs, SourceArgs};
use crate::progress::Steps;
use crate::{Failure, fetching};

/// How long everything together may take that the user waits for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

/// How much of an annotation is shown to people.
const SHOWN: usize = 60;

/// A module that was read, and what is known of where it was.
pub(super) struct Found {
    pub bytes: Vec<u8>,
    /// What is known of it if it was fetched.
    pub fetched: Option<Fetched>,
}

/// Where a module was, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Origin {
    url: String,
    /// The digest of the image's manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    form: String,
    annotations: BTreeMap<String, String>,
    signed_by: Vec<String>,
}

impl Origin {
    pub(super) fn of(url: &str, fetched: &Fetched) -> Origin {
        let digest = |hex: &Option<String>| hex.as_ref().map(|hex| format!("sha256:{hex}"));
        Origin {
            url: url.to_owned(),
            manifest: digest(&fetched.manifest),
            index: digest(&fetched.index),
            form: fetched.form.clone(),
            annotations: fetched.annotations.clone(),
            signed_by: fetched.signed_by.clone(),
        }
    }

    /// The same in lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.index.as_ref().map(|index| format!("index     {index}")));
        lines.extend(self.manifest.as_ref().map(|manifest| format!("manifest  {manifest}")));
        lines.push(format!("form      {}", self.form));
        lines.extend(annotation_lines(&self.annotations));
        lines.extend(self.signed_by.iter().map(|key| format!("signed by the key sha256:{key}")));
        lines
    }
}

/// Annotations for people, each on one line of a screen's length or so.
pub(super) fn annotation_lines(annotations: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    annotations.iter().map(|(name, value)| {
        let shown: String = match value.chars().count() {
            length if length > SHOWN => value.chars().take(SHOWN).chain(['…']).collect(),
            _ => value.clone(),
        };
        format!("          {name}: {}", burgee_api::text::clean(&shown))
    })
}

/// Whether an argument is a URL and no file.
pub(super) fn is_url(module: &Path) -> bool {
    module.to_str().is_some_and(|text| {
        text.split_once("://").is_some_and(|(scheme, _)| matches!(scheme, "oci" | "http" | "https"))
    })
}

/// Reads a module, held to a key if there is one.
pub(super) fn read(
    module: &Path,
    key: Option<&Path>,
    registry: &RegistryArgs,
    steps: &Steps,
) -> Result<Found, Failure> {
    let keys = key.map(public_key).transpose()?;
    if is_url(module) {
        let mut request = request(&module.to_string_lossy())?;
        request.keys.extend(keys);
        let fetched = fetch(&request, registry, steps)?;
        return Ok(Found { bytes: fetched.bytes.clone(), fetched: Some(fetched) });
    }
    let bytes = super::read(module, "the module")?;
    if let Some(key) = keys {
        let beside = PathBuf::from(format!("{}.sig", module.display()));
        let signature = super::read(&beside, "the signature")?;
        if !key.has_signed_as(&bytes, &signature) {
            return Err(Failure::new(
                format!("{} is no signature of {} by the key", beside.display(), module.display()),
                "sign it with `cosign sign-blob --key`, or name the key that signed it",
            ));
        }
    }
    Ok(Found { bytes, fetched: None })
}

/// A public key in a file.
pub(super) fn public_key(file: &Path) -> Result<PublicKey, Failure> {
    let text = super::read(file, "the key")?;
    PublicKey::parse(&String::from_utf8_lossy(&text))
        .map_err(|error| Failure::new(format!("--key {}: {error}", file.display()), ""))
}

/// A request of the user's own, who may ask whatever can be asked.
pub(super) fn request(url: &str) -> Result<Request, Failure> {
    let url = ModuleUrl::parse(url).map_err(failure)?;
    let limits = Limits { time: PATIENCE, ..Limits::default() };
    let policy = burgee_supply::Policy::Always;
    Ok(Request { credentials: Credentials::User, reach: Reach::User, limits, policy, ..Request::new(url) })
}

/// Fetches a module.
pub(super) fn fetch(request: &Request, registry: &RegistryArgs, steps: &Steps) -> Result<Fetched, Failure> {
    let supply = supply(request, registry)?;
    fetching::wait(supply.fetch(request, &fetching::tell(steps))).map_err(failure)
}

/// Whoever asks this registry, in plain HTTP if it is so said.
pub(super) fn supply(
    request: &Request,
    registry: &RegistryArgs,
) -> Result<std::sync::Arc<burgee_supply::Supply>, Failure> {
    let mut args = SourceArgs { authorities: registry.authorities.clone(), ..SourceArgs::default() };
    if registry.insecure
        && let ModuleUrl::Image(reference) = &request.url
    {
        args.plain_http.push(reference.registry.clone());
    }
    let cache =
        burgee_machine::cache_directory().ok_or_else(|| failure(burgee_modules::ModuleError::NoCache))?;
    fetching::supply(&cache, &args).map_err(failure)
}

/// An error whose words say what to do, or to which there is something to add.
pub(super) fn failure(error: impl std::error::Error + 'static) -> Failure {
    let help = match (&error as &dyn std::error::Error).downcast_ref::<SupplyError>() {
        Some(SupplyError::Unavailable { .. } | SupplyError::Late { .. }) => {
            "a registry in plain HTTP, such as one on this machine, needs --insecure; one with a certificate of your own, \
             --registry-ca FILE"
        }
        Some(SupplyError::Unauthorized { .. }) => "`docker login HOST` says who asks",
        _ => "",
    };
    Failure::new(error.to_string(), help)
}
