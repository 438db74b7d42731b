//! Documents of kinds that are not read: misspelt ones are told one by one, all others once per sort at the end, so that
//! what people dump from a cluster or from Helm can be read as it is.

use std::collections::BTreeMap;

use super::kinds::{KINDS, kind_names, versions};
use super::reader::{Context, Field, list, shorten};
use crate::origin::Place;
use crate::problem::{Problem, Severity, closest, codes};

/// Kinds of Istio and its operator that this version does not read. Some of them would change what a proxy does.
const ISTIO_KINDS: &[(&str, &str)] = &[
    ("networking.istio.io", "VirtualService"),
    ("networking.istio.io", "DestinationRule"),
    ("networking.istio.io", "EnvoyFilter"),
    ("networking.istio.io", "Sidecar"),
    ("networking.istio.io", "WorkloadGroup"),
    ("networking.istio.io", "ProxyConfig"),
    ("security.istio.io", "AuthorizationPolicy"),
    ("security.istio.io", "RequestAuthentication"),
    ("sailoperator.io", "IstioCNI"),
    ("sailoperator.io", "IstioRevision"),
    ("sailoperator.io", "IstioRevisionTag"),
    ("sailoperator.io", "ZTunnel"),
];

/// What a document says that it is.
pub(super) struct Written<'d> {
    pub group: &'d str,
    pub version: &'d str,
    pub kind: &'d str,
    pub api_version: &'d Field<'d>,
    pub kind_field: &'d Field<'d>,
}

/// What was not read.
#[derive(Clone, Debug, Default)]
pub(super) struct NotRead {
    /// Kinds of Istio.
    istio: BTreeMap<String, Seen>,
    /// Kinds that have nothing to do with a mesh.
    others: BTreeMap<String, Seen>,
}

/// How many documents of a kind there are, and where the first one says what it is.
#[derive(Clone, Debug)]
struct Seen {
    count: usize,
    /// How many documents of any such kind were seen before.
    before: usize,
    place: Place,
    path: String,
}

impl NotRead {
    /// A kind that is not ours: misspelt, not read yet, or somebody else's.
    pub fn take(&mut self, written: &Written<'_>, context: &mut Context) {
        let Written { group, version, kind, api_version, kind_field } = written;
        if let Some(ours) = KINDS.iter().find(|ours| ours.name == *kind && is_near(group, ours.group)) {
            let message = match *group {
                // Kubernetes' own versions have no dots.
                "" if version.contains('.') => format!("`{}` has no version", shorten(version)),
                "" => format!("{kind} is not a kind of Kubernetes' own `{}`", shorten(version)),
                group => format!("{kind} is not a kind of `{}`", shorten(group)),
            };
            let help = format!("allowed: {}", versions(ours));
            context.report(Severity::Error, codes::API_VERSION, api_version, message, help);
            return;
        }
        if ISTIO_KINDS.contains(&(*group, *kind)) {
            note(&mut self.istio, kind, kind_field);
            return;
        }
        let ours = KINDS.iter().map(|kind| (kind.group, kind.name));
        let of_group = ours.chain(ISTIO_KINDS.iter().copied()).filter(|(known, _)| known == group);
        let of_group: Vec<&str> = of_group.map(|(_, name)| name).collect();
        if of_group.is_empty() {
            note(&mut self.others, kind, kind_field);
            return;
        }
        let help = match closest(kind, &of_group) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("kinds of `{group}`: {}", list(&of_group)),
        };
        let message = format!("`{group}` has no kind `{}`", shorten(kind));
        context.report(Severity::Error, codes::UNKNOWN_KIND, kind_field, message, help);
    }

    /// A ConfigMap or Secret that holds nothing of ours.
    pub fn other(&mut self, kind: &str, field: &Field<'_>) {
        note(&mut self.others, kind, field);
    }

    /// Adds what comes after this.
    pub fn join(&mut self, other: &NotRead) {
        for (seen, others) in [(&mut self.istio, &other.istio), (&mut self.others, &other.others)] {
            let before: usize = seen.values().map(|seen| seen.count).sum();
            for (kind, one) in others {
                let first = || Seen { count: 0, before: before + one.before, ..one.clone() };
                seen.entry(kind.clone()).or_insert_with(first).count += one.count;
            }
        }
    }

    /// What is worth knowing of all of them.
    pub fn problems(self) -> Vec<Problem> {
        let help = format!("kinds that are read: {}", kind_names());
        let told = |severity, seen: &Seen, message: String| {
            let problem = Problem::new(severity, codes::KIND_NOT_READ, message);
            problem.at(seen.place.clone(), seen.path.clone()).help(help.clone())
        };
        let mut problems = Vec::new();
        for (kind, seen) in &self.istio {
            let count = if seen.count > 1 { format!("; there are {}", seen.count) } else { String::new() };
            let message = format!("{kind} is not read by this version and has no effect{count}");
            problems.push(told(Severity::Warning, seen, message));
        }
        if let Some(first) = self.others.values().min_by_key(|seen| seen.before) {
            let count: usize = self.others.values().map(|seen| seen.count).sum();
            let kinds: Vec<String> =
                self.others.iter().map(|(kind, seen)| counted(kind, seen.count)).collect();
            let message = match kinds.as_slice() {
                [_] if count == 1 => format!("kind {} is not read", kinds.concat()),
                _ => format!("{count} documents are of kinds that are not read: {}", kinds.join(", ")),
            };
            problems.push(told(Severity::Note, first, message));
        }
        problems
    }
}

fn note(seen: &mut BTreeMap<String, Seen>, kind: &str, field: &Field<'_>) {
    let before = seen.values().map(|seen| seen.count).sum();
    let first = || Seen { count: 0, before, place: field.place(), path: field.path.clone() };
    seen.entry(kind.to_owned()).or_insert_with(first).count += 1;
}

fn counted(kind: &str, count: usize) -> String {
    let kind = shorten(kind);
    if count > 1 { format!("`{kind}` ({count})") } else { format!("`{kind}`") }
}

/// Whether somebody may have meant our group: none at all, or one of Istio's.
fn is_near(group: &str, ours: &str) -> bool {
    group.is_empty() || group.ends_with("istio.io") || closest(group, &[ours]).is_some()
}
