//! What is found of a document that is judged several times: by each mesh that reads it, and wherever it applies.

use std::collections::HashMap;

use super::situations::View;
use super::telemetry;
use super::world::World;
use crate::origin::Place;
use crate::problem::{Code, Problem, Severity};
use crate::resources::{MeshConfig, Telemetry};

/// What is wrong with a document by the meshes that read it. What only some of them find is no error, as
/// long as workloads here are of others.
pub(super) fn mesh(world: &World<'_>, document: &Telemetry) -> Vec<Problem> {
    let (meshes, used) = world.meshes_of(&document.meta);
    let judged = meshes.iter().map(|mesh| {
        let mut problems = Vec::new();
        telemetry::check(document, mesh, &mut problems);
        problems
    });
    let of_some = |mut problem: Problem, by: &[usize]| {
        let revisions: Vec<String> =
            by.iter().filter_map(|by| meshes.get(*by)).map(|mesh| revision(mesh)).collect();
        problem.message = format!("for {}: {}", revisions.join(" and "), problem.message);
        if !(0..used).all(|mesh| by.contains(&mesh)) {
            problem.severity = problem.severity.min(Severity::Warning);
        }
        problem
    };
    combine(judged.collect(), of_some)
}

fn revision(mesh: &MeshConfig) -> String {
    format!("revision `{}`", mesh.revision)
}

/// What is wrong with a document where it applies. What is only so at some workloads says at which.
pub(super) fn place(views: &[View<'_, '_>], judge: impl Fn(&View<'_, '_>) -> Vec<Problem>) -> Vec<Problem> {
    let of_some = |mut problem: Problem, by: &[usize]| {
        if let Some(view) = by.first().and_then(|first| views.get(*first)) {
            let others = match by.len() {
                1 => String::new(),
                _ => " and others".to_owned(),
            };
            problem.help = format!("{}; so it is at {}{others}", problem.help, view.here.workload);
        }
        problem
    };
    combine(views.iter().map(judge).collect(), of_some)
}

/// Each problem once. Those that not all find are told as `of_some` makes them, given who finds them.
fn combine(judged: Vec<Vec<Problem>>, of_some: impl Fn(Problem, &[usize]) -> Problem) -> Vec<Problem> {
    let judges = judged.len();
    let mut found: Vec<(Problem, Vec<usize>)> = Vec::new();
    let mut known: HashMap<(Code, Option<Place>, String, String), usize> = HashMap::new();
    for (judge, problems) in judged.into_iter().enumerate() {
        for problem in problems {
            let Problem { code, place, path, message, .. } = &problem;
            let key = (*code, place.clone(), path.clone(), message.clone());
            match known.get(&key).and_then(|index| found.get_mut(*index)) {
                Some((_, by)) if by.last() == Some(&judge) => {}
                Some((_, by)) => by.push(judge),
                None => {
                    known.insert(key, found.len());
                    found.push((problem, vec![judge]));
                }
            }
        }
    }
    let told = |(problem, by): (Problem, Vec<usize>)| {
        if by.len() == judges { problem } else { of_some(problem, &by) }
    };
    found.into_iter().map(told).collect()
}
