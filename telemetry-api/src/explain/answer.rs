//! What is answered when somebody asks why a document has no effect.

use super::model::{Cause, Fact, Remark, Value};
use crate::origin::{DocumentId, Origin, Place};
use crate::problem::Problem;
use crate::resolve::{ListenerClass, MetricName, Workload};

/// Why a document has an effect at a workload, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The document; as it was asked for if there is none.
    pub document: DocumentId,
    /// Where it begins; absent: there is none.
    pub place: Option<Place>,
    /// The workload.
    pub workload: Workload,
    /// What comes of it.
    pub effect: Effect,
    /// Every reason why the document as a whole is not for the workload; empty if it is.
    pub reasons: Vec<Reason>,
    /// What comes of each of its fields; empty if it is not for the workload.
    pub fields: Vec<FieldAnswer>,
    /// What one would hardly expect of it.
    pub remarks: Vec<Remark>,
}

/// What comes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is not for the workload.
    NotForIt,
    /// It is for the workload, and nothing that it says is in force.
    Nothing,
    /// Something that it says is in force.
    Some,
    /// Everything that it says is in force.
    All,
}

impl Effect {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::NotForIt => "not_for_it",
            Effect::Nothing => "nothing",
            Effect::Some => "some",
            Effect::All => "all",
        }
    }
}

/// Why a document is not for a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which kind of reason it is.
    pub kind: ReasonKind,
    /// The reason, as a sentence without a full stop.
    pub text: String,
    /// Where it is said; absent where no line says it.
    pub place: Option<Place>,
    /// What to do; may be empty.
    pub help: String,
    /// What is wrong with a document that is refused.
    pub problems: Vec<Problem>,
}

/// The kinds of reasons why a document is not for a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonKind {
    /// There is no such document.
    NotThere,
    /// Nothing is applied that is of its kind or type.
    NotApplied,
    /// It is refused.
    Refused,
    /// It is for another revision.
    OtherRevision,
    /// It is in another namespace.
    OtherNamespace,
    /// A selector in the root namespace does not leave it.
    RootSelector,
    /// Its selector wants other labels.
    Selector,
    /// It is for something else by name.
    Targets,
    /// It is for something that only waypoints serve.
    WaypointTarget,
    /// Another document stands in its place.
    Hidden,
    /// Its `match` covers none of the listeners.
    NoTraffic,
}

impl ReasonKind {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            ReasonKind::NotThere => "not_there",
            ReasonKind::NotApplied => "not_applied",
            ReasonKind::Refused => "refused",
            ReasonKind::OtherRevision => "other_revision",
            ReasonKind::OtherNamespace => "other_namespace",
            ReasonKind::RootSelector => "root_selector",
            ReasonKind::Selector => "selector",
            ReasonKind::Targets => "targets",
            ReasonKind::WaypointTarget => "waypoint_target",
            ReasonKind::Hidden => "hidden",
            ReasonKind::NoTraffic => "no_traffic",
        }
    }
}

impl Reason {
    pub(super) fn new(kind: ReasonKind, text: impl Into<String>) -> Reason {
        Reason { kind, text: text.into(), place: None, help: String::new(), problems: Vec::new() }
    }

    pub(super) fn at(mut self, place: &Place) -> Reason {
        self.place = Some(place.clone());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Reason {
        self.help = help.into();
        self
    }
}

/// What comes of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldAnswer {
    /// Where it is written.
    pub origin: Origin,
    /// What it says.
    pub value: Value,
    /// What comes of it at each class of listeners.
    pub classes: Vec<FieldAtClass>,
}

/// What comes of a field at one class of listeners. It may be in force for one metric and overridden for another.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldAtClass {
    /// The class.
    pub class: ListenerClass,
    /// Of what it is in force.
    pub in_force: Vec<What>,
    /// Of what it is overridden, and by which value.
    pub overridden: Vec<OverriddenBy>,
    /// Why it comes to nothing otherwise.
    pub lost: Option<(Cause, String)>,
}

/// What a value is in force of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct What {
    /// The provider or plugin; absent: the signal as a whole.
    pub of: Option<String>,
    /// The metric, if it is of one.
    pub metric: Option<MetricName>,
    /// The field.
    pub field: String,
}

/// The value that overrides another.
#[derive(Clone, Debug, PartialEq)]
pub struct OverriddenBy {
    /// What it is of.
    pub what: What,
    /// The value in force.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
    /// The rule by which it holds.
    pub why: String,
}

impl From<&Fact> for What {
    fn from(fact: &Fact) -> What {
        What { of: fact.of.clone(), metric: fact.metric.clone(), field: fact.field.clone() }
    }
}
