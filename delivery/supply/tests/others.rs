//! The registry of Docker's distribution, with TLS and passwords, and skopeo: what others push is pulled here, what is
//! pushed here is pulled by others, and signatures are believed in both directions.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use burgee_supply::{
    Fetched, Form, Image, Progress, PublicKey, Request, Settings, SigningKey, Supply, SupplyError, pack,
};
use serde_json::{Value, json};
use support::registry::Registry;
use support::{hex, module, wait};

/// What cosign calls a signature's payload, and the annotation with the signature.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// Fetches with a cache of its own.
fn fetch(registry: &Registry, request: &Request) -> Result<Fetched, SupplyError> {
    fetch_with(registry.settings(), request)
}

fn fetch_with(settings: Settings, request: &Request) -> Result<Fetched, SupplyError> {
    let cache = tempfile::tempdir().unwrap();
    let supply = Supply::open(cache.path(), settings).unwrap();
    wait(supply.fetch(request, &|_: Progress<'_>| {}))
}

fn push(registry: &Registry, image: &Image, name: &str, key: Option<&SigningKey>) -> Result<(), SupplyError> {
    let cache = tempfile::tempdir().unwrap();
    let supply = Supply::open(cache.path(), registry.settings()).unwrap();
    wait(supply.push(image, &registry.request(name), key, &|_: Progress<'_>| {})).map(|_| ())
}

fn packed(module: &[u8], form: Form) -> Image {
    let annotations = BTreeMap::from([("org.opencontainers.image.version".to_owned(), "1.2".to_owned())]);
    pack(module, &annotations, form).unwrap()
}

/// What skopeo wrote to a folder as `dir:`: the manifest, and what it refers to.
fn layers(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter().map(|layer| {
        let digest = layer["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        (layer["mediaType"].as_str().unwrap().to_owned(), fs::read(folder.join(digest)).unwrap())
    });
    layers.collect()
}

#[test]
fn what_is_pushed_here_is_pulled_by_others() {
    let Some(registry) = Registry::start() else { return };
    let module = module(300_000, 1);
    for (name, form) in [("acme/image:1", Form::Image), ("acme/artifact:1", Form::Artifact)] {
        push(&registry, &packed(&module, form), name, None).unwrap();
        assert!(fetch(&registry, &registry.request(name)).unwrap().bytes == module);
        let folder = registry.folder.path().join(name.replace(['/', ':'], "-"));
        registry.skopeo(&[&registry.docker(name), &format!("dir:{}", folder.display())]);
        let (kind, layer) = layers(&folder).pop().unwrap();
        let found = match form {
            Form::Image => {
                let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(layer.as_slice()));
                let mut file = archive.entries().unwrap().next().unwrap().unwrap();
                assert_eq!(file.path().unwrap().to_str(), Some("plugin.wasm"));
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                bytes
            }
            _ => layer,
        };
        assert!(found == module, "{kind}");
    }
}

#[test]
fn what_others_push_is_pulled_here() {
    let Some(registry) = Registry::start() else { return };
    let module = module(300_000, 2);
    let layout = registry.folder.path().join("layout");
    packed(&module, Form::Image).write_layout(&layout, "1").unwrap();
    let from = format!("oci:{}:1", layout.display());
    // Without compression, so that it is compressed anew.
    let bare = format!("dir:{}", registry.folder.path().join("bare").display());
    registry.skopeo(&["--dest-decompress", &from, &bare]);
    for (tag, from, options) in [
        ("as-it-is", &from, &[][..]),
        ("as-docker-s", &from, &["--format", "v2s2"]),
        ("packed-anew", &bare, &["--dest-compress-format", "gzip", "--format", "oci"]),
    ] {
        let name = format!("acme/guard:{tag}");
        let to = registry.docker(&name);
        registry.skopeo(&[options, &[from.as_str(), to.as_str()]].concat());
        let found = fetch(&registry, &registry.request(&name)).unwrap();
        assert!(found.bytes == module, "{tag}");
        assert_eq!(found.form, "plugin.wasm in an image's last layer", "{tag}");
    }
}

#[test]
fn an_image_that_no_proxy_reads_is_refused_with_the_reason() {
    let Some(registry) = Registry::start() else { return };
    let layout = registry.folder.path().join("layout");
    packed(&module(3000, 8), Form::Image).write_layout(&layout, "1").unwrap();
    let bare = format!("dir:{}", registry.folder.path().join("bare").display());
    registry.skopeo(&["--dest-decompress", &format!("oci:{}:1", layout.display()), &bare]);
    let to = registry.docker("acme/zstd:1");
    registry.skopeo(&["--dest-compress-format", "zstd", "--format", "oci", &bare, &to]);
    let error = fetch(&registry, &registry.request("acme/zstd:1")).unwrap_err();
    assert!(error.to_string().contains("application/vnd.oci.image.layer.v1.tar+zstd"), "{error}");
}

#[test]
fn of_an_index_the_image_is_taken_that_istio_takes() {
    let Some(registry) = Registry::start() else { return };
    let layout = registry.folder.path().join("layout");
    let (wanted, other) = (module(3000, 3), module(3000, 4));
    let image = packed(&wanted, Form::Image);
    image.write_layout(&layout, "1").unwrap();
    let arm = support::content(&packed(&other, Form::Image));
    for (digest, bytes) in &arm {
        fs::write(layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:")), bytes).unwrap();
    }
    let (arm_digest, arm_manifest) = arm
        .iter()
        .find(|(_, bytes)| serde_json::from_slice::<Value>(bytes).is_ok_and(|it| it["layers"].is_array()))
        .unwrap();
    let descriptor = |digest: &str, size: usize, architecture: &str| {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size,
            "platform": {"os": "linux", "architecture": architecture}})
    };
    let amd_size = support::content(&image)[&image.digest].len();
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [
        descriptor(arm_digest, arm_manifest.len(), "arm64"),
        descriptor(&image.digest, amd_size, "amd64"),
    ]});
    let index = serde_json::to_vec(&index).unwrap();
    fs::write(layout.join("blobs/sha256").join(hex(&index)), &index).unwrap();
    let top = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": media_type, "digest": format!("sha256:{}", hex(&index)), "size": index.len(),
        "annotations": {"org.opencontainers.image.ref.name": "both"},
    }]});
    fs::write(layout.join("index.json"), top.to_string()).unwrap();
    let (from, to) = (format!("oci:{}:both", layout.display()), registry.docker("acme/guard:both"));
    registry.skopeo(&["--all", &from, &to]);
    let request = Request { sha256: Some(hex(&index)), ..registry.request("acme/guard:both") };
    let found = fetch(&registry, &request).unwrap();
    assert!(found.bytes == wanted);
    assert_eq!(found.pinned, Some("that of the image's index"));
    assert_eq!(found.manifest.as_deref(), Some(image.digest.trim_start_matches("sha256:")));
}

