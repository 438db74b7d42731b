//! A YAML or JSON text as a tree that remembers where each node stands and how each scalar was written.
//!
//! The tree does not say what a plain `on` or `0x10` means: Kubernetes and Envoy read them differently. Who reads
//! the tree decides; [`super::scalar`] reads as Kubernetes does.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle as Style, ScanError, Span, Tag};

use crate::origin::Place;
use crate::problem::{Problem, Severity, codes};

/// How much the anchors and aliases of one text may copy, in bytes. Kubernetes and Envoy refuse texts that blow up;
/// this is far above what anybody writes by hand.
const MAX_COPIED_BYTES: usize = 16 << 20;

/// How deep nodes may nest, so that no text can exhaust the stack.
const MAX_DEPTH: usize = 128;

/// A text with a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// What to call it in messages: a path as given, or `<stdin>`.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

impl Source {
    /// A text with a name.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Source {
        Source { name: name.into(), text: text.into() }
    }
}

/// A node and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// An explicit tag such as `!ignore` or `!!str`, as written; empty when there is none.
    pub tag: String,
    /// What it is.
    pub value: NodeValue,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// A scalar: its text after unescaping and folding, and how it was written.
    Scalar {
        /// The text.
        text: String,
        /// How it was written.
        style: ScalarStyle,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the text; keys may repeat.
    Map(Vec<(Node, Node)>),
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes: what it means is up to the reader.
    Plain,
    /// In single or double quotes: always a string.
    Quoted,
    /// A block: `|` or `>`; always a string.
    Block,
}

/// Reads every document of a text. Aliases are expanded, within bounds. After a syntax error reading goes on at the
/// next line that begins with `---`, so that one run names the errors of every document. Empty documents are left
/// out.
pub fn parse(source: &Source) -> (Vec<Node>, Vec<Problem>) {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let mut first_line = 1;
    let mut rest = text;
    loop {
        let mut builder = Builder::new(source, first_line);
        let outcome = builder.run(rest);
        documents.append(&mut builder.documents);
        let Err(fault) = outcome else { break };
        let failed_line = fault.place.line;
        problems.push(
            Problem::new(Severity::Error, fault.code, fault.message).at(fault.place, "").help(fault.help),
        );
        // Documents that were complete before the fault stay; the one with the fault is given up.
        let skip = lines(rest)
            .enumerate()
            .skip((failed_line + 1).saturating_sub(first_line))
            .find(|(_, line)| line.starts_with("---"))
            .map(|(index, _)| index);
        let Some(skip) = skip.filter(|skip| *skip > 0) else { break };
        let offset: usize = lines(rest).take(skip).map(str::len).sum();
        rest = &rest[offset..];
        first_line += skip;
    }
    (documents, problems)
}

/// The lines of a text with what ends them, as YAML counts them: a carriage return alone ends one as well.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end =
            rest.find(['\n', '\r']).map(|at| if rest[at..].starts_with("\r\n") { at + 2 } else { at + 1 });
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

struct Fault {
    place: Place,
    code: crate::problem::Code,
    message: String,
    help: String,
}

/// A container that is not complete yet.
enum Open {
    List { node: Node, items: Vec<Node>, anchor: usize },
    Map { node: Node, entries: Vec<(Node, Node)>, key: Option<Node>, anchor: usize },
}

struct Builder<'a> {
    source: &'a Source,
    first_line: usize,
    documents: Vec<Node>,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    copied_bytes: usize,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Source, first_line: usize) -> Builder<'a> {
        Builder {
            source,
            first_line,
            documents: Vec::new(),
            open: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            copied_bytes: 0,
        }
    }

    fn run(&mut self, text: &str) -> Result<(), Fault> {
        for next in Parser::new_from_str(text) {
            let (event, span) = next.map_err(|error| self.syntax(&error))?;
            self.take(event, span)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    Style::Plain => ScalarStyle::Plain,
                    Style::SingleQuoted | Style::DoubleQuoted => ScalarStyle::Quoted,
                    Style::Literal | Style::Folded => ScalarStyle::Block,
                };
                let value = NodeValue::Scalar { text: text.into_owned(), style };
                let node = self.node(span, tag.as_deref(), value);
                self.complete(node, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_depth(self.open.len() + 1, span)?;
                let node = self.node(span, tag.as_deref(), NodeValue::List(Vec::new()));
                self.open.push(Open::List { node, items: Vec::new(), anchor });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_depth(self.open.len() + 1, span)?;
                let node = self.node(span, tag.as_deref(), NodeValue::Map(Vec::new()));
                self.open.push(Open::Map { node, entries: Vec::new(), key: None, anchor });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { mut node, items, anchor }) => {
                    node.value = NodeValue::List(items);
                    self.complete(node, anchor)?;
                }
                Some(Open::Map { mut node, entries, anchor, .. }) => {
                    node.value = NodeValue::Map(entries);
                    self.complete(node, anchor)?;
                }
                None => {}
            },
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::DocumentEnd => {
                self.anchors.clear();
                self.open.clear();
                if let Some(root) = self.root.take().filter(|root| !is_empty(root)) {
                    self.documents.push(root);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        let Some(target) = self.anchors.get(&anchor) else {
            return Err(Fault {
                place: self.place(span),
                code: codes::ALIAS,
                message: "an alias refers to a node that contains it".to_owned(),
                help: "write the value out".to_owned(),
            });
        };
        self.check_depth(self.open.len() + depth(target), span)?;
        let target = self.copy(target.clone())?;
        self.complete(target, 0)
    }

    /// Counts a copy of a node, which anchors and aliases make.
    fn copy(&mut self, node: Node) -> Result<Node, Fault> {
        self.copied_bytes += size(&node);
        if self.copied_bytes <= MAX_COPIED_BYTES {
            return Ok(node);
        }
        Err(Fault {
            place: node.place,
            code: codes::ALIAS,
            message: format!("anchors and aliases copy more than {} MiB", MAX_COPIED_BYTES >> 20),
            help: "write the values out".to_owned(),
        })
    }

    fn check_depth(&self, depth: usize, span: Span) -> Result<(), Fault> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        Err(Fault {
            place: self.place(span),
            code: codes::SYNTAX,
            message: format!("nested deeper than {MAX_DEPTH} levels"),
            help: "no document of a mesh is that deep; check the indentation".to_owned(),
        })
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        if anchor != 0 {
            let copy = self.copy(node.clone())?;
            self.anchors.insert(anchor, copy);
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
        Ok(())
    }

    fn node(&self, span: Span, tag: Option<&Tag>, value: NodeValue) -> Node {
        Node { place: self.place(span), tag: tag.map(ToString::to_string).unwrap_or_default(), value }
    }

    fn place(&self, span: Span) -> Place {
        let width = if span.start.line() == span.end.line() {
            span.end.col().saturating_sub(span.start.col()).max(1)
        } else {
            1
        };
        Place {
            file: self.source.name.clone(),
            line: span.start.line() + self.first_line - 1,
            column: span.start.col() + 1,
            width,
        }
    }

    fn syntax(&self, error: &ScanError) -> Fault {
        let marker = error.marker();
        Fault {
            place: Place {
                file: self.source.name.clone(),
                line: marker.line() + self.first_line - 1,
                column: marker.col() + 1,
                width: 1,
            },
            code: codes::SYNTAX,
            message: format!("this is not YAML: {}", error.info()),
            help: "check indentation, colons and quotes at and just above this line".to_owned(),
        }
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, NodeValue::Scalar { text, style: ScalarStyle::Plain }
        if node.tag.is_empty() && matches!(text.as_str(), "" | "~" | "null"))
}

