//! One row of the specification as a file: a sentence, documents, and last what comes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burgee_api::document::Source;
use burgee_api::document::tree::{Node, NodeValue, parse};
use burgee_api::resolve::{Workload, WorkloadKind};

/// Words by which a row says that it surprises. Then `check` must say something, and the row what.
const SURPRISES: [&str; 4] = ["QUIRK", "GAP", "trap", "warning"];

/// What stands in each row of a folder: the mesh, which a row can go on with, and what else there is.
pub struct World {
    mesh: String,
    others: String,
    base: String,
}

impl World {
    /// The world of a folder.
    pub fn read(folder: &Path) -> World {
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        World { mesh: text("mesh.yaml"), others: text("others.yaml"), base: text("base.yaml") }
    }
}

/// A row.
pub struct Row {
    /// Its name, such as `T16`.
    pub name: String,
    /// The documents, those of its folder first.
    pub sources: Vec<Source>,
    /// The proxy that it is about, where that is not the usual one.
    pub proxy: Option<Workload>,
    /// The control plane's environment.
    pub environment: BTreeMap<String, String>,
    /// The place in Envoy's configuration that it is about.
    pub place: Option<String>,
    /// What that configuration is before.
    pub base: Option<Source>,
    /// The chains of filters that it is about.
    pub chains: Vec<String>,
    /// What comes of it, in the notation of the specification, by key.
    pub expected: BTreeMap<String, String>,
    /// Whether it is one that surprises.
    pub surprises: bool,
}

impl Row {
    /// A row by its text.
    ///
    /// # Errors
    /// If the text is not of the form that `README.md` in the folder of the rows describes.
    pub fn parse(name: &str, world: &World, text: &str) -> Result<Row, String> {
        let sentence: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        if !sentence.starts_with(&format!("# {name}: ")) {
            return Err(format!("the first line must begin with `# {name}: `"));
        }
        let (documents, last) = text.rsplit_once("---\n").ok_or("there is no last document")?;
        let (mut proxy, mut labels, mut chains) = (None, BTreeMap::new(), Vec::new());
        let (mut place, mut environment) = (None, BTreeMap::new());
        let mut expected = None;
        for (key, value) in entries(&document(last)?)? {
            match key.as_str() {
                "proxy" => proxy = Some(text_of(value)?),
                "place" => place = Some(text_of(value)?),
                "environment" => environment = texts(value)?,
                "labels" => labels = texts(value)?,
                "chains" => chains = text_of(value)?.split(", ").map(str::to_owned).collect(),
                "expect" => expected = Some(texts(value)?),
                _ => return Err(format!("`{key}` means nothing")),
            }
        }
        Ok(Row {
            name: name.to_owned(),
            sources: sources(name, world, documents),
            proxy: proxy.map(|proxy| workload(&proxy, labels)).transpose()?,
            base: place.is_some().then(|| Source::new("base.yaml", world.base.as_str())),
            place,
            environment,
            chains,
            expected: expected.ok_or("there is no `expect`")?,
            surprises: sentence.split(|c: char| !c.is_alphabetic()).any(|word| SURPRISES.contains(&word)),
        })
    }

    /// Turns the order of all documents round.
    pub fn turn(&mut self) {
        self.sources.reverse();
        for source in &mut self.sources {
            let documents: Vec<&str> = source.text.split("---\n").collect();
            let turned = documents.into_iter().rev().collect::<Vec<_>>().join("---\n");
            *source = Source::new(source.name.clone(), turned);
        }
    }

    /// Each document of the row on its own, with what its folder holds, by the document's name.
    pub fn documents(&self) -> Vec<(String, Vec<Source>)> {
        let (own, shared) = self.sources.split_last().expect("a row has documents");
        let name = |text: &str| {
            let line = text.lines().find_map(|line| line.trim_start().strip_prefix("name: "));
            line.unwrap_or_default().to_owned()
        };
        let alone =
            |text: &str| shared.iter().cloned().chain([Source::new(own.name.clone(), text)]).collect();
        own.text.split("---\n").map(|text| (name(text), alone(text))).collect()
    }
}

/// The sources of a row. What its first document says of the mesh, having no kind, goes on with the folder's mesh.
fn sources(name: &str, world: &World, documents: &str) -> Vec<Source> {
    let (first, rest) = documents.split_once("---\n").unwrap_or((documents, ""));
    let (of_mesh, own) = if first.contains("kind: ") { ("", documents) } else { (first, rest) };
    let mesh = Source::new("mesh.yaml", format!("{}{of_mesh}", world.mesh));
    let others = Source::new("others.yaml", world.others.as_str());
    let own = Source::new(format!("{name}.yaml"), own);
    [mesh, others, own].into_iter().filter(|source| !source.text.trim().is_empty()).collect()
}

/// A proxy by its notation: `sidecar NAMESPACE/NAME` or `gateway NAMESPACE/NAME`.
fn workload(notation: &str, labels: BTreeMap<String, String>) -> Result<Workload, String> {
    let parts = notation.split_once(' ').and_then(|(kind, name)| Some((kind, name.split_once('/')?)));
    let (kind, (namespace, name)) = parts.ok_or_else(|| format!("`{notation}` is no proxy"))?;
    let kind = match kind {
        "sidecar" => WorkloadKind::Sidecar,
        "gateway" => WorkloadKind::Gateway,
        _ => return Err(format!("`{kind}` is no kind of proxy")),
    };
    Ok(Workload::new(kind, namespace, name, labels))
}

fn document(text: &str) -> Result<Node, String> {
    let (mut documents, problems) = parse(&Source::new("the last document", text));
    match (documents.pop(), problems.first()) {
        (_, Some(problem)) => Err(problem.to_string()),
        (Some(document), None) if documents.is_empty() => Ok(document),
        _ => Err("the last document is empty".to_owned()),
    }
}

fn entries(node: &Node) -> Result<Vec<(String, &Node)>, String> {
    let NodeValue::Map(entries) = &node.value else { return Err("an object is wanted".to_owned()) };
    entries.iter().map(|(key, value)| Ok((text_of(key)?, value))).collect()
}

fn texts(node: &Node) -> Result<BTreeMap<String, String>, String> {
    let mut texts = BTreeMap::new();
    for (key, value) in entries(node)? {
        if texts.insert(key.clone(), text_of(value)?).is_some() {
            return Err(format!("`{key}` stands there twice"));
        }
    }
    Ok(texts)
}

fn text_of(node: &Node) -> Result<String, String> {
    match &node.value {
        NodeValue::Scalar { text, .. } => Ok(text.clone()),
        NodeValue::List(_) | NodeValue::Map(_) => Err(format!("{}: a text is wanted", node.place)),
    }
}
