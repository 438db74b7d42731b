//! What is ours in a base, so that it can be taken out again.
//!
//! Things are known by their content, not by a name alone: anybody may use a name. Filters are Wasm filters with
//! our VMs, refer to them in our way, or have a name and a type; `stats_tags` have a label and the regular expression that is made for it;
//! access logs and tracers have a name and a type; clusters have their own name in their metadata. Containers that the
//! overlay had to make look like anybody's: for those of `stats_tags` a note in the node's metadata names them, and of
//! all others what is in them says so. What is under our names and is not ours stays, with a warning.

pub(crate) mod clusters;

use burgee_api::{Problem, Severity};
use burgee_filter_config::stat_name;

use crate::codes;
use crate::edit::{Edit, Owner, Path};
use crate::lower::{self, access_log, connections, grpc_stats, native, plugin, tracing};
use crate::plan::problem;
use crate::text;
use crate::value::Value;
use crate::view::{self, Listener, Part, Shape};

/// The key of the note in `node.metadata`.
pub(crate) const KEY: &str = "burgee.dev/overlay";

/// The fields of listeners' parts that the overlay fills.
pub(crate) const ACCESS_LOG: &str = "access_log";
pub(crate) const TRACING: &str = "tracing";
pub(crate) const REQUEST_ID_EXTENSION: &str = "request_id_extension";

/// Containers that were not in the base.
const CREATED: &str = "created";
/// Containers that the base had as null.
const WAS_NULL: &str = "was_null";

/// The containers that an overlay may have to make, by path. A note that names anything else is not believed.
pub(crate) const CONTAINERS: [&[&str]; 4] =
    [&["stats_config"], &["stats_config", "stats_tags"], &["node"], &["node", "metadata"]];

/// What a base has in the place of a field that the overlay fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing, or a list with something in it, which goes on to say itself that it was there.
    #[default]
    Nothing,
    /// Null.
    Null,
    /// A list without elements.
    Empty,
}

impl Before {
    /// What a configuration has in that place.
    pub fn of(config: &Value, field: &str) -> Before {
        let Value::Map(entries) = config else { return Before::Nothing };
        match entries.iter().find(|(key, _)| crate::value::is_field(key, field)) {
            Some((_, Value::Null)) => Before::Null,
            Some((_, Value::List(items))) if items.is_empty() => Before::Empty,
            _ => Before::Nothing,
        }
    }

    /// How the name of what is put there says it. No provider's name gives such an end: `~` is not safe.
    pub fn suffix(self) -> &'static str {
        match self {
            Before::Nothing => "",
            Before::Null => "~null",
            Before::Empty => "~empty",
        }
    }

    /// What a name says.
    pub fn read(name: &str) -> Before {
        [Before::Null, Before::Empty]
            .into_iter()
            .find(|before| name.ends_with(before.suffix()))
            .unwrap_or_default()
    }

    /// Taking the field out again; none when it stays, as a list without elements.
    fn removal(self, path: Path) -> Option<Removal> {
        (self != Before::Empty).then(|| Removal { path, leaves_null: self == Before::Null })
    }
}

/// Something of ours to take out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removal {
    pub path: Path,
    /// The base had the field as null, and gets it back so.
    pub leaves_null: bool,
}

/// Everything of ours in a base, in the order in which it has to be taken out: each path is that of its thing once
/// the removals before it are done.
pub(crate) fn removals(base: &Value, shape: Shape) -> Vec<Removal> {
    let mut removals = Vec::new();
    for listener in view::listeners(base, shape) {
        for manager in &listener.managers {
            // From the end, so that an index holds when the ones after it are gone.
            for (i, filter) in manager.http_filters().iter().enumerate().rev() {
                if lower::is_http_filter(filter) || grpc_stats::is_filter(filter) || plugin::is_filter(filter)
                {
                    removals.push(plain(manager.filters_path().index(i)));
                }
            }
            tracing_removals(manager, &mut removals);
        }
        for part in logged(&listener) {
            log_removals(part, &mut removals);
        }
        // Behind what is in the proxies behind them, whose paths they are part of.
        let is_ours = |filter: &Value| connections::is_filter(filter) || plugin::is_filter(filter);
        let ours = listener.network_filters.iter().rev().filter(|(_, filter)| is_ours(filter));
        removals.extend(ours.map(|(path, _)| plain(path.clone())));
    }
    clusters::removals(base, shape, &mut removals);
    if shape == Shape::Bootstrap {
        bootstrap_removals(base, &mut removals);
    }
    removals
}

