//! Images of a registry: pushed, pulled, pinned, signed, with whoever asks, and from the cache as policies allow.

mod support;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use burgee_supply::{
    Credentials, Form, ModuleUrl, Policy, Progress, PublicKey, Request, SigningKey, Supply, SupplyError, pack,
};
use support::*;

/// A registry in memory, which wants to know who asks if there is a password.
#[derive(Default)]
struct Store {
    blobs: HashMap<String, Vec<u8>>,
    manifests: HashMap<String, Vec<u8>>,
}

fn registry(password: Option<&'static str>) -> (Server, Arc<Mutex<Store>>) {
    let store: Arc<Mutex<Store>> = Arc::default();
    let inner = Arc::clone(&store);
    let server = Server::start(move |got, _| {
        let host = got.headers["host"].clone();
        let (path, query) = got.path.split_once('?').unwrap_or((&got.path, ""));
        if path == "/token" {
            let basic = format!("Basic {}", data_encoding::BASE64.encode(b"user:secret"));
            return match got.headers.get("authorization") {
                Some(value) if *value == basic => ok(r#"{"token": "good"}"#),
                _ => status(401),
            };
        }
        if password.is_some() && got.headers.get("authorization").map(String::as_str) != Some("Bearer good") {
            let value = format!("Bearer realm=\"http://{host}/token\",service=\"test\"");
            return with(401, "WWW-Authenticate", value);
        }
        let mut store = inner.lock().unwrap();
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        match (got.method.as_str(), path.contains("/manifests/")) {
            ("POST", _) => with(202, "Location", format!("{path}upload?state=1")),
            ("PUT", false) => {
                let digest = query.rsplit("digest=").next().unwrap_or_default().replace("%3A", ":");
                assert_eq!(digest, format!("sha256:{}", hex(&got.body)));
                store.blobs.insert(digest, got.body.clone());
                status(201)
            }
            ("PUT", true) => {
                store.manifests.insert(format!("sha256:{}", hex(&got.body)), got.body.clone());
                store.manifests.insert(last, got.body.clone());
                status(201)
            }
            (_, is_manifest) => {
                let of = if is_manifest { &store.manifests } else { &store.blobs };
                of.get(&last).map_or_else(|| status(404), |bytes| ok(bytes.clone()))
            }
        }
    });
    (server, store)
}

fn push(server: &Server, name: &str, module: &[u8], form: Form, key: Option<&SigningKey>) -> String {
    let cache = tempfile::tempdir().unwrap();
    let supply = Supply::open(cache.path(), quick()).unwrap();
    let annotations = BTreeMap::from([("org.opencontainers.image.version".to_owned(), "1".to_owned())]);
    let image = pack(module, &annotations, form).unwrap();
    let request = request(server.image(name));
    let pinned = wait(supply.push(&image, &request, key, &|_: Progress<'_>| {})).unwrap();
    pinned.digest.unwrap()
}

fn bare(digest: &str) -> String {
    digest.trim_start_matches("sha256:").to_owned()
}

#[test]
fn what_is_pushed_is_what_is_pulled() {
    let (server, store) = registry(None);
    for (name, form) in [("a/image:1", Form::Image), ("a/artifact:1", Form::Artifact)] {
        let digest = push(&server, name, MODULE, form, None);
        let cache = tempfile::tempdir().unwrap();
        let found = fetch(cache.path(), &request(server.image(name))).unwrap();
        assert_eq!(found.bytes, MODULE);
        assert_eq!(found.manifest, Some(bare(&digest)));
        assert_eq!(found.annotations["org.opencontainers.image.version"], "1");
        assert_eq!(std::fs::read(&found.path).unwrap(), MODULE);
    }
    // What is there already is not sent again.
    let before = server.got().iter().filter(|got| got.method == "PUT").count();
    push(&server, "a/image:2", MODULE, Form::Image, None);
    assert_eq!(server.got().iter().filter(|got| got.method == "PUT").count(), before + 1);
    assert_eq!(store.lock().unwrap().blobs.len(), 5);
}

#[test]
fn pins_are_of_the_index_the_manifest_or_the_module() {
    let (server, store) = registry(None);
    let manifest = bare(&push(&server, "a:1", MODULE, Form::Image, None));
    let size = store.lock().unwrap().manifests["1"].len();
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": size,
            "digest": format!("sha256:{manifest}"), "platform": {"os": "linux", "architecture": "amd64"}}],
    });
    let index = serde_json::to_vec(&index).unwrap();
    let index_digest = hex(&index);
    {
        let mut store = store.lock().unwrap();
        store.manifests.insert("many".to_owned(), index.clone());
        store.manifests.insert(format!("sha256:{index_digest}"), index);
    }
    let cache = tempfile::tempdir().unwrap();
    for (name, pin, expected) in [
        ("a:many", index_digest.clone(), "that of the image's index"),
        ("a:many", manifest.clone(), "that of the image's manifest"),
        ("a:many", hex(MODULE), "the module's own"),
        ("a:1", hex(MODULE), "the module's own"),
        (&format!("a@sha256:{index_digest}"), index_digest.clone(), "that of the image's index"),
    ] {
        let request = Request { sha256: Some(pin), ..request(server.image(name)) };
        let cold = tempfile::tempdir().unwrap();
        assert_eq!(fetch(cold.path(), &request).unwrap().pinned, Some(expected), "{name}");
        // And of what the cache has.
        let _ = fetch(cache.path(), &support::request(server.image("a:many"))).unwrap();
        assert_eq!(fetch(cache.path(), &request).unwrap().pinned, Some(expected), "{name}");
    }
    let wrong = Request { sha256: Some(hex(b"other")), ..request(server.image("a:many")) };
    let error = fetch(cache.path(), &wrong).unwrap_err().to_string();
    for part in
        [&hex(b"other"), &format!("{index_digest} (index)"), &format!("{manifest} (manifest)"), "(module)"]
    {
        assert!(error.contains(part), "{error}");
    }
    let short = Request { sha256: Some("abc".to_owned()), ..request(server.image("a:many")) };
    assert!(fetch(cache.path(), &short).unwrap_err().to_string().contains("64 hex digits"));
}

