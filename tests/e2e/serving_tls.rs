//! `burgee serve` with mutual TLS: a proxy is who its certificate says, and nobody else; and certificates are replaced while
//! it runs.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
};

use crate::support::program::Program;
use crate::support::proxy::Proxy;
use crate::support::served::{ServedProxy, Story};
use crate::support::{eventually, http};

const SERVER: &str = "spiffe://cluster.local/ns/infra/sa/burgee";

/// Somebody who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // What it signs has another name, else it would look as if it had signed itself.
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Writes a certificate and its key as `NAME.pem` and `NAME.key`.
    fn sign(&self, folder: &Path, name: &str, identity: &str) -> [String; 2] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.subject_alt_names = vec![SanType::URI(identity.try_into().expect("a URI"))];
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        [
            write(folder, &format!("{name}.pem"), &certificate.pem()),
            write(folder, &format!("{name}.key"), &key.serialize_pem()),
        ]
    }

    fn write(&self, folder: &Path, name: &str) -> String {
        write(folder, name, &self.0.pem())
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file");
    path.to_string_lossy().into_owned()
}

fn workload(namespace: &str, account: &str) -> String {
    format!("spiffe://cluster.local/ns/{namespace}/sa/{account}")
}

/// A bootstrap with these arguments, in a folder.
fn bootstrap(folder: &Path, server: &str, arguments: &[&str]) -> std::path::PathBuf {
    let printed = Program::new(["bootstrap", "shop/web", "--server", server]).args(arguments).run();
    let text = printed.expect_code(0).stdout.replace("port_value: 15000", "port_value: 0");
    fs::create_dir_all(folder).expect("a folder");
    let file = folder.join("bootstrap.yaml");
    fs::write(&file, text).expect("a file");
    file
}

#[test]
fn a_proxy_is_who_its_certificate_says_and_nobody_else() {
    let story = Story::new("");
    let folder = &story.folder;
    let (ours, others) = (Authority::new(), Authority::new());
    let ca = ours.write(folder.path(), "ca.pem");
    let [certificate, key] = ours.sign(folder.path(), "server", SERVER);
    let tls = ["--tls-cert", &certificate, "--tls-key", &key, "--tls-ca", &ca, "--log-level", "debug"];
    let mut served = story.serve_at("127.0.0.1:0", &tls);

    let own = ours.sign(folder.path(), "web", &workload("shop", "web"));
    let believes = ["--tls-ca", &ca, "--server-identity", SERVER];
    let with = |[certificate, key]: &[String; 2], more: &[&str]| -> Vec<String> {
        let own = ["--tls-cert", certificate, "--tls-key", key];
        [&believes[..], &own, more].concat().into_iter().map(str::to_owned).collect()
    };
    let good = with(&own, &["--service-account", "web"]);
    let good: Vec<&str> = good.iter().map(String::as_str).collect();
    let _proxy = ServedProxy::start(&served.address, "shop/web", &good);
    served.wait_for_proxies(1);

    let other_namespace = ours.sign(folder.path(), "bank", &workload("bank", "web"));
    let other_account = ours.sign(folder.path(), "cart", &workload("shop", "cart"));
    let stranger = others.sign(folder.path(), "stranger", &workload("shop", "web"));
    let no_identity = ours.sign(folder.path(), "nobody", "https://shop.example/web");
    let none: Vec<String> = believes.iter().map(ToString::to_string).collect();
    for (name, arguments, said) in [
        (
            "namespace",
            with(&other_namespace, &[]),
            "its certificate is one of spiffe://cluster.local/ns/bank/sa/web",
        ),
        ("account", with(&other_account, &["--service-account", "web"]), "ns/shop/sa/cart"),
        ("nobody", with(&no_identity, &[]), "has no identity"),
        ("stranger", with(&stranger, &[]), "is turned away"),
        ("none", none, "is turned away"),
    ] {
        let from = served.held.stderr().len();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let place = folder.path().join(name);
        let file = bootstrap(&place, &served.address, &arguments);
        let refused = Proxy::start_unready(&place, &file);
        served.held.wait_until_said(from, said);
        assert_eq!(served.status()["connected"], 1, "{name}");
        let listeners = http::get(&refused.admin, &refused.admin, "/listeners").expect("a page").body;
        assert_eq!(listeners.trim(), "", "{name} has no listeners");
    }
    // Neither a key nor a certificate is anywhere in what it says.
    let said = served.held.stderr() + &served.status().to_string();
    assert!(!said.contains("PRIVATE KEY") && !said.contains("BEGIN"), "{said}");

    // Replaced while it runs: by one that is no certificate, then by those of another authority.
    let from = served.held.stderr().len();
    write(folder.path(), "server.pem", "nothing");
    served.held.wait_until_said(from, "what was read before counts on");
    let again = ServedProxy::start(&served.address, "shop/web", &[&good[..], &["--pod", "again"]].concat());
    served.wait_for_proxies(2);
    drop(again);
    let from = served.held.stderr().len();
    let other_ca = others.write(folder.path(), "ca.pem");
    others.sign(folder.path(), "server", SERVER);
    served.held.wait_until_said(from, "other certificates are in use");
    let theirs = others.sign(folder.path(), "theirs", &workload("shop", "web"));
    let arguments = [
        "--tls-ca",
        &other_ca,
        "--server-identity",
        SERVER,
        "--tls-cert",
        &theirs[0],
        "--tls-key",
        &theirs[1],
    ];
    let _new = ServedProxy::start(&served.address, "shop/web", &[&arguments[..], &["--pod", "new"]].concat());
    eventually("both are connected", || {
        let status = served.status();
        if status["connected"] == 2 { Ok(()) } else { Err(status.to_string()) }
    });
}
