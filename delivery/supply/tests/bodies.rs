//! What comes over the network, whatever it is: cut, too long, wrapped, a bomb, a link, half of something. It is taken apart
//! within its bounds and leads nowhere, or is refused with the reason.

mod support;

use std::io::Write;

use burgee_supply::{ModuleUrl, Request};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use support::*;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONTENT: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An entry of an archive.
enum Entry<'a> {
    File(&'a [u8]),
    Folder,
    /// A link, and where it leads.
    Link(&'a str),
}

/// An archive of entries, with their names as they are, whatever they say.
fn tar(entries: &[(&str, Entry<'_>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, entry) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(0o644);
        let (kind, bytes) = match entry {
            Entry::File(bytes) => (tar::EntryType::Regular, *bytes),
            Entry::Folder => (tar::EntryType::Directory, b"".as_slice()),
            Entry::Link(_) => (tar::EntryType::Symlink, b"".as_slice()),
        };
        if let Entry::Link(aim) = entry {
            header.set_link_name(aim).unwrap();
        }
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A request that may download and unpack no more than so many bytes.
fn bounded(url: ModuleUrl, download: u64, unpacked: u64) -> Request {
    let mut request = request(url);
    request.limits.download = download;
    request.limits.unpacked = unpacked;
    request
}

fn get(request: &Request) -> Result<Vec<u8>, String> {
    let cache = tempfile::tempdir().unwrap();
    fetch(cache.path(), request).map(|found| found.bytes).map_err(|error| error.to_string())
}

/// Fetches a file of a web server.
fn web(body: Vec<u8>) -> Result<usize, String> {
    let server = Server::start(move |_, _| ok(body.clone()));
    get(&bounded(server.url("/guard.wasm"), 3_000_000, 7000)).map(|bytes| bytes.len())
}

/// Fetches an image of a manifest and blobs.
fn image(manifest: Vec<u8>, blobs: Vec<Vec<u8>>) -> Result<usize, String> {
    let server = Server::start(move |got, _| {
        if got.path.contains("/manifests/") {
            return ok(manifest.clone());
        }
        let blob = blobs.iter().find(|blob| got.path.ends_with(&hex(blob)));
        blob.map_or_else(|| status(404), |blob| ok(blob.clone()))
    });
    get(&bounded(server.image("acme/guard:1"), 3_000_000, 7000)).map(|bytes| bytes.len())
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{}", hex(bytes)), "size": bytes.len()})
}

fn manifest(layers: &[Value]) -> Vec<u8> {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, b"{}"), "layers": layers,
    });
    manifest.to_string().into_bytes()
}

/// Fetches an image whose only layer this is.
fn layer(media_type: &str, bytes: Vec<u8>) -> Result<usize, String> {
    image(manifest(&[descriptor(media_type, &bytes)]), vec![bytes])
}

fn zeros() -> Vec<u8> {
    vec![0; 20 << 20]
}

#[test]
fn every_wrapping_of_a_file_is_taken_off_within_its_bounds() {
    let module = module(5000, 1);
    let inside = tar(&[("folder/any.wasm", Entry::File(&module))]);
    for body in [module.clone(), gzip(&module), inside.clone(), gzip(&inside), gzip(&gzip(&inside))] {
        assert_eq!(web(body), Ok(5000));
    }
    let file = |bytes| tar(&[("any.wasm", Entry::File(bytes))]);
    let mut component = MODULE.to_vec();
    component[4..8].copy_from_slice(&[0x0d, 0, 1, 0]);
    for (name, body, expected) in [
        ("a bomb", gzip(&zeros()), "decompressed, is larger than 7000 bytes"),
        ("a bomb in a bomb", gzip(&gzip(&zeros())), "is larger than 7000 bytes"),
        ("a large file in an archive", file(&[0; 9000]), "any.wasm of http://127.0.0.1"),
        ("more than a download may be", zeros()[..4_000_000].to_vec(), "is larger than 3000000 bytes"),
        (
            "a link",
            tar(&[("any.wasm", Entry::Link("/etc/passwd"))]),
            "any.wasm of the archive is no file but a link",
        ),
        ("an archive that is cut", inside[..700].to_vec(), "the archive"),
        ("a compression that is cut", gzip(&module)[..900].to_vec(), "it cannot be decompressed"),
        ("wrapping and no end", (0..9).fold(module.clone(), |body, _| gzip(&body)), "it is no Wasm module"),
        ("a page", b"<html>welcome</html>".to_vec(), "guard.wasm cannot be read: it is no Wasm module"),
        ("nothing", Vec::new(), "it is empty"),
        ("a component", component, "it is a component"),
    ] {
        let error = web(body).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn of_an_archive_no_more_entries_are_looked_at_than_a_module_needs() {
    let folders: Vec<String> = (0..10_000).map(|at| format!("{at}/")).collect();
    let mut entries: Vec<(&str, Entry<'_>)> =
        folders.iter().map(|name| (name.as_str(), Entry::Folder)).collect();
    entries.push(("plugin.wasm", Entry::File(MODULE)));
    let archive = gzip(&tar(&entries));
    let server = Server::start(move |_, _| ok(archive.clone()));
    let error = get(&bounded(server.url("/guard.wasm"), 10_000_000, 10_000_000)).unwrap_err();
    assert!(error.contains("the archive has more than 10000 entries"), "{error}");
}

#[test]
fn a_layer_is_taken_apart_within_its_bounds_and_leads_nowhere() {
    let module = module(5000, 2);
    let file = |name| gzip(&tar(&[(name, Entry::File(&module))]));
    for name in ["plugin.wasm", "./plugin.wasm", "a/b/plugin.wasm", "/etc/plugin.wasm", "../../plugin.wasm"] {
        assert_eq!(layer(TAR_GZIP, file(name)), Ok(5000), "{name}");
    }
    let link = |kind| gzip(&tar(&[("plugin.wasm", kind)]));
    for (name, bytes, expected) in [
        ("another name", file("filter.wasm"), "the archive has no file plugin.wasm (it has filter.wasm)"),
        ("a link", link(Entry::Link("/etc/shadow")), "plugin.wasm of the archive is no file but a link"),
        ("a bomb", gzip(&zeros()), "is larger than 7000 bytes"),
        ("a bomb of a file", link(Entry::File(&zeros())), "is larger than 7000 bytes"),
        ("no archive", gzip(b"text"), "the archive"),
        ("a module as it is", module.clone(), "the archive"),
        ("half of it", file("plugin.wasm")[..900].to_vec(), "it cannot be decompressed"),
        ("nothing in it", gzip(&tar(&[])), "the archive has no file plugin.wasm (it is empty)"),
        ("another file of that name", link(Entry::File(b"#!/bin/sh")), "it is no Wasm module"),
        ("an archive in it", link(Entry::File(&link(Entry::File(MODULE)))), "it is no Wasm module"),
    ] {
        let error = layer(TAR_GZIP, bytes).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
    assert_eq!(layer(CONTENT, module.clone()), Ok(5000));
    // A module is not unwrapped where the image says that it is one.
    assert!(layer(CONTENT, gzip(&module)).unwrap_err().contains("it is no Wasm module"));
    assert!(layer(CONTENT, support::module(7001, 2)).unwrap_err().contains("is larger than 7000 bytes"));
}

#[test]
fn manifests_are_read_within_their_bounds() {
    let mut large = descriptor(CONTENT, MODULE);
    large["size"] = json!(3_000_001);
    let mut huge = descriptor(CONTENT, MODULE);
    huge["size"] = json!(u64::MAX);
    let mut negative = descriptor(CONTENT, MODULE);
    negative["size"] = json!(-1);
    let mut elsewhere = descriptor(CONTENT, MODULE);
    elsewhere["digest"] = json!("sha256:../../../../etc/passwd");
    let mut padded = manifest(&[descriptor(CONTENT, MODULE)]);
    padded.resize(5 << 20, b' ');
    let many = vec![descriptor(CONTENT, MODULE); 2000];
    for (name, bytes, expected) in [
        ("no layers", manifest(&[]), "it has no layers"),
        ("many layers", manifest(&many), "it has 2000 layers"),
        ("a page", b"<html>".to_vec(), "the manifest of oci://"),
        ("nothing", Vec::new(), "the manifest of oci://"),
        ("depth", b"[".repeat(100_000), "the manifest of oci://"),
        ("length", padded, "is larger than 4194304 bytes"),
        ("a large layer", manifest(&[large]), "(3000001 bytes) is larger than 3000000 bytes"),
        ("a huge layer", manifest(&[huge]), "is larger than 3000000 bytes"),
        ("a layer of less than nothing", manifest(&[negative]), "the manifest of oci://"),
        ("a path for a digest", manifest(&[elsewhere]), "is no digest that is read"),
        ("a layer that is not there", manifest(&[descriptor(CONTENT, OTHER)]), "a layer of oci://"),
    ] {
        let error = image(bytes, vec![MODULE.to_vec()]).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
    assert_eq!(image(manifest(&[descriptor(CONTENT, MODULE)]), vec![MODULE.to_vec()]), Ok(8));
}

#[test]
fn a_transfer_that_breaks_is_begun_again_wherever_it_breaks() {
    let module = module(50_000, 3);
    let layer = descriptor(CONTENT, &module);
    let manifest = manifest(&[layer]);
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for (name, part, fault) in [
        ("no answer", "/manifests/", Does::Sends(Vec::new())),
        ("no HTTP", "/manifests/", Does::Sends(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        ("an error", "/manifests/", status(502)),
        ("a head that is cut", "/blobs/", Does::Sends(head(50_000)[..20].to_vec())),
        ("a body that is cut", "/blobs/", Does::Sends([head(50_000), module[..20_000].to_vec()].concat())),
        ("a length that is too long", "/manifests/", Does::Sends([head(2000), manifest.clone()].concat())),
        ("chunks without an end", "/blobs/", Does::Sends([chunked, b"4\r\n\0asm\r\n".to_vec()].concat())),
        // Without a length, the end of the connection is the end of the body, also where something on the way cut it.
        (
            "a body of no length that is cut",
            "/blobs/",
            Does::Sends([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), module[..20_000].to_vec()].concat()),
        ),
    ] {
        let (module, manifest) = (module.clone(), manifest.clone());
        let server = Server::start(move |got, before| match got.path.contains("/manifests/") {
            _ if got.path.contains(part) && before < 2 => fault.clone(),
            true => ok(manifest.clone()),
            false => ok(module.clone()),
        });
        let found = get(&request(server.image("acme/guard:1")));
        assert_eq!(found.map(|bytes| bytes.len()), Ok(50_000), "{name}");
        assert_eq!(server.count(part), 3, "{name}");
    }
}

#[test]
fn a_length_that_lies_fills_no_memory_and_more_than_a_layer_has_is_not_read() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n\0asm".to_vec();
    let server = Server::start(move |_, _| Does::Sends(head.clone()));
    let error = get(&request(server.url("/guard.wasm"))).unwrap_err();
    assert!(error.contains("is larger than 100000 bytes"), "{error}");
    assert_eq!(server.got().len(), 1);
    let manifest = manifest(&[descriptor(CONTENT, MODULE)]);
    let server = Server::start(move |got, _| match got.path.contains("/manifests/") {
        true => ok(manifest.clone()),
        false => ok(module(50_000, 4)),
    });
    let error = get(&request(server.image("acme/guard:1"))).unwrap_err();
    assert!(error.contains("the server sends more than the 8 bytes that the manifest says"), "{error}");
}