#[test]
fn a_registry_that_gives_something_else_is_not_believed() {
    let (server, store) = registry(None);
    let digest = push(&server, "a:1", MODULE, Form::Artifact, None);
    let other = push(&server, "a:2", OTHER, Form::Artifact, None);
    let cache = tempfile::tempdir().unwrap();
    {
        let mut store = store.lock().unwrap();
        let wrong = store.manifests[&other].clone();
        store.manifests.insert(digest.clone(), wrong);
        let module = format!("sha256:{}", hex(OTHER));
        store.blobs.insert(module, MODULE.to_vec());
    }
    let error = fetch(cache.path(), &request(server.image(&format!("a@{digest}")))).unwrap_err();
    assert!(matches!(&error, SupplyError::Digest { found, .. } if *found == other), "{error}");
    let error = fetch(cache.path(), &request(server.image("a:2"))).unwrap_err();
    assert!(
        error.to_string().contains("a layer of") || matches!(error, SupplyError::TooLarge { .. }),
        "{error}"
    );
}

#[test]
fn who_asks_is_said_to_the_registry_alone_and_shown_to_nobody() {
    let (open, _) = registry(None);
    let (server, store) = registry(Some("secret"));
    push(&open, "a:1", MODULE, Form::Image, None);
    let anonymous = fetch(tempfile::tempdir().unwrap().path(), &request(server.image("a:1"))).unwrap_err();
    assert!(matches!(anonymous, SupplyError::Unauthorized { .. }), "{anonymous}");
    let config = |password: &str| {
        let auth = data_encoding::BASE64.encode(format!("user:{password}").as_bytes());
        let host = format!("127.0.0.1:{}", server.port);
        Credentials::Docker(format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#))
    };
    let cache = tempfile::tempdir().unwrap();
    let supply = Supply::open(cache.path(), quick()).unwrap();
    let image = pack(MODULE, &BTreeMap::new(), Form::Image).unwrap();
    let asking = Request { credentials: config("secret"), ..request(server.image("a:1")) };
    wait(supply.push(&image, &asking, None, &|_: Progress<'_>| {})).unwrap();
    assert_eq!(store.lock().unwrap().manifests.len(), 2);
    assert_eq!(wait(supply.fetch(&asking, &|_: Progress<'_>| {})).unwrap().bytes, MODULE);
    let wrong = Request { credentials: config("hunter2"), ..request(server.image("a:1")) };
    let error = fetch(tempfile::tempdir().unwrap().path(), &wrong).unwrap_err();
    assert!(matches!(error, SupplyError::Unauthorized { .. }), "{error}");
    assert!(!format!("{error} {error:?} {wrong:?}").contains("hunter2"));
}

#[test]
fn a_module_is_signed_by_the_key_or_refused() {
    let (server, store) = registry(None);
    let pair = || rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let (mine, other) = (pair(), pair());
    let signing = SigningKey::parse(&mine.serialize_pem()).unwrap();
    let (key, stranger) = (
        PublicKey::parse(&mine.public_key_pem()).unwrap(),
        PublicKey::parse(&other.public_key_pem()).unwrap(),
    );
    let digest = push(&server, "a:1", MODULE, Form::Image, Some(&signing));
    let of_b = push(&server, "a:2", OTHER, Form::Image, None);
    let cache = tempfile::tempdir().unwrap();
    let get = |name: &str, key: Option<&PublicKey>| {
        fetch(
            cache.path(),
            &Request { keys: key.cloned().into_iter().collect(), ..request(server.image(name)) },
        )
    };
    // That it is in the cache does not make it signed.
    assert!(get("a:1", None).is_ok());
    assert!(get("a:2", None).is_ok());
    let by_another = get("a:1", Some(&stranger)).unwrap_err().to_string();
    assert!(by_another.contains("none is by the key"), "{by_another}");
    assert_eq!(get("a:1", Some(&key)).unwrap().signed_by, [key.fingerprint()]);
    assert!(get("a:1", Some(&stranger)).is_err());
    let unsigned = get("a:2", Some(&key)).unwrap_err().to_string();
    assert!(unsigned.contains("there is no tag sha256-"), "{unsigned}");
    // A signature of another image, put in its place.
    {
        let tag = |digest: &str| format!("{}.sig", digest.replace(':', "-"));
        let mut store = store.lock().unwrap();
        let of_a = store.manifests[&tag(&digest)].clone();
        store.manifests.insert(tag(&of_b), of_a);
    }
    let swapped = get("a:2", Some(&key)).unwrap_err().to_string();
    assert!(swapped.contains("is something else than"), "{swapped}");
}

#[test]
fn a_file_of_a_web_server_is_signed_beside_it() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let signing = SigningKey::parse(&pair.serialize_pem()).unwrap();
    let signature = signing.sign(MODULE).unwrap();
    let server = Server::start(move |got, _| match got.path.as_str() {
        "/good.wasm.sig" | "/bad.wasm.sig" => ok(format!("{signature}\n")),
        "/good.wasm" => ok(MODULE),
        "/bad.wasm" | "/none.wasm" => ok(OTHER),
        _ => status(404),
    });
    let key = PublicKey::parse(&pair.public_key_pem()).unwrap();
    let get = |path: &str| {
        let request = Request { keys: vec![key.clone()], ..request(server.url(path)) };
        fetch(tempfile::tempdir().unwrap().path(), &request).map_err(|error| error.to_string())
    };
    assert!(get("/good.wasm").is_ok());
    assert!(get("/bad.wasm").unwrap_err().contains("by another key, or of another module"));
    assert!(get("/none.wasm").unwrap_err().contains("no file of its name and .sig"));
}

#[test]
fn whether_anybody_is_asked_is_the_policy_s() {
    let (server, _) = registry(None);
    push(&server, "a:1", MODULE, Form::Image, None);
    push(&server, "a:latest", MODULE, Form::Image, None);
    let cache = tempfile::tempdir().unwrap();
    let asked = |url: &ModuleUrl, policy, version: Option<&str>, sha256: Option<String>| {
        let before = (server.count("/manifests/"), server.count("/blobs/"));
        let asked_by = version.map(|version| ("ns/plugin".to_owned(), version.to_owned()));
        let request = Request { policy, asked_by, sha256, ..request(url.clone()) };
        fetch(cache.path(), &request).unwrap();
        (server.count("/manifests/") - before.0, server.count("/blobs/") - before.1)
    };
    let (one, latest, untagged) = (server.image("a:1"), server.image("a:latest"), server.image("a"));
    let (unspecified, present, always) = (Policy::Unspecified, Policy::IfNotPresent, Policy::Always);
    // In this order; each row stands on those before it.
    for (row, url, policy, version, pin, expected) in [
        ("K8", &one, unspecified, Some("1"), None, (1, 1)),
        ("K11", &one, unspecified, Some("2"), None, (0, 0)),
        ("K16", &one, present, Some("3"), None, (0, 0)),
        ("K14", &one, always, Some("4"), None, (1, 0)),
        ("K15", &one, always, Some("4"), None, (0, 0)),
        ("no document", &one, always, None, None, (1, 0)),
        ("K17", &one, always, Some("5"), Some(hex(MODULE)), (0, 0)),
        ("K12", &latest, unspecified, Some("1"), None, (1, 0)),
        ("K18", &latest, unspecified, Some("2"), None, (1, 0)),
        ("K20", &latest, present, Some("3"), None, (0, 0)),
        ("no tag", &untagged, unspecified, Some("1"), None, (0, 0)),
        ("no tag", &untagged, unspecified, Some("2"), None, (0, 0)),
        ("K19", &latest, unspecified, Some("4"), Some(hex(MODULE)), (0, 0)),
    ] {
        assert_eq!(asked(url, policy, version, pin), expected, "{row}");
    }
}

#[test]
fn what_failed_for_a_version_is_tried_again_for_it() {
    let (server, store) = registry(None);
    push(&server, "a:1", MODULE, Form::Artifact, None);
    let cache = tempfile::tempdir().unwrap();
    let get = |version: &str| {
        let asked_by = Some(("ns/plugin".to_owned(), version.to_owned()));
        fetch(cache.path(), &Request { policy: Policy::Always, asked_by, ..request(server.image("a:1")) })
    };
    get("1").unwrap();
    let manifest = store.lock().unwrap().manifests.remove("1").unwrap();
    assert!(get("2").is_err());
    push(&server, "a:1", OTHER, Form::Artifact, None);
    assert_eq!(get("2").unwrap().bytes, OTHER);
    assert_ne!(manifest, store.lock().unwrap().manifests["1"]);
}
