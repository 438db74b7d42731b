//! Fetches a module: from the cache where its policy allows, else from where it is, held to every pin and key.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use url::Url;

use crate::Listener;
use crate::cache::{Cache, Known};
use crate::digest::hex;
use crate::error::SupplyError;
use crate::image::Image;
use crate::manifest::{Document, Form, Manifest};
use crate::reference::{ModuleUrl, Reference, is_hex};
use crate::registry::Registry;
use crate::request::{Policy, Request};
use crate::settings::Settings;
use crate::signature::{self, PublicKey, SigningKey};
use crate::transport::{Ask, Transport};
use crate::{Progress, unpack};

/// How long a signature's file may be.
const MAX_SIGNATURE: u64 = 64 * 1024;

/// A module, and what is known of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is in the cache. It stays there for as long as the [`Supply`] does.
    pub path: PathBuf,
    /// The module.
    pub bytes: Vec<u8>,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The SHA-256 of the image's manifest, in hexadecimal.
    pub manifest: Option<String>,
    /// That of the index that led there.
    pub index: Option<String>,
    /// How it was put into what was fetched, in words.
    pub form: String,
    /// What the image's manifest says of it.
    pub annotations: BTreeMap<String, String>,
    /// Whether anybody was asked for the module itself, or it was in the cache.
    pub is_downloaded: bool,
    /// The fingerprints of the keys that were asked for, all of which it is signed by.
    pub signed_by: Vec<String>,
    /// Which digest the pin was, if there was one, in words.
    pub pinned: Option<&'static str>,
}

impl fmt::Debug for Fetched {
    /// Without the module itself, which would fill a log.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Fetched")
            .field("path", &self.path)
            .field("bytes", &self.bytes.len())
            .field("form", &self.form)
            .field("is_downloaded", &self.is_downloaded)
            .finish_non_exhaustive()
    }
}

/// Fetches and keeps modules.
#[derive(Debug)]
pub struct Supply {
    cache: Cache,
    settings: Settings,
}

