//! Attributes: what a test says of them, what a module set itself, and what Envoy would know of the stream.

use std::collections::{BTreeMap, BTreeSet};

use crate::Value;
use crate::abi::Status;
use crate::attributes;
use crate::contexts::Kind;
use crate::state::State;

/// Where an attribute is: its parts. From text, its parts are what dots separate; from an array, parts may have dots.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub(crate) Vec<Vec<u8>>);

impl From<&str> for Path {
    fn from(text: &str) -> Path {
        if text.is_empty() {
            return Path::default();
        }
        Path(text.split('.').map(|part| part.as_bytes().to_vec()).collect())
    }
}

impl<const N: usize> From<[&str; N]> for Path {
    fn from(parts: [&str; N]) -> Path {
        Path(parts.iter().map(|part| part.as_bytes().to_vec()).collect())
    }
}

impl<P: AsRef<[u8]>> From<&[P]> for Path {
    fn from(parts: &[P]) -> Path {
        Path(parts.iter().map(|part| part.as_ref().to_vec()).collect())
    }
}

/// What a test says of attributes: a value, or that there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mocks(BTreeMap<Path, Option<Value>>);

impl Mocks {
    pub(crate) fn set(&mut self, path: Path, value: Option<Value>) {
        self.0.insert(path, value);
    }

    /// What is said of the longest beginning of the path, and how long that is.
    fn find(&self, path: &[Vec<u8>]) -> Option<(usize, Option<&Value>)> {
        if self.0.is_empty() {
            return None;
        }
        (0..=path.len()).rev().find_map(|length| {
            let said = self.0.get(&Path(path.get(..length)?.to_vec()))?;
            Some((length, said.as_ref()))
        })
    }

    /// What is said of attributes below the path: the rest of each path, and the value.
    fn below<'a>(&'a self, path: &'a [Vec<u8>]) -> impl Iterator<Item = (&'a [Vec<u8>], Option<&'a Value>)> {
        self.0.iter().filter_map(|(at, value)| {
            let rest = at.0.strip_prefix(path)?;
            if rest.is_empty() { None } else { Some((rest, value.as_ref())) }
        })
    }
}

/// What a module set for a stream with `proxy_set_property`, and foreign functions with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterState {
    /// By the whole path, as Envoy keeps it: `wasm.` before it is left out here.
    pub(crate) set: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Objects of Envoy's own by their keys.
    pub(crate) objects: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What is said of all streams.
pub(crate) struct Properties {
    mocks: Mocks,
}

impl Properties {
    pub(crate) fn new(mocks: Mocks) -> Properties {
        Properties { mocks }
    }

    pub(crate) fn set(&mut self, path: Path, value: Option<Value>) {
        self.mocks.set(path, value);
    }
}

/// The parts of a path as a module gives it, read as Envoy reads it: a zero byte at the end separates nothing.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = path.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    if parts.last().is_some_and(Vec::is_empty) {
        parts.pop();
    }
    parts
}

/// An attribute as the module at hand sees it now.
pub(crate) fn get(state: &State, path: &[u8]) -> Result<Value, Status> {
    let parts = parts(path);
    if parts.is_empty() {
        return Err(Status::SerializationFailure);
    }
    // What a module set is found by its whole path first, which has no other meaning to Envoy.
    find(state, &parts).ok_or(Status::NotFound)
}

/// An attribute by its parts.
pub(crate) fn find(state: &State, path: &[Vec<u8>]) -> Option<Value> {
    let stream = mocks_of(state);
    let said = stream.and_then(|mocks| mocks.find(path));
    let of_all = state.properties.mocks.find(path);
    let said = match (said, of_all) {
        (Some(stream), Some(all)) if all.0 > stream.0 => Some(all),
        (Some(stream), _) => Some(stream),
        (None, all) => all,
    };
    if !attributes::is_there(state, path) {
        return None;
    }
    let value = match said {
        Some((length, value)) => descend(value.cloned(), path.get(length..)?),
        None => attributes::find(state, path),
    };
    let below =
        state.properties.mocks.below(path).chain(stream.into_iter().flat_map(|mocks| mocks.below(path)));
    overlay(value, below)
}

