//! Where a module is: references of images as Docker reads them, and URLs as documents have them.

use std::fmt;

use url::Url;

use crate::error::SupplyError;

/// The registry that a reference without one means.
const DOCKER_HUB: &str = "docker.io";

/// The tag that a reference without a tag and without a digest means.
const LATEST: &str = "latest";

/// How long the name of a repository may be.
const MAX_REPOSITORY: usize = 255;

/// A reference of an image: a registry, a repository in it, and which image of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The registry's host, with a port if it is written.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The tag; absent where only a digest is written.
    pub tag: Option<String>,
    /// The digest, as `sha256:` and 64 hex digits; it goes before the tag.
    pub digest: Option<String>,
    /// Whether neither is written, so that the tag is `latest` by Docker's rule alone.
    pub(crate) is_tag_implied: bool,
}

impl Reference {
    /// Reads a reference as Docker does: without a registry it is Docker Hub's, without a tag `latest`. `oci://` may
    /// stand in front.
    ///
    /// # Errors
    /// If it is none; the message says which part is wrong.
    pub fn parse(text: &str) -> Result<Reference, SupplyError> {
        let wrong =
            |reason: &str| SupplyError::Reference { text: text.to_owned(), reason: reason.to_owned() };
        let rest = text.strip_prefix("oci://").unwrap_or(text);
        if let Some((scheme, _)) = rest.split_once("://") {
            return Err(wrong(&format!("an image is at oci://HOST/NAME:TAG, not at {scheme}://")));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest, None),
        };
        if let Some(digest) = digest
            && !is_digest(digest)
        {
            return Err(wrong("after `@` comes `sha256:` and 64 hex digits in lower case"));
        }
        let (registry, path) = match rest.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path),
            _ => (DOCKER_HUB, rest),
        };
        if registry != DOCKER_HUB && Url::parse(&format!("https://{registry}/")).is_err() {
            return Err(wrong("what stands before the first `/` is no host"));
        }
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(wrong(
                "a tag is up to 128 letters, digits, `_`, `.` and `-`, and begins with neither `.` nor `-`",
            ));
        }
        let is_named = repository.len() <= MAX_REPOSITORY && repository.split('/').all(is_component);
        if !is_named {
            return Err(wrong(
                "a repository's name is parts of lower-case letters and digits, with `.`, `_`, `__` or `-` between, and \
                 `/` between the parts",
            ));
        }
        let is_official = registry == DOCKER_HUB && !repository.contains('/');
        let repository = if is_official { format!("library/{repository}") } else { repository.to_owned() };
        let is_tag_implied = tag.is_none() && digest.is_none();
        let tag = tag.map(str::to_owned).or_else(|| is_tag_implied.then(|| LATEST.to_owned()));
        let registry = if registry == "index.docker.io" { DOCKER_HUB } else { registry };
        let digest = digest.map(str::to_owned);
        Ok(Reference { registry: registry.to_owned(), repository, tag, digest, is_tag_implied })
    }

    /// The host that answers for the registry.
    pub(crate) fn host(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }

    /// What is asked for: the digest, else the tag.
    pub(crate) fn wanted(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or(LATEST)
    }

    /// The same repository's image of another tag.
    pub(crate) fn with_tag(&self, tag: String) -> Reference {
        Reference { tag: Some(tag), digest: None, is_tag_implied: false, ..self.clone() }
    }

    /// The same repository's image of a digest.
    pub(crate) fn with_digest(&self, digest: &str) -> Reference {
        Reference { digest: Some(digest.to_owned()), ..self.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(out, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(out, "@{digest}"))
    }
}

/// Where a module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleUrl {
    /// In an image of a registry.
    Image(Reference),
    /// At an `http://` or `https://` URL.
    Web(Url),
    /// In a file of this machine.
    File(String),
}

impl ModuleUrl {
    /// Reads the URL of a document. Without a scheme it is an image.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<ModuleUrl, SupplyError> {
        let wrong = |reason: String| SupplyError::Reference { text: text.to_owned(), reason };
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => return Reference::parse(text).map(ModuleUrl::Image),
        };
        match (scheme.as_str(), rest) {
            ("oci", rest) => Reference::parse(rest).map(ModuleUrl::Image),
            ("file", path) if !path.is_empty() => Ok(ModuleUrl::File(path.to_owned())),
            ("http" | "https", _) => match Url::parse(text) {
                Ok(url) if url.has_host() => Ok(ModuleUrl::Web(url)),
                Ok(_) => Err(wrong("it has no host".to_owned())),
                Err(error) => Err(wrong(error.to_string())),
            },
            ("file", _) => Err(wrong("write the path after file://".to_owned())),
            (scheme, _) => {
                Err(wrong(format!("{scheme}:// is none of oci://, https://, http:// and file://")))
            }
        }
    }
}

