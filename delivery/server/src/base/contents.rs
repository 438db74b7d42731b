//! What a text of a base holds: resources, in whichever of the shapes that people have them.

use burgee_api::Place;
use burgee_api::document::tree::Source;
use burgee_api::problem::{Problem, Severity};
use burgee_overlay::{Path, Value};
use bytes::Bytes;
use prost_reflect::MessageDescriptor;

use super::binary::text_field;
use super::text::{Text, start};
use super::{descriptors, encode};
use crate::codes;

const RESPONSE: &str = "envoy.service.discovery.v3.DiscoveryResponse";
const BOOTSTRAP: &str = "envoy.config.bootstrap.v3.Bootstrap";
/// The wrapper that says a resource's name.
pub(super) const WRAPPER: &str = "envoy.service.discovery.v3.Resource";
/// The lists of a bootstrap's `static_resources`, and the types of what is in them.
const STATIC: [(&str, &str); 3] = [
    ("listeners", "envoy.config.listener.v3.Listener"),
    ("clusters", "envoy.config.cluster.v3.Cluster"),
    ("secrets", "envoy.extensions.transport_sockets.tls.v3.Secret"),
];

/// A resource that was found in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The URL of its type.
    pub type_url: String,
    /// Its name.
    pub name: String,
    /// The encoded message.
    pub value: Bytes,
    /// Where it is.
    pub place: Place,
    /// Its path in its file.
    pub path: String,
}

/// The resources of a text, and what is wrong with it or worth knowing. It is wrong if it has none.
pub(super) fn read(source: &Source, is_json: bool) -> (Vec<Found>, Vec<Problem>) {
    if source.text.trim().is_empty() {
        return (Vec::new(), vec![holds_nothing(source)]);
    }
    let (found, mut problems) = read_any(source, is_json);
    if found.is_empty() && problems.iter().all(|problem| problem.severity < Severity::Error) {
        problems.push(holds_nothing(source));
    }
    (found, problems)
}

/// The same of a text that may have none.
pub(super) fn read_any(source: &Source, is_json: bool) -> (Vec<Found>, Vec<Problem>) {
    let value = if is_json { Value::from_json(source) } else { Value::from_yaml(source) };
    let value = match value {
        Ok(value) => value,
        Err(problems) => return (Vec::new(), problems),
    };
    let mut reader = Reader { text: Text::new(source), found: Vec::new() };
    reader.file(&value);
    let Reader { text, found } = reader;
    (found, text.problems)
}

/// A file of a base without a resource.
pub(super) fn holds_nothing(source: &Source) -> Problem {
    Problem::new(Severity::Error, codes::NO_RESOURCES, "this file holds no resources")
        .at(start(&source.name), "")
        .help("delete it if that is meant; files that are saved in two steps are empty in between")
}

struct Reader<'s> {
    text: Text<'s>,
    found: Vec<Found>,
}

