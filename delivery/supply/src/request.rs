//! What is to be fetched: where it is, what it must be, who asks, and when the cache is believed.

use crate::credentials::Credentials;
use crate::reach::Reach;
use crate::reference::ModuleUrl;
use crate::settings::Limits;
use crate::signature::PublicKey;

/// When what is known of a URL is believed without asking whoever has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// As [`Policy::Always`] of an image whose tag is written as `latest`, as [`Policy::IfNotPresent`] of everything else.
    #[default]
    Unspecified,
    /// Always.
    IfNotPresent,
    /// Only for the version of a document for which it was fetched.
    Always,
}

/// What is to be fetched, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it is.
    pub url: ModuleUrl,
    /// A SHA-256 in hexadecimal that it must have. Of an image: that of its index, of its manifest or of its module; of
    /// a URL: that of the module or of what is downloaded. Default: any.
    pub sha256: Option<String>,
    /// When what is known is believed.
    pub policy: Policy,
    /// The document that asks, and its version.
    pub asked_by: Option<(String, String)>,
    /// Who asks.
    pub credentials: Credentials,
    /// The keys that it must be signed by, by each of them. Default: none.
    pub keys: Vec<PublicKey>,
    /// Bounds.
    pub limits: Limits,
    /// What may be asked.
    pub reach: Reach,
}

impl Request {
    /// Of a module at a URL, where nothing else is asked for.
    pub fn new(url: ModuleUrl) -> Request {
        Request {
            url,
            sha256: None,
            policy: Policy::default(),
            asked_by: None,
            credentials: Credentials::default(),
            keys: Vec::new(),
            limits: Limits::default(),
            reach: Reach::default(),
        }
    }

    /// The policy, where nothing is said too.
    pub(crate) fn policy_in_force(&self) -> Policy {
        match (&self.url, self.policy) {
            (ModuleUrl::Image(reference), Policy::Unspecified)
                if reference.tag.as_deref() == Some("latest") && !reference.is_tag_implied =>
            {
                Policy::Always
            }
            (_, policy) => policy,
        }
    }
}
