//! The registry and the copier of others: Docker's distribution, with TLS and passwords, skopeo, and openssl.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use burgee_supply::{Credentials, ModuleUrl, Request, Settings};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

#[path = "../../../../tests/e2e/support/tools.rs"]
mod tools;

/// Who may use the registry, as its file of passwords has it, and the password.
const USERS: &str = "user:$2a$05$XkW2ZT4DDJ7SpPBRgn/zo.Z5.rvQeMTcMuMwu3c2fNpyQPwV/aIVq\n";
const PASSWORD: &str = "secret";

/// A registry that runs, and what tools there are. It ends, and what they keep goes, with this value.
pub struct Registry {
    pub folder: tempfile::TempDir,
    /// `localhost` and the port.
    pub host: String,
    child: Child,
    skopeo: PathBuf,
    openssl: PathBuf,
}

impl Registry {
    /// None if the registry or a tool cannot be had, which is said.
    pub fn start() -> Option<Registry> {
        let (program, skopeo, openssl) = (tools::docker_registry()?, tools::skopeo()?, tools::openssl()?);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        certificates(folder.path());
        fs::write(path("users"), USERS).unwrap();
        let configuration = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n  tls:\n    \
             certificate: {}\n    key: {}\nauth:\n  htpasswd:\n    realm: test\n    path: {}\n",
            path("storage"),
            path("server.crt"),
            path("server.key"),
            path("users")
        );
        fs::write(path("registry.yml"), configuration).unwrap();
        let mut child = Command::new(program)
            .args(["serve", &path("registry.yml")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let port = lines.by_ref().find_map(|line| {
            let line = line.unwrap();
            let port = line.split_once("listening on 127.0.0.1:").map(|(_, rest)| rest.to_owned());
            said.push(line);
            port
        });
        let port = port.unwrap_or_else(|| panic!("the registry does not listen:\n{}", said.join("\n")));
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        // Whoever writes lines that nobody reads waits in the end.
        thread::spawn(move || lines.for_each(drop));
        Some(Registry { host: format!("localhost:{port}"), folder, child, skopeo, openssl })
    }

    /// A request of an image, by whoever may.
    pub fn request(&self, name: &str) -> Request {
        Request { credentials: self.credentials(PASSWORD), ..self.anonymous(name) }
    }

    /// The same by nobody.
    pub fn anonymous(&self, name: &str) -> Request {
        Request::new(ModuleUrl::parse(&format!("oci://{}/{name}", self.host)).unwrap())
    }

    pub fn credentials(&self, password: &str) -> Credentials {
        let auth = data_encoding::BASE64.encode(format!("user:{password}").as_bytes());
        Credentials::Docker(format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, self.host))
    }

    /// Settings that believe the registry's certificate.
    pub fn settings(&self) -> Settings {
        Settings { authorities: vec![self.folder.path().join("ca.crt")], ..Settings::default() }
    }

    /// How skopeo names an image of the registry.
    pub fn docker(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.host)
    }

    /// Copies with skopeo, which has to succeed.
    pub fn skopeo(&self, arguments: &[&str]) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        fs::create_dir_all(path("trusted")).unwrap();
        fs::copy(path("ca.crt"), path("trusted/ca.crt")).unwrap();
        let mut command = Command::new(&self.skopeo);
        command
            .args(["--insecure-policy", "copy"])
            .args(["--src-cert-dir", &path("trusted"), "--dest-cert-dir", &path("trusted")])
            .args(["--src-creds", "user:secret", "--dest-creds", "user:secret"])
            .args(arguments)
            .env("HOME", self.folder.path());
        output(&mut command);
    }

    /// Runs openssl, which has to succeed; gives what it prints.
    pub fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        output(Command::new(&self.openssl).args(arguments))
    }
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority, and a certificate of it for this machine.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "an authority for tests");
    let key = KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&key).unwrap();
    fs::write(folder.join("ca.crt"), certificate.pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("server.crt"), server.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}
