//! A module's memory, as Envoy reads and writes it: what lies outside is a status, never a crash.

use wasmtime::{AsContext, AsContextMut, Caller, Extern, Memory, WasmBacktrace};

use crate::abi::Status;
use crate::state::{After, State};
use crate::trap::Trap;

/// Why a host call does not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The module is told so.
    Status(Status),
    /// The module ends here.
    Trap(wasmtime::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Status(status)
    }
}

/// What a host call comes to.
pub(crate) type Answer<T = ()> = Result<T, Failure>;

/// A running host call: the module that made it, and the state of its VM.
pub(crate) struct Call<'a> {
    caller: Caller<'a, State>,
    memory: Memory,
}

impl<'a> Call<'a> {
    pub(crate) fn new(mut caller: Caller<'a, State>) -> Answer<Call<'a>> {
        match caller.get_export("memory").and_then(Extern::into_memory) {
            Some(memory) => Ok(Call { caller, memory }),
            None => Err(Status::InvalidMemoryAccess.into()),
        }
    }

    pub(crate) fn state(&self) -> &State {
        self.caller.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// At some calls Envoy itself ends, with every stream of every listener, as soon as the module has returned. That is no
    /// status: the module is told of as one that trapped there.
    pub(crate) fn crash(&mut self, what: &str) {
        let state = self.caller.data();
        let (callback, reason) = (state.callback, format!("{what}, at which the whole Envoy crashes"));
        let trap = Trap::at(&WasmBacktrace::capture(&self.caller), callback, reason);
        self.state_mut().after.push_back(After::Crash(trap));
    }

    /// Bytes of the module.
    pub(crate) fn read(&self, pointer: u32, size: u32) -> Answer<Vec<u8>> {
        self.state().exchange(size as usize).map_err(Failure::Trap)?;
        let start = pointer as usize;
        let bytes = self.memory.data(self.caller.as_context());
        match bytes.get(start..start.saturating_add(size as usize)) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => Err(Status::InvalidMemoryAccess.into()),
        }
    }

    /// A number that the module has at this place.
    pub(crate) fn read_u32(&self, pointer: u32) -> Answer<u32> {
        let bytes = self.read(pointer, 4)?;
        Ok(bytes.try_into().map_or(0, u32::from_le_bytes))
    }

    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Answer {
        self.state().exchange(bytes.len()).map_err(Failure::Trap)?;
        match self.memory.write(self.caller.as_context_mut(), pointer as usize, bytes) {
            Ok(()) => Ok(()),
            Err(_) => Err(Status::InvalidMemoryAccess.into()),
        }
    }

    pub(crate) fn write_u32(&mut self, pointer: u32, value: u32) -> Answer {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, pointer: u32, value: u64) -> Answer {
        self.write(pointer, &value.to_le_bytes())
    }

    /// Has the module make room. What it gives is not believed: it may be anywhere.
    pub(crate) fn allocate(&mut self, size: u32) -> Answer<u32> {
        let name = self.state().allocator;
        let Some(allocate) = self.caller.get_export(name).and_then(Extern::into_func) else {
            return Err(Status::InvalidMemoryAccess.into());
        };
        let allocate = allocate.typed::<u32, u32>(self.caller.as_context()).map_err(Failure::Trap)?;
        // Envoy has it run in the name of the VM, so an effective context does not outlive the call.
        let effective = std::mem::take(&mut self.state_mut().effective);
        let pointer = allocate.call(self.caller.as_context_mut(), size).map_err(Failure::Trap)?;
        self.state_mut().effective = effective;
        let end = (pointer as usize).saturating_add(size as usize);
        if pointer == 0 || end > self.memory.data_size(self.caller.as_context()) {
            return Err(Status::InvalidMemoryAccess.into());
        }
        Ok(pointer)
    }

    /// Gives bytes to the module: in memory that it makes, with pointer and size written where it wants them. Of no
    /// bytes there is no memory.
    pub(crate) fn give(&mut self, bytes: &[u8], pointer_to: u32, size_to: u32) -> Answer {
        let size = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
        let mut pointer = 0;
        if size > 0 {
            pointer = self.allocate(size)?;
            self.write(pointer, bytes)?;
        }
        self.write_u32(pointer_to, pointer)?;
        self.write_u32(size_to, size)
    }
}