/// The parts of a listener that have access logs.
fn logged<'a>(listener: &'a Listener<'a>) -> impl Iterator<Item = &'a Part<'a>> {
    listener.managers.iter().chain(&listener.tcp_proxies).chain([&listener.own])
}

fn log_removals(part: &Part<'_>, removals: &mut Vec<Removal>) {
    let path = part.path.field(ACCESS_LOG);
    let logs = part.list(ACCESS_LOG);
    let is_ours = |log: &&Value| access_log::is_access_log(log) || native::is_logger(log);
    for (i, _) in logs.iter().enumerate().rev().filter(|(_, log)| is_ours(log)) {
        removals.push(plain(path.index(i)));
    }
    if let Some(first) = logs.first().filter(|_| logs.iter().all(|log| is_ours(&log))) {
        removals.extend(Before::read(view::name(first)).removal(path));
    }
}

fn tracing_removals(manager: &Part<'_>, removals: &mut Vec<Removal>) {
    let Some(found) = manager.config.field(TRACING).and_then(tracing::found) else {
        return;
    };
    removals.extend(found.tracing.removal(manager.path.field(TRACING)));
    let extension = manager.config.field(REQUEST_ID_EXTENSION);
    if let Some(before) = found.request_id
        && extension.is_some_and(tracing::is_request_id_extension)
    {
        removals.extend(before.removal(manager.path.field(REQUEST_ID_EXTENSION)));
    }
}

fn bootstrap_removals(base: &Value, removals: &mut Vec<Removal>) {
    let first = removals.len();
    let tags_path = Path::default().field("stats_config").field("stats_tags");
    let tags = base.at(&["stats_config", "stats_tags"]).map_or(&[][..], Value::items);
    for (i, tag) in tags.iter().enumerate().rev() {
        if tag_label(tag).is_some_and(|label| tag_name(tag) == label) {
            removals.push(plain(tags_path.index(i)));
        }
    }
    let Some(made) = base.at(&["node", "metadata", KEY]).and_then(Made::read) else {
        return;
    };
    removals.push(plain(Path::default().field("node").field("metadata").field(KEY)));

    // Only what is empty by now was made for our sake alone; the rest has become somebody's.
    let mut rest = Value::map([]);
    if let (Value::Map(rest), Value::Map(base)) = (&mut rest, base) {
        let touched =
            |key: &str| ["stats_config", "node"].iter().any(|name| crate::value::is_field(key, name));
        rest.extend(base.iter().filter(|(key, _)| touched(key)).cloned());
    }
    text::remove(&mut rest, &removals[first..]);
    for container in CONTAINERS.into_iter().rev() {
        let name = container.join(".");
        let (created, was_null) = (made.created.contains(&name), made.was_null.contains(&name));
        let empty = rest.at(container).is_none_or(Value::is_empty);
        if (created || was_null) && empty {
            let removal = Removal { path: path_of(container), leaves_null: was_null };
            text::remove(&mut rest, std::slice::from_ref(&removal));
            removals.push(removal);
        }
    }
}

/// The label that a tag's regular expression is made for, if it has our shape.
fn tag_label(tag: &Value) -> Option<&str> {
    stat_name::label_of_tag_regex(tag.field("regex")?.as_str()?)
}

fn tag_name(tag: &Value) -> &str {
    tag.field("tag_name").and_then(Value::as_str).unwrap_or_default()
}

