//! What about `PeerAuthentication` documents has no effect.

use std::collections::BTreeMap;

use crate::problem::{Problem, Severity, codes};
use crate::resolve::age_order;
use crate::resolve::mutual_tls::Level;
use crate::resources::{PeerAuthentication, Resources};

/// Tells of documents that are for nobody, and of those of which another one for the same workloads takes the place.
pub(super) fn check(resources: &Resources, problems: &mut Vec<Problem>) {
    let root = &resources.mesh_config.root_namespace.value;
    let mut oldest: BTreeMap<_, &PeerAuthentication> = BTreeMap::new();
    let mut documents: Vec<_> = resources.peer_authentications.iter().collect();
    documents.sort_by_cached_key(|document| age_order(&document.meta));
    for document in documents {
        let meta = &document.meta;
        let warning = |code, message| {
            Problem::new(Severity::Warning, code, message).at(meta.place.clone(), "spec.selector")
        };
        let Some(level) = Level::of(document, root) else {
            let message = format!("a selector in the root namespace `{root}` selects nobody");
            let help = "put the document into the namespace of the workloads that it is for";
            problems.push(warning(codes::SELECTOR_IN_ROOT_NAMESPACE, message).help(help));
            continue;
        };
        let key = (level, &meta.id.namespace, document.labels(), meta.revision());
        match oldest.get(&key) {
            Some(first) => {
                let message = format!("{} is for the same workloads and older, so it counts", first.meta.id);
                let help = "take one of them out, or put into one what both say";
                problems.push(warning(codes::SECOND_PEER_AUTHENTICATION, message).help(help));
            }
            None => {
                oldest.insert(key, document);
            }
        }
    }
}
