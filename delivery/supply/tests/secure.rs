//! Servers with TLS: whom a client believes, and that nothing leads from there to plain HTTP.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use burgee_supply::{ModuleUrl, Progress, Settings, Supply, SupplyError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::*;

/// A server with a certificate of its own for `localhost`, which answers everything with the same bytes; gives its port
/// and the certificate.
fn start(answer: Vec<u8>) -> (u16, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let configuration = Arc::new(configuration);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&configuration)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut head = Vec::new();
            let mut byte = [0];
            // One that does not believe the certificate says nothing.
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.extend_from_slice(&byte);
            }
            if head.ends_with(b"\r\n\r\n") {
                let _ = stream.write_all(&answer);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (port, cert.pem())
}

fn get(port: u16, host: &str, authorities: Vec<PathBuf>) -> Result<usize, SupplyError> {
    let cache = tempfile::tempdir().unwrap();
    let supply = Supply::open(cache.path(), Settings { authorities, ..quick() }).unwrap();
    let url = ModuleUrl::parse(&format!("https://{host}:{port}/guard.wasm")).unwrap();
    wait(supply.fetch(&request(url), &|_: Progress<'_>| {})).map(|found| found.bytes.len())
}

fn whole(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

#[test]
fn a_server_is_believed_by_its_certificate_and_its_name() {
    let (port, certificate) = start(whole(MODULE));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    fs::write(&file, certificate).unwrap();
    assert_eq!(get(port, "localhost", vec![file.clone()]).unwrap(), 8);
    let stranger = get(port, "localhost", Vec::new()).unwrap_err().to_string();
    assert!(stranger.contains("nobody whom this machine believes has signed its certificate"), "{stranger}");
    let other_name = get(port, "127.0.0.1", vec![file.clone()]).unwrap_err().to_string();
    assert!(other_name.contains("its certificate is that of a server of another name"), "{other_name}");
    for (text, expected) in [("", "no certificate in PEM"), ("hello", "no certificate in PEM")] {
        fs::write(&file, text).unwrap();
        let error = get(port, "localhost", vec![file.clone()]).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("ca.crt"), "{error}");
    }
    let absent = get(port, "localhost", vec![folder.path().join("absent.crt")]).unwrap_err().to_string();
    assert!(absent.contains("absent.crt"), "{absent}");
}

#[test]
fn nothing_leads_from_tls_to_plain_http() {
    let plain = Server::start(|_, _| ok(MODULE));
    let to = format!("http://127.0.0.1:{}/guard.wasm?token=hunter2", plain.port);
    let answer = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let (port, certificate) = start(answer.into_bytes());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    fs::write(&file, certificate).unwrap();
    let error = get(port, "localhost", vec![file]).unwrap_err().to_string();
    assert!(error.contains("it leads from HTTPS to http://127.0.0.1"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!(plain.got().len(), 0);
}

#[test]
fn tls_and_plain_http_that_meet_are_told_apart() {
    // A registry of plain HTTP that nobody said is one.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            // Whoever asks is greeted by TLS, which such a server takes for a bad request.
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n",
            );
        }
    });
    let error = get(port, "127.0.0.1", Vec::new()).unwrap_err();
    let said = "no connection to 127.0.0.1: it does not speak TLS; if it is a server of plain HTTP";
    assert!(error.is_transient() && error.to_string().contains(said), "{error}");
}