/// What is under our names in a base without anything of ours, and so is somebody's.
pub(crate) fn foreign(base: &Value, shape: Shape) -> Vec<Problem> {
    let mut problems = Vec::new();
    for listener in view::listeners(base, shape) {
        for manager in &listener.managers {
            for (i, filter) in manager.http_filters().iter().enumerate() {
                let name = view::name(filter);
                if lower::is_our_name(name) || name == grpc_stats::NAME {
                    let what = format!(
                        "the HTTP filter {name:?} has a name of Burgee's, and is none of its filters"
                    );
                    problems.push(warning(manager.filters_path().index(i), what));
                }
            }
            let tracer = manager.config.at(&[TRACING, "provider"]).map(view::name);
            if let Some(name) = tracer.filter(|name| name.starts_with(tracing::PREFIX)) {
                let what = format!("the tracer {name:?} has a name of Burgee's, and is none of its tracers");
                problems.push(warning(manager.path.field(TRACING), what));
            }
        }
        for (path, filter) in &listener.network_filters {
            let name = view::name(filter);
            if connections::is_our_name(name) {
                let what =
                    format!("the network filter {name:?} has a name of Burgee's, and is none of its filters");
                problems.push(warning(path.clone(), what));
            }
        }
        for part in logged(&listener) {
            for (i, log) in part.list(ACCESS_LOG).iter().enumerate() {
                let name = view::name(log);
                if name.starts_with(access_log::PREFIX) || name.starts_with(native::PREFIX) {
                    let what =
                        format!("the access log {name:?} has a name of Burgee's, and is none of its logs");
                    problems.push(warning(part.path.field(ACCESS_LOG).index(i), what));
                }
            }
        }
    }
    problems.extend(clusters::foreign(base, shape));
    if shape != Shape::Bootstrap {
        return problems;
    }
    let path = path_of(&["stats_config", "stats_tags"]);
    let tags = base.at(&["stats_config", "stats_tags"]).map_or(&[][..], Value::items);
    for (i, tag) in tags.iter().enumerate() {
        if let Some(label) = tag_label(tag) {
            let name = tag_name(tag);
            let what =
                format!("the tag {name:?} has the expression of Burgee's tag {label:?}, and is not that tag");
            problems.push(warning(path.index(i), what));
        }
    }
    if has_note(base) {
        let what = format!("node.metadata has {KEY:?}, which is not what an overlay notes there");
        problems.push(warning(path_of(&["node", "metadata", KEY]), what));
    }
    problems
}

fn warning(path: Path, what: String) -> Problem {
    let help = "it stays as it is; give it another name, so that nobody takes it for Burgee's";
    problem(Severity::Warning, codes::NAME_OF_OURS, path.to_string(), what, help)
}

/// Why the containers that `stats_tags` need cannot be made here, or cannot be noted: the place that is taken, and
/// what would have to be there.
pub(crate) fn obstacle(base: &Value) -> Option<(Path, &'static str)> {
    let other_than = |path: &[&str], is: fn(&Value) -> bool| {
        base.at(path).is_some_and(|value| !is(value)).then(|| path_of(path))
    };
    let is_map = |value: &Value| matches!(value, Value::Map(_));
    let is_list = |value: &Value| matches!(value, Value::List(_));
    let tags = ["stats_config", "stats_tags"];
    if let Some(path) = other_than(&tags[..1], is_map) {
        return Some((path, "a message"));
    }
    if let Some(path) = other_than(&tags, is_list) {
        return Some((path, "a list"));
    }
    if base.at(&tags).is_some() {
        // Nothing has to be made, so nothing has to be noted.
        return None;
    }
    if let Some(path) = other_than(&["node"], is_map).or_else(|| other_than(&["node", "metadata"], is_map)) {
        return Some((path, "a message"));
    }
    has_note(base).then(|| (path_of(&["node", "metadata", KEY]), "the overlay's own note"))
}

