//! What an explanation is made of.

use crate::origin::{DocumentId, Origin, Place};
use crate::problem::Code;
use crate::resolve::{ListenerClass, MetricName, Workload};

/// What is in force at one workload, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The workload.
    pub workload: Workload,
    /// Whether the mesh's configuration is among the documents; if not, Istio's defaults stand in for it.
    pub has_mesh_config: bool,
    /// The documents that are for it: the mesh's configuration, Telemetries in the order in which they contribute, and
    /// WasmPlugins.
    pub documents: Vec<Contribution>,
    /// Those of its own and of the root namespace that are not, in the order of the texts.
    pub others: Vec<Bystander>,
    /// The classes of its listeners.
    pub classes: Vec<ClassExplanation>,
}

/// A document that is for a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The document.
    pub document: DocumentId,
    /// Where it begins.
    pub place: Place,
    /// Why it is for the workload, and why it stands where it stands.
    pub why: String,
}

/// A document that is not for a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bystander {
    /// The document.
    pub document: DocumentId,
    /// Where it begins.
    pub place: Place,
    /// Every reason why it is not.
    pub why: Vec<String>,
}

/// One class of listeners.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassExplanation {
    /// The class.
    pub class: ListenerClass,
    /// Each signal, in the order of [`Signal::ALL`].
    pub sections: Vec<Section>,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Metrics.
    Metrics,
    /// Spans.
    Tracing,
    /// Lines of logs.
    AccessLogging,
    /// Wasm plugins.
    Plugins,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Signal; 4] = [Signal::Metrics, Signal::Tracing, Signal::AccessLogging, Signal::Plugins];

    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Metrics => "metrics",
            Signal::Tracing => "tracing",
            Signal::AccessLogging => "access_logging",
            Signal::Plugins => "plugins",
        }
    }
}

/// Everything about one signal at one class of listeners.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The signal.
    pub signal: Signal,
    /// What is in force. Never empty: that there is nothing is a fact too.
    pub facts: Vec<Fact>,
    /// What documents that are for the workload say to no effect.
    pub lost: Vec<Lost>,
    /// What one would hardly expect.
    pub remarks: Vec<Remark>,
}

/// Something that is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The provider or plugin that it is about; absent: the signal as a whole.
    pub of: Option<String>,
    /// The metric that it is about; absent: not about a single one.
    pub metric: Option<MetricName>,
    /// Which field, named as documents name it where they can say it.
    pub field: String,
    /// Its value.
    pub value: Value,
    /// Where the value comes from.
    pub origin: Origin,
    /// The rule by which it holds.
    pub why: String,
    /// What it overrode, in the order in which it was said.
    pub overrode: Vec<Overridden>,
    /// Why it shows nowhere although it holds; absent: it shows.
    pub moot: Option<String>,
    /// Why what stands at its origin does not do what it asks for, in the fact's own words; absent: it does. That a
    /// provider cannot be used is a fact too, and it comes from where the provider is named.
    pub unmet: Option<Cause>,
}

/// A value that is in force no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Overridden {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// A value, for programs and for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// For programs.
    pub json: serde_json::Value,
    /// For people.
    pub text: String,
}

/// Something that a document says and that comes to nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// Where it is said.
    pub origin: Origin,
    /// What is said.
    pub value: Value,
    /// Which kind of reason it is.
    pub cause: Cause,
    /// The reason.
    pub why: String,
}

/// Why something that is said comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Its mode is that of the other side.
    OtherSide,
    /// No provider is in force that it could be about.
    NoProvider,
    /// It is about a provider that is not in force.
    OutOfScope,
    /// The provider cannot be used.
    UnusableProvider,
    /// What it changes is switched off.
    SwitchedOff,
    /// Something that was said later stands in its place as a whole.
    Replaced,
    /// Istio does not look at it where it stands.
    Ignored,
}

impl Cause {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::OtherSide => "other_side",
            Cause::NoProvider => "no_provider",
            Cause::OutOfScope => "out_of_scope",
            Cause::UnusableProvider => "unusable_provider",
            Cause::SwitchedOff => "switched_off",
            Cause::Replaced => "replaced",
            Cause::Ignored => "ignored",
        }
    }
}

/// Something that one would hardly expect.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// What, as a sentence without a full stop.
    pub text: String,
    /// What `check` says of it, where it says so.
    pub code: Option<Code>,
    /// Where it comes from.
    pub origin: Option<Origin>,
}

impl Explanation {
    /// The same explanation with some classes and some signals only.
    #[must_use]
    pub fn only(mut self, classes: &[ListenerClass], signals: &[Signal]) -> Explanation {
        self.classes.retain(|class| classes.contains(&class.class));
        for class in &mut self.classes {
            class.sections.retain(|section| signals.contains(&section.signal));
        }
        self
    }
}

impl Fact {
    /// Why a value holds that nothing but its own document has a say in.
    pub(super) const SAYS: &str = "its document says so";

    pub(super) fn new(
        field: impl Into<String>,
        value: Value,
        origin: &Origin,
        why: impl Into<String>,
    ) -> Fact {
        Fact {
            of: None,
            metric: None,
            field: field.into(),
            value,
            origin: origin.clone(),
            why: why.into(),
            overrode: Vec::new(),
            moot: None,
            unmet: None,
        }
    }

    /// A fact that comes from what is asked for in vain.
    pub(super) fn unmet(mut self, cause: Cause) -> Fact {
        self.unmet = Some(cause);
        self
    }

    pub(super) fn of(mut self, name: &str) -> Fact {
        self.of = Some(name.to_owned());
        self
    }

    /// With what it overrode.
    pub(super) fn over(mut self, overrode: impl IntoIterator<Item = Overridden>) -> Fact {
        self.overrode.extend(overrode);
        self
    }
}