/// All that there is below a first part, for expressions.
pub(crate) fn tree(state: &State, first: &str) -> Option<Value> {
    let path = [first.as_bytes().to_vec()];
    let whole = find(state, &path);
    let known = attributes::names_below(first);
    if known.is_empty() {
        return whole;
    }
    let of_stream = mocks_of(state).into_iter().flat_map(|mocks| mocks.below(&path));
    let said =
        state.properties.mocks.below(&path).chain(of_stream).filter_map(|(rest, _)| rest.first().cloned());
    let names: BTreeSet<Vec<u8>> = known.iter().map(|name| name.as_bytes().to_vec()).chain(said).collect();
    let entry = |name: Vec<u8>| {
        let value = find(state, &[path[0].clone(), name.clone()])?;
        Some((Value::Text(name), value))
    };
    Some(Value::Map(names.into_iter().filter_map(entry).collect()))
}

/// What is said of the stream at hand alone.
fn mocks_of(state: &State) -> Option<&Mocks> {
    match &state.stream()?.kind {
        Kind::Http(http) => Some(&http.mocks),
        Kind::Tcp(tcp) => Some(&tcp.mocks),
        Kind::Vm | Kind::Root(_) => None,
    }
}

/// What is in a value by the rest of a path.
pub(crate) fn descend(value: Option<Value>, rest: &[Vec<u8>]) -> Option<Value> {
    rest.iter().fold(value, |value, part| value?.part(part))
}

/// A map with what is said of its entries one by one.
fn overlay<'a>(
    value: Option<Value>,
    below: impl Iterator<Item = (&'a [Vec<u8>], Option<&'a Value>)>,
) -> Option<Value> {
    // What has a value of another kind is as it is.
    if value.as_ref().is_some_and(|value| !matches!(value, Value::Map(_))) {
        return value;
    }
    below.fold(value, |value, (rest, said)| {
        let was_there = value.is_some();
        let mut entries = if let Some(Value::Map(entries)) = value { entries } else { Vec::new() };
        let (first, deeper) = rest.split_first()?;
        let key = Value::text(first);
        let at = entries.iter().position(|(known, _)| *known == key);
        let old = at.map(|at| entries.remove(at).1);
        let new = if deeper.is_empty() { said.cloned() } else { overlay(old, [(deeper, said)].into_iter()) };
        if let Some(new) = new {
            entries.push((key, new));
        }
        // That something is missing makes no map of nothing.
        (was_there || !entries.is_empty()).then_some(Value::Map(entries))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_as_envoy_splits_it() {
        assert_eq!(parts(b"request\0path"), [b"request".to_vec(), b"path".to_vec()]);
        assert_eq!(parts(b"a\0"), [b"a".to_vec()]);
        assert_eq!(parts(b"a\0\0b"), [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]);
        assert!(parts(b"").is_empty());
        assert_eq!(Path::from("a.b"), Path::from(["a", "b"]));
    }

    #[test]
    fn the_longest_beginning_counts_and_entries_go_over_a_map() {
        let mut mocks = Mocks::default();
        mocks.set("a".into(), Some(Value::map([("x", Value::Int(1))])));
        mocks.set("a.b".into(), None);
        mocks.set(["a", "h", "c.d"].into(), Some(Value::Int(2)));
        let path = |text: &str| Path::from(text).0;
        assert_eq!(mocks.find(&path("a.b.c")), Some((2, None)));
        assert_eq!(mocks.find(&path("a.x")).map(|found| found.0), Some(1));
        assert_eq!(mocks.find(&path("b")), None);
        let whole = overlay(None, mocks.below(&path("a")));
        let inner = whole.and_then(|map| map.part(b"h")).and_then(|map| map.part(b"c.d"));
        assert_eq!(inner, Some(Value::Int(2)));
        mocks.set("c.d.e".into(), None);
        assert_eq!(overlay(None, mocks.below(&path("c"))), None);
    }
}
