//! `WorkloadEntry` (networking.istio.io): a workload that exists.

use std::collections::BTreeMap;
use std::fmt;

use super::Meta;
use crate::origin::Traced;

/// The annotation that says which services the stub app of a workload calls for each request that it answers: URLs
/// `http://HOST[:PORT][/PATH]`, separated by commas.
pub const CALLS_ANNOTATION: &str = "burgee.dev/calls";

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadEntry {
    /// Name and place.
    pub meta: Meta,
    /// Its address, as written.
    pub address: String,
    /// Its port for each of a service's port names, where it differs from the service's.
    pub ports: BTreeMap<String, u16>,
    /// The labels that documents select it by: `spec.labels` over `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// The service account that it runs as; empty when not said.
    pub service_account: String,
    /// What its stub app calls, once each and in this order, for every request that it answers: the annotation
    /// [`CALLS_ANNOTATION`].
    pub calls: Vec<Traced<Call>>,
}

/// A request over HTTP that a workload makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The host, in lower case.
    pub host: String,
    /// The port. Default: 80.
    pub port: u16,
    /// The path with its query; begins with `/`. Default: `/`.
    pub path: String,
}

impl Call {
    /// The port of a URL that names none.
    pub const DEFAULT_PORT: u16 = 80;
}

/// The URL; a port of 80 is left out.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host)?;
        if self.port != Call::DEFAULT_PORT {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}
