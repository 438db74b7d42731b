//! Where a fetch may lead, and who is told who asks: never a stranger, never over plain HTTP after HTTPS, and for a document
//! no machine near by, by whichever of the servers' answers it would be led there.

mod support;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use burgee_supply::{Credentials, Form, ModuleUrl, Progress, Reach, Request, Supply, SupplyError, pack};
use support::*;

/// What a registry with the image `acme/guard:1` has, by the ends of its paths.
fn image() -> Arc<BTreeMap<String, Vec<u8>>> {
    let image = pack(MODULE, &BTreeMap::new(), Form::Artifact).unwrap();
    let mut all = content(&image);
    let manifest = all[&image.digest].clone();
    all.insert("1".to_owned(), manifest);
    Arc::new(all)
}

/// What is at the end of a path.
fn at(all: &BTreeMap<String, Vec<u8>>, path: &str) -> Does {
    let name = path.rsplit('/').next().unwrap_or_default();
    all.get(name).map_or_else(|| status(404), |bytes| ok(bytes.clone()))
}

fn host(server: &Server) -> String {
    format!("127.0.0.1:{}", server.port)
}

/// Credentials that are those of one server.
fn of(server: &Server) -> Credentials {
    let auth = data_encoding::BASE64.encode(b"user:secret");
    Credentials::Docker(format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, host(server)))
}

fn get(request: &Request) -> Result<Vec<u8>, SupplyError> {
    let cache = tempfile::tempdir().unwrap();
    fetch(cache.path(), request).map(|found| found.bytes)
}

fn document(allowed: &[&Server]) -> Reach {
    Reach::Document { allowed: allowed.iter().map(|server| host(server)).collect(), denied: Vec::new() }
}

#[test]
fn whoever_is_led_to_is_not_told_who_asks() {
    let all = image();
    let blobs = Arc::clone(&all);
    let store = Server::start(move |got, _| at(&blobs, &got.path));
    let to = format!("http://{}", host(&store));
    let registry = Server::start(move |got, _| match got.headers.get("authorization") {
        None => with(401, "WWW-Authenticate", "Basic realm=\"any\""),
        Some(_) if got.path.contains("/blobs/") => with(307, "Location", format!("{to}{}", got.path)),
        Some(_) => at(&all, &got.path),
    });
    let request = Request { credentials: of(&registry), ..request(registry.image("acme/guard:1")) };
    assert_eq!(get(&request).unwrap(), MODULE);
    assert!(registry.got().iter().any(|got| got.headers.contains_key("authorization")));
    assert_eq!(store.got().len(), 1);
    assert!(store.got().iter().all(|got| !got.headers.contains_key("authorization")), "{:?}", store.got());
    // Nor if that server wants to know.
    let asks = Server::start(|_, _| with(401, "WWW-Authenticate", "Basic realm=\"any\""));
    let to = format!("http://{}/any", host(&asks));
    let registry = Server::start(move |_, _| with(307, "Location", to.clone()));
    let request = Request { credentials: of(&registry), ..support::request(registry.image("acme/guard:1")) };
    assert!(matches!(get(&request), Err(SupplyError::Unauthorized { .. })));
    assert!(asks.got().iter().all(|got| !got.headers.contains_key("authorization")), "{:?}", asks.got());
}

