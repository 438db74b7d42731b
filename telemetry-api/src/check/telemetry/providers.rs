//! The names of providers in a Telemetry or in the mesh's defaults: whether there is one, and whether it can do what it
//! is named for.

use std::collections::BTreeMap;

use crate::check::telemetry::at;
use crate::origin::Traced;
use crate::problem::{Code, Problem, Severity, closest, codes};
use crate::resolve::providers::{Unusable, check_sink};
use crate::resolve::services::Services;
use crate::resolve::tracers;
use crate::resources::{MeshConfig, ProviderKind};

/// What a provider is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Signal {
    /// Metrics.
    Metrics,
    /// Traces.
    Traces,
    /// Access logs.
    AccessLogs,
}

impl Signal {
    /// The word in messages.
    const fn name(self) -> &'static str {
        match self {
            Signal::Metrics => "metrics",
            Signal::Traces => "traces",
            Signal::AccessLogs => "access logs",
        }
    }

    /// The kinds of providers that this version writes for it.
    const fn written(self) -> &'static str {
        match self {
            Signal::Metrics => "prometheus",
            Signal::Traces => "opentelemetry, zipkin, datadog or skywalking",
            Signal::AccessLogs => "envoyFileAccessLog, envoyOtelAls, envoyHttpAls or envoyTcpAls",
        }
    }

    /// What comes of a name that cannot be used.
    const fn consequence(self) -> &'static str {
        match self {
            Signal::Metrics => "Istio ignores it without a word",
            Signal::Traces => "in Istio nothing is traced where it is in force, whatever was named before it",
            Signal::AccessLogs => "Istio leaves it out, and where no other is in force accessLogFile logs",
        }
    }

    /// Why a provider cannot be used; none if it can. What is wrong with the provider itself is judged elsewhere, once.
    fn fault(self, mesh: &MeshConfig, name: &str) -> Option<Unusable> {
        let fault = match self {
            Signal::Metrics => match mesh.provider(name) {
                None => Some(Unusable::Unknown),
                Some(known) => {
                    (known.kind != ProviderKind::Prometheus).then_some(Unusable::Unsuitable(known.kind))
                }
            },
            Signal::Traces => tracers::fault(mesh, name),
            Signal::AccessLogs => check_sink(mesh, &Services::default(), name).err(),
        };
        fault.filter(|fault| !matches!(fault, Unusable::Collector(_) | Unusable::SamplerWithoutService))
    }
}

/// Judges a provider that a Telemetry names.
pub(super) fn named(name: &Traced<String>, signal: Signal, mesh: &MeshConfig, problems: &mut Vec<Problem>) {
    let mut report = |severity, code, message, help| {
        problems.push(at(&name.origin, severity, code, message, help));
    };
    let text = &name.value;
    // Tracing has one provider at a time, so only the others can count one as two.
    let is_spelled_so = mesh.extension_providers.iter().any(|provider| provider.name == *text);
    if let Some(known) = mesh.provider(text).filter(|known| known.name != *text)
        && (signal != Signal::Traces || is_spelled_so)
    {
        if is_spelled_so {
            let message = format!("this is provider `{}`: Istio compares names without case", known.name);
            let help = format!("`{text}` stands after it; give one of the two another name");
            report(Severity::Warning, codes::PROVIDER_SPELLING, message, help);
        } else {
            let message = format!(
                "the mesh spells this provider `{}`; Istio counts `{text}` as another one",
                known.name
            );
            let help = format!("write `{}`", known.name);
            report(Severity::Warning, codes::PROVIDER_SPELLING, message, help);
        }
    }
    let Some(fault) = signal.fault(mesh, text) else { return };
    if fault == Unusable::Unknown && !mesh.was_read {
        let message = format!("provider `{text}` cannot be looked up: no MeshConfig is among the documents");
        let help =
            "give the mesh's configuration too (the ConfigMap `istio` or mesh.yaml) to have it looked up";
        report(Severity::Note, codes::UNKNOWN_PROVIDER, message, help.to_owned());
        return;
    }
    let (code, message, help) = explain(text, signal, mesh, &fault);
    let severity = if fault == Unusable::Unknown { Severity::Error } else { Severity::Warning };
    report(severity, code, message, help);
}

/// Makes one note of all those that say the same of a provider that cannot be looked up: the first stays. They are in
/// the order in which they are told.
pub(in crate::check) fn merge_notes(problems: &mut Vec<Problem>) {
    let is_one =
        |problem: &Problem| problem.severity == Severity::Note && problem.code == codes::UNKNOWN_PROVIDER;
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    problems.iter().filter(|problem| is_one(problem)).for_each(|problem| {
        *uses.entry(problem.message.clone()).or_default() += 1;
    });
    problems.retain_mut(|problem| {
        if !is_one(problem) {
            return true;
        }
        let Some(uses) = uses.remove(&problem.message) else { return false };
        if uses > 1 {
            problem.help = format!("it is named {uses} times; {}", problem.help);
        }
        true
    });
}

/// Judges a provider that the mesh has in force by default.
pub(in crate::check) fn by_default(
    name: &Traced<String>,
    signal: Signal,
    mesh: &MeshConfig,
    problems: &mut Vec<Problem>,
) {
    let Some(fault) = signal.fault(mesh, &name.value) else { return };
    let (code, message, help) = explain(&name.value, signal, mesh, &fault);
    let code = if code == codes::GONE_PROVIDER { code } else { codes::UNKNOWN_DEFAULT_PROVIDER };
    problems.push(at(&name.origin, Severity::Warning, code, message, help));
}

fn explain(name: &str, signal: Signal, mesh: &MeshConfig, fault: &Unusable) -> (Code, String, String) {
    let consequence = signal.consequence();
    match fault {
        Unusable::Unsuitable(kind) => (
            codes::UNSUITABLE_PROVIDER,
            format!("provider `{name}` is of kind {} and takes no {}", kind.key(), signal.name()),
            format!("name one of kind {}; {consequence}", signal.written()),
        ),
        Unusable::Gone(kind) => (
            codes::GONE_PROVIDER,
            format!("provider `{name}` is of kind {}, a tracer that Envoy no longer has", kind.key()),
            format!("send to the same place or another by kind opentelemetry; {consequence}"),
        ),
        Unusable::Unknown | Unusable::Collector(_) | Unusable::SamplerWithoutService => {
            let names: Vec<&str> =
                mesh.extension_providers.iter().map(|provider| provider.name.as_str()).collect();
            let mut help = format!("providers of this mesh: {}", names.join(", "));
            if let Some(likely) = closest(name, &names) {
                help = format!("did you mean `{likely}`? {help}");
            }
            if signal != Signal::Metrics {
                help = format!("{help}; {consequence}");
            }
            (codes::UNKNOWN_PROVIDER, format!("the mesh has no provider `{name}`"), help)
        }
    }
}
