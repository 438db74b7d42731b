//! Certificates of a run: an authority that lives as long as the run, and one certificate for each proxy with the name
//! of its workload. The authority's key is never written; the others stand in the run's directory, for its owner alone.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType,
};

use crate::error::LocalnetError;
use crate::site::{AUTHORITY_FILE, CERTIFICATE_FILE, CERTIFICATES_DIRECTORY, KEY_FILE};

/// Who signs the certificates of a run.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// The certificate of a workload, with its key, as PEM.
struct Issued {
    certificate: String,
    key: String,
}

impl Authority {
    /// A new one, with a key of its own.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub(crate) fn new() -> Result<Authority, LocalnetError> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "cluster.local");
        let key = KeyPair::generate().map_err(LocalnetError::Certificates)?;
        CertifiedIssuer::self_signed(params, key).map(Authority).map_err(LocalnetError::Certificates)
    }

    /// Writes the certificate of a workload below the directory of its proxy.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub(crate) fn write_for(&self, principal: &str, proxy: &Path) -> Result<(), LocalnetError> {
        let directory = proxy.join(CERTIFICATES_DIRECTORY);
        fs::create_dir_all(&directory).map_err(|error| LocalnetError::io("make", &directory, error))?;
        let issued = self.issue(principal).map_err(LocalnetError::Certificates)?;
        for (name, text) in
            [(CERTIFICATE_FILE, issued.certificate), (KEY_FILE, issued.key), (AUTHORITY_FILE, self.0.pem())]
        {
            let file = directory.join(name);
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
            let written = opened.and_then(|mut opened| opened.write_all(text.as_bytes()));
            written.map_err(|error| LocalnetError::io("write", &file, error))?;
        }
        Ok(())
    }

    /// A certificate whose only name is the workload's, as Istio's are: for both sides of a connection.
    fn issue(&self, principal: &str) -> Result<Issued, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![SanType::URI(principal.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn each_proxy_has_a_key_of_its_own_that_only_the_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new().unwrap();
        let mut keys = Vec::new();
        for proxy in ["one", "other"] {
            let proxy = folder.path().join(proxy);
            authority.write_for("spiffe://cluster.local/ns/shop/sa/web", &proxy).unwrap();
            let file = |name| proxy.join(CERTIFICATES_DIRECTORY).join(name);
            for name in [CERTIFICATE_FILE, KEY_FILE, AUTHORITY_FILE] {
                assert_eq!(fs::metadata(file(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
            }
            keys.push(fs::read_to_string(file(KEY_FILE)).unwrap());
            let authority = fs::read_to_string(file(AUTHORITY_FILE)).unwrap();
            assert!(
                authority.starts_with("-----BEGIN CERTIFICATE") && !authority.contains("KEY"),
                "{authority}"
            );
        }
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn a_name_that_a_certificate_cannot_carry_is_refused() {
        assert!(Authority::new().unwrap().issue("spiffe://cluster.local/ns/ü/sa/web").is_err());
    }
}
