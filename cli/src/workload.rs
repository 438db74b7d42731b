//! Which workload a command is about: what the arguments say of it, over what the documents know.

use std::collections::BTreeMap;

use burgee_api::problem::closest;
use burgee_api::resolve::{DEFAULT_REVISION, KnownWorkloads, Workload, WorkloadKind};
use burgee_api::resources::Resources;
use burgee_api::{Problem, Severity};

use crate::Failure;
use crate::args::WorkloadArgs;
use crate::codes::{NO_WORKLOAD, OTHER_PROXY, UNKNOWN_WORKLOAD};
use crate::plan::{is_name, split_pair};

/// How many workloads a message names.
const MOST_NAMED: usize = 10;

/// A workload as arguments name it.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadPlan {
    /// Its namespace and name; absent: its proxy knows.
    pub named: Option<(String, String)>,
    /// Labels that go over those that are known.
    pub labels: BTreeMap<String, String>,
    /// The revision that it belongs to; absent: as is known.
    pub revision: Option<String>,
}

impl WorkloadPlan {
    /// Takes arguments apart. `named` is `NAMESPACE/NAME`, and `flag` what it was given with.
    pub fn new(flag: &str, named: Option<&str>, args: &WorkloadArgs) -> Result<WorkloadPlan, Failure> {
        let named = named.map(|named| namespace_and_name(flag, named)).transpose()?;
        let mut labels = BTreeMap::new();
        for pair in &args.labels {
            let (key, value) = split_pair("--labels", pair, "KEY=VALUE, such as app=web")?;
            labels.insert(key, value);
        }
        if let Some(revision) = args.revision.as_deref().filter(|revision| !is_name(revision)) {
            return Err(Failure::new(
                format!("--revision {revision}: this is not a revision's name"),
                "write one as in the label istio.io/rev, such as canary",
            ));
        }
        Ok(WorkloadPlan { named, labels, revision: args.revision.clone() })
    }

    /// The workload. What the documents know of it goes before what its proxy says, and what the arguments say before
    /// both. A proxy of another workload than the one that is named says nothing.
    pub fn find(&self, resources: &Resources, proxy: Option<&Workload>) -> Result<Workload, Box<Problem>> {
        let of_proxy = proxy.map(|proxy| (proxy.namespace.clone(), proxy.name.clone()));
        let Some((namespace, name)) = self.named.clone().or(of_proxy) else { return Err(no_workload()) };
        let proxy = proxy.filter(|proxy| proxy.namespace == namespace && proxy.name == name);
        let known = KnownWorkloads::new(resources, DEFAULT_REVISION);
        let known = known.get(&namespace, &name)?.map(|known| &known.workload);
        let mut workload = match (known, proxy) {
            // The labels that a mesh has for a workload go before those that its proxy started with.
            (Some(known), Some(proxy)) => Workload { labels: known.labels.clone(), ..proxy.clone() },
            (Some(workload), None) | (None, Some(workload)) => workload.clone(),
            (None, None) => Workload::of_labels(namespace, name, self.labels.clone())?,
        };
        workload.labels.extend(self.labels.clone());
        let by_labels = Workload::of_labels(
            workload.namespace.as_str(),
            workload.name.as_str(),
            workload.labels.clone(),
        )?;
        let serves = resources.gateways.iter().any(|gateway| gateway.is_served_by(&workload.labels));
        if serves || by_labels.kind == WorkloadKind::Gateway {
            workload.kind = WorkloadKind::Gateway;
        }
        workload.revision = self.revision.clone().unwrap_or(workload.revision);
        Ok(workload)
    }

    /// A workload that is not the one whose proxy has the base, or not among those that the documents have, is likely
    /// misspelt.
    pub fn doubts(&self, resources: &Resources, proxy: Option<&Workload>) -> Option<Problem> {
        let (namespace, name) = self.named.as_ref()?;
        let named = format!("{namespace}/{name}");
        match proxy.map(ToString::to_string) {
            Some(other) if other != named => {
                let message = format!("the base is that of a proxy of {other}, not of {named}");
                let help = "name the workload that the proxy serves, or take --workload out";
                return Some(Problem::new(Severity::Warning, OTHER_PROXY, message).help(help));
            }
            Some(_) => return None,
            None => {}
        }
        let known = KnownWorkloads::new(resources, DEFAULT_REVISION);
        let described = known.workloads.iter().filter(|known| known.by.describes_it());
        let known: Vec<String> = described.map(|known| known.workload.to_string()).collect();
        if known.is_empty() || known.contains(&named) {
            return None;
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = match (closest(&named, &known), known.get(MOST_NAMED..)) {
            (Some(known), _) => format!("did you mean `{known}`?"),
            (None, None) => format!("the documents have {}", known.join(", ")),
            (None, Some(more)) => {
                format!("the documents have {} and {} more", known[..MOST_NAMED].join(", "), more.len())
            }
        };
        let message = format!("no document describes {named}; its labels are those of --labels alone");
        Some(Problem::new(Severity::Warning, UNKNOWN_WORKLOAD, message).help(help))
    }
}

fn namespace_and_name(flag: &str, named: &str) -> Result<(String, String), Failure> {
    match named.split_once('/') {
        Some((namespace, name)) if is_name(namespace) && is_name(name) => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err(Failure::new(
            format!("{flag} {named}: no namespace and name"),
            "write NAMESPACE/NAME, such as shop/web-v1",
        )),
    }
}

fn no_workload() -> Box<Problem> {
    let help =
        "name it with --workload NAMESPACE/NAME, or give the bootstrap of its proxy, whose node says so";
    Box::new(Problem::new(Severity::Error, NO_WORKLOAD, "nothing says which workload this is for").help(help))
}

#[cfg(test)]
mod tests {
    use burgee_api::check::check;
    use burgee_api::document::Source;

