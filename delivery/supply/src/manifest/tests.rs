//! Tests of what manifests are read as.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn digest(of: u8) -> String {
    format!("sha256:{}", format!("{of:02x}").repeat(32))
}

fn layer(media_type: &str, of: u8) -> Value {
    json!({"mediaType": media_type, "digest": digest(of), "size": 3})
}

fn image(media_type: &str, config: &str, layers: &[&str]) -> Value {
    let layers: Vec<Value> =
        layers.iter().zip((1..=9).cycle()).map(|(media_type, at)| layer(media_type, at)).collect();
    json!({"schemaVersion": 2, "mediaType": media_type, "config": layer(config, 0), "layers": layers})
}

fn found(manifest: &Value) -> Result<(u8, Form), String> {
    let bytes = serde_json::to_vec(manifest).unwrap();
    match read("h/a:1", &bytes, OCI_MANIFEST).map_err(|error| error.to_string())? {
        Document::Image(manifest) => {
            let (layer, form) = manifest.module("h/a:1").map_err(|error| error.to_string())?;
            let at = u8::from_str_radix(&layer.digest[7..9], 16).unwrap();
            Ok((at, form))
        }
        Document::Index(_) => Err("an index".to_owned()),
    }
}

#[test]
fn every_form_of_a_module_s_image_is_found() {
    for (media_type, config, layers, expected) in [
        (DOCKER_MANIFEST, OCI_CONFIG, &[DOCKER_TAR_GZIP][..], (1, Form::Image)),
        (DOCKER_MANIFEST, OCI_CONFIG, &[DOCKER_TAR_GZIP, DOCKER_TAR_GZIP], (2, Form::Image)),
        (OCI_MANIFEST, OCI_CONFIG, &[OCI_TAR_GZIP], (1, Form::Image)),
        (OCI_MANIFEST, OCI_CONFIG, &["a/b", OCI_TAR_GZIP], (2, Form::Image)),
        (OCI_MANIFEST, OCI_CONFIG, &[OCI_TAR], (1, Form::Image)),
        (OCI_MANIFEST, OCI_CONFIG, &[MODULE_CONFIG, MODULE_CONTENT], (2, Form::Artifact)),
        (OCI_MANIFEST, OCI_CONFIG, &[MODULE_CONTENT, MODULE_CONFIG], (1, Form::Artifact)),
        (OCI_MANIFEST, MODULE_CONFIG, &[MODULE_CONTENT], (1, Form::Layer)),
        (OCI_MANIFEST, WASM_CONFIG, &[WASM], (1, Form::Wasm)),
    ] {
        assert_eq!(found(&image(media_type, config, layers)), Ok(expected), "{layers:?}");
    }
}

#[test]
fn what_is_no_module_s_image_is_refused_with_the_reason() {
    for (manifest, expected) in [
        (image(OCI_MANIFEST, OCI_CONFIG, &[]), "it has no layers"),
        (image(DOCKER_MANIFEST, OCI_CONFIG, &["application/x"]), "its last layer is \"application/x\""),
        (
            image(OCI_MANIFEST, OCI_CONFIG, &["application/vnd.oci.image.layer.v1.tar+zstd"]),
            "none of its layers is one of a module's image (its layers: application/vnd.oci.image.layer.v1.tar+zstd)",
        ),
        (image(OCI_MANIFEST, OCI_CONFIG, &[MODULE_CONTENT, MODULE_CONTENT]), "it has several modules"),
        (image(OCI_MANIFEST, OCI_CONFIG, &[MODULE_CONTENT, "a", "b"]), "none of its layers"),
        (json!({"schemaVersion": 1, "fsLayers": []}), "schemaVersion is 1; only 2 is read"),
        (json!({"schemaVersion": 2}), "neither layers nor manifests"),
        (json!({"schemaVersion": 2, "layers": [], "manifests": []}), "layers as well as manifests"),
        (json!({"schemaVersion": 2, "manifests": [], "mediaType": OCI_INDEX}), "it has no images"),
        (json!([]), "the manifest of h/a:1 cannot be read"),
        (
            json!({"schemaVersion": 2, "config": {"digest": "sha512:x", "size": 1}, "layers": [layer(WASM, 1)]}),
            "is no digest that is read",
        ),
    ] {
        let error = found(&manifest).unwrap_err();
        assert!(error.contains(expected), "{manifest}: {error}");
    }
    let many = vec![OCI_TAR_GZIP; 1001];
    assert!(found(&image(OCI_MANIFEST, OCI_CONFIG, &many)).unwrap_err().contains("1001 layers"));
}

#[test]
fn of_an_index_the_image_that_istio_takes_is_taken_and_else_the_only_one() {
    let index = |platforms: &[(&str, &str)]| Index {
        schema_version: 2,
        media_type: OCI_INDEX.to_owned(),
        manifests: platforms
            .iter()
            .zip(1..)
            .map(|((os, architecture), at)| Descriptor {
                digest: digest(at),
                platform: (!os.is_empty())
                    .then(|| Platform { os: (*os).to_owned(), architecture: (*architecture).to_owned() }),
                ..Descriptor::default()
            })
            .collect(),
    };
    for (platforms, expected) in [
        (&[("linux", "arm64"), ("linux", "amd64")][..], Some(2)),
        (&[("linux", "arm64"), ("wasip1", "wasm")], Some(2)),
        (&[("linux", "arm64")], Some(1)),
        (&[("", "")], Some(1)),
        (&[("linux", "arm64"), ("unknown", "unknown")], Some(1)),
        (&[("linux", "arm64"), ("linux", "s390x")], None),
    ] {
        let index = index(platforms);
        let found = index.choose("h/a").map(|(one, _)| one.digest.clone());
        assert_eq!(found.as_ref().ok(), expected.map(digest).as_ref(), "{platforms:?}");
        if let Err(error) = found {
            assert!(error.to_string().contains("linux/arm64, linux/s390x"), "{error}");
        }
    }
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read("h/a", &bytes, OCI_MANIFEST);
    }

    #[test]
    fn what_is_nearly_a_manifest_is_read_or_refused(
        version in 0u32..4,
        layers in proptest::collection::vec("[a-z/+.]{0,12}", 0..4),
        cut in 0usize..400,
    ) {
        let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
        let mut manifest = image(OCI_MANIFEST, OCI_CONFIG, &layers);
        manifest["schemaVersion"] = json!(version);
        let bytes = serde_json::to_vec(&manifest).unwrap();
        let cut = bytes.get(..cut).unwrap_or(&bytes);
        if let Ok(Document::Image(manifest)) = read("h/a", cut, OCI_MANIFEST) {
            let _ = manifest.module("h/a");
        }
    }
}
