//! Where a mesh's configuration comes from: which documents say it, for which revision of the control plane, and which of
//! several counts.

use std::collections::BTreeMap;

use crate::origin::{DocumentId, Origin};
use crate::problem::{Code, Problem, Severity, codes};
use crate::resources::meta::DEFAULT_REVISION;
use crate::resources::{MeshConfig, Resources};

/// A document that says what a mesh's configuration is.
#[derive(Clone, Debug)]
pub(super) struct MeshSource {
    pub sort: Sort,
    /// What it says, over Istio's defaults. Its own place is the origin of the whole.
    pub mesh: MeshConfig,
}

/// What becomes of such a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The control plane reads it: the ConfigMap, or a file.
    Read,
    /// What the ConfigMap is made of, when Istio is installed: an IstioOperator, Sail's Istio, or Helm's values.
    Installed,
}

/// The document of a bare file.
pub(super) fn bare_id() -> DocumentId {
    DocumentId { kind: "MeshConfig".into(), namespace: "".into(), name: "mesh".into() }
}

/// The revision that a ConfigMap of this name belongs to.
pub(super) fn revision_of(config_map: &str) -> String {
    config_map.strip_prefix("istio-").unwrap_or(DEFAULT_REVISION).to_owned()
}

/// Decides for each revision which document counts, and which revision's configuration is the mesh's.
pub(super) fn settle(sources: Vec<MeshSource>, resources: &mut Resources, problems: &mut Vec<Problem>) {
    let mut by_revision: BTreeMap<String, Vec<MeshSource>> = BTreeMap::new();
    for source in sources {
        by_revision.entry(source.mesh.revision.clone()).or_default().push(source);
    }
    let mut meshes: Vec<MeshConfig> =
        by_revision.into_values().filter_map(|sources| that_counts(sources, problems)).collect();
    let main = meshes.iter().position(|mesh| mesh.revision == DEFAULT_REVISION).unwrap_or_default();
    if main < meshes.len() {
        resources.mesh_config = meshes.remove(main);
    }
    resources.other_meshes = meshes;
}

/// The one of several documents of a revision that counts. A second one of a sort is refused: in a cluster there is one
/// per revision.
fn that_counts(sources: Vec<MeshSource>, problems: &mut Vec<Problem>) -> Option<MeshConfig> {
    let (read, installed): (Vec<_>, Vec<_>) = sources.into_iter().partition(|it| it.sort == Sort::Read);
    let is_read = !read.is_empty();
    let mut counts = None;
    for MeshSource { sort, mesh } in read.into_iter().chain(installed) {
        let Some(first) = &counts else {
            counts = Some(mesh);
            continue;
        };
        let problem = match sort {
            Sort::Installed if is_read => told(
                &mesh,
                Severity::Note,
                codes::MESH_SOURCE_NOT_USED,
                format!("what this says of the mesh's configuration is not used: {} counts", place_of(first)),
                "that is what the control plane reads; this is what it is made of when Istio is installed. Give one of \
                 the two",
            ),
            Sort::Read | Sort::Installed => told(
                &mesh,
                Severity::Error,
                codes::SEVERAL_MESH_CONFIGS,
                format!("there is a second MeshConfig; the first one counts: {}", place_of(first)),
                "keep one of a revision: the ConfigMap `istio`, a bare file, an IstioOperator or an Istio of Sail's",
            ),
        };
        problems.push(problem);
    }
    counts
}

/// Where a document is that says what a mesh's configuration is.
fn place_of(mesh: &MeshConfig) -> String {
    match &mesh.source {
        Origin::Document { document, place, .. } => format!("{document} at {place}"),
        Origin::Rule(rule) => (*rule).to_owned(),
    }
}

fn told(mesh: &MeshConfig, severity: Severity, code: Code, message: String, help: &str) -> Problem {
    let problem = Problem::new(severity, code, message).help(help);
    match &mesh.source {
        Origin::Document { path, place, .. } => problem.at(place.clone(), path.to_string()),
        Origin::Rule(_) => problem,
    }
}

#[cfg(test)]
mod tests;