impl Supply {
    /// With a cache in a directory, which other processes may use too.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(directory: &Path, settings: Settings) -> Result<Supply, SupplyError> {
        Ok(Supply { cache: Cache::open(directory, settings.cache_bytes)?, settings })
    }

    /// Fetches a module.
    ///
    /// # Errors
    /// If it cannot be had, or is not what is asked for; [`SupplyError::is_transient`] says whether that may pass.
    pub async fn fetch(&self, request: &Request, listener: &Listener<'_>) -> Result<Fetched, SupplyError> {
        let wanted = request.sha256.as_deref().map(|text| text.trim_start_matches("sha256:"));
        if let Some(wrong) = wanted.filter(|text| !is_hex(text)) {
            return Err(SupplyError::Unusable {
                what: "the digest",
                reason: format!("{wrong:?} is not a SHA-256: exactly 64 hex digits in lower case"),
            });
        }
        let pin = match &request.url {
            ModuleUrl::Image(reference) => {
                wanted.or(reference.digest.as_deref().map(|digest| digest.trim_start_matches("sha256:")))
            }
            _ => wanted,
        };
        let asked = match &request.url {
            ModuleUrl::File(path) => return self.file(request, path, pin),
            ModuleUrl::Image(reference) => Registry::base(reference, &self.settings)?,
            ModuleUrl::Web(url) => url.clone(),
        };
        // What may not be asked may not be had either, whoever else has asked for it.
        request.reach.check(&asked)?;
        if let Some(found) = self.cached(request, pin)? {
            return Ok(found);
        }
        let transport = Transport::new(&self.settings, request.limits, &request.reach, listener)?;
        match &request.url {
            ModuleUrl::Image(reference) => self.image(request, reference, pin, &transport).await,
            _ => self.web(request, &asked, pin, &transport).await,
        }
    }

    /// What the cache has, where the policy lets it be believed.
    fn cached(&self, request: &Request, pin: Option<&str>) -> Result<Option<Fetched>, SupplyError> {
        let known = match pin {
            Some(pin) => self.cache.known(&of_digest(pin)),
            None => self.cache.known(&of_url(&request.url)).filter(|known| match request.policy_in_force() {
                Policy::Always => request
                    .asked_by
                    .as_ref()
                    .is_some_and(|(document, version)| known.versions.get(document) == Some(version)),
                _ => true,
            }),
        };
        let Some(known) = known else { return Ok(None) };
        let is_signed = request.keys.iter().all(|key| known.keys.iter().any(|one| one == key.fingerprint()));
        // A digest in the URL is one of the image, whatever else is pinned.
        let is_image = match &request.url {
            ModuleUrl::Image(Reference { digest: Some(digest), .. }) => {
                let digest = digest.trim_start_matches("sha256:");
                [&known.manifest, &known.index].into_iter().flatten().any(|one| one == digest)
            }
            _ => true,
        };
        if !is_signed || !is_image {
            return Ok(None);
        }
        let Some((path, bytes)) = self.cache.module(&known.module)? else { return Ok(None) };
        within(&bytes, request)?;
        Ok(Some(found(known, path, bytes, request, pin, false)))
    }

    async fn image(
        &self,
        request: &Request,
        reference: &Reference,
        pin: Option<&str>,
        transport: &Transport<'_>,
    ) -> Result<Fetched, SupplyError> {
        let registry = Registry::new(transport, reference, &request.credentials, &self.settings, "pull")?;
        transport.tell(Progress::Step(&format!("asking for {reference}")));
        let found_image = Found::of(&registry, reference, transport).await?;
        let (layer, form) = found_image.manifest.module(&reference.to_string())?;
        for key in &request.keys {
            signature::check(&registry, reference, &found_image.digests(), key).await?;
        }
        let bare = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
        let manifest_hex = bare(&found_image.digest);
        let mut known = Known {
            manifest: Some(manifest_hex.clone()),
            index: found_image.index.as_deref().map(bare),
            form: form.words().to_owned(),
            annotations: found_image.manifest.annotations.clone(),
            ..Known::default()
        };
        // The same image may have been fetched by another name.
        let before = self.cache.known(&of_digest(&manifest_hex));
        let kept = before.map(|before| self.cache.module(&before.module)).transpose()?.flatten();
        let is_downloaded = kept.is_none();
        let bytes = match kept {
            Some((_, bytes)) => bytes,
            None => {
                let what = format!("the layer of {reference}");
                let blob = registry.blob(layer, request.limits.download).await?;
                match form {
                    Form::Image => unpack::from_layer(&what, &blob, request.limits.unpacked)?,
                    _ => {
                        unpack::module(&what, &blob)?;
                        blob
                    }
                }
            }
        };
        known.module = hex(&bytes);
        self.keep(request, known, bytes, pin, is_downloaded)
    }

    async fn web(
        &self,
        request: &Request,
        url: &Url,
        pin: Option<&str>,
        transport: &Transport<'_>,
    ) -> Result<Fetched, SupplyError> {
        let what = request.url.to_string();
        transport.tell(Progress::Step(&format!("fetching {what}")));
        let mut ask = Ask::get(url.clone(), what.clone(), request.limits.download);
        ask.is_told = true;
        let answer = transport.ask(&ask).await?;
        if !answer.status.is_success() {
            return Err(answer.failure(&what));
        }
        let download = hex(&answer.body);
        // Who signs a file signs it as it is there, compressed or not.
        let whole = if request.keys.is_empty() { Vec::new() } else { answer.body.clone() };
        let bytes = unpack::from_body(&what, answer.body, request.limits.unpacked)?;
        let known = Known {
            module: hex(&bytes),
            download: Some(download),
            form: "a file of a web server".to_owned(),
            ..Known::default()
        };
        if !request.keys.is_empty() {
            let mut beside = url.clone();
            beside.set_path(&format!("{}.sig", url.path()));
            let ask = Ask::get(beside, format!("the signature of {what}"), MAX_SIGNATURE);
            let answer = transport.ask(&ask).await?;
            let not = |reason: &str| SupplyError::Signature { what: what.clone(), reason: reason.to_owned() };
            if !answer.status.is_success() {
                return Err(not(
                    "beside it there is no file of its name and .sig, as `cosign sign-blob` writes it",
                ));
            }
            let is_by = |key: &PublicKey| {
                key.has_signed_as(&bytes, &answer.body) || key.has_signed_as(&whole, &answer.body)
            };
            if !request.keys.iter().all(is_by) {
                return Err(not("what is in its .sig is by another key, or of another module"));
            }
        }
        self.keep(request, known, bytes, pin, true)
    }

    fn file(&self, request: &Request, path: &str, pin: Option<&str>) -> Result<Fetched, SupplyError> {
        let file = Path::new(path);
        let metadata = fs::metadata(file).map_err(SupplyError::io("reading", file))?;
        // A pipe or a device might never end.
        if !metadata.is_file() {
            return Err(SupplyError::form(path, "it is no file"));
        }
        if metadata.len() > request.limits.unpacked {
            return Err(SupplyError::TooLarge { what: path.to_owned(), limit: request.limits.unpacked });
        }
        let bytes = fs::read(file).map_err(SupplyError::io("reading", file))?;
        unpack::module(path, &bytes)?;
        if !request.keys.is_empty() {
            let signature = fs::read(format!("{path}.sig")).unwrap_or_default();
            if !request.keys.iter().all(|key| key.has_signed_as(&bytes, &signature)) {
                return Err(SupplyError::Signature {
                    what: path.to_owned(),
                    reason: format!("{path}.sig is not there, or by another key, or of another module"),
                });
            }
        }
        let known = Known { module: hex(&bytes), form: "a file".to_owned(), ..Known::default() };
        self.keep(request, known, bytes, pin, false)
    }

    /// Holds a module to its pin, keeps it, and notes what stands for it.
    fn keep(
        &self,
        request: &Request,
        mut known: Known,
        bytes: Vec<u8>,
        pin: Option<&str>,
        is_downloaded: bool,
    ) -> Result<Fetched, SupplyError> {
        if let Some(pin) = pin
            && !known.digests().any(|digest| digest == pin)
        {
            let names =
                [("index", &known.index), ("manifest", &known.manifest), ("download", &known.download)];
            let mut found: Vec<String> = names
                .into_iter()
                .filter_map(|(name, digest)| Some(format!("{} ({name})", digest.as_ref()?)))
                .collect();
            found.push(format!("{} (module)", known.module));
            let (what, wanted) = (request.url.to_string(), pin.to_owned());
            return Err(SupplyError::Digest { what, wanted, found: found.join(", ") });
        }
        within(&bytes, request)?;
        let path = self.cache.store(&bytes)?;
        known.keys = request.keys.iter().map(|key| key.fingerprint().to_owned()).collect();
        let digests: Vec<String> = known.digests().map(|digest| of_digest(digest)).collect();
        self.cache.note(&known, digests)?;
        if !matches!(request.url, ModuleUrl::File(_)) {
            // Only now, so that what failed is tried again for the same version.
            known.versions.extend(request.asked_by.clone());
            self.cache.note(&known, [of_url(&request.url)])?;
        }
        Ok(found(known, path, bytes, request, pin, is_downloaded))
    }

    /// Pushes an image, signs it if there is a key, and gives what it is called by its digest.
    ///
    /// # Errors
    /// If the registry does not take it. Until all of it is there, nobody sees any of it.
    pub async fn push(
        &self,
        image: &Image,
        request: &Request,
        key: Option<&SigningKey>,
        listener: &Listener<'_>,
    ) -> Result<Reference, SupplyError> {
        let wrong = |reason: &str| SupplyError::Reference {
            text: request.url.to_string(),
            reason: reason.to_owned(),
        };
        let ModuleUrl::Image(reference) = &request.url else {
            return Err(wrong("images are pushed to oci://HOST/NAME:TAG"));
        };
        if reference.digest.is_some() {
            return Err(wrong("a digest says what something is, not what it is called: push to a tag"));
        }
        let transport = Transport::new(&self.settings, request.limits, &request.reach, listener)?;
        let pinned = reference.with_digest(&image.digest);
        if let Some(key) = key {
            // First, so that whoever sees the image sees that it is signed.
            let (tag, signature) = key.image(reference, &image.digest)?;
            let beside = reference.with_tag(tag);
            let registry =
                Registry::new(&transport, &beside, &request.credentials, &self.settings, "pull,push")?;
            registry.push(&signature).await?;
        }
        let registry =
            Registry::new(&transport, reference, &request.credentials, &self.settings, "pull,push")?;
        registry.push(image).await?;
        Ok(pinned)
    }
}

