//! Configurations of meshes for other revisions of the control plane than the one that is judged for.

use super::telemetry::at;
use crate::problem::{Problem, Severity, codes};
use crate::resources::Resources;

pub(super) fn check(resources: &Resources, revision: &str, problems: &mut Vec<Problem>) {
    let mesh = &resources.mesh_config;
    let of = &mesh.revision;
    if mesh.was_read && of != revision {
        let message = format!(
            "this is for revision `{of}`, and nothing is for `{revision}`, so it is used for that too"
        );
        let help = "nothing has to be done if the mesh has one control plane";
        problems.push(at(&mesh.source, Severity::Note, codes::OTHER_MESH, message, help.to_owned()));
    }
    for other in &resources.other_meshes {
        let message = format!(
            "this is for revision `{}`; workloads of revision `{revision}` have another",
            other.revision
        );
        let help = format!("theirs is that of revision `{of}`");
        problems.push(at(&other.source, Severity::Note, codes::OTHER_MESH, message, help));
    }
}
