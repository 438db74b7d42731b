//! How many values labels have: as documents declare, else as is usual.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use burgee_filter_config::StandardLabel;

use super::variety::{self, Variety};
use crate::check::expression::parse;
use crate::document::LabelSize;
use crate::origin::Place;
use crate::resolve::ListenerClass;

/// The sizes that documents declare.
pub(super) struct Sizes<'d> {
    by_label: BTreeMap<&'d str, u64>,
    varieties: &'d Varieties,
}

/// How many values expressions can have. Documents that add up ask for the same ones again and again.
#[derive(Debug, Default)]
pub(in crate::check) struct Varieties {
    by_expression: RefCell<HashMap<String, Variety>>,
}

impl Varieties {
    /// How many values an expression can have; nobody can say it of what is none.
    pub(super) fn of(&self, expression: &str) -> Variety {
        if let Some(known) = self.by_expression.borrow().get(expression) {
            return known.clone();
        }
        let variety =
            parse(expression).map_or(Variety::Unknown, |program| variety::of(&program.expression().expr));
        self.by_expression.borrow_mut().insert(expression.to_owned(), variety.clone());
        variety
    }
}

impl<'d> Sizes<'d> {
    /// What a document and, below it, the mesh declare. `document` is where the document begins.
    pub fn of(declared: &'d [LabelSize], document: &Place, varieties: &'d Varieties) -> Sizes<'d> {
        let of_mesh = declared.iter().filter(|size| size.is_for_all());
        let own = declared.iter().filter(|size| !size.is_for_all() && size.document == *document);
        let by_label = of_mesh.chain(own).map(|size| (size.label.as_str(), size.size)).collect();
        Sizes { by_label, varieties }
    }

    /// Whether anything is declared.
    pub fn is_empty(&self) -> bool {
        self.by_label.is_empty()
    }

    /// How many values a tag has: as declared, else as its expression says; one that nobody can tell counts as one.
    pub fn of_tag(&self, name: &str, expression: &str) -> u64 {
        let by_expression = || match self.varieties.of(expression) {
            Variety::Few(size) => size,
            Variety::Unknown | Variety::Unbounded(_) => 1,
        };
        self.declared(name).unwrap_or_else(by_expression)
    }

    /// How many values are declared for a label.
    pub fn declared(&self, label: &str) -> Option<u64> {
        self.by_label.get(label).copied()
    }

    /// How many values a standard label has at one workload.
    pub fn standard(&self, label: StandardLabel, class: ListenerClass) -> u64 {
        let usual = usual(label, class);
        // What follows from the workload itself has one value there, whatever is declared.
        if is_own(label, class) { usual } else { self.declared(label.name()).unwrap_or(usual) }
    }
}

/// Whether a label says who the workload is that reports, so that it has one value there.
fn is_own(label: StandardLabel, class: ListenerClass) -> bool {
    let (own, name) = (if class.is_client() { "source_" } else { "destination_" }, label.name());
    label == StandardLabel::Reporter || name.starts_with(own)
}

/// How many values a standard label usually has at one workload. Most follow from the workload at the other end, so that
/// they add none of their own.
const fn usual(label: StandardLabel, class: ListenerClass) -> u64 {
    match (label, class.is_client()) {
        // Whom a workload calls, and who calls it.
        (StandardLabel::DestinationWorkload, true) | (StandardLabel::SourceWorkload, false) => 5,
        (StandardLabel::ResponseCode, _) => 5,
        (StandardLabel::ResponseFlags, _) => 2,
        _ => 1,
    }
}
