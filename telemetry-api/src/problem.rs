//! One type for everything that is wrong with a document: code, place, value, what is allowed, help.

use std::fmt;

use crate::origin::Place;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Accepted, and probably not what was meant.
    Warning,
    /// Refused.
    Error,
}

impl Severity {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A stable code per kind of problem: `BG` and four digits. The first two digits are the area: 00 reading
/// text, 01 any document, 02 Telemetry, 03 MeshConfig, 04 the mesh's own resources, 05 effects between documents,
/// 06 laying policy over a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Something that is wrong, where it is, what is allowed and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where; absent when it is not in any text.
    pub place: Option<Place>,
    /// The field's path in its document, such as `spec.metrics[0].providers[0].name`; empty for a whole document.
    pub path: String,
    /// How bad.
    pub severity: Severity,
    /// Which kind of problem.
    pub code: Code,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// What is allowed and what to do; may be empty.
    pub help: String,
}

impl Problem {
    /// A problem without a place and without help.
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Problem {
        Problem {
            place: None,
            path: String::new(),
            severity,
            code,
            message: message.into(),
            help: String::new(),
        }
    }

    /// The same problem at a place.
    #[must_use]
    pub fn at(mut self, place: Place, path: impl Into<String>) -> Problem {
        self.place = Some(place);
        self.path = path.into();
        self
    }

    /// The same problem with help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}  ")?;
        }
        write!(f, "{} {}: ", self.severity.name(), self.code)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

/// The worst severity among problems.
pub fn worst(problems: &[Problem]) -> Option<Severity> {
    problems.iter().map(|problem| problem.severity).max()
}

/// The allowed name that is likeliest meant: one that differs in case or separators only, or by few letters.
pub fn closest<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    let normal = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = normal(text);
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, &normal(name)), *name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).clamp(1, 3))
        .min()
        .map(|(_, name)| name)
}

/// Every code, in one place, so that no two share a number.
pub mod codes {
    use super::Code;

    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
            $($(#[$doc])* pub const $name: Code = Code($code);)*
            /// Every code of this crate.
            pub const ALL: &[Code] = &[$($name),*];
        };
    }

