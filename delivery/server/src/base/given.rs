//! Classes that somebody has in hand, without a folder: what each proxy of a mesh gets that is made here.

use std::collections::BTreeSet;
use std::sync::Arc;

use burgee_api::document::tree::Source;
use burgee_api::problem::{Problem, Severity};

use super::{Audience, Class, Classes, contents, folder, ties};
use crate::resource::Known;

/// A class in hand.
#[derive(Clone, Debug)]
pub struct GivenClass {
    /// Its name, unique among those that are given together.
    pub name: String,
    /// For whom it is.
    pub audience: Audience,
    /// Its resources: JSON in the shapes that files of a folder have, each with what to call it in messages.
    pub texts: Vec<(String, String)>,
    /// What is known of its proxies beside that.
    pub known: Known,
}

impl Classes {
    /// These classes, and everything that is wrong with them; those with errors are left out. Unlike one of a folder, a class
    /// may have no resources.
    pub fn given(given: &[GivenClass]) -> (Classes, Vec<Problem>) {
        let mut problems = Vec::new();
        let (mut classes, mut failed) = (Vec::new(), BTreeSet::new());
        for GivenClass { name, audience, texts, known } in given {
            let mut told = Vec::new();
            let mut found = Vec::new();
            for (shown, text) in texts {
                let (resources, said) = contents::read_any(&Source::new(shown.as_str(), text.as_str()), true);
                found.extend(resources);
                told.extend(said);
            }
            let (mut snapshot, said) = folder::snapshot(found);
            told.extend(said);
            if told.iter().any(|problem| problem.severity == Severity::Error) {
                failed.insert(name.clone());
            } else {
                snapshot.known = Some(Arc::new(known.clone()));
                classes.push(Arc::new(Class::new(name, audience.clone(), snapshot)));
            }
            problems.extend(told);
        }
        classes.sort_by(|one: &Arc<Class>, other| one.name.cmp(&other.name));
        problems.extend(ties(&classes));
        let (failed, is_lost) = (failed.into(), false);
        (Classes { classes: classes.into(), failed, is_lost, watched: Arc::new([]) }, problems)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burgee_api::resolve::{Workload, WorkloadKind};

    use super::*;
    use crate::resource::types;

    fn given(name: &str, resources: &str) -> GivenClass {
        let audience = Audience { workload: Some(name.to_owned()), ..Audience::default() };
        let texts = vec![(format!("what {name} gets"), format!("{{\"resources\": [{resources}]}}"))];
        let ports = BTreeMap::from([("in".to_owned(), 80)]);
        GivenClass { name: format!("ns/{name}"), audience, texts, known: Known { ports, ..Known::default() } }
    }

    fn cluster(name: &str) -> String {
        format!(r#"{{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "{name}"}}"#)
    }

    #[test]
    fn each_workload_has_its_own_and_what_is_known_of_it() {
        let all = [given("b", &cluster("c1")), given("a", &cluster("c2")), given("none", "")];
        let (classes, problems) = Classes::given(&all);
        assert_eq!(problems, []);
        let of = |name: &str| {
            let workload = Workload::new(WorkloadKind::Sidecar, "ns", name, BTreeMap::new());
            classes.of(&workload, None).map(|class| (class.name.clone(), class.resources.clone()))
        };
        let (name, base) = of("a").expect("a base");
        assert_eq!(&*name, "ns/a");
        assert!(base.get(types::CLUSTER, "c2").is_some() && base.get(types::CLUSTER, "c1").is_none());
        assert_eq!(base.known.as_ref().map(|known| known.ports["in"]), Some(80));
        assert!(of("none").expect("a base without resources").1.types.is_empty());
        assert!(of("other").is_none());
        assert_eq!(classes, Classes::given(&all).0);
    }

    #[test]
    fn what_is_wrong_is_told_and_left_out() {
        let (classes, problems) =
            Classes::given(&[given("a", &cluster("c")), given("b", "{\"@type\": \"x\"}")]);
        assert_eq!(classes.iter().map(|class| &*class.name).collect::<Vec<_>>(), ["ns/a"]);
        assert!(classes.failed().contains("ns/b"));
        let place = problems[0].place.as_ref().expect("a place");
        assert_eq!(&*place.file, "what b gets");
        // What it had goes on.
        let before = Classes::given(&[given("a", &cluster("c")), given("b", &cluster("c"))]).0;
        assert_eq!(classes.over(&before).0.iter().count(), 2);
    }
}