/// Whether the key of the note is taken. In metadata null is a value like any other.
fn has_note(base: &Value) -> bool {
    let metadata = base.at(&["node", "metadata"]);
    matches!(metadata, Some(Value::Map(entries)) if entries.iter().any(|(key, _)| key == KEY))
}

/// Which containers an overlay had to make.
#[derive(Default)]
pub(crate) struct Made {
    created: Vec<String>,
    was_null: Vec<String>,
}

impl Made {
    /// Reads a note; none unless it is just what an overlay writes.
    fn read(note: &Value) -> Option<Made> {
        let Value::Map(entries) = note else { return None };
        let mut made = Made::default();
        for (key, names) in entries {
            let list = match key.as_str() {
                CREATED => &mut made.created,
                WAS_NULL => &mut made.was_null,
                _ => return None,
            };
            let Value::List(names) = names else { return None };
            for name in names {
                list.push(name.as_str()?.to_owned());
            }
            if names.is_empty() {
                return None;
            }
        }
        made.is_possible().then_some(made)
    }

    /// Whether an overlay can have made just these: each once and in order, the tags' list among them, and with a
    /// container all that is in it.
    fn is_possible(&self) -> bool {
        let all = CONTAINERS.map(|container| container.join("."));
        let in_order = |list: &[String]| {
            let places: Option<Vec<usize>> =
                list.iter().map(|name| all.iter().position(|known| known == name)).collect();
            places.is_some_and(|places| places.is_sorted_by(|a, b| a < b))
        };
        let made = all.each_ref().map(|name| (self.created.contains(name), self.was_null.contains(name)));
        let [(config_created, config_null), tags, (node_created, node_null), (metadata_created, _)] = made;
        in_order(&self.created)
            && in_order(&self.was_null)
            && made.iter().all(|made| *made != (true, true))
            && (tags.0 || tags.1)
            && (tags.0 || !(config_created || config_null))
            && (metadata_created || !(node_created || node_null))
    }

    /// Notes a container if the base does not have it.
    pub fn note(&mut self, base: &Value, container: &[&str]) -> bool {
        if base.at(container).is_some() {
            return false;
        }
        let (Some(last), parents) = (container.last(), &container[..container.len() - 1]) else {
            return false;
        };
        let null = base.at(parents).is_some_and(|parent| match parent {
            Value::Map(entries) => {
                entries.iter().any(|(key, value)| crate::value::is_field(key, last) && value.is_null())
            }
            _ => false,
        });
        let list = if null { &mut self.was_null } else { &mut self.created };
        list.push(container.join("."));
        true
    }

    /// The edits that write the note; none when nothing was made.
    pub fn edits(mut self, base: &Value) -> Vec<Edit> {
        const RULE: &str = "notes what the overlay made, so that it can be taken out again";
        let mut edits = Vec::new();
        if self.created.is_empty() && self.was_null.is_empty() {
            return edits;
        }
        for container in [&["node"][..], &["node", "metadata"][..]] {
            if self.note(base, container) {
                edits.push(Edit {
                    path: path_of(container),
                    owner: Owner::rule(RULE),
                    value: Value::map([]),
                });
            }
        }
        let list = |names: Vec<String>| Value::List(names.into_iter().map(Value::String).collect());
        let mut fields = Vec::new();
        for (key, names) in [(CREATED, self.created), (WAS_NULL, self.was_null)] {
            if !names.is_empty() {
                fields.push((key.to_owned(), list(names)));
            }
        }
        edits.push(Edit {
            path: Path::default().field("node").field("metadata").field(KEY),
            owner: Owner::rule(RULE),
            value: Value::Map(fields.into()),
        });
        edits
    }
}

pub(crate) fn path_of(names: &[&str]) -> Path {
    names.iter().fold(Path::default(), |path, name| path.field(*name))
}

fn plain(path: Path) -> Removal {
    Removal { path, leaves_null: false }
}