/// How many bytes a copy of a node takes, about.
fn size(node: &Node) -> usize {
    let own = size_of::<Node>() + node.tag.len();
    match &node.value {
        NodeValue::Scalar { text, .. } => own + text.len(),
        NodeValue::List(items) => own + items.iter().map(size).sum::<usize>(),
        NodeValue::Map(entries) => {
            own + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>()
        }
    }
}

/// How many containers deep a node is.
fn depth(node: &Node) -> usize {
    match &node.value {
        NodeValue::Scalar { .. } => 0,
        NodeValue::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        NodeValue::Map(entries) => {
            1 + entries.iter().map(|(key, value)| depth(key).max(depth(value))).max().unwrap_or(0)
        }
    }
}

impl Node {
    /// The tree of a text that stands inside this node, such as `data.mesh` of a ConfigMap, with places in the outer
    /// text. `outer` is the text that this node was read from.
    pub fn nested(&self, outer: &Source) -> (Vec<Node>, Vec<Problem>) {
        let NodeValue::Scalar { text, style } = &self.value else { return (Vec::new(), Vec::new()) };
        let inner = Source { name: outer.name.clone(), text: text.as_str().into() };
        let (mut documents, mut problems) = parse(&inner);
        let shift = Shift::of(self, *style, outer);
        for document in &mut documents {
            shift.apply_tree(document);
        }
        for problem in &mut problems {
            if let Some(place) = &mut problem.place {
                shift.apply(place);
            }
        }
        (documents, problems)
    }
}

/// How places of an inner text become places of the outer one.
enum Shift {
    /// A literal block: lines follow the header's, each indented.
    Block { first_line: usize, indent: usize },
    /// Anything else: lines are not kept, so every place is that of the scalar.
    Whole(Place),
}

impl Shift {
    fn of(node: &Node, style: ScalarStyle, outer: &Source) -> Shift {
        let whole = Shift::Whole(node.place.clone());
        if style != ScalarStyle::Block {
            return whole;
        }
        let lines: Vec<&str> = outer.text.lines().collect();
        // The node's place is its header (`|`) or its first line of content, whichever the parser reports.
        let at = node.place.line.saturating_sub(1);
        let header = (at.saturating_sub(1)..=at)
            .rev()
            .find(|index| lines.get(*index).is_some_and(|line| block_header(line)));
        let Some(header) = header else { return whole };
        if lines.get(header).is_some_and(|line| line.contains('>')) {
            return whole;
        }
        let indent = lines
            .iter()
            .skip(header + 1)
            .find(|line| !line.trim().is_empty())
            .map_or(0, |line| line.len() - line.trim_start().len());
        Shift::Block { first_line: header + 2, indent }
    }

    fn apply(&self, place: &mut Place) {
        match self {
            Shift::Block { first_line, indent } => {
                place.line += first_line - 1;
                place.column += indent;
            }
            Shift::Whole(whole) => *place = whole.clone(),
        }
    }

    fn apply_tree(&self, node: &mut Node) {
        self.apply(&mut node.place);
        match &mut node.value {
            NodeValue::Scalar { .. } => {}
            NodeValue::List(items) => items.iter_mut().for_each(|item| self.apply_tree(item)),
            NodeValue::Map(entries) => {
                for (key, value) in entries {
                    self.apply_tree(key);
                    self.apply_tree(value);
                }
            }
        }
    }
}

/// Whether a line ends in a block scalar's header, such as `|`, `|-` or `>2`, a comment aside.
fn block_header(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let Some(token) = line.split_whitespace().last() else { return false };
    token.starts_with(['|', '>']) && token[1..].chars().all(|c| matches!(c, '+' | '-' | '1'..='9'))
}

#[cfg(test)]
mod tests;
