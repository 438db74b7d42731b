//! What a server sends beside listeners, as bytes: extension configurations and the clusters of collectors.

use burgee_api::resolve::Effective;

use crate::Options;
use crate::descriptors;
use crate::inline::InlineModule;
use crate::lower::cluster;
use crate::lower::extension::{self, Inlined};
use crate::mark::Before;
use crate::mark::clusters::{Around, marked};
use crate::value::Value;
use crate::view;
use crate::wire::splice::Place;

const EXTENSION: &str = "envoy.config.core.v3.TypedExtensionConfig";

/// The way from an extension configuration to the bytes of a module: `typed_config.value`, in that, of HTTP and of
/// connections alike, `config.vm_config.code.local.inline_bytes`.
const CODE: [u32; 7] = [2, 2, 1, 3, 3, 1, 2];

/// What could not be encoded, which is a fault of ours: documents that are valid are not at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot be encoded as {message}: {cause}")]
pub struct EncodeError {
    /// The resource's name.
    pub name: String,
    /// The full name of the message.
    pub message: &'static str,
    /// What does not fit.
    pub cause: String,
}

/// An encoded `envoy.config.core.v3.TypedExtensionConfig`. Where a module's bytes are part of it, they are put in when they
/// are asked for, and not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedExtension {
    /// The resource's name, which listeners refer to.
    pub name: String,
    /// The message with the module's digest in place of its bytes. Two with equal heads have equal contents.
    pub head: Vec<u8>,
    /// The module, and where in the head its bytes go; absent: the head is all there is.
    module: Option<(InlineModule, Place)>,
}

impl EncodedExtension {
    /// The whole message, with one copy of the module's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.module {
            Some((module, place)) => place.splice(&self.head, module.bytes()),
            None => self.head.clone(),
        }
    }

    /// The module whose bytes are part of it.
    pub fn module(&self) -> Option<&InlineModule> {
        self.module.as_ref().map(|(module, _)| module)
    }
}

/// What [`crate::extension_configs`] gives, encoded, ordered by name. It costs no copy of a module.
///
/// # Errors
///
/// An extension configuration is not what Envoy's definitions allow.
pub fn encoded_extensions(
    policy: &Effective,
    options: &Options,
) -> Result<Vec<EncodedExtension>, EncodeError> {
    let mut encoded = Vec::new();
    for extension in extension::extensions(policy, options) {
        let Some(resource) = extension.resource(options, Inlined::AsDigest) else { continue };
        let name = extension.name.clone();
        let head = encode(&name, EXTENSION, &Value::map(resource))?;
        let module = match extension.inlined(options) {
            Some((digest, module)) => {
                let place = Place::find(&head, &CODE).filter(|it| it.content(&head) == digest.as_bytes());
                let cause = "the module has no place in it".to_owned();
                let error = || EncodeError { name: name.clone(), message: EXTENSION, cause };
                Some((module.clone(), place.ok_or_else(error)?))
            }
            None => None,
        };
        encoded.push(EncodedExtension { name, head, module });
    }
    Ok(encoded)
}

/// Every cluster that a policy's loggers and tracers lead to and of which the documents say enough, by name: each an
/// `envoy.config.cluster.v3.Cluster`, marked as ours like those that an overlay adds. A server adds those that a proxy's
/// listeners await ([`crate::OverlaidBytes::awaited_clusters`]) and its base does not have. One that is awaited and neither
/// there nor here has no endpoint that the documents tell.
///
/// # Errors
///
/// A cluster is not what Envoy's definitions allow.
pub fn encoded_clusters(policy: &Effective) -> Result<Vec<(String, Vec<u8>)>, EncodeError> {
    let needed = cluster::needed(policy).into_values().map(|need| need.upstream);
    let known = needed.filter(|upstream| !upstream.endpoints.is_empty());
    let encode = |upstream: cluster::Upstream| {
        let fields = cluster::cluster(&upstream);
        let value = marked(fields, &upstream.name, Before::Nothing, Around::There);
        let bytes = encode(&upstream.name, view::CLUSTER, &value)?;
        Ok((upstream.name, bytes))
    };
    known.map(encode).collect()
}

fn encode(name: &str, message: &'static str, value: &Value) -> Result<Vec<u8>, EncodeError> {
    let error = |cause: String| EncodeError { name: name.to_owned(), message, cause };
    let descriptor =
        descriptors::message(message).ok_or_else(|| error("nobody knows the message".to_owned()))?;
    descriptors::encode(&descriptor, value).map_err(error)
}
