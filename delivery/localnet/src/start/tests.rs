//! What is written before anything runs, and how several are waited for.

use std::path::PathBuf;
use std::time::Duration;

use burgee_api::resolve::{PolicySet, Workload};
use burgee_api::resources::Resources;

use super::*;
use crate::envoy::{Envoy, Found};
use crate::run::Modules;

fn mk_options() -> Options {
    Options::new(Envoy { path: PathBuf::from("envoy"), version: "1.40.0".to_owned(), found: Found::Path })
}

#[test]
fn a_name_out_of_a_document_leads_nowhere() {
    let parent = tempfile::tempdir().unwrap();
    let run = RunDirectory::create(parent.path()).unwrap();
    let before = fs::read_dir(parent.path()).unwrap().count();
    let module = Module { path: "stats.wasm".to_owned(), sha256: String::new(), metrics: Vec::new() };
    let mesh = Mesh::default();
    let documents = PolicySet::new(Resources::default());
    let modules = Modules { telemetry: module, plugins: BTreeMap::new() };
    for (number, (namespace, name)) in
        [("../out", "app"), ("ns", "../../out"), ("/../out", "a/b"), ("", "..")].into_iter().enumerate()
    {
        let workload = Workload::new(WorkloadKind::Sidecar, namespace, name, BTreeMap::new());
        let policy = Effective::nothing(workload);
        let mut site = Site::loopback(None);
        site.add_loopback_proxy(&policy.workload.to_string(), &proxy_directory(&run, number), None);
        let inputs = Inputs { mesh: &mesh, policy: &documents, site: &site, modules: &modules };
        let directory = proxy_directory(&run, number);
        make(&directory).unwrap();
        let labels = BTreeSet::new();
        let prepared = prepare(&directory, inputs, policy, &labels, &mk_options(), &mut Vec::new()).unwrap();
        assert_eq!(prepared.launch.directory.parent(), Some(run.path()));
        let written = fs::read_dir(run.path().join(format!("proxy-{number}"))).unwrap().count();
        assert_eq!(written, 5, "three files and the directories of the extensions and the logs");
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), before);
    // Four proxies and the lock.
    assert_eq!(fs::read_dir(run.path()).unwrap().count(), 5);
}

async fn after(milliseconds: u64, result: Result<u64, u64>) -> Result<u64, u64> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    result
}

#[tokio::test]
async fn all_are_waited_for_at_once_and_the_first_error_ends_it() {
    let run = |list: &[(u64, Result<u64, u64>)]| {
        all(list.iter().map(|(time, result)| Box::pin(after(*time, *result))).collect())
    };
    assert_eq!(run(&[(30, Ok(1)), (1, Ok(2)), (10, Ok(3))]).await, Ok(vec![1, 2, 3]));
    assert_eq!(run(&[(60_000, Ok(1)), (1, Err(2))]).await, Err(2));
    assert_eq!(run(&[]).await, Ok(Vec::new()));
}
