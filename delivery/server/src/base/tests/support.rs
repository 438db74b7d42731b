//! Folders that are made up.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::super::{Classes, Contents, File};
use burgee_api::Problem;

/// The folder that stands for all.
pub(super) const DIR: &str = "bases";

/// A folder with these files.
pub(super) fn folder(files: &[(&str, &[u8])]) -> Contents {
    let mut folders = vec![PathBuf::from(DIR)];
    for (path, _) in files {
        let parents = Path::new(path).ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
        folders.extend(parents.map(|path| Path::new(DIR).join(path)));
    }
    folders.sort();
    folders.dedup();
    let file = |(path, bytes): &(&str, &[u8])| File {
        shown: format!("{DIR}/{path}"),
        path: PathBuf::from(path),
        bytes: Ok(Bytes::copy_from_slice(bytes)),
    };
    Contents { files: files.iter().map(file).collect(), folders }
}

/// Its classes, and what is told.
pub(super) fn load(files: &[(&str, &[u8])]) -> (Classes, Vec<Problem>) {
    Classes::of_contents(Path::new(DIR), &folder(files))
}

/// Its classes, of which nothing is told.
pub(super) fn good(files: &[(&str, &[u8])]) -> Classes {
    let (classes, problems) = load(files);
    assert_eq!(problems, [], "{}", told(&problems));
    classes
}

/// Problems as they are shown.
pub(super) fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// A cluster of this name as a text.
pub(super) fn cluster(name: &str) -> String {
    format!("{{\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: {name:?}}}")
}
