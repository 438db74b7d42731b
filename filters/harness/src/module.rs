//! A module that is ready to be started, as often as one likes.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use wasmtime::{Config, Engine, ExternType, InstancePre, Linker, OptLevel, ValType, WasmBacktraceDetails};

use crate::abi::{AbiVersion, CALLBACKS};
use crate::calls;
use crate::settings::Settings;
use crate::state::State;
use crate::vm::{StartError, Vm};

/// A proxy-wasm module, compiled. Loading is the dear part; a VM is started from it in microseconds, in any thread.
#[derive(Clone)]
pub struct Module {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) instance: InstancePre<State>,
    pub(crate) version: AbiVersion,
    /// The callbacks that it has.
    pub(crate) callbacks: BTreeSet<&'static str>,
    pub(crate) allocator: &'static str,
}

/// Why a module cannot be used in any Envoy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no module.
    #[error("these bytes are no WebAssembly module: {0:#}")]
    NotAModule(wasmtime::Error),
    /// It does not say which ABI it has.
    #[error(
        "the module says no version of the proxy-wasm ABI: it must export a function `proxy_abi_version_0_2_1` (or \
         `_0_2_0`), which every SDK does"
    )]
    NoVersion,
    /// It has an ABI that the harness does not play.
    #[error(
        "the module has the ABI of `{0}`; the harness plays those of 0.2.0 and 0.2.1: build it with a newer SDK"
    )]
    OtherVersion(String),
    /// Nothing can be given to it.
    #[error("the module exports no `memory`")]
    NoMemory,
    /// Nothing can be given to it.
    #[error(
        "the module exports neither `malloc` nor `proxy_on_memory_allocate`, so Envoy cannot give it anything"
    )]
    NoAllocator,
    /// It exports a callback that cannot be called.
    #[error("the module's `{name}` takes or gives other things than Envoy's: {found}")]
    BadCallback {
        /// The export.
        name: &'static str,
        /// Its type.
        found: String,
    },
    /// It wants something that Envoy does not have.
    #[error("the module cannot be linked, as Envoy cannot: {0:#}")]
    BadImport(wasmtime::Error),
}

pub(crate) fn engine() -> Result<&'static Engine, LoadError> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine);
    }
    let mut config = Config::new();
    // Modules run for moments: what they gain by being optimised is less than what it takes.
    config
        .consume_fuel(true)
        .cranelift_opt_level(OptLevel::None)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    let engine = Engine::new(&config).map_err(LoadError::NotAModule)?;
    Ok(ENGINE.get_or_init(|| engine))
}

impl Module {
    /// Compiles a module, from its bytes.
    ///
    /// # Errors
    /// If no Envoy could use it.
    pub fn load(bytes: &[u8]) -> Result<Module, LoadError> {
        let engine = engine()?;
        let module = wasmtime::Module::from_binary(engine, bytes).map_err(LoadError::NotAModule)?;
        let version = version_of(&module)?;
        if !module.exports().any(|export| export.name() == "memory" && export.ty().memory().is_some()) {
            return Err(LoadError::NoMemory);
        }
        let callbacks = callbacks_of(&module)?;
        let allocators = ["malloc", "proxy_on_memory_allocate"];
        let allocator = allocators.into_iter().find(|name| callbacks.contains(name));
        let allocator = allocator.ok_or(LoadError::NoAllocator)?;
        let mut linker = Linker::new(engine);
        calls::link(&mut linker, version).map_err(LoadError::BadImport)?;
        let instance = linker.instantiate_pre(&module).map_err(LoadError::BadImport)?;
        Ok(Module { inner: Arc::new(Inner { instance, version, callbacks, allocator }) })
    }

    /// The ABI that it was made for.
    pub fn abi_version(&self) -> AbiVersion {
        self.inner.version
    }

    /// The callbacks that it has, by their names.
    pub fn callbacks(&self) -> impl Iterator<Item = &'static str> {
        self.inner.callbacks.iter().copied().filter(|name| name.starts_with("proxy_on_"))
    }

    /// Starts a VM with one plugin in it, as each of Envoy's workers does.
    ///
    /// # Errors
    /// If the module ends, or does not want to start or to be configured so.
    pub fn start(&self, settings: &Settings) -> Result<Vm, StartError> {
        Vm::start(self, settings.clone())
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("version", &self.inner.version).finish_non_exhaustive()
    }
}

fn version_of(module: &wasmtime::Module) -> Result<AbiVersion, LoadError> {
    let named = |name: &str| name.starts_with("proxy_abi_version_");
    let found: Vec<&str> = module.exports().map(|export| export.name()).filter(|name| named(name)).collect();
    if found.contains(&"proxy_abi_version_0_2_1") {
        Ok(AbiVersion::V0_2_1)
    } else if found.contains(&"proxy_abi_version_0_2_0") {
        Ok(AbiVersion::V0_2_0)
    } else {
        Err(found.first().map_or(LoadError::NoVersion, |name| LoadError::OtherVersion((*name).to_owned())))
    }
}

fn callbacks_of(module: &wasmtime::Module) -> Result<BTreeSet<&'static str>, LoadError> {
    let mut callbacks = BTreeSet::new();
    for (name, parameters, gives) in CALLBACKS {
        let Some(ExternType::Func(found)) = module.get_export(name) else { continue };
        let is_number = |kind: ValType| matches!(kind, ValType::I32);
        let fits = found.params().len() == *parameters
            && found.results().len() == usize::from(*gives)
            && found.params().chain(found.results()).all(is_number);
        if !fits {
            return Err(LoadError::BadCallback { name, found: found.to_string() });
        }
        callbacks.insert(*name);
    }
    Ok(callbacks)
}
