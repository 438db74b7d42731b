//! `Secret` of Kubernetes as far as modules need it: the credentials for registries of images.

use std::fmt;

use crate::origin::{DocumentId, Place};

/// The type of Secrets with credentials for registries.
pub const PULL_SECRET_TYPE: &str = "kubernetes.io/dockerconfigjson";

/// A Secret that exists. Of one that holds something else nothing is kept but its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSecret {
    /// Kind, namespace and name.
    pub id: DocumentId,
    /// Where the document begins.
    pub place: Place,
    /// What it holds, or why a registry cannot be asked with it, in words without anything of its values.
    pub credentials: Result<Credentials, String>,
}

/// Credentials for registries, as docker writes them. They are shown by nothing: not in problems, and not for debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(String);

impl Credentials {
    pub(crate) fn new(docker_config: String) -> Credentials {
        Credentials(docker_config)
    }

    /// The text of docker's configuration: an object with `auths`. It is a secret.
    pub fn docker_config(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(not shown)")
    }
}