#[test]
fn a_document_is_not_led_near_by_where_tokens_are_handed_out_or_blobs_are() {
    let near = Server::start(|_, _| ok(r#"{"token": "x"}"#));
    let realm = format!("Bearer realm=\"http://{}/token\",service=\"any\"", host(&near));
    let registry = Server::start(move |_, _| with(401, "WWW-Authenticate", realm.clone()));
    let of_document = |registry: &Server, allowed: &[&Server]| {
        let reach = document(allowed);
        let credentials = of(registry);
        get(&Request { reach, credentials, ..request(registry.image("acme/guard:1")) })
    };
    let error = of_document(&registry, &[&registry]).unwrap_err();
    assert!(matches!(error, SupplyError::Refused { .. }), "{error}");
    assert_eq!(near.got().len(), 0);
    // Unless whoever runs the mesh said so.
    assert!(of_document(&registry, &[&registry, &near]).is_err());
    assert!(!near.got().is_empty());
    let near = Server::start(|_, _| ok(MODULE));
    let (all, to) = (image(), format!("http://{}/a", host(&near)));
    let registry = Server::start(move |got, _| match got.path.contains("/blobs/") {
        true => with(307, "Location", to.clone()),
        false => at(&all, &got.path),
    });
    let error = of_document(&registry, &[&registry]).unwrap_err();
    assert!(matches!(error, SupplyError::Refused { .. }), "{error}");
    assert_eq!(near.got().len(), 0);
}

#[test]
fn where_tokens_are_handed_out_has_to_be_a_server() {
    for (realm, expected) in [
        ("file:///etc/passwd", "is no URL of HTTP"),
        ("token", "where 127.0.0.1"),
        ("ftp://example.com/token", "is no URL of HTTP"),
    ] {
        let registry =
            Server::start(move |_, _| with(401, "WWW-Authenticate", format!("Bearer realm=\"{realm}\"")));
        let error = get(&request(registry.image("acme/guard:1"))).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // What hands out something else than a token is not shown: it may be one.
    for answer in ["hunter2", r#"{"token": ["hunter2"]}"#, "{}"] {
        let registry = Server::start(move |got, _| match got.path.starts_with("/token") {
            true => ok(answer),
            false => {
                let realm = format!("Bearer realm=\"http://{}/token\"", got.headers["host"]);
                with(401, "WWW-Authenticate", realm)
            }
        });
        let error = get(&request(registry.image("acme/guard:1"))).unwrap_err();
        assert!(error.to_string().contains("token"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn no_secret_of_a_url_is_told() {
    let server = Server::start(|_, _| status(404));
    let url = format!("http://user:hunter2@{}/a.wasm?token=hunter3", host(&server));
    let request = request(ModuleUrl::parse(&url).unwrap());
    let error = get(&request).unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(!told.contains("hunter") && told.contains("/a.wasm"), "{told}");
    let broken = Server::start(|_, _| Does::Resets);
    let url = format!("http://user:hunter2@{}/a.wasm?token=hunter3", host(&broken));
    let error = get(&support::request(ModuleUrl::parse(&url).unwrap())).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
}

/// What tells the process below where the image is.
const IMAGE: &str = "BURGEE_TEST_IMAGE";

#[test]
#[ignore = "it needs a configuration of Docker's, which the test below makes"]
fn fetches_as_the_user() {
    let image = std::env::var(IMAGE).unwrap();
    let request = Request { credentials: Credentials::User, ..request(ModuleUrl::parse(&image).unwrap()) };
    assert_eq!(get(&request).unwrap(), MODULE);
}

#[cfg(unix)]
#[test]
fn the_user_s_own_credentials_are_used_also_those_that_a_program_keeps() {
    use std::os::unix::fs::PermissionsExt;

    let basic = format!("Basic {}", data_encoding::BASE64.encode(b"user:secret"));
    let all = image();
    let registry = Server::start(move |got, _| match got.headers.get("authorization") {
        Some(value) if *value == basic => at(&all, &got.path),
        _ => with(401, "WWW-Authenticate", "Basic realm=\"any\""),
    });
    let folder = tempfile::tempdir().unwrap();
    // As Docker asks them: the registry on the standard input, an object on the standard output.
    let program = folder.path().join("docker-credential-test");
    let script = format!(
        "#!/bin/sh\nread registry\n[ \"$1 $registry\" = \"get {}\" ] || {{ echo 'credentials not found'; exit 1; }}\n\
         echo '{{\"ServerURL\":\"\",\"Username\":\"user\",\"Secret\":\"secret\"}}'\n",
        host(&registry)
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let auth = data_encoding::BASE64.encode(b"user:secret");
    let host = host(&registry);
    for (configuration, expected) in [
        (format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#), true),
        (format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#), true),
        (r#"{"credsStore": "test"}"#.to_owned(), true),
        (r#"{"credHelpers": {"example.com": "test"}}"#.to_owned(), false),
        (format!(r#"{{"credHelpers": {{"{host}": "../test"}}}}"#), false),
        (format!(r#"{{"credHelpers": {{"{host}": "absent"}}}}"#), false),
        ("{}".to_owned(), false),
    ] {
        std::fs::write(folder.path().join("config.json"), &configuration).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "fetches_as_the_user", "--ignored"])
            .env("DOCKER_CONFIG", folder.path())
            .env("PATH", path)
            .env(IMAGE, format!("oci://{host}/acme/guard:1"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.success(), expected, "{configuration}: {said}");
    }
}

#[test]
fn layers_are_not_sent_to_another_server_in_plain_http() {
    let near = Server::start(|_, _| status(201));
    let to = format!("http://{}/upload", host(&near));
    let registry = Server::start(move |got, _| match got.method.as_str() {
        "POST" => with(202, "Location", to.clone()),
        _ => status(404),
    });
    let cache = tempfile::tempdir().unwrap();
    let supply = Supply::open(cache.path(), quick()).unwrap();
    let image = pack(MODULE, &BTreeMap::new(), Form::Image).unwrap();
    let request = request(registry.image("acme/guard:1"));
    let error = wait(supply.push(&image, &request, None, &|_: Progress<'_>| {})).unwrap_err();
    assert!(error.to_string().contains("another server in plain HTTP"), "{error}");
    assert_eq!(near.got().len(), 0);
}
