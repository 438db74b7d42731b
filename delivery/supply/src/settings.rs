//! How much may be fetched, how long and how often that is tried, and whom a client believes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::SupplyError;

/// Bounds of one piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of what is fetched at once. Default: 256 MiB, as Istio's agent has it.
    pub download: u64,
    /// Bytes of what is in it, and of everything that is unpacked on the way there. Default: 256 MiB.
    pub unpacked: u64,
    /// Bytes of the module itself. Default: 256 MiB.
    pub module: u64,
    /// How long everything together may take. Default: 30 s, which Istio's control plane asks for.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { download: 256 << 20, unpacked: 256 << 20, module: 256 << 20, time: Duration::from_secs(30) }
    }
}

/// How often something is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often at most. Default: 5, as Istio's agent has it.
    pub attempts: usize,
    /// How long is waited before the second attempt; twice as long before each that follows, a part of it by chance.
    /// Default: half a second.
    pub first_backoff: Duration,
    /// How long at most. Default: a minute.
    pub last_backoff: Duration,
    /// How long is waited for an answer to begin, and for each next part of it. Default: 15 s.
    pub each: Duration,
}

impl Default for Retries {
    fn default() -> Retries {
        Retries {
            attempts: 5,
            first_backoff: Duration::from_millis(500),
            last_backoff: Duration::from_secs(60),
            each: Duration::from_secs(15),
        }
    }
}

/// What holds for everything that is fetched.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often something is tried.
    pub retries: Retries,
    /// Registries that are asked in plain HTTP: hosts, `HOST:PORT`, `*.DOMAIN`, or `*`. Default: none.
    pub plain_http: Vec<String>,
    /// Files of certificates in PEM whose servers are believed, beside those that the machine believes. Default: none.
    pub authorities: Vec<PathBuf>,
    /// Bytes of modules that the cache keeps, by what was used last. Default: 1 GiB.
    pub cache_bytes: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            retries: Retries::default(),
            plain_http: Vec::new(),
            authorities: Vec::new(),
            cache_bytes: 1 << 30,
        }
    }
}

impl Settings {
    /// Whom a client believes.
    pub(crate) fn tls(&self) -> Result<rustls::ClientConfig, SupplyError> {
        let mut roots = RootCertStore::empty();
        // A machine without any can still ask in plain HTTP.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for file in &self.authorities {
            let unusable = |reason: String| SupplyError::Unusable {
                what: "a file of certificates",
                reason: format!("{}: {reason}", file.display()),
            };
            let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
            let read: Result<Vec<_>, _> = read.collect();
            let read = read.map_err(|error| unusable(error.to_string()))?;
            if roots.add_parsable_certificates(read).0 == 0 {
                return Err(unusable("it holds no certificate in PEM".to_owned()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| SupplyError::Unusable {
            what: "this machine's TLS",
            reason: error.to_string(),
        })?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}