#[test]
fn who_may_not_is_told_and_who_is_not_known_is_not_believed() {
    let Some(registry) = Registry::start() else { return };
    let image = packed(&module(3000, 5), Form::Image);
    push(&registry, &image, "acme/guard:1", None).unwrap();
    let anonymous = fetch(&registry, &registry.anonymous("acme/guard:1")).unwrap_err();
    assert!(matches!(anonymous, SupplyError::Unauthorized { .. }), "{anonymous}");
    let credentials = registry.credentials("hunter2");
    let wrong = fetch(&registry, &Request { credentials, ..registry.anonymous("acme/guard:1") }).unwrap_err();
    assert!(matches!(wrong, SupplyError::Unauthorized { .. }), "{wrong}");
    assert!(!format!("{wrong} {wrong:?}").contains("hunter2"), "{wrong}");
    let absent = fetch(&registry, &registry.request("acme/guard:2")).unwrap_err();
    assert!(matches!(absent, SupplyError::NotFound { .. }), "{absent}");
    assert!(absent.to_string().contains("acme/guard:2 is not there"), "{absent}");
    let stranger = fetch_with(support::quick(), &registry.request("acme/guard:1")).unwrap_err();
    assert!(stranger.to_string().contains("certificate"), "{stranger}");
}

/// A signature of an image as cosign pushes one, and the tag that it goes to: a payload that says the image's digest, and
/// in an annotation of its layer what `openssl` made of it.
fn signed_by_openssl(registry: &Registry, key: &Path, image: &str) -> (String, String) {
    let layout = registry.folder.path().join("signature");
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let payload = format!(
        "{{\"critical\":{{\"identity\":{{\"docker-reference\":\"{}/acme/signed\"}},\"image\":{{\"docker-manifest-digest\":\"{image}\"}},\
         \"type\":\"cosign container image signature\"}},\"optional\":null}}",
        registry.host
    );
    let file = registry.folder.path().join("payload");
    fs::write(&file, &payload).unwrap();
    let signature = registry.openssl(&["dgst", "-sha256", "-sign", &shown(key), &shown(&file)]);
    let keep = |media_type: &str, bytes: &[u8]| {
        fs::write(blobs.join(hex(bytes)), bytes).unwrap();
        json!({"mediaType": media_type, "digest": format!("sha256:{}", hex(bytes)), "size": bytes.len()})
    };
    let diff = format!("sha256:{}", hex(payload.as_bytes()));
    let config =
        json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff]}});
    let config = keep("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let mut layer = keep(PAYLOAD, payload.as_bytes());
    layer["annotations"] = json!({SIGNATURE: data_encoding::BASE64.encode(&signature)});
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]});
    let mut manifest = keep(media_type, manifest.to_string().as_bytes());
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "signature"});
    fs::write(layout.join("oci-layout"), "{\"imageLayoutVersion\": \"1.0.0\"}").unwrap();
    fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": [manifest]}).to_string())
        .unwrap();
    (format!("oci:{}:signature", layout.display()), format!("{}.sig", image.replace(':', "-")))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn signatures_of_others_are_believed() {
    let Some(registry) = Registry::start() else { return };
    let module = module(3000, 6);
    let image = packed(&module, Form::Image);
    push(&registry, &image, "acme/signed:1", None).unwrap();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = registry.folder.path().join("signing.key");
    fs::write(&key, pair.serialize_pem()).unwrap();
    let public = PublicKey::parse(&pair.public_key_pem()).unwrap();
    let request = Request { keys: vec![public.clone()], ..registry.request("acme/signed:1") };
    let error = fetch(&registry, &request).unwrap_err();
    assert!(error.to_string().contains("there is no tag sha256-"), "{error}");
    let (from, tag) = signed_by_openssl(&registry, &key, &image.digest);
    registry.skopeo(&[&from, &registry.docker(&format!("acme/signed:{tag}"))]);
    let found = fetch(&registry, &request).unwrap();
    assert!(found.bytes == module);
    assert_eq!(found.signed_by, [public.fingerprint()]);
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let stranger = PublicKey::parse(&other.public_key_pem()).unwrap();
    let error = fetch(&registry, &Request { keys: vec![stranger], ..request.clone() }).unwrap_err();
    assert!(error.to_string().contains("none is by the key"), "{error}");
    // The same signature at another image of the same module.
    let another = packed(&module, Form::Artifact);
    push(&registry, &another, "acme/signed:2", None).unwrap();
    let to = registry.docker(&format!("acme/signed:{}.sig", another.digest.replace(':', "-")));
    registry.skopeo(&[&from, &to]);
    let request = Request { keys: vec![public], ..registry.request("acme/signed:2") };
    let error = fetch(&registry, &request).unwrap_err();
    assert!(error.to_string().contains("is something else than"), "{error}");
}

