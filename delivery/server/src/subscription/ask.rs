//! A request, as both flavours of the protocol have it.

use crate::resource::Version;
use crate::wire::{DeltaDiscoveryRequest, DiscoveryRequest};

/// A request of a proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The type that it is about.
    pub type_url: String,
    /// The response that it answers; none: it is no answer.
    pub nonce: Option<u64>,
    /// Why that response was refused, in the proxy's words.
    pub error: Option<String>,
    /// What is wanted.
    pub wants: Wants,
}

/// What a request wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Wants {
    /// These and no others.
    All {
        /// Their names; none: everything, of types of which that can be asked.
        names: Vec<String>,
        /// What the proxy has of an earlier stream.
        version: Option<Version>,
    },
    /// These too, and those no more.
    Change {
        /// From now on.
        subscribe: Vec<String>,
        /// No more.
        unsubscribe: Vec<String>,
        /// What the proxy has of an earlier stream; none: a version that is not ours.
        has: Vec<(String, Option<Version>)>,
    },
}

impl Ask {
    /// Every name in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        let (one, two, three): (&[_], &[_], &[_]) = match &self.wants {
            Wants::All { names, .. } => (names, &[], &[]),
            Wants::Change { subscribe, unsubscribe, has } => (subscribe, unsubscribe, has),
        };
        one.iter().chain(two).chain(three.iter().map(|(name, _): &(String, Option<Version>)| name))
    }
}

/// A nonce that is none of ours answers nothing.
fn nonce(text: &str) -> Option<u64> {
    (!text.is_empty()).then(|| text.parse().unwrap_or(0))
}

impl From<DiscoveryRequest> for Ask {
    fn from(request: DiscoveryRequest) -> Ask {
        Ask {
            nonce: nonce(&request.response_nonce),
            error: request.error_detail.map(|status| status.message),
            wants: Wants::All {
                names: request.resource_names,
                version: Version::parse(&request.version_info),
            },
            type_url: request.type_url,
        }
    }
}

impl From<DeltaDiscoveryRequest> for Ask {
    fn from(request: DeltaDiscoveryRequest) -> Ask {
        let has = request.initial_resource_versions.into_iter();
        Ask {
            nonce: nonce(&request.response_nonce),
            error: request.error_detail.map(|status| status.message),
            wants: Wants::Change {
                subscribe: request.resource_names_subscribe,
                unsubscribe: request.resource_names_unsubscribe,
                has: has.map(|(name, version)| (name, Version::parse(&version))).collect(),
            },
            type_url: request.type_url,
        }
    }
}
