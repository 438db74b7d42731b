//! Which namespaces may use which modules, and how much: what the administrators of a mesh write into a ConfigMap of the
//! root namespace.

use crate::origin::{DocumentId, Origin, Place, Traced};

/// The name of the ConfigMap with the rules.
pub const MODULE_RULES_NAME: &str = "burgee-modules";

/// The rules of one ConfigMap. They hold where it is in a mesh's root namespace; without one every namespace may use every
/// module and every script.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleRules {
    /// The ConfigMap.
    pub id: DocumentId,
    /// Where it begins.
    pub place: Place,
    /// The rules. The first one that covers a plugin's namespace decides; a namespace that none covers may use everything.
    pub rules: Vec<ModuleRule>,
}

/// What some namespaces may use.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleRule {
    /// Where it stands.
    pub origin: Origin,
    /// The namespaces that it covers, as patterns in which `*` stands for any characters; absent: all.
    pub namespaces: Option<Vec<Traced<String>>>,
    /// Where modules may come from, as patterns of URLs; absent: from everywhere, and an empty list: from nowhere.
    pub allow: Option<Vec<Traced<String>>>,
    /// Where they may not come from, whatever is allowed.
    pub deny: Vec<Traced<String>>,
    /// How many bytes a module may have; absent: no bound but that of whoever fetches it.
    pub max_module_bytes: Option<Traced<u64>>,
    /// How many plugins of one of these namespaces a workload may have; absent: any number.
    pub max_plugins: Option<Traced<u32>>,
    /// Whether a module must be named by its digest. Default: no.
    pub require_digest: Option<Traced<bool>>,
    /// A key, as PEM, that modules must be signed with beside the one that a plugin names itself; absent: none.
    pub verification_key: Option<Traced<String>>,
    /// Whether scripts in Lua may be used. Default: yes.
    pub lua: Option<Traced<bool>>,
}
