//! Which connections a workload takes: what `PeerAuthentication` documents add up to, by Istio's rules.

use super::selection::age_order;
use super::workload::Workload;
use crate::origin::{Origin, Traced};
use crate::resources::{MtlsMode, PeerAuthentication, Resources};

/// The mode where no document says any.
const DEFAULT: Traced<MtlsMode> =
    Traced { value: MtlsMode::Permissive, origin: Origin::Rule("Istio's default: both are taken") };

/// Which connections a workload takes at one of its own ports; never [`MtlsMode::Unset`]. A document with a selector goes
/// before that of the namespace, and that before the mesh's. Of several for the same the oldest counts, then the first by
/// name.
pub fn mtls_mode(resources: &Resources, workload: &Workload, port: u16) -> Traced<MtlsMode> {
    let root = &resources.mesh_config.root_namespace.value;
    let first = |level: Level| {
        let documents = resources.peer_authentications.iter();
        documents
            .filter(|document| document.meta.is_for_revision(&workload.revision))
            .filter(|document| Level::of(document, root) == Some(level))
            .filter(|document| level == Level::Mesh || *document.meta.id.namespace == *workload.namespace)
            .filter(|document| document.selector.as_ref().is_none_or(|one| one.selects(&workload.labels)))
            .min_by_key(|document| age_order(&document.meta))
    };
    let set = |mode: Option<&Traced<MtlsMode>>| mode.filter(|mode| mode.value != MtlsMode::Unset).cloned();
    let mut mode = DEFAULT;
    for document in
        [first(Level::Mesh), first(Level::Namespace), first(Level::Workloads)].into_iter().flatten()
    {
        mode = set(document.mode.as_ref()).unwrap_or(mode);
    }
    let of_port = first(Level::Workloads).and_then(|document| set(document.port_modes.get(&port)));
    of_port.unwrap_or(mode)
}

/// How many workloads a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// All.
    Mesh,
    /// Those of a namespace.
    Namespace,
    /// Those with some labels.
    Workloads,
}

impl Level {
    /// A document's; none when it is for nobody: one with a selector in the root namespace is, as Istio has it.
    pub(crate) fn of(document: &PeerAuthentication, root: &str) -> Option<Level> {
        match (document.labels(), &*document.meta.id.namespace == root) {
            (None, true) => Some(Level::Mesh),
            (None, false) => Some(Level::Namespace),
            (Some(_), false) => Some(Level::Workloads),
            (Some(_), true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::document::{Source, read};
    use crate::resolve::WorkloadKind;
    use crate::test;

    /// Documents, each as namespace, name, age and spec.
    fn mode_of(documents: &[(&str, &str, &str, &str)], port: u16) -> MtlsMode {
        let document = |(namespace, name, created, spec): &(&str, &str, &str, &str)| {
            format!(
                "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: \
                 {namespace}, creationTimestamp: \"{created}\"}}\nspec: {spec}\n---\n"
            )
        };
        let text: String = documents.iter().map(document).collect();
        let read = read(&[Source::new("p.yaml", text)]);
        assert!(read.problems.is_empty() || documents.is_empty(), "{:?}", read.problems);
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let workload = Workload::new(WorkloadKind::Sidecar, "shop", "web-v1", labels);
        mtls_mode(&read.resources, &workload, port).value
    }

    const OLD: &str = "2024-01-01T00:00:00Z";
    const NEW: &str = "2025-01-01T00:00:00Z";

    #[test]
    fn the_narrowest_document_that_says_something_counts() {
        let mesh = ("istio-system", "mesh", OLD, "{mtls: {mode: STRICT}}");
        let namespace = ("shop", "all", OLD, "{mtls: {mode: DISABLE}}");
        let unset = ("shop", "all", OLD, "{mtls: {mode: UNSET}}");
        let silent = ("shop", "all", OLD, "{}");
        let web = ("shop", "web", OLD, "{selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}}");
        let other = ("shop", "other", OLD, "{selector: {matchLabels: {app: other}}, mtls: {mode: STRICT}}");
        let elsewhere = ("bank", "all", OLD, "{mtls: {mode: STRICT}}");
        for (documents, expected) in [
            (&[][..], MtlsMode::Permissive),
            (&[mesh], MtlsMode::Strict),
            (&[mesh, namespace], MtlsMode::Disable),
            (&[mesh, unset], MtlsMode::Strict),
            (&[mesh, silent], MtlsMode::Strict),
            (&[mesh, namespace, web], MtlsMode::Permissive),
            (&[namespace, other, elsewhere], MtlsMode::Disable),
            (&[elsewhere], MtlsMode::Permissive),
        ] {
            assert_eq!(mode_of(documents, 80), expected, "{documents:?}");
        }
    }

    #[test]
    fn a_port_has_a_mode_of_its_own_or_that_of_the_others() {
        let spec = "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {90: {mode: DISABLE}, \
                    91: {mode: UNSET}, 92: {}}}";
        for (port, expected) in
            [(80, MtlsMode::Strict), (90, MtlsMode::Disable), (91, MtlsMode::Strict), (92, MtlsMode::Strict)]
        {
            assert_eq!(mode_of(&[("shop", "web", OLD, spec)], port), expected, "{port}");
        }
    }

    #[test]
    fn of_two_for_the_same_the_older_counts_and_a_selector_in_the_root_namespace_is_for_nobody() {
        let old = ("shop", "z", OLD, "{mtls: {mode: STRICT}}");
        let new = ("shop", "a", NEW, "{mtls: {mode: DISABLE}}");
        assert_eq!(mode_of(&[new, old], 80), MtlsMode::Strict);
        let root =
            ("istio-system", "web", OLD, "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}");
        assert_eq!(mode_of(&[root], 80), MtlsMode::Permissive);
    }
}