#[test]
fn signatures_of_ours_are_believed_by_others() {
    let Some(registry) = Registry::start() else { return };
    let image = packed(&module(3000, 7), Form::Image);
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let signing = SigningKey::parse(&pair.serialize_pem()).unwrap();
    push(&registry, &image, "acme/ours:1", Some(&signing)).unwrap();
    let folder = registry.folder.path().join("pulled");
    let tag = format!("{}.sig", image.digest.replace(':', "-"));
    registry.skopeo(&[&registry.docker(&format!("acme/ours:{tag}")), &format!("dir:{}", folder.display())]);
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let signature = manifest["layers"][0]["annotations"][SIGNATURE].as_str().unwrap();
    let (kind, payload) = layers(&folder).pop().unwrap();
    assert_eq!(kind, PAYLOAD);
    let said: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(said["critical"]["image"]["docker-manifest-digest"], image.digest);
    assert_eq!(said["critical"]["identity"]["docker-reference"], format!("{}/acme/ours", registry.host));
    let path = |name: &str| registry.folder.path().join(name);
    fs::write(path("public"), pair.public_key_pem()).unwrap();
    fs::write(path("payload"), payload).unwrap();
    fs::write(path("signature"), data_encoding::BASE64.decode(signature.as_bytes()).unwrap()).unwrap();
    let [public, payload, signature] = ["public", "payload", "signature"].map(|name| shown(&path(name)));
    let verified =
        registry.openssl(&["dgst", "-sha256", "-verify", &public, "-signature", &signature, &payload]);
    assert_eq!(String::from_utf8(verified).unwrap().trim(), "Verified OK");
}