    use super::*;

    const ENTRY: &str = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
                         metadata: {name: web-v1, namespace: shop}\nspec: {labels: {app: web, version: v1}}\n";

    fn plan(named: Option<&str>, labels: &[&str], revision: Option<&str>) -> WorkloadPlan {
        let labels = labels.iter().map(ToString::to_string).collect();
        let args = WorkloadArgs { labels, revision: revision.map(str::to_owned) };
        WorkloadPlan::new("--workload", named, &args).unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    fn proxy(name: &str) -> Workload {
        let labels = BTreeMap::from([("app".to_owned(), "old".to_owned())]);
        let workload = Workload::new(WorkloadKind::Gateway, "shop", name, labels).of_revision("stable");
        Workload { mesh_id: Some("mesh1".to_owned()), ..workload }
    }

    #[test]
    fn a_deployment_is_a_workload_and_a_waypoint_s_gateway_is_none() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart, namespace: shop}\n\
                    spec: {template: {metadata: {labels: {app: cart}, annotations: {istio.io/rev: canary}}}}\n---\n\
                    apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: w, namespace: shop}\n\
                    spec: {gatewayClassName: istio-waypoint}\n";
        let resources = check(&[Source::new("t.yaml", text)]).resources;
        let find = |name: &str| plan(Some(name), &["a=b"], None).find(&resources, None);
        let workload = find("shop/cart").expect("a workload");
        assert_eq!(
            (labels(&workload).join(" "), workload.revision.as_str()),
            ("a=b app=cart".to_owned(), "canary")
        );
        let told = find("shop/w").expect_err("a problem");
        assert!(told.message.contains("shop/w is a waypoint") && told.place.is_some(), "{told}");
        let told = plan(Some("shop/card"), &[], None).doubts(&resources, None).expect("a problem");
        assert!(told.help.contains("`shop/cart`"), "{told}");
    }

    fn labels(workload: &Workload) -> Vec<String> {
        workload.labels.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn arguments_go_over_what_the_documents_know_and_that_over_what_the_proxy_says() {
        let resources = check(&[Source::new("t.yaml", ENTRY)]).resources;
        let named = plan(Some("shop/web-v1"), &["version=v2"], Some("canary"));
        let workload = named.find(&resources, None).expect("a workload");
        assert_eq!(labels(&workload), ["app=web", "version=v2"]);
        assert_eq!((workload.revision.as_str(), workload.kind), ("canary", WorkloadKind::Sidecar));

        let of_proxy = plan(None, &["x=y"], None);
        let workload = of_proxy.find(&resources, Some(&proxy("web-v1"))).expect("a workload");
        assert_eq!(labels(&workload), ["app=web", "version=v1", "x=y"]);
        assert_eq!((workload.revision.as_str(), workload.kind), ("stable", WorkloadKind::Gateway));
        assert_eq!(workload.mesh_id.as_deref(), Some("mesh1"));
        let workload = of_proxy.find(&resources, Some(&proxy("other"))).expect("a workload");
        assert_eq!(
            (workload.to_string().as_str(), labels(&workload)),
            ("shop/other", vec!["app=old".to_owned(), "x=y".to_owned()])
        );

        let workload = named.find(&resources, Some(&proxy("other"))).expect("a workload");
        assert_eq!((workload.to_string().as_str(), workload.mesh_id), ("shop/web-v1", None));
    }

    #[test]
    fn what_is_likely_misspelt_or_not_said_at_all_is_told() {
        let resources = check(&[Source::new("t.yaml", ENTRY)]).resources;
        let named = plan(Some("shop/web-v1"), &[], None);
        assert!(named.doubts(&resources, None).is_none());
        assert!(named.doubts(&resources, Some(&proxy("web-v1"))).is_none());
        let told = named.doubts(&resources, Some(&proxy("other"))).expect("a problem");
        assert!(told.message.contains("shop/other, not of shop/web-v1"), "{told}");

        let misspelt = plan(Some("shop/web-v"), &["a=b"], None);
        assert_eq!(labels(&misspelt.find(&resources, None).expect("a workload")), ["a=b"]);
        let told = misspelt.doubts(&resources, None).expect("a problem");
        assert!(told.help.contains("`shop/web-v1`"), "{told}");

        let nothing = plan(None, &["a=b"], None);
        assert_eq!(nothing.find(&resources, None).expect_err("a problem").code, NO_WORKLOAD);
        let waypoint = plan(Some("wp/w"), &["gateway.istio.io/managed=istio.io-mesh-controller"], None);
        let told = waypoint.find(&resources, None).expect_err("a problem");
        assert!(told.message.contains("wp/w is a waypoint"), "{told}");
    }
}
