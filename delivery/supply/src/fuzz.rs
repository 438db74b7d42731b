//! What fuzzers try: any bytes where something is read that others wrote. None may make it panic, hang or take more than
//! its bound.
//!
//! The targets in `tests/fuzz/targets` call these functions, and so does a test, with what the fuzzers have found.

use crate::challenge::challenges;
use crate::credentials::Credentials;
use crate::manifest::{DOCKER_LIST, DOCKER_MANIFEST, Document, OCI_INDEX, OCI_MANIFEST, read};
use crate::reference::{ModuleUrl, Reference};
use crate::signature::{PublicKey, SigningKey};
use crate::unpack;

/// A target: its name, which is that of its corpus too, and what is done with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[("manifests", manifests), ("archives", archives), ("words", words)];

/// How much may be unpacked.
const LIMIT: u64 = 100_000;

/// The bytes are a manifest or an index, whatever it came as.
pub fn manifests(bytes: &[u8]) {
    for media_type in [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, ""] {
        match read("any", bytes, media_type) {
            Ok(Document::Image(manifest)) => {
                if let Ok((layer, _)) = manifest.module("any") {
                    assert!(manifest.layers.contains(layer), "a layer is one of the image's");
                }
            }
            Ok(Document::Index(index)) => {
                if let Ok((image, _)) = index.choose("any") {
                    assert!(index.manifests.contains(image), "an image is one of the index's");
                }
            }
            Err(error) => assert!(!error.to_string().is_empty(), "an error says something"),
        }
    }
}

/// The bytes are a layer of an image, and what a web server gave.
pub fn archives(bytes: &[u8]) {
    let found = [unpack::from_layer("any", bytes, LIMIT), unpack::from_body("any", bytes.to_vec(), LIMIT)];
    for module in found.into_iter().flatten() {
        assert!(module.len() as u64 <= LIMIT, "{} bytes are more than the bound", module.len());
        assert!(module.starts_with(b"\0asm"), "what comes out is a module");
    }
}

/// The bytes are whatever is a text: a reference, a URL, a header of a server, a configuration of Docker's, a key.
pub fn words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(reference) = Reference::parse(&text) {
        let again = Reference::parse(&reference.to_string());
        let is_same = again.is_ok_and(|again| again.to_string() == reference.to_string());
        assert!(is_same, "{reference} means itself");
    }
    if let Ok(url) = ModuleUrl::parse(&text) {
        assert!(!url.to_string().is_empty(), "a URL can be shown");
    }
    let found = challenges(&text).len();
    assert!(found <= text.len(), "{found} challenges are more than the text can have");
    // What it cannot read it says without showing it, and no program is started.
    if let Err(error) = Credentials::Docker(text.to_string()).login("example.com", "acme/guard") {
        assert!(!error.to_string().is_empty(), "an error says something");
    }
    let keys = (PublicKey::parse(&text), SigningKey::parse(&text));
    if let (Ok(public), _) = keys {
        assert!(!public.has_signed_as(&[], bytes), "a key is no signature");
    }
}
