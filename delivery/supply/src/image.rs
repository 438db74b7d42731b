//! Packs a module into an image: the same module and words give the same bytes, and so the same digest.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde_json::json;

use crate::digest::digest;
use crate::error::SupplyError;
use crate::manifest::{
    Descriptor, Form, MODULE_CONFIG, MODULE_CONTENT, Manifest, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST,
    OCI_TAR_GZIP,
};
use crate::unpack::{self, FILE};

/// A module as an image, ready to be pushed or written.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// The manifest's bytes, whose digest is the image's.
    pub(crate) manifest: Vec<u8>,
    /// The digest of the manifest.
    pub digest: String,
    /// How the module is put into it.
    pub form: Form,
    /// What the manifest refers to, each with its digest.
    pub(crate) blobs: Vec<(String, Vec<u8>)>,
}

/// Packs a module. `annotations` stand in the manifest, such as `org.opencontainers.image.version`.
///
/// # Errors
/// If the bytes are no module, or the form is one that is only read.
pub fn pack(module: &[u8], annotations: &BTreeMap<String, String>, form: Form) -> Result<Image, SupplyError> {
    unpack::module("what is to be packed", module)?;
    let unpacked = |error: io::Error| SupplyError::form("what is to be packed", error.to_string());
    let (config, layers) = match form {
        Form::Image => {
            let archive = archive(module).map_err(unpacked)?;
            let layer = gzip(&archive).map_err(unpacked)?;
            // Tools for containers want to know what an image runs on, and many refuse those that say something else than
            // a machine of theirs.
            let config = json!({
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "created": "1970-01-01T00:00:00Z",
                "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "burgee module push"}],
                "rootfs": {"type": "layers", "diff_ids": [digest(&archive)]},
            });
            ((OCI_CONFIG, config), vec![(OCI_TAR_GZIP, layer)])
        }
        Form::Artifact => {
            let about = json!({"type": "envoy_proxy", "abi_versions": ["v0-2-1"]});
            let about = about.to_string().into_bytes();
            ((OCI_CONFIG, json!({})), vec![(MODULE_CONFIG, about), (MODULE_CONTENT, module.to_vec())])
        }
        Form::Layer | Form::Wasm => {
            return Err(SupplyError::Unusable {
                what: "this form of an image",
                reason: "neither Istio nor Envoy Gateway reads it; allowed: image, artifact".to_owned(),
            });
        }
    };
    let config = (config.0, config.1.to_string().into_bytes());
    let describe = |(media_type, bytes): &(&str, Vec<u8>)| Descriptor {
        media_type: (*media_type).to_owned(),
        digest: digest(bytes),
        size: bytes.len() as u64,
        ..Descriptor::default()
    };
    let manifest = Manifest {
        schema_version: 2,
        media_type: OCI_MANIFEST.to_owned(),
        config: describe(&config),
        layers: layers.iter().map(describe).collect(),
        annotations: annotations.clone(),
    };
    let manifest = serde_json::to_vec(&manifest)
        .map_err(|error| SupplyError::form("what is to be packed", error.to_string()))?;
    let blobs = std::iter::once(config).chain(layers).map(|(_, bytes)| (digest(&bytes), bytes)).collect();
    Ok(Image { digest: digest(&manifest), manifest, form, blobs })
}

impl fmt::Debug for Image {
    /// Without the module itself, which would fill a log.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Image({})", self.digest)
    }
}

impl Image {
    /// Writes the image into a folder that is not there yet, in the layout that tools for images read (`oci:FOLDER`). It
    /// is there as a whole or not at all.
    ///
    /// # Errors
    /// If something is there already, or it cannot be written.
    pub fn write_layout(&self, folder: &Path, tag: &str) -> Result<(), SupplyError> {
        let beside = folder.with_extension(format!("{}.unfinished", std::process::id()));
        let written = self.write_into(&beside, tag).and_then(|()| {
            // A folder that is not empty is not replaced.
            fs::rename(&beside, folder).map_err(SupplyError::io("writing", folder))
        });
        if written.is_err() {
            // What was wrong is told already.
            let _ = fs::remove_dir_all(&beside);
        }
        written
    }

    fn write_into(&self, folder: &Path, tag: &str) -> Result<(), SupplyError> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(SupplyError::io("creating", &blobs))?;
        let write =
            |path: &Path, bytes: &[u8]| fs::write(path, bytes).map_err(SupplyError::io("writing", path));
        for (digest, bytes) in self.blobs.iter().chain([&(self.digest.clone(), self.manifest.clone())]) {
            write(&blobs.join(digest.trim_start_matches("sha256:")), bytes)?;
        }
        write(&folder.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes())?;
        let index = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [{
                "mediaType": OCI_MANIFEST,
                "digest": self.digest,
                "size": self.manifest.len(),
                "annotations": {"org.opencontainers.image.ref.name": tag},
            }],
        });
        write(&folder.join("index.json"), index.to_string().as_bytes())
    }
}

/// An archive with the module alone, of nobody and of no time.
fn archive(module: &[u8]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    builder.append_data(&mut header, FILE, module)?;
    builder.into_inner()
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Document, read};
    use crate::unpack::tests::MODULE;

    #[test]
    fn what_is_packed_is_what_comes_out_and_always_the_same() {
        let annotations = BTreeMap::from([("org.opencontainers.image.version".to_owned(), "1.2".to_owned())]);
        for form in [Form::Image, Form::Artifact] {
            let image = pack(MODULE, &annotations, form).unwrap();
            assert_eq!(image, pack(MODULE, &annotations, form).unwrap());
            let Document::Image(manifest) = read("x", &image.manifest, OCI_MANIFEST).unwrap() else {
                panic!()
            };
            assert_eq!(manifest.annotations, annotations);
            let (layer, found) = manifest.module("x").unwrap();
            assert_eq!(found, form);
            let (_, blob) = image.blobs.iter().find(|(digest, _)| *digest == layer.digest).unwrap();
            let module = match form {
                Form::Image => unpack::from_layer("x", blob, 10_000).unwrap(),
                _ => blob.clone(),
            };
            assert_eq!(module, MODULE);
        }
        assert!(pack(b"text", &annotations, Form::Image).unwrap_err().to_string().contains("no Wasm module"));
        assert!(pack(MODULE, &annotations, Form::Wasm).is_err());
    }

    #[test]
    fn a_layout_is_written_as_a_whole_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let image = pack(MODULE, &BTreeMap::new(), Form::Image).unwrap();
        let layout = folder.path().join("image");
        image.write_layout(&layout, "1.2").unwrap();
        assert_eq!(fs::read_dir(layout.join("blobs/sha256")).unwrap().count(), 3);
        assert!(fs::read_to_string(layout.join("index.json")).unwrap().contains(&image.digest));
        assert!(image.write_layout(&layout, "1.2").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
