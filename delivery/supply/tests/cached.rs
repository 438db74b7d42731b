//! What is fetched again and what is not: the rows of Istio's agent, of web servers and of pins, what several processes do
//! with one cache, and what a bound takes away.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use burgee_supply::{Form, Image, ModuleUrl, Policy, Progress, Request, Settings, Supply, SupplyError, pack};
use support::*;

/// A registry with an image by a tag.
fn registry(tag: &'static str, image: &Image) -> Server {
    let all = content(image);
    let manifest = all[&image.digest].clone();
    Server::start(move |got, _| {
        let name = got.path.rsplit('/').next().unwrap_or_default();
        if name == tag {
            return ok(manifest.clone());
        }
        all.get(name).map_or_else(|| status(404), |bytes| ok(bytes.clone()))
    })
}

fn image(module: &[u8]) -> Image {
    pack(module, &BTreeMap::new(), Form::Artifact).unwrap()
}

fn pinned(url: ModuleUrl, sha256: &str) -> Request {
    Request { sha256: Some(sha256.to_owned()), ..request(url) }
}

/// Fetches; gives what came of it and how often the server was asked.
fn asked(cache: &Path, server: &Server, request: &Request) -> (Result<Vec<u8>, SupplyError>, usize) {
    let before = server.got().len();
    let found = fetch(cache, request).map(|found| found.bytes);
    (found, server.got().len() - before)
}

#[test]
fn a_web_server_is_asked_as_the_pin_and_the_policy_say() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path();
    let server = Server::start(|got, _| match got.path.as_str() {
        "/text" => ok("text"),
        _ => ok(MODULE),
    });
    let (url, other) = (server.url("/a.wasm"), server.url("/other.wasm"));
    let wrong = hex(OTHER);
    // K5: a mismatch, and nothing is stored.
    let (found, times) = asked(cache, &server, &pinned(url.clone(), &wrong));
    assert!(matches!(found, Err(SupplyError::Digest { .. })), "{found:?}");
    assert_eq!((times, std::fs::read_dir(cache.join("modules")).unwrap().count()), (1, 0));
    // K1 and K2.
    for expected in [1, 0] {
        let (found, times) = asked(cache, &server, &pinned(url.clone(), &hex(MODULE)));
        assert_eq!((found.unwrap().as_slice(), times), (MODULE, expected));
    }
    // K6, where what a digest stands for needs no name.
    assert_eq!(asked(cache, &server, &pinned(other, &hex(MODULE))).1, 0);
    // K7.
    let (found, times) = asked(cache, &server, &request(server.url("/text")));
    assert!(matches!(found, Err(SupplyError::Form { .. })), "{found:?}");
    assert_eq!(times, 1);
    // K25, and the rows before it with the version that it has.
    let versioned = |policy, version: &str| Request {
        policy,
        asked_by: Some(("ns/plugin".to_owned(), version.to_owned())),
        ..request(url.clone())
    };
    for (policy, version, expected) in [
        (Policy::Always, "1", 1),
        (Policy::Always, "1", 0),
        (Policy::Always, "2", 1),
        (Policy::IfNotPresent, "3", 0),
        (Policy::Unspecified, "4", 0),
    ] {
        let (found, times) = asked(cache, &server, &versioned(policy, version));
        assert_eq!((found.unwrap().as_slice(), times), (MODULE, expected), "{policy:?} {version}");
    }
    // K3.
    assert!(ModuleUrl::parse("foo://abc").unwrap_err().to_string().contains("foo:// is none of"));
}

