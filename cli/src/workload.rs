//! Which workload a command is about: what the arguments say of it, over what the documents know.

use std::collections::BTreeMap;

use burgee_api::problem::{Code, closest};
use burgee_api::resolve::{DEFAULT_REVISION, GATEWAY_NAME_LABEL, Workload, WorkloadKind};
use burgee_api::resources::Resources;
use burgee_api::{Problem, Severity};

use crate::Failure;
use crate::args::WorkloadArgs;
use crate::plan::{is_name, split_pair};

/// A workload that the documents do not have.
const UNKNOWN_WORKLOAD: Code = Code("BG0006");

/// A workload as arguments name it.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadPlan {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Labels that go over those of the documents.
    pub labels: BTreeMap<String, String>,
    /// The revision that it belongs to.
    pub revision: String,
}

impl WorkloadPlan {
    /// Takes arguments apart. `named` is `NAMESPACE/NAME`, and `flag` what it was given with.
    pub fn new(flag: &str, named: &str, args: &WorkloadArgs) -> Result<WorkloadPlan, Failure> {
        let Some((namespace, name)) =
            named.split_once('/').filter(|(namespace, name)| is_name(namespace) && is_name(name))
        else {
            return Err(Failure::new(
                format!("{flag} {named}: no namespace and name"),
                "write NAMESPACE/NAME, such as shop/web-v1",
            ));
        };
        let mut labels = BTreeMap::new();
        for pair in &args.labels {
            let (key, value) = split_pair("--labels", pair, "KEY=VALUE, such as app=web")?;
            labels.insert(key, value);
        }
        let revision = args.revision.as_deref().unwrap_or(DEFAULT_REVISION);
        if !is_name(revision) {
            return Err(Failure::new(
                format!("--revision {revision}: this is not a revision's name"),
                "write one as in the label istio.io/rev, such as canary",
            ));
        }
        Ok(WorkloadPlan {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels,
            revision: revision.to_owned(),
        })
    }

    /// The workload: labels of the documents, and over them those of the command line.
    pub fn find(&self, resources: &Resources) -> Workload {
        let entry = resources
            .workload_entries
            .iter()
            .find(|entry| *entry.meta.id.namespace == *self.namespace && *entry.meta.id.name == *self.name);
        let mut labels = entry.map(|entry| entry.labels.clone()).unwrap_or_default();
        labels.extend(self.labels.clone());
        let kind = match labels.contains_key(GATEWAY_NAME_LABEL) {
            true => WorkloadKind::Gateway,
            false => WorkloadKind::Sidecar,
        };
        Workload::new(kind, self.namespace.as_str(), self.name.as_str(), labels).of_revision(&self.revision)
    }

    /// A workload that is not among those that the documents have is likely misspelt.
    pub fn not_among_the_documents(&self, resources: &Resources) -> Option<Problem> {
        let name = format!("{}/{}", self.namespace, self.name);
        let known: Vec<String> = resources
            .workload_entries
            .iter()
            .map(|entry| format!("{}/{}", entry.meta.id.namespace, entry.meta.id.name))
            .collect();
        if known.is_empty() || known.contains(&name) {
            return None;
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = match closest(&name, &known) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("the documents have {}", known.join(", ")),
        };
        let message = format!("no WorkloadEntry is named {name}; its labels are those of --labels alone");
        Some(Problem::new(Severity::Warning, UNKNOWN_WORKLOAD, message).help(help))
    }
}

#[cfg(test)]
mod tests {
    use burgee_api::check::check;
    use burgee_api::document::Source;

    use super::*;

    #[test]
    fn arguments_go_over_what_the_documents_know() {
        let text = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
                    metadata: {name: web-v1, namespace: shop}\nspec: {labels: {app: web, version: v1}}\n";
        let resources = check(&[Source::new("t.yaml", text)]).resources;
        let args =
            WorkloadArgs { labels: vec!["version=v2".to_owned()], revision: Some("canary".to_owned()) };
        let plan = WorkloadPlan::new("--workload", "shop/web-v1", &args).unwrap_or_else(|_| panic!("a plan"));
        let workload = plan.find(&resources);
        let labels: Vec<_> = workload.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(labels, ["app=web", "version=v2"]);
        assert_eq!((workload.revision.as_str(), workload.kind), ("canary", WorkloadKind::Sidecar));
        assert!(plan.not_among_the_documents(&resources).is_none());

        let misspelt = WorkloadPlan { name: "web-v".to_owned(), ..plan };
        assert!(misspelt.find(&resources).labels.contains_key("version"), "those of the arguments stay");
        let told = misspelt.not_among_the_documents(&resources).expect("a problem");
        assert!(told.help.contains("`shop/web-v1`"), "{told}");
    }
}
