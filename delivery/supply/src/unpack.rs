//! Takes a module out of what it was fetched in: archives, compressed or not. Nothing is written anywhere, so no path in an
//! archive leads anywhere.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::error::SupplyError;

/// The file of an image that is its module.
pub(crate) const FILE: &str = "plugin.wasm";

/// How a Wasm core module begins; with other bytes after the first four it is something newer.
const MAGIC: &[u8] = b"\0asm";
const CORE: &[u8] = b"\x01\0\0\0";

/// What a component has there.
const COMPONENT: &[u8] = b"\x0d\0\x01\0";

/// How often something may be packed into something.
const MAX_NESTING: usize = 4;

/// How many entries of an archive are looked at.
const MAX_ENTRIES: usize = 10_000;

/// How many names an error shows.
const SHOWN: usize = 5;

/// Checks that bytes are a module as far as their beginning says.
pub(crate) fn module(what: &str, bytes: &[u8]) -> Result<(), SupplyError> {
    let reason = match bytes.strip_prefix(MAGIC) {
        Some(rest) if rest.starts_with(CORE) => return Ok(()),
        Some(rest) if rest.starts_with(COMPONENT) => {
            "it is a component; proxies run core modules: build it for wasm32-wasip1"
        }
        Some(_) => "it is of a version of Wasm that proxies do not run",
        None if bytes.is_empty() => "it is empty",
        None => "it is no Wasm module",
    };
    Err(SupplyError::form(what, reason))
}

/// The module of an image's layer: the first file `plugin.wasm` of its archive, in whatever folder.
pub(crate) fn from_layer(what: &str, layer: &[u8], limit: u64) -> Result<Vec<u8>, SupplyError> {
    let archive = if is_gzip(layer) { gunzip(what, layer, limit)? } else { layer.to_vec() };
    let mut others = Vec::new();
    let found = entries(what, &archive, limit, |name| {
        let is_it = name.rsplit('/').next() == Some(FILE);
        if !is_it && others.len() < SHOWN {
            others.push(name.to_owned());
        }
        is_it
    })?;
    let module = found.ok_or_else(|| {
        let has = if others.is_empty() {
            "it is empty".to_owned()
        } else {
            format!("it has {}", others.join(", "))
        };
        SupplyError::form(what, format!("the archive has no file {FILE} ({has})"))
    })?;
    self::module(what, &module)?;
    Ok(module)
}

/// The module of what an HTTP server gave: itself, or in an archive, or compressed, or both.
pub(crate) fn from_body(what: &str, body: Vec<u8>, limit: u64) -> Result<Vec<u8>, SupplyError> {
    let mut bytes = body;
    for _ in 0..MAX_NESTING {
        if bytes.starts_with(MAGIC) {
            break;
        }
        if is_gzip(&bytes) {
            bytes = gunzip(what, &bytes, limit)?;
        } else if is_tar(&bytes) {
            bytes = entries(what, &bytes, limit, |_| true)?
                .ok_or_else(|| SupplyError::form(what, "the archive has no file"))?;
        } else {
            break;
        }
    }
    if bytes.len() as u64 > limit {
        return Err(SupplyError::TooLarge { what: what.to_owned(), limit });
    }
    module(what, &bytes)?;
    Ok(bytes)
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar".as_slice())
}

fn gunzip(what: &str, bytes: &[u8], limit: u64) -> Result<Vec<u8>, SupplyError> {
    let mut out = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(limit.saturating_add(1));
    decoder
        .read_to_end(&mut out)
        .map_err(|error| SupplyError::form(what, format!("it cannot be decompressed: {error}")))?;
    if out.len() as u64 > limit {
        return Err(SupplyError::TooLarge { what: format!("{what}, decompressed,"), limit });
    }
    Ok(out)
}

