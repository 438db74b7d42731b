//! Manifests and indexes of images: which of them is meant, and where in one the module is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::SupplyError;
use crate::reference::is_digest;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCI_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_TAR_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
pub(crate) const MODULE_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
pub(crate) const MODULE_CONTENT: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM: &str = "application/wasm";

/// What is asked for when a manifest is.
pub(crate) const ACCEPTED: [&str; 4] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];

/// How long a manifest may be: what registries take.
pub(crate) const MAX_MANIFEST: u64 = 4 << 20;

/// How many layers or images one may have.
const MAX_ENTRIES: usize = 1000;

/// How many names an error shows.
const SHOWN: usize = 5;

/// What a manifest refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// What an image of an index is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Platform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
}

/// A manifest of an image, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An index of images.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    pub manifests: Vec<Descriptor>,
}

/// Either of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Image(Manifest),
    Index(Index),
}

/// How a module is put into an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As `plugin.wasm` in the last layer, a compressed archive: what Istio, Envoy Gateway and every tool for images of
    /// containers read.
    Image,
    /// As a layer of its own beside a configuration: what Istio and Envoy Gateway read besides.
    Artifact,
    /// As the only layer, which neither Istio nor Envoy Gateway reads.
    Layer,
    /// As `application/wasm`, the layout of the CNCF, which neither Istio nor Envoy Gateway reads.
    Wasm,
}

impl Form {
    /// Its name, in words.
    pub fn words(self) -> &'static str {
        match self {
            Form::Image => "plugin.wasm in an image's last layer",
            Form::Artifact => "a layer of a module beside its configuration",
            Form::Layer => "a layer of a module alone, which Istio does not read",
            Form::Wasm => "application/wasm, which Istio does not read",
        }
    }
}

/// Reads what a registry gave; the type that it came with decides where the text says nothing.
pub(crate) fn read(what: &str, bytes: &[u8], media_type: &str) -> Result<Document, SupplyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        schema_version: Option<u32>,
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
        layers: Option<serde::de::IgnoredAny>,
    }
    let form = |reason: String| SupplyError::form(format!("the manifest of {what}"), reason);
    let kind: Kind = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
    if kind.schema_version != Some(2) {
        let found = kind.schema_version.map_or("none".to_owned(), |version| version.to_string());
        return Err(form(format!(
            "schemaVersion is {found}; only 2 is read: push the image anew with a tool of today"
        )));
    }
    let said = kind.media_type.as_deref().unwrap_or(media_type);
    let is_index = match (kind.manifests.is_some(), kind.layers.is_some()) {
        (true, false) => true,
        (false, true) => false,
        // What is both could be one thing for who checks it and another for who runs it.
        (true, true) => return Err(form("it has layers as well as manifests".to_owned())),
        (false, false) => return Err(form(format!("it has neither layers nor manifests ({said})"))),
    };
    let count = |count: usize, of: &str| match count {
        0 => Err(form(format!("it has no {of}"))),
        count if count > MAX_ENTRIES => {
            Err(form(format!("it has {count} {of}; at most {MAX_ENTRIES} are read")))
        }
        _ => Ok(()),
    };
    if is_index {
        if !matches!(said, OCI_INDEX | DOCKER_LIST) {
            return Err(form(format!("it has manifests and says that it is {said:?}")));
        }
        let index: Index = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
        count(index.manifests.len(), "images")?;
        digests(index.manifests.iter(), &form)?;
        return Ok(Document::Index(index));
    }
    let mut manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
    count(manifest.layers.len(), "layers")?;
    digests(manifest.layers.iter().chain([&manifest.config]), &form)?;
    said.clone_into(&mut manifest.media_type);
    Ok(Document::Image(manifest))
}

fn digests<'d>(
    all: impl Iterator<Item = &'d Descriptor>,
    form: &impl Fn(String) -> SupplyError,
) -> Result<(), SupplyError> {
    for one in all {
        if !is_digest(&one.digest) {
            return Err(form(format!(
                "{:?} is no digest that is read: sha256: and 64 hex digits",
                one.digest
            )));
        }
    }
    Ok(())
}

impl Index {
    /// The image that is meant, and why that one: a module runs on any machine, so that an image which says otherwise says
    /// it of its tool.
    pub(crate) fn choose(&self, what: &str) -> Result<(&Descriptor, &'static str), SupplyError> {
        let is_amd64 = |platform: &Platform| {
            (platform.os.as_str(), platform.architecture.as_str()) == ("linux", "amd64")
        };
        let is_wasm = |platform: &Platform| platform.architecture.starts_with("wasm");
        let find = |is: &dyn Fn(&Platform) -> bool| {
            self.manifests.iter().find(|one| one.platform.as_ref().is_some_and(is))
        };
        // Builders add statements about images, for a platform of that name.
        let mut others =
            self.manifests.iter().filter(|one| one.platform.as_ref().is_none_or(|p| p.os != "unknown"));
        if let Some(found) = find(&is_amd64) {
            return Ok((found, "its image for linux/amd64, as Istio takes"));
        }
        if let Some(found) = find(&is_wasm) {
            return Ok((found, "its image for wasm"));
        }
        if let (Some(only), None) = (others.next(), others.next()) {
            return Ok((only, "its only image"));
        }
        let names = self.manifests.iter().take(SHOWN).map(|one| match &one.platform {
            Some(platform) => format!("{}/{}", platform.os, platform.architecture),
            None => "one that does not say".to_owned(),
        });
        let names: Vec<String> = names.collect();
        Err(SupplyError::form(
            format!("the index of {what}"),
            format!("it has no image for linux/amd64 or wasm, only for {}", names.join(", ")),
        ))
    }
}

impl Manifest {
    /// The layer that has the module, and how.
    pub(crate) fn module(&self, what: &str) -> Result<(&Descriptor, Form), SupplyError> {
        let of = |media_type: &str| {
            self.layers.iter().filter(|layer| layer.media_type == media_type).collect::<Vec<_>>()
        };
        let types: Vec<&str> =
            self.layers.iter().map(|layer| layer.media_type.as_str()).take(SHOWN).collect();
        let form = |reason: String| {
            SupplyError::form(
                format!("the image {what}"),
                format!(
                    "{reason} (its layers: {}); a module's image has an archive with plugin.wasm as its last layer ({OCI_TAR_GZIP} \
                     or Docker's), or a layer {MODULE_CONTENT}",
                    types.join(", ")
                ),
            )
        };
        let Some(last) = self.layers.last() else { return Err(form("it has no layers".to_owned())) };
        if self.media_type == DOCKER_MANIFEST {
            return match last.media_type.as_str() {
                DOCKER_TAR_GZIP => Ok((last, Form::Image)),
                other => Err(form(format!("its last layer is {other:?}"))),
            };
        }
        if matches!(last.media_type.as_str(), OCI_TAR_GZIP | OCI_TAR | DOCKER_TAR_GZIP) {
            return Ok((last, Form::Image));
        }
        match (of(MODULE_CONTENT).as_slice(), of(WASM).as_slice(), self.layers.len()) {
            ([module], _, 2) => Ok((module, Form::Artifact)),
            ([module], _, 1) => Ok((module, Form::Layer)),
            ([], [module], 1) => Ok((module, Form::Wasm)),
            (modules, wasm, _) if modules.len() + wasm.len() > 1 => {
                Err(form("it has several modules".to_owned()))
            }
            _ if self.config.media_type == WASM_CONFIG => {
                Err(form("it has no layer application/wasm".to_owned()))
            }
            _ => Err(form("none of its layers is one of a module's image".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
