//! Servers that fail in every way: what may pass is tried again, everything else is refused, and it is always said.

mod support;

use std::time::Duration;

use burgee_supply::{Limits, Progress, Reach, Request, Supply, SupplyError};
use support::*;

fn said(does: impl Fn(&Got, usize) -> Does + Send + Sync + 'static) -> (Result<usize, String>, Server) {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(does);
    let fetched = fetch(cache.path(), &request(server.url("/a.wasm")));
    (fetched.map(|fetched| fetched.bytes.len()).map_err(|error| error.to_string()), server)
}

#[test]
fn what_may_pass_is_asked_for_again() {
    for (name, fault) in [
        ("500", status(500)),
        ("503", status(503)),
        ("429", with(429, "Retry-After", "0")),
        ("a reset", Does::Resets),
        ("a cut", Does::Truncates(MODULE.to_vec())),
        ("a stall", Does::Stalls(MODULE.to_vec())),
    ] {
        let (found, server) = said(move |_, before| if before == 0 { fault.clone() } else { ok(MODULE) });
        assert_eq!(found, Ok(8), "{name}");
        assert_eq!(server.got().len(), 2, "{name}");
    }
}

#[test]
fn what_does_not_pass_says_what_came_of_each_attempt() {
    for (fault, expected) in [
        (status(500), "after 3 attempts: 500 Internal Server Error (3 times)"),
        (Does::Resets, "after 3 attempts: "),
        (Does::Truncates(MODULE.to_vec()), "after 3 attempts: "),
        (Does::Stalls(b"x".to_vec()), "nothing came for 0.5 s (3 times)"),
    ] {
        let (found, server) = said(move |_, _| fault.clone());
        let error = found.unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_eq!(server.got().len(), 3, "{error}");
    }
    let cache = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = burgee_supply::ModuleUrl::parse(&format!("http://127.0.0.1:{nobody}/a")).unwrap();
    let error = fetch(cache.path(), &request(url)).unwrap_err();
    assert!(error.is_transient());
    assert!(error.to_string().contains("no connection to 127.0.0.1"), "{error}");
}

#[test]
fn what_asking_again_does_not_change_is_asked_for_once() {
    for (code, expected) in [
        (404, "is not there: because"),
        (401, "the server asks who this is (because)"),
        (403, "the server asks who this is"),
        (400, "the server answers 400: because"),
        (501, "the server answers 501"),
    ] {
        let (found, server) = said(move |_, _| status(code));
        let error = found.unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_eq!(server.got().len(), 1, "{code}");
    }
}

#[test]
fn a_server_that_asks_to_wait_too_long_is_told_of_with_how_long() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| with(429, "Retry-After", "3600"));
    let error = fetch(cache.path(), &request(server.url("/a"))).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.is_transient());
    assert_eq!(server.got().len(), 1);
}

#[test]
fn everything_together_ends_in_time() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| Does::Stalls(b"x".to_vec()));
    let limits = Limits { time: Duration::from_millis(700), ..limits() };
    let error = fetch(cache.path(), &Request { limits, ..request(server.url("/a")) }).unwrap_err();
    assert!(matches!(error, SupplyError::Late { .. } | SupplyError::Unavailable { .. }), "{error}");
    assert!(error.is_transient());
}

#[test]
fn nothing_is_larger_than_it_may_be() {
    let (found, server) = said(|_, _| ok(vec![0; 100_001]));
    assert!(found.unwrap_err().contains("larger than 100000 bytes"));
    assert_eq!(server.got().len(), 1);
    // One that does not say its length.
    let endless = |_: &Got, _: usize| {
        let body = vec![b'0'; 200_000];
        Does::Answers(200, vec![("Content-Type".to_owned(), "x".to_owned())], body)
    };
    assert!(said(endless).0.unwrap_err().contains("larger than 100000 bytes"));
}

#[test]
fn redirects_are_followed_as_far_as_they_may_lead() {
    let (found, server) = said(|got, _| match got.path.as_str() {
        "/a.wasm" => with(302, "Location", "/b"),
        "/b" => with(307, "Location", "c"),
        _ => ok(MODULE),
    });
    assert_eq!((found, server.got().len()), (Ok(8), 3));
    for (to, expected) in [
        ("/a.wasm", "leads on more than 10 times"),
        ("ftp://h/a", "neither HTTP nor HTTPS"),
        ("file:///etc/passwd", "neither HTTP nor HTTPS"),
        ("http://[", "it leads to"),
    ] {
        let error = said(move |_, _| with(302, "Location", to)).0.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let error = said(|_, _| status(302)).0.unwrap_err();
    assert!(error.contains("without a Location"), "{error}");
}

#[test]
fn documents_lead_to_nothing_near_by_whatever_way() {
    let cache = tempfile::tempdir().unwrap();
    let supply = Supply::open(cache.path(), quick()).unwrap();
    let near = Server::start(|_, _| ok(MODULE));
    let allowed = format!("127.0.0.1:{}", near.port);
    let get = |url, allowed: &[&str]| {
        let allowed = allowed.iter().map(|entry| (*entry).to_owned()).collect();
        let reach = Reach::Document { allowed, denied: Vec::new() };
        let request = Request { reach, ..request(url) };
        wait(supply.fetch(&request, &|_: Progress<'_>| {}))
    };
    let error = get(near.url("/a"), &[]).unwrap_err();
    assert!(error.to_string().contains("may not fetch from this machine itself"), "{error}");
    let by_name = burgee_supply::ModuleUrl::parse(&format!("http://localhost:{}/a", near.port)).unwrap();
    let error = get(by_name, &[]).unwrap_err();
    assert!(matches!(error, SupplyError::Refused { .. }), "{error}");
    assert_eq!(near.got().len(), 0);
    // One port of a host by its name is no other port of it, whatever else may be asked.
    let other = Server::start(|_, _| ok(MODULE));
    let one = format!("localhost:{}", near.port);
    let at = |port: u16| burgee_supply::ModuleUrl::parse(&format!("http://localhost:{port}/a")).unwrap();
    let error = get(at(other.port), &[&one, "*"]).unwrap_err();
    assert!(error.to_string().contains("may not fetch from this machine itself"), "{error}");
    assert_eq!(other.got().len(), 0);
    // Nor is what somebody else has fetched from there.
    assert!(get(at(near.port), &[&one, "*"]).is_ok());
    assert!(matches!(get(near.url("/a"), &[]).unwrap_err(), SupplyError::Refused { .. }));
    // Nor where an answer leads.
    let to = format!("http://127.0.0.1:{}/b", near.port);
    let server = Server::start(move |_, _| with(302, "Location", to.clone()));
    let own = format!("127.0.0.1:{}", server.port);
    let error = get(server.url("/a"), &[&own]).unwrap_err();
    assert!(error.to_string().contains("not among the hosts that are allowed"), "{error}");
    assert_eq!(near.count("/b"), 0);
    assert!(get(server.url("/a"), &[&own, &allowed]).is_ok());
}
