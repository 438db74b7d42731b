//! What Envoy offers for modules to import, as the harness has it: for tools that look at a module without running it.

use wasmtime::{ExternType, Linker, Store, ValType};

use crate::abi::AbiVersion;
use crate::calls;
use crate::module::{LoadError, engine};
use crate::settings::Settings;
use crate::state::State;

/// A function of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFunction {
    /// The module that it is imported from, such as `env`.
    pub module: String,
    /// Its name.
    pub name: String,
    /// What it takes and gives, such as `(i32, i64) -> i32`.
    pub signature: String,
    /// What it answers, where that is the same whatever it is asked: it can be imported, and is of no use.
    pub without_effect: Option<&'static str>,
}

/// Every function that Envoy offers to modules of a version of the ABI, by module and name. The list is that which the
/// harness links modules with, so it cannot say anything else than what happens.
///
/// # Errors
/// If this machine has no engine for Wasm.
pub fn host_functions(version: AbiVersion) -> Result<Vec<HostFunction>, LoadError> {
    let engine = engine()?;
    let mut linker = Linker::new(engine);
    calls::link(&mut linker, version).map_err(LoadError::BadImport)?;
    let mut store = Store::new(engine, State::new(Settings::new(), ""));
    let all: Vec<_> = linker
        .iter(&mut store)
        .map(|(module, name, item)| (module.to_owned(), name.to_owned(), item))
        .collect();
    let mut functions = Vec::new();
    for (module, name, item) in all {
        let ExternType::Func(kind) = item.ty(&store) else { continue };
        let names = |kinds: &mut dyn Iterator<Item = ValType>| {
            kinds.map(|kind| kind.to_string()).collect::<Vec<_>>().join(", ")
        };
        let results = names(&mut kind.results());
        let results = if results.is_empty() { "()".to_owned() } else { results };
        let signature = format!("({}) -> {results}", names(&mut kind.params()));
        let without_effect = if module == "env" { None } else { calls::without_effect(&name) };
        functions.push(HostFunction { module, name, signature, without_effect });
    }
    functions.sort_by(|one, other| (&one.module, &one.name).cmp(&(&other.module, &other.name)));
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_envoy_offers_is_by_the_version_and_has_its_types() {
        let of = |version| host_functions(version).expect("an engine");
        let (newer, older) = (of(AbiVersion::V0_2_1), of(AbiVersion::V0_2_0));
        let find = |name: &str| newer.iter().find(|function| function.name == name);
        let log = find("proxy_log").expect("a log");
        assert_eq!((log.module.as_str(), log.signature.as_str()), ("env", "(i32, i32, i32) -> i32"));
        assert_eq!(find("proc_exit").map(|it| it.signature.as_str()), Some("(i32) -> ()"));
        assert_eq!(find("proc_raise"), None);
        assert_eq!(find("fd_readdir").and_then(|it| it.without_effect), Some("ENOSYS"));
        assert_eq!(find("fd_write").and_then(|it| it.without_effect), None);
        assert!(!older.iter().any(|function| function.name == "proxy_get_log_level"));
        assert_eq!(newer.len(), older.len() + 1);
    }
}
