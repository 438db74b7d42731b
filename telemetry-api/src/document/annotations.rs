//! Reads our own annotations, `burgee.dev/...`: what Istio's fields cannot say.

use super::reader::{Context, Field, Object, list, shorten};
use super::tree::{Node, NodeValue, ScalarStyle};
use crate::origin::{Place, Traced};
use crate::problem::{Problem, Severity, closest, codes};
use crate::resources::extension::MODULE_ANNOTATION;
use crate::resources::mesh_config::PEER_LABELS_ANNOTATION;
use crate::resources::metrics_engine::{METRICS_ENGINE_ANNOTATION, PEER_METADATA_ANNOTATION};
use crate::resources::workload_entry::{CALLS_ANNOTATION, Call, CallScheme};
use crate::resources::{MetricsEngine, PeerMetadata};

/// What every annotation of ours begins with.
const PREFIX: &str = "burgee.dev/";

/// The annotation of any document with the codes that are not to be told of it.
pub const IGNORE_ANNOTATION: &str = "burgee.dev/ignore";

/// The annotation that says how many values labels of metrics have: of a Telemetry, or of the ConfigMap that holds the
/// mesh's configuration, for all of them.
pub const LABEL_SIZES_ANNOTATION: &str = "burgee.dev/label-sizes";

/// Every annotation of ours but that of any document, and the kinds that have it.
const KNOWN: &[(&str, &[&str])] = &[
    (MODULE_ANNOTATION, &["WasmPlugin", "TrafficExtension"]),
    (CALLS_ANNOTATION, &["WorkloadEntry"]),
    (LABEL_SIZES_ANNOTATION, &["Telemetry"]),
    (METRICS_ENGINE_ANNOTATION, &["Telemetry"]),
    (PEER_METADATA_ANNOTATION, &["Telemetry"]),
    (PEER_LABELS_ANNOTATION, &["the mesh's configuration"]),
];

/// The annotations of a document. Problems with their form are those of the metadata, which is read elsewhere.
fn annotations<'a>(document: &Object<'a>, context: &Context) -> Option<Object<'a>> {
    let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
    document.get("metadata")?.any_object(&mut unheard)?.get("annotations")?.any_object(&mut unheard)
}

/// An annotation that is a text.
fn annotation<'a>(document: &Object<'a>, name: &str, context: &Context) -> Option<(Field<'a>, String)> {
    let field = annotations(document, context)?.get(name)?;
    let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
    let text = field.string(&mut unheard)?;
    Some((field, text))
}

/// Reports annotations that look like ours and mean nothing on this kind.
pub(super) fn unknown(kind: &str, document: &Object<'_>, context: &mut Context) {
    let Some(annotations) = annotations(document, context) else { return };
    for (name, key) in annotations.keys().filter(|(name, _)| name.starts_with(PREFIX)) {
        let elsewhere = KNOWN.iter().find(|(known, _)| *known == name);
        if name == IGNORE_ANNOTATION || elsewhere.is_some_and(|(_, kinds)| kinds.contains(&kind)) {
            continue;
        }
        let own = KNOWN.iter().filter(|known| known.1.contains(&kind)).map(|known| known.0);
        let names: Vec<&str> = own.chain([IGNORE_ANNOTATION]).collect();
        let help = match (elsewhere, closest(name, &names)) {
            (Some((_, kinds)), _) => format!("it belongs to {}; take it out here", list(kinds)),
            (None, Some(known)) => format!("did you mean `{known}`?"),
            (None, None) => {
                let all = KNOWN.iter().map(|(name, kinds)| format!("{name} ({})", list(kinds)));
                let all: Vec<String> = all.collect();
                format!("allowed: {}, {IGNORE_ANNOTATION} (any kind)", all.join(", "))
            }
        };
        let message = format!("the annotation `{}` means nothing on {kind}", shorten(name));
        context.report(Severity::Warning, codes::UNKNOWN_ANNOTATION, &key, message, help);
    }
}

