//! The commands, one file each, and what several of them do.

pub(crate) mod bootstrap;
pub(crate) mod check;
pub(crate) mod code;
pub(crate) mod crds;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod module;
pub(crate) mod new;
pub(crate) mod render;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod up;

use std::collections::HashSet;
use std::path::Path;

use burgee_api::resources::{Pods, Resources};
use burgee_api::{Problem, Severity};
use burgee_overlay::Module;

use crate::Failure;
use crate::codes::NOT_RUN;
use crate::progress::Steps;

/// The stack of each thread: the parser of expressions needs more than the usual 2 MiB where it is not optimised.
const THREAD_STACK: usize = 8 << 20;

/// A library's error, whose words already say what to do.
fn failure(error: impl std::error::Error) -> Failure {
    Failure::new(error.to_string(), "")
}

/// Pods are not run on loopback: what runs there is what WorkloadEntries describe.
fn not_run(resources: &Resources) -> Option<Problem> {
    let entries: HashSet<(&str, &str)> = resources
        .workload_entries
        .iter()
        .map(|entry| (&*entry.meta.id.namespace, &*entry.meta.id.name))
        .collect();
    let is_run = |pods: &&Pods| entries.contains(&(&*pods.meta.id.namespace, pods.workload.as_str()));
    let mut others = resources.pods.iter().filter(|pods| !is_run(pods));
    let first = others.next()?;
    let more = match others.count() {
        0 => String::new(),
        more => format!("; documents with pods besides: {more}"),
    };
    let message = format!("{} is not run here{more}", first.meta.id);
    let help = "what is run has a WorkloadEntry; write one with the labels of the pods";
    let place = first.meta.place.clone();
    Some(Problem::new(Severity::Note, NOT_RUN, message).at(place, "").help(help))
}

/// The telemetry module: the one named, else the one that is built here.
fn telemetry_module(named: Option<&Path>, steps: &Steps) -> Result<Module, Failure> {
    let (path, sha256) = match named {
        Some(file) => {
            let digest = burgee_modules::digest_of_module(file).map_err(|error| {
                Failure::new(
                    format!("--module {} cannot be read: {error}", file.display()),
                    "name the module's file, or leave --module out to have it built",
                )
            })?;
            let sha256 = digest.ok_or_else(|| {
                Failure::new(
                    format!("--module {} is not a Wasm core module", file.display()),
                    "name a module that was built for wasm32-wasip1, or leave --module out to have one built",
                )
            })?;
            (std::path::absolute(file).unwrap_or_else(|_| file.to_owned()), sha256)
        }
        None => {
            let built = burgee_modules::build("telemetry", steps).map_err(failure)?;
            (built.path, built.sha256)
        }
    };
    Ok(Module { path: path.to_string_lossy().into_owned(), sha256, metrics: Vec::new() })
}

#[cfg(test)]
mod tests {
    use burgee_api::check::check;
    use burgee_api::document::Source;

    use super::*;

    #[test]
    fn pods_without_an_entry_are_named() {
        let pods = |kind: &str, name: &str| {
            format!(
                "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\n\
                 spec: {{template: {{metadata: {{labels: {{app: x}}}}}}}}\n"
            )
        };
        let entry =
            "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: web}\nspec: {}\n";
        let said = |text: String| {
            let resources = check(&[Source::new("t.yaml", text)]).resources;
            not_run(&resources).map(|problem| problem.message)
        };
        let web = pods("Deployment", "web");
        assert_eq!(said(web.clone()).as_deref(), Some("Deployment default/web is not run here"));
        assert_eq!(said(web.clone() + entry), None);
        let told = said(web + entry + &pods("DaemonSet", "a") + &pods("StatefulSet", "b"));
        assert_eq!(
            told.as_deref(),
            Some("DaemonSet default/a is not run here; documents with pods besides: 1")
        );
    }
}
