//! A base with policies laid over it: what one proxy gets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use burgee_api::resolve::{Effective, Plugin};
use burgee_api::{DocumentId, Origin};
use burgee_overlay::{
    Edit, Options, Value, encoded_clusters, encoded_extensions, overlay_resource, plugin_extension_name,
};
use bytes::Bytes;

use crate::resource::{Named, Resource, Snapshot, Version, types};
use crate::store::Store;

/// What laying comes to.
#[derive(Clone, Debug, Default)]
pub struct Laid {
    /// What the proxy gets.
    pub snapshot: Snapshot,
    /// What could not be laid, in words. The base goes on as it is there.
    pub faults: Vec<String>,
}

/// Lays a policy over a base. What it does not change is the base's own, byte for byte.
pub fn lay(base: &Snapshot, effective: &Effective, options: &Options, store: &Store) -> Laid {
    let mut snapshot = Snapshot { known: None, ..base.clone() };
    let mut faults = Vec::new();
    let mut awaited = BTreeSet::new();
    let mut named = BTreeSet::new();
    if let Some(listeners) = base.of(types::LISTENER) {
        let mut laid = Named::new();
        for (name, listener) in listeners {
            let resource = match overlay_resource(types::LISTENER, &listener.value(), effective, options) {
                Ok(overlaid) => {
                    awaited.extend(overlaid.awaited_clusters);
                    named.extend(overlaid.edits.iter().filter_map(extension_of));
                    if overlaid.edits.is_empty() {
                        listener.clone()
                    } else {
                        stored(types::LISTENER, name.clone(), overlaid.bytes.into(), store)
                    }
                }
                Err(error) => {
                    faults.push(format!("listener {name:?}: {error}"));
                    listener.clone()
                }
            };
            laid.insert(name.clone(), resource);
        }
        snapshot.types.insert(types::LISTENER.into(), store.named(laid));
    }
    clusters(&awaited, base, effective, store, &mut snapshot, &mut faults);
    extensions(&named, effective, options, store, &mut snapshot, &mut faults);
    Laid { snapshot, faults }
}

/// A resource, which others may have too.
fn stored(type_url: &str, name: Arc<str>, value: Bytes, store: &Store) -> Arc<Resource> {
    let key = Version::of_parts([type_url.as_bytes(), name.as_bytes(), &value]);
    store.resource(key, || Resource::new(type_url, name, value))
}

/// Adds the clusters that listeners await and the base has not.
fn clusters(
    awaited: &BTreeSet<String>,
    base: &Snapshot,
    effective: &Effective,
    store: &Store,
    snapshot: &mut Snapshot,
    faults: &mut Vec<String>,
) {
    let lacking = |name: &str| awaited.contains(name) && base.get(types::CLUSTER, name).is_none();
    if !awaited.iter().any(|name| lacking(name)) {
        return;
    }
    let clusters = match encoded_clusters(effective) {
        Ok(clusters) => clusters,
        Err(error) => return faults.push(format!("clusters of collectors: {error}")),
    };
    let mut all = base.of(types::CLUSTER).cloned().unwrap_or_default();
    for (name, bytes) in clusters.into_iter().filter(|(name, _)| lacking(name)) {
        let name: Arc<str> = name.into();
        all.insert(name.clone(), stored(types::CLUSTER, name, bytes.into(), store));
    }
    snapshot.types.insert(types::CLUSTER.into(), store.named(all));
}

/// The name of the extension whose configuration an edit has come by name.
fn extension_of(edit: &Edit) -> Option<Arc<str>> {
    edit.value.field("config_discovery")?;
    edit.value.field("name").and_then(Value::as_str).map(Arc::from)
}

/// Adds the configurations that listeners name.
fn extensions(
    named: &BTreeSet<Arc<str>>,
    effective: &Effective,
    options: &Options,
    store: &Store,
    snapshot: &mut Snapshot,
    faults: &mut Vec<String>,
) {
    let extensions = match encoded_extensions(effective, options) {
        Ok(extensions) => extensions,
        Err(error) => return faults.push(format!("configurations of extensions: {error}")),
    };
    if named.is_empty() {
        return;
    }
    let mut all = snapshot.of(types::EXTENSION).cloned().unwrap_or_default();
    for extension in extensions {
        let Some(name) = named.get(extension.name.as_str()).cloned() else { continue };
        let key = Version::of_parts([types::EXTENSION.as_bytes(), &extension.head]);
        // A module of some hundred kilobytes is put in once for all that have it.
        let resource =
            store.resource(key, || Resource::new(types::EXTENSION, name.clone(), extension.bytes().into()));
        all.insert(name, resource);
    }
    snapshot.types.insert(types::EXTENSION.into(), store.named(all));
    snapshot.named = named.iter().cloned().collect();
}

/// Which documents have a say in which resources, by type and name.
pub fn owners(
    base: &Snapshot,
    effective: &Effective,
    options: &Options,
) -> BTreeMap<(&'static str, Arc<str>), BTreeSet<DocumentId>> {
    let mut owners: BTreeMap<(&'static str, Arc<str>), BTreeSet<DocumentId>> = BTreeMap::new();
    for (name, listener) in base.of(types::LISTENER).into_iter().flatten() {
        let Ok(overlaid) = overlay_resource(types::LISTENER, &listener.value(), effective, options) else {
            continue;
        };
        for edit in &overlaid.edits {
            owners.entry((types::LISTENER, name.clone())).or_default().extend(documents(edit));
            // Whatever comes by the filter's name has the filter's owners.
            if let Some(extension) = extension_of(edit) {
                let key = (types::EXTENSION, extension);
                owners.entry(key).or_default().extend(documents(edit));
            }
        }
    }
    let plugins: Vec<&Plugin> = effective.classes.values().flat_map(|class| &class.plugins).collect();
    for plugin in plugins {
        let key = (types::EXTENSION, Arc::from(plugin_extension_name(plugin)));
        owners.insert(key, BTreeSet::from([plugin.document.meta.id.clone()]));
    }
    owners
}

fn documents(edit: &Edit) -> impl Iterator<Item = DocumentId> {
    edit.owner.origins.iter().filter_map(|origin| match origin {
        Origin::Document { document, .. } => Some(document.clone()),
        Origin::Rule(_) => None,
    })
}
