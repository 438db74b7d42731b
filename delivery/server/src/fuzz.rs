//! What fuzzers try: any bytes where something is read that others wrote. None may make it panic, hang or lose a byte.
//!
//! The target in `tests/fuzz/targets` calls this, and so does a test, with what the fuzzers have found.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::base::{Classes, Contents, File};

/// The bytes are a file `.pb` of a base.
pub fn responses(bytes: &[u8]) {
    let dir = Path::new("base");
    let file = File {
        shown: "base/any.pb".to_owned(),
        path: PathBuf::from("any.pb"),
        bytes: Ok(Bytes::copy_from_slice(bytes)),
    };
    let contents = Contents { files: vec![file], folders: vec![dir.to_owned()] };
    let (classes, problems) = Classes::of_contents(dir, &contents);
    assert_eq!(classes.iter().next().is_none(), !problems.is_empty(), "it is taken, or it is said why not");
    let named = classes.iter().flat_map(|class| class.resources.types.values());
    for resource in named.flat_map(|named| named.values()) {
        let value = resource.value();
        assert!(!resource.name.is_empty(), "a resource has a name");
        let is_in_it = value.is_empty() || bytes.windows(value.len()).any(|part| part == value);
        assert!(is_in_it, "what is taken is in the file, byte for byte");
    }
}