/// The content of the first file whose name is wanted.
fn entries(
    what: &str,
    archive: &[u8],
    limit: u64,
    mut is_wanted: impl FnMut(&str) -> bool,
) -> Result<Option<Vec<u8>>, SupplyError> {
    let form = |error: io::Error| SupplyError::form(what, format!("the archive cannot be read: {error}"));
    let mut archive = tar::Archive::new(archive);
    for (at, entry) in archive.entries().map_err(form)?.enumerate() {
        if at >= MAX_ENTRIES {
            return Err(SupplyError::form(what, format!("the archive has more than {MAX_ENTRIES} entries")));
        }
        let mut entry = entry.map_err(form)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !is_wanted(&name) {
            continue;
        }
        if !kind.is_file() {
            return Err(SupplyError::form(
                what,
                format!("{name} of the archive is no file but a link or a device"),
            ));
        }
        if entry.size() > limit {
            return Err(SupplyError::TooLarge { what: format!("{name} of {what}"), limit });
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(form)?;
        if bytes.len() as u64 != entry.size() {
            return Err(SupplyError::form(what, format!("{name} of the archive is cut short")));
        }
        return Ok(Some(bytes));
    }
    Ok(None)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use tar::{Builder, EntryType, Header};

    use super::*;

    /// The least that is a module.
    pub(crate) const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// An archive of entries by name, kind and content. Names are written as they are, whatever they say.
    pub(crate) fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind, content) in entries {
            let mut header = Header::new_ustar();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn layer(bytes: &[u8]) -> Result<usize, String> {
        from_layer("a layer", bytes, 10_000).map(|module| module.len()).map_err(|error| error.to_string())
    }

    fn body(bytes: &[u8]) -> Result<usize, String> {
        from_body("a body", bytes.to_vec(), 4000)
            .map(|module| module.len())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_layer_s_module_is_found_in_whatever_folder() {
        let file = EntryType::Regular;
        for archive in [
            archive(&[("plugin.wasm", file, MODULE)]),
            archive(&[("a/", EntryType::Directory, b""), ("a/b/plugin.wasm", file, MODULE)]),
            archive(&[("./plugin.wasm", file, MODULE)]),
            // No path leads anywhere, as nothing is written.
            archive(&[("../../etc/plugin.wasm", file, MODULE)]),
            archive(&[("/etc/plugin.wasm", file, MODULE)]),
            archive(&[("readme", file, b"x"), ("plugin.wasm", file, MODULE), ("b/plugin.wasm", file, b"x")]),
        ] {
            assert_eq!(layer(&archive), Ok(8));
            assert_eq!(layer(&gzip(&archive)), Ok(8));
        }
    }

    #[test]
    fn what_is_in_the_way_of_a_module_is_said() {
        let file = EntryType::Regular;
        let long = vec![0; 20_000];
        let good = archive(&[("plugin.wasm", file, MODULE)]);
        for (bytes, expected) in [
            (archive(&[("other.wasm", file, MODULE)]), "no file plugin.wasm (it has other.wasm)"),
            (archive(&[]), "no file plugin.wasm (it is empty)"),
            (archive(&[("plugin.wasm", EntryType::Symlink, b"")]), "no file but a link or a device"),
            (archive(&[("plugin.wasm", EntryType::Link, b"")]), "no file but a link or a device"),
            (archive(&[("plugin.wasm", EntryType::Fifo, b"")]), "no file but a link or a device"),
            (archive(&[("plugin.wasm", file, b"text")]), "it is no Wasm module"),
            (archive(&[("plugin.wasm", file, b"")]), "it is empty"),
            (archive(&[("plugin.wasm", file, b"\0asm\x0d\0\x01\0")]), "it is a component"),
            (archive(&[("plugin.wasm", file, &long)]), "larger than 10000 bytes"),
            (gzip(&long), "larger than 10000 bytes"),
            (gzip(&vec![0; 50_000_000]), "larger than 10000 bytes"),
            (gzip(&good)[..20].to_vec(), "cannot be decompressed"),
            (good[..514].to_vec(), "plugin.wasm of the archive is cut short"),
            (good[..300].to_vec(), "the archive cannot be read"),
            (b"not an archive".to_vec(), "the archive"),
        ] {
            let error = layer(&bytes).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn a_body_is_unwrapped_as_often_as_anybody_wraps() {
        let file = EntryType::Regular;
        let tar = archive(&[("any.wasm", file, MODULE)]);
        for bytes in [MODULE.to_vec(), gzip(MODULE), tar.clone(), gzip(&tar), gzip(&gzip(&tar))] {
            assert_eq!(body(&bytes), Ok(8));
        }
        let often = (0..6).fold(MODULE.to_vec(), |bytes, _| gzip(&bytes));
        for (bytes, expected) in [
            (often, "no Wasm module"),
            (b"<html>".to_vec(), "no Wasm module"),
            (gzip(&vec![0; 100_000]), "larger than 4000 bytes"),
            (archive(&[]), "no Wasm module"),
            (archive(&[("a", EntryType::Symlink, b"")]), "no file but a link"),
        ] {
            let error = body(&bytes).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_unpacked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..700), at in 0usize..600) {
            let _ = from_layer("x", &bytes, 1000);
            let _ = from_body("x", bytes.clone(), 1000);
            // The same in the middle of something good.
            let mut archive = archive(&[("plugin.wasm", EntryType::Regular, MODULE)]);
            for (place, byte) in archive.iter_mut().skip(at).zip(&bytes) {
                *place = *byte;
            }
            let _ = from_layer("x", &archive, 1000);
            let _ = from_body("x", gzip(&archive), 10_000);
        }
    }
}
