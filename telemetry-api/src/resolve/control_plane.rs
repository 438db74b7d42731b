//! What the control plane is told beside the documents: its own environment.

use std::collections::BTreeMap;
use std::fmt;

use crate::problem::{Problem, Severity, codes};

/// Which share of new traces is kept when nothing says anything, in percent: the default of Istio's control plane.
pub(super) const DEFAULT_SAMPLING: f64 = 1.0;

/// What no header's value can have.
const LINE_ENDS: [char; 3] = ['\0', '\r', '\n'];

/// What the control plane is told beside the documents. Its values are handed in, since nothing here reads an
/// environment.
#[derive(Clone, PartialEq)]
pub struct ControlPlane {
    /// Which share of new traces is kept where no document says anything, in percent, 0 to 100. Istio's control plane
    /// has it from the variable [`ControlPlane::TRACE_SAMPLING`]. Default, also for what is out of bounds: 1.
    pub trace_sampling: f64,
    /// The variables that documents can take the values of headers from (`envName`). Absent, which is the default: it
    /// is not known which ones are set, and such headers are empty.
    pub environment: Option<BTreeMap<String, String>>,
}

impl ControlPlane {
    /// The variable that holds the share of traces.
    pub const TRACE_SAMPLING: &str = "PILOT_TRACE_SAMPLING";

    /// A control plane with these variables, and what is wrong with them.
    pub fn new(environment: BTreeMap<String, String>) -> (ControlPlane, Option<Problem>) {
        let said = environment.get(ControlPlane::TRACE_SAMPLING).filter(|text| !text.is_empty());
        let number = said.map(|text| text.trim().parse().ok().filter(|percent| is_share(*percent)));
        let problem = (number == Some(None)).then(|| {
            let message = format!(
                "the variable {} is no number from 0 to 100, so {DEFAULT_SAMPLING} % of new traces are kept where \
                 nothing else is said",
                ControlPlane::TRACE_SAMPLING
            );
            let help = "set it to a share in percent, such as 5, or unset it";
            Problem::new(Severity::Warning, codes::BAD_TRACE_SAMPLING, message).help(help)
        });
        let trace_sampling = number.flatten().unwrap_or(DEFAULT_SAMPLING);
        (ControlPlane { trace_sampling, environment: Some(environment) }, problem)
    }

    /// Whether it is known that a variable is not set.
    pub(crate) fn lacks(&self, variable: &str) -> bool {
        self.environment.as_ref().is_some_and(|environment| !environment.contains_key(variable))
    }

    /// Whether a variable has what no header can have: the end of a line.
    pub(crate) fn has_line_end(&self, variable: &str) -> bool {
        self.raw(variable).is_some_and(|value| value.contains(LINE_ENDS))
    }

    /// The value of a variable for a header, without ends of lines, such as a secret's file often has; empty when it is
    /// not set or not known.
    pub(super) fn variable(&self, name: &str) -> String {
        self.raw(name).map(|value| value.replace(LINE_ENDS, "")).unwrap_or_default()
    }

    fn raw(&self, variable: &str) -> Option<&String> {
        self.environment.as_ref()?.get(variable)
    }
}

/// Whether a number is a share in percent.
pub(super) fn is_share(percent: f64) -> bool {
    (0.0..=100.0).contains(&percent)
}

impl Default for ControlPlane {
    fn default() -> ControlPlane {
        ControlPlane { trace_sampling: DEFAULT_SAMPLING, environment: None }
    }
}

/// Without the values of variables, which may be secrets.
impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.environment.as_ref().map(|environment| environment.keys().collect::<Vec<_>>());
        f.debug_struct("ControlPlane")
            .field("trace_sampling", &self.trace_sampling)
            .field("environment", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn the_share_of_traces_is_a_number_from_0_to_100_or_istios() {
        for (text, expected, is_told) in [
            (None, 1.0, false),
            (Some(""), 1.0, false),
            (Some("0"), 0.0, false),
            (Some("50"), 50.0, false),
            (Some("33.3"), 33.3, false),
            (Some("100"), 100.0, false),
            (Some("120"), 1.0, true),
            (Some("-1"), 1.0, true),
            (Some("NaN"), 1.0, true),
            (Some("half"), 1.0, true),
        ] {
            let environment = text.map(|text| (ControlPlane::TRACE_SAMPLING.to_owned(), text.to_owned()));
            let (plane, problem) = ControlPlane::new(environment.into_iter().collect());
            assert!((plane.trace_sampling - expected).abs() < f64::EPSILON, "{text:?}: {plane:?}");
            assert_eq!(problem.is_some(), is_told, "{text:?}");
        }
    }

    #[test]
    fn values_of_variables_are_not_shown() {
        let environment = BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]);
        let (plane, _) = ControlPlane::new(environment);
        let shown = format!("{plane:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("s3cret"), "{shown}");
        assert!(!plane.lacks("TOKEN") && plane.lacks("OTHER"));
        assert!(!ControlPlane::default().lacks("OTHER"));
        assert_eq!((plane.variable("TOKEN"), plane.variable("OTHER")), ("s3cret".to_owned(), String::new()));
        let (plane, _) = ControlPlane::new(BTreeMap::from([("TOKEN".to_owned(), "s3cret\r\n".to_owned())]));
        assert!(plane.has_line_end("TOKEN") && !plane.has_line_end("OTHER"));
        assert_eq!(plane.variable("TOKEN"), "s3cret");
    }
}
