//! A base's folder: what is read of it, and which class each file is of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burgee_api::document::tree::Source;
use burgee_api::problem::{Problem, Severity};
use bytes::Bytes;
use walkdir::WalkDir;

use super::audience::Audience;
use super::contents::{self, Found};
use super::text::start;
use super::{ALL, Class, binary};
use crate::codes;
use crate::resource::{Resource, Snapshot};

/// The name, without its extension, of the file that says for whom a class is.
const CLASS_FILE: &str = "class";

/// What was read of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The files that count, by path.
    pub files: Vec<File>,
    /// The folders that were gone through, this one first.
    pub folders: Vec<PathBuf>,
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What to call it in messages.
    pub shown: String,
    /// Its path from the folder.
    pub path: PathBuf,
    /// What it holds, or why it cannot be read.
    pub bytes: Result<Bytes, String>,
}

/// Reads a folder. Names that begin with a dot, and files that are neither YAML, nor JSON, nor `.pb`, do not count.
pub(super) fn read(dir: &Path) -> Contents {
    let mut contents = Contents::default();
    let is_hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
    let walk = WalkDir::new(dir).follow_links(true).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !is_hidden(entry)) {
        let (path, bytes) = match entry {
            Ok(entry) if entry.file_type().is_dir() => {
                contents.folders.push(entry.into_path());
                continue;
            }
            Ok(entry) => {
                if Format::of(entry.path()).is_none() {
                    continue;
                }
                let bytes = std::fs::read(entry.path()).map(Bytes::from).map_err(|error| error.to_string());
                (entry.into_path(), bytes)
            }
            Err(error) => {
                let path = error.path().unwrap_or(dir).to_owned();
                let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                (path, Err(cause))
            }
        };
        let shown = path.display().to_string();
        let path = path.strip_prefix(dir).map(Path::to_owned).unwrap_or_default();
        contents.files.push(File { shown, path, bytes });
    }
    contents
}

/// How a file is written, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Yaml,
    Json,
    Encoded,
}

impl Format {
    fn of(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()? {
            "yaml" | "yml" => Some(Format::Yaml),
            "json" => Some(Format::Json),
            "pb" => Some(Format::Encoded),
            _ => None,
        }
    }
}

/// A class as its files have it.
pub(super) struct Draft<'f> {
    /// Its name.
    pub name: String,
    default: Audience,
    files: Vec<&'f File>,
    /// Where its `class.yaml` has to be.
    class_folder: PathBuf,
}

/// The classes that files make up, and what is wrong with how they lie.
pub(super) fn drafts(contents: &Contents) -> (Vec<Draft<'_>>, Vec<Problem>) {
    let mut folders: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    let mut own: Vec<&File> = Vec::new();
    let mut problems = Vec::new();
    for file in &contents.files {
        let mut parts = file.path.iter();
        match (parts.next().and_then(|part| part.to_str()), parts.next()) {
            (Some(folder), Some(_)) => folders.entry(folder).or_default().push(file),
            // The folder itself, which cannot be read.
            (None, _) => problems.extend(unreadable(file)),
            (Some(_), None) => own.push(file),
        }
    }
    // A folder with nothing in it is a class whose files are gone, not one that was never there.
    let dir = contents.folders.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
    let below = contents.folders.iter().filter_map(|folder| folder.strip_prefix(dir).ok()?.to_str());
    let names: BTreeSet<&str> = below.filter(|name| !name.is_empty() && !name.contains('/')).collect();
    for name in names {
        folders.entry(name).or_default();
    }
    if !folders.is_empty() {
        problems.extend(own.iter().map(|file| {
            Problem::new(Severity::Error, codes::MIXED_BASE, "this file is beside the folders of classes")
                .at(start(&file.shown.as_str().into()), "")
                .help("put it into the folder of the class that it is for; without any folder, all files are one class")
        }));
        own.clear();
    }
    let mut drafts: Vec<Draft<'_>> = folders
        .into_iter()
        .map(|(name, files)| Draft {
            name: name.to_owned(),
            default: Audience::of_folder(name),
            files,
            class_folder: PathBuf::from(name),
        })
        .collect();
    if !own.is_empty() {
        drafts.push(Draft {
            name: ALL.to_owned(),
            default: Audience::default(),
            files: own,
            class_folder: PathBuf::new(),
        });
    }
    (drafts, problems)
}

