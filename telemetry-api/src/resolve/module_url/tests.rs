//! What URLs are compared as, and what fits which pattern.

use proptest::prelude::*;

use super::{ModuleUrl, Pattern, check_pattern, glob};
use crate::test;

fn text(url: &str) -> String {
    ModuleUrl::of(url).map_or_else(str::to_owned, |url| url.text())
}

#[test]
fn what_names_the_same_place_reads_the_same() {
    for (url, expected) in [
        ("ghcr.io/acme/p:1", "oci://ghcr.io/acme/p:1"),
        ("oci://GHCR.io:443/acme/p:1", "oci://ghcr.io/acme/p:1"),
        ("OCI://ghcr.io/acme/p", "oci://ghcr.io/acme/p:latest"),
        ("ghcr.io/acme/p@sha256:0", "oci://ghcr.io/acme/p@sha256:0"),
        ("plugin", "oci://docker.io/library/plugin:latest"),
        ("acme/plugin:2", "oci://docker.io/acme/plugin:2"),
        ("index.docker.io/acme/plugin:2", "oci://docker.io/acme/plugin:2"),
        ("oci://localhost:5000/p", "oci://localhost:5000/p:latest"),
        ("oci://localhost/p", "oci://localhost/p:latest"),
        ("https://Modules.Example:443/a/p.wasm", "https://modules.example/a/p.wasm"),
        ("https://modules.example:8443/p.wasm", "https://modules.example:8443/p.wasm"),
        ("http://modules.example.:80/p.wasm?a=b", "http://modules.example/p.wasm"),
        ("https://modules.example:0443/p.wasm", "https://modules.example/p.wasm"),
        ("https://modules.example/%70%6C.wasm?token=a", "https://modules.example/pl.wasm"),
        ("https://modules.example/a%20%zz%", "https://modules.example/a%20%zz%"),
        ("EVIL/acme/p:1", "oci://evil/acme/p:1"),
        ("oci://ghcr.io:0443/acme/p:1", "oci://ghcr.io/acme/p:1"),
        ("https://ghcr.io@evil.example/p.wasm", "https://evil.example/p.wasm"),
        ("file:///opt/p.wasm", "file:///opt/p.wasm"),
    ] {
        assert_eq!(text(url), expected, "{url}");
    }
    for url in [
        "https://a.example/ours/../theirs.wasm",
        "https://\u{ff45}vil.example/p.wasm",
        "https://a.example/ours/%2e%2E/theirs.wasm",
        "https://a.example/ours/..%2ftheirs.wasm",
        "https://a.example/ours\\..\\theirs.wasm",
        "https://a.example\\@b.example/p.wasm",
        "https://a.example/./p.wasm",
    ] {
        assert!(ModuleUrl::of(url).is_err(), "{url}");
    }
}

#[test]
fn hosts_and_paths_are_compared_apart() {
    for (pattern, url, fits) in [
        ("*", "https://a.example/p.wasm", true),
        ("oci://ghcr.io/acme/*", "ghcr.io/acme/p:1", true),
        ("ghcr.io/acme/*", "oci://ghcr.io/acme/deep/p", true),
        ("oci://ghcr.io/acme/*", "https://ghcr.io/acme/p", false),
        ("oci://ghcr.io/acme/*", "oci://ghcr.io/acme-evil/p", false),
        ("oci://ghcr.io/acme/p", "oci://ghcr.io/acme/p:1", true),
        ("oci://ghcr.io/acme/p", "oci://ghcr.io/acme/p@sha256:0", true),
        ("oci://ghcr.io/acme/p:1", "oci://ghcr.io/acme/p:2", false),
        ("oci://ghcr.io/acme/p:1.*", "oci://ghcr.io/acme/p:1.2", true),
        ("oci://*.acme.example/*", "oci://registry.acme.example/p", true),
        // What stands in a path cannot look like a host.
        ("oci://*.acme.example/*", "oci://evil.example/x.acme.example/p", false),
        ("https://modules.example", "https://modules.example/any/p.wasm", true),
        ("https://modules.example", "https://modules.example.evil.example/p.wasm", false),
        ("https://modules.example", "https://modules.example@evil.example/p.wasm", false),
        ("*://modules.example/*", "http://modules.example/p.wasm", true),
        ("acme/*", "acme/p:1", true),
        ("file:///opt/*", "file:///opt/p.wasm", true),
        ("file:///opt/*", "file:///etc/passwd", false),
    ] {
        let url = ModuleUrl::of(url).expect("a URL");
        assert_eq!(Pattern::of(pattern).fits(&url), fits, "{pattern} {url:?}");
    }
    assert!(Pattern::of("oci://localhost:5000/*").names_host());
    assert!(!Pattern::of("oci://*:5000/*").names_host() && !Pattern::of("*").names_host());
}

#[test]
fn patterns_that_nothing_fits_are_said() {
    for pattern in ["*", "oci://ghcr.io/*", "ghcr.io/acme/*", "file:///opt/*", "*://a.example/*", "acme"] {
        assert_eq!(check_pattern(pattern), None, "{pattern}");
    }
    for pattern in ["", " *", "ftp://a/*", "https:///a"] {
        assert!(check_pattern(pattern).is_some(), "{pattern}");
    }
}

proptest! {
    #[test]
    fn a_star_stands_for_any_characters(parts in prop::collection::vec("[ab/]{0,3}", 1..5), fill in "[ab/]{0,4}") {
        let (pattern, text) = (parts.join("*"), parts.join(&fill));
        prop_assert!(glob(&pattern, &text), "{pattern} {text}");
        let alien = format!("{text}c");
        prop_assert!(!glob(&pattern, &alien) || pattern.ends_with('*'));
    }

    #[test]
    fn no_url_and_no_pattern_makes_it_panic(url in "(oci|http|:|/|@|\\*|%2e|\\.|é|\\?|#|:443| ){0,12}", pattern in "(oci|:|/|@|\\*|é| ){0,8}") {
        let _ = check_pattern(&pattern);
        if let Ok(url) = ModuleUrl::of(&url) {
            let _ = Pattern::of(&pattern).fits(&url);
        }
    }
}