#[test]
fn an_image_is_asked_for_as_the_pin_says() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path();
    let image = image(MODULE);
    let server = registry("1", &image);
    let (tag, digest) = (server.image("a:1"), server.image(&format!("a@{}", image.digest)));
    let manifest = image.digest.trim_start_matches("sha256:");
    // K23: a mismatch.
    let (found, _) = asked(cache, &server, &pinned(tag.clone(), &hex(OTHER)));
    assert!(matches!(found, Err(SupplyError::Digest { .. })), "{found:?}");
    assert_eq!(std::fs::read_dir(cache.join("modules")).unwrap().count(), 0);
    for (row, request, expected) in [
        ("K9", pinned(tag.clone(), manifest), 2),
        ("K10", pinned(tag.clone(), manifest), 0),
        ("K13", request(digest.clone()), 0),
        ("K11", request(tag.clone()), 0),
        ("K12, by another name", request(server.image("b:1")), 1),
        ("by both", pinned(digest.clone(), &hex(MODULE)), 0),
    ] {
        let (found, times) = asked(cache, &server, &request);
        assert_eq!((found.unwrap().as_slice(), times), (MODULE, expected), "{row}");
    }
    // A digest in the URL is held to, whatever else is pinned and known.
    let other = server.image(&format!("a@sha256:{}", hex(b"another manifest")));
    let (found, times) = asked(cache, &server, &pinned(other, &hex(MODULE)));
    assert!(matches!(found, Err(SupplyError::NotFound { .. })), "{found:?}");
    assert_eq!(times, 1);
}

#[test]
fn what_is_damaged_or_gone_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path();
    let server = registry("1", &image(MODULE));
    let request = request(server.image("a:1"));
    let path = fetch(cache, &request).unwrap().path;
    std::fs::write(&path, OTHER).unwrap();
    assert_eq!(asked(cache, &server, &request).0.unwrap(), MODULE);
    assert_eq!(std::fs::read(&path).unwrap(), MODULE);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(asked(cache, &server, &request).0.unwrap(), MODULE);
    for entry in std::fs::read_dir(cache.join("supply/known")).unwrap() {
        std::fs::write(entry.unwrap().path(), "{\"of\":").unwrap();
    }
    let (found, times) = asked(cache, &server, &request);
    assert_eq!((found.unwrap().as_slice(), times), (MODULE, 2));
}

#[test]
fn those_who_share_a_cache_at_once_all_get_the_right_modules() {
    let folder = tempfile::tempdir().unwrap();
    let modules: Vec<Vec<u8>> = (0..4).map(|seed| module(40_000, seed)).collect();
    let bodies = modules.clone();
    let server = Server::start(move |got, _| {
        let number: usize = got.path.trim_start_matches('/').parse().unwrap();
        ok(bodies[number].clone())
    });
    let (server, modules) = (Arc::new(server), Arc::new(modules));
    let fetched = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..6)
        .map(|who| {
            let (server, modules) = (Arc::clone(&server), Arc::clone(&modules));
            let (fetched, cache) = (Arc::clone(&fetched), folder.path().to_owned());
            thread::spawn(move || {
                for round in 0..8 {
                    let number = (who + round) % modules.len();
                    // With room for two, so that each takes away what the others do not hold.
                    let settings = Settings { cache_bytes: 80_000, ..quick() };
                    let supply = Supply::open(&cache, settings).unwrap();
                    let policy = if round % 2 == 0 { Policy::Always } else { Policy::IfNotPresent };
                    let request = Request { policy, ..request(server.url(&format!("/{number}"))) };
                    let found = wait(supply.fetch(&request, &|_: Progress<'_>| {})).unwrap();
                    assert!(found.bytes == modules[number]);
                    // It stays for as long as it is held, whatever the others do.
                    assert!(std::fs::read(&found.path).unwrap() == modules[number]);
                    fetched.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    all.into_iter().for_each(|one| one.join().unwrap());
    assert_eq!(fetched.load(Ordering::Relaxed), 48);
    // Nobody holds anything now, so that the bound holds for the rest.
    let supply = Supply::open(folder.path(), Settings { cache_bytes: 80_000, ..quick() }).unwrap();
    wait(supply.fetch(&request(server.url("/0")), &|_: Progress<'_>| {})).unwrap();
    let policy = Policy::Always;
    wait(supply.fetch(&Request { policy, ..request(server.url("/0")) }, &|_: Progress<'_>| {})).unwrap();
    let left = std::fs::read_dir(folder.path().join("modules")).unwrap().count();
    assert!(left <= 2, "{left} modules are left");
}