impl fmt::Display for ModuleUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModuleUrl::Image(reference) => reference.fmt(out),
            ModuleUrl::Web(url) => without_secrets(url).fmt(out),
            ModuleUrl::File(path) => write!(out, "file://{path}"),
        }
    }
}

/// A URL without a password in it and without its query, where tokens stand.
pub(crate) fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    // A URL with a host takes both.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    if shown.query().is_some() {
        shown.set_query(Some("…"));
    }
    String::from(shown).replace("?%E2%80%A6", "?…")
}

/// Whether a text is `sha256:` and 64 hex digits in lower case.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(is_hex)
}

/// Whether a text is the hexadecimal of a SHA-256.
pub(crate) fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Docker's rule for what stands before the first `/`: a host has a dot or a port, or is this machine.
fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost" || text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    bytes.len() <= 128
        && bytes.first().is_some_and(|byte| is_word(*byte))
        && bytes.iter().all(|byte| is_word(*byte) || matches!(byte, b'.' | b'-'))
}

/// Letters and digits, with one `.`, one or two `_`, or any number of `-` between.
fn is_component(text: &str) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    is_plain(first)
        && is_plain(last)
        && bytes
            .split(is_plain)
            .all(|between| matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|b| *b == b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn references_are_read_as_docker_does() {
        for (text, expected) in [
            ("ghcr.io/acme/guard:1.2", "oci://ghcr.io/acme/guard:1.2"),
            ("oci://ghcr.io/acme/guard", "oci://ghcr.io/acme/guard:latest"),
            ("guard", "oci://docker.io/library/guard:latest"),
            ("acme/guard:1", "oci://docker.io/acme/guard:1"),
            ("oci://localhost:5000/a", "oci://localhost:5000/a:latest"),
            ("localhost/a", "oci://localhost/a:latest"),
            ("index.docker.io/acme/guard", "oci://docker.io/acme/guard:latest"),
            ("[::1]:5000/a/b__c-d.e:V_1", "oci://[::1]:5000/a/b__c-d.e:V_1"),
        ] {
            assert_eq!(Reference::parse(text).map(|found| found.to_string()).ok().as_deref(), Some(expected));
        }
        let pinned = Reference::parse(&format!("h.io/a:1@{DIGEST}")).unwrap();
        assert_eq!((pinned.tag.as_deref(), pinned.wanted()), (Some("1"), DIGEST));
        let pinned = Reference::parse(&format!("h.io/a@{DIGEST}")).unwrap();
        assert_eq!((pinned.tag.as_deref(), pinned.digest.as_deref()), (None, Some(DIGEST)));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "h.io/",
            "h.io/A",
            "h.io/a:",
            "h.io/a:-x",
            "h.io/a..b",
            "h.io/a_",
            "h.io/a@sha256:12",
            "h.io/a@",
            "http://h.io/a",
            "h.io//a",
            "h.io/a/../b",
            "h.io/a___b",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn urls_are_read_by_their_scheme_and_shown_without_secrets() {
        for (text, expected) in [
            ("ghcr.io/a/b:1", Some("oci://ghcr.io/a/b:1")),
            ("https://u:p@h.io/a.wasm?token=x", Some("https://h.io/a.wasm?…")),
            ("http://h.io/a.wasm", Some("http://h.io/a.wasm")),
            ("file:///opt/a.wasm", Some("file:///opt/a.wasm")),
            ("file://", None),
            ("HTTPS://h.io/a.wasm", Some("https://h.io/a.wasm")),
            ("OCI://h.io/a:1", Some("oci://h.io/a:1")),
            ("ftp://h.io/a", None),
            ("https://", None),
        ] {
            assert_eq!(ModuleUrl::parse(text).map(|url| url.to_string()).ok().as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_means_itself(text in "\\PC{0,40}|[a-z0-9./:@_-]{0,60}") {
            if let Ok(read) = Reference::parse(&text) {
                let again = Reference::parse(&read.to_string()).unwrap();
                prop_assert_eq!(Reference { is_tag_implied: read.is_tag_implied, ..again }, read);
            }
        }
    }
}
