//! Signatures of modules by a key, as cosign makes them: of images in a tag beside them, of files in a file beside them.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    self, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::Deserialize;
use serde_json::json;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::digest::{digest, hex};
use crate::error::SupplyError;
use crate::image::Image;
use crate::manifest::{Descriptor, Document, Form, Manifest, OCI_CONFIG, OCI_MANIFEST};
use crate::reference::Reference;
use crate::registry::Registry;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What a layer of a signature's image is.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation of such a layer that holds the signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// What a payload says that it is.
const KIND: &str = "cosign container image signature";

/// How many signatures are looked at.
const MAX_SIGNATURES: usize = 50;

/// How long a payload may be.
const MAX_PAYLOAD: u64 = 1 << 20;

/// The public half of a key that modules are signed with.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: &'static dyn VerificationAlgorithm,
    bits: Vec<u8>,
    fingerprint: String,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({})", self.fingerprint)
    }
}

impl PublicKey {
    /// Reads a key in PEM, such as `cosign.pub`: of ECDSA with P-256 or P-384, of Ed25519, or of RSA.
    ///
    /// # Errors
    /// If it is none of those.
    pub fn parse(pem: &str) -> Result<PublicKey, SupplyError> {
        let unusable = |reason: String| SupplyError::Unusable { what: "the public key", reason };
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
            unusable("it is no PEM that begins with -----BEGIN PUBLIC KEY-----, as `cosign generate-key-pair` writes to cosign.pub".to_owned())
        })?;
        let info =
            SubjectPublicKeyInfoRef::try_from(der.as_ref()).map_err(|error| unusable(error.to_string()))?;
        let curve = info.algorithm.parameters_oid().ok();
        let algorithm: &'static dyn VerificationAlgorithm = match (info.algorithm.oid, curve) {
            (EC, Some(P256)) => &signature::ECDSA_P256_SHA256_ASN1,
            (EC, Some(P384)) => &signature::ECDSA_P384_SHA384_ASN1,
            (RSA, _) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (ED25519, _) => &signature::ED25519,
            (other, _) => {
                return Err(unusable(format!(
                    "its kind ({other}) is not read; allowed: ECDSA with P-256 or P-384, Ed25519, RSA of 2048 bits or more"
                )));
            }
        };
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| unusable("it is no whole number of bytes".to_owned()))?;
        Ok(PublicKey { algorithm, bits: bits.to_vec(), fingerprint: hex(der.as_ref()) })
    }

    /// The SHA-256 of the key, in hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether a signature of a message is by this key.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm, &self.bits).verify(message, signature).is_ok()
    }

    /// Whether a signature of a message is by this key, in base64 as files have it.
    pub fn has_signed_as(&self, message: &[u8], signature: &[u8]) -> bool {
        let text: Vec<u8> = signature.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        BASE64.decode(&text).is_ok_and(|signature| self.has_signed(message, &signature))
    }
}