fn unreadable(file: &File) -> Option<Problem> {
    let cause = file.bytes.as_ref().err()?;
    let message = format!("cannot read {}: {cause}", file.shown);
    let problem = Problem::new(Severity::Error, codes::UNREADABLE_BASE, message);
    Some(problem.help("see that it is there and that the server may read it"))
}

impl Draft<'_> {
    /// The class, unless something is wrong with it, and what is told of it.
    pub(super) fn class(self) -> (Option<Class>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut audience = self.default.clone();
        let mut found = Vec::new();
        for file in &self.files {
            problems.extend(unreadable(file));
            let Ok(bytes) = &file.bytes else { continue };
            let is_class = file.path.file_stem().is_some_and(|stem| stem == CLASS_FILE)
                && Format::of(&file.path) != Some(Format::Encoded);
            if is_class && file.path.parent() == Some(&self.class_folder) {
                match text(file, bytes) {
                    Ok(source) => {
                        let (read, told) = Audience::read(&source);
                        audience = read;
                        problems.extend(told);
                    }
                    Err(problem) => problems.push(*problem),
                }
                continue;
            }
            let (resources, told) = resources(file, bytes);
            found.extend(resources);
            problems.extend(told);
        }
        let (snapshot, told) = snapshot(found);
        problems.extend(told);
        let is_good = problems.iter().all(|problem| problem.severity < Severity::Error);
        if is_good && snapshot.types.is_empty() {
            let message = format!("the class {} has no resources", self.name);
            let help =
                "its proxies would lose all that they have; delete the folder if nobody is of this class";
            problems.push(Problem::new(Severity::Error, codes::EMPTY_CLASS, message).help(help));
            return (None, problems);
        }
        (is_good.then(|| Class::new(&self.name, audience, snapshot)), problems)
    }
}

fn text(file: &File, bytes: &Bytes) -> Result<Source, Box<Problem>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("cannot read {}: {error}", file.shown);
        Problem::new(Severity::Error, codes::UNREADABLE_BASE, message).help("save it as UTF-8")
    })?;
    Ok(Source::new(file.shown.as_str(), text))
}

fn resources(file: &File, bytes: &Bytes) -> (Vec<Found>, Vec<Problem>) {
    let format = Format::of(&file.path);
    if format == Some(Format::Encoded) {
        return binary::read(&Source::new(file.shown.as_str(), ""), bytes);
    }
    match text(file, bytes) {
        Ok(source) => contents::read(&source, format == Some(Format::Json)),
        Err(problem) => (Vec::new(), vec![*problem]),
    }
}

/// Resources by type and name, and what is there twice.
pub(super) fn snapshot(found: Vec<Found>) -> (Snapshot, Vec<Problem>) {
    let mut snapshot = Snapshot::default();
    let mut problems = Vec::new();
    let mut places = BTreeMap::new();
    for Found { type_url, name, value, place, path } in found {
        match places.get(&(type_url.clone(), name.clone())) {
            Some(first) => {
                let kind = super::descriptors::full_name(&type_url);
                let message = format!("there is a {kind} {name:?} already, at {first}");
                let help = "names are unique within a class; take one of them out or rename it";
                problems
                    .push(Problem::new(Severity::Error, codes::DOUBLED, message).at(place, path).help(help));
            }
            None => {
                snapshot.insert(&type_url, Resource::new(&type_url, name.as_str(), value).into());
                places.insert((type_url, name), place);
            }
        }
    }
    (snapshot, problems)
}