/// An image that was found.
struct Found {
    manifest: Manifest,
    digest: String,
    index: Option<String>,
}

impl Found {
    async fn of(
        registry: &Registry<'_>,
        reference: &Reference,
        transport: &Transport<'_>,
    ) -> Result<Found, SupplyError> {
        let first = registry.manifest(reference.wanted()).await?;
        let index = match first.document {
            Document::Image(manifest) => return Ok(Found { manifest, digest: first.digest, index: None }),
            Document::Index(index) => index,
        };
        let what = reference.to_string();
        let (child, why) = index.choose(&what)?;
        transport.tell(Progress::Step(&format!("{what} is an index; {why} is taken")));
        let second = registry.manifest(&child.digest).await?;
        match second.document {
            Document::Image(manifest) => {
                Ok(Found { manifest, digest: second.digest, index: Some(first.digest) })
            }
            Document::Index(_) => {
                Err(SupplyError::form(format!("the index of {what}"), "it leads to another index"))
            }
        }
    }

    /// Every digest that a signature may be of.
    fn digests(&self) -> Vec<&str> {
        std::iter::once(self.digest.as_str()).chain(self.index.as_deref()).collect()
    }
}

/// Holds a module to what it may have.
fn within(module: &[u8], request: &Request) -> Result<(), SupplyError> {
    let limit = request.limits.module.min(request.limits.unpacked);
    if module.len() as u64 > limit {
        return Err(SupplyError::TooLarge { what: format!("the module of {}", request.url), limit });
    }
    Ok(())
}

fn of_digest(digest: &str) -> String {
    format!("sha256 {digest}")
}

/// The whole URL: what stands in its query may decide what it leads to.
fn of_url(url: &ModuleUrl) -> String {
    match url {
        ModuleUrl::Web(url) => format!("url {}", hex(url.as_str().as_bytes())),
        url => format!("url {url}"),
    }
}

fn found(
    known: Known,
    path: PathBuf,
    bytes: Vec<u8>,
    request: &Request,
    pin: Option<&str>,
    is_downloaded: bool,
) -> Fetched {
    let is = |digest: &Option<String>| digest.as_deref() == pin;
    let pinned = pin.map(|pin| match pin {
        pin if known.module == pin => "the module's own",
        _ if is(&known.manifest) => "that of the image's manifest",
        _ if is(&known.index) => "that of the image's index",
        _ => "that of the download",
    });
    Fetched {
        path,
        bytes,
        sha256: known.module,
        manifest: known.manifest,
        index: known.index,
        form: known.form,
        annotations: known.annotations,
        is_downloaded,
        signed_by: request.keys.iter().map(|key| key.fingerprint().to_owned()).collect(),
        pinned,
    }
}
