//! Takes out of a module what a proxy would pay for without need.
//!
//! Envoy compiles the whole module at load, once and for all workers, and calls every callback that the module
//! exports. The kit exports all of them; a filter's own list, which the kit puts into the module, says which ones
//! it uses.

use walrus::{FunctionBuilder, FunctionKind, Module, ModuleConfig};

use crate::error::ModuleError;

/// The custom section in which the kit writes the list.
const SECTION: &str = burgee_kit::callbacks::SECTION;

/// How the names of sections begin in which a module says something to tools.
const SPOKEN: &str = "burgee.";

/// What every module must keep beside its callbacks.
const ALWAYS: [&str; 4] = ["memory", "_initialize", "proxy_on_memory_allocate", "malloc"];

/// What of the standard library no module of the kit ever calls, by a part of the linker's name: the kit has a panic told to
/// the proxy's log, in the place of this, when a module starts. It is a tenth of a small module.
const UNCALLED: [&str; 3] =
    ["9panicking12default_hook", "13BacktraceLock5print", "5alloc24default_alloc_error_hook"];

/// Whether a module lists the callbacks that it uses, and so can be trimmed.
pub fn is_listed(bytes: &[u8]) -> Result<bool, ModuleError> {
    Ok(parse(bytes, Keeps::Code)?.customs.remove_raw(SECTION).is_some())
}

/// The same, of a module that is known to be one.
pub(crate) fn is_listed_in(bytes: &[u8]) -> bool {
    matches!(crate::custom_section(bytes, SECTION), Ok(Some(_)))
}

/// What of a module outlives its trimming, beside its code and what it says to tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nothing.
    Code,
    /// The names of its functions.
    Names,
    /// Those, and the lines of its sources.
    Lines,
}

/// Whether what is never called is taken out, as far as names show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncalled {
    /// It is.
    Out,
    /// It is not, as where a module's names are gone.
    Stays,
}

fn parse(bytes: &[u8], keeps: Keeps) -> Result<Module, ModuleError> {
    let mut config = ModuleConfig::new();
    config
        .generate_name_section(keeps != Keeps::Code)
        .generate_producers_section(false)
        .generate_dwarf(keeps == Keeps::Lines);
    config
        .parse(bytes)
        .map_err(|error| ModuleError::InvalidModule { reason: format!("it cannot be read: {error:#}") })
}

/// Removes the exports that the module's own list does not name, all that is then unreachable, and every custom
/// section but those in which the module speaks to tools. The same module gives the same bytes, and a trimmed one stays
/// as it is.
///
/// # Errors
/// If the bytes are no module, or a module without a list.
pub fn trim(bytes: &[u8]) -> Result<Vec<u8>, ModuleError> {
    trim_to(bytes, Keeps::Code, Uncalled::Out)
}

/// Like [`trim`], and keeps what tells where in the sources the code is. The code is the same.
pub(crate) fn trim_to(bytes: &[u8], keeps: Keeps, uncalled: Uncalled) -> Result<Vec<u8>, ModuleError> {
    let mut module = parse(bytes, keeps)?;
    let list = module.customs.remove_raw(SECTION).ok_or_else(|| ModuleError::InvalidModule {
        reason: format!("it has no section {SECTION:?}: the filter's lib.rs must call `burgee_kit::export!`"),
    })?;
    let text = String::from_utf8_lossy(&list.data).into_owned();
    let listed: Vec<&str> = text.split_ascii_whitespace().collect();
    for callback in &listed {
        if module.exports.get_func(callback).is_err() {
            return Err(ModuleError::InvalidModule {
                reason: format!("it lists the callback {callback:?} but does not export it"),
            });
        }
    }
    let superfluous: Vec<_> = module
        .exports
        .iter()
        .filter(|export| {
            let name = export.name.as_str();
            !(ALWAYS.contains(&name) || name.starts_with("proxy_abi_version_") || listed.contains(&name))
        })
        .map(|export| export.id())
        .collect();
    for export in superfluous {
        module.exports.delete(export);
    }
    let sections: Vec<_> =
        module.customs.iter().map(|(id, section)| (id, section.name().to_owned())).collect();
    let mut kept = Vec::new();
    for (id, name) in sections {
        if name.starts_with(SPOKEN) {
            kept.extend(module.customs.remove_raw(&name).filter(|section| !section.data.is_empty()));
        } else {
            module.customs.delete(id);
        }
    }
    if uncalled == Uncalled::Out {
        silence(&mut module);
    }
    walrus::passes::gc::run(&mut module);
    // The order does not depend on the linker's.
    kept.sort_by(|one, other| one.name.cmp(&other.name));
    for section in kept {
        module.customs.add(section);
    }
    module.customs.add(list);
    Ok(module.emit_wasm())
}

/// Leaves nothing of what is never called but a trap, so that what only it calls is superfluous. Where the names are gone
/// nothing is found, and all stays.
fn silence(module: &mut Module) {
    let uncalled: Vec<_> = module
        .funcs
        .iter_local()
        .filter(|(id, _)| {
            let name = module.funcs.get(*id).name.as_deref().unwrap_or_default();
            UNCALLED.iter().any(|part| name.contains(part))
        })
        .map(|(id, function)| (id, function.ty()))
        .collect();
    for (id, kind) in uncalled {
        let (parameters, results) = module.types.params_results(kind);
        let (parameters, results) = (parameters.to_vec(), results.to_vec());
        let mut trap = FunctionBuilder::new(&mut module.types, &parameters, &results);
        trap.func_body().unreachable();
        let arguments = parameters.iter().map(|kind| module.locals.add(*kind)).collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap.local_func(arguments));
    }
}
