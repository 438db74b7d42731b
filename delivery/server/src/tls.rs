//! Mutual TLS: the server's certificate, and whose certificates proxies must have.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::peer::{Identity, Peer};

/// The files of a server's TLS. They are read again when they change, since certificates live for hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, with those between it and the root behind it, as PEM.
    pub certificate: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
    /// Who signs proxies' certificates, as PEM.
    pub authorities: PathBuf,
}

/// Why TLS cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or is not what it should be.
    #[error("{0} cannot be used: {1}")]
    File(PathBuf, String),
    /// They do not fit each other.
    #[error("the certificate {0} and the key {1} cannot be used together: {2}")]
    Pair(PathBuf, PathBuf, String),
    /// The other end could not prove who it is.
    #[error("{0}")]
    Handshake(String),
}

/// A server's TLS.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
    /// What was in the files when they were read last.
    contents: Mutex<Vec<Option<Vec<u8>>>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// They cannot be used.
    pub fn load(files: TlsFiles) -> Result<Tls, TlsError> {
        let contents = contents(&files);
        let config = Arc::new(config(&files)?);
        Ok(Tls { files, current: RwLock::new(config), contents: Mutex::new(contents) })
    }

    /// Reads the files again if they are others by now, and says whether they are. What is open stays as it is.
    ///
    /// # Errors
    ///
    /// They cannot be used; what was read before counts on. It is said once of the same files.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let now = contents(&self.files);
        {
            let mut before = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
            if *before == now {
                return Ok(false);
            }
            *before = now;
        }
        let config = Arc::new(config(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(true)
    }

    /// Shakes hands.
    ///
    /// # Errors
    ///
    /// The other end could not prove who it is.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Peer), TlsError> {
        let config = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let error = |error: std::io::Error| TlsError::Handshake(error.to_string());
        let stream = TlsAcceptor::from(config).accept(stream).await.map_err(error)?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let identities = certificates.first().map_or_else(Vec::new, identities);
        Ok((stream, Peer { identities: Some(identities.into()) }))
    }
}

fn contents(files: &TlsFiles) -> Vec<Option<Vec<u8>>> {
    [&files.certificate, &files.key, &files.authorities].map(|file| std::fs::read(file).ok()).into()
}

/// The identities of a certificate.
fn identities(certificate: &CertificateDer<'_>) -> Vec<Identity> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Identity::parse(uri),
        _ => None,
    };
    names.value.general_names.iter().filter_map(uri).collect()
}

fn config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let certificates = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| TlsError::File(files.key.clone(), error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for authority in self::certificates(&files.authorities)? {
        roots.add(authority).map_err(|error| TlsError::File(files.authorities.clone(), error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| TlsError::File(files.authorities.clone(), error.to_string()))?;
    let pair = |error: rustls::Error| {
        TlsError::Pair(files.certificate.clone(), files.key.clone(), error.to_string())
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Each session that can be resumed takes memory of its own, and proxies stay connected.
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |error: rustls::pki_types::pem::Error| TlsError::File(file.to_owned(), error.to_string());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(error)?.collect();
    let found = found.map_err(error)?;
    match found.is_empty() {
        true => Err(TlsError::File(file.to_owned(), "there is no certificate in it".to_owned())),
        false => Ok(found),
    }
}
