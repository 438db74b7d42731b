//! Clusters of ours in a base. Each has its own name in its metadata, and what the base had instead of what holds it.

use burgee_api::Problem;

use super::{Before, KEY, Removal, path_of, plain};
use crate::edit::Path;
use crate::value::Value;
use crate::view::{self, Shape};

/// The keys of a mark.
const CLUSTER: &str = "cluster";
const LIST: &str = "list";
const STATIC_RESOURCES: &str = "static_resources";

/// What the values of a mark say of what holds the cluster.
const NOTHING: &str = "nothing";
const NULL: &str = "null";
const EMPTY: &str = "empty";

/// What a bootstrap has in the place of `static_resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// A message.
    There,
    /// Nothing.
    Nothing,
    /// Null.
    Null,
}

/// A cluster with its mark.
pub(crate) fn marked(mut fields: Vec<(String, Value)>, name: &str, before: Before, around: Around) -> Value {
    let mut mark = vec![(CLUSTER.to_owned(), Value::string(name))];
    let list = match before {
        Before::Nothing => None,
        Before::Null => Some(NULL),
        Before::Empty => Some(EMPTY),
    };
    let static_resources = match around {
        Around::There => None,
        Around::Nothing => Some(NOTHING),
        Around::Null => Some(NULL),
    };
    for (key, value) in [(LIST, list), (STATIC_RESOURCES, static_resources)] {
        mark.extend(value.map(|value| (key.to_owned(), Value::string(value))));
    }
    let metadata = Value::map([("filter_metadata", Value::map([(KEY, Value::Map(mark.into()))]))]);
    fields.push(("metadata".to_owned(), metadata));
    Value::Map(fields.into())
}

/// What the mark of a cluster says; none for one that is not ours.
fn read(cluster: &Value) -> Option<(Before, Around)> {
    let Value::Map(mark) = mark_of(cluster)? else { return None };
    let (mut named, mut before, mut around) = (false, Before::Nothing, Around::There);
    for (key, value) in mark {
        match (key.as_str(), value.as_str()?) {
            (CLUSTER, name) => named = name == view::name(cluster),
            (LIST, NULL) => before = Before::Null,
            (LIST, EMPTY) => before = Before::Empty,
            (STATIC_RESOURCES, NOTHING) => around = Around::Nothing,
            (STATIC_RESOURCES, NULL) => around = Around::Null,
            _ => return None,
        }
    }
    // A list that was there had something around it.
    let is_possible = before == Before::Nothing || around == Around::There;
    (named && is_possible).then_some((before, around))
}

/// What is in the place of our mark. Keys of metadata are nobody's field names, so they are compared as they are.
fn mark_of(cluster: &Value) -> Option<&Value> {
    let Value::Map(metadata) = cluster.at(&["metadata", "filter_metadata"])? else { return None };
    metadata.iter().find(|(key, _)| key == KEY).map(|(_, mark)| mark)
}

/// Takes the clusters of ours out, and what holds them where that is ours alone.
pub(super) fn removals(base: &Value, shape: Shape, removals: &mut Vec<Removal>) {
    let clusters = view::clusters(base, shape);
    let ours: Vec<(&Path, Before, Around)> = clusters
        .iter()
        .filter_map(|cluster| read(cluster.config).map(|(before, around)| (&cluster.path, before, around)))
        .collect();
    removals.extend(ours.iter().rev().map(|(path, _, _)| plain((*path).clone())));
    let (holder, list) = match shape {
        Shape::Response => (Path::default(), "resources"),
        _ => (path_of(&[STATIC_RESOURCES]), "clusters"),
    };
    let elements = match shape {
        Shape::Response => base.field(list),
        _ => base.at(&[STATIC_RESOURCES, list]),
    };
    let Some((_, before, around)) =
        ours.first().filter(|_| elements.is_some_and(|it| it.items().len() == ours.len()))
    else {
        return;
    };
    removals.extend(before.removal(holder.field(list)));
    let others = |value: &Value| match value {
        Value::Map(entries) => entries.iter().any(|(key, _)| !crate::value::is_field(key, list)),
        _ => true,
    };
    if *around != Around::There && base.field(STATIC_RESOURCES).is_some_and(|holder| !others(holder)) {
        removals.push(Removal { path: holder, leaves_null: *around == Around::Null });
    }
}

/// Clusters with a mark that is not what an overlay writes.
pub(super) fn foreign(base: &Value, shape: Shape) -> impl Iterator<Item = Problem> {
    view::clusters(base, shape).into_iter().filter(|cluster| mark_of(cluster.config).is_some()).map(
        |cluster| {
            let name = view::name(cluster.config);
            let what =
                format!("the cluster {name:?} has {KEY:?} in its metadata, and is none of Burgee's clusters");
            super::warning(cluster.path, what)
        },
    )
}