/// Where a plugin's module is on this machine.
pub(super) fn module(document: &Object<'_>, context: &mut Context) -> Option<Traced<String>> {
    let (field, text) = annotation(document, MODULE_ANNOTATION, context)?;
    if text.trim().is_empty() {
        let help = "write a folder with a crate or a .wasm file, from the folder of this document";
        context.report(Severity::Error, codes::BAD_VALUE, &field, "the annotation is empty", help);
        return None;
    }
    Some(field.traced(context, text.trim().to_owned()))
}

/// What a workload calls.
pub(super) fn calls(document: &Object<'_>, context: &mut Context) -> Vec<Traced<Call>> {
    let Some((field, text)) = annotation(document, CALLS_ANNOTATION, context) else { return Vec::new() };
    let mut calls = Vec::new();
    for (url, place) in parts(&field, &text) {
        let value = NodeValue::Scalar { text: url.clone(), style: ScalarStyle::Quoted };
        let node = Node { place, tag: String::new(), value };
        let place = Field { node: &node, path: field.path.clone() };
        match call(&url) {
            Ok(call) => calls.push(place.traced(context, call)),
            Err(fault) => {
                let help = "write http://HOST[:PORT][/PATH], or h2c:// for HTTP/2, grpc://HOST[:PORT] or tcp://HOST:PORT; \
                            several separated by commas";
                let message = format!("`{}` cannot be called: {fault}", shorten(&url));
                context.report(Severity::Error, codes::BAD_CALL, &place, message, help);
            }
        }
    }
    calls
}

/// What makes metrics, as a document says it.
pub(super) fn metrics_engine(document: &Object<'_>, context: &mut Context) -> Option<Traced<MetricsEngine>> {
    choice(document, METRICS_ENGINE_ANNOTATION, MetricsEngine::NAMES, context)
}

/// Whether proxies tell each other who they are, as a document says it.
pub(super) fn peer_metadata(document: &Object<'_>, context: &mut Context) -> Option<Traced<PeerMetadata>> {
    choice(document, PEER_METADATA_ANNOTATION, PeerMetadata::NAMES, context)
}

/// An annotation that is one of a few words.
fn choice<T: Copy>(
    document: &Object<'_>,
    name: &str,
    choices: &[(&str, T)],
    context: &mut Context,
) -> Option<Traced<T>> {
    // What is no text is told with the metadata.
    let (field, _) = annotation(document, name, context)?;
    let value = field.choice(context, choices)?;
    Some(field.traced(context, value))
}

/// The labels that proxies tell each other, as a document of the mesh's configuration says it.
fn peer_labels(document: &Object<'_>, context: &mut Context) -> Option<Traced<Vec<String>>> {
    let (field, text) = annotation(document, PEER_LABELS_ANNOTATION, context)?;
    let mut labels: Vec<String> = Vec::new();
    for (label, place) in parts(&field, &text) {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if label.is_empty() || !label.chars().all(is_allowed) {
            let message = format!("`{}` is not the name of a label", shorten(&label));
            let help = "write the names of workloads' labels, several separated by commas, such as `team, example.com/role`";
            let problem = Problem::new(Severity::Error, codes::BAD_VALUE, message).help(help);
            context.problems.push(problem.at(place, field.path.clone()));
        } else if !labels.contains(&label) {
            labels.push(label);
        }
    }
    Some(field.traced(context, labels))
}

/// What a document of the mesh's configuration says of metrics.
type OfMesh = (Option<Traced<MetricsEngine>>, Option<Traced<PeerMetadata>>, Option<Traced<Vec<String>>>);

