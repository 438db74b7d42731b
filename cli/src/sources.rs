//! Reads texts from files, folders and standard input: all of the command line's reading.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use burgee_api::Severity;
use burgee_api::document::Source;
use burgee_api::origin::Place;
use burgee_api::problem::Problem;

use crate::Failure;
use crate::codes::NOT_TEXT;

/// Texts, and the files that are none.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Every text, by the order of the arguments and by name within a folder.
    pub texts: Vec<Source>,
    /// What is wrong with files.
    pub problems: Vec<Problem>,
}

/// What cargo and others put into a folder that can be made anew.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// Reads every path; folders with everything below them that ends in .yaml, .yml or .json and may be a document.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Sources, Failure> {
    read_wanted(paths, |bytes| !is_cases(bytes))
}

/// The same, where a folder may hold nothing.
pub(crate) fn read_or_nothing(paths: &[PathBuf]) -> Result<Sources, Failure> {
    let mut some = Vec::new();
    for path in paths {
        let mut files = Vec::new();
        collect(path, true, &mut HashSet::new(), &mut files)?;
        if !files.is_empty() {
            some.push(path.clone());
        }
    }
    read(&some)
}

/// Reads every path; folders with everything below them that ends so, cases of filters too.
pub(crate) fn read_cases(paths: &[PathBuf]) -> Result<Sources, Failure> {
    read_wanted(paths, |_| true)
}

/// Reads everything below a folder that ends so; nothing if the folder is not there or holds no such file.
///
/// # Errors
/// If anything of it cannot be read.
pub(crate) fn read_cases_below(folder: &Path) -> Result<Option<Sources>, Failure> {
    match std::fs::metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(folder, &error)),
        Ok(metadata) if !metadata.is_dir() => {
            let help = "cases are files in a folder of that name; name others with -f";
            return Err(Failure::new(format!("{} is no folder", folder.display()), help));
        }
        Ok(_) => {}
    }
    let mut files = Vec::new();
    collect(folder, true, &mut HashSet::new(), &mut files)?;
    if files.is_empty() { Ok(None) } else { read_cases(&[folder.to_owned()]).map(Some) }
}

/// Reads every path, and of folders what is wanted.
fn read_wanted(paths: &[PathBuf], is_wanted: impl Fn(&[u8]) -> bool) -> Result<Sources, Failure> {
    let mut sources = Sources::default();
    let mut seen = HashSet::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::new(format!("standard input cannot be read: {error}"), ""))?;
            sources.take("<stdin>", bytes);
            continue;
        }
        let mut files = Vec::new();
        let before = seen.len();
        collect(path, true, &mut seen, &mut files)?;
        if files.is_empty() && seen.len() == before {
            // Everything below it was read already.
            continue;
        }
        if files.is_empty() {
            return Err(Failure::new(
                format!("{} holds no .yaml, .yml or .json file", path.display()),
                "name another folder, or the files themselves",
            ));
        }
        for file in files {
            let bytes = std::fs::read(&file).map_err(|error| unreadable(&file, &error))?;
            if file != *path && !is_wanted(&bytes) {
                continue;
            }
            sources.take(&file.to_string_lossy(), bytes);
        }
    }
    Ok(sources)
}

/// Reads one file, or standard input for `-`.
pub(crate) fn read_one(path: &Path) -> Result<Sources, Failure> {
    if path.is_dir() {
        return Err(Failure::new(format!("{} is a folder", path.display()), "name one file"));
    }
    read(&[path.to_owned()])
}

impl Sources {
    fn take(&mut self, name: &str, bytes: Vec<u8>) {
        match String::from_utf8(bytes) {
            Ok(text) => self.texts.push(Source::new(name, text)),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let before = String::from_utf8_lossy(valid);
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
                let place = Place { file: name.into(), line, column, width: 1 };
                let message = "the file is not text in UTF-8";
                self.problems.push(
                    Problem::new(Severity::Error, NOT_TEXT, message).at(place, "").help("save it as UTF-8"),
                );
            }
        }
    }
}

/// Collects a file, or the documents below a folder. What was seen already, by whatever link, is left out.
fn collect(
    path: &Path,
    named: bool,
    seen: &mut HashSet<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let real = std::fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    if !seen.insert(real) {
        return Ok(());
    }
    if !metadata.is_dir() {
        // A pipe or a device below a folder would be waited for without end; one that is named is meant.
        if named || (metadata.is_file() && is_document(path)) {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    // What a crate beside documents has been built into is no document.
    if !named && path.join(CACHE_TAG).exists() {
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let entries: Result<Vec<PathBuf>, _> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut entries = entries.map_err(|error| unreadable(path, &error))?;
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_link_to_nothing = !hidden && !entry.exists();
        if is_link_to_nothing && is_document(&entry) {
            return Err(Failure::new(
                format!("{} is a link that leads nowhere", entry.display()),
                "mend the link, or take it away",
            ));
        }
        if !hidden && !is_link_to_nothing {
            collect(&entry, false, seen, files)?;
        }
    }
    Ok(())
}

fn is_document(path: &Path) -> bool {
    let is_text = |ending: &std::ffi::OsStr| {
        ["yaml", "yml", "json"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    };
    let is_schema = path.file_name().is_some_and(|name| name == burgee_modules::SCHEMA_FILE);
    path.extension().is_some_and(is_text) && !is_schema
}

/// Whether a text is a file of cases of a filter, which may stand beside documents: it has `cases` and no kind.
fn is_cases(bytes: &[u8]) -> bool {
    let has = |key: &str| bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(key.as_bytes()));
    has("cases:") && !has("kind:") && !has("apiVersion:")
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(
            format!("{} is not there", path.display()),
            "check the path; it is taken from the current folder",
        ),
        _ => Failure::new(format!("{} cannot be read: {error}", path.display()), "check its permissions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_folder_what_may_be_a_document_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write("a.yaml", "kind: A\n");
        write("b/c.yml", "cases: 1\nkind: B\n");
        write("b/cases.yaml", "defaults: {}\ncases: []\n");
        write("configuration.schema.json", "{}");
        write("target/CACHEDIR.TAG", "");
        write("target/d.json", "{}");
        write("e.txt", "");
        let read = |paths: &[PathBuf]| -> Vec<String> {
            let sources = read(paths).unwrap_or_else(|failure| panic!("{}", failure.message));
            let name = |source: &Source| source.name.rsplit('/').next().unwrap_or_default().to_owned();
            sources.texts.iter().map(name).collect()
        };
        assert_eq!(read(&[folder.path().to_owned()]), ["a.yaml", "c.yml"]);
        let cases =
            read_cases(&[folder.path().join("b")]).unwrap_or_else(|failure| panic!("{}", failure.message));
        assert_eq!(cases.texts.len(), 2);
        // What is named is meant.
        let named = ["target", "b/cases.yaml"].map(|name| folder.path().join(name));
        assert_eq!(read(&named), ["d.json", "cases.yaml"]);
    }
}