    codes! {
        /// The text is not YAML.
        SYNTAX = "BG0001";
        /// An alias that cannot be expanded.
        ALIAS = "BG0002";
        /// A file or folder without any document.
        NO_DOCUMENT = "BG0003";
        /// A document that is not a mapping.
        NOT_AN_OBJECT = "BG0004";
        /// A document that does not say what it is.
        NO_KIND = "BG0101";
        /// A kind that is not known, in a group that is.
        UNKNOWN_KIND = "BG0102";
        /// A kind that this version does not read.
        KIND_NOT_READ = "BG0103";
        /// A version that the kind does not have.
        API_VERSION = "BG0104";
        /// Two documents of one kind, namespace and name.
        DUPLICATE_DOCUMENT = "BG0105";
        /// A field that the kind does not have.
        UNKNOWN_FIELD = "BG0106";
        /// A value of the wrong type.
        WRONG_TYPE = "BG0107";
        /// A value that is none of those allowed.
        BAD_VALUE = "BG0108";
        /// A key that stands twice in one object.
        DUPLICATE_KEY = "BG0109";
        /// A field that must be there.
        MISSING_FIELD = "BG0110";
        /// A number outside its bounds.
        OUT_OF_RANGE = "BG0111";
        /// A duration that cannot be read.
        BAD_DURATION = "BG0112";
        /// More than one of selector, targetRef and targetRefs.
        SELECTOR_AND_TARGETS = "BG0201";
        /// A selector that Istio refuses.
        BAD_SELECTOR = "BG0202";
        /// A target reference that Istio refuses.
        BAD_TARGET = "BG0203";
        /// A provider without a name.
        PROVIDER_NAME = "BG0204";
        /// A provider that the mesh does not have.
        UNKNOWN_PROVIDER = "BG0205";
        /// A provider that cannot do what it is named for.
        UNSUITABLE_PROVIDER = "BG0206";
        /// A tag to set, without a value.
        UPSERT_WITHOUT_VALUE = "BG0207";
        /// A tag to remove, with a value.
        REMOVE_WITH_VALUE = "BG0208";
        /// An expression that is not CEL.
        BAD_EXPRESSION = "BG0209";
        /// An expression that names no attribute.
        UNKNOWN_ATTRIBUTE = "BG0210";
        /// Both a standard and a custom metric.
        TWO_METRICS = "BG0211";
        /// More tracing entries or providers than take effect.
        SEVERAL_TRACERS = "BG0212";
        /// A tag to remove that no metric has.
        REMOVE_UNKNOWN_TAG = "BG0213";
        /// A custom metric that nothing defines.
        CUSTOM_METRIC = "BG0214";
        /// A metric that this version does not write yet.
        METRIC_NOT_WRITTEN = "BG0215";
        /// A selector without labels.
        EMPTY_SELECTOR = "BG0217";
        /// A custom tag of a trace that Istio refuses.
        BAD_CUSTOM_TAG = "BG0218";
        /// A tag whose name cannot be a label.
        BAD_TAG_NAME = "BG0219";
        /// A filter of access logs that belongs to no provider.
        FILTER_WITHOUT_PROVIDER = "BG0220";
        /// A filter of access logs that is neither true nor false.
        FILTER_NOT_BOOLEAN = "BG0221";
        /// A provider of a kind that this version does not write yet.
        PROVIDER_NOT_WRITTEN = "BG0222";
        /// An annotation of ours that means nothing where it stands.
        UNKNOWN_ANNOTATION = "BG0240";
        /// A URL that a workload cannot call.
        BAD_CALL = "BG0241";
        /// A URL that no module can be fetched from.
        BAD_MODULE_URL = "BG0242";
        /// A text that is not a SHA-256.
        BAD_DIGEST = "BG0243";
        /// A variable of a module that Istio refuses.
        BAD_VARIABLE = "BG0244";
        /// A number that loses digits.
        INEXACT_NUMBER = "BG0245";
        /// A variable that Istio keeps to itself.
        RESERVED_VARIABLE = "BG0246";
        /// A plugin that lets requests through where it should keep them out.
        GUARD_FAILS_OPEN = "BG0247";
        /// An image without a tag.
        NO_TAG = "BG0248";
        /// A module that can be replaced while it is fetched.
        UNSAFE_FETCH = "BG0249";
        /// A digest that nothing is compared with.
        DIGEST_IGNORED = "BG0250";
        /// A signature that nothing looks at.
        NOT_VERIFIED = "BG0251";
        /// A plugin of a type that this version does not apply yet.
        NETWORK_PLUGIN = "BG0252";
        /// A module that would have to be fetched.
        NOT_FETCHED = "BG0253";
        /// A provider of the mesh that is not one of a kind.
        BAD_PROVIDER = "BG0301";
        /// Two providers of one name.
        DUPLICATE_PROVIDER = "BG0302";
        /// A default provider that the mesh does not have.
        UNKNOWN_DEFAULT_PROVIDER = "BG0303";
        /// More than one MeshConfig.
        SEVERAL_MESH_CONFIGS = "BG0304";
        /// A field of MeshConfig that this version does not apply yet.
        FIELD_NOT_APPLIED = "BG0305";
        /// A format of log lines that cannot be used.
        BAD_LOG_FORMAT = "BG0306";
        /// A collector that is no service of the mesh.
        NO_COLLECTOR = "BG0307";
        /// A collector that is a service of several namespaces.
        SEVERAL_COLLECTORS = "BG0308";
        /// A collector that does not have the port.
        COLLECTOR_PORT = "BG0309";
        /// A namespace-wide Telemetry that an older one hides.
        HIDDEN_DOCUMENT = "BG0501";
        /// A Telemetry of the root namespace whose selector does not leave it.
        ROOT_SELECTOR = "BG0502";
        /// Two Prometheus providers at once.
        DOUBLE_COUNT = "BG0503";
        /// Overrides without a provider in force.
        NO_PROVIDER = "BG0504";
        /// Two Telemetries that select one workload.
        STACKED_DOCUMENTS = "BG0505";
        /// A metric switched off for all that a later override switches on again.
        DISABLE_UNDONE = "BG0506";
        /// One provider spelled in two ways.
        PROVIDER_SPELLING = "BG0507";
        /// A selector that no workload has.
        SELECTS_NOTHING = "BG0508";
        /// A document for another revision.
        OTHER_REVISION = "BG0509";
        /// A plugin that no workload gets.
        PLUGIN_WITHOUT_WORKLOAD = "BG0520";
        /// An entry of `match` that no traffic fits.
        MATCHES_NOTHING = "BG0521";
        /// A plugin without a priority beside one with a low one.
        UNSET_PRIORITY = "BG0522";
        /// A tracing entry without a provider, which ends all tracing.
        TRACING_ENDED = "BG0510";
        /// Access logging switched off where nothing is in force, so that the mesh's file goes on.
        STILL_LOGGED = "BG0511";
        /// Providers of access logs that go with the one that is switched off.
        OTHERS_DROPPED = "BG0512";
        /// Default providers of access logs that end on a side that nothing is said of.
        DEFAULTS_DROPPED = "BG0513";
        /// A tracing provider that is named where an earlier entry keeps spans back.
        STILL_DISABLED = "BG0514";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_name_is_suggested() {
        let names = ["providers", "overrides", "reportingInterval"];
        assert_eq!(closest("provider", &names), Some("providers"));
        assert_eq!(closest("overides", &names), Some("overrides"));
        assert_eq!(closest("reporting_interval", &names), Some("reportingInterval"));
        assert_eq!(closest("metrics", &names), None);
        assert_eq!(closest("", &names), None);
    }
}