/// What a document of the mesh's configuration says of metrics. Where that is not one, nobody reads it.
pub(super) fn of_mesh(document: &Field<'_>, is_mesh: bool, context: &mut Context) -> OfMesh {
    let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
    let Some(object) = document.any_object(&mut unheard) else { return (None, None, None) };
    if is_mesh {
        return (
            metrics_engine(&object, context),
            peer_metadata(&object, context),
            peer_labels(&object, context),
        );
    }
    for name in [METRICS_ENGINE_ANNOTATION, PEER_METADATA_ANNOTATION, PEER_LABELS_ANNOTATION] {
        if let Some(field) = annotations(&object, context)
            .filter(|_| matches!(&*context.document.kind, "ConfigMap" | "IstioOperator" | "Istio"))
            .and_then(|annotations| annotations.get(name))
        {
            let message = format!("{name} means nothing here");
            let help = "it stands on a Telemetry, or where the mesh's configuration is";
            context.report(Severity::Warning, codes::UNKNOWN_ANNOTATION, &field, message, help);
        }
    }
    (None, None, None)
}

/// A code that a document asks not to be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// Where the document begins.
    pub document: Place,
    /// The code as it is written.
    pub code: String,
    /// Where it is written.
    pub place: Place,
    /// The annotation's path.
    pub path: String,
}

/// The codes that a document asks not to be told of it.
pub(super) fn ignores(document: &Field<'_>, context: &mut Context) -> Vec<Ignore> {
    let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
    let Some(object) = document.any_object(&mut unheard) else { return Vec::new() };
    let Some((field, text)) = annotation(&object, IGNORE_ANNOTATION, context) else { return Vec::new() };
    if text.trim().is_empty() {
        let help = "write the codes that are not to be told of this document, such as `BG0205, BG0501`";
        context.report(Severity::Error, codes::BAD_VALUE, &field, "the annotation is empty", help);
        return Vec::new();
    }
    let ignore = |(code, place)| Ignore { document: document.place(), code, place, path: field.path.clone() };
    parts(&field, &text).into_iter().map(ignore).collect()
}

/// How many values a document says that a label has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSize {
    /// Where the document begins.
    pub document: Place,
    /// Which documents it is for.
    pub reach: Reach,
    /// The label.
    pub label: String,
    /// How many values it has; at least 1.
    pub size: u64,
    /// Where that is written.
    pub place: Place,
    /// The annotation's path.
    pub path: String,
}

/// Which documents a size is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The one that it stands in.
    Document,
    /// All that a revision of the control plane reads.
    Revision(String),
}

impl LabelSize {
    /// Whether it says anything where a revision reads the documents.
    pub(crate) fn is_read_by(&self, revision: &str) -> bool {
        match &self.reach {
            Reach::Document => true,
            Reach::Revision(own) => own == revision,
        }
    }

    /// Whether it is for every document.
    pub(crate) fn is_for_all(&self) -> bool {
        self.reach != Reach::Document
    }
}