/// What cosign signs of an image.
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Signed,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Signed {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// The tag that the signatures of an image are in.
fn tag(digest: &str) -> String {
    format!("{}.sig", digest.replace(':', "-"))
}

/// Checks that one of these digests, which all are of the same image, is signed by a key.
pub(crate) async fn check(
    registry: &Registry<'_>,
    what: &Reference,
    digests: &[&str],
    key: &PublicKey,
) -> Result<(), SupplyError> {
    let mut found = Vec::new();
    for digest in digests {
        match signed(registry, digest, key).await {
            Ok(()) => return Ok(()),
            Err(SupplyError::NotFound { .. }) => found.push(format!("there is no tag {}", tag(digest))),
            Err(SupplyError::Signature { reason, .. }) => found.push(reason),
            Err(error) => return Err(error),
        }
    }
    Err(SupplyError::Signature { what: what.to_string(), reason: found.join("; ") })
}

async fn signed(registry: &Registry<'_>, digest: &str, key: &PublicKey) -> Result<(), SupplyError> {
    let not = |reason: String| SupplyError::Signature { what: digest.to_owned(), reason };
    let Document::Image(manifest) = registry.manifest(&tag(digest)).await?.document else {
        return Err(not(format!("{} is an index and no signature", tag(digest))));
    };
    let layers: Vec<&Descriptor> =
        manifest.layers.iter().filter(|layer| layer.media_type == PAYLOAD).take(MAX_SIGNATURES).collect();
    if layers.is_empty() {
        return Err(not(format!("{} has no signature that cosign made", tag(digest))));
    }
    let (mut others, mut strangers) = (0, 0);
    for layer in layers {
        let Some(signature) = layer.annotations.get(SIGNATURE) else { continue };
        let payload = registry.blob(layer, MAX_PAYLOAD).await?;
        if !key.has_signed_as(&payload, signature.as_bytes()) {
            strangers += 1;
            continue;
        }
        match serde_json::from_slice::<Payload>(&payload) {
            Ok(Payload { critical }) if critical.image.digest == digest && critical.kind == KIND => {
                return Ok(());
            }
            _ => others += 1,
        }
    }
    let short: String = key.fingerprint.chars().take(12).collect();
    Err(not(match others {
        0 => format!("{strangers} signature(s) of {digest} are there, and none is by the key sha256 {short}"),
        _ => format!("what the key sha256 {short} signed there is something else than {digest}"),
    }))
}

/// A key that images are signed with.
pub struct SigningKey(EcdsaKeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// Reads a key in PEM without a password (`BEGIN PRIVATE KEY`), of ECDSA with P-256.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(pem: &str) -> Result<SigningKey, SupplyError> {
        let unusable = || SupplyError::Unusable {
            what: "the private key",
            reason: "it is no key of ECDSA with P-256 in PEM that begins with -----BEGIN PRIVATE KEY-----"
                .to_owned(),
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unusable())?;
        EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            der.secret_pkcs8_der(),
            &SystemRandom::new(),
        )
        .map(SigningKey)
        .map_err(|_| unusable())
    }

    /// The signature of a message, in base64.
    ///
    /// # Errors
    /// If the machine has no randomness to give.
    pub fn sign(&self, message: &[u8]) -> Result<String, SupplyError> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| SupplyError::Unusable {
            what: "the private key",
            reason: "nothing could be signed with it".to_owned(),
        })?;
        Ok(BASE64.encode(signature.as_ref()))
    }

    /// The image that says, as cosign does, that the image of a digest is signed, and its tag.
    pub(crate) fn image(&self, of: &Reference, of_digest: &str) -> Result<(String, Image), SupplyError> {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": format!("{}/{}", of.registry, of.repository)},
                "image": {"docker-manifest-digest": of_digest},
                "type": KIND,
            },
            "optional": null,
        });
        let payload = payload.to_string().into_bytes();
        let config = json!({
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(&payload)]},
        });
        let config = config.to_string().into_bytes();
        let describe = |media_type: &str, bytes: &[u8], annotations| Descriptor {
            media_type: media_type.to_owned(),
            digest: digest(bytes),
            size: bytes.len() as u64,
            annotations,
            platform: None,
        };
        let signature = BTreeMap::from([(SIGNATURE.to_owned(), self.sign(&payload)?)]);
        let manifest = Manifest {
            schema_version: 2,
            media_type: OCI_MANIFEST.to_owned(),
            config: describe(OCI_CONFIG, &config, BTreeMap::new()),
            layers: vec![describe(PAYLOAD, &payload, signature)],
            annotations: BTreeMap::new(),
        };
        let manifest = serde_json::to_vec(&manifest)
            .map_err(|error| SupplyError::form("the signature", error.to_string()))?;
        let blobs = [config, payload].map(|bytes| (digest(&bytes), bytes)).to_vec();
        Ok((tag(of_digest), Image { digest: digest(&manifest), manifest, form: Form::Artifact, blobs }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A key and its public half, in PEM.
    pub(crate) fn pair() -> (SigningKey, String) {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        (SigningKey::parse(&key.serialize_pem()).unwrap(), key.public_key_pem())
    }

    #[test]
    fn keys_of_every_kind_verify_what_they_signed_and_nothing_else() {
        let (key, public) = pair();
        let public = PublicKey::parse(&public).unwrap();
        let signature = key.sign(b"a module").unwrap();
        assert!(public.has_signed_as(b"a module", format!("{signature}\n").as_bytes()));
        assert!(!public.has_signed_as(b"another module", signature.as_bytes()));
        assert!(!public.has_signed_as(b"a module", b"no base64!"));
        let other = PublicKey::parse(&pair().1).unwrap();
        assert!(!other.has_signed_as(b"a module", signature.as_bytes()));
        for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            assert!(PublicKey::parse(&key.public_key_pem()).is_ok());
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_none_is_shown() {
        let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for text in
            ["", "hello", private.as_str(), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
        {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
        assert!(SigningKey::parse(&pair().1).is_err());
        assert!(format!("{:?}", pair().0).len() < 20);
    }
}
