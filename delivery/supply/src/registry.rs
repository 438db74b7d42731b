//! A registry's protocol, as far as images of modules need it: tokens, manifests, blobs.

use std::sync::Mutex;

use data_encoding::BASE64;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::Progress;
use crate::challenge::{Challenge, challenges};
use crate::credentials::{Credentials, Login};
use crate::digest::digest;
use crate::error::SupplyError;
use crate::image::Image;
use crate::manifest::{self, ACCEPTED, Descriptor, Document, MAX_MANIFEST, OCI_MANIFEST};
use crate::reach;
use crate::reference::Reference;
use crate::settings::Settings;
use crate::transport::{Answer, Ask, Transport};

/// How long an answer with a token may be.
const MAX_TOKEN: u64 = 1 << 20;

/// A registry, for one repository of it.
pub(crate) struct Registry<'a> {
    transport: &'a Transport<'a>,
    reference: &'a Reference,
    base: Url,
    login: Option<Login>,
    /// What is asked for in a token where the registry does not say.
    actions: &'static str,
    /// What says who asks, once the registry wanted to know.
    authorization: Mutex<Option<HeaderValue>>,
}

/// A manifest as it was fetched.
pub(crate) struct Fetched {
    pub document: Document,
    pub digest: String,
}

impl<'a> Registry<'a> {
    pub(crate) fn new(
        transport: &'a Transport<'a>,
        reference: &'a Reference,
        credentials: &Credentials,
        settings: &Settings,
        actions: &'static str,
    ) -> Result<Registry<'a>, SupplyError> {
        let base = Registry::base(reference, settings)?;
        let login = credentials.login(&reference.registry, &reference.repository)?;
        let authorization = Mutex::new(None);
        Ok(Registry { transport, reference, base, login, actions, authorization })
    }

    /// Where a repository is.
    pub(crate) fn base(reference: &Reference, settings: &Settings) -> Result<Url, SupplyError> {
        let wrong = |reason: String| SupplyError::Reference { text: reference.to_string(), reason };
        let host = reference.host();
        let name = |scheme: &str| Url::parse(&format!("{scheme}://{host}/v2/"));
        let secure = name("https").map_err(|error| wrong(error.to_string()))?;
        let (server, port) = (secure.host_str().unwrap_or_default(), secure.port());
        let is_plain = settings.plain_http.iter().any(|entry| reach::matches(entry, server, port));
        let base = if is_plain { name("http").map_err(|error| wrong(error.to_string()))? } else { secure };
        base.join(&format!("{}/", reference.repository)).map_err(|error| wrong(error.to_string()))
    }

    fn url(&self, path: &str) -> Result<Url, SupplyError> {
        self.base.join(path).map_err(|error| SupplyError::Reference {
            text: self.reference.to_string(),
            reason: error.to_string(),
        })
    }

    /// Asks, and says who asks if the registry wants to know.
    async fn ask(&self, mut ask: Ask) -> Result<Answer, SupplyError> {
        let known = self.authorization.lock().ok().and_then(|known| known.clone());
        if let Some(known) = known {
            ask.headers.insert(AUTHORIZATION, known);
        }
        let answer = self.transport.ask(&ask).await?;
        // Only the registry itself is told who asks, not whom it leads to.
        if answer.status != StatusCode::UNAUTHORIZED || answer.url.origin() != ask.url.origin() {
            return Ok(answer);
        }
        let Some(value) = self.authorize(&answer, &ask.what).await? else { return Ok(answer) };
        if let Ok(mut known) = self.authorization.lock() {
            *known = Some(value.clone());
        }
        ask.headers.insert(AUTHORIZATION, value);
        self.transport.ask(&ask).await
    }

    /// What says who asks, in the way that a registry wants it; none: nothing is known that it wants.
    async fn authorize(&self, answer: &Answer, what: &str) -> Result<Option<HeaderValue>, SupplyError> {
        let values = answer.headers.get_all(WWW_AUTHENTICATE);
        let wanted: Vec<Challenge> =
            values.iter().filter_map(|value| value.to_str().ok()).flat_map(challenges).collect();
        for challenge in wanted {
            let value = match (challenge, &self.login) {
                (Challenge::Bearer { .. }, Some(Login::Token(token))) => format!("Bearer {token}"),
                (Challenge::Bearer { realm, service, scope }, _) => {
                    format!("Bearer {}", self.token(&realm, service, scope, what).await?)
                }
                (Challenge::Basic, Some(Login::Password { user, password })) => basic(user, password),
                (Challenge::Basic, _) => continue,
            };
            return secret(&value).map(Some);
        }
        Ok(None)
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
        what: &str,
    ) -> Result<String, SupplyError> {
        let form = |reason: String| {
            SupplyError::form(format!("where {} hands out tokens", self.reference.registry), reason)
        };
        let mut url = Url::parse(realm).map_err(|error| form(format!("{realm:?}: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(form(format!("{realm:?} is no URL of HTTP")));
        }
        if self.base.scheme() == "https" && url.scheme() == "http" {
            return Err(form(format!("{realm:?} is plain HTTP, and the registry is not")));
        }
        let scope =
            scope.unwrap_or_else(|| format!("repository:{}:{}", self.reference.repository, self.actions));
        let what = format!("a token for {what}");
        let mut ask = match &self.login {
            Some(Login::Identity(token)) => {
                let mut fields = url::form_urlencoded::Serializer::new(String::new());
                fields.append_pair("grant_type", "refresh_token");
                fields.append_pair("client_id", "burgee");
                fields.append_pair("refresh_token", token);
                fields.append_pair("scope", &scope);
                service.iter().for_each(|service| {
                    fields.append_pair("service", service);
                });
                let mut ask = Ask::get(url, what.clone(), MAX_TOKEN);
                ask.method = Method::POST;
                ask.body = fields.finish().into_bytes();
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                ask.headers.insert(CONTENT_TYPE, form);
                ask
            }
            _ => {
                url.query_pairs_mut().append_pair("scope", &scope);
                service.iter().for_each(|service| {
                    url.query_pairs_mut().append_pair("service", service);
                });
                Ask::get(url, what.clone(), MAX_TOKEN)
            }
        };
        if let Some(Login::Password { user, password }) = &self.login {
            ask.headers.insert(AUTHORIZATION, secret(&basic(user, password))?);
        }
        let answer = self.transport.ask(&ask).await?;
        if !answer.status.is_success() {
            return Err(answer.failure(&what));
        }
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        // What the parser says could show a part of the token.
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| form("it does not answer with a token in JSON".to_owned()))?;
        token.token.or(token.access_token).ok_or_else(|| form("it answers without a token".to_owned()))
    }

    /// The manifest or index of a tag or a digest, which it is held to.
    pub(crate) async fn manifest(&self, wanted: &str) -> Result<Fetched, SupplyError> {
        let what = match wanted.starts_with("sha256:") {
            true => self.reference.with_digest(wanted).to_string(),
            false => self.reference.with_tag(wanted.to_owned()).to_string(),
        };
        let mut ask = Ask::get(self.url(&format!("manifests/{wanted}"))?, what.clone(), MAX_MANIFEST);
        ask.headers.insert(
            ACCEPT,
            HeaderValue::from_str(&ACCEPTED.join(", ")).unwrap_or(HeaderValue::from_static("*/*")),
        );
        let answer = self.ask(ask).await?;
        if !answer.status.is_success() {
            return Err(answer.failure(&what));
        }
        let found = digest(&answer.body);
        if wanted.starts_with("sha256:") && wanted != found {
            return Err(SupplyError::Digest {
                what: format!("the manifest of {what}"),
                wanted: wanted.to_owned(),
                found,
            });
        }
        let document = manifest::read(&what, &answer.body, answer.media_type())?;
        Ok(Fetched { document, digest: found })
    }

    /// A blob, which is held to its digest and size.
    pub(crate) async fn blob(&self, blob: &Descriptor, limit: u64) -> Result<Vec<u8>, SupplyError> {
        let what = format!("a layer of {}", self.reference);
        if blob.size > limit {
            return Err(SupplyError::TooLarge { what: format!("{what} ({} bytes)", blob.size), limit });
        }
        let mut ask = Ask::get(self.url(&format!("blobs/{}", blob.digest))?, what.clone(), blob.size);
        ask.least = blob.size;
        ask.is_told = true;
        let answer = self.ask(ask).await?;
        if !answer.status.is_success() {
            return Err(answer.failure(&what));
        }
        let found = digest(&answer.body);
        if found != blob.digest {
            return Err(SupplyError::Digest { what, wanted: blob.digest.clone(), found });
        }
        Ok(answer.body)
    }

    /// Pushes an image, what it refers to first, so that nobody sees a part of it.
    pub(crate) async fn push(&self, image: &Image) -> Result<(), SupplyError> {
        for (digest, bytes) in &image.blobs {
            self.push_blob(digest, bytes).await?;
        }
        let wanted = self.reference.tag.as_deref().unwrap_or(&image.digest);
        let what = format!("pushing {}", self.reference);
        let mut ask = Ask::get(self.url(&format!("manifests/{wanted}"))?, what.clone(), MAX_MANIFEST);
        ask.method = Method::PUT;
        ask.body.clone_from(&image.manifest);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static(OCI_MANIFEST));
        let answer = self.ask(ask).await?;
        if !answer.status.is_success() {
            return Err(answer.failure(&what));
        }
        match answer.header("docker-content-digest") {
            Some(found) if found != image.digest => Err(SupplyError::Digest {
                what: format!("what the registry took as {}", self.reference),
                wanted: image.digest.clone(),
                found: found.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    async fn push_blob(&self, digest: &str, bytes: &[u8]) -> Result<(), SupplyError> {
        let what = format!("pushing a layer of {}", self.reference);
        let mut ask = Ask::get(self.url(&format!("blobs/{digest}"))?, what.clone(), MAX_MANIFEST);
        ask.method = Method::HEAD;
        if self.ask(ask).await?.status.is_success() {
            self.transport.tell(Progress::Step(&format!("{digest} is there already")));
            return Ok(());
        }
        let mut ask = Ask::get(self.url("blobs/uploads/")?, what.clone(), MAX_MANIFEST);
        ask.method = Method::POST;
        let answer = self.ask(ask).await?;
        if !answer.status.is_success() {
            return Err(answer.failure(&what));
        }
        let form = |reason: String| SupplyError::form(what.clone(), reason);
        let to = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.ok_or_else(|| form("the registry does not say where to".to_owned()))?;
        let mut url = answer.url.join(to).map_err(|error| form(format!("it leads to {to:?}: {error}")))?;
        if url.origin() != self.base.origin() && url.scheme() != "https" {
            return Err(form("the registry leads to another server in plain HTTP".to_owned()));
        }
        url.query_pairs_mut().append_pair("digest", digest);
        self.transport.tell(Progress::Step(&format!("pushing {digest} ({} bytes)", bytes.len())));
        let mut ask = Ask::get(url, what.clone(), MAX_MANIFEST);
        ask.method = Method::PUT;
        ask.body = bytes.to_vec();
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let answer = if ask.url.origin() == self.base.origin() {
            self.ask(ask).await?
        } else {
            self.transport.ask(&ask).await?
        };
        if answer.status.is_success() { Ok(()) } else { Err(answer.failure(&what)) }
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes()))
}

/// A header that no log shows.
fn secret(value: &str) -> Result<HeaderValue, SupplyError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| SupplyError::Unusable {
        what: "a token or password",
        reason: "it holds what no header can".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}
