//! Certificates of a fleet: an authority, the server's, and one for each app, as the identity of its proxies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::client::Resumption;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::FleetError;

/// The name of the server.
const SERVER: &str = "burgee.test";

/// The certificates of a fleet.
pub(super) struct Security {
    authority: CertifiedIssuer<'static, KeyPair>,
    /// That of all certificates: what is measured is not how keys are made.
    key: KeyPair,
    roots: Arc<RootCertStore>,
    configs: Mutex<BTreeMap<String, Arc<ClientConfig>>>,
}

/// The files of the server.
pub(super) struct ServerFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub authority: PathBuf,
}

impl Security {
    /// Makes an authority.
    pub fn new() -> Result<Security, FleetError> {
        let make = || -> Result<Security, Box<dyn std::error::Error>> {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone())?;
            Ok(Security {
                authority,
                key: KeyPair::generate()?,
                roots: roots.into(),
                configs: Mutex::default(),
            })
        };
        make().map_err(|error| FleetError::Certificates(error.to_string()))
    }

    /// Writes what the server needs into a folder.
    pub fn write(&self, folder: &Path) -> Result<ServerFiles, FleetError> {
        let signed = || -> Result<rcgen::Certificate, rcgen::Error> {
            CertificateParams::new([SERVER.to_owned()])?.signed_by(&self.key, &self.authority)
        };
        let certificate = signed().map_err(|error| FleetError::Certificates(error.to_string()))?;
        let put = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text).map_err(FleetError::io("write", file.display()))?;
            Ok::<_, FleetError>(file)
        };
        Ok(ServerFiles {
            certificate: put("server.pem", certificate.pem())?,
            key: put("server.key", self.key.serialize_pem())?,
            authority: put("authority.pem", self.authority.pem())?,
        })
    }

    /// Shakes hands as a proxy of this identity.
    pub async fn connect(&self, stream: TcpStream, identity: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let config = self.config(identity).map_err(std::io::Error::other)?;
        let name = ServerName::try_from(SERVER).map_err(std::io::Error::other)?;
        TlsConnector::from(config).connect(name, stream).await
    }

    /// How a proxy of this identity shakes hands.
    fn config(&self, identity: &str) -> Result<Arc<ClientConfig>, Box<dyn std::error::Error + Send + Sync>> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(identity) {
            return Ok(config.clone());
        }
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(identity.try_into()?)];
        let certificate = params.signed_by(&self.key, &self.authority)?;
        let key = PrivateKeyDer::try_from(self.key.serialize_der())?;
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(self.roots.clone())
                .with_client_auth_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // Each proxy is a machine of its own, which knows of no other's session.
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        configs.insert(identity.to_owned(), config.clone());
        Ok(config)
    }
}