/// How many values a document says that labels have. `revision` is that of the mesh's configuration in it.
pub(super) fn label_sizes(
    document: &Field<'_>,
    revision: Option<&str>,
    context: &mut Context,
) -> Vec<LabelSize> {
    let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
    let Some(object) = document.any_object(&mut unheard) else { return Vec::new() };
    let reach = match (&*context.document.kind, revision) {
        ("Telemetry", _) => Reach::Document,
        (_, Some(revision)) => Reach::Revision(revision.to_owned()),
        ("ConfigMap" | "IstioOperator" | "Istio", None) => {
            if let Some((field, _)) = annotation(&object, LABEL_SIZES_ANNOTATION, &unheard) {
                let message = format!("{LABEL_SIZES_ANNOTATION} means nothing here");
                let help = "it stands on a Telemetry, or where the mesh's configuration is";
                context.report(Severity::Warning, codes::UNKNOWN_ANNOTATION, &field, message, help);
            }
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    let Some((field, text)) = annotation(&object, LABEL_SIZES_ANNOTATION, context) else { return Vec::new() };
    let mut sizes = Vec::new();
    for (part, place) in parts(&field, &text) {
        match label_size(&part) {
            Some((label, size)) => {
                if sizes.iter().any(|other: &LabelSize| other.label == label) {
                    let message = format!("`{}` is written twice; the last one counts", shorten(&label));
                    let problem = Problem::new(Severity::Warning, codes::BAD_LABEL_SIZE, message);
                    let help = "take one of them out";
                    context.problems.push(problem.at(place.clone(), field.path.clone()).help(help));
                }
                let (document, path) = (document.place(), field.path.clone());
                let reach = reach.clone();
                sizes.push(LabelSize { document, reach, label, size, place, path });
            }
            None => {
                let message = format!("`{}` is no label and a number", shorten(&part));
                let help =
                    "write LABEL=NUMBER, several separated by commas, such as `request_path=200, tenant=50`";
                let problem = Problem::new(Severity::Warning, codes::BAD_LABEL_SIZE, message).help(help);
                context.problems.push(problem.at(place, field.path.clone()));
            }
        }
    }
    sizes
}

fn label_size(text: &str) -> Option<(String, u64)> {
    let (label, size) = text.split_once('=')?;
    let (label, size) = (label.trim(), size.trim());
    let size: u64 = size.bytes().all(|byte| byte.is_ascii_digit()).then(|| size.parse().ok()).flatten()?;
    (!label.is_empty() && size > 0).then(|| (label.to_owned(), size))
}

/// The parts of a text between commas, each with where it stands as far as that is known.
fn parts(field: &Field<'_>, text: &str) -> Vec<(String, Place)> {
    let first = first_column(field);
    let mut before = 0;
    let mut parts = Vec::new();
    for part in text.split(',') {
        let blank = part.chars().take_while(|c| c.is_whitespace()).count();
        let inner = part.trim();
        let mut place = field.place();
        if let Some(column) = first {
            place.column = column + before + blank;
            place.width = inner.chars().count().max(1);
        }
        parts.push((inner.to_owned(), place));
        before += part.chars().count() + 1;
    }
    parts
}

/// The column of a text's first character, if the whole text stands on one line as it reads: the parts of one that is
/// escaped or folded have no columns of their own.
fn first_column(field: &Field<'_>) -> Option<usize> {
    let NodeValue::Scalar { text, style } = &field.node.value else { return None };
    let quotes = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::Quoted => 1,
        ScalarStyle::Block => return None,
    };
    let place = &field.node.place;
    (place.width == text.chars().count() + 2 * quotes).then_some(place.column + quotes)
}

fn call(url: &str) -> Result<Call, String> {
    if url.is_empty() {
        return Err("it is empty".to_owned());
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err("it does not begin with `http://`".to_owned());
    };
    let names = CallScheme::NAMES;
    let Some((_, scheme)) = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme)).copied() else {
        let names: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
        return Err(format!(
            "only {} are called: the proxy beside the workload adds what is to be encrypted",
            names.join(", ")
        ));
    };
    if let Some(odd) =
        rest.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '#' || !c.is_ascii())
    {
        return Err(format!("a URL to call has no {odd:?}"));
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port_number(port)?),
        None if scheme == CallScheme::Tcp => return Err("a connection over TCP needs a port".to_owned()),
        None => (authority, Call::DEFAULT_PORT),
    };
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(format!("`{}` is not a host", shorten(host)));
    }
    let path = match (scheme, path) {
        (CallScheme::Tcp, "" | "/") => "/".to_owned(),
        (CallScheme::Tcp, _) => return Err("a connection over TCP has no path".to_owned()),
        (CallScheme::Grpc, "" | "/") => Call::DEFAULT_METHOD.to_owned(),
        (_, path) if path.starts_with('/') => path.to_owned(),
        (_, path) => format!("/{path}"),
    };
    Ok(Call { scheme, host: host.to_ascii_lowercase(), port, path })
}

fn port_number(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(format!("`{}` is not a port (1 to 65535)", shorten(text))),
    }
}

#[cfg(test)]
mod tests;