impl Reader<'_> {
    fn file(&mut self, value: &Value) {
        let root = Path::default();
        match value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.resource(item, &root.index(index), None);
                }
            }
            Value::Map(entries) => {
                let has = |name: &str| {
                    descriptors::message(name).is_some_and(|message| {
                        entries.iter().any(|(key, _)| descriptors::field(&message, key).is_some())
                    })
                };
                match value.any_type() {
                    Some(RESPONSE) => self.response(entries, &root),
                    Some(BOOTSTRAP) => self.bootstrap(entries, &root),
                    Some(_) => self.resource(value, &root, None),
                    None if value.field("resources").is_some() => self.response(entries, &root),
                    None if has(BOOTSTRAP) => self.bootstrap(entries, &root),
                    None if entries.is_empty() => {}
                    None => self.other(),
                }
            }
            _ => self.other(),
        }
    }

    fn other(&mut self) {
        let message = "this is no resource, nor anything that holds some".to_owned();
        let help =
            "a resource with its `@type`, a list of such, a DiscoveryResponse (`resources: […]`) or a whole \
                    bootstrap (`static_resources: …`) is wanted"
                .to_owned();
        self.text.tell(Severity::Error, codes::NO_RESOURCES, &Path::default(), message, help);
    }

    fn response(&mut self, entries: &[(String, Value)], path: &Path) {
        let Some(message) = descriptors::message(RESPONSE) else { return };
        for (key, value) in entries.iter().filter(|(key, _)| key != "@type") {
            let at = path.field(key);
            match descriptors::field(&message, key) {
                None => encode::tell_field(&mut self.text, &message, key, &at),
                Some(field) if field.name() == "resources" => {
                    for (item, at) in self.list(value, &at) {
                        self.resource(item, &at, None);
                    }
                }
                // The version and the nonce are ours to give.
                Some(_) => {}
            }
        }
    }

    /// A bootstrap: what is static in it are the resources of a base, and the rest of it stays the proxy's own.
    fn bootstrap(&mut self, entries: &[(String, Value)], path: &Path) {
        let Some(message) = descriptors::message(BOOTSTRAP) else { return };
        let mut others = Vec::new();
        for (key, value) in entries.iter().filter(|(key, _)| key != "@type") {
            let at = path.field(key);
            match descriptors::field(&message, key) {
                None => encode::tell_field(&mut self.text, &message, key, &at),
                Some(field) if field.name() == "static_resources" => self.static_resources(value, &at),
                Some(_) => others.push(key.as_str()),
            }
        }
        if !others.is_empty() {
            let message = format!("of this bootstrap, {} goes to no proxy from here", others.join(", "));
            let help =
                "only `static_resources` can be served; a proxy has the rest from the bootstrap that it is \
                        started with"
                    .to_owned();
            self.text.tell(Severity::Note, codes::BOOTSTRAP_REST, path, message, help);
        }
    }

    fn static_resources(&mut self, value: &Value, path: &Path) {
        let of =
            descriptors::message(BOOTSTRAP).and_then(|message| message.get_field_by_name("static_resources"));
        let Some(of) = of.and_then(|field| field.kind().as_message().cloned()) else { return };
        let Value::Map(entries) = value else { return };
        for (key, value) in entries.iter() {
            let at = path.field(key);
            let name = descriptors::field(&of, key).map(|field| field.name().to_owned());
            let known = STATIC.iter().find(|(list, _)| Some(*list) == name.as_deref());
            let Some(message) = known.and_then(|(_, message)| descriptors::message(message)) else {
                encode::tell_field(&mut self.text, &of, key, &at);
                continue;
            };
            for (item, at) in self.list(value, &at) {
                self.encoded(&message, item, &at, None);
            }
        }
    }

    fn list<'v>(&mut self, value: &'v Value, path: &Path) -> Vec<(&'v Value, Path)> {
        if !matches!(value, Value::List(_) | Value::Null) {
            let help = "write a list of resources".to_owned();
            self.text.tell(Severity::Error, codes::BAD_VALUE, path, "this is not a list".to_owned(), help);
        }
        value.items().iter().enumerate().map(|(index, item)| (item, path.index(index))).collect()
    }

    /// A resource that says its type.
    fn resource(&mut self, value: &Value, path: &Path, name: Option<&str>) {
        if !matches!(value, Value::Map(_)) {
            let help = "a message with its `@type` is wanted".to_owned();
            self.text.tell(Severity::Error, codes::BAD_VALUE, path, "this is no resource".to_owned(), help);
            return;
        }
        let Some(message) = encode::type_of(&mut self.text, value, path) else { return };
        if message.full_name() != WRAPPER {
            self.encoded(&message, value, path, name);
            return;
        }
        let name = value.field("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        match value.field("resource") {
            Some(inner) => self.resource(inner, &path.field("resource"), name),
            None => {
                let help = "write it into the field `resource`, with its `@type`".to_owned();
                let message = "a wrapper without a resource in it".to_owned();
                self.text.tell(Severity::Error, codes::BAD_VALUE, path, message, help);
            }
        }
    }

    fn encoded(&mut self, message: &MessageDescriptor, value: &Value, path: &Path, name: Option<&str>) {
        let Some(bytes) = encode::encode(&mut self.text, message, value, path) else { return };
        let field = descriptors::name_field(message);
        let own = || text_field(&bytes, field.as_ref()?.number()).filter(|name| !name.is_empty());
        let Some(name) = name.map(str::to_owned).or_else(own) else {
            let help = match &field {
                Some(field) => format!("write its field {}", field.name()),
                None => format!("its type has no name: wrap it in a {WRAPPER}, which says one"),
            };
            let message = format!("a {} without a name", message.full_name());
            self.text.tell(Severity::Error, codes::NAMELESS, path, message, help);
            return;
        };
        let place = self.text.place(path);
        let type_url = descriptors::type_url(message);
        self.found.push(Found { type_url, name, value: bytes.into(), place, path: path.to_string() });
    }
}
